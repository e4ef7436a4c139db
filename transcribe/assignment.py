"""Words and turns → whose each word is.  Pure.

Word by word, not utterance by utterance: a sentence in which the other side says "no" must not become one person's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SPEAKER_UNCERTAIN = "speaker-uncertain"
OVERLAP = "overlap"

CHANGE_S = 0.25
"""So close to another person's turn it is not certain whose a word is: neither words nor turns have sharper bounds."""

FAR_S = 0.5
"""A word that is further than this from every turn was said by somebody who was not told apart."""

LEAST_OVERLAP_S = 0.05


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn in frames of the stream."""

    voice: int
    first_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a word is (None: nobody was heard), and the doubts about that; they say nothing against the word itself."""

    voice: int | None
    flags: tuple[str, ...] = ()


def owners(words: Sequence[tuple[int, int]], turns: Sequence[Spoken], *, rate_hz: int) -> list[Owner]:
    """The owner of each word, given as (first frame, end frame): the voice that speaks most of it, else the nearest."""
    ordered = sorted(turns, key=lambda turn: turn.first_frame)
    starts = np.array([turn.first_frame for turn in ordered], np.int64)
    ends = np.maximum.accumulate(np.array([turn.end_frame for turn in ordered], np.int64)) if ordered else starts
    reach = round(FAR_S * rate_hz)
    result = []
    for first, end in words:
        near = ordered[int(np.searchsorted(ends, first - reach, "right")) : int(np.searchsorted(starts, end + reach))]
        result.append(_owner(first, end, near, rate_hz))
    return result


def _owner(first: int, end: int, near: Sequence[Spoken], rate_hz: int) -> Owner:
    shares: dict[int, int] = {}
    for turn in near:
        shared = min(end, turn.end_frame) - max(first, turn.first_frame)
        shares[turn.voice] = (
            max(shared, shares.get(turn.voice, shared)) if shared <= 0 else max(0, shares.get(turn.voice, 0)) + shared
        )
    if not shares:
        return Owner(None, (SPEAKER_UNCERTAIN,))
    voice = max(shares, key=lambda one: (shares[one], -one))
    others = [share for one, share in shares.items() if one != voice]
    flags = [SPEAKER_UNCERTAIN] if shares[voice] <= 0 or any(share > -CHANGE_S * rate_hz for share in others) else []
    if sum(share >= LEAST_OVERLAP_S * rate_hz for share in shares.values()) > 1 and _is_at_once(first, end, near, rate_hz):
        flags.append(OVERLAP)
    return Owner(voice, tuple(flags))


def _is_at_once(first: int, end: int, near: Sequence[Spoken], rate_hz: int) -> bool:
    """True when two people speak at the same moment within the word, not one after the other."""
    inside = [(max(first, turn.first_frame), min(end, turn.end_frame), turn.voice) for turn in near]
    return any(
        one[2] != other[2] and min(one[1], other[1]) - max(one[0], other[0]) >= LEAST_OVERLAP_S * rate_hz
        for place, one in enumerate(inside)
        for other in inside[:place]
    )
