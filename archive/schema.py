"""The archive database: tables, migrations, and opening it safely.

docs/reference/archive-schema.md describes every column.  The schema uses nothing that plain ``sqlite3`` lacks: no function of
ours stands in a table, trigger or view, so that any program can read the archive and even write to it.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations

from everyword.errors import ArchiveError

APPLICATION_ID = 0x45765764
"""``EvWd``: how ``file`` and we tell an archive from other SQLite databases."""

USER_VERSION = 1
"""Grows by one with every migration; an archive with a larger one was written by a newer Everyword."""

FILE_NAME = "archive.db"

_TABLES = """
CREATE TABLE folders (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    session TEXT,
    problem TEXT
);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    place TEXT NOT NULL,
    languages TEXT NOT NULL,
    origin TEXT NOT NULL,
    operator TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    started_at TEXT,
    started_at_us INTEGER,
    duration_us INTEGER,
    gap_us INTEGER,
    is_sealed INTEGER NOT NULL,
    seal TEXT,
    run TEXT,
    is_reviewed INTEGER NOT NULL DEFAULT 0,
    path TEXT NOT NULL
);
CREATE TABLE speakers (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    delegation TEXT NOT NULL,
    language TEXT NOT NULL,
    track INTEGER,
    UNIQUE (session_id, person)
);
CREATE INDEX speakers_by_person ON speakers (person);
CREATE TABLE tracks (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    rate_hz INTEGER NOT NULL,
    sample_format TEXT NOT NULL,
    frame_count INTEGER NOT NULL,
    input TEXT NOT NULL,
    UNIQUE (session_id, stream, channel)
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    run TEXT NOT NULL,
    is_current INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    started_at_us INTEGER NOT NULL,
    engine TEXT NOT NULL,
    model TEXT NOT NULL,
    settings TEXT NOT NULL,
    spoken_languages TEXT NOT NULL,
    windows INTEGER NOT NULL,
    flagged_windows INTEGER NOT NULL,
    UNIQUE (session_id, run)
);
CREATE TABLE utterances (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    track_id INTEGER NOT NULL REFERENCES tracks(id) ON DELETE CASCADE,
    speaker_id INTEGER REFERENCES speakers(id) ON DELETE SET NULL,
    number INTEGER NOT NULL,
    language TEXT NOT NULL,
    language_ppm INTEGER NOT NULL,
    started_at TEXT,
    started_at_us INTEGER,
    position_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,
    frame_count INTEGER NOT NULL,
    window INTEGER NOT NULL,
    flags TEXT NOT NULL,
    text TEXT NOT NULL,
    recorded TEXT,
    spelling TEXT,
    forms TEXT
);
CREATE INDEX utterances_by_session ON utterances (session_id, id);
CREATE INDEX utterances_by_speaker ON utterances (speaker_id, id);
CREATE INDEX utterances_by_run ON utterances (run_id);
CREATE INDEX utterances_by_track ON utterances (track_id);
CREATE TABLE words (
    id INTEGER PRIMARY KEY,
    utterance_id INTEGER NOT NULL REFERENCES utterances(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    first_frame INTEGER NOT NULL,
    frame_count INTEGER NOT NULL,
    probability_ppm INTEGER NOT NULL,
    flags TEXT NOT NULL
);
CREATE INDEX words_by_utterance ON words (utterance_id);
CREATE TABLE coverage (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    track_id INTEGER NOT NULL REFERENCES tracks(id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    position_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,
    frame_count INTEGER NOT NULL
);
CREATE INDEX coverage_by_session ON coverage (session_id, state);
CREATE INDEX coverage_by_run ON coverage (run_id);
CREATE INDEX coverage_by_track ON coverage (track_id);
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    position_us INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    frame INTEGER NOT NULL,
    text TEXT NOT NULL,
    by TEXT NOT NULL,
    UNIQUE (session_id, seq)
);
CREATE TABLE corrections (
    id INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
    utterance_id INTEGER REFERENCES utterances(id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    by TEXT NOT NULL,
    run TEXT NOT NULL,
    stream INTEGER NOT NULL,
    track INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,
    frame_count INTEGER NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    reason TEXT NOT NULL,
    is_applied INTEGER NOT NULL,
    UNIQUE (session_id, seq)
);
CREATE INDEX corrections_by_utterance ON corrections (utterance_id);
"""

_SEARCH = (
    """
CREATE VIRTUAL TABLE utterances_fts USING fts5 (
    text, spelling, forms, content="utterances", content_rowid="id", tokenize='unicode61 remove_diacritics 1'
)""",
    """
CREATE TRIGGER utterances_ai AFTER INSERT ON utterances BEGIN
    INSERT INTO utterances_fts (rowid, text, spelling, forms) VALUES (new.id, new.text, new.spelling, new.forms);
END""",
    """
CREATE TRIGGER utterances_ad AFTER DELETE ON utterances BEGIN
    INSERT INTO utterances_fts (utterances_fts, rowid, text, spelling, forms)
    VALUES ('delete', old.id, old.text, old.spelling, old.forms);
END""",
    """
CREATE TRIGGER utterances_au AFTER UPDATE OF id, text, spelling, forms ON utterances BEGIN
    INSERT INTO utterances_fts (utterances_fts, rowid, text, spelling, forms)
    VALUES ('delete', old.id, old.text, old.spelling, old.forms);
    INSERT INTO utterances_fts (rowid, text, spelling, forms) VALUES (new.id, new.text, new.spelling, new.forms);
END""",
    """
CREATE VIEW transcript AS
SELECT
    utterances.id,
    sessions.session,
    sessions.title,
    utterances.started_at,
    printf(
        '%d:%02d:%02d', utterances.position_us / 3600000000, utterances.position_us / 60000000 % 60,
        utterances.position_us / 1000000 % 60
    ) AS position,
    coalesce(speakers.name, 'Track ' || tracks.number) AS speaker,
    speakers.role,
    speakers.delegation,
    tracks.number AS track,
    utterances.language,
    utterances.text,
    coalesce(utterances.recorded, utterances.text) AS recorded,
    utterances.flags,
    runs.run,
    utterances.number
FROM utterances
JOIN sessions ON sessions.id = utterances.session_id
JOIN runs ON runs.id = utterances.run_id
JOIN tracks ON tracks.id = utterances.track_id
LEFT JOIN speakers ON speakers.id = utterances.speaker_id""",
)

migrations = Migrations("everyword")


@migrations()
def m001_first(db: Database) -> None:
    """Everything of version 1."""
    for statement in (*_TABLES.split(";\n"), *_SEARCH):
        if statement.strip():
            db.execute(statement)


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
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the newest rows, which the folders still have
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
