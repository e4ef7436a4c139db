"""A microphone of eight channels whose every frame carries its number, and a computer that has something else to do.

A private PulseAudio reads the frames from a pipe that a process of ours fills at the pace of the clock (run as
``python -m tests.recorder.busy PIPE CHANNELS RATE [FIRST:COUNT …]``).  Whatever is missing, doubled or changed in a recording
shows in it.  Frames named on the command line are captured and lost: their time passes, and nobody gets them.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from everyword.folder import SessionFolder
from everyword.recording import read_recording
from everyword.room import Room, channel_map
from everyword.segment import read_pcm

RATE_HZ = 48_000
CHANNELS = 8
NAME = "numbered"
_WRAP = 1 << 24
_F_SETPIPE_SZ = 1031
_PIPE_BYTES = 1 << 20


def numbered(first: int, count: int, channels: int = CHANNELS) -> np.ndarray:
    """24-bit samples, shape (frames, channels): the first channel is the frame's number, the others are made from it."""
    return _made_from(np.arange(first, first + count, dtype=np.int64), channels)


def _made_from(numbers: np.ndarray, channels: int) -> np.ndarray:
    made: np.ndarray = (numbers[:, np.newaxis] * (2 * np.arange(channels) + 1) + 65_793 * np.arange(channels)) % _WRAP
    return made


@contextlib.contextmanager
def numbered_microphone(room: Room, *losses: tuple[int, int]) -> Iterator[str]:
    """Adds the microphone ``pulse:numbered`` to a room.  Its server must be asked for by ``room.environment()``.

    `losses`: first frame and count of frames that it loses.
    """
    pipe = Path(room.environment()["PULSE_RUNTIME_PATH"]) / "numbered.pipe"
    form = [f"rate={RATE_HZ}", f"channels={CHANNELS}", "format=s24-32le", f"channel_map={channel_map(CHANNELS)}"]
    command = ["pactl", "load-module", "module-pipe-source", f"source_name={NAME}", f"file={pipe}", *form]
    subprocess.run(command, env=room.environment(), check=True, capture_output=True, timeout=20)
    lost = [f"{first}:{frames}" for first, frames in losses]
    feeder = subprocess.Popen([sys.executable, "-m", "tests.recorder.busy", str(pipe), str(CHANNELS), str(RATE_HZ), *lost])
    try:
        yield f"pulse:{NAME}"
    finally:
        feeder.kill()
        feeder.wait()


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """`count` processes that never wait."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@dataclass(frozen=True, slots=True)
class Count:
    """What a recording of the numbered microphone holds; `lost` frames at `places`, `changed` frames with a wrong channel."""

    frames: int
    lost: int
    places: int
    changed: int


def count(pcm: Iterator[bytes], *, sample_bytes: int, channels: int = CHANNELS) -> Count:
    """Judge interleaved little-endian PCM of 24 significant bits, given in pieces of whole frames."""
    frames = lost = places = changed = 0
    expected: int | None = None
    for piece in pcm:
        values = _values(piece, sample_bytes=sample_bytes, channels=channels)
        numbers = values[:, 0]
        changed += int((_made_from(numbers, channels) != values).any(axis=1).sum())
        before = np.concatenate([[numbers[0] - 1 if expected is None else expected - 1], numbers[:-1]])
        jumps = (numbers - before - 1) % _WRAP
        lost += int(jumps.sum())
        places += int(np.count_nonzero(jumps))
        expected, frames = int(numbers[-1]) + 1, frames + len(numbers)
    return Count(frames, lost, places, changed)


def numbers_of(pcm: bytes, *, sample_bytes: int, channels: int = CHANNELS) -> np.ndarray:
    """The frames' numbers, shape (frames,); zeros where a gap was filled."""
    numbers: np.ndarray = _values(pcm, sample_bytes=sample_bytes, channels=channels)[:, 0]
    return numbers


def _values(pcm: bytes, *, sample_bytes: int, channels: int) -> np.ndarray:
    wide = np.zeros((len(pcm) // sample_bytes, 4), np.uint8)
    wide[:, :sample_bytes] = np.frombuffer(pcm, np.uint8).reshape(-1, sample_bytes)
    values: np.ndarray = (wide.view("<u4").reshape(-1, channels) % _WRAP).astype(np.int64)
    return values


def recorded_pieces(folder: SessionFolder, stream: int = 1) -> Iterator[bytes]:
    """The PCM of a stream, a segment at a time."""
    recording = read_recording(folder)
    end = recording.end_frame(stream)
    segments, form = recording.of_stream(stream), recording.streams[stream]
    for _, pcm in read_pcm(folder.path, segments, form, first_frame=0, frame_count=end):
        yield bytes(pcm)


def feed(path: Path, *, channels: int, rate_hz: int, losses: list[tuple[int, int]]) -> None:
    """Fill the pipe for ever, a hundredth of a second at a time, none earlier than it is due."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -12)  # this process is the microphone: it does not wait for others
    descriptor = os.open(path, os.O_WRONLY)
    fcntl.fcntl(descriptor, _F_SETPIPE_SZ, _PIPE_BYTES)
    step, frame, started = rate_hz // 100, 0, time.monotonic()
    while True:
        time.sleep(max(0.0, started + frame / rate_hz - time.monotonic()))
        numbers = np.arange(frame, frame + step, dtype=np.int64)
        for first, lost in losses:
            numbers = numbers[(numbers < first) | (numbers >= first + lost)]
        block = _made_from(numbers, channels).astype("<u4").tobytes()
        while block:
            block = block[os.write(descriptor, block) :]
        frame += step


if __name__ == "__main__":
    pipe, channels, rate, *named = sys.argv[1:]
    losses = [(int(first), int(lost)) for first, lost in (one.split(":") for one in named)]
    feed(Path(pipe), channels=int(channels), rate_hz=int(rate), losses=losses)
