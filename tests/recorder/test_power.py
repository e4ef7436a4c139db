"""The power fails: what was synced is there, and all of it is valid."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ulid import ULID

from everyword.folder import FORMAT, SessionFolder, create, created_like, scan
from everyword.model import Session
from everyword.recording import read_recording
from everyword.verify import verdicts, verify_session
from recorder.disk.record import Record
from recorder.processes.writer import Writer
from recorder.salvage import salvage
from recorder.sound.ring import Ring, find_rings
from tests.helpers import own_key
from tests.recorder.disk import Disk
from tests.recorder.sound import counted, kill_all, numbers_in, recorded
from tests.recorder.test_disks import RATE_HZ, record, session
from tests.recorder.test_faults import a_ring
from tests.recorder.test_feed import RATE_HZ as SLOW_RATE_HZ
from tests.recorder.test_mirror import contents, write_session

LONGEST_LOSS_S = 1.5


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    mounted = Disk.mount(tmp_path / "disk")
    yield mounted
    mounted.unmount()


def salvaged_frames(tmp_path: Path, parent: Path) -> int:
    """Salvage what a power cut left, which must then verify; returns how many frames from the beginning are right.

    What the disk had not confirmed may have holes behind them; the alarm says from where on that may be so.
    """
    (folder,) = scan([parent])
    salvage(folder, home=tmp_path / "home")
    assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0]
    recording = read_recording(folder)
    frames = recording.end_frame(1) if recording.streams else 0
    numbers = numbers_in(recorded(folder)) if frames else np.zeros(0)
    wrong = np.flatnonzero(numbers != np.arange(1, frames + 1))
    right = int(wrong[0]) if len(wrong) else frames
    text = next(alarm.text for alarm in recording.alarms if alarm.code == "recorder-died")
    assert right == frames or "has not confirmed" in text
    return right


@pytest.mark.parametrize("cuts", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_a_power_cut_costs_what_came_since_the_last_sync_and_nothing_before(tmp_path: Path, disk: Disk, cuts: int) -> None:
    """In a time of the test's own: 70 s of sound in blocks of 50 ms, a sync every second, a cut after some of them."""
    folder = create(disk.path / "sessions", Session(FORMAT, str(ULID()), "Power", "", (), (), (), "captured", "Test", 0, {}))
    ring = a_ring(folder)
    writer = Writer(Record.begin(folder), tmp_path / "home", None)
    writer.attach(0, ring.path)
    chance, block = random.Random(5), SLOW_RATE_HZ // 20
    instants = {chance.randrange(20, 1400): number for number in range(cuts)}
    left: list[tuple[Path, int]] = []
    for step in range(1400):
        ring.write(counted(1 + step * block, block))
        writer.pull(at_once=True)
        if step % 20 == 19:
            writer.sync()
        if step in instants:
            seed = None if instants[step] % 2 else step
            left.append((disk.cut_power(tmp_path / f"cut{step}", seed=seed), (step + 1) * block))
    ring.path.unlink()
    losses = [delivered - salvaged_frames(tmp_path, copy / "sessions") for copy, delivered in left]
    assert max(losses) <= SLOW_RATE_HZ  # one second, from one sync to the next
    assert max(losses) > 0


@pytest.mark.parametrize("cuts", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_a_recording_survives_power_cuts_at_any_instant(tmp_path: Path, home: Path, disk: Disk, cuts: int) -> None:
    process = record(tmp_path, home, to=disk.path / "sessions", mirror=None, seconds=60)
    folder = session(disk.path / "sessions", seconds=0.2)
    (ring,) = [Ring.open(path) for _, path in find_rings(folder)]
    chance, left = random.Random(6), list[tuple[Path, int]]()
    for number in range(cuts):
        time.sleep(chance.uniform(0, 0.7))
        left.append((disk.cut_power(tmp_path / f"cut{number}", seed=None if number % 2 else number), ring.written))
    kill_all(process)
    for _, path in find_rings(folder):
        path.unlink()
    for copy, delivered in left:
        frames = salvaged_frames(tmp_path, copy / "sessions")
        assert delivered - frames < 5 * RATE_HZ  # `benchmarks/power.py` measures; here the computer may be busy with other tests


def test_a_power_cut_with_a_mirror_leaves_the_longer_of_both(tmp_path: Path, disk: Disk) -> None:
    one = create(tmp_path / "one", Session(FORMAT, str(ULID()), "Power", "", (), (), (), "captured", "Test", 0, {}))
    with created_like(one, disk.path / "other") as other:
        record = Record.begin(one, [other])
    write_session(record, frames=950)
    record.tapes[1].write(counted(950, 37))
    left = SessionFolder(disk.cut_power(tmp_path / "left") / "other" / other.path.name)
    disk.unmount()
    (disk.path / "other").mkdir()
    left.path.rename(other.path)  # the computer starts again, and the disk is where it was
    salvage(other, home=tmp_path / "home")
    assert counted(0, 987) == recorded(other)
    assert contents(one) == contents(other)
