"""What searching depends on: SQLite with full-text search, and the archive file."""

import sqlite3
from collections.abc import Iterator

from archive.index.schema import FILE_NAME, open_archive
from everyword import folder
from everyword.config import Settings
from everyword.diagnosis import Diagnosis
from everyword.errors import EverywordError


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """SQLite, the database, and the folders that sessions are looked for in."""
    yield _full_text()
    path = settings.home / FILE_NAME
    if not path.exists():
        yield Diagnosis("archive", is_well=True, sentence="There is no archive yet; the first search makes it.")
    else:
        try:
            with open_archive(path) as db:
                (sessions,) = db.execute("SELECT count(*) FROM sessions").fetchone()
            yield Diagnosis("archive", is_well=True, sentence=f"The archive {path} holds {sessions} session(s).")
        except EverywordError as error:
            yield Diagnosis("archive", is_well=False, sentence=error.sentence, hint=error.hint)
    for root in folder.roots(settings.home, settings.sessions):
        if not root.is_dir() and root != settings.sessions:
            hint = "Connect the disk that it is on."
            yield Diagnosis("sessions", is_well=False, sentence=f"{root}, where sessions were recorded, is not there.", hint=hint)


def _full_text() -> Diagnosis:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(x)")
    except sqlite3.OperationalError:
        sentence = f"SQLite {sqlite3.sqlite_version} was built without FTS5."
        return Diagnosis("sqlite", is_well=False, sentence=sentence, hint="Use another Python: Debian's python3 has it.")
    finally:
        connection.close()
    return Diagnosis("sqlite", is_well=True, sentence=f"SQLite {sqlite3.sqlite_version} with full-text search.")
