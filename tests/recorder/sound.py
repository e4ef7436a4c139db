"""Sound that proves its own position, and a recorder to run in a process of its own."""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from everyword.folder import SessionFolder, scan
from everyword.recording import read_recording
from everyword.segment import read_pcm

ROOT = Path(__file__).parents[2]


def counted(first: int, count: int, *, channels: int = 2) -> bytes:
    """s16 frames whose first two channels together carry the frame's number (low and high 16 bits)."""
    numbers = np.arange(first, first + count, dtype=np.uint32)
    frames = np.zeros((count, channels), np.uint16)
    frames[:, 0] = numbers & 0xFFFF
    if channels > 1:
        frames[:, 1] = numbers >> 16
    return frames.astype("<u2").tobytes()


def numbers_in(pcm: bytes) -> np.ndarray:
    """The frame numbers in `counted` stereo sound, shape (frames,)."""
    frames = np.frombuffer(pcm, "<u2").reshape(-1, 2).astype(np.uint32)
    return frames[:, 0] | (frames[:, 1] << 16)


def counted_file(path: Path, *, seconds: float, rate_hz: int = 8000) -> Path:
    """A stereo WAV file of `counted` sound, beginning at frame 1 so that no frame is zero."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(counted(1, round(seconds * rate_hz)))
    return path


def recorded(folder: SessionFolder, stream: int = 1) -> bytes:
    """All PCM of a stream, as a reader gets it."""
    recording = read_recording(folder)
    pieces = read_pcm(
        folder.path,
        recording.of_stream(stream),
        recording.streams[stream],
        first_frame=0,
        frame_count=recording.end_frame(stream),
    )
    return b"".join(pcm for _, pcm in pieces)


def start_recorder(home: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """``everyword record …`` as a user would run it, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "everyword", "record", *arguments],
        env={**os.environ, "EVERYWORD_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for_frames(home: Path, *, seconds: float, timeout_s: float = 30) -> SessionFolder:
    """Wait until a session's first segment holds so much sound (8 kHz stereo s16)."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for folder in scan([home / "sessions"]):
            segment = folder.segment(1, 0)
            if segment.exists() and segment.stat().st_size > 1024 + seconds * 8000 * 4:
                return folder
        time.sleep(0.02)
    raise AssertionError("the recorder did not get so far")


def children_of(process: "subprocess.Popen[bytes]") -> dict[str, int]:
    """The recorder's children: module name → process id."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            words = (stat.parent / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if parent == process.pid and b"-m" in words:
            found[words[words.index(b"-m") + 1].decode()] = int(stat.parent.name)
    return found


def kill_at_once(pids: Iterable[int]) -> None:
    """SIGKILL to all of them before one of them can notice the death of another, and start its successor."""
    living = list(pids)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """A power cut as far as processes go: nobody gets to say goodbye."""
    children = list(children_of(process).values())
    kill_at_once([process.pid, *children])
    process.wait()
    deadline = time.monotonic() + 10
    while any(map(_is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.01)  # one that waits for the disk dies a little later


def _is_running(pid: int) -> bool:
    """A process whose first thread has ended lives, and holds its session, until its last one has: that may wait for a disk."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (OSError, IndexError):
        return False


def everyword(home: Path, *arguments: str, timeout_s: float = 60) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "everyword", *arguments],
        env={**os.environ, "EVERYWORD_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def journal_kinds(folder: SessionFolder) -> list[str]:
    """The kinds of the journal's lines, in order."""
    return [json.loads(line)["kind"] for line in folder.journal.read_text().splitlines()]


def journal_lines(folder: SessionFolder, kind: str) -> list[dict[str, object]]:
    """The journal's lines of one kind, in order."""
    return [line for line in map(json.loads, folder.journal.read_text().splitlines()) if line["kind"] == kind]


def silence(path: Path, *, seconds: float = 1.0) -> Path:
    """A WAV file of zeros at 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(struct.pack("<h", 0) * round(8000 * seconds))
    return path
