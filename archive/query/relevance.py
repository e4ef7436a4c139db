"""The order of candidates by relevance: BM25 (Robertson and Zaragoza, 2009) among them alone.

How rare a word is, is taken from the candidates too: counting it in the whole archive would cost in proportion to its hits.
"""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from math import log

from archive.query.hits import Row
from archive.query.match import Matcher

SATURATION, BY_LENGTH = 1.2, 0.75
"""k1 and b of BM25."""


def ranked(rows: Sequence[Row], matcher: Matcher, as_typed: AbstractSet[int]) -> list[Row]:
    """Best first: rows whose id is in `as_typed` before others, then by score, then the newest."""
    counts = [matcher.counts(row.text, row.language) for row in rows]
    lengths = [row.text.count(" ") + 1 for row in rows]
    mean = sum(lengths) / max(1, len(lengths))
    rarity = _rarity(counts)

    def score(place: int) -> float:
        slack = SATURATION * (1 - BY_LENGTH + BY_LENGTH * lengths[place] / mean)
        return sum(rarity[term] * times / (times + slack) for term, times in counts[place].items())

    def key(place: int) -> tuple[bool, float, int]:
        return rows[place].id in as_typed, score(place), -rows[place].id

    return [rows[place] for place in sorted(range(len(rows)), key=key, reverse=True)]


def _rarity(counts: Sequence[Counter[int]]) -> dict[int, float]:
    """Term → its weight: always above zero, so that a word in every candidate still counts how often it is said."""
    found = Counter(term for one in counts for term in one)
    return {term: log(1 + (len(counts) - number + 0.5) / (number + 0.5)) for term, number in found.items()}
