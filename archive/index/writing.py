"""Rows of sessions → the tables: the only module that writes to them."""

from collections.abc import Mapping, Sequence
from itertools import repeat
from zlib import crc32

from sqlite_utils import Database

from archive.index.forms import indexed
from archive.index.lexicon import Lexicon
from archive.index.rowid import row_id
from archive.index.rows import REST, Columns, Seat, SessionRows


def replace_sessions(db: Database, sessions: Sequence[SessionRows], *, lexicon: Lexicon) -> None:
    """Delete what the tables hold of some sessions and insert what they are now.

    Needs a transaction in which `lexicon` has begun.
    """
    for rows in sessions:  # of all before any is written: a word is told of with one, and needed for others
        lexicon.meet(rows.words)
    lexicon.flush()
    for rows in sorted(sessions, key=_newest_ms, reverse=True):  # FTS5 begins a new piece when a row id is below the last one
        _replace(db, rows, lexicon=lexicon)


def _newest_ms(rows: SessionRows) -> int:
    return rows.utterances.at_ms[0] if rows.utterances.at_ms else 0


def _replace(db: Database, rows: SessionRows, *, lexicon: Lexicon) -> None:
    name = str(rows.session["session"])
    delete_session(db, name)
    session_id = insert(db, "sessions", rows.session)
    speakers: dict[str | None, int] = {seat[0]: _insert_seat(db, session_id, seat) for seat in rows.seats}
    for table, row in rows.others:
        insert(db, table, {"session_id": session_id, **row})
    if rows.utterances.at_ms:
        ids = _free_ids(db, rows.utterances.at_ms, name)
        _insert_utterances(db, session_id, ids, rows.utterances, speakers=speakers, lexicon=lexicon)
        db.execute("UPDATE sessions SET first_id = ?, last_id = ? WHERE id = ?", [ids[0], ids[-1], session_id])


def delete_session(db: Database, session: str) -> None:
    """Take a session out of every table and of the index."""
    # even a DELETE of nothing makes FTS5 write what it has gathered, a small piece each time
    if db.execute("SELECT 1 FROM sessions WHERE session = ?", [session]).fetchone():
        db.execute("DELETE FROM sessions WHERE session = ?", [session])


def delete_unseated(db: Database) -> None:
    """Take out speakers that no roster names any more."""
    db.execute("DELETE FROM speakers WHERE id NOT IN (SELECT speaker_id FROM seats)")


def insert(db: Database, table: str, row: Mapping[str, object]) -> int:
    """Insert and return the row id.  Plain SQL, prepared once a shape: sqlite-utils looks at the schema for every row."""
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    cursor = db.conn.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608  (names are ours)
    return int(cursor.lastrowid or 0)


def _insert_seat(db: Database, session_id: int, seat: Seat) -> int:
    *label, track = seat
    row = db.conn.execute(_SPEAKER_ID, label).fetchone()
    row_id = int(row[0] if row else db.conn.execute(_SPEAKER, label).lastrowid or 0)
    insert(db, "seats", {"session_id": session_id, "speaker_id": row_id, "track": track})
    return row_id


_SPEAKER = "INSERT INTO speakers (person, name, role, delegation, language) VALUES (?, ?, ?, ?, ?)"
_SPEAKER_ID = "SELECT id FROM speakers WHERE person = ? AND name = ? AND role = ? AND delegation = ? AND language = ?"


def _insert_utterances(
    db: Database, session_id: int, ids: Sequence[int], rows: Columns, *, speakers: Mapping[str | None, int], lexicon: Lexicon
) -> None:
    """Into the table and the index."""
    form_ids, who = map(lexicon.numbers, rows.forms), map(speakers.get, rows.person)
    columns = (ids, repeat(session_id, len(ids)), who, rows.language, rows.flags, form_ids, *rows.rest)
    db.conn.executemany(_UTTERANCE, zip(*columns, strict=True))
    marks = {person: f"s{row_id}" for person, row_id in speakers.items()}
    searched = (ids, rows.spelling, map(indexed, rows.forms), map(marks.get, rows.person), rows.language, rows.flags)
    db.conn.executemany(_SEARCHED, zip(*searched, strict=True))


_UTTERANCE = f"""
INSERT INTO utterances (id, session_id, speaker_id, language, flags, form_ids, {", ".join(REST)})
VALUES ({", ".join("?" * (len(REST) + 6))})
"""  # noqa: S608  (ours)
_SEARCHED = "INSERT INTO utterances_fts (rowid, spelling, forms, speaker, language, flags) VALUES (?, ?, ?, ?, ?, ?)"


def _free_ids(db: Database, times_ms: Sequence[int], session: str) -> list[int]:
    """A row id for each, in their order, which is newest first.

    What stands beside the milliseconds begins at a number made from the session's id, so that a folder gets the same row ids
    whatever is indexed before it; a taken id moves on to the next.
    """
    mark = (crc32(session.encode()) & 0xFFF) << 4
    ends = [row_id(times_ms[0] + 16), row_id(times_ms[-1])]  # there is room for a million that moved on
    taken = {number for (number,) in db.execute("SELECT id FROM utterances WHERE id BETWEEN ? AND ?", ends).fetchall()}
    result = []
    for at_ms in reversed(times_ms):
        number = row_id(at_ms, mark)
        while number in taken:
            number -= 1
        taken.add(number)
        result.append(number)
    return result[::-1]
