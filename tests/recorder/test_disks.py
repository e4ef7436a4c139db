"""Recordings as a user runs them, on disks that fill up, hang, vanish, or hold other bytes than they were given."""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from everyword.folder import SessionFolder, scan
from everyword.recording import Recording, read_recording
from everyword.verify import verdicts, verify_session
from tests.helpers import own_key
from tests.recorder.disk import Disk
from tests.recorder.sound import children_of, counted_file, everyword, kill_all, numbers_in, recorded, start_recorder
from tests.recorder.test_mirror import contents

FRAME_BYTES = 4
RATE_HZ = 8000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    mounted = Disk.mount(tmp_path / "disk")
    yield mounted
    mounted.unmount()


def record(tmp_path: Path, home: Path, *, to: Path, mirror: Path | None, seconds: float) -> "subprocess.Popen[bytes]":
    source = counted_file(tmp_path / "in.wav", seconds=seconds + 5)
    mirrored = [] if mirror is None else ["--mirror", str(mirror)]
    return start_recorder(home, "--input", f"file:{source}", "--duration", str(seconds), "--to", str(to), *mirrored)


def wait_until(condition: Callable[[], object], *, timeout_s: float = 40) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come so far"
        time.sleep(0.02)


def session(parent: Path, *, seconds: float, timeout_s: float = 40) -> SessionFolder:
    """The session in `parent`, as soon as so much sound has reached the disk."""
    found: list[SessionFolder] = []

    def is_there() -> bool:
        found[:] = scan([parent])
        segment = found[0].segment(1, 0) if found else None
        return bool(segment and segment.exists() and segment.stat().st_size > 1024 + seconds * RATE_HZ * FRAME_BYTES)

    wait_until(is_there, timeout_s=timeout_s)
    return found[0]


def check(tmp_path: Path, folder: SessionFolder, *, frames: int) -> Recording:
    """Every frame is there, once, in its place, and the seal holds."""
    assert list(range(1, frames + 1)) == numbers_in(recorded(folder))[:frames].tolist()
    assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0]
    return read_recording(folder)


def graded(recording: Recording, code: str) -> list[str]:
    """Whether a state was reached, and is over."""
    return [condition.grade for (name, _, _), condition in recording.conditions.items() if name == code]


def test_a_mirror_that_is_full_costs_nothing_and_is_completed_when_there_is_room(tmp_path: Path, home: Path, disk: Disk) -> None:
    process = record(tmp_path, home, to=tmp_path / "main", mirror=disk.path / "mirror", seconds=4)
    folder = session(tmp_path / "main", seconds=1)
    disk.fail("write", errno.ENOSPC, lasting=True)
    assert 3 == process.wait(60)
    recording = check(tmp_path, folder, frames=4 * RATE_HZ)
    assert ["alarm"] == graded(recording, "path-2")
    (mirror,) = scan([disk.path / "mirror"])
    assert not mirror.is_sealed
    disk.heal()
    everyword(home, "salvage", str(mirror.path))
    assert contents(folder) == contents(mirror)


def test_a_main_path_that_vanishes_costs_nothing(tmp_path: Path, home: Path, disk: Disk) -> None:
    process = record(tmp_path, home, to=disk.path / "main", mirror=tmp_path / "mirror", seconds=4)
    mirror = session(tmp_path / "mirror", seconds=1)
    disk.unmount()
    assert 3 == process.wait(60)
    assert ["alarm"] == graded(check(tmp_path, mirror, frames=4 * RATE_HZ), "path-1")


def test_with_the_main_disk_gone_the_death_of_the_supervisor_costs_nothing_either(tmp_path: Path, home: Path, disk: Disk) -> None:
    """Its successor and the capture child go by the other path."""
    process = record(tmp_path, home, to=disk.path / "main", mirror=tmp_path / "mirror", seconds=5)
    mirror = session(tmp_path / "mirror", seconds=0.5)
    disk.unmount()
    process.kill()
    process.wait()
    wait_until(lambda: mirror.is_sealed)
    recording = check(tmp_path, mirror, frames=5 * RATE_HZ)
    assert ([], 1) == (recording.gaps, [alarm.code for alarm in recording.alarms].count("supervisor-lost"))


