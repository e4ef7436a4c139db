"""How likely it is that a word is wrong: one number from what the engine, its other hypotheses and other readings say.  Pure.

Whisper's own probability of a word tells little: of the errors of a small model about half are words it was sure of.  The five
best hypotheses of a window, and its second reading where there is one, are witnesses that cost nothing: a word on which they
differ is doubted.  They are asked, never merged.  The weights are those of a logistic regression; `python -m benchmarks.doubt`
fits them on one half of the recordings and prints what they find in the other, beside those in use: these were fitted before the
decoder was told how people hesitate, and still find more there than newer ones.
"""

import math
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from transcribe.engine import Heard, Reading
from transcribe.evidence.account import DOUBTED_HOLE_S, longest_s, plain_text
from transcribe.evidence.checks import is_sound
from transcribe.sound.windows import HOP, RATE_HZ, SURE_VOICE, Profile, Window

FEATURES = (
    "own", "before", "after", "agreed", "agreed_evenly", "left_out", "reading", "margin", "no_speech", "drawn_out", "slow",
    "letters", "edge", "contradicted",
)  # fmt: skip
"""Of a word: log odds of its probability and its neighbours'; how much of the n best has it, by their probability and by number,
and has words beside it that it has not; mean log probability of the reading, its lead over the next; probability of no speech;
voice beyond what it takes to say it, seconds a letter; letters; first or last of its window; missing in a second reading."""

WEIGHTS = (
    -0.583, -0.141, -0.126, -0.272, -1.856, -0.758, -4.673, -0.022, -1.283, 2.900, -1.949, 0.094, -0.711, 0.074,
)  # fmt: skip
BIAS = 0.273

DOUBTFUL = -1.71
"""Log odds from which a word is flagged, set so that with flags of every kind a tenth of the right words of transcripts are."""

LEAST_LEFT_OUT = 3
"""So many words more in a sound reading of the same window are a sign that this one left them out."""

_ROUND = 1e6


def log_odds(reading: Reading, others: Sequence[Reading], *, window: Window, profile: Profile) -> list[float]:
    """Of each word of a reading: log odds that it is wrong.  `others` are further readings of the same window."""
    return [float(value) for value in features(reading, others, window=window, profile=profile) @ np.array(WEIGHTS) + BIAS]


def features(reading: Reading, others: Sequence[Reading], *, window: Window, profile: Profile) -> NDArray[np.float64]:
    """`FEATURES` of each word, shape (words, features).

    They come from the integers in which a reading reaches the disk, so that a run that was taken up again flags the same words.
    """
    words, best = reading.words, reading.hypotheses
    if not words:
        return np.zeros((0, len(FEATURES)))
    plain = [plain_text(word.text) for word in words]
    own = [_logit(word.probability) for word in words]
    shares = _shares(reading)
    agreed, evenly, left_out = (np.zeros(len(words)) for _ in range(3))
    for hypothesis, share in zip(best, shares, strict=True):
        same, beside = _compared(plain, [plain_text(word) for word in hypothesis.text.split()])
        agreed += share * same
        evenly += same / len(best)
        left_out += share * beside
    contradicted = np.zeros(len(words))
    for other in others:
        same, _ = _compared(plain, [plain_text(word.text) for word in other.words])
        contradicted = np.maximum(contradicted, 1 - same)
    lead = _total(reading, 0) - _total(reading, 1) if len(best) > 1 else 3.0
    count = len(words)
    columns = (
        own, [2.0, *own[:-1]], [*own[1:], 2.0], agreed, evenly, np.minimum(1, left_out),
        [_rounded(best[0].logprob)] * count, [min(3.0, max(0.0, lead))] * count, [_rounded(reading.no_speech)] * count,
        [_drawn_out_s(word, window, profile) for word in words],
        [min(1.0, word.sample_count / RATE_HZ / max(1, len(text))) for word, text in zip(words, plain, strict=True)],
        [float(len(text)) for text in plain],
        [float(n in (0, count - 1)) for n in range(count)],
        contradicted,
    )  # fmt: skip
    return np.array(columns, np.float64).T


def are_beside_left_out(reading: Reading, others: Sequence[Reading]) -> list[bool]:
    """Of each word of a reading: whether a sound reading of the same window has three words more beside it, or in its place."""
    plain = [plain_text(word.text) for word in reading.words]
    found = np.zeros(len(plain), np.bool_)
    for other in others:
        if not is_sound(other):
            continue
        for first, end, more in _changes(plain, [plain_text(word.text) for word in other.words]):
            if more >= LEAST_LEFT_OUT:
                found[max(0, first - 1) : end + 1] = True
    return [bool(one) for one in found]


def _changes(words: Sequence[str], other: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """``(first, end, more)`` of words that another text does not have, and how many more it has in their place."""
    for kind, first, end, other_first, other_end in SequenceMatcher(None, words, other, autojunk=False).get_opcodes():
        if kind != "equal":
            yield first, end, (other_end - other_first) - (end - first)


def _compared(words: Sequence[str], other: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each word: 1 if the other text has it at its place; 1 if the other text has more words beside it."""
    same, beside = np.ones(len(words)), np.zeros(len(words))
    for first, end, more in _changes(words, other):
        same[first:end] = 0
        if more > 0:
            beside[max(0, first - 1) : end + 1] = 1
    return same, beside


def _shares(reading: Reading) -> list[float]:
    """The probabilities of the hypotheses, made to add up to 1."""
    totals = [_total(reading, n) for n in range(len(reading.hypotheses))]
    weights = [math.exp(max(-50.0, total - max(totals))) for total in totals]
    return [weight / sum(weights) for weight in weights]


def _total(reading: Reading, number: int) -> float:
    """Log probability of a whole hypothesis; the end token counts as one more."""
    hypothesis = reading.hypotheses[number]
    return _rounded(max(-1000.0, hypothesis.logprob)) * (len(hypothesis.tokens) + 1)


def _drawn_out_s(word: Heard, window: Window, profile: Profile) -> float:
    piece = profile.piece
    start = piece.sample_of(window.first_frame) + word.first_sample
    voiced = profile.voice[start // HOP : -(-(start + word.sample_count) // HOP)] > SURE_VOICE
    return min(3.0, max(0.0, int(np.count_nonzero(voiced)) * HOP / RATE_HZ - longest_s(word.text) + DOUBTED_HOLE_S))


def _logit(probability: float) -> float:
    share = min(1 - 1e-4, max(1e-4, _rounded(probability)))
    return math.log(share / (1 - share))


def _rounded(value: float) -> float:
    return round(value * _ROUND) / _ROUND
