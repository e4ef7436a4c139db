"""A computer that is busy with other things loses no frame."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from everyword.folder import scan
from everyword.recording import read_recording
from everyword.room import Room
from tests.recorder.busy import CHANNELS, RATE_HZ, busy, count, numbered_microphone, numbers_of, recorded_pieces
from tests.recorder.devices import FakeSound
from tests.recorder.sound import ROOT, everyword

SOAK = """
import os, sys, threading
from pathlib import Path
from recorder.processes.capture import _come_first
from recorder.sound.ring import Ring
from recorder.sound.sources import open_source

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

WRITER_SOAK = """
import os, sys
from pathlib import Path
from recorder.disk.record import Record
from recorder.processes.writer import Writer
from tests.recorder.sound import counted
from tests.recorder.test_faults import RATE_HZ, a_folder, a_ring

os.fsync = os.fdatasync = lambda descriptor: None  # a virtual hour would wait for the disk ten thousand times
folder, seconds, sizes = a_folder(Path(sys.argv[1])), int(sys.argv[2]), []
ring = a_ring(folder)
writer = Writer(Record.begin(folder), Path(sys.argv[1]) / "home", None)
writer.attach(0, ring.path)
for second in range(seconds):
    ring.write(counted(1 + second * RATE_HZ, RATE_HZ))
    writer.pull()
    writer.sync()
    if second % 60 == 0:
        writer.record.paths.lanes[0].destination.look_again()
        writer.record.paths.lanes[0].destination.look_at_closed()
    if second in (seconds // 10, seconds - 1):
        sizes.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
writer.finish("test")
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


def test_what_a_microphone_loses_without_a_word_is_found_in_its_place(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through PortAudio and PulseAudio, neither of which can know."""
    if Room.missing():
        pytest.skip(f"not installed: {Room.missing()}")
    losses = [(10 * RATE_HZ, RATE_HZ // 2), (16 * RATE_HZ, RATE_HZ // 20)]
    with Room() as room:
        for name, value in room.environment().items():
            monkeypatch.setenv(name, value)
        with numbered_microphone(room, *losses) as microphone:
            everyword(home, "record", "--input", microphone, "--duration", "22s", timeout_s=300)
    (folder,) = scan([home / "sessions"])
    gaps = read_recording(folder).gaps
    numbers = np.concatenate([numbers_of(piece, sample_bytes=3) for piece in recorded_pieces(folder)])
    assert len(losses) == len(gaps)
    for (first, lost), gap in zip(losses, gaps, strict=True):
        place = int(np.flatnonzero(numbers == first - 1)[0]) + 1
        place -= gap.frame_count if place > gap.first_frame else 0  # then the silence that fills it lies before that frame
        # Lost on the far side of the sound system's buffer of half a second, and noticed on this side.
        assert -RATE_HZ // 4 <= place - gap.first_frame <= RATE_HZ
        assert abs(gap.frame_count - lost) <= RATE_HZ // 100
        assert "upstream" == gap.cause


@pytest.mark.parametrize("hours", [3, pytest.param(24, marks=pytest.mark.slow)])
def test_a_capture_child_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """Hours of blocks, as fast as they come, through the callback and around the ring."""
    sound = FakeSound(tmp_path / "fake-sound").in_test(monkeypatch)
    sound.tell("fast")
    command = [sys.executable, "-P", "-c", SOAK, str(tmp_path / "ring"), str(hours * 3600 * 8000)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert "" == done.stderr
    assert int(done.stdout) < 1_000_000


@pytest.mark.parametrize("hours", [1, pytest.param(24, marks=pytest.mark.slow)])
@pytest.mark.timeout(900)
def test_a_writer_does_not_grow(tmp_path: Path, hours: int) -> None:
    """Its trees do: a leaf a second is 32 bytes and their list."""
    command = [sys.executable, "-P", "-c", WRITER_SOAK, str(tmp_path), str(hours * 3600)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=800, env=environment)
    assert "" == done.stderr
    assert int(done.stdout) < 10_000_000
