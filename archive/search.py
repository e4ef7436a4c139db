# ruff: noqa: S608  (the SQL is put together from fixed pieces; every value is bound)
"""Find utterances.

Newest first by default: that costs the same for the commonest and the rarest word, however large the archive.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Literal

from sqlite_utils import Database

from archive.loose import Vocabulary
from archive.query import Field, Query, parse
from everyword.errors import InvalidOption, InvalidQuery

Order = Literal["time", "relevance"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a hit must be besides matching; empty means any.

    ``sessions`` are ids, times µs since 1970; a hit begins at or after `after_us` and before `before_us`.
    """

    speakers: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
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
    """Hits in the order asked for; ``more`` says that the limit cut them off.

    ``suggestions`` are words of the archive like those that are not in it, when there is no hit.
    """

    hits: tuple[Hit, ...]
    more: bool = False
    suggestions: tuple[str, ...] = ()


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
    db: Database,
    query: str,
    *,
    filters: Filters = Filters(),
    context: int = 0,
    limit: int = 20,
    order: Order = "time",
    is_loose: bool = False,
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
        is_loose: look for words like those typed, too, in either script; see `archive.loose`.

    Raises:
        InvalidQuery: see `parse`.
        InvalidOption: no session has a speaker of that name, or nobody that role.
    """
    vocabulary = Vocabulary(db)
    parsed = parse(query, languages=_spoken_languages(db), widen=vocabulary.near if is_loose else None)
    where = _Where(["utterances_fts MATCH ?"], [parsed.fts()])
    for narrowing in (filters, _typed_filters(db, parsed.fields)):
        _narrow(db, where, narrowing)
    by = "utterances_fts.rowid DESC" if order == "time" else "bm25(utterances_fts, 10.0, 10.0, 1.0), utterances_fts.rowid DESC"
    rows = db.query(
        f"SELECT {_PASSAGE} FROM utterances_fts CROSS JOIN utterances ON utterances.id = utterances_fts.rowid {_JOINS} "
        f"WHERE {' AND '.join(where.conditions)} ORDER BY {by} LIMIT ?",
        [*where.values, -1 if parsed.has_near else limit + 1],  # SQLite finds them one by one as we ask
    )
    meant = (row for row in rows if not parsed.has_near or parsed.is_met(str(row["text"]), str(row["language"])))
    found = list(islice(meant, limit + 1))
    hits = tuple(_hit(db, row, parsed, context=context) for row in found[:limit])
    return Answer(hits, more=len(found) > limit, suggestions=() if hits else _suggestions(db, parsed, vocabulary))


def _suggestions(db: Database, query: Query, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Three words like each word that nobody ever said; a word that was said is no misspelling."""
    found = "SELECT 1 FROM utterances_fts WHERE utterances_fts MATCH ? LIMIT 1"
    unknown = [word for word, term in query.words.items() if not db.execute(found, [term.fts()]).fetchone()]
    return tuple(dict.fromkeys(near for word in unknown for near in vocabulary.near(word)[:3]))


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
        _add_ids(db, where, "speaker_id", [row for name in filters.speakers for row in _speaker_ids(db, name)])
    if filters.sessions:
        marks = ", ".join("?" * len(filters.sessions))
        ids = db.execute(f"SELECT id FROM sessions WHERE session IN ({marks})", list(filters.sessions)).fetchall()
        _add_ids(db, where, "session_id", [row_id for (row_id,) in ids])
    if filters.languages:
        where.add_any("utterances.language", filters.languages)
    if filters.roles:
        _add_ids(db, where, "speaker_id", [row for role in filters.roles for row in _role_ids(db, role)])
    if filters.flags:
        has_flag = "instr(' ' || utterances.flags || ' ', ' ' || ? || ' ')"
        where.add("(" + " OR ".join([has_flag] * len(filters.flags)) + ")", *filters.flags)
    # the row id is the time, so FTS5 itself skips what lies outside; the second condition leaves out recordings of unknown time
    if filters.after_us is not None:
        where.add("utterances_fts.rowid >= ? AND utterances.started_at_us >= ?", _row_id(filters.after_us), filters.after_us)
    if filters.before_us is not None:
        where.add(
            "utterances_fts.rowid < ? AND utterances.started_at_us < ?", _row_id(filters.before_us + 1000), filters.before_us
        )


def _add_ids(db: Database, where: _Where, column: str, ids: Sequence[int]) -> None:
    """Only rows with one of `ids` in `column`; FTS5 is told from when to when those are, and walks past nothing else."""
    where.add_any(f"utterances.{column}", ids)
    ends: list[int] = []
    for row_id in ids:  # one look into an index for each end, however much the person said
        for end in ("min", "max"):
            (found,) = db.execute(f"SELECT {end}(id) FROM utterances WHERE {column} = ?", [row_id]).fetchone()
            ends += [] if found is None else [found]
    where.add("utterances_fts.rowid BETWEEN ? AND ?", min(ends, default=0), max(ends, default=-1))


def _typed_filters(db: Database, fields: Sequence[Field]) -> Filters:
    """What the ``speaker:`` and so on of a query narrow it by; of several dates the narrowest counts."""

    def values(name: str) -> tuple[str, ...]:
        return tuple(field.value for field in fields if field.name == name)

    def times(name: str) -> list[int]:
        return [_typed_time(field, is_end=name == "before") for field in fields if field.name == name]

    return Filters(
        speakers=values("speaker"),
        sessions=tuple(_typed_session(db, field) for field in fields if field.name == "session"),
        languages=values("lang"),
        roles=values("role"),
        flags=values("flag"),
        after_us=max(times("after"), default=None),
        before_us=min(times("before"), default=None),
    )


def _typed_time(field: Field, *, is_end: bool) -> int:
    try:
        return read_time(field.value, option=f"{field.name}:", is_end=is_end)
    except InvalidOption as error:
        raise InvalidQuery(f"{field.name}: at position {field.place}: {field.value!r} is not a date.", hint=error.hint) from error


def _typed_session(db: Database, field: Field) -> str:
    """The one session whose id, or whose folder's name, begins so; upper and lower case are the same."""
    wanted = field.value.casefold()
    known = db.execute("SELECT session, path FROM sessions").fetchall()
    found = [session for session, path in known if session.casefold() == wanted]
    found = found or [
        session
        for session, path in known
        if session.casefold().startswith(wanted) or path.rpartition("/")[2].casefold().startswith(wanted)
    ]
    if len(found) == 1:
        return str(found[0])
    fits = f"fits {len(found)} sessions" if found else "fits no session"
    raise InvalidQuery(
        f"session: at position {field.place}: {field.value!r} {fits}.", hint="`everyword sessions` lists those of the archive."
    )


def _role_ids(db: Database, name: str) -> list[int]:
    """Everyone whose role is `name`, or contains it if nobody's is; upper and lower case are the same."""
    wanted = name.strip().casefold()
    rows = [(row_id, role.casefold()) for row_id, role in db.execute("SELECT id, role FROM speakers").fetchall()]
    found = [row_id for row_id, role in rows if wanted and role == wanted]
    found = found or [row_id for row_id, role in rows if wanted and wanted in role]
    if found:
        return found
    known = ", ".join(sorted({role for _, role in rows if role})[:10]) or "no roles yet"
    raise InvalidOption(f"No session has somebody with the role {name!r}.", hint=f"The archive knows {known}.")


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
