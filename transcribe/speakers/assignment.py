"""Words and turns → whose each word is.  Pure.

Word by word, not utterance by utterance: a sentence in which the other side says "no" must not become one person's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np

SPEAKER_UNCERTAIN = "speaker-uncertain"
OVERLAP = "overlap"

CHANGE_S = 0.25
"""So close to another person's turn it is not certain whose a word is: neither words nor turns have sharper bounds."""

FAR_S = 0.5
"""A word that is further than this from every turn was said by somebody who was not told apart."""

LEAST_OVERLAP_S = 0.05

RIVAL = 0.6
"""Where two people speak at once, whoever speaks so much of the word as the one who speaks most of it may have said it, too."""

PAUSE_S = 1.0
"""Words at which two people speak at once go with a word beside them that is no further away than this."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn in frames of the stream."""

    voice: int
    first_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a word is (None: nobody was heard), and the doubts about that; they say nothing against the word itself.

    `rivals` are the voices, this one among them, that speak at once and may each have said it.
    """

    voice: int | None
    flags: tuple[str, ...] = ()
    rivals: frozenset[int] = field(default=frozenset(), compare=False)


def owners(words: Sequence[tuple[int, int]], turns: Sequence[Spoken], *, rate_hz: int) -> list[Owner]:
    """The owner of each word, given as (first frame, end frame): the voice that speaks most of it, else the nearest.

    Where two people speak at once the engine writes one of them down, mostly in whole phrases.  So a row of such words goes to
    the voice of the nearer word beside it, if that is one of those who speak.
    """
    ordered = sorted(turns, key=lambda turn: turn.first_frame)
    starts = np.array([turn.first_frame for turn in ordered], np.int64)
    ends = np.maximum.accumulate(np.array([turn.end_frame for turn in ordered], np.int64)) if ordered else starts
    reach = round(FAR_S * rate_hz)
    found = []
    for first, end in words:
        near = ordered[int(np.searchsorted(ends, first - reach, "right")) : int(np.searchsorted(starts, end + reach))]
        found.append(_owner(first, end, near, rate_hz))
    for row in list(_contested(found)):
        beside = list(_beside(words, found, row))
        found[row] = [_with_nearest(one, beside, pause=round(PAUSE_S * rate_hz)) for one in found[row]]
    return found


def _contested(found: Sequence[Owner]) -> Iterator[slice]:
    """Each row of words that have rivals."""
    place = 0
    for has_rivals, group in groupby(found, key=lambda one: bool(one.rivals)):
        end = place + sum(1 for _ in group)
        if has_rivals:
            yield slice(place, end)
        place = end


def _beside(words: Sequence[tuple[int, int]], found: Sequence[Owner], row: slice) -> Iterator[tuple[int, int | None]]:
    """Frames to the word before the row and to the one after it, with the voice of each."""
    if row.start > 0:
        yield words[row.start][0] - words[row.start - 1][1], found[row.start - 1].voice
    if row.stop < len(words):
        yield words[row.stop][0] - words[row.stop - 1][1], found[row.stop].voice


def _with_nearest(owner: Owner, beside: Sequence[tuple[int, int | None]], *, pause: int) -> Owner:
    voices = [(frames, voice) for frames, voice in beside if frames <= pause and voice is not None and voice in owner.rivals]
    return replace(owner, voice=min(voices)[1]) if voices else owner


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
    rivals = []
    if sum(share >= LEAST_OVERLAP_S * rate_hz for share in shares.values()) > 1 and _is_at_once(first, end, near, rate_hz):
        flags.append(OVERLAP)
        rivals = [one for one, share in shares.items() if share >= RIVAL * shares[voice]]
    return Owner(voice, tuple(flags), frozenset(rivals) if len(rivals) > 1 else frozenset())


def _is_at_once(first: int, end: int, near: Sequence[Spoken], rate_hz: int) -> bool:
    """True when two people speak at the same moment within the word, not one after the other."""
    inside = [(max(first, turn.first_frame), min(end, turn.end_frame), turn.voice) for turn in near]
    return any(
        one[2] != other[2] and min(one[1], other[1]) - max(one[0], other[0]) >= LEAST_OVERLAP_S * rate_hz
        for place, one in enumerate(inside)
        for other in inside[:place]
    )
