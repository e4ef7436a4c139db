"""How often something was said: by session, speaker or month, and by whom first and last.

Every hit is looked at, so this costs in proportion to them: about a second for a hundred thousand.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from archive.hits import Passage, Row, passage
from archive.search import Search

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
    for row in search.rows():
        key, label = _side(row, side)
        found[key].append(label)
    result = [Count(key, labels[0], len(labels)) for key, labels in found.items()]
    if side == "month":
        return tuple(sorted(result, key=lambda one: (one.key != UNKNOWN_TIME, one.key)))
    return tuple(sorted(result, key=lambda one: (-one.utterances, one.label, one.key)))


def uses(search: Search) -> tuple[Use, ...]:
    """A line for each speaker, in the order of their first use; labels of their last."""
    found: dict[str, list[Row]] = {}
    for row in search.rows(is_oldest_first=True):
        key = _side(row, "speaker")[0]
        found[key] = [found[key][0], row] if key in found else [row, row]
    totals = {one.key: one.utterances for one in counts(search, "speaker")}
    result = []
    for key, (first, last) in found.items():
        seen = [passage(search.db, row, as_recorded=search.as_recorded) for row in (first, last)]
        result.append(Use(seen[1].speaker, seen[1].person, totals[key], *seen))
    return tuple(result)


def month(row: Row) -> str:
    """``2026-11`` of an utterance, or that nobody knows."""
    if row.started_at_us is None:
        return UNKNOWN_TIME
    return datetime.fromtimestamp((row.id >> 16) // 1000, UTC).strftime("%Y-%m")


def total(found: Iterable[Count]) -> int:
    """Utterances of all of them."""
    return sum(one.utterances for one in found)


def _side(row: Row, side: Side) -> tuple[str, str]:
    match side:
        case "session":
            return row.session, row.title
        case "speaker":
            return row.person or f"{row.session} track {row.track}", row.name or f"Track {row.track} of {row.session}"
        case "month":
            return month(row), month(row)
        case "language":
            return row.language, row.language
