"""One microphone a speaker: which words on a microphone are only another speaker, heard from afar.

A word belongs to the microphone on which it is louder.  On the others it is bleed when the sound under it is the same sound
(correlated) and at least 6 dB quieter: then it becomes a *shadow*, kept beside the transcript.  Where both speak at once the
sounds are not the same, and both words stay.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from transcribe.sound.windows import RATE_HZ, Floats

Reason: TypeAlias = Literal["bleed", "dual-mono"]

LOUDER_DB = 6.0
SAME = 0.6
SAME_WORD = 0.45
"""Correlation from which two microphones hear one sound; the second when both have the same word there.  Measured on real speech
put into a reverberant room: bleed 0.5 to 0.9, a second voice over the bleed 0.2 to 0.4, two people 0.1 and less."""

AROUND_S, SAME_AROUND = 0.3, 0.5
"""A word of a tenth of a second is too short to be sure of: from `SAME_WORD` on, so much sound on both sides of it decides."""

RELATED = 0.2
IDENTICAL = 0.98
IDENTICAL_DB = 1.5
"""One signal on two channels: so much the same in every word, and either no louder on one of them than this, or louder by as much
everywhere and without any delay, as behind a splitter.  Air always delays, and a room changes the sound."""

LAG_S = 0.05
"""How far apart the same sound may lie on two microphones: 17 m, or the error of two inputs' clocks."""

LEAST_OVERLAP = 0.3
PROBES = 100
"""Of so many words all must be the same."""

Sound: TypeAlias = Callable[[int, int], Floats]
"""(start, end) in µs of the session axis → what the microphone heard then, 16 kHz."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A word of a microphone on the session axis."""

    text: str
    start_us: int
    end_us: int


@dataclass(slots=True)
class Microphone:
    """The words of a microphone in order of time, and its sound."""

    words: Sequence[Placed]
    sound: Sound


@dataclass(frozen=True, slots=True)
class Shadow:
    """A word that another microphone (`louder`, a number in the list given) hears better, and by how much."""

    reason: Reason
    louder: int
    louder_db: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one microphone: the words (by number) that are shadows, and those that may stand on two microphones."""

    shadows: dict[int, Shadow]
    doubled: frozenset[int]
    copy_of: int | None = None


def judge(microphones: Sequence[Microphone]) -> list[Judgement]:
    """Every word of every microphone; the order of `microphones` decides which of two identical ones counts."""
    copies = _copies(microphones)
    starts = [[word.start_us for word in one.words] for one in microphones]
    return [_judge_one(microphones, starts, place, copies) for place in range(len(microphones))]


def compare(quiet: Floats, loud: Floats, *, lag_s: float = LAG_S) -> tuple[float, float]:
    """How much louder the second sound is, in dB, and the largest correlation of the two within `lag_s` either way (0 to 1)."""
    length = min(len(quiet), len(loud))
    one, other = quiet[:length].astype(np.float64), loud[:length].astype(np.float64)
    power, other_power = float(one @ one), float(other @ other)
    if not length or not power or not other_power:
        return 0.0, 0.0
    size = 1 << (2 * length - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    lag = min(length - 1, int(lag_s * RATE_HZ))
    near = np.concatenate((product[: lag + 1], product[size - lag :]))
    return 10 * float(np.log10(other_power / power)), float(np.abs(near).max() / np.sqrt(power * other_power))


def _copies(microphones: Sequence[Microphone]) -> dict[int, int]:
    """Microphone → the earlier one whose very sound it carries."""
    found: dict[int, int] = {}
    for place, one in enumerate(microphones):
        probes = one.words[:: max(1, len(one.words) // PROBES)]
        for earlier in range(place):
            if earlier not in found and probes and _are_one_signal(one, microphones[earlier], probes):
                found[place] = earlier
                break
    return found


def _are_one_signal(one: Microphone, other: Microphone, probes: Sequence[Placed]) -> bool:
    gains_db = []
    for word in probes:
        sounds = one.sound(word.start_us, word.end_us), other.sound(word.start_us, word.end_us)
        if not any(sound.any() for sound in sounds):
            continue
        louder_db, same = compare(*sounds)
        at_once = abs(louder_db) <= IDENTICAL_DB or compare(*sounds, lag_s=0.0)[1] >= IDENTICAL
        if same < IDENTICAL or not at_once:
            return False
        gains_db.append(louder_db)
    return bool(gains_db) and max(gains_db) - min(gains_db) <= 2 * IDENTICAL_DB


def _judge_one(microphones: Sequence[Microphone], starts: Sequence[list[int]], place: int, copies: dict[int, int]) -> Judgement:
    words = microphones[place].words
    if place in copies:
        return Judgement({n: Shadow("dual-mono", copies[place], 0.0, 1.0) for n in range(len(words))}, frozenset(), copies[place])
    shadows: dict[int, Shadow] = {}
    doubled: set[int] = set()
    others = [n for n in range(len(microphones)) if n != place and n not in copies]
    for number, word in enumerate(words):
        beside = {other: _beside(microphones[other].words, starts[other], word) for other in others}
        for other, found in beside.items():
            if not found:
                continue
            louder_db, same = _compared(microphones, place, other, (word.start_us, word.end_us))
            is_alike = any(_is_alike(word, one) for one in found)
            is_same = same >= SAME or (same >= SAME_WORD and (is_alike or _is_bleed_around(microphones, place, other, word)))
            if is_same and louder_db >= LOUDER_DB:
                shadow = Shadow("bleed", other, louder_db, same)
                shadows[number] = max(shadows.get(number, shadow), shadow, key=lambda one: one.correlation)
            elif louder_db > -LOUDER_DB and same >= RELATED and is_alike:
                doubled.add(number)
    return Judgement(shadows, frozenset(doubled - shadows.keys()))


def _compared(microphones: Sequence[Microphone], place: int, other: int, span: tuple[int, int]) -> tuple[float, float]:
    return compare(microphones[place].sound(*span), microphones[other].sound(*span))


def _is_bleed_around(microphones: Sequence[Microphone], place: int, other: int, word: Placed) -> bool:
    around_us = round(AROUND_S * 1_000_000)
    louder_db, same = _compared(microphones, place, other, (word.start_us - around_us, word.end_us + around_us))
    return same >= SAME_AROUND and louder_db >= LOUDER_DB


def _beside(words: Sequence[Placed], starts: Sequence[int], word: Placed) -> list[Placed]:
    """Words that share at least `LEAST_OVERLAP` of `word` or of themselves with it; none is longer than half a minute."""
    first = bisect_left(starts, word.start_us - 30_000_000)
    last = bisect_left(starts, word.end_us)
    return [
        one
        for one in words[first:last]
        if min(one.end_us, word.end_us) - max(one.start_us, word.start_us)
        >= LEAST_OVERLAP * max(1, min(one.end_us - one.start_us, word.end_us - word.start_us))
    ]


def _is_alike(one: Placed, other: Placed) -> bool:
    letters = ["".join(mark for mark in word.text.casefold() if mark.isalnum()) for word in (one, other)]
    return letters[0] == letters[1]
