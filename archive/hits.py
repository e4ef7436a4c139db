# ruff: noqa: S608  (the SQL is put together from fixed pieces; every value is bound)
"""What a search answers: passages of the archive, and how they are read from its rows."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from sqlite_utils import Database

from archive.match import Matcher
from everyword.clock import MICROSECONDS, clock_text, iso

Order = Literal["time", "relevance"]


class Row(NamedTuple):
    """One row of `COLUMNS`."""

    id: int
    session_id: int
    session: str
    title: str
    run: str
    number: int
    track: int
    name: str | None
    person: str | None
    role: str | None
    delegation: str | None
    language: str
    started_at_us: int | None
    position_us: int
    duration_us: int
    text: str
    recorded: str | None
    flags: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One utterance of the archive; `time` is ISO 8601 in UTC, or None when nobody knows when it was recorded.

    ``revision`` says which text this is: the run, and after a ``+`` the ledger line of the last correction in it.
    """

    session: str
    title: str
    run: str
    revision: str
    utterance: int
    track: int
    speaker: str
    person: str | None
    role: str
    delegation: str
    language: str
    time: str | None
    position_us: int
    duration_us: int
    text: str
    is_corrected: bool
    flags: tuple[str, ...]


class Asked(Protocol):
    """What a hit needs to know of the search it answers: an `archive.search.Search`."""

    db: Database
    as_recorded: bool

    @property
    def matcher(self) -> Matcher:
        """The query held against a text."""


class Hit:
    """An utterance that answers the query; what is asked of it is worked out when it is asked for.

    ``passage`` is the utterance, ``matches`` are (start, end) in characters of its text, ``before`` and ``after`` the utterances
    around it, as many as the search was told.
    """

    __slots__ = ("_asked", "after", "before", "row")

    def __init__(self, asked: Asked, row: Row, *, context: int = 0) -> None:
        self._asked = asked
        self.row = row
        self.before: tuple[Passage, ...] = ()
        self.after: tuple[Passage, ...] = ()
        if context:
            self.before, self.after = neighbours(asked.db, row, context, as_recorded=asked.as_recorded)

    @property
    def passage(self) -> Passage:
        """The utterance."""
        return passage(self._asked.db, self.row, as_recorded=self._asked.as_recorded)

    @property
    def matches(self) -> tuple[tuple[int, int], ...]:
        """Where its text holds what was looked for, in order, not overlapping."""
        text = text_of(self.row, as_recorded=self._asked.as_recorded)
        return tuple(self._asked.matcher.matches(text, self.row.language))


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits in the order asked for; ``more`` says that the limit cut them off.

    ``suggestions`` are words of the archive like those that are not in it, when there is no hit.  ``candidates`` is how many
    utterances were compared for an order by relevance, 0 for one by time; ``is_capped`` says that there were more of them.
    """

    hits: tuple[Hit, ...]
    more: bool = False
    suggestions: tuple[str, ...] = ()
    candidates: int = 0
    is_capped: bool = False


COLUMNS = """
utterances.id, utterances.session_id, sessions.session, sessions.title, sessions.run, utterances.number, utterances.track,
coalesce(speakers.renamed, speakers.name), speakers.person, speakers.role, speakers.delegation, utterances.language,
sessions.started_at_us,
utterances.position_us, utterances.duration_us, utterances.text, utterances.recorded, utterances.flags
"""

JOINS = """
JOIN sessions ON sessions.id = utterances.session_id
LEFT JOIN speakers ON speakers.id = utterances.speaker_id
"""


def select(db: Database, rest: str, values: Sequence[object]) -> Iterator[Row]:
    """The rows of ``SELECT columns FROM rest``, one by one as they are asked for."""
    return map(Row._make, db.conn.execute(f"SELECT {COLUMNS} FROM {rest}", values))


def passage(db: Database, row: Row, *, as_recorded: bool = False) -> Passage:
    """A row as people see it; with `as_recorded` in the machine's own words."""
    is_corrected = row.recorded is not None and not as_recorded
    return Passage(
        session=row.session,
        title=row.title,
        run=row.run,
        revision=f"{row.run}+{_last_correction(db, row)}" if is_corrected else row.run,
        utterance=row.number,
        track=row.track,
        speaker=row.name or f"Track {row.track}",
        person=row.person,
        role=row.role or "",
        delegation=row.delegation or "",
        language=row.language,
        time=None if row.started_at_us is None else iso((row.id >> 16) * 1000),
        position_us=row.position_us,
        duration_us=row.duration_us,
        text=text_of(row, as_recorded=as_recorded),
        is_corrected=is_corrected,
        flags=tuple(row.flags.split()),
    )


def text_of(row: Row, *, as_recorded: bool) -> str:
    """The text as it stands now, or the machine's."""
    return row.recorded if as_recorded and row.recorded is not None else row.text


def neighbours(db: Database, row: Row, count: int, *, as_recorded: bool) -> tuple[tuple[Passage, ...], tuple[Passage, ...]]:
    """The `count` utterances before and after one, of its session, in the order they were said."""
    before = _beside(db, row, count, comparison="<", direction="DESC", as_recorded=as_recorded)
    after = _beside(db, row, count, comparison=">", direction="ASC", as_recorded=as_recorded)
    return tuple(reversed(before)), tuple(after)


def _beside(db: Database, row: Row, count: int, *, comparison: str, direction: str, as_recorded: bool) -> Sequence[Passage]:
    rows = select(
        db,
        f"utterances {JOINS} WHERE utterances.session_id = ? AND utterances.id {comparison} ? "
        f"AND utterances.id BETWEEN sessions.first_id AND sessions.last_id ORDER BY utterances.id {direction} LIMIT ?",
        [row.session_id, row.id, count],
    )
    return [passage(db, one, as_recorded=as_recorded) for one in rows]


def _last_correction(db: Database, row: Row) -> int:
    found = "SELECT max(seq) FROM corrections WHERE session_id = ? AND utterance = ? AND is_applied"
    return int(db.execute(found, [row.session_id, row.number]).fetchone()[0])


def passage_data(one: Passage) -> dict[str, object]:
    """A passage as ``--json`` gives it: with its position as h:mm:ss, and lists for tuples."""
    position = clock_text(one.position_us, MICROSECONDS)
    return {**dataclasses.asdict(one), "flags": list(one.flags), "position": position}
