"""Where frames come from: hardware through PortAudio, or a file played as if it were a device."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from everyword.errors import InputLost, InvalidOption
from everyword.model import BYTES_PER_SAMPLE, Input, SampleFormat
from everyword.text import printable
from recorder.sound import servers
from recorder.sound.alsa import native_formats
from recorder.sound.inputs import FILE_PREFIX, FoundInput, choose, list_inputs, portaudio
from recorder.sound.servers import SERVER_PREFIX, ServerSource

Deliver = Callable[[bytes | memoryview, bool], None]
"""Called with interleaved PCM of whole frames, and whether the sound system says that it lost some before them."""

LATENCY_S = 0.5
"""What PortAudio is asked to buffer: how long this process may be kept from running before the sound system loses frames."""

SERVER_RATE_HZ = 48_000
SERVER_CHANNELS = 2
"""What is asked of a sound server that does not say what its microphone has."""

_DTYPES: dict[SampleFormat, str] = {"s24": "int24", "s32": "int32", "s16": "int16", "f32": "float32"}
"""In the order in which they are tried on a device that does not say what it has."""

_COMMON_RATES_HZ = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
_UNAVAILABLE = -9985
"""``paDeviceUnavailable``: somebody else has it open."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The format in which a source delivers, and what is known of the device."""

    source: Input
    rate_hz: int
    channels: int
    sample_format: SampleFormat
    detail: dict[str, str]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.channels * BYTES_PER_SAMPLE[self.sample_format]


class Source(Protocol):
    """An opened input.  `deliver` is called on a thread of the source's own until `stop` returns or `finished` is set."""

    facts: Facts
    finished: threading.Event
    trouble: InputLost | None
    """Why `finished` is set, when nobody wanted it."""

    def start(self, deliver: Deliver) -> None:
        """Begin to deliver frames."""

    def stop(self) -> None:
        """End; every frame delivered by then has been handed over."""


def open_source(spec: str, *, rate_hz: int, channels: int, pinned: str = "") -> Source:
    """Open what `spec` names; 0 for rate and channels means the input's own.

    Args:
        spec: a name or index (see `choose`), ``pulse:NAME`` or ``file:PATH``.
        rate_hz: frames a second.
        channels: how many.
        pinned: the sound server's microphone that is wanted where `spec` says only "the server's"; no other is taken.

    Raises:
        InputLost: there is no such device, or it cannot be opened.
        UnreadableAudio: the file cannot be decoded.
        InvalidOption: it cannot be recorded at this rate or with so many channels.
    """
    if spec.startswith(FILE_PREFIX):
        return FileSource.open(spec, rate_hz=rate_hz, channels=channels)
    return HardwareSource.open(spec, rate_hz=rate_hz, channels=channels, pinned=pinned)


