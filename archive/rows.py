"""One session as rows: the only module that writes to the tables."""

import os
from collections.abc import Mapping, Sequence
from itertools import count
from zlib import crc32

from sqlite_utils import Database

from archive.forms import index_columns
from archive.record import Line, Record, iso
from everyword.errors import CorruptFolder, NotTranscribed
from everyword.folder import SessionFolder
from everyword.model import Run, Session
from everyword.run import read_run, run_names

_LONGEST_TIME_MS = 1 << 46
"""Wall-clock ms that fit beside 16 bits in SQLite's integers: until the year 4199."""


def replace_session(db: Database, session: Session, record: Record | None, folder: SessionFolder) -> None:
    """Delete what the tables hold of a session and insert what it is now; `record` is None for one that is not sealed yet."""
    db.execute("DELETE FROM sessions WHERE session = ?", [session.id])
    session_id = insert(db, "sessions", _session_row(session, record, folder))
    speakers: dict[str, int] = {}
    for speaker in session.roster:
        if speaker.person not in speakers:
            row = {name: getattr(speaker, name) for name in ("person", "name", "role", "delegation", "language", "track")}
            speakers[speaker.person] = insert(db, "speakers", {"session_id": session_id, **row})
    if record:
        tracks = _insert_tracks(db, session_id, record)
        _insert_notes(db, session_id, record)
        numbers = _insert_transcript(db, session_id, record, tracks=tracks, speakers=speakers)
        _insert_corrections(db, session_id, record, numbers)


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


def _insert_tracks(db: Database, session_id: int, record: Record) -> dict[tuple[int, int], int]:
    """Returns (stream, track number) → row id."""
    ids = {}
    for track in record.recording.tracks:
        stream = record.recording.streams[track.stream]
        ids[track.stream, track.number] = insert(
            db,
            "tracks",
            {
                "session_id": session_id,
                "number": track.number,
                "stream": track.stream,
                "channel": track.channel,
                "rate_hz": stream.rate_hz,
                "sample_format": stream.sample_format,
                "frame_count": record.recording.end_frame(track.stream),
                "input": stream.input.name,
            },
        )
    return ids


def _insert_notes(db: Database, session_id: int, record: Record) -> None:
    for note in record.recording.notes:
        moment = record.axis.moment(note.stream, first_frame=note.frame, frame_count=0)
        row = {"session_id": session_id, "seq": note.seq, "at": iso(note.at_us), "at_us": note.at_us}
        row |= {"position_us": moment.position_us, "stream": note.stream, "frame": note.frame}
        insert(db, "notes", {**row, "text": note.text, "by": note.by})


def _insert_transcript(
    db: Database, session_id: int, record: Record, *, tracks: dict[tuple[int, int], int], speakers: dict[str, int]
) -> dict[int, int]:
    """Every run, and what the current one says; returns utterance number → row id."""
    spoken = " ".join(sorted({line.utterance.language for line in record.lines}))
    runs = {}
    for run in _finished_runs(record.folder):
        is_current = record.transcript is not None and record.transcript.run.run == run.run
        runs[run.run] = insert(db, "runs", _run_row(run, session_id, is_current=is_current, spoken=spoken if is_current else ""))
    if record.transcript is None:
        return {}
    run_id = runs[record.transcript.run.run]
    numbers = {}
    for line in record.lines:
        utterance = line.utterance
        track_id = tracks.get((utterance.stream, utterance.track))
        if track_id is None:
            raise CorruptFolder(f"Utterance {utterance.id} names track {utterance.track}, which its stream does not have.")
        row_id = _free_row_id(db, record, line)
        numbers[utterance.id] = row_id
        keys = {"id": row_id, "session_id": session_id, "run_id": run_id, "track_id": track_id}
        insert(db, "utterances", {**keys, "speaker_id": speakers.get(utterance.person or ""), **_utterance_row(line)})
        db.conn.executemany(_WORDS, _word_rows(row_id, line))
    _insert_coverage(db, record, {"session_id": session_id, "run_id": run_id}, tracks)
    return numbers


