"""Two texts side by side: what was lost, altered and invented, and whether it was marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import jiwer

from benchmarks.normaliser import normalise

SHORTEST_RUN = 3
"""Words lost in a row from which the loss is more than a slip."""

BLOCK_WORDS = 20
"""Reference words that are drawn together in a bootstrap: neighbouring errors are not independent."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A word of a transcript: normalised, with its bounds, and whether a reader is told to doubt it."""

    text: str
    start_s: float
    end_s: float
    is_flagged: bool = False


@dataclass(frozen=True, slots=True)
class LostRun:
    """Words of the reference that nothing stands for, and the time between the words heard before and after them."""

    words: tuple[str, ...]
    start_s: float
    end_s: float
    neighbour_is_flagged: bool


@dataclass(frozen=True, slots=True)
class Alignment:
    """The counts; ``errors`` holds one number a word of the reference, insertions counted where they stand."""

    errors: tuple[int, ...]
    deletions: int
    insertions: int
    correct: int
    correct_flagged: int
    wrong: int
    wrong_flagged: int
    runs: tuple[LostRun, ...]

    @property
    def words(self) -> int:
        """Of the reference."""
        return len(self.errors)


def heard(text: str, *, start_s: float = 0.0, end_s: float = 0.0, is_flagged: bool = False) -> list[Heard]:
    """What a word of a transcript is after normalising: none, one or several words at the same place."""
    return [Heard(word, start_s, end_s, is_flagged) for word in normalise(text).split()]


def align(reference: str, found: Sequence[Heard]) -> Alignment:
    """The alignment with the fewest errors."""
    expected = normalise(reference).split()
    if not found:
        return Alignment((1,) * len(expected), len(expected), 0, 0, 0, 0, 0, (LostRun(tuple(expected), 0.0, 1e9, False),))
    chunks = jiwer.process_words(" ".join(expected), " ".join(word.text for word in found)).alignments[0]
    errors = [0] * len(expected)
    correct: list[Heard] = []
    wrong: list[Heard] = []
    runs: list[LostRun] = []
    for chunk in chunks:
        words = found[chunk.hyp_start_idx : chunk.hyp_end_idx]
        (correct if chunk.type == "equal" else wrong).extend(words)
        if chunk.type == "insert":
            errors[min(chunk.ref_start_idx, len(expected) - 1)] += len(words)
        elif chunk.type != "equal":
            errors[chunk.ref_start_idx : chunk.ref_end_idx] = [1] * (chunk.ref_end_idx - chunk.ref_start_idx)
        if chunk.type == "delete" and chunk.ref_end_idx - chunk.ref_start_idx >= SHORTEST_RUN:
            run = _run(expected[chunk.ref_start_idx : chunk.ref_end_idx], found, chunk.hyp_start_idx)
            runs += [run] if run else []
    return Alignment(
        errors=tuple(errors),
        deletions=sum(chunk.ref_end_idx - chunk.ref_start_idx for chunk in chunks if chunk.type == "delete"),
        insertions=sum(chunk.hyp_end_idx - chunk.hyp_start_idx for chunk in chunks if chunk.type == "insert"),
        correct=len(correct),
        correct_flagged=sum(word.is_flagged for word in correct),
        wrong=len(wrong),
        wrong_flagged=sum(word.is_flagged for word in wrong),
        runs=tuple(runs),
    )


def _run(lost: Sequence[str], found: Sequence[Heard], place: int) -> LostRun | None:
    """None beside a number in digits: it stands for several words."""
    before, after = found[place - 1] if place else None, found[place] if place < len(found) else None
    neighbours = [word for word in (before, after) if word]
    if any(mark.isdigit() for word in neighbours for mark in word.text):
        return None
    return LostRun(
        tuple(lost),
        before.end_s if before else 0.0,
        after.start_s if after else 1e9,
        any(word.is_flagged for word in neighbours),
    )


def blocks(errors: Sequence[int]) -> list[tuple[int, int]]:
    """``(errors, words)`` of each `BLOCK_WORDS` words."""
    edges = [*range(0, len(errors), BLOCK_WORDS), len(errors)]
    return [(sum(errors[first:end]), end - first) for first, end in pairwise(edges)]
