"""Notes on their way into the journal.

The journal has one writer.  Anyone else appends to ``inbox.jsonl`` under its lock, on any path of the session, and waits until
the recorder has journalled it.
"""

import errno
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from ulid import ULID

from everyword import journal
from everyword.digest import canonical
from everyword.errors import CorruptFolder, DiskTrouble, EverywordError, SessionBusy, SessionSealed
from everyword.folder import SessionFolder, disk_errors, locked
from everyword.journal import Line
from everyword.text import checked

LONGEST_LINE = 1 << 18
"""Bytes, more than any note needs: a longer line, from whoever wrote it, is journalled in pieces."""

PATIENCE_S = 3.0
"""So long a disk may take for a note, before another one gets it."""

_RECENT_BYTES = 1 << 20


def held(folder: SessionFolder) -> AbstractContextManager[None]:
    """The inbox's lock: nobody else can add a note while it is held."""
    return locked(folder.inbox)


def add(folders: Iterable[SessionFolder], text: str, *, by: str) -> str:
    """Put a note into the inbox of a session that is not sealed yet; it is on a disk when this returns its id.

    Args:
        folders: the session on its paths: the first that takes the note gets it, whichever the recorder still writes to.
        text: the note.
        by: who says so.

    Raises:
        InvalidText: the note is empty or holds what cannot be shown.
        SessionSealed: the recording has ended.
        DiskTrouble: no disk takes it.
    """
    entry = {"id": str(ULID()), "at_us": journal.now_us(), "text": checked(text, what="note"), "by": checked(by, what="name")}
    line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
    refusal: EverywordError | None = None
    for folder in folders:
        try:
            _in_time(partial(_add, folder, line))
        except (DiskTrouble, CorruptFolder, SessionBusy) as error:
            refusal = refusal or error
        else:
            return str(entry["id"])
    raise refusal or DiskTrouble("There is no disk to put the note on.")


def _in_time(put: Callable[[], None]) -> None:
    """Raises what `put` does, and `DiskTrouble` for a disk that does not answer: it may still happen, and is then done twice."""
    ended: queue.SimpleQueue[EverywordError | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            put()
        except EverywordError as error:
            ended.put(error)
        else:
            ended.put(None)

    threading.Thread(target=run, daemon=True).start()
    try:
        error = ended.get(timeout=PATIENCE_S)
    except queue.Empty:
        raise DiskTrouble("The disk does not answer.") from None
    if error is not None:
        raise error


def _add(folder: SessionFolder, line: bytes) -> None:
    folder.read_session()
    with disk_errors(folder.inbox), held(folder):
        if folder.is_sealed:
            raise SessionSealed(f"{folder.path.name} is sealed; the note was not added.")
        descriptor = os.open(folder.inbox, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":  # somebody died over a note
                line = b"\n" + line
            if os.write(descriptor, line) < len(line):
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.inbox))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def wait_for(folders: Sequence[SessionFolder], note_id: str, *, timeout_s: float) -> int | None:
    """The sequence number the journal gave to a note, or None when nobody has journalled it in time on any path."""
    deadline = time.monotonic() + timeout_s
    wanted = f'"id":"{note_id}"'.encode()
    read = {folder.path: max(0, _size(folder.journal) - _RECENT_BYTES) for folder in folders}
    while True:
        for folder in folders:
            *lines, _ = _tail(folder.journal, read[folder.path]).split(b"\n")
            for line in lines:
                if wanted in line:
                    return int(json.loads(line)["seq"])
            read[folder.path] += sum(len(line) + 1 for line in lines)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.05)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tail(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except OSError:  # this path is out of service
        return b""


def read_new(folder: SessionFolder, start: int) -> Iterator[tuple[Line, int]]:
    """Whole notes from byte `start` on, each with the position after it; stray bytes are journalled as text, never dropped."""
    if not folder.inbox.exists() or folder.inbox.stat().st_size <= start:
        return
    with folder.inbox.open("rb") as file:
        file.seek(start)
        while raw := file.readline(LONGEST_LINE):
            if not raw.endswith(b"\n") and len(raw) < LONGEST_LINE:
                return
            start += len(raw)
            yield _note(raw), start


def _note(raw: bytes) -> Line:
    try:
        entry = json.loads(raw)
        note: Line = {"id": entry["id"], "written_at_us": entry["at_us"], "text": entry["text"], "by": entry["by"]}
        canonical(note)  # what is no text, or no number that JSON can hold, must not reach the journal
    except (ValueError, KeyError, TypeError, RecursionError):
        note = {}
    if [type(value) for value in note.values()] != [str, int, str, str]:
        text = raw.decode("utf-8", errors="backslashreplace").strip()
        return {"id": "", "written_at_us": 0, "text": f"unreadable line in the inbox: {text}", "by": ""}
    return note
