"""Frames lost by ``everyword record`` while numbered sound plays through a real sound server.

Usage: python benchmarks/recording.py [--seconds 300] [--hogs 0]

A private PulseAudio plays a file whose every frame carries its own number; `everyword record` records it through PortAudio.  The
recording then says by itself which frames are missing, doubled or changed.  ``--hogs N`` keeps N more processes busy meanwhile.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import wave
from importlib.metadata import version
from pathlib import Path

import numpy as np

from everyword.folder import SessionFolder, scan
from everyword.recording import read_recording
from everyword.room import Room
from everyword.segment import HEADER_BYTES, read_pcm

RATE_HZ = 48_000


def main() -> None:
    """Play, record, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300, help="how long the numbered sound is")
    parser.add_argument("--hogs", type=int, default=0, help="busy processes beside the recording")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = numbered_file(folder / "numbered.wav", frames=options.seconds * RATE_HZ)
        hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.hogs)]
        try:
            session = play_and_record(source, home=folder / "home")
        finally:
            for hog in hogs:
                hog.kill()
                hog.wait()
        report(session, played=options.seconds * RATE_HZ, hogs=options.hogs)


def numbered_file(path: Path, *, frames: int) -> Path:
    """Stereo s16 at `RATE_HZ`: a second of zeros, then frame n carries n + 1, low 16 bits left, high 16 bits right.

    The zeros are there because a sound server begins a new playback stream inside a block it has already passed on: up to 125 ms
    of the beginning reach a speaker but no monitor.
    """
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(bytes(RATE_HZ * 4))
        for first in range(1, frames + 1, RATE_HZ):
            numbers = np.arange(first, min(first + RATE_HZ, frames + 1), dtype="<u4")
            file.writeframes(numbers.tobytes())  # little-endian: the low half is the left sample
    return path


def play_and_record(source: Path, *, home: Path) -> SessionFolder:
    """Record from before the file begins until after it has ended."""
    with Room(channels=2, rate_hz=RATE_HZ) as room:
        environment = {**room.environment(), "EVERYWORD_HOME": str(home)}
        command = [sys.executable, "-P", "-m", "everyword", "--quiet", "record", "--input", "pulse", "--channels", "2"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as recorder:
            session = _first_frame(home)
            with room.play(source) as player:
                player.wait()
            time.sleep(1)
            recorder.send_signal(signal.SIGINT)
        if recorder.returncode not in (0, 3):
            sys.exit(f"the recorder ended with exit code {recorder.returncode}")
    return session


def _first_frame(home: Path) -> SessionFolder:
    while True:
        for session in scan([home / "sessions"]):
            segment = session.segment(1, 0)
            if segment.exists() and segment.stat().st_size > HEADER_BYTES:
                return session
        time.sleep(0.05)


def heard_numbers(session: SessionFolder) -> np.ndarray:
    """The numbers in the recording, shape (frames,); 0 where nothing was played."""
    recording = read_recording(session)
    stream = recording.streams[1]
    pieces = []
    for _, pcm in read_pcm(session.path, recording.of_stream(1), stream, first_frame=0, frame_count=recording.end_frame(1)):
        samples = np.frombuffer(pcm, np.uint8).reshape(-1, 2, 3)
        if samples[:, :, 0].any():
            sys.exit("the sound server changed the samples (the lowest byte is not zero): nothing can be counted")
        halves = samples[:, :, 1:].copy().view("<u2")[:, :, 0].astype(np.uint32)
        pieces.append(halves[:, 0] | (halves[:, 1] << 16))
    return np.concatenate(pieces)


def report(session: SessionFolder, *, played: int, hogs: int) -> None:
    """Print what became of the frames."""
    numbers = heard_numbers(session)
    heard = numbers[numbers > 0]
    steps = np.diff(heard.astype(np.int64))
    recording = read_recording(session)
    lost = int((steps[steps > 1] - 1).sum()) + int(heard[0] - 1) + (played - int(heard[-1]))
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{recording.streams[1].detail['portaudio']}, sounddevice {version('sounddevice')}, {hogs} busy processes beside"
    )
    print(f"played        {played:>12} frames ({played / RATE_HZ:.0f} s, 2 channels, {RATE_HZ} Hz, recorded in 24 bit)")
    print(f"heard         {len(heard):>12} frames")
    print(f"lost          {lost:>12} frames")
    print(f"out of order  {int((steps <= 0).sum()):>12} frames")
    print(
        f"gaps said     {sum(gap.frame_count for gap in recording.gaps):>12} frames in {len(recording.gaps)} gaps, "
        f"{len(recording.alarms)} alarms"
    )


if __name__ == "__main__":
    main()
