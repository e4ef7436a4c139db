"""One session as rows: everything that can be made of its folder without looking at the database."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from archive.index.forms import respelled
from archive.index.lexicon import Met, Texts
from archive.record import Line, Record, iso, joined, read_record
from everyword.errors import CorruptFolder, NotTranscribed
from everyword.folder import SessionFolder
from everyword.model import Run, Session, Speaker
from everyword.run import read_run, run_names

_LONGEST_TIME_MS = 1 << 46
"""Wall-clock ms that fit beside 16 bits in SQLite's integers: until the year 4199."""

Seat = tuple[str, str, str, str, str, int | None]
"""Person, name, role, delegation, language, track."""


class Row(NamedTuple):
    """What the index keeps of an utterance, before it has a row id; most fields are columns of ``utterances``.

    ``at_ms`` is when it began, ``spelling`` its text as it is searched, ``forms`` the dictionary forms of its words that differ
    from them, with spaces between.
    """

    at_ms: int
    person: str | None
    language: str
    flags: str
    spelling: str
    forms: str
    stream: int
    track: int
    number: int
    language_ppm: int
    position_us: int
    duration_us: int
    first_frame: int
    frame_count: int
    text: str
    recorded: str | None


class Columns(NamedTuple):
    """Many a `Row`, turned: a sequence for each field, newest first; ``rest`` are the fields that have none of their own.

    Other processes make them and SQLite takes them so, without one step of Python for each utterance.
    """

    at_ms: Sequence[int] = ()
    person: Sequence[str | None] = ()
    language: Sequence[str] = ()
    flags: Sequence[str] = ()
    spelling: Sequence[str] = ()
    forms: Sequence[str] = ()
    rest: Sequence[Sequence[object]] = ()


REST = Row._fields[len(Columns._fields) - 1 :]
"""Of which fields the ``rest`` of `Columns` is."""


NO_UTTERANCES = Columns()


def columns(rows: Sequence[Row]) -> Columns:
    """`rows` from the newest to the oldest; of one millisecond, what stands last is the newest."""
    if not rows:
        return NO_UTTERANCES
    at_ms, person, language, flags, spelling, forms, *rest = zip(*sorted(rows, key=itemgetter(0))[::-1], strict=True)
    return Columns(at_ms, person, language, flags, spelling, forms, rest)


@dataclass(frozen=True, slots=True)
class SessionRows:
    """One session for the tables; other processes make it, too, so it holds nothing but plain values.

    ``session`` is its row of ``sessions``, ``others`` are rows of tables that refer to it, without its number; ``words`` are
    those of its texts that were not told of before.
    """

    session: Mapping[str, object]
    seats: Sequence[Seat] = ()
    others: Sequence[tuple[str, Mapping[str, object]]] = ()
    utterances: Columns = NO_UTTERANCES
    words: Sequence[Met] = ()


def read_rows(folder: SessionFolder, texts: Texts) -> SessionRows:
    """Read a session folder, sealed or not.

    Raises:
        EverywordError, OSError, ValueError, ArithmeticError, KeyError, TypeError: a folder may hold anything.
    """
    session = folder.read_session()
    record = read_record(folder) if folder.is_sealed else None
    row = _session_row(session, record, folder)
    if record is None:
        return SessionRows(row, _seats(session.roster))
    others = [*_tracks(record), *_notes(record), *_runs(record), *_coverage(record), *_corrections(record)]
    utterances = [_row(line, at_ms, texts) for at_ms, line in _timed(record)]
    return SessionRows(row, _seats([*session.roster, *_named_later(record)]), others, columns(utterances), texts.take())


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


def _named_later(record: Record) -> list[Speaker]:
    """People that somebody has named since, who may not be in the roster."""
    names = {line.utterance.person: line.speaker for line in record.lines if line.utterance.person}
    return [Speaker(person, name) for person, name in sorted(names.items())]


def _seats(roster: Iterable[Speaker]) -> list[Seat]:
    """Of two entries of one person the first counts."""
    first = {one.person: one for one in reversed(list(roster))}
    return [(one.person, one.name, one.role, one.delegation, one.language, one.track) for one in first.values()]


def _tracks(record: Record) -> Iterator[tuple[str, dict[str, object]]]:
    for track in record.recording.tracks:
        stream = record.recording.streams[track.stream]
        row = {"number": track.number, "stream": track.stream, "channel": track.channel}
        row |= {"rate_hz": stream.rate_hz, "frame_count": record.recording.end_frame(track.stream)}
        yield "tracks", {**row, "sample_format": stream.sample_format, "input": stream.input.name}


def _notes(record: Record) -> Iterator[tuple[str, dict[str, object]]]:
    for note in record.recording.notes:
        moment = record.axis.moment(note.stream, first_frame=note.frame, frame_count=0)
        row = {"seq": note.seq, "at": iso(note.at_us), "at_us": note.at_us}
        row |= {"position_us": moment.position_us, "stream": note.stream, "frame": note.frame}
        yield "notes", {**row, "text": note.text, "by": note.by}


def _runs(record: Record) -> Iterator[tuple[str, dict[str, object]]]:
    for run in _finished_runs(record.folder):
        is_current = record.transcript is not None and record.transcript.run.run == run.run
        row = {"run": run.run, "is_current": is_current}
        row |= {"started_at": iso(run.started_at_us), "started_at_us": run.started_at_us}
        row |= {name: _pairs(getattr(run, name)) for name in ("engine", "model", "settings")}
        yield "runs", {**row, "windows": run.windows, "flagged_windows": run.flagged_windows}


def _finished_runs(folder: SessionFolder) -> Sequence[Run]:
    runs = []
    for name in run_names(folder):
        try:
            runs.append(read_run(folder, name))
        except NotTranscribed:  # still being made, or never finished
            continue
        except CorruptFolder:  # the one that counts was read whole before
            continue
    return runs


def _pairs(values: Mapping[str, int | str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(values.items()))


def _coverage(record: Record) -> Iterator[tuple[str, dict[str, object]]]:
    totals: dict[tuple[int, str], list[int]] = defaultdict(list)
    for span in joined(record.transcript.coverage) if record.transcript else ():
        totals[span.track, span.state].append(record.of_span(span).duration_us)
    for (track, state), lengths_us in totals.items():
        yield "coverage", {"track": track, "state": state, "spans": len(lengths_us), "duration_us": sum(lengths_us)}


def _corrections(record: Record) -> Iterator[tuple[str, dict[str, object]]]:
    for entry in record.corrections:
        correction = entry.correction
        row = {name: getattr(correction, name) for name in _CORRECTION}
        yield "corrections", row | {"utterance": entry.number, "at": iso(correction.at_us), "is_applied": entry.applied}


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


def _row(line: Line, at_ms: int, texts: Texts) -> Row:
    utterance = line.utterance
    return Row(
        at_ms=at_ms,
        person=utterance.person,
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
        spelling=respelled(line.text),
        forms=texts.forms(line.text, utterance.language),
    )
