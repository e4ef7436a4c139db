"""Headphones on what is stored: plays the segment files as they grow, about a second behind the room.

Runs as ``python -P -m recorder.processes.monitor FOLDER OUTPUT`` and ends when stdin does.  It opens the files by their names
each time, as any reader would: sound that does not reach the disk is not heard.
"""

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from everyword.errors import CorruptFolder, EverywordError
from everyword.folder import SessionFolder
from everyword.model import BYTES_PER_SAMPLE
from everyword.segment import HEADER_BYTES, Layout, read_layout
from recorder.processes.children import Child
from recorder.request import Order
from recorder.sound.inputs import portaudio
from recorder.sound.meters import samples
from recorder.sound.playback import OutputLost

LOOK_S = 0.05
CUSHION_S = 0.5
"""Kept ahead of the headphones, so that a late write is not heard as a click."""

MOST_BEHIND_S = 2.0
"""Sound that has waited longer is passed over: who listens wants to hear now."""

AGAIN_S = 5.0


@dataclass(slots=True)
class Tail:
    """The newest sound of one stream, as it comes to its files."""

    folder: Path
    path: Path | None = None
    layout: Layout | None = None
    _at: int = 0

    def read(self) -> bytes:
        """Whole frames that have come since the last look."""
        newest = max(self.folder.glob("*.wav"), default=None)
        if newest is None:
            return b""
        if self.path is None:
            self._turn_to(newest, at=newest.stat().st_size)
        pcm = self._rest()
        if not pcm and newest != self.path:
            self._turn_to(newest, at=0)
            pcm = self._rest()
        return pcm

    def _turn_to(self, path: Path, *, at: int) -> None:
        try:
            self.layout = read_layout(path)
        except CorruptFolder:  # its header is being written
            return
        frame = self.layout.channels * BYTES_PER_SAMPLE[self.layout.sample_format]
        self.path, self._at = path, HEADER_BYTES + max(0, at - HEADER_BYTES) // frame * frame

    def _rest(self) -> bytes:
        if self.path is None or self.layout is None:
            return b""
        frame = self.layout.channels * BYTES_PER_SAMPLE[self.layout.sample_format]
        with self.path.open("rb") as file:
            count = (os.fstat(file.fileno()).st_size - self._at) // frame * frame
            file.seek(self._at)
            pcm = file.read(max(0, min(count, 1 << 24)))
        self._at += len(pcm)
        return pcm


@dataclass(slots=True)
class Cushion:
    """What is to be heard next; the sound system takes, the reader gives, and neither waits for the other."""

    second_bytes: int
    frame_bytes: int
    _waiting: bytearray = field(default_factory=bytearray)
    _is_filling: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def give(self, pcm: bytes) -> None:
        """Add sound; of too much, the oldest is passed over."""
        with self._lock:
            self._waiting += pcm
            if len(self._waiting) > MOST_BEHIND_S * self.second_bytes:
                kept = int(CUSHION_S * self.second_bytes) // self.frame_bytes * self.frame_bytes
                del self._waiting[: len(self._waiting) - kept]
            if len(self._waiting) >= CUSHION_S * self.second_bytes:
                self._is_filling = False

    def take(self, count: int) -> bytes:
        """`count` bytes; silence where there is no sound."""
        with self._lock:
            if self._is_filling:
                return bytes(count)
            pcm = bytes(self._waiting[:count])
            del self._waiting[:count]
            self._is_filling = len(pcm) < count
        return pcm + bytes(count - len(pcm))


