"""Which language each part of a window is in.  Pure.

A window is parted in its pauses into stretches, and each is asked for its language on its own: the encoder mixes what lies side
by side, so that neither a whole window nor a slice of its encoding tells where a language ends.  Of all sequences the likeliest
is taken (Viterbi): a change costs something, a short stretch says less than a long one, what the roster expects weighs more.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from transcribe.engine import Shares, Stretch
from transcribe.sound.windows import CUT_VOICE, HOP, RATE_HZ, Profile, Window, bridged, runs_of

PAUSE_HOPS = 3 * RATE_HZ // HOP // 10
"""0.3 s: in such a pause another person may begin, in another language."""

LEAST_HOPS = 4 * RATE_HZ // HOP // 5
"""0.8 s: what is shorter has no language of its own."""

MARGIN_HOPS = 3
"""How much of the pauses goes with a stretch."""

CERTAIN_S = 2.0
"""How long a stretch must be to be believed entirely."""

CHANGE_COST = 0.25
"""Of a change of language, in natural logarithms of probability.  Low, so that what is unsure stays apart and is read in both."""

LEAST_SHARE = 1e-3

EXPECTED_WEIGHT = 3.0
"""How much likelier a language is when the roster says that somebody at the track speaks it."""


def stretches(window: Window, profile: Profile) -> list[Stretch]:
    """Each stretch of voice between two pauses, in samples of the window; the whole window if there is none."""
    piece = profile.piece
    start, stop = piece.sample_of(window.first_frame), piece.sample_of(window.end_frame)
    first, end = start // HOP, -(-stop // HOP)
    voiced = bridged(runs_of(profile.voice[first:end] >= CUT_VOICE), gap=PAUSE_HOPS)
    runs = [(first + low, first + high) for low, high in voiced if high - low >= LEAST_HOPS]
    bounds = [(max(first, low - MARGIN_HOPS) * HOP - start, min(end, high + MARGIN_HOPS) * HOP - start) for low, high in runs]
    return [(max(0, low), min(stop - start, high)) for low, high in bounds] or [(0, stop - start)]


def likeliest(shares: Sequence[Shares], lengths_s: Sequence[float], *, expected: Sequence[str] = ()) -> list[str]:
    """The language of each stretch, by the probabilities of all of them together."""
    names = [language for language, _ in shares[0]]
    beliefs = np.array([_beliefs(one, length_s, expected) for one, length_s in zip(shares, lengths_s, strict=True)])
    cost = CHANGE_COST * (1 - np.eye(len(names)))
    total, before = beliefs[0], []
    for belief in beliefs[1:]:
        ways = total[:, None] - cost
        before.append(ways.argmax(axis=0))
        total = ways.max(axis=0) + belief
    path = [int(total.argmax())]
    for step in reversed(before):
        path.append(int(step[path[-1]]))
    return [names[number] for number in reversed(path)]


def _beliefs(shares: Shares, length_s: float, expected: Sequence[str]) -> list[float]:
    weight = min(1.0, length_s / CERTAIN_S)
    return [weight * math.log(max(LEAST_SHARE, share)) for _, share in weighed(shares, expected)]


def weighed(shares: Shares, expected: Sequence[str]) -> Shares:
    """The probabilities, the expected languages' weighing more; they add up to 1."""
    weights = [(language, share * (EXPECTED_WEIGHT if language in expected else 1)) for language, share in shares]
    total = sum(weight for _, weight in weights) or 1.0
    return tuple((language, weight / total) for language, weight in weights)


def together(shares: Sequence[Shares], lengths_s: Sequence[float]) -> Shares:
    """The probabilities of stretches in one language as those of one: their geometric mean, by length."""
    names = [language for language, _ in shares[0]]
    logs = np.log([[max(LEAST_SHARE, share) for _, share in one] for one in shares])
    mean = np.exp(np.average(logs, axis=0, weights=lengths_s))
    return tuple(zip(names, (mean / mean.sum()).tolist(), strict=True))


def cut(window: Window, profile: Profile, bounds: Sequence[Stretch]) -> list[Window]:
    """The window cut between these stretches, each time in the middle of the longest pause."""
    piece = profile.piece
    start = piece.sample_of(window.first_frame)
    places = []
    for (_, low), (high, _) in pairwise(bounds):
        first, end = max(0, (start + low) // HOP - MARGIN_HOPS), -(-(start + high) // HOP) + MARGIN_HOPS
        pauses = runs_of(profile.voice[first:end] < CUT_VOICE)
        longest = max(pauses, key=lambda pause: pause[1] - pause[0], default=(0, end - first))
        places.append(piece.frame_of_hop(first + sum(longest) // 2))
    edges = [window.first_frame, *places, window.end_frame]
    return [Window(window.number, one, other - one) for one, other in pairwise(edges)]
