"""Hits with the keyword in the middle, one line each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archive.query.hits import Hit, Passage

WIDTH = 40
"""Characters on each side of the keyword."""


@dataclass(frozen=True, slots=True)
class KeywordLine:
    """One place where the query is met, with what stands before and after it; white space is one space each."""

    left: str
    keyword: str
    right: str
    passage: Passage


def concordance(hits: Iterable[Hit], *, width: int = WIDTH) -> Iterator[KeywordLine]:
    """A line for each match of each hit, in their order; what is cut off shows as an ellipsis."""
    for hit in hits:
        passage = hit.passage
        for start, end in hit.matches:
            left, right = _flat(passage.text[:start]), _flat(passage.text[end:])
            left = left if len(left) <= width else "…" + left[len(left) - width + 1 :]
            right = right if len(right) <= width else right[: width - 1] + "…"
            yield KeywordLine(left, _flat(passage.text[start:end]), right, passage)


def _flat(text: str) -> str:
    """On one line; a space at an end stays, as it parts the keyword from its neighbour."""
    return "".join(" " if char.isspace() else char for char in text)