@dataclass(slots=True)
class MonitorGuard:
    """The supervisor's side: starts it, starts it again when it dies, and says so; whatever happens to it costs no frame."""

    output: str | None
    _child: Child | None = None
    _died_at: float = -AGAIN_S
    _is_told: bool = False

    def tend(self, folder: SessionFolder, now: float) -> list[Order]:
        """Look after it; returns what the journal should know."""
        if self.output is None:
            return []
        orders: list[Order] = []
        if self._child is not None and not self._child.is_alive:
            errors = [value for kind, value in self._child.take() if kind == "error"]
            why = str(errors[0]["sentence"]) if errors else "It ended."
            self._child, self._died_at = None, now
            if not self._is_told:
                self._is_told = True
                orders.append({"state": "monitor", "grade": "warning", "text": f"Nothing is heard in the headphones: {why}"})
        if self._child is None and now - self._died_at >= AGAIN_S:
            self._child = Child.start("recorder.processes.monitor", str(folder.path), self.output)
        elif self._child is not None and self._is_told and any(kind == "playing" for kind, _ in self._child.take()):
            self._is_told = False
            orders.append({"state": "monitor", "grade": "over", "text": "The headphones play again."})
        return orders

    def end(self) -> None:
        """Silence."""
        if self._child is not None:
            self._child.kill()


def follow(folder: SessionFolder) -> Iterator[tuple[Layout, bytes]]:
    """Sound of the newest stream as it comes, and nothing (b"") when none has; it ends never."""
    tail: Tail | None = None
    while True:
        streams = [path for path in folder.path.glob("audio/s*") if re.fullmatch(r"s\d+", path.name)]
        newest = max(streams, key=_written_at, default=None)
        if newest is not None and (tail is None or tail.folder != newest) and _written_at(newest):
            tail = Tail(newest)
        pcm = tail.read() if tail is not None else b""
        if tail is not None and tail.layout is not None:
            yield tail.layout, pcm
        time.sleep(LOOK_S)


def heard(layout: Layout, pcm: bytes) -> tuple[str, int, bytes]:
    """Sample type, channels and samples for the headphones: one or two channels as they are, more of them mixed."""
    if layout.sample_format == "s16" and layout.channels <= 2:
        return "int16", layout.channels, pcm
    values = samples(pcm, channels=layout.channels, sample_format=layout.sample_format)
    if layout.channels > 2:
        values = values.mean(axis=1, keepdims=True)
    return "float32", values.shape[1], values.astype("<f4").tobytes()


def main() -> int:
    """Play until stdin ends, or the format changes: then whoever has started this starts it again."""
    path, output = sys.argv[1:]
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        _play(SessionFolder(Path(path)), output)
    except EverywordError as error:
        _tell("error", {"code": error.code, "sentence": error.sentence, "hint": error.hint})
        return error.exit_code
    return 0


def _play(folder: SessionFolder, output: str) -> None:
    sounddevice = portaudio()
    sounds = follow(folder)
    first, _ = next(sounds)
    kind, channels, _ = heard(first, b"")
    frame = channels * {"int16": 2, "float32": 4}[kind]
    cushion = Cushion(first.rate_hz * frame, frame)

    def callback(data: Any, count: int, _time: object, _status: object) -> None:
        data[:] = cushion.take(count * frame)

    try:
        device = None if output == "default" else int(output) if output.isdigit() else output
        with sounddevice.RawOutputStream(
            device=device,
            samplerate=first.rate_hz,
            channels=channels,
            dtype=kind,
            dither_off=True,
            clip_off=True,
            callback=callback,
        ):
            _tell("playing", {})
            for layout, pcm in sounds:
                if (layout.rate_hz, heard(layout, b"")[:2]) != (first.rate_hz, (kind, channels)):
                    return
                cushion.give(heard(layout, pcm)[2])
    except (sounddevice.PortAudioError, ValueError) as error:
        raise OutputLost(f"The sound output {output!r} cannot be used: {error}.") from error


def _written_at(stream: Path) -> float:
    return max((path.stat().st_mtime for path in stream.glob("*.wav")), default=0.0)


def _end_with_stdin() -> None:
    sys.stdin.readline()
    os._exit(0)


def _tell(kind: str, value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps({kind: value}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