def _finished_runs(folder: SessionFolder) -> Sequence[Run]:
    runs = []
    for name in run_names(folder):
        try:
            runs.append(read_run(folder, name))
        except NotTranscribed:  # still being made, or never finished
            continue
    return runs


def _run_row(run: Run, session_id: int, *, is_current: bool, spoken: str) -> dict[str, object]:
    return {
        "session_id": session_id,
        "run": run.run,
        "is_current": is_current,
        "started_at": iso(run.started_at_us),
        "started_at_us": run.started_at_us,
        "engine": _pairs(run.engine),
        "model": _pairs(run.model),
        "settings": _pairs(run.settings),
        "spoken_languages": spoken,
        "windows": run.windows,
        "flagged_windows": run.flagged_windows,
    }


def _pairs(values: dict[str, str] | dict[str, int | str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(values.items()))


def _free_row_id(db: Database, record: Record, line: Line) -> int:
    """Milliseconds of the wall clock << 16 | n; row order is time order.

    A recording whose time nobody knows is placed at the time its session was made.  n begins at a number made from the
    session's id, so that a folder gets the same row ids whatever is indexed before it; a taken id moves on to the next.
    """
    known_us = line.moment.utc_us
    at_us = record.session.created_at_us + line.moment.position_us if known_us is None else known_us
    if not -_LONGEST_TIME_MS < at_us // 1000 < _LONGEST_TIME_MS:
        raise CorruptFolder(f"Utterance {line.utterance.id} is at {at_us} µs, which is no time of a recording.")
    first = (at_us // 1000 << 16) | (crc32(record.session.id.encode()) & 0xFFF) << 4
    for row_id in count(first):
        if not db.execute("SELECT 1 FROM utterances WHERE id = ?", [row_id]).fetchone():
            return row_id
    raise AssertionError  # count() never ends


def _utterance_row(line: Line) -> dict[str, object]:
    utterance = line.utterance
    spelled, forms = index_columns(line.text, utterance.language)
    return {
        "number": utterance.id,
        "language": utterance.language,
        "language_ppm": utterance.language_ppm,
        "started_at": iso(line.moment.utc_us),
        "started_at_us": line.moment.utc_us,
        "position_us": line.moment.position_us,
        "duration_us": line.moment.duration_us,
        "first_frame": utterance.first_frame,
        "frame_count": utterance.frame_count,
        "window": utterance.window,
        "flags": " ".join(utterance.flags),
        "text": line.text,
        "recorded": line.recorded if line.is_corrected else None,
        "spelling": spelled,
        "forms": forms,
    }


_WORDS = """
INSERT INTO words (utterance_id, number, text, first_frame, frame_count, probability_ppm, flags) VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def _word_rows(row_id: int, line: Line) -> list[tuple[int | str, ...]]:
    return [
        (row_id, number, word.text.strip(), word.first_frame, word.frame_count, word.probability_ppm, " ".join(word.flags))
        for number, word in enumerate(line.utterance.words, 1)
    ]


def _insert_coverage(db: Database, record: Record, keys: dict[str, int], tracks: dict[tuple[int, int], int]) -> None:
    for span in record.transcript.coverage if record.transcript else ():
        moment = record.of_span(span)
        row = {"state": span.state, "reason": span.reason, "position_us": moment.position_us, "duration_us": moment.duration_us}
        row |= {"first_frame": span.first_frame, "frame_count": span.frame_count}
        insert(db, "coverage", {**keys, "track_id": tracks[span.stream, span.track], **row})


def _insert_corrections(db: Database, session_id: int, record: Record, numbers: dict[int, int]) -> None:
    for entry in record.corrections:
        correction = entry.correction
        insert(
            db,
            "corrections",
            {
                "session_id": session_id,
                "utterance_id": numbers.get(entry.number) if entry.number is not None else None,
                "seq": correction.seq,
                "at": iso(correction.at_us),
                "at_us": correction.at_us,
                "by": correction.by,
                "run": correction.run,
                "stream": correction.stream,
                "track": correction.track,
                "first_frame": correction.first_frame,
                "frame_count": correction.frame_count,
                "before": correction.before,
                "after": correction.after,
                "reason": correction.reason,
                "is_applied": entry.applied,
            },
        )
