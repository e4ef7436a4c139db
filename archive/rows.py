"""One session as rows: the only module that writes to the tables."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple
from zlib import crc32

from sqlite_utils import Database

from archive.forms import respelled
from archive.lexicon import Lexicon
from archive.record import Line, Record, iso, joined
from everyword.errors import CorruptFolder, NotTranscribed
from everyword.folder import SessionFolder
from everyword.model import Run, Session, Speaker
from everyword.run import read_run, run_names

_LONGEST_TIME_MS = 1 << 46
"""Wall-clock ms that fit beside 16 bits in SQLite's integers: until the year 4199."""


class Row(NamedTuple):
    """What the index keeps of an utterance; the fields are the columns of ``utterances`` but for its numbers of forms."""

    id: int
    session_id: int
    speaker_id: int | None
    stream: int
    track: int
    number: int
    language: str
    language_ppm: int
    position_us: int
    duration_us: int
    first_frame: int
    frame_count: int
    flags: str
    text: str
    recorded: str | None


def replace_session(db: Database, session: Session, record: Record | None, folder: SessionFolder, *, lexicon: Lexicon) -> None:
    """Delete what the tables hold of a session and insert what it is now; `record` is None for one that is not sealed yet.

    Needs a transaction in which `lexicon` has begun.
    """
    delete_session(db, session.id)
    session_id = insert(db, "sessions", _session_row(session, record, folder))
    speakers = _insert_seats(db, session_id, [*session.roster, *_named_later(record)])
    if record:
        _insert_tracks(db, session_id, record)
        _insert_notes(db, session_id, record)
        _insert_runs(db, session_id, record)
        _insert_coverage(db, session_id, record)
        _insert_corrections(db, session_id, record)
        rows = [_row(line, session_id, speakers.get(line.utterance.person or ""), at_ms) for at_ms, line in _timed(record)]
        insert_utterances(db, _numbered(db, rows, session.id), lexicon=lexicon)


def delete_session(db: Database, session: str) -> None:
    """Take a session out of every table and of the index."""
    db.execute("DELETE FROM sessions WHERE session = ?", [session])


def delete_unseated(db: Database) -> None:
    """Take out speakers that no roster names any more."""
    db.execute("DELETE FROM speakers WHERE id NOT IN (SELECT speaker_id FROM seats)")


def insert_utterances(db: Database, rows: Sequence[Row], *, lexicon: Lexicon) -> None:
    """Utterances of one session with their forms, into the table and the index."""
    if not rows:
        return
    utterances, searched = [], []
    columns = lexicon.columns
    for row in rows:
        form_ids, forms = columns(row.text, row.language)
        utterances.append((*row, form_ids))
        speaker = None if row.speaker_id is None else f"s{row.speaker_id}"
        searched.append((row.id, respelled(row.text), forms, speaker, row.language, row.flags))
    lexicon.flush()
    db.conn.executemany(_UTTERANCE, utterances)
    db.conn.executemany(_SEARCHED, searched)
    ids = [row.id for row in rows]
    db.execute("UPDATE sessions SET first_id = ?, last_id = ? WHERE id = ?", [min(ids), max(ids), rows[0].session_id])


def insert(db: Database, table: str, row: Mapping[str, object]) -> int:
    """Insert and return the row id.  Plain SQL, prepared once a shape: sqlite-utils looks at the schema for every row."""
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    cursor = db.conn.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608  (names are ours)
    return int(cursor.lastrowid or 0)


def path_text(folder: SessionFolder) -> str:
    """The folder's path as the database keeps it: a name that is not UTF-8 is written with escapes."""
    return os.fsencode(folder.path.absolute()).decode("utf-8", "backslashreplace")


def _session_row(session: Session, record: Record | None, folder: SessionFolder) -> dict[str, object]:
    started = record.started_at_us if record else None
    return {
        "session": session.id,
        "title": session.title,
        "place": session.place,
        "languages": " ".join(session.languages),
        "origin": session.origin,
        "operator": session.operator,
        "created_at": iso(session.created_at_us),
        "created_at_us": session.created_at_us,
        "started_at": iso(started),
        "started_at_us": started,
        "duration_us": record.duration_us if record else None,
        "gap_us": record.gap_us if record else None,
        "is_sealed": record is not None,
        "seal": record.seal if record else None,
        "run": record.transcript.run.run if record and record.transcript else None,
        "is_reviewed": record is not None and record.is_reviewed,
        "path": path_text(folder),
    }


def _named_later(record: Record | None) -> list[Speaker]:
    """People that somebody has named since, who may not be in the roster."""
    lines = record.lines if record else ()
    names = {line.utterance.person: line.speaker for line in lines if line.utterance.person}
    return [Speaker(person, name) for person, name in sorted(names.items())]


def _insert_seats(db: Database, session_id: int, roster: Sequence[Speaker]) -> dict[str, int]:
    """Returns person → row id; of two entries of one person the first counts."""
    ids: dict[str, int] = {}
    for speaker in roster:
        if speaker.person not in ids:
            label = (speaker.person, speaker.name, speaker.role, speaker.delegation, speaker.language)
            db.execute(_SPEAKER, label)
            (row_id,) = db.execute(_SPEAKER_ID, label).fetchone()
            ids[speaker.person] = int(row_id)
            insert(db, "seats", {"session_id": session_id, "speaker_id": row_id, "track": speaker.track})
    return ids


_SPEAKER = "INSERT OR IGNORE INTO speakers (person, name, role, delegation, language) VALUES (?, ?, ?, ?, ?)"
_SPEAKER_ID = "SELECT id FROM speakers WHERE person = ? AND name = ? AND role = ? AND delegation = ? AND language = ?"


