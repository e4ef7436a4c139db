"""Notes on their way."""

import multiprocessing
import os
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from everyword.errors import DiskTrouble, InvalidText, SessionSealed
from everyword.folder import FORMAT, SessionFolder, create, created_like
from everyword.model import Session
from recorder.disk import inbox
from recorder.disk.record import Record
from tests.helpers import a_session
from tests.recorder.devices import until

A_SESSION = Session(FORMAT, "01J00000000000000000000000", "Notes", "", (), (), (), "captured", "Test", 0, {})


def an_open_record(tmp_path: Path) -> Record:
    return Record.begin(create(tmp_path / "sessions", A_SESSION))


def texts(record: Record) -> list[str]:
    return [note.text for note in record.recording.notes]


def test_notes_are_journalled_once_and_in_order(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    for text in ("first", "second"):
        inbox.add([record.folder], text, by="Ann")
        record.take_notes(stream=1, frame=0)
    record.take_notes(stream=1, frame=0)
    assert ["first", "second"] == texts(record)


def test_a_new_writer_does_not_journal_them_again(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    inbox.add([record.folder], "once", by="Ann")
    record.take_notes(stream=1, frame=0)
    again = Record.resume(record.folder)
    inbox.add([record.folder], "and another", by="Ann")
    again.take_notes(stream=1, frame=0)
    assert ["once", "and another"] == texts(again)


def test_a_half_written_note_waits_for_its_end(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    inbox.add([record.folder], "whole", by="Ann")
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
    note_id = inbox.add([record.folder], "numbered", by="Ann")
    assert None is inbox.wait_for([record.folder], note_id, timeout_s=0)
    record.take_notes(stream=1, frame=0)
    assert record.recording.notes[0].seq == inbox.wait_for([record.folder], note_id, timeout_s=0)


@pytest.mark.parametrize("text", ["\x1b[2J", "x" * 10_001])
def test_a_note_that_cannot_be_shown_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidText):
        inbox.add([an_open_record(tmp_path).folder], text, by="Ann")


def test_a_sealed_session_takes_no_notes(tmp_path: Path) -> None:
    with pytest.raises(SessionSealed):
        inbox.add([a_session(tmp_path)], "late", by="Ann")


def _add_many(path: str) -> None:
    for number in range(10):
        inbox.add([SessionFolder(Path(path))], f"{number}", by="Ann")


def test_several_processes_write_notes_at_once(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    workers = [multiprocessing.get_context("spawn").Process(target=_add_many, args=(str(record.folder.path),)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    record.take_notes(stream=1, frame=0)
    assert sorted(str(number) for number in range(10) for _ in range(3)) == sorted(texts(record))


def test_half_a_note_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is nearly full takes a part of it, and says so only by the count."""
    record = an_open_record(tmp_path)
    inbox.add([record.folder], "first", by="Ann")
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:20]))
        with pytest.raises(DiskTrouble, match="No space"):
            inbox.add([record.folder], "second", by="Ann")
    inbox.add([record.folder], "third", by="Ann")
    record.take_notes(stream=1, frame=0)
    assert ["first", "third"] == texts(record)


def test_a_note_behind_half_a_line_of_a_dead_process_is_whole(tmp_path: Path) -> None:
    record = an_open_record(tmp_path)
    record.folder.inbox.write_bytes(b'{"id":"half')
    inbox.add([record.folder], "whole", by="Ann")
    record.take_notes(stream=1, frame=0)
    assert ['unreadable line in the inbox: {"id":"half', "whole"] == texts(record)


def test_a_note_goes_to_the_next_path_when_the_first_hangs_and_is_journalled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = create(tmp_path / "sessions", A_SESSION)
    with created_like(folder, tmp_path / "mirror") as other:
        record = Record.begin(folder, [other])
    real, begun, go_on = inbox.held, threading.Event(), threading.Event()

    def hang(one: SessionFolder) -> AbstractContextManager[None]:
        if one == folder:
            begun.set()
            go_on.wait()
        return real(one)

    monkeypatch.setattr(inbox, "held", hang)
    monkeypatch.setattr(inbox, "PATIENCE_S", 0.05)
    note_id = inbox.add([folder, other], "once", by="Ann")
    assert begun.is_set()
    go_on.set()
    until(folder.inbox.exists)
    until(lambda: folder.inbox.read_bytes().endswith(b"\n"))
    record.take_notes(stream=1, frame=0)
    assert [note_id] == [note.id for note in record.recording.notes]
