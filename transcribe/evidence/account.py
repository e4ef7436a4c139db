"""How much voice a reading leaves without words.  Pure.

An alignment gives every moment to some word: where the engine left speech out, the words beside it are drawn out over the hole.
So a word accounts for no more voice than it takes to say it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from transcribe.engine import Heard, Reading
from transcribe.evidence.coverage import REACH_S
from transcribe.sound.windows import HOP, RATE_HZ, SURE_VOICE, Profile, Window, bridged, runs_of

SLOWEST_S = 0.5
SLOWEST_LETTER_S = 0.1
"""A word of n letters said slowly takes ``SLOWEST_S + n · SLOWEST_LETTER_S``."""

LETTERS_A_DIGIT = 5
"""As many as its name has, more or less: seven, five, шесть."""

NO_TIME_S = 0.04
"""Two steps of the alignment: nobody says a word in that."""

LEAST_WORDS_IN_NO_TIME = 3
"""So many of them in a row have no place in the sound; a single one may have lost its time to its neighbour."""

DOUBTED_HOLE_S = 0.5
"""Voice beyond what a word takes from which the word is doubted."""

INNER_PAUSE_HOPS = 5
LEAST_BURST_HOPS = 8
"""A pause of 0.16 s between two stretches of voice of 0.26 s each: nobody says one word like that."""


def longest_s(text: str) -> float:
    """How long a word takes at most; each digit is a word of its own."""
    letters = sum(LETTERS_A_DIGIT if mark.isdigit() else 1 for mark in text if mark.isalnum())
    return SLOWEST_S + SLOWEST_LETTER_S * letters


def excess_s(text: str, voiced_s: float) -> float:
    """The voice under a word that it cannot account for."""
    return max(0.0, voiced_s - longest_s(text))


def unaccounted_s(reading: Reading, window: Window, profile: Profile) -> float:
    """Seconds of voice in a window that no word of a reading accounts for: outside every word's reach, or too long under one."""
    voiced = _voiced(window, profile)
    total_s = 0.0
    for word in reading.words:
        hole_s = excess_s(word.text, seconds(voiced[_hops(word.first_sample, word.first_sample + word.sample_count)]))
        total_s += hole_s if hole_s >= DOUBTED_HOLE_S else 0.0
    return total_s + seconds(_outside(reading, voiced))


def stopped_at(reading: Reading, window: Window, profile: Profile) -> tuple[int, float]:
    """Where the last word ends, in samples of the window, and how many seconds of voice follow out of every word's reach."""
    end = max((word.first_sample + word.sample_count for word in reading.words), default=0)
    return end, seconds(_outside(reading, _voiced(window, profile))[end // HOP :])


def are_drawn_out(words: Sequence[Heard], window: Window, profile: Profile) -> list[bool]:
    """Of each word of a window: whether there is much more voice under it than it takes to say, or a pause in its middle.

    A number in digits is several words, and may have one.
    """
    voiced = _voiced(window, profile)
    under = [voiced[_hops(word.first_sample, word.first_sample + word.sample_count)] for word in words]
    return [
        excess_s(word.text, seconds(hops)) >= DOUBTED_HOLE_S or (_has_pause(hops) and not any(map(str.isdigit, word.text)))
        for word, hops in zip(words, under, strict=True)
    ]


def _has_pause(voiced: NDArray[np.bool_]) -> bool:
    """True when two stretches of voice lie in it with a pause between them."""
    bursts = bridged(runs_of(voiced), gap=INNER_PAUSE_HOPS)
    return sum(end - first >= LEAST_BURST_HOPS for first, end in bursts) > 1


def are_repeated_in_no_time(words: Sequence[Heard]) -> list[bool]:
    """Of each word of a window: whether it was written before, and again where the sound has no time for it.

    An engine that repeats itself finds no sound for the repetition, so the alignment gives its words no time; only the first and
    the last word of one may get the pause beside it.
    """
    texts = [plain_text(word.text) for word in words]
    found = np.zeros(len(words), np.bool_)
    short = np.array([word.sample_count <= NO_TIME_S * RATE_HZ for word in words], np.bool_)
    for begin, stop in runs_of(short):
        were_written = np.array([text in texts[:begin] for text in texts[begin:stop]], np.bool_)
        for first, end in ((begin + low, begin + high) for low, high in runs_of(were_written)):
            if end - first >= LEAST_WORDS_IN_NO_TIME:
                found[first:end] = True
                found[list(_beside_repetition(texts, first, end))] = True
    return [bool(one) for one in found]


def _beside_repetition(texts: Sequence[str], first: int, end: int) -> Iterator[int]:
    """Which of the words on either side of several different ones are repeated with them."""
    length = end - first
    for copy in range(first - length + 1) if len(set(texts[first:end])) > 1 else ():
        if texts[copy : copy + length] == texts[first:end]:
            if end < len(texts) and texts[copy + length] == texts[end]:
                yield end
            if copy and texts[copy - 1] == texts[first - 1]:
                yield first - 1


def plain_text(word: str) -> str:
    """Letters and digits in lower case, for comparing."""
    return "".join(mark for mark in word.lower().replace("ё", "е") if mark.isalnum())


def seconds(hops: NDArray[np.bool_]) -> float:
    """How long the hops that are True last."""
    return int(np.count_nonzero(hops)) * HOP / RATE_HZ


def _voiced(window: Window, profile: Profile) -> NDArray[np.bool_]:
    piece = profile.piece
    first, end = piece.sample_of(window.first_frame) // HOP, -(-piece.sample_of(window.end_frame) // HOP)
    voiced: NDArray[np.bool_] = profile.voice[first:end] > SURE_VOICE
    return voiced


def _outside(reading: Reading, voiced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The voice out of every word's reach."""
    outside = voiced.copy()
    reach = round(REACH_S * RATE_HZ)
    for word in reading.words:
        outside[_hops(word.first_sample - reach, word.first_sample + word.sample_count + reach)] = False
    return outside


def _hops(first_sample: int, end_sample: int) -> slice:
    return slice(max(0, first_sample // HOP), max(0, -(-end_sample // HOP)))
