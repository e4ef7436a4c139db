"""How often something was said: by session, speaker or month, and by whom first and last.

Every hit is looked at, so this costs in proportion to them: about a second for a hundred thousand.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from archive.index.rowid import began_ms
from archive.query.hits import Passage, Row, passage
from archive.query.search import Search

Side = Literal["session", "speaker", "month", "language"]
UNKNOWN_TIME = "time unknown"


@dataclass(frozen=True, slots=True)
class Count:
    """How many utterances answer; ``key`` is a session's id, a person's key or track, a month or a language."""

    key: str
    label: str
    utterances: int


@dataclass(frozen=True, slots=True)
class Use:
    """When one speaker said it first and last, and in how many utterances."""

    speaker: str
    person: str | None
    utterances: int
    first: Passage
    last: Passage


def counts(search: Search, side: Side) -> tuple[Count, ...]:
    """Months in order, unknown ones first; everything else by how often, and then by name."""
    found: dict[str, list[str]] = defaultdict(list)
    with search.snapshot():
        for row in search.rows():
            key, label = _side(search, row, side)
            found[key].append(label)
    result = [Count(key, labels[0], len(labels)) for key, labels in found.items()]
    if side == "month":
        return tuple(sorted(result, key=lambda one: (one.key != UNKNOWN_TIME, one.key)))
    return tuple(sorted(result, key=lambda one: (-one.utterances, one.label, one.key)))


def uses(search: Search) -> tuple[Use, ...]:
    """A line for each speaker, in the order of their first use; labels of their last."""
    found: dict[str, tuple[Row, Row, int]] = {}
    with search.snapshot():
        for row in search.rows(is_oldest_first=True):
            key = _side(search, row, "speaker")[0]
            first, _, times = found.get(key, (row, row, 0))
            found[key] = (first, row, times + 1)
        seen = [(passage(search, first), passage(search, last), times) for first, last, times in found.values()]
    return tuple(Use(last.speaker, last.person, times, first, last) for first, last, times in seen)


def month(search: Search, row: Row) -> str:
    """``2026-11`` of an utterance, or that nobody knows."""
    if search.labels.sessions[row.session_id].started_at_us is None:
        return UNKNOWN_TIME
    return datetime.fromtimestamp(began_ms(row.id) // 1000, UTC).strftime("%Y-%m")


def total(found: Iterable[Count]) -> int:
    """Utterances of all of them."""
    return sum(one.utterances for one in found)


def _side(search: Search, row: Row, side: Side) -> tuple[str, str]:
    session, speaker = search.labels.sessions[row.session_id], search.labels.speakers[row.speaker_id]
    match side:
        case "session":
            return session.session, session.title
        case "speaker":
            key = speaker.person or f"{session.session} track {row.track}"
            return key, speaker.name or f"Track {row.track} of {session.session}"
        case "month":
            return (name := month(search, row)), name
        case "language":
            return row.language, row.language