@dataclass(slots=True)
class HardwareSource:
    """A PortAudio input stream; samples come as they are, neither dithered nor clipped by us."""

    facts: Facts
    device: int
    finished: threading.Event = field(default_factory=threading.Event)
    trouble: InputLost | None = None
    _stream: Any = None

    @classmethod
    def open(cls, spec: str, *, rate_hz: int, channels: int, pinned: str = "") -> "HardwareSource":
        """Choose the device, its own rate and channels, and a sample format that keeps every bit; sounds begin with `start`."""
        chosen = choose("pulse" if spec.startswith(SERVER_PREFIX) else spec, list_inputs())
        behind = _microphone(spec, chosen, pinned)
        own_rate_hz, own_channels = _own(chosen, behind)
        wanted = rate_hz or own_rate_hz, channels or own_channels
        name = behind.description if behind else chosen.name
        if wanted[1] > own_channels:  # a sound server would make up the others
            raise InvalidOption(
                f"{name} has {own_channels} channels, not {wanted[1]}.", hint="Leave out --channels, or give what it has."
            )
        formats = formats_to_try(chosen, behind)
        sample_format = _accepted(chosen, name, *wanted, formats=formats, is_asked=bool(rate_hz or channels))
        facts = Facts(Input(spec, printable(name), "portaudio"), *wanted, sample_format, _detail(chosen, behind))
        return cls(facts, chosen.index)

    def start(self, deliver: Deliver) -> None:
        """Open and start the PortAudio stream.  Raises `InputLost`."""
        sounddevice = portaudio()

        def callback(data: Any, _frames: int, _time: object, status: Any) -> None:
            # An exception that leaves here ends the stream for good and in silence.
            try:
                deliver(memoryview(data), bool(status.input_overflow))
            except Exception as error:  # noqa: BLE001  (whatever it is: the child ends, says why, and the input is opened again)
                self.trouble = InputLost(f"A block of {self.facts.source.name} could not be taken: {error!r}.")
                self.finished.set()

        try:
            self._stream = sounddevice.RawInputStream(
                device=self.device,
                samplerate=self.facts.rate_hz,
                channels=self.facts.channels,
                dtype=_DTYPES[self.facts.sample_format],
                latency=LATENCY_S,
                blocksize=0,
                dither_off=True,
                clip_off=True,
                callback=callback,
                finished_callback=self.finished.set,
            )
            self._stream.start()
        except sounddevice.PortAudioError as error:
            raise _refusal(self.facts.source.name, error) from error

    def stop(self) -> None:
        """Stop and close; may hang when the driver does, so the supervisor is ready to kill this process."""
        if self._stream is not None:
            self._stream.stop()
            self._stream.close()


def _microphone(spec: str, chosen: FoundInput, pinned: str) -> ServerSource | None:
    """The microphone behind a sound server, which is then asked for that one and no other; None when nobody says.

    Raises:
        InputLost: the server has no microphone of that name, or there is no server.
    """
    named = spec.removeprefix(SERVER_PREFIX) if spec.startswith(SERVER_PREFIX) else pinned
    if not named and not chosen.is_pulse:
        return None
    found = servers.sources()
    behind = servers.behind(named, found)
    if named and behind is None:
        there = ", ".join(SERVER_PREFIX + one.name for one in found) or "none: no sound server answers"
        raise InputLost(f"The sound server has no microphone {named!r}.", hint=f"There are: {there}.")
    if behind is not None:
        os.environ["PULSE_SOURCE"] = behind.name  # read by libpulse when the stream is opened
    return behind


def formats_to_try(chosen: FoundInput, behind: ServerSource | None) -> list[SampleFormat]:
    """What the microphone has itself comes first: PortAudio takes any format and converts in silence, down as well as up."""
    native = [behind.sample_format] if behind else native_formats(chosen.name)
    return list(dict.fromkeys([*native, *_DTYPES]))


def _own(chosen: FoundInput, behind: ServerSource | None) -> tuple[int, int]:
    if behind is not None:
        return behind.rate_hz, behind.channels
    return (SERVER_RATE_HZ, SERVER_CHANNELS) if chosen.is_server else (chosen.rate_hz, chosen.channels)


def _accepted(
    chosen: FoundInput, name: str, rate_hz: int, channels: int, *, formats: list[SampleFormat], is_asked: bool
) -> SampleFormat:
    """The first format it takes.  Raises `InputLost`, or `InvalidOption` with what it offers when it was asked for something."""
    sounddevice = portaudio()
    refusal: Exception = ValueError()
    for sample_format in formats:
        try:
            sounddevice.check_input_settings(chosen.index, channels, _DTYPES[sample_format], samplerate=rate_hz)
        except (sounddevice.PortAudioError, ValueError) as error:
            refusal = error
        else:
            return sample_format
    if is_asked and _code(refusal) != _UNAVAILABLE:
        offered = [str(hz) for hz in _COMMON_RATES_HZ if _takes(sounddevice, chosen, channels, hz)]
        rates = f", at {', '.join(offered)} Hz" if offered else ""
        raise InvalidOption(
            f"{name} cannot be recorded with {channels} channels at {rate_hz} Hz.",
            hint=f"It offers up to {chosen.channels} channels{rates}.",
        ) from refusal
    raise _refusal(name, refusal) from refusal


