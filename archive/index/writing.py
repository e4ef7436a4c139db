"""Rows of a session → the tables: the only module that writes to them."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from zlib import crc32

from sqlite_utils import Database

from archive.index.forms import indexed
from archive.index.lexicon import Lexicon
from archive.index.rows import Row, Seat, SessionRows


def replace_session(db: Database, rows: SessionRows, *, lexicon: Lexicon) -> None:
    """Delete what the tables hold of a session and insert what it is now.

    Needs a transaction in which `lexicon` has begun.
    """
    name = str(rows.session["session"])
    delete_session(db, name)
    session_id = insert(db, "sessions", rows.session)
    speakers = {seat[0]: _insert_seat(db, session_id, seat) for seat in rows.seats}
    for table, row in rows.others:
        insert(db, table, {"session_id": session_id, **row})
    lexicon.meet(rows.words)
    lexicon.flush()
    if rows.utterances:
        _insert_utterances(db, _numbered(db, rows.utterances, name), session_id, speakers, lexicon)


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
    db.execute(_SPEAKER, label)
    (row_id,) = db.execute(_SPEAKER_ID, label).fetchone()
    insert(db, "seats", {"session_id": session_id, "speaker_id": row_id, "track": track})
    return int(row_id)


_SPEAKER = "INSERT OR IGNORE INTO speakers (person, name, role, delegation, language) VALUES (?, ?, ?, ?, ?)"
_SPEAKER_ID = "SELECT id FROM speakers WHERE person = ? AND name = ? AND role = ? AND delegation = ? AND language = ?"


def _insert_utterances(
    db: Database, rows: Sequence[tuple[int, Row]], session_id: int, speakers: Mapping[str, int], lexicon: Lexicon
) -> None:
    """Into the table and the index."""
    utterances, searched = [], []
    numbers = lexicon.numbers
    for row_id, (_, person, *columns, spelling, forms) in rows:
        speaker_id = speakers.get(person or "")
        utterances.append((row_id, session_id, speaker_id, *columns, numbers(forms)))
        speaker = None if speaker_id is None else f"s{speaker_id}"
        searched.append((row_id, spelling, indexed(forms) or None, speaker, columns[_LANGUAGE], columns[_FLAGS]))
    db.conn.executemany(_UTTERANCE, utterances)
    db.conn.executemany(_SEARCHED, searched)
    db.execute("UPDATE sessions SET first_id = ?, last_id = ? WHERE id = ?", [rows[0][0], rows[-1][0], session_id])


_COLUMNS = Row._fields[2:-2]
_LANGUAGE, _FLAGS = _COLUMNS.index("language"), _COLUMNS.index("flags")
_UTTERANCE = f"""
INSERT INTO utterances (id, session_id, speaker_id, {", ".join(_COLUMNS)}, form_ids)
VALUES ({", ".join("?" * (len(_COLUMNS) + 4))})
"""  # noqa: S608  (ours)
_SEARCHED = "INSERT INTO utterances_fts (rowid, spelling, forms, speaker, language, flags) VALUES (?, ?, ?, ?, ?, ?)"


def _numbered(db: Database, rows: Sequence[Row], session: str) -> list[tuple[int, Row]]:
    """With free row ids, in their order.

    What stands beside the milliseconds begins at a number made from the session's id, so that a folder gets the same row ids
    whatever is indexed before it; a taken id moves on to the next.
    """
    mark = (crc32(session.encode()) & 0xFFF) << 4
    ordered = sorted(rows, key=itemgetter(0))  # a stable sort: those of one millisecond keep the transcript's order
    ends = [ordered[0].at_ms << 16, (ordered[-1].at_ms << 16) + 0xFFFFF]
    taken = {row_id for (row_id,) in db.execute("SELECT id FROM utterances WHERE id BETWEEN ? AND ?", ends).fetchall()}
    result = []
    for row in ordered:
        row_id = row[0] << 16 | mark
        while row_id in taken:
            row_id += 1
        taken.add(row_id)
        result.append((row_id, row))
    return sorted(result, key=itemgetter(0))
