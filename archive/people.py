"""What people are called now: ``people.jsonl`` in `EVERYWORD_HOME`, append-only.

A roster names somebody as they were known that day, and stays as it is.  A line here gives a person another name in every session
at once, or says that two keys are one person; the newest line of either kind counts, and all of them are the history.
"""

import json
import os
from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, slots=True)
class Joining:
    """One line: from then on this key is the same person as another one; with its own key it is a person of its own again."""

    at: str
    person: str
    same_as: str
    by: str
    reason: str


def read(home: Path) -> tuple[Renaming | Joining, ...]:
    """Every line, oldest first.  Raises `CorruptFolder` for one that lacks something."""
    path = home / FILE_NAME
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    result: list[Renaming | Joining] = []
    for number, line in enumerate(lines, 1):
        try:
            data = json.loads(line)
            is_joining = isinstance(data, dict) and "same_as" in data
            result.append(from_json(Joining, data) if is_joining else from_json(Renaming, data))
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
    _expect(db, person)
    line = Renaming(clock.iso(at_us), person, checked(to, what="name"), checked(by, what="name"), checked(reason, what="reason"))
    _append(home, line)
    apply(db, home)
    return line


def join(db: Database, home: Path, person: str, *, same_as: str, reason: str, by: str, at_us: int) -> Joining:
    """Append a line, wait for the disk, and let every answer take two keys for one person, or with the key itself no longer.

    Raises:
        InvalidOption: nobody in the archive has one of the keys, or the other one is joined to this one.
        InvalidText: the reason cannot be shown.
        DiskTrouble: the file cannot be written.
    """
    _expect(db, person)
    _expect(db, same_as)
    if same_as != person and _present(_joined(read(home)), same_as) == person:
        raise InvalidOption(
            f"{same_as!r} is the same person as {person!r} already.",
            hint=f"`everyword rename {same_as} --same-as {same_as}` makes two persons of them again.",
        )
    line = Joining(clock.iso(at_us), person, same_as, checked(by, what="name"), checked(reason, what="reason"))
    _append(home, line)
    apply(db, home)
    return line


def apply(db: Database, home: Path) -> None:
    """Write names and joined keys into ``speakers``, where they are not there already."""
    lines = read(home)
    names = {line.person: line.name for line in lines if isinstance(line, Renaming)}
    joined = _joined(lines)
    rows = db.execute("SELECT id, person, name, renamed, same_as FROM speakers ORDER BY id").fetchall()
    rosters = {person: name for _, person, name, _, _ in rows}  # of several names the one that came last
    stale = []
    for row_id, person, _, renamed, same_as in rows:
        now = _present(joined, person)
        other = now if now != person else None
        name = names.get(now) or (other and rosters.get(now, names.get(person)))
        if (name, other) != (renamed, same_as):
            stale.append((name, other, row_id))
    if stale:
        with writing(db):
            db.conn.executemany("UPDATE speakers SET renamed = ?, same_as = ? WHERE id = ?", stale)


def _joined(lines: Iterable[Renaming | Joining]) -> dict[str, str]:
    newest = {line.person: line.same_as for line in lines if isinstance(line, Joining)}
    return {person: other for person, other in newest.items() if person != other}


def _present(joined: Mapping[str, str], person: str) -> str:
    """The key that a person goes by; a circle, which only a hand can write, ends where it began."""
    seen = {person}
    while (other := joined.get(person, person)) not in seen:
        seen.add(other)
        person = other
    return person


def _expect(db: Database, person: str) -> None:
    if not db.execute("SELECT 1 FROM speakers WHERE person = ?", [person]).fetchone():
        known = ", ".join(sorted({one for (one,) in db.execute("SELECT person FROM speakers").fetchall()})[:10]) or "nobody yet"
        raise InvalidOption(f"No session has a person with the key {person!r}.", hint=f"The archive knows {known}.")


def _append(home: Path, line: Renaming | Joining) -> None:
    path = home / FILE_NAME
    with disk_errors(path), locked(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(line), ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
