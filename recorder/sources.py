"""Where frames come from: hardware through PortAudio, or a file played as if it were a device."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from everyword.errors import InputLost, InvalidOption
from everyword.model import BYTES_PER_SAMPLE, Input, SampleFormat
from recorder import decoder
from recorder.inputs import FILE_PREFIX, choose, list_inputs, portaudio

Deliver = Callable[[bytes | memoryview, bool], None]
"""Called with interleaved PCM of whole frames, and whether the sound system says that it lost some before them."""

LATENCY_S = 0.5
"""What PortAudio is asked to buffer: how long this process may be kept from running before the sound system loses frames."""

SERVER_RATE_HZ = 48_000
SERVER_CHANNELS = 2
_DTYPES: dict[SampleFormat, str] = {"s24": "int24", "s16": "int16", "f32": "float32"}


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

    def start(self, deliver: Deliver) -> None:
        """Begin to deliver frames."""

    def stop(self) -> None:
        """End; every frame delivered by then has been handed over."""


def open_source(spec: str, *, rate_hz: int, channels: int) -> Source:
    """Open what `spec` names; 0 for rate and channels means the input's own.

    Raises:
        InputLost: there is no such device, or it cannot be opened.
        UnreadableAudio: the file cannot be decoded.
        InvalidOption: a file cannot be played at another rate or with other channels than it has.
    """
    if spec.startswith(FILE_PREFIX):
        return FileSource.open(spec, rate_hz=rate_hz, channels=channels)
    return HardwareSource.open(spec, rate_hz=rate_hz, channels=channels)


@dataclass(slots=True)
class HardwareSource:
    """A PortAudio input stream; samples come as they are, neither dithered nor clipped by us."""

    facts: Facts
    device: int
    finished: threading.Event = field(default_factory=threading.Event)
    _stream: Any = None

    @classmethod
    def open(cls, spec: str, *, rate_hz: int, channels: int) -> "HardwareSource":
        """Choose the device and the widest sample format it takes; sounds only begin with `start`."""
        sounddevice = portaudio()
        chosen = choose(spec, list_inputs())
        rate_hz = rate_hz or (SERVER_RATE_HZ if chosen.is_server else chosen.rate_hz)
        channels = channels or (SERVER_CHANNELS if chosen.is_server else chosen.channels)
        refusal: Exception | None = None
        for sample_format, dtype in _DTYPES.items():
            try:
                sounddevice.check_input_settings(chosen.index, channels=channels, dtype=dtype, samplerate=rate_hz)
            except (sounddevice.PortAudioError, ValueError) as error:
                refusal = error
                continue
            detail = {
                "host": chosen.host,
                "device_index": str(chosen.index),
                "portaudio": sounddevice.get_portaudio_version()[1],
                "latency_ms": str(round(LATENCY_S * 1000)),
            }
            source = Input(spec, chosen.name, "portaudio")
            return cls(Facts(source, rate_hz, channels, sample_format, detail), chosen.index)
        raise InputLost(
            f"{chosen.name} cannot be recorded with {channels} channels at {rate_hz} Hz: {refusal}.",
            hint=f"It has up to {chosen.channels} channels; try --channels and --rate.",
        ) from refusal

    def start(self, deliver: Deliver) -> None:
        """Open and start the PortAudio stream.  Raises `InputLost`."""
        sounddevice = portaudio()

        def callback(data: Any, _frames: int, _time: object, status: Any) -> None:
            # An exception here would end the stream for good and in silence, so nothing in here may fail: the ring is allocated.
            deliver(memoryview(data), bool(status.input_overflow))

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
            raise InputLost(f"{self.facts.source.name} cannot be started: {error}.") from error

    def stop(self) -> None:
        """Stop and close; may hang when the driver does, so the supervisor is ready to kill this process."""
        if self._stream is not None:
            self._stream.stop()
            self._stream.close()


@dataclass(slots=True)
class FileSource:
    """A file, delivered at the pace of the clock."""

    facts: Facts
    path: Path
    finished: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def open(cls, spec: str, *, rate_hz: int, channels: int) -> "FileSource":
        """Look at the first block, so that a bad file is refused before a session is made."""
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

    @property
    def _format(self) -> decoder.Format:
        return decoder.Format(self.facts.rate_hz, self.facts.channels, self.facts.sample_format)

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
        started, frame = time.monotonic(), 0
        step = self.facts.rate_hz // 50 * self.facts.frame_bytes
        for block in decoder.decode(self.path, stream=0):
            if block.error or block.format != self._format:
                deliver(b"", True)  # the rest of the file is lost input
                break
            for at in range(0, len(block.pcm), step):
                piece = block.pcm[at : at + step]
                frame += len(piece) // self.facts.frame_bytes
                if self._stopping.wait(max(0.0, started + frame / self.facts.rate_hz - time.monotonic())):
                    return
                deliver(piece, False)
        self.finished.set()
