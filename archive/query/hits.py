# ruff: noqa: S608  (the SQL is put together from fixed pieces; every value is bound)
"""What a search answers: passages of the archive, and how they are read from its rows."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, Protocol

from sqlite_utils import Database

from archive.index.rowid import began_ms
from archive.query.labels import Labels, SessionLabel, SpeakerLabel
from archive.query.match import Matcher
from everyword.clock import MICROSECONDS, clock_text, iso

Order = Literal["time", "relevance"]


class Row(NamedTuple):
    """One row of ``utterances``, without what only the index needs."""

    id: int
    session_id: int
    speaker_id: int | None
    number: int
    track: int
    language: str
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
    """What a hit needs to know of the search it answers: an `archive.query.search.Search`."""

    db: Database
    as_recorded: bool
    labels: Labels

    @property
    def matcher(self) -> Matcher:
        """The query held against a text."""


class Hit:
    """An utterance that answers the query; everything was read when it was found, and is put together when it is asked for.

    ``passage`` is the utterance, ``matches`` are (start, end) in characters of its text, ``before`` and ``after`` the utterances
    around it, as many as the search was told.
    """

    __slots__ = ("_asked", "_correction", "_session", "_speaker", "after", "before", "row")

    before: tuple[Passage, ...]
    after: tuple[Passage, ...]

    def __init__(self, asked: Asked, row: Row, *, context: int = 0) -> None:
        self._asked = asked
        self.row = row
        self._session = asked.labels.sessions[row.session_id]
        self._speaker = asked.labels.speakers[row.speaker_id]
        self._correction = None if row.recorded is None else _last_correction(asked.db, row)
        self.before, self.after = neighbours(asked, row, context) if context else ((), ())

    @property
    def passage(self) -> Passage:
        """The utterance; with `as_recorded` of the search in the machine's own words."""
        text = text_of(self.row, as_recorded=self._asked.as_recorded)
        return _passage(self.row, self._session, self._speaker, text, None if self._asked.as_recorded else self._correction)

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


_COLUMNS = ", ".join(f"utterances.{name}" for name in Row._fields)


def select(db: Database, rest: str, values: Sequence[object]) -> Iterator[Row]:
    """The rows of ``SELECT columns FROM rest``, one by one as they are asked for."""
    # what Row._make does, in a third of the time
    return map(partial(tuple.__new__, Row), db.conn.execute(f"SELECT {_COLUMNS} FROM {rest}", values))


def passage(asked: Asked, row: Row) -> Passage:
    """A row as people see it; it and the row have to be read in one transaction."""
    return Hit(asked, row).passage


def _passage(row: Row, session: SessionLabel, speaker: SpeakerLabel, text: str, correction: int | None) -> Passage:
    return Passage(
        session=session.session,
        title=session.title,
        run=session.run,
        revision=session.run if correction is None else f"{session.run}+{correction}",
        utterance=row.number,
        track=row.track,
        speaker=speaker.name or f"Track {row.track}",
        person=speaker.person,
        role=speaker.role,
        delegation=speaker.delegation,
        language=row.language,
        time=None if session.started_at_us is None else iso(began_ms(row.id) * 1000),
        position_us=row.position_us,
        duration_us=row.duration_us,
        text=text,
        is_corrected=correction is not None,
        flags=tuple(row.flags.split()),
    )


def text_of(row: Row, *, as_recorded: bool) -> str:
    """The text as it stands now, or the machine's."""
    return row.recorded if as_recorded and row.recorded is not None else row.text


def neighbours(asked: Asked, row: Row, count: int) -> tuple[tuple[Passage, ...], tuple[Passage, ...]]:
    """The `count` utterances before and after one, of its session, in the order they were said."""
    before = _beside(asked, row, count, comparison=">", direction="ASC")
    after = _beside(asked, row, count, comparison="<", direction="DESC")
    return tuple(reversed(before)), tuple(after)


def _beside(asked: Asked, row: Row, count: int, *, comparison: str, direction: str) -> Sequence[Passage]:
    rows = select(
        asked.db,
        f"utterances JOIN sessions ON sessions.id = utterances.session_id "
        f"WHERE utterances.session_id = ? AND utterances.id {comparison} ? "
        f"AND utterances.id BETWEEN sessions.first_id AND sessions.last_id ORDER BY utterances.id {direction} LIMIT ?",
        [row.session_id, row.id, count],
    )
    return [passage(asked, one) for one in rows]


def _last_correction(db: Database, row: Row) -> int:
    found = "SELECT max(seq) FROM corrections WHERE session_id = ? AND utterance = ? AND is_applied"
    return int(db.execute(found, [row.session_id, row.number]).fetchone()[0])


def passage_data(one: Passage) -> dict[str, object]:
    """A passage as ``--json`` gives it: with its position as h:mm:ss, and lists for tuples."""
    position = clock_text(one.position_us, MICROSECONDS)
    return {**dataclasses.asdict(one), "flags": list(one.flags), "position": position}
