"""The archive database: opening it safely, migrations, transactions.  `archive.index.tables` has the tables."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from archive.index.tables import STATEMENTS
from everyword.errors import ArchiveError

APPLICATION_ID = 0x45765764
"""``EvWd``: how ``file`` and we tell an archive from other SQLite databases."""

USER_VERSION = 4
"""Grows by one with every migration; an archive with a larger one was written by a newer Everyword."""

FILE_NAME = "archive.db"

CACHE_KIB = 65_536
"""Memory for pages of the database; the log is copied into it when it is as large."""

JOINED_PAGES = 16_384
"""Of the index that are joined in one transaction, or of the database that are given back."""

migrations = Migrations("everyword")


@migrations()
def m004_newest_first(db: Database) -> None:
    """Everything of version 4; what earlier versions held is read from the folders again, as the archive is only an index."""
    for kind in ("trigger", "view", "table"):
        for (name,) in db.execute(_OURS, [kind]).fetchall():
            db.execute(f'DROP {kind} "{name}"')
    for statement in STATEMENTS:
        db.execute(statement)


_OURS = """
SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> '_sqlite_migrations'
    AND name NOT LIKE 'utterances!_fts!_%' ESCAPE '!'
"""


@contextmanager
def open_archive(path: Path) -> Iterator[Database]:
    """The archive at `path`, made or migrated if need be.

    Where the folder cannot be written, an existing archive is opened for reading only.

    Raises:
        ArchiveError: it is damaged, of another program, newer than this Everyword, or cannot be opened; it is left as it is.
    """
    with database_errors(path):
        connection = _connect(path)
        try:
            _check_identity(connection, path)
            db = Database(connection, execute_plugins=False)
            if not is_read_only(db):
                _prepare(db)
            yield db
        finally:
            connection.close()


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's complaints into sentences that say what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ArchiveError(f"The archive {path} cannot be used: {error}.", hint=_hint(error)) from error
    except sqlite3.DatabaseError as error:
        raise ArchiveError(f"The archive {path} is damaged: {error}. The session folders are not affected.") from error


@contextmanager
def writing(db: Database) -> Iterator[None]:
    """A transaction that owns the database from its beginning; waits up to 30 s for another writer."""
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:  # whatever it was, nothing half-done stays
        db.conn.rollback()
        raise
    db.conn.commit()


@contextmanager
def reading(db: Database) -> Iterator[None]:
    """Everything that is read inside is read from the archive as it was at one moment; nobody waits for it."""
    if db.conn.in_transaction:
        yield
        return
    db.conn.execute("BEGIN")
    try:
        yield
    finally:
        db.conn.rollback()


def scatter(db: Database) -> None:
    """Leave the pieces of the index apart until `optimize`: joined once they cost less than joined again and again."""
    with writing(db):
        _join_at(db, 0, 1000)


def is_scattered(db: Database) -> bool:
    """True from `scatter` to `optimize`."""
    return bool(db.execute("SELECT 1 FROM utterances_fts_config WHERE k = 'automerge' AND v = 0").fetchone())


def optimize(db: Database) -> None:
    """Join the pieces of the index, give the disk back what is left over, and put all of it from the log into the database.

    FTS5's own ``optimize`` joins in one transaction: it would hold the database until it is through.
    """
    pages, done = -JOINED_PAGES, 2  # a negative number says that all pieces are to be joined, later ones go on with it
    while done >= 2:  # fewer rows are changed when nothing is left to be joined
        before = db.conn.total_changes
        with writing(db):
            db.execute("INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('merge', ?)", [pages])
        pages, done = JOINED_PAGES, db.conn.total_changes - before
    free, left = 0, _free_pages(db)
    while free != left:  # archives of earlier versions keep their pages
        db.conn.executescript(f"PRAGMA incremental_vacuum({JOINED_PAGES})")
        free, left = left, _free_pages(db)
    with writing(db):
        _join_at(db, 4, 16)  # last, so that whoever comes after a kill goes on here
    db.execute("PRAGMA wal_checkpoint").fetchone()


def _join_at(db: Database, soon: int, at_once: int) -> None:
    """How many pieces of one size FTS5 joins: bit by bit (0 is never), and in one go; 4 and 16 is its own choice."""
    for name, pieces in (("automerge", soon), ("crisismerge", at_once)):
        db.execute("INSERT INTO utterances_fts (utterances_fts, rank) VALUES (?, ?)", [name, pieces])


def _free_pages(db: Database) -> int:
    return int(db.execute("PRAGMA freelist_count").fetchone()[0])


def is_read_only(db: Database) -> bool:
    """True when this archive can be searched but not brought up to date."""
    return bool(db.execute("PRAGMA query_only").fetchone()[0])


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            return _connect_reading(path)
        connection = sqlite3.connect(path, timeout=30)
        connection.execute("SELECT count(*) FROM sqlite_master")
    except (sqlite3.OperationalError, OSError) as error:
        raise ArchiveError(
            f"The archive {path} cannot be made or opened: {error}.", hint="Set EVERYWORD_HOME to a folder that can be written."
        ) from error
    connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the newest rows, which the folders still have
    connection.execute("PRAGMA secure_delete = OFF")  # merging the index would write everything twice; nothing here is secret
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CACHE_KIB // 4}")
    return connection


def _connect_reading(path: Path) -> sqlite3.Connection:
    for options in ("mode=ro", "mode=ro&immutable=1"):  # a WAL needs a file beside it, which a read-only disk cannot give
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            connection.close()
            continue
        connection.execute("PRAGMA query_only = ON")
        return connection
    raise ArchiveError(
        f"The archive {path} can be neither written nor read.", hint="Look at the rights of the file and its folder."
    )


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or version or tables):
        raise ArchiveError(
            f"{path} is a database of another program; it was left as it is.",
            hint="Move it away, or set EVERYWORD_HOME to another folder.",
        )
    if version > USER_VERSION:
        raise ArchiveError(
            f"The archive {path} has version {version}; this Everyword knows versions up to {USER_VERSION}.",
            hint="Install a newer Everyword, or move the file away: the next command makes it anew from the session folders.",
        )


def _prepare(db: Database) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] == USER_VERSION:
        return
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # pages can be given back; of no effect on an archive that has tables
    _use_wal(db)
    with writing(db):
        migrations.apply(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {USER_VERSION}")


def _use_wal(db: Database) -> None:
    """Let readers go on while a session is being indexed; SQLite itself does not wait here when two processes begin at once."""
    for _ in range(300):
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.1)
        else:
            return


def _hint(error: sqlite3.OperationalError) -> str:
    sentence = str(error)
    if "locked" in sentence:
        return "Another command is bringing it up to date; try again in a moment."
    if "full" in sentence:
        return "Free some space on that disk; nothing is lost, the next command goes on."
    return "Look at the disk and the rights of that folder; `everyword rebuild` makes the archive anew."
