"""How much voice a reading leaves without words.  Pure.

An alignment gives every moment to some word: where the engine left speech out, the words beside it are drawn out over the hole.
So a word accounts for no more voice than it takes to say it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transcribe.coverage import REACH_S
from transcribe.engine import Heard, Reading
from transcribe.windows import HOP, RATE_HZ, Profile, Window

VOICE = 0.5
"""Probability of voice from which the detector is sure enough."""

SLOWEST_S = 0.5
SLOWEST_LETTER_S = 0.1
"""A word of n letters said slowly takes ``SLOWEST_S + n · SLOWEST_LETTER_S``."""

LETTERS_A_DIGIT = 5

LEAST_HOLE_S = 0.5
"""Voice beyond what a word takes from which the word is doubted."""


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
    outside = voiced.copy()
    reach = round(REACH_S * RATE_HZ)
    total_s = 0.0
    for word in reading.words:
        outside[_hops(word.first_sample - reach, word.first_sample + word.sample_count + reach)] = False
        hole_s = excess_s(word.text, seconds(voiced[_hops(word.first_sample, word.first_sample + word.sample_count)]))
        total_s += hole_s if hole_s >= LEAST_HOLE_S else 0.0
    return total_s + seconds(outside)


def are_drawn_out(words: Sequence[Heard], window: Window, profile: Profile) -> list[bool]:
    """Of each word of a window: whether there is much more voice under it than it takes to say."""
    voiced = _voiced(window, profile)
    under = [voiced[_hops(word.first_sample, word.first_sample + word.sample_count)] for word in words]
    return [excess_s(word.text, seconds(hops)) >= LEAST_HOLE_S for word, hops in zip(words, under, strict=True)]


def seconds(hops: NDArray[np.bool_]) -> float:
    """How long the hops that are True last."""
    return int(np.count_nonzero(hops)) * HOP / RATE_HZ


def _voiced(window: Window, profile: Profile) -> NDArray[np.bool_]:
    piece = profile.piece
    first, end = piece.sample_of(window.first_frame) // HOP, -(-piece.sample_of(window.end_frame) // HOP)
    voiced: NDArray[np.bool_] = profile.voice[first:end] > VOICE
    return voiced


def _hops(first_sample: int, end_sample: int) -> slice:
    return slice(max(0, first_sample // HOP), max(0, -(-end_sample // HOP)))
