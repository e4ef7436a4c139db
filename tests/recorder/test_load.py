"""A computer that is busy with other things loses no frame."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from everyword.folder import scan
from everyword.recording import read_recording
from everyword.room import Room
from tests.recorder.busy import CHANNELS, RATE_HZ, busy, count, numbered_microphone, recorded_pieces
from tests.recorder.devices import FakeSound
from tests.recorder.sound import everyword

SOAK = """
import os, sys, threading
from pathlib import Path
from recorder.capture import _come_first
from recorder.ring import Ring
from recorder.sources import open_source

source = open_source("default", rate_hz=0, channels=0)
ring = Ring.create(Path(sys.argv[1]), rate_hz=8000, frame_bytes=4, seconds=30)
wanted, sizes = int(sys.argv[2]), []

def deliver(pcm, overflowed):
    ring.write(pcm, overflowed=overflowed)
    if ring.written in (wanted // 20 // 400 * 400, wanted // 400 * 400):
        sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    if len(sizes) == 2:
        source.finished.set()

_come_first()
source.start(deliver)
source.finished.wait()
print(sizes[1] - sizes[0])
"""


@pytest.mark.parametrize("seconds", [60, pytest.param(3600, marks=pytest.mark.slow)])
@pytest.mark.timeout(4200)
@pytest.mark.xdist_group("load")
def test_eight_channels_lose_no_frame_while_twice_the_cores_are_busy(
    home: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """48 kHz, 24 bits, through PortAudio and PulseAudio; every frame carries its own number."""
    if Room.missing():
        pytest.skip(f"not installed: {Room.missing()}")
    with Room() as room:
        for name, value in room.environment().items():
            monkeypatch.setenv(name, value)
        with numbered_microphone(room) as microphone, busy(2 * (os.cpu_count() or 1)):
            done = everyword(home, "record", "--input", microphone, "--duration", f"{seconds}s", timeout_s=seconds + 300)
    assert done.returncode in (0, 3), done.stderr
    (folder,) = scan([home / "sessions"])
    stream = read_recording(folder).streams[1]
    assert (CHANNELS, RATE_HZ, "s24") == (stream.channels, stream.rate_hz, stream.sample_format)
    found = count(recorded_pieces(folder), sample_bytes=3)
    assert (seconds * RATE_HZ, 0, 0) == (found.frames, found.lost, found.changed)
    assert [] == read_recording(folder).gaps


@pytest.mark.parametrize("hours", [3, pytest.param(24, marks=pytest.mark.slow)])
def test_a_capture_child_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """Hours of blocks, as fast as they come, through the callback and around the ring."""
    sound = FakeSound(tmp_path / "fake-sound").in_test(monkeypatch)
    sound.tell("fast")
    command = [sys.executable, "-P", "-c", SOAK, str(tmp_path / "ring"), str(hours * 3600 * 8000)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert "" == done.stderr
    assert int(done.stdout) < 1_000_000