def _insert_tracks(db: Database, session_id: int, record: Record) -> None:
    for track in record.recording.tracks:
        stream = record.recording.streams[track.stream]
        row = {"session_id": session_id, "number": track.number, "stream": track.stream, "channel": track.channel}
        row |= {"rate_hz": stream.rate_hz, "frame_count": record.recording.end_frame(track.stream)}
        insert(db, "tracks", {**row, "sample_format": stream.sample_format, "input": stream.input.name})


def _insert_notes(db: Database, session_id: int, record: Record) -> None:
    for note in record.recording.notes:
        moment = record.axis.moment(note.stream, first_frame=note.frame, frame_count=0)
        row = {"session_id": session_id, "seq": note.seq, "at": iso(note.at_us), "at_us": note.at_us}
        row |= {"position_us": moment.position_us, "stream": note.stream, "frame": note.frame}
        insert(db, "notes", {**row, "text": note.text, "by": note.by})


def _insert_runs(db: Database, session_id: int, record: Record) -> None:
    for run in _finished_runs(record.folder):
        is_current = record.transcript is not None and record.transcript.run.run == run.run
        row = {"session_id": session_id, "run": run.run, "is_current": is_current}
        row |= {"started_at": iso(run.started_at_us), "started_at_us": run.started_at_us}
        row |= {name: _pairs(getattr(run, name)) for name in ("engine", "model", "settings")}
        insert(db, "runs", {**row, "windows": run.windows, "flagged_windows": run.flagged_windows})


def _finished_runs(folder: SessionFolder) -> Sequence[Run]:
    runs = []
    for name in run_names(folder):
        try:
            runs.append(read_run(folder, name))
        except NotTranscribed:  # still being made, or never finished
            continue
    return runs


def _pairs(values: Mapping[str, int | str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(values.items()))


def _insert_coverage(db: Database, session_id: int, record: Record) -> None:
    totals: dict[tuple[int, str], list[int]] = defaultdict(list)
    for span in joined(record.transcript.coverage) if record.transcript else ():
        totals[span.track, span.state].append(record.of_span(span).duration_us)
    for (track, state), lengths_us in totals.items():
        row = {"session_id": session_id, "track": track, "state": state}
        insert(db, "coverage", {**row, "spans": len(lengths_us), "duration_us": sum(lengths_us)})


def _insert_corrections(db: Database, session_id: int, record: Record) -> None:
    for entry in record.corrections:
        correction = entry.correction
        row = {name: getattr(correction, name) for name in _CORRECTION}
        row |= {"session_id": session_id, "utterance": entry.number, "at": iso(correction.at_us), "is_applied": entry.applied}
        insert(db, "corrections", row)


_CORRECTION = (
    "seq", "at_us", "by", "run", "stream", "track", "first_frame", "frame_count", "before", "after", "reason"
)  # fmt: skip


def _timed(record: Record) -> Iterator[tuple[int, Line]]:
    """Each line with the wall-clock ms of its beginning.

    A recording whose time nobody knows is placed at the time its session was made.
    """
    heard = {(track.stream, track.number) for track in record.recording.tracks}
    start_us = record.session.created_at_us if record.started_at_us is None else record.started_at_us
    for line in record.lines:
        utterance = line.utterance
        if (utterance.stream, utterance.track) not in heard:
            raise CorruptFolder(f"Utterance {utterance.id} names track {utterance.track}, which its stream does not have.")
        known_us = line.moment.utc_us
        at_us = start_us + line.moment.position_us if known_us is None else known_us
        if not -_LONGEST_TIME_MS < at_us // 1000 < _LONGEST_TIME_MS:
            raise CorruptFolder(f"Utterance {utterance.id} is at {at_us} µs, which is no time of a recording.")
        yield at_us // 1000, line


def _row(line: Line, session_id: int, speaker_id: int | None, at_ms: int) -> Row:
    """With the first row id of its millisecond; `_numbered` finds a free one."""
    utterance = line.utterance
    return Row(
        id=at_ms << 16,
        session_id=session_id,
        speaker_id=speaker_id,
        stream=utterance.stream,
        track=utterance.track,
        number=utterance.id,
        language=utterance.language,
        language_ppm=utterance.language_ppm,
        position_us=line.moment.position_us,
        duration_us=line.moment.duration_us,
        first_frame=utterance.first_frame,
        frame_count=utterance.frame_count,
        flags=" ".join(utterance.flags),
        text=line.text,
        recorded=line.recorded if line.is_corrected else None,
    )


def _numbered(db: Database, rows: Iterable[Row], session: str) -> list[Row]:
    """With free row ids, in their order.

    What stands beside the milliseconds begins at a number made from the session's id, so that a folder gets the same row ids
    whatever is indexed before it; a taken id moves on to the next.
    """
    mark = (crc32(session.encode()) & 0xFFF) << 4
    ordered = sorted(rows, key=lambda row: row.id)  # a stable sort: those of one millisecond keep the transcript's order
    if not ordered:
        return []
    ends = [ordered[0].id, ordered[-1].id + 0xFFFFF]
    taken = {row_id for (row_id,) in db.execute("SELECT id FROM utterances WHERE id BETWEEN ? AND ?", ends).fetchall()}
    result = []
    for row in ordered:
        row_id = next(row_id for row_id in count(row.id | mark) if row_id not in taken)
        taken.add(row_id)
        result.append(row._replace(id=row_id))
    return sorted(result, key=lambda row: row.id)


_UTTERANCE = f"INSERT INTO utterances ({', '.join(Row._fields)}, form_ids) VALUES ({', '.join('?' * len(Row._fields))}, ?)"  # noqa: S608  (ours)
_SEARCHED = "INSERT INTO utterances_fts (rowid, spelling, forms, speaker, language, flags) VALUES (?, ?, ?, ?, ?, ?)"
