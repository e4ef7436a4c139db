"""Two texts side by side: what was lost, altered and invented, and whether it was marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import jiwer
import numpy as np
from numpy.typing import NDArray

from benchmarks.normaliser import normalise

SHORTEST_RUN = 3
"""Words lost in a row from which the loss is more than a slip."""

AROUND = 3
"""Words on either side whose time is looked at: an alignment may give the time of what was lost to any of them."""

FASTEST_S = 0.1
"""Ten words a second: an auctioneer says six."""

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
    room_s: float = 1e9
    """From the beginning of the `AROUND` words before to the end of those after."""
    said_s: tuple[float, ...] = ()
    """About when each of the words was said, if that is known."""

    @property
    def was_said(self) -> bool:
        """False when nobody can say so many words in that time: the reference has words that are not in the sound."""
        return self.room_s >= FASTEST_S * (len(self.words) + 2 * AROUND)


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


def align(reference: str, found: Sequence[Heard], *, times: Sequence[float] = ()) -> Alignment:
    """The alignment with the fewest errors; numbers in digits must have been spelled out before (see `spelled`).

    `times` says about when each word of the reference was said, where that is known: it decides where a loss is put that could
    lie in several places.
    """
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
            runs.append(_run(expected, found, (chunk.ref_start_idx, chunk.ref_end_idx, chunk.hyp_start_idx), times))
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


def _run(expected: Sequence[str], found: Sequence[Heard], lost: tuple[int, int, int], times: Sequence[float]) -> LostRun:
    """The words ``expected[first:end]`` lost before ``found[place]``.

    Where people repeat themselves the same loss can be put in several places at the same cost ("we had [a we had] a long"): of
    these it is put where the words that are there come nearest to when they were said, or, if nobody knows that, where the
    transcript leaves most time.
    """
    first, end, place = lost
    places = [lost]
    while place > 0 and first > 0 and expected[first - 1] == expected[end - 1] == found[place - 1].text:
        first, end, place = first - 1, end - 1, place - 1
        places.append((first, end, place))
    first, end, place = places[0]
    while place < len(found) and end < len(expected) and expected[first] == expected[end] == found[place].text:
        first, end, place = first + 1, end + 1, place + 1
        places.append((first, end, place))
    if len(times) == len(expected):
        kept = range(min(one[2] for one in places), max(one[2] for one in places))
        first, end, place = min(places, key=lambda one: _distance_s(found, times, one, kept))
    else:
        first, end, place = max(places, key=lambda one: _room_s(found, one[2]))
    before, after = found[place - 1] if place else None, found[place] if place < len(found) else None
    return LostRun(
        words=tuple(expected[first:end]),
        start_s=before.end_s if before else 0.0,
        end_s=after.start_s if after else 1e9,
        neighbour_is_flagged=any(word.is_flagged for word in (before, after) if word),
        room_s=_room_s(found, place, words=AROUND),
        said_s=tuple(times[first:end]) if len(times) == len(expected) else (),
    )


def _distance_s(found: Sequence[Heard], times: Sequence[float], lost: tuple[int, int, int], kept: range) -> float:
    """How far the words that are there stand from when they were said, if the loss is put there."""
    first, end, place = lost
    expected = [times[n + (end if n >= place else first) - place] for n in kept]
    return sum(abs((found[n].start_s + found[n].end_s) / 2 - said_s) for n, said_s in zip(kept, expected, strict=True))


def _room_s(found: Sequence[Heard], place: int, *, words: int = 1) -> float:
    """The time of so many words before and after a place together: an alignment gives each moment to some word."""
    start_s = found[place - words].start_s if place >= words else 0.0
    return (found[place + words - 1].end_s if place + words <= len(found) else 1e9) - start_s


def blocks(errors: Sequence[int]) -> list[tuple[int, int]]:
    """``(errors, words)`` of each `BLOCK_WORDS` words."""
    edges = [*range(0, len(errors), BLOCK_WORDS), len(errors)]
    return [(sum(errors[first:end]), end - first) for first, end in pairwise(edges)]


def draws(count: int) -> NDArray[np.int64]:
    """Numbers of blocks, 2000 times as many as there are, always the same ones; shape (2000, blocks)."""
    return np.random.default_rng(0).integers(0, count, (2000, count))


def interval(parts: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % bootstrap interval of a rate whose ``(errors, words)`` by block are given, shape (blocks, 2)."""
    drawn = parts[draws(len(parts))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], (2.5, 97.5))
    return float(low), float(high)