def test_a_note_is_kept_although_the_main_disk_is_full(tmp_path: Path, home: Path, disk: Disk) -> None:
    process = record(tmp_path, home, to=disk.path / "main", mirror=tmp_path / "mirror", seconds=30)
    mirror = session(tmp_path / "mirror", seconds=0.5)
    (folder,) = scan([disk.path / "main"])
    disk.fail("write", errno.ENOSPC, lasting=True)
    wait_until(lambda: b'"path-1"' in mirror.journal.read_bytes())
    done = everyword(home, "note", str(folder.path), "They deny the protocol")
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert (0, ["They deny the protocol"]) == (done.returncode, [note.text for note in read_recording(mirror).notes])


def test_a_disk_that_is_well_again_is_made_equal_while_the_recording_goes_on(tmp_path: Path, home: Path, disk: Disk) -> None:
    process = record(tmp_path, home, to=tmp_path / "main", mirror=disk.path / "mirror", seconds=30)
    folder = session(tmp_path / "main", seconds=1)
    disk.fail("fsync", errno.EIO, lasting=True)
    wait_until(lambda: b'"path-2"' in folder.journal.read_bytes())
    disk.heal()
    wait_until(lambda: b'"over"' in folder.journal.read_bytes())
    assert not folder.is_sealed
    process.send_signal(signal.SIGINT)
    assert 3 == process.wait(60)
    check(tmp_path, folder, frames=2 * RATE_HZ)
    assert contents(folder) == contents(scan([disk.path / "mirror"])[0])


def test_two_full_disks_end_in_a_seal_over_every_frame_that_was_written(tmp_path: Path, home: Path, disk: Disk) -> None:
    process = record(tmp_path, home, to=disk.path / "main", mirror=disk.path / "mirror", seconds=30)
    folder = session(disk.path / "main", seconds=1)
    disk.limit(2 * (1 << 20) + 200_000)  # both reserves, and a little
    assert 6 == process.wait(60)
    (mirror,) = scan([disk.path / "mirror"])
    assert contents(folder) == contents(mirror)
    recording = check(tmp_path, folder, frames=RATE_HZ)
    assert "disk" in [alarm.code for alarm in recording.alarms]


@pytest.mark.parametrize("seconds", [3, pytest.param(10, marks=pytest.mark.slow), pytest.param(25, marks=pytest.mark.slow)])
def test_the_only_disk_hangs_and_no_frame_is_lost(tmp_path: Path, home: Path, disk: Disk, seconds: float) -> None:
    process = record(tmp_path, home, to=disk.path / "main", mirror=None, seconds=seconds + 2)
    folder = session(disk.path / "main", seconds=1)
    disk.stall(seconds)
    process.wait(90)
    recording = check(tmp_path, folder, frames=round((seconds + 2) * RATE_HZ))
    assert [] == recording.gaps
    assert ["over"] == graded(recording, "path-1")


@pytest.mark.slow
def test_one_of_two_disks_hangs_for_a_minute_and_the_other_goes_on(tmp_path: Path, home: Path, disk: Disk) -> None:
    process = record(tmp_path, home, to=disk.path / "main", mirror=tmp_path / "mirror", seconds=75)
    mirror = session(tmp_path / "mirror", seconds=1)
    disk.stall(60)
    wait_until(lambda: b'"alarm"' in mirror.journal.read_bytes(), timeout_s=50)
    process.wait(150)
    recording = check(tmp_path, mirror, frames=59 * RATE_HZ)
    assert ([], ["over"]) == (recording.gaps, graded(recording, "path-1"))
    assert contents(mirror) == contents(scan([disk.path / "main"])[0])


