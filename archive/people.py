"""What people are called now: ``people.jsonl`` in `EVERYWORD_HOME`, append-only.

A roster names somebody as they were known that day, and stays as it is.  A line here gives a person another name in every session
at once; the newest line of a person counts, and all of them are the history.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlite_utils import Database

from archive.index.schema import writing
from everyword import clock
from everyword.errors import CorruptFolder, InvalidOption
from everyword.folder import disk_errors, locked
from everyword.model import from_json
from everyword.text import checked

FILE_NAME = "people.jsonl"


@dataclass(frozen=True, slots=True)
class Renaming:
    """One line: from then on this person is called so."""

    at: str
    person: str
    name: str
    by: str
    reason: str


def read(home: Path) -> tuple[Renaming, ...]:
    """Every line, oldest first.  Raises `CorruptFolder` for one that lacks something."""
    path = home / FILE_NAME
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    result = []
    for number, line in enumerate(lines, 1):
        try:
            result.append(from_json(Renaming, json.loads(line)))
        except ValueError as error:
            raise CorruptFolder(f"{FILE_NAME}, line {number}, lacks something: {error}.") from error
    return tuple(result)


def rename(db: Database, home: Path, person: str, *, to: str, reason: str, by: str, at_us: int) -> Renaming:
    """Append a line, wait for the disk, and let every answer show the new name.

    Raises:
        InvalidOption: nobody in the archive has that key.
        InvalidText: the name or the reason cannot be shown.
        DiskTrouble: the file cannot be written.
    """
    if not db.execute("SELECT 1 FROM speakers WHERE person = ?", [person]).fetchone():
        known = ", ".join(sorted({one for (one,) in db.execute("SELECT person FROM speakers").fetchall()})[:10]) or "nobody yet"
        raise InvalidOption(f"No session has a person with the key {person!r}.", hint=f"The archive knows {known}.")
    line = Renaming(clock.iso(at_us), person, checked(to, what="name"), checked(by, what="name"), checked(reason, what="reason"))
    path = home / FILE_NAME
    with locked(path), disk_errors(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line), ensure_ascii=False) + "\n")
    apply(db, home)
    return line


def apply(db: Database, home: Path) -> None:
    """Write the names into ``speakers.renamed``, where they are not there already."""
    names = {line.person: line.name for line in read(home)}
    rows = db.execute("SELECT id, person, renamed FROM speakers").fetchall()
    stale = [(names.get(person), row_id) for row_id, person, renamed in rows if names.get(person) != renamed]
    if stale:
        with writing(db):
            db.conn.executemany("UPDATE speakers SET renamed = ? WHERE id = ?", stale)
