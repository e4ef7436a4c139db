"""Closed files that change behind the recorder's back, by a program or by their disk."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from everyword.digest import digest
from everyword.folder import SessionFolder
from everyword.recording import read_recording
from recorder.disk import scrub
from recorder.disk.record import Record
from recorder.disk.scrub import Scrub
from tests.recorder.devices import until
from tests.recorder.disk import Disk
from tests.recorder.test_disks import change_byte
from tests.recorder.test_mirror import contents, finish, is_verified, two_folders, write_session

NAMES = [f"audio/s1/{number:06}.wav" for number in range(20)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    mounted = Disk.mount(tmp_path / "disk")
    yield mounted
    mounted.unmount()


def closed_files(parent: Path) -> tuple[SessionFolder, Scrub]:
    """Twenty files of a kilobyte and a bit, looked at once."""
    folder, digests = SessionFolder(parent / "session"), {}
    (folder.path / "audio" / "s1").mkdir(parents=True)
    folder.session_json.write_bytes(b"{}")
    for number, name in enumerate(NAMES):
        data = bytes([number]) * (1000 + number)
        (folder.path / name).write_bytes(data)
        digests[name] = digest(data)
    looking = Scrub(folder, digests)
    assert "" == looking.look(NAMES)
    return folder, looking


@pytest.mark.parametrize("name", [NAMES[0], NAMES[11], NAMES[-1]])
def test_a_change_is_found_at_the_next_look_however_long_the_file_has_been_closed(tmp_path: Path, name: str) -> None:
    folder, looking = closed_files(tmp_path)
    change_byte(folder.path / name, at=500)
    assert name == looking.look(NAMES)


def test_a_change_with_the_old_time_put_back_is_found(tmp_path: Path) -> None:
    folder, looking = closed_files(tmp_path)
    before = (folder.path / NAMES[3]).stat()
    change_byte(folder.path / NAMES[3], at=500)
    os.utime(folder.path / NAMES[3], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert NAMES[3] == looking.look(NAMES)


def test_a_file_that_is_gone_is_found(tmp_path: Path) -> None:
    folder, looking = closed_files(tmp_path)
    (folder.path / NAMES[7]).unlink()
    assert NAMES[7] == looking.look(NAMES)


def test_a_disk_that_is_gone_is_no_lost_file(tmp_path: Path) -> None:
    folder, looking = closed_files(tmp_path)
    folder.path.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        looking.look(NAMES)


def test_a_file_that_was_only_touched_is_no_change(tmp_path: Path) -> None:
    folder, looking = closed_files(tmp_path)
    os.utime(folder.path / NAMES[3])
    assert [""] * 50 == [looking.look(NAMES) for _ in range(50)]


def test_what_a_disk_spoils_by_itself_is_found_within_one_round(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but its bytes tell."""
    monkeypatch.setattr(scrub, "PIECE_BYTES", 300)
    folder, looking = closed_files(disk.path)
    disk.flip(folder.path / NAMES[11], at=900)
    pieces = sum(len((folder.path / name).read_bytes()) // 300 + 1 for name in NAMES)
    found = [looking.look(NAMES) for _ in range(pieces)]
    assert [NAMES[11]] == [name for name in found if name]


@pytest.mark.parametrize("name", ["audio/s1/000000.wav", "journal.jsonl"])
def test_a_byte_changed_long_ago_in_the_session_is_told_and_put_right_while_recording(tmp_path: Path, name: str) -> None:
    """A closed segment, and the first line of a journal that is a hundred syncs longer."""
    one, other = two_folders(tmp_path, tmp_path / "mirror")
    record = Record.begin(one, [other])
    write_session(record)
    for _ in range(100):
        record.append("inhibit", {"what": "", "held": False})
        record.sync()
    record.paths.start()
    right = change_byte(other.path / name, at=30)
    until(lambda: _watched(record, "changed-on-disk"))
    until(lambda: _watched(record, '"over"'))
    assert right == (other.path / name).read_bytes()[30]
    write_session(record, first=record.tapes[1].frame, frames=record.tapes[1].frame + 400)
    assert [] == finish(record, tmp_path)
    assert contents(one) == contents(other)
    assert is_verified(tmp_path, other)
    alarms = [(alarm.code, alarm.loss) for alarm in read_recording(other).alarms]
    assert [("changed-on-disk", False)] == alarms


def _watched(record: Record, word: str) -> bool:
    record.watch_paths()
    return word in record.folder.journal.read_text()