@pytest.mark.parametrize("seconds", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_the_writer_stands_still_and_no_frame_is_lost(tmp_path: Path, home: Path, seconds: float) -> None:
    process = record(tmp_path, home, to=tmp_path / "main", mirror=None, seconds=seconds + 2)
    folder = session(tmp_path / "main", seconds=1)
    writer = children_of(process)["recorder.processes.writer"]
    os.kill(writer, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(writer, signal.SIGCONT)
    process.wait(60)
    recording = check(tmp_path, folder, frames=round((seconds + 2) * RATE_HZ))
    assert ([], []) == (recording.gaps, [alarm for alarm in recording.alarms if alarm.loss])


def test_a_byte_that_somebody_changes_is_told_and_put_right_while_recording(tmp_path: Path, home: Path) -> None:
    process = record(tmp_path, home, to=tmp_path / "main", mirror=tmp_path / "mirror", seconds=30)
    folder = session(tmp_path / "mirror", seconds=1)
    wait_until(lambda: b'"leaf"' in folder.journal.read_bytes())  # the second has been confirmed
    right = change_byte(folder.segment(1, 0), at=2000)
    wait_until(lambda: b'"over"' in folder.journal.read_bytes())
    assert right == folder.segment(1, 0).read_bytes()[2000]
    process.send_signal(signal.SIGINT)
    assert 3 == process.wait(60)
    recording = check(tmp_path, folder, frames=2 * RATE_HZ)
    assert [("changed-on-disk", False)] == [(alarm.code, alarm.loss) for alarm in recording.alarms]
    assert contents(folder) == contents(scan([tmp_path / "main"])[0])
    (kept,) = (tmp_path / "mirror").glob(".*.aside/audio/s1/*")
    assert right ^ 4 == kept.read_bytes()[0]


def test_a_byte_that_somebody_changes_on_the_only_disk_is_told(tmp_path: Path, home: Path) -> None:
    process = record(tmp_path, home, to=tmp_path / "main", mirror=None, seconds=30)
    folder = session(tmp_path / "main", seconds=1)
    wait_until(lambda: b'"leaf"' in folder.journal.read_bytes())
    change_byte(folder.segment(1, 0), at=2000)
    wait_until(lambda: b'"changed-on-disk"' in folder.journal.read_bytes())
    process.send_signal(signal.SIGINT)
    assert 3 == process.wait(60)
    assert [("changed-on-disk", True)] == [(alarm.code, alarm.loss) for alarm in read_recording(folder).alarms]


def change_byte(path: Path, *, at: int) -> int:
    """Behind the recorder's back; returns what it was."""
    with path.open("r+b") as file:
        file.seek(at)
        right = file.read(1)[0]
        file.seek(at)
        file.write(bytes([right ^ 4]))
    return right


def test_the_death_of_the_writer_costs_neither_path_anything(tmp_path: Path, home: Path) -> None:
    process = record(tmp_path, home, to=tmp_path / "main", mirror=tmp_path / "mirror", seconds=4)
    folder = session(tmp_path / "mirror", seconds=1)
    os.kill(children_of(process)["recorder.processes.writer"], signal.SIGKILL)
    process.wait(60)
    recording = check(tmp_path, folder, frames=4 * RATE_HZ)
    assert ([], []) == (recording.gaps, recording.alarms)
    assert contents(folder) == contents(scan([tmp_path / "main"])[0])


def test_after_the_death_of_everything_both_paths_are_made_whole_and_equal(tmp_path: Path, home: Path, disk: Disk) -> None:
    process = record(tmp_path, home, to=tmp_path / "main", mirror=disk.path / "mirror", seconds=30)
    folder = session(tmp_path / "main", seconds=1.5)
    kill_all(process)
    wait_until(lambda: everyword(home, "salvage", str(folder.path)).returncode == 0)
    check(tmp_path, folder, frames=RATE_HZ)
    assert contents(folder) == contents(scan([disk.path / "mirror"])[0])
    assert np.all(np.diff(numbers_in(recorded(folder)).astype(np.int64)) == 1)
