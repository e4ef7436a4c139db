"""Notes on their way."""

import multiprocessing
from pathlib import Path

import pytest

from everyword.errors import InvalidText, SessionSealed
from everyword.folder import FORMAT, SessionFolder, create
from everyword.model import Session
from recorder import inbox
from recorder.record import Record
from tests.helpers import a_session


def an_open_record(tmp_path: Path) -> Record:
    session = Session(FORMAT, "01J00000000000000000000000", "Notes", "", (), (), (), "captured", "Test", 0, {})
    return Record.begin(create(tmp_path / "sessions", session))


def texts(record: Record) -> list[str]:
    return [note.text for note in record.recording.notes]


def test_notes_are_journalled_once_and_in_order(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    for text in ("first", "second"):
        inbox.add(record.folder, text, by="Ann")
        record.take_notes(stream=1, frame=0)
    record.take_notes(stream=1, frame=0)
    assert ["first", "second"] == texts(record)


def test_a_new_writer_does_not_journal_them_again(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    inbox.add(record.folder, "once", by="Ann")
    record.take_notes(stream=1, frame=0)
    again = Record.resume(record.folder)
    inbox.add(record.folder, "and another", by="Ann")
    again.take_notes(stream=1, frame=0)
    assert ["once", "and another"] == texts(again)


def test_a_half_written_note_waits_for_its_end(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    inbox.add(record.folder, "whole", by="Ann")
    data = record.folder.inbox.read_bytes()
    record.folder.inbox.write_bytes(data + data[:30])
    record.take_notes(stream=1, frame=0)
    assert ["whole"] == texts(record)


def test_stray_bytes_in_the_inbox_are_kept_as_text(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    record.folder.inbox.write_bytes(b"\xff\xfe not json\n")
    record.take_notes(stream=1, frame=0)
    assert ["unreadable line in the inbox: \\xff\\xfe not json"] == texts(record)


def test_the_journal_gives_a_note_its_number(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    note_id = inbox.add(record.folder, "numbered", by="Ann")
    assert None is inbox.wait_for(record.folder, note_id, timeout_s=0)
    record.take_notes(stream=1, frame=0)
    assert record.recording.notes[0].seq == inbox.wait_for(record.folder, note_id, timeout_s=0)


@pytest.mark.parametrize("text", ["\x1b[2J", "x" * 10_001])
def test_a_note_that_cannot_be_shown_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidText):
        inbox.add(an_open_record(tmp_path).folder, text, by="Ann")


def test_a_sealed_session_takes_no_notes(tmp_path: Path) -> None:
    with pytest.raises(SessionSealed):
        inbox.add(a_session(tmp_path), "late", by="Ann")


def _add_many(path: str) -> None:
    for number in range(10):
        inbox.add(SessionFolder(Path(path)), f"{number}", by="Ann")


def test_several_processes_write_notes_at_once(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    workers = [multiprocessing.get_context("spawn").Process(target=_add_many, args=(str(record.folder.path),)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    record.take_notes(stream=1, frame=0)
    assert sorted(str(number) for number in range(10) for _ in range(3)) == sorted(texts(record))
