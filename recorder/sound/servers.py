"""What a sound server (PulseAudio, or PipeWire speaking its language) says of its microphones and of who listens to which.

PortAudio cannot tell any of it.  libpulse is loaded when asked for; without it, or without a server, there is nothing to say.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from everyword.model import SampleFormat
from everyword.text import printable

SERVER_PREFIX = "pulse:"
"""``--input pulse:NAME`` is the sound server's microphone of that name, and no other."""

SOURCE = "source"
"""The key of a stream's detail that names the sound server's microphone."""

_FORMATS: dict[int, SampleFormat] = {
    **dict.fromkeys((0, 1, 2, 3, 4), "s16"),
    **dict.fromkeys((5, 6), "f32"),
    **dict.fromkeys((7, 8), "s32"),
    **dict.fromkeys((9, 10, 11, 12), "s24"),
}
"""``pa_sample_format_t`` → the smallest format of ours that keeps every bit of it."""


@dataclass(frozen=True, slots=True)
class ServerSource:
    """One microphone of a sound server, as the server has it."""

    index: int
    name: str
    description: str
    serial: str
    rate_hz: int
    channels: int
    sample_format: SampleFormat
    channel_map: tuple[str, ...]
    volumes_percent: tuple[int, ...]
    is_muted: bool
    is_monitor: bool
    is_default: bool


@dataclass(frozen=True, slots=True)
class Listener:
    """One stream that records, and from which source (its index)."""

    index: int
    pid: int
    source: int
    rate_hz: int
    channels: int
    channel_map: tuple[str, ...]
    volumes_percent: tuple[int, ...]
    is_muted: bool


@dataclass(slots=True)
class SoundServer:
    """A connection; see `connected`."""

    _pulse: Any

    def sources(self) -> list[ServerSource]:
        """Every microphone it has."""
        default = self._pulse.server_info().default_source_name
        return [_source(one, default) for one in self._pulse.source_list()]

    def listeners(self) -> list[Listener]:
        """Every stream that records now."""
        return [_listener(one) for one in self._pulse.source_output_list()]

    def move(self, listener: Listener, source: ServerSource) -> None:
        """Let a stream record from another source."""
        self._pulse.source_output_move(listener.index, source.index)

    def listen(self, timeout_s: float) -> None:
        """Wait until something may have changed, at most `timeout_s`."""
        self._pulse.event_listen(timeout=timeout_s)

    def watch(self) -> None:
        """From here on `listen` returns when sources or streams change."""
        pulsectl = _pulsectl()
        assert pulsectl is not None  # noqa: S101  (it made the connection)

        def changed(_event: object) -> None:
            raise pulsectl.PulseLoopStop

        self._pulse.event_mask_set("source", "source_output", "server")
        self._pulse.event_callback_set(changed)


class NoServer(Exception):
    """There is no sound server, it does not answer, or libpulse is not on this computer."""


@contextlib.contextmanager
def connected() -> Iterator[SoundServer]:
    """A connection to the sound server this user has; none is started.  Raises `NoServer`, also when it breaks.

    A server that hangs is waited for without end: only in processes that somebody may kill.  (With a time limit pulsectl 24.12
    always waits until that is over.)
    """
    pulsectl = _pulsectl()
    if pulsectl is None:
        raise NoServer("libpulse is not installed")
    pulse = None
    try:
        pulse = pulsectl.Pulse("everyword", connect=False)
        pulse.connect(autospawn=False)
        yield SoundServer(pulse)
    except (pulsectl.PulseError, pulsectl.PulseDisconnected, pulsectl.pulsectl.c.pa.CallError, OSError) as error:
        raise NoServer(str(error)) from error
    finally:
        if pulse is not None:
            with contextlib.suppress(pulsectl.PulseError, OSError):
                pulse.close()


def sources() -> list[ServerSource]:
    """The sound server's microphones; none when there is no server to ask."""
    with contextlib.suppress(NoServer), connected() as server:
        return server.sources()
    return []


def behind(pinned: str, found: list[ServerSource]) -> ServerSource | None:
    """The microphone that a stream would be given: `pinned`, or ``PULSE_SOURCE``, or the default; None when nobody knows."""
    wanted = pinned or os.environ.get("PULSE_SOURCE", "")
    return next((one for one in found if (one.name == wanted if wanted else one.is_default)), None)


def _pulsectl() -> ModuleType | None:
    try:
        import pulsectl  # type: ignore[import-untyped]  # noqa: PLC0415  (it loads a C library that a computer may lack)
    except (ImportError, OSError):
        return None
    for kind in (pulsectl.PulseSourceInfo, pulsectl.PulseSourceOutputInfo):
        kind._init_from_struct = _keep_sample_spec  # noqa: SLF001  (the hook it has for what it does not parse itself)
    module: ModuleType = pulsectl
    return module


def _keep_sample_spec(info: Any, struct: Any) -> None:
    """It would keep a pointer into memory of libpulse's that is gone when the answer is read (pulsectl 24.12)."""
    info.sample_spec = type(struct.sample_spec).from_buffer_copy(struct.sample_spec)


def _source(one: Any, default: str) -> ServerSource:
    said = one.proplist
    return ServerSource(
        index=one.index,
        name=one.name,
        description=printable(one.description or one.name),
        serial=said.get("device.serial", said.get("device.bus_path", "")),
        rate_hz=one.sample_spec.rate,
        channels=one.sample_spec.channels,
        sample_format=_FORMATS.get(one.sample_spec.format, "f32"),
        channel_map=tuple(one.channel_list),
        volumes_percent=_percent(one),
        is_muted=bool(one.mute),
        is_monitor=one.monitor_of_sink != 0xFFFFFFFF,
        is_default=one.name == default,
    )


def _listener(one: Any) -> Listener:
    pid = one.proplist.get("application.process.id", "")
    return Listener(
        index=one.index,
        pid=int(pid) if pid.isdecimal() else 0,
        source=one.source,
        rate_hz=one.sample_spec.rate,
        channels=one.sample_spec.channels,
        channel_map=tuple(one.channel_list),
        volumes_percent=_percent(one),
        is_muted=bool(one.mute),
    )


def _percent(one: Any) -> tuple[int, ...]:
    return tuple(round(100 * value) for value in one.volume.values)
