"""Two paths: what one disk does costs the other nothing, and in the end both hold the same bytes."""

import errno
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ulid import ULID

from everyword import keys
from everyword.digest import file_digest
from everyword.errors import DiskTrouble, InvalidOption
from everyword.folder import FORMAT, SessionFolder, create, created_like
from everyword.model import Input, Session
from everyword.recording import read_recording
from everyword.verify import verdicts, verify_session
from recorder.disk import inbox, mirror
from recorder.disk.destination import Check, Destination, Differs, Sync, Write
from recorder.disk.record import Record
from recorder.salvage import salvage
from tests.helpers import own_key
from tests.recorder.disk import Disk
from tests.recorder.sound import counted, recorded

RATE_HZ = 100
FRAMES = 6450
"""A full segment and the beginning of another."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    mounted = Disk.mount(tmp_path / "disk")
    yield mounted
    mounted.unmount()


def two_folders(tmp_path: Path, other: Path) -> tuple[SessionFolder, SessionFolder]:
    session = Session(FORMAT, str(ULID()), "Mirror", "", (), (), (), "captured", "Test", 0, {})
    folder = create(tmp_path / "sessions", session)
    with created_like(folder, other) as copy:
        return folder, copy


def contents(folder: SessionFolder) -> dict[str, str]:
    """Digest of every file, the seal and its signature included."""
    return {name: file_digest(folder.path / name) for name in mirror.files(folder)}


def write_session(record: Record, *, first: int = 0, frames: int = FRAMES) -> None:
    """Ten blocks, a sync after each; a note of what became of the paths after each, too."""
    if not record.tapes:
        record.open_stream(Input("test", "test", "file"), rate_hz=RATE_HZ, channels=2, sample_format="s16", detail={})
    for start in range(first, frames, frames // 10):
        record.tapes[1].write(counted(start, min(frames // 10, frames - start)))
        record.sync()
        record.watch_paths()


def finish(record: Record, tmp_path: Path) -> list[tuple[SessionFolder, OSError]]:
    record.finish(reason="test", origin="captured", key=keys.device_key(tmp_path / "home"))
    return record.complete_mirrors()


def is_verified(tmp_path: Path, folder: SessionFolder) -> bool:
    return verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0] == "pass"


def test_both_paths_end_byte_for_byte_the_same_and_each_verifies(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path, tmp_path / "mirror")
    record = Record.begin(one, [other])
    write_session(record)
    assert [] == finish(record, tmp_path)
    assert contents(one) == contents(other)
    assert [True, True] == [is_verified(tmp_path, folder) for folder in (one, other)]
    assert counted(0, FRAMES) == recorded(other)
    assert (str(one.path), str(other.path)) == read_recording(one).paths


SOME, EVERY = 29, 1
ALL = [pytest.mark.slow, pytest.mark.timeout(900)]
REFUSALS = [("write", errno.ENOSPC), ("write", errno.EIO), ("fsync", errno.EIO), ("read", errno.EIO)]


def test_a_path_that_is_gone_at_resume_does_not_keep_the_other_from_going_on(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path, tmp_path / "mirror")
    write_session(Record.begin(one, [other]), frames=500)
    away = other.path.rename(tmp_path / "away")
    again = Record.resume(one, [other])
    write_session(again, first=500)
    assert [other] == [folder for folder, _ in finish(again, tmp_path)]
    assert counted(0, FRAMES) == recorded(one)
    away.rename(other.path)
    salvage(other, home=tmp_path / "home")
    assert contents(one) == contents(other)


def test_after_a_crash_the_path_that_knows_more_wins_and_what_gives_way_is_kept(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path, tmp_path / "mirror")
    record = Record.begin(one, [other])
    write_session(record, frames=500)
    with one.segment(1, 0).open("ab") as file:  # the main disk got 7 frames more, and half of another
        file.write(counted(500, 7) + b"half"[:2])
    with other.journal.open("ab") as file:
        file.write(b'{"torn')
    Record.resume(one, [other])
    salvage(other, home=tmp_path / "home")
    assert counted(0, 507) == recorded(one)
    assert contents(one) == contents(other)
    kept = b"".join(path.read_bytes() for path in mirror.aside(other).rglob("*") if path.is_file())
    assert b"torn" in kept
    assert b"ha" == one.segment(1, 0).with_name("000000.wav.torn").read_bytes()


def test_a_mirror_whose_sound_is_longer_gives_it_to_the_other(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path, tmp_path / "mirror")
    write_session(Record.begin(one, [other]), frames=500)
    with other.segment(1, 0).open("ab") as file:
        file.write(counted(500, 40))
    salvage(one, home=tmp_path / "home")
    assert counted(0, 540) == recorded(one)
    assert contents(one) == contents(other)


def test_two_journals_of_different_length_end_as_the_longer_one(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path, tmp_path / "mirror")
    write_session(Record.begin(one, [other]), frames=500)
    lines = one.journal.read_bytes().splitlines(keepends=True)
    one.journal.write_bytes(b"".join(lines[:-3]))
    whole = other.journal.read_bytes()
    salvage(one, home=tmp_path / "home")
    assert whole == one.journal.read_bytes()[: len(whole)]
    assert contents(one) == contents(other)


def test_a_note_reaches_both_paths(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path, tmp_path / "mirror")
    record = Record.begin(one, [other])
    write_session(record, frames=500)
    inbox.add([one], "They leave the room.", by="Ann")
    inbox.add([other], "From the other folder.", by="Bo")
    finish(record, tmp_path)
    assert {"They leave the room.", "From the other folder."} == {note.text for note in read_recording(other).notes}
    assert contents(one) == contents(other)


def test_two_places_on_one_disk_are_told(tmp_path: Path) -> None:
    one, other = two_folders(tmp_path, tmp_path / "mirror")
    assert ["same-disk"] == [code for code, _, _ in Record.begin(one, [other]).recording.conditions]


def test_an_fsync_that_failed_is_not_believed_the_second_time(tmp_path: Path, disk: Disk) -> None:
    """The disk forgets what it could not write, and says yes when asked again: the bytes are written anew."""
    one, _ = two_folders(disk.path / "one", tmp_path / "unused")
    destination = Destination(one)
    destination.do(Write("sound", 0, b"first", creates=True))
    disk.fail("fsync", errno.EIO)
    destination.do(Sync("sound", (Check("sound", 0, 5, hashlib.sha256(b"first").digest()),)))
    assert (1, b"first") == (destination.rewritten, (one.path / "sound").read_bytes())
    assert b"first" == (disk.cut_power(tmp_path / "left") / (one.path / "sound").relative_to(disk.path)).read_bytes()


def test_what_had_to_be_written_again_is_told(tmp_path: Path, disk: Disk) -> None:
    one, other = two_folders(tmp_path, disk.path / "mirror")
    record = Record.begin(one, [other])
    disk.fail("fsync", errno.EIO, after=5)  # behind those of the directories
    write_session(record)
    finish(record, tmp_path)
    assert ["written-again"] == [alarm.code for alarm in read_recording(other).alarms]
    assert contents(one) == contents(other)


def test_a_disk_that_does_not_keep_what_it_is_given_is_not_trusted(tmp_path: Path) -> None:
    one, _ = two_folders(tmp_path, tmp_path / "unused")
    destination = Destination(one)
    destination.do(Write("sound", 0, b"first", creates=True))
    with pytest.raises(Differs):
        destination.do(Sync("sound", (Check("sound", 0, 5, hashlib.sha256(b"other").digest()),)))


@pytest.mark.parametrize("mirrors", [["sessions"], ["a", "a"], ["sessions/../sessions"]])
def test_a_mirror_in_the_same_folder_is_refused(tmp_path: Path, mirrors: list[str]) -> None:
    with pytest.raises(InvalidOption, match="is none"):
        mirror.check_mirrors([tmp_path / name for name in mirrors], beside=tmp_path / "sessions")


def test_a_mirror_that_cannot_be_written_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DiskTrouble, match="cannot be written") as refused:
        mirror.check_mirrors([tmp_path / "file" / "mirror"], beside=tmp_path / "sessions")
    assert "--mirror" in refused.value.hint


@pytest.mark.parametrize(
    ("operation", "code", "is_mirror", "step"),
    [
        ("write", errno.ENOSPC, True, SOME),
        ("write", errno.EIO, False, SOME),
        ("fsync", errno.EIO, True, SOME),
        ("fsync", errno.EIO, False, SOME),
        *(pytest.param(*refusal, is_mirror, EVERY, marks=ALL) for refusal in REFUSALS for is_mirror in (True, False)),
    ],
)
def test_a_disk_that_refuses_once_costs_nothing_and_is_made_equal(
    tmp_path: Path, disk: Disk, operation: str, code: int, *, is_mirror: bool, step: int
) -> None:
    """At some moments; when slow tests are wanted, at every single one."""
    sweep(tmp_path, disk, operation, code, is_mirror=is_mirror, is_lasting=False, step=step)


@pytest.mark.parametrize(
    ("operation", "code", "is_mirror", "step"),
    [
        ("write", errno.EIO, True, SOME),
        ("fsync", errno.EIO, False, SOME),
        *(pytest.param(*refusal, is_mirror, EVERY, marks=ALL) for refusal in REFUSALS[:3] for is_mirror in (True, False)),
    ],
)
def test_a_disk_that_refuses_from_then_on_costs_nothing_and_is_made_equal_when_it_is_well_again(
    tmp_path: Path, disk: Disk, operation: str, code: int, *, is_mirror: bool, step: int
) -> None:
    sweep(tmp_path, disk, operation, code, is_mirror=is_mirror, is_lasting=True, step=step)


def sweep(tmp_path: Path, disk: Disk, operation: str, code: int, *, is_mirror: bool, is_lasting: bool, step: int) -> None:
    index, tried = 0, 0
    while True:
        healthy, sick = tmp_path / "sessions", disk.path / "sessions"
        one, other = two_folders(tmp_path, sick)
        folders = (one, other) if is_mirror else (other, one)
        before = disk.counted().get(operation, 0)
        record = Record.begin(folders[0], [folders[1]])
        disk.fail(operation, code, after=index, lasting=is_lasting)
        write_session(record)
        left = finish(record, tmp_path)
        done = disk.counted().get(operation, 0) - before
        disk.heal()
        assert is_verified(tmp_path, one), index
        assert counted(0, FRAMES) == recorded(one), index
        if other.path in [folder.path for folder, _ in left]:
            assert not other.is_sealed
            salvage(other, home=tmp_path / "home")
        assert contents(one) == contents(other), index
        assert (0, []) == (read_recording(one).torn_bytes, [alarm for alarm in read_recording(one).alarms if alarm.loss])
        tried += 1
        if index >= done:
            break
        for parent in (healthy, sick):
            shutil.rmtree(parent)
        index += step
    assert tried > 1


def test_what_waits_for_a_disk_that_hangs_is_bounded(tmp_path: Path, disk: Disk) -> None:
    one, other = two_folders(tmp_path, disk.path / "mirror")
    record = Record.begin(one, [other])
    source = Input("test", "test", "file")
    tape = record.open_stream(source, rate_hz=1_000_000, channels=2, sample_format="s16", detail={})
    record.paths.start()
    disk.stall(60)
    for _ in range(15):
        tape.write(bytes(4_000_000))
        record.sync()
    hangs = record.paths.lanes[1]
    assert (False, 0) == (hangs.is_well, hangs.waiting_bytes)
    record.watch_paths()
    assert ["alarm"] == [state.grade for (code, _, _), state in record.recording.conditions.items() if code == "path-2"]
    record.finish(reason="test", origin="captured", key=keys.device_key(tmp_path / "home"))
    assert is_verified(tmp_path, one)
    assert 60_000_000 == len(recorded(one))