def _takes(sounddevice: ModuleType, chosen: FoundInput, channels: int, rate_hz: int) -> bool:
    try:
        sounddevice.check_input_settings(chosen.index, min(channels, chosen.channels), "int16", samplerate=rate_hz)
    except (sounddevice.PortAudioError, ValueError):
        return False
    return True


def _refusal(name: str, error: Exception) -> InputLost:
    if _code(error) == _UNAVAILABLE:
        return InputLost(
            f"{name} is in use by another program, or is gone.",
            hint="Close the other program, or record through the sound server: --input pulse",
        )
    return InputLost(f"{name} cannot be opened: {error}.")


def _code(error: Exception) -> int:
    """The ``PaErrorCode`` of a PortAudio error; 0 for anything else."""
    code = error.args[1] if len(error.args) > 1 else 0
    return code if isinstance(code, int) else 0


def _detail(chosen: FoundInput, behind: ServerSource | None) -> dict[str, str]:
    detail = {
        "host": chosen.host,
        "device": chosen.name,
        "device_index": str(chosen.index),
        "portaudio": portaudio().get_portaudio_version()[1],
        "latency_ms": str(round(LATENCY_S * 1000)),
    }
    if behind is not None:
        detail |= {
            servers.SOURCE: behind.name,
            "source_serial": behind.serial,
            "source_rate_hz": str(behind.rate_hz),
            "source_channels": ",".join(behind.channel_map),
            "source_format": behind.sample_format,
        }
    return detail


@dataclass(slots=True)
class FileSource:
    """A file, delivered at the pace of the clock."""

    facts: Facts
    path: Path
    finished: threading.Event = field(default_factory=threading.Event)
    trouble: InputLost | None = None
    _thread: threading.Thread | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def open(cls, spec: str, *, rate_hz: int, channels: int) -> "FileSource":
        """Look at the first block, so that a bad file is refused before a session is made."""
        from recorder.sound import decoder  # noqa: PLC0415  (a microphone is open again sooner without it)

        path = Path(spec.removeprefix(FILE_PREFIX)).expanduser()
        detail = decoder.audio_streams(path)[0]
        form = next(decoder.decode(path, stream=0)).format
        if rate_hz not in (0, form.rate_hz) or channels not in (0, form.channels):
            raise InvalidOption(
                f"{path.name} has {form.channels} channels at {form.rate_hz} Hz, and a file is played as it is.",
                hint="Leave out --rate and --channels.",
            )
        facts = Facts(Input(spec, path.name, "file"), form.rate_hz, form.channels, form.sample_format, detail)
        return cls(facts, path)

    def start(self, deliver: Deliver) -> None:
        """Begin to play."""
        self._thread = threading.Thread(target=self._play, args=(deliver,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop playing."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _play(self, deliver: Deliver) -> None:
        from recorder.sound import decoder  # noqa: PLC0415  (see `open`)

        form = decoder.Format(self.facts.rate_hz, self.facts.channels, self.facts.sample_format)
        started, frame = time.monotonic(), 0
        step = self.facts.rate_hz // 50 * self.facts.frame_bytes
        for block in decoder.decode(self.path, stream=0):
            if block.error or block.format != form:
                deliver(b"", True)  # the rest of the file is lost input
                break
            for at in range(0, len(block.pcm), step):
                piece = block.pcm[at : at + step]
                frame += len(piece) // self.facts.frame_bytes
                if self._stopping.wait(max(0.0, started + frame / self.facts.rate_hz - time.monotonic())):
                    return
                deliver(piece, False)
        self.finished.set()
