# ruff: noqa: S608  (the SQL is put together from fixed pieces; every value is bound)
"""Find utterances.

Newest first by default: that costs the same for the commonest and the rarest word, however large the archive.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from sqlite_utils import Database

from archive.query import Query, parse
from everyword.errors import InvalidOption

Order = Literal["time", "relevance"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a hit must be besides matching; empty means any.

    ``sessions`` are ids, times µs since 1970; a hit begins at or after `after_us` and before `before_us`.
    """

    speakers: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    after_us: int | None = None
    before_us: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One utterance of the archive; `time` is ISO 8601 in UTC, or None when nobody knows when it was recorded."""

    session: str
    title: str
    run: str
    utterance: int
    track: int
    speaker: str
    person: str | None
    language: str
    time: str | None
    position_us: int
    duration_us: int
    text: str
    is_corrected: bool
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that answers the query; ``matches`` are (start, end) in characters of its text."""

    passage: Passage
    matches: tuple[tuple[int, int], ...]
    before: tuple[Passage, ...] = ()
    after: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits in the order asked for; ``more`` says that the limit cut them off."""

    hits: tuple[Hit, ...]
    more: bool = False


@dataclass(slots=True)
class _Where:
    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)

    def add(self, condition: str, *values: object) -> None:
        self.conditions.append(condition)
        self.values.extend(values)

    def add_any(self, column: str, values: Sequence[object]) -> None:
        self.add(f"{column} IN ({', '.join('?' * len(values))})", *values)


def search(
    db: Database, query: str, *, filters: Filters = Filters(), context: int = 0, limit: int = 20, order: Order = "time"
) -> Answer:
    """Look for `query` in the current text of every session.

    Args:
        db: from `archive.schema.open_archive`, indexed.
        query: see `archive.query`.
        filters: what to narrow the hits by.
        context: utterances of the same session to show before and after each hit.
        limit: of hits.
        order: ``time`` is newest first, recordings of unknown time at the time their session was made; ``relevance`` is bm25,
            words that stand in the text before other forms of them.

    Raises:
        InvalidQuery: see `parse`.
        InvalidOption: no session has a speaker of that name.
    """
    parsed = parse(query, languages=_spoken_languages(db))
    where = _Where(["utterances_fts MATCH ?"], [parsed.fts()])
    _narrow(db, where, filters)
    by = "utterances_fts.rowid DESC" if order == "time" else "bm25(utterances_fts, 10.0, 10.0, 1.0), utterances_fts.rowid DESC"
    rows = db.query(
        f"SELECT {_PASSAGE} FROM utterances_fts CROSS JOIN utterances ON utterances.id = utterances_fts.rowid {_JOINS} "
        f"WHERE {' AND '.join(where.conditions)} ORDER BY {by} LIMIT ?",
        [*where.values, limit + 1],
    )
    found = list(rows)
    hits = tuple(_hit(db, row, parsed, context=context) for row in found[:limit])
    return Answer(hits, more=len(found) > limit)


def read_time(value: str, *, option: str, is_end: bool = False) -> int:
    """µs since 1970 of ``2026-11-22`` or ``2026-11-22T09:30``; a time without zone is UTC, `is_end` takes a whole day as its end.

    Raises:
        InvalidOption: it is neither.
    """
    try:
        if len(value) == len("2026-11-22"):
            day = date.fromisoformat(value) + timedelta(days=1 if is_end else 0)
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        raise InvalidOption(
            f"{option} {value!r} is not a date.", hint="Write it as 2026-11-22 or 2026-11-22T09:30 (UTC, or with +02:00)."
        ) from error


_PASSAGE = """
utterances.id, utterances.session_id, sessions.session, sessions.title, runs.run, utterances.number, tracks.number AS track,
speakers.name, speakers.person, utterances.language, utterances.started_at, utterances.position_us, utterances.duration_us,
utterances.text, utterances.recorded, utterances.flags
"""

_JOINS = """
JOIN sessions ON sessions.id = utterances.session_id
JOIN runs ON runs.id = utterances.run_id
JOIN tracks ON tracks.id = utterances.track_id
LEFT JOIN speakers ON speakers.id = utterances.speaker_id
"""


def _spoken_languages(db: Database) -> list[str]:
    lists = db.execute("SELECT DISTINCT spoken_languages FROM runs WHERE is_current").fetchall()
    return sorted({language for (languages,) in lists for language in languages.split()})


def _narrow(db: Database, where: _Where, filters: Filters) -> None:
    if filters.speakers:
        where.add_any("utterances.speaker_id", [row for name in filters.speakers for row in _speaker_ids(db, name)])
    if filters.sessions:
        marks = ", ".join("?" * len(filters.sessions))
        ids = db.execute(f"SELECT id FROM sessions WHERE session IN ({marks})", list(filters.sessions)).fetchall()
        where.add_any("utterances.session_id", [row_id for (row_id,) in ids])
    if filters.languages:
        where.add_any("utterances.language", filters.languages)
    # the row id is the time, so FTS5 itself skips what lies outside; the second condition leaves out recordings of unknown time
    if filters.after_us is not None:
        where.add("utterances_fts.rowid >= ? AND utterances.started_at_us >= ?", _row_id(filters.after_us), filters.after_us)
    if filters.before_us is not None:
        where.add(
            "utterances_fts.rowid < ? AND utterances.started_at_us < ?", _row_id(filters.before_us + 1000), filters.before_us
        )


def _row_id(at_us: int) -> int:
    """The first row id of a millisecond; beyond what a row id can be, the nearest one."""
    return max(-(1 << 46), min(at_us // 1000, 1 << 46)) << 16


def _speaker_ids(db: Database, name: str) -> list[int]:
    """Everyone whose key, or any of whose names, is `name`, or contains it if none is; upper and lower case are the same."""
    wanted = name.strip().casefold()
    rows = db.execute("SELECT id, person, name FROM speakers").fetchall()
    tests: tuple[Callable[[str], bool], ...] = (lambda text: text == wanted, lambda text: bool(wanted) and wanted in text)
    for is_meant in tests:
        persons = {person for _, person, label in rows if is_meant(person.casefold()) or is_meant(label.casefold())}
        if persons:
            return [row_id for row_id, person, _ in rows if person in persons]
    known = ", ".join(sorted({label for _, _, label in rows})[:10]) or "nobody yet"
    raise InvalidOption(f"No session has a speaker {name!r}.", hint=f"The archive knows {known}.")


def _hit(db: Database, row: Mapping[str, object], query: Query, *, context: int) -> Hit:
    passage = _passage(row)
    matches = tuple(query.matches(passage.text, passage.language))
    if not context:
        return Hit(passage, matches)
    before = _neighbours(db, row, context, comparison="<", direction="DESC")
    after = _neighbours(db, row, context, comparison=">", direction="ASC")
    return Hit(passage, matches, tuple(reversed(before)), tuple(after))


def _neighbours(db: Database, row: Mapping[str, object], count: int, *, comparison: str, direction: str) -> list[Passage]:
    rows = db.query(
        f"SELECT {_PASSAGE} FROM utterances {_JOINS} WHERE utterances.session_id = ? AND utterances.id {comparison} ? "
        f"ORDER BY utterances.id {direction} LIMIT ?",
        [row["session_id"], row["id"], count],
    )
    return [_passage(neighbour) for neighbour in rows]


def _passage(row: Mapping[str, object]) -> Passage:
    return Passage(
        session=str(row["session"]),
        title=str(row["title"]),
        run=str(row["run"]),
        utterance=int(str(row["number"])),
        track=int(str(row["track"])),
        speaker=str(row["name"] or f"Track {row['track']}"),
        person=None if row["person"] is None else str(row["person"]),
        language=str(row["language"]),
        time=None if row["started_at"] is None else str(row["started_at"]),
        position_us=int(str(row["position_us"])),
        duration_us=int(str(row["duration_us"])),
        text=str(row["text"]),
        is_corrected=row["recorded"] is not None,
        flags=tuple(str(row["flags"]).split()),
    )
