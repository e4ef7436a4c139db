"""What a dead recorder left, made whole."""

from pathlib import Path

import pytest

from everyword.errors import SessionBusy
from everyword.folder import held
from everyword.recording import read_recording
from recorder.disk.record import Record
from recorder.salvage import Refused, salvage, salvage_all
from recorder.sound.ring import Ring
from tests.recorder.sound import counted, recorded
from tests.recorder.test_feed import RATE_HZ, a_feed, a_record


def an_abandoned_record(tmp_path: Path, *, on_disk: int, in_ring: int) -> Record:
    """A session whose writer died with frames still in the ring."""
    record = a_record(tmp_path)
    ring = Ring.create(tmp_path / "ring", rate_hz=RATE_HZ, frame_bytes=4)
    ring.write(counted(1, 50))
    feed = a_feed(record, ring)
    for first in range(51, on_disk + 1, 100):
        ring.write(counted(first, min(100, on_disk + 1 - first)))
        feed.pull()
    record.sync()
    ring.write(counted(1 + on_disk, in_ring))
    return record


def test_what_had_been_delivered_but_not_written_comes_out_of_the_ring(tmp_path: Path) -> None:
    record = an_abandoned_record(tmp_path, on_disk=150, in_ring=77)
    assert {1: 227} == salvage(record.folder, home=tmp_path / "home").frames
    assert counted(1, 227) == recorded(record.folder)
    assert not (tmp_path / "ring").exists()


def test_without_its_ring_a_session_is_whole_up_to_what_is_on_disk(tmp_path: Path) -> None:
    record = an_abandoned_record(tmp_path, on_disk=150, in_ring=77)
    (tmp_path / "ring").unlink()
    assert {1: 150} == salvage(record.folder, home=tmp_path / "home").frames
    assert counted(1, 150) == recorded(record.folder)


def test_a_salvaged_session_says_that_its_end_may_be_missing(tmp_path: Path) -> None:
    record = an_abandoned_record(tmp_path, on_disk=150, in_ring=0)
    salvage(record.folder, home=tmp_path / "home")
    assert ["recorder-died"] == [alarm.code for alarm in read_recording(record.folder).alarms]


def test_salvage_changes_no_byte_of_sound_that_was_on_disk(tmp_path: Path) -> None:
    record = an_abandoned_record(tmp_path, on_disk=6150, in_ring=0)
    before = {path.name: path.read_bytes()[1024:] for path in record.folder.path.glob("audio/s1/*.wav")}
    salvage(record.folder, home=tmp_path / "home")
    after = {path.name: path.read_bytes()[1024:] for path in record.folder.path.glob("audio/s1/*.wav")}
    assert before == after


def test_a_session_that_is_being_recorded_is_refused(tmp_path: Path) -> None:
    record = an_abandoned_record(tmp_path, on_disk=150, in_ring=0)
    with held(record.folder, exclusive=False), pytest.raises(SessionBusy):
        salvage(record.folder, home=tmp_path / "home")


def test_one_session_that_cannot_be_made_whole_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    good = an_abandoned_record(tmp_path / "good", on_disk=150, in_ring=0)
    bad = an_abandoned_record(tmp_path / "bad", on_disk=150, in_ring=0)
    bad.folder.salts.unlink()
    roots = [good.folder.path.parent, bad.folder.path.parent]
    results = salvage_all(roots, home=tmp_path / "home")
    assert [(bad.folder.path, True), (good.folder.path, False)] == sorted(
        (result.folder.path, isinstance(result, Refused)) for result in results
    )
    assert good.folder.is_sealed
    assert not bad.folder.is_sealed


def test_a_second_attempt_after_a_seal_that_was_cut_short_succeeds(tmp_path: Path) -> None:
    record = an_abandoned_record(tmp_path, on_disk=150, in_ring=0)
    salvage(record.folder, home=tmp_path / "home")
    record.folder.seal_signature.unlink()  # killed between the seal and its signature
    salvage(record.folder, home=tmp_path / "home")
    assert record.folder.is_sealed
    assert counted(1, 150) == recorded(record.folder)
