"""Session folders → rows.  Idempotent: the rows of a session depend on its folder alone.

A folder is read again when its seal, its ledger or ``session.json`` has another size or time.  Of several folders with the
same session id the first in the order of `everyword.folder.scan` that can be read is indexed; the others are mirrors.  A session
whose folder is not there now (an unplugged disk) keeps its rows until `rebuild`.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from archive.forms import FORMS_VERSION, index_columns
from archive.record import read_record
from archive.rows import insert, path_text, replace_session
from archive.schema import FILE_NAME, is_read_only, open_archive, writing
from everyword.errors import EverywordError
from everyword.folder import SessionFolder, scan

INDEX_VERSION = 1
"""Grows when the same folder would give other rows; every folder is then read again."""


_VERSIONS = f"{INDEX_VERSION}.{FORMS_VERSION}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A folder that could not be indexed, and why."""

    folder: SessionFolder
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """What one pass over the roots did; ``is_frozen`` when the archive could only be read."""

    indexed: int
    problems: tuple[Problem, ...]
    is_frozen: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    folder: SessionFolder
    session: str
    fingerprint: str


def index(db: Database, roots: Iterable[Path], *, on_session: Callable[[str], None] | None = None) -> Report:
    """Bring the archive up to date; one transaction a session, so that a kill leaves whole sessions only.

    Args:
        db: from `open_archive`.
        roots: the folders that hold session folders.
        on_session: told the name of each folder before it is read.
    """
    if is_read_only(db):
        return Report(0, (), is_frozen=True)
    known = {path: (fingerprint, session) for path, fingerprint, session in db.execute(_KNOWN)}
    indexed = dict(db.execute("SELECT session, path FROM sessions"))
    problems: list[Problem] = []
    copies: dict[str, list[_Found]] = {}
    for folder in scan(roots):
        found = _look(folder, known, problems)
        if found:
            copies.setdefault(found.session, []).append(found)
    done = 0
    for session, candidates in copies.items():
        for found in candidates:  # the first that can be read; the others are mirrors
            path = path_text(found.folder)
            is_known = known.get(path, ("",))[0] == found.fingerprint
            if indexed.get(session) == path and is_known:
                break
            if on_session:
                on_session(found.folder.path.name)
            if _index_one(db, found, problems):
                done += 1
                break
    _renew_forms(db)
    return Report(done, tuple(problems))


def rebuild(home: Path, roots: Iterable[Path], *, on_session: Callable[[str], None] | None = None) -> Report:
    """Make the archive anew beside the old one and put it in its place; a kill at any point leaves the old or none.

    Raises:
        ArchiveError: the new one cannot be written; the old one stays.
    """
    path, fresh = home / FILE_NAME, home / f".{FILE_NAME}.{os.getpid()}"
    remove(fresh)
    try:
        with open_archive(fresh) as db:
            report = index(db, roots, on_session=on_session)
            db.execute("INSERT INTO utterances_fts (utterances_fts) VALUES ('optimize')")
            db.conn.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        remove(path)
        fresh.rename(path)
    finally:
        remove(fresh)
    return report


def remove(path: Path) -> None:
    """Delete a database and what belongs to it; the file itself first, as SQLite discards a log whose database is gone."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


_KNOWN = "SELECT path, fingerprint, session FROM folders WHERE problem IS NULL"


def _look(folder: SessionFolder, known: dict[str, tuple[str, str]], problems: list[Problem]) -> _Found | None:
    """Which session a folder holds, from its files' sizes and times alone if it was read before."""
    try:
        fingerprint = _fingerprint(folder)
        before = known.get(path_text(folder))
        session = before[1] if before and before[0] == fingerprint else folder.read_session().id
    except (EverywordError, OSError) as error:
        problems.append(Problem(folder, str(error)))
        return None
    return _Found(folder, session, fingerprint)


def _fingerprint(folder: SessionFolder) -> str:
    parts = [_VERSIONS]
    for path in (folder.session_json, folder.seal_signature, folder.ledger):
        try:
            status = path.stat()
        except FileNotFoundError:
            parts.append("-")
        else:
            parts.append(f"{status.st_size}@{status.st_mtime_ns}")
    return " ".join(parts)


def _renew_forms(db: Database) -> None:
    """Give the rows of folders that are away now the forms of this version; they are read again when they come back."""
    folders = db.execute("SELECT id, path, session FROM folders WHERE fingerprint NOT LIKE ? || ' %'", [_VERSIONS]).fetchall()
    for folder_id, path, session in folders:
        with writing(db):
            rows = db.execute(_TEXTS, [session, path]).fetchall()
            new = [(*index_columns(text, language), row_id) for row_id, text, language in rows]
            db.conn.executemany("UPDATE utterances SET spelling = ?, forms = ? WHERE id = ?", new)
            db.execute("UPDATE folders SET fingerprint = ? WHERE id = ?", [f"{_VERSIONS} away", folder_id])


_TEXTS = """
SELECT id, text, language FROM utterances WHERE session_id = (SELECT id FROM sessions WHERE session = ? AND path = ?)
"""


def _index_one(db: Database, found: _Found, problems: list[Problem]) -> bool:
    try:
        session = found.folder.read_session()
        record = read_record(found.folder) if found.folder.is_sealed else None
        with writing(db):
            replace_session(db, session, record, found.folder)
            _remember(db, found, problem=None)
    except (EverywordError, OSError, ValueError, ArithmeticError, KeyError, TypeError) as error:
        # a folder may hold anything: whatever is wrong with one, the others must still be found
        problems.append(Problem(found.folder, str(error)))
        with writing(db):
            path = path_text(found.folder)
            db.execute("DELETE FROM sessions WHERE session = ? AND path = ?", [found.session, path])  # a mirror's rows stay
            _remember(db, found, problem=str(error).encode("utf-8", "backslashreplace").decode())
        return False
    return True


def _remember(db: Database, found: _Found, *, problem: str | None) -> None:
    db.execute("DELETE FROM folders WHERE path = ?", [path_text(found.folder)])
    row = {"path": path_text(found.folder), "fingerprint": found.fingerprint, "session": found.session, "problem": problem}
    insert(db, "folders", row)
