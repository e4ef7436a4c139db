# ruff: noqa: S608  (the SQL is put together from fixed pieces; every value is bound)
"""What narrows an answer: options, the fields of a query, and how the database is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlite_utils import Database

from archive.index.rowid import row_id
from archive.query.language import Field
from everyword.errors import InvalidOption, InvalidQuery

MOST_LISTED = 200
"""Speakers the index is asked for by name; of more, every utterance is looked at."""


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


NO_FILTERS = Filters()


@dataclass(slots=True)
class Narrowing:
    """The same for SQLite: conditions with their values, row ids from `first` to `last`, and expressions for FTS5."""

    conditions: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    expressions: list[str] = field(default_factory=list)
    first: int | None = None
    last: int | None = None

    def add(self, condition: str, *values: object) -> None:
        """A condition on ``utterances``."""
        self.conditions.append(condition)
        self.values.extend(values)

    def add_any(self, column: str, values: Sequence[object]) -> None:
        """One of several values."""
        self.add(f"{column} IN ({', '.join('?' * len(values))})", *values)

    def add_range(self, first: int | None, last: int | None) -> None:
        """Row ids from `first` to `last`; None is no bound."""
        self.first = max((one for one in (self.first, first) if one is not None), default=None)
        self.last = min((one for one in (self.last, last) if one is not None), default=None)

    def where(self, column: str) -> tuple[list[str], list[object]]:
        """Conditions and values, with the range as one on `column`."""
        conditions, values = list(self.conditions), list(self.values)
        for bound, sign in ((self.first, ">="), (self.last, "<=")):
            if bound is not None:
                conditions.append(f"{column} {sign} ?")
                values.append(bound)
        return conditions, values


def narrowing(db: Database, filters: Filters, typed: Sequence[Field]) -> Narrowing:
    """Both what the options say and what the fields of a query say.

    Raises:
        InvalidOption: no session has a speaker of that name, or nobody that role.
        InvalidQuery: a field names no date, or not one session.
    """
    result = Narrowing()
    if filters != NO_FILTERS:
        _narrow(db, result, filters)
    if typed:
        _narrow(db, result, _typed_filters(db, typed))
    return result


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


def find_session(db: Database, name: str) -> str | int:
    """The id of the one session whose id, or whose folder's name, begins so, or how many there are."""
    wanted = name.casefold()
    known = db.execute("SELECT session, path FROM sessions").fetchall()
    found = [session for session, _ in known if session.casefold() == wanted]
    found = found or [
        session
        for session, path in known
        if session.casefold().startswith(wanted) or path.rpartition("/")[2].casefold().startswith(wanted)
    ]
    return str(found[0]) if len(found) == 1 else len(found)


def _narrow(db: Database, result: Narrowing, filters: Filters) -> None:
    if filters.speakers:
        _add_speakers(result, [row for name in filters.speakers for row in _speaker_ids(db, name)])
    if filters.roles:
        _add_speakers(result, [row for role in filters.roles for row in _role_ids(db, role)])
    if filters.sessions:
        marks = ", ".join("?" * len(filters.sessions))
        rows = db.execute(
            f"SELECT id, first_id, last_id FROM sessions WHERE session IN ({marks})", list(filters.sessions)
        ).fetchall()
        result.add_any("utterances.session_id", [row_id for row_id, _, _ in rows])
        spoken = [(first, last) for _, first, last in rows if first is not None]
        result.add_range(min((first for first, _ in spoken), default=0), max((last for _, last in spoken), default=-1))
    if filters.languages:
        result.add_any("utterances.language", filters.languages)
        _add_expression(result, "language", filters.languages)
    if filters.flags:
        has_flag = "instr(' ' || utterances.flags || ' ', ' ' || ? || ' ')"
        result.add("(" + " OR ".join([has_flag] * len(filters.flags)) + ")", *filters.flags)
        _add_expression(result, "flags", filters.flags)
    if filters.after_us is not None or filters.before_us is not None:
        result.add(_HAS_TIME)  # the row id of others is no time
        result.add_range(
            None if filters.before_us is None else _first_id(filters.before_us) + 1,
            None if filters.after_us is None else _first_id(filters.after_us),
        )


_HAS_TIME = "EXISTS (SELECT 1 FROM sessions WHERE id = utterances.session_id AND started_at_us IS NOT NULL)"


def _add_speakers(result: Narrowing, ids: Sequence[int]) -> None:
    result.add_any("utterances.speaker_id", ids)
    if len(ids) <= MOST_LISTED:
        _add_expression(result, "speaker", [f"s{row_id}" for row_id in ids])


def _add_expression(result: Narrowing, column: str, values: Sequence[str]) -> None:
    """Let FTS5 find them; what has no letter in it is left to the other condition."""
    if all(value.isascii() and any(char.isalnum() for char in value) and '"' not in value for value in values):
        listed = " OR ".join(f'"{value}"' for value in values)
        result.expressions.append(f"({column} : ({listed}))")


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
    found = find_session(db, field.value)
    if isinstance(found, str):
        return found
    fits = f"fits {found} sessions" if found else "fits no session"
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


def _first_id(at_us: int) -> int:
    """The row id of whatever could be said first at a time or after it; beyond what a row id can be, the nearest one."""
    return row_id(max(-(1 << 46), min(-(-at_us // 1000), 1 << 46)))


def _speaker_ids(db: Database, name: str) -> list[int]:
    """Everyone any of whose keys or names is `name`, or contains it if none is; upper and lower case are the same."""
    wanted = name.strip().casefold()
    rows = db.execute("SELECT id, coalesce(same_as, person), person, name, coalesce(renamed, '') FROM speakers").fetchall()
    tests: tuple[Callable[[str], bool], ...] = (lambda text: text == wanted, lambda text: bool(wanted) and wanted in text)
    for is_meant in tests:
        persons = {labels[0] for _, *labels in rows if any(is_meant(one.casefold()) for one in labels)}
        if persons:
            return [row_id for row_id, person, *_ in rows if person in persons]
    known = ", ".join(sorted({called for *_, called, _ in rows})[:10]) or "nobody yet"
    raise InvalidOption(f"No session has a speaker {name!r}.", hint=f"The archive knows {known}.")
