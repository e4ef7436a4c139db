"""Session folders → rows.  Idempotent: the rows of a session depend on its folder alone.

A folder is read again when its seal, its ledger or ``session.json`` has another size or time.  Of several folders with the
same session id the first in the order of `everyword.folder.scan` that can be read is indexed; the others are mirrors.  A session
whose folder is not there now (an unplugged disk) keeps its rows until `rebuild`.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from archive import people
from archive.index.collector import collecting_rarely
from archive.index.forms import FORMS_VERSION
from archive.index.lexicon import Lexicon, Texts
from archive.index.readers import UNFIT, Readers
from archive.index.rows import SessionRows, path_text
from archive.index.schema import FILE_NAME, is_read_only, is_scattered, open_archive, optimize, scatter, writing
from archive.index.writing import delete_session, delete_unseated, insert, replace_sessions
from everyword.errors import EverywordError
from everyword.folder import SessionFolder, scan

INDEX_VERSION = 2
"""Grows when the same folder would give other rows; every folder is then read again."""


MOST_TOGETHER = 20_000
"""Utterances that are written in one transaction, unless a session has more."""

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


_Read = tuple[_Found, SessionRows]
"""A session as read from its folder, not written yet."""


def index(db: Database, roots: Iterable[Path], *, on_session: Callable[[str], None] | None = None) -> Report:
    """Bring the archive up to date; a transaction holds whole sessions, so that a kill leaves nothing else.

    Args:
        db: from `open_archive`.
        roots: the folders that hold session folders.
        on_session: told the name of each folder before it is read.
    """
    if is_read_only(db):
        return Report(0, (), is_frozen=True)
    one = _Pass(db, on_session)
    due = one.look(roots)
    if due and one.is_first:
        scatter(db)
    with collecting_rarely():
        one.read(due)
    if one.done:
        with writing(db):
            delete_unseated(db)
    if is_scattered(db):
        optimize(db)
    return Report(one.done, tuple(one.problems))


def rebuild(home: Path, roots: Iterable[Path], *, on_session: Callable[[str], None] | None = None) -> Report:
    """Make the archive anew beside the old one and put it in its place; a kill at any point leaves the old or none.

    Raises:
        ArchiveError: the new one cannot be written; the old one stays.
    """
    path, fresh = home / FILE_NAME, home / f".{FILE_NAME}.{os.getpid()}"
    _remove_unfinished(home)
    try:
        with open_archive(fresh) as db:
            report = index(db, roots, on_session=on_session)
            people.apply(db, home)
        remove(path)
        fresh.rename(path)
    finally:
        remove(fresh)
    return report


def remove(path: Path) -> None:
    """Delete a database and what belongs to it; the file itself first, as SQLite discards a log whose database is gone."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def _remove_unfinished(home: Path) -> None:
    """Delete what a `rebuild` left that was killed."""
    for file in home.glob(f".{FILE_NAME}.*"):
        number = file.name.removeprefix(f".{FILE_NAME}.").partition("-")[0]
        if number.isdecimal() and not _is_running(int(number)):
            file.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """Whether another process has that number; our own has not begun yet."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


_KNOWN = "SELECT path, fingerprint, session FROM folders WHERE problem IS NULL"


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


def _renew_forms(db: Database, lexicon: Lexicon) -> None:
    """Give every row the forms of this version; folders that are away now are not read for it."""
    if not db.execute("SELECT 1 FROM folders WHERE fingerprint NOT LIKE ? || ' %' LIMIT 1", [_VERSIONS]).fetchone():
        return
    with writing(db):
        db.execute("DELETE FROM vocabulary")
        db.execute("DELETE FROM forms")
        lexicon.forget()
        lexicon.begin()
        texts = Texts(lexicon.differing)
        rows = db.execute("SELECT id, text, language FROM utterances").fetchall()
        found = [(texts.forms(text, language), row_id) for row_id, text, language in rows]
        lexicon.meet(texts.take())
        lexicon.flush()
        new = [(lexicon.numbers(forms), row_id) for forms, row_id in found]
        db.conn.executemany("UPDATE utterances SET form_ids = ? WHERE id = ?", new)
        db.execute("INSERT INTO utterances_fts (utterances_fts) VALUES ('rebuild')")
        db.execute("UPDATE folders SET fingerprint = ? || ' away'", [_VERSIONS])


class _Pass:
    """One pass over the roots: `look` for what is due, then `read` it."""

    def __init__(self, db: Database, on_session: Callable[[str], None] | None) -> None:
        self._db = db
        self._on_session = on_session
        self._known = {path: (fingerprint, session) for path, fingerprint, session in db.execute(_KNOWN)}
        self._indexed = dict(db.execute("SELECT session, path FROM sessions"))
        self._lexicon = Lexicon(db)
        self._waiting: list[_Read] = []
        self.is_first = not self._indexed
        self.problems: list[Problem] = []
        self.done = 0
        _renew_forms(db, self._lexicon)

    def look(self, roots: Iterable[Path]) -> list[list[_Found]]:
        """The folders of each session that is due, in the order of `scan`; the newest session first, as its rows stand first."""
        copies: dict[str, list[_Found]] = {}
        for folder in scan(roots):
            found = self._look(folder)
            if found:
                copies.setdefault(found.session, []).append(found)
        return [candidates for candidates in copies.values() if not self._is_current(candidates[0])][::-1]

    def read(self, due: Sequence[Sequence[_Found]]) -> None:
        """Into the tables."""
        folders = [candidates[0].folder for candidates in due]
        with Readers(folders, self._db, self._lexicon, on_session=self._on_session) as readers:
            for candidates in due:
                self._read_first(candidates, readers)
                if sum(len(rows.utterances.at_ms) for _, rows in self._waiting) >= MOST_TOGETHER:
                    self._write_waiting()
        self._write_waiting()

    def _look(self, folder: SessionFolder) -> _Found | None:
        """Which session a folder holds, from its files' sizes and times alone if it was read before."""
        try:
            fingerprint = _fingerprint(folder)
            before = self._known.get(path_text(folder))
            session = before[1] if before and before[0] == fingerprint else folder.read_session().id
        except (EverywordError, OSError) as error:
            self.problems.append(Problem(folder, str(error)))
            return None
        return _Found(folder, session, fingerprint)

    def _is_current(self, found: _Found) -> bool:
        path = path_text(found.folder)
        return self._indexed.get(found.session) == path and self._known.get(path, ("",))[0] == found.fingerprint

    def _read_first(self, candidates: Sequence[_Found], readers: Readers) -> None:
        """The first folder that can be read; the others are mirrors."""
        for found in candidates:
            if self._is_current(found):
                return
            rows = readers.read(found.folder)
            if isinstance(rows, SessionRows):
                self._waiting.append((found, rows))
                return
            self._tell(found, rows)

    def _write_waiting(self) -> None:
        self.done += self._write(self._waiting)
        self._waiting.clear()

    def _write(self, sessions: Sequence[_Read]) -> int:
        """All in one transaction, or if one of them does not fit, each in its own; returns how many were written."""
        try:
            with writing(self._db):
                self._lexicon.begin()
                replace_sessions(self._db, [rows for _, rows in sessions], lexicon=self._lexicon)
                for found, _ in sessions:
                    _remember(self._db, found, problem=None)
        except UNFIT as error:
            self._lexicon.forget()
            if len(sessions) > 1:
                return sum(self._write([one]) for one in sessions)
            self._tell(sessions[0][0], str(error))
            return 0
        return len(sessions)

    def _tell(self, found: _Found, sentence: str) -> None:
        self.problems.append(Problem(found.folder, sentence))
        with writing(self._db):
            path = path_text(found.folder)
            if self._db.execute("SELECT 1 FROM sessions WHERE session = ? AND path = ?", [found.session, path]).fetchone():
                delete_session(self._db, found.session)  # a mirror's rows stay
            _remember(self._db, found, problem=sentence.encode("utf-8", "backslashreplace").decode())


def _remember(db: Database, found: _Found, *, problem: str | None) -> None:
    db.execute("DELETE FROM folders WHERE path = ?", [path_text(found.folder)])
    row = {"path": path_text(found.folder), "fingerprint": found.fingerprint, "session": found.session, "problem": problem}
    insert(db, "folders", row)
