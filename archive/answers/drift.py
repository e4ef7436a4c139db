"""A term over time: how often it is said each month, and beside which words."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlite_utils import Database

from archive.answers.counts import UNKNOWN_TIME, month
from archive.index.forms import tokens
from archive.index.rowid import row_id
from archive.query.hits import Row, text_of
from archive.query.search import Search

NEAR = 5
"""Words before and after a use that count as beside it."""

MOST_BESIDE = 5
SHORTEST = 4
"""Letters of a word worth naming: shorter ones are mostly function words."""


@dataclass(frozen=True, slots=True)
class Period:
    """One month: utterances with the term, all utterances, and the words beside it that are commonest here and not elsewhere."""

    month: str
    uses: int
    utterances: int
    beside: tuple[str, ...]

    @property
    def per_thousand(self) -> float:
        """Uses in a thousand utterances."""
        return 1000 * self.uses / self.utterances if self.utterances else 0.0


def drift(search: Search) -> tuple[Period, ...]:
    """Every month from the first use to the last, those without a use too; uses of unknown time are left out."""
    uses: Counter[str] = Counter()
    beside: dict[str, Counter[str]] = {}
    with search.snapshot():
        for row in search.rows(is_oldest_first=True):
            name = month(search, row)
            if name != UNKNOWN_TIME:
                uses[name] += 1
                beside.setdefault(name, Counter()).update(_beside(search, row))
        utterances = {name: _utterances(search.db, name) for name in _months(uses)}
    everywhere = Counter(word for words in beside.values() for word in words)
    return tuple(
        Period(name, uses[name], count, _typical(beside.get(name, Counter()), everywhere)) for name, count in utterances.items()
    )


def _months(names: Iterable[str]) -> list[str]:
    known = sorted(names)
    result = known[:1]
    while result and result[-1] < known[-1]:
        year, number = map(int, result[-1].split("-"))
        result.append(f"{year + number // 12:04}-{number % 12 + 1:02}")
    return result


def _utterances(db: Database, name: str) -> int:
    year, number = map(int, name.split("-"))
    ends = [datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC), datetime(year, number, 1, tzinfo=UTC)]
    ids = [row_id(int(end.timestamp()) * 1000) for end in ends]
    return int(db.execute(_OF_MONTH, ids).fetchone()[0])


_OF_MONTH = """
SELECT count(*) FROM utterances WHERE id > ? AND id <= ?
    AND session_id NOT IN (SELECT id FROM sessions WHERE started_at_us IS NULL)
"""


def _beside(search: Search, row: Row) -> set[str]:
    """Words near the term, each under its first dictionary form."""
    text = text_of(row, as_recorded=search.as_recorded)
    places = search.matcher.matches(text, row.language)
    words = list(tokens(text))
    uses = [number for number, word in enumerate(words) if any(start <= word.start < end for start, end in places)]
    near = {number for use in uses for number in range(max(0, use - NEAR), min(len(words), use + NEAR + 1))} - set(uses)
    readings = search.lexicon.readings(row.language)
    named = {min(readings[words[number].word].keys, key=lambda key: (len(key), key)) for number in near}
    return {word for word in named if len(word) >= SHORTEST}


def _typical(here: Counter[str], everywhere: Counter[str]) -> tuple[str, ...]:
    """Said beside the term this month, and in few others; of equally typical ones the commonest."""
    return tuple(sorted(here, key=lambda word: (everywhere[word], -here[word], word))[:MOST_BESIDE])
