"""Notes on their way into the journal.

The journal has one writer.  Anyone else appends to ``inbox.jsonl`` under its lock and waits until the recorder has journalled it.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

from ulid import ULID

from everyword import journal
from everyword.digest import canonical
from everyword.errors import SessionSealed
from everyword.folder import SessionFolder, disk_errors, locked
from everyword.journal import Line
from everyword.text import checked

LONGEST_LINE = 1 << 18
"""Bytes, more than any note needs: a longer line, from whoever wrote it, is journalled in pieces."""


def held(folder: SessionFolder) -> AbstractContextManager[None]:
    """The inbox's lock: nobody else can add a note while it is held."""
    return locked(folder.inbox)


def add(folder: SessionFolder, text: str, *, by: str) -> str:
    """Put a note into the inbox of a session that is not sealed yet; it is on disk when this returns its id.

    Raises:
        InvalidText: the note is empty or holds what cannot be shown.
        SessionSealed: the recording has ended.
        DiskTrouble: the disk refuses.
    """
    folder.read_session()
    entry = {"id": str(ULID()), "at_us": journal.now_us(), "text": checked(text, what="note"), "by": checked(by, what="name")}
    with held(folder), disk_errors(folder.inbox):
        if folder.is_sealed:
            raise SessionSealed(f"{folder.path.name} is sealed; the note was not added.")
        descriptor = os.open(folder.inbox, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return str(entry["id"])


def wait_for(folder: SessionFolder, note_id: str, *, timeout_s: float) -> int | None:
    """The sequence number the journal gave to a note, or None when nobody has journalled it in time."""
    deadline = time.monotonic() + timeout_s
    wanted = f'"id":"{note_id}"'.encode()
    while True:
        for line in folder.journal.read_bytes().splitlines() if folder.journal.exists() else []:
            if wanted in line:
                return int(json.loads(line)["seq"])
        if time.monotonic() > deadline:
            return None
        time.sleep(0.05)


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
