"""Windows → readings, on as many threads as the engine has workers.

Windows are sorted by context inside fixed blocks, so that what shares a batch is the same whatever the speed of the threads; and
readings do not depend on their batch at all.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np

from transcribe.account import unaccounted_s
from transcribe.checks import LEAST_LOGPROB, MIXED, SPLITTING, UNSURE_LANGUAGE, flags_of, is_unsure, may_hold_voice
from transcribe.engine import Engine, Reading
from transcribe.windows import Floats, Profile, Window, halves, stretches, turns

BLOCK_WINDOWS = 64

Part: TypeAlias = Literal[
    "whole",
    "whole, full context",
    "first half",
    "second half",
    "first half, full context",
    "second half, full context",
    "turn",
    "other language",
]

SURE_LANGUAGE = 0.8
"""Probability of the chosen language from which no other is tried."""

EXPECTED_WEIGHT = 3.0
"""How much likelier a language is when the roster says that somebody at the track speaks it."""

TEXT_WEIGHT = 10.0
"""How much the mean log probability of a text counts beside that of its language; measured on 135 Russian prompts."""

LEAST_HOLE_S = 1.0
"""Seconds of voice without words from which a window is searched again."""

LEAST_GAIN_S = 0.3
"""How much of that another reading must account for to be used instead."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A window with its sound, the profile of the piece it lies in, and the languages of those who sit at the track."""

    window: Window
    samples: Floats
    profile: Profile
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reading of a window or of half of it.  Exactly the attempts that are `used` tile the track.

    ``reading`` is None when the engine failed (then ``error`` says how) or was not asked (then ``skipped`` says why).
    """

    window: Window
    part: Part
    reading: Reading | None
    flags: tuple[str, ...] = ()
    used: bool = True
    error: str = ""
    skipped: str = ""


Keep: TypeAlias = Callable[[list[list[Attempt]]], None]
"""Is given the attempts at each window of a batch."""


def read_all(
    engine: Engine, clips: Iterable[Clip], *, languages: Sequence[str], keep: Keep = lambda _: None
) -> Iterator[list[Attempt]]:
    """The attempts at each window, in the order in which batches were formed; at most two blocks are in memory.

    A window whose batch fails is tried alone before it counts as failed.  `keep` gets each batch at once, in the worker's thread.
    """
    pending: deque[Future[list[list[Attempt]]]] = deque()
    source = iter(clips)

    def read(batch: Sequence[Clip]) -> list[list[Attempt]]:
        groups = _read_batch(engine, batch, languages)
        keep(groups)
        return groups

    with ThreadPoolExecutor(engine.workers, thread_name_prefix="decode") as threads:
        try:
            while block := list(islice(source, BLOCK_WINDOWS)):
                for batch in _batches(engine, block):
                    pending.append(threads.submit(read, batch))
                while len(pending) > BLOCK_WINDOWS // engine.batch_size:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _batches(engine: Engine, block: Sequence[Clip]) -> list[list[Clip]]:
    """Clips of equal context, the longest first so that no worker is left with a long one at the end."""
    by_context: dict[int, list[Clip]] = {}
    for clip in block:
        by_context.setdefault(engine.context_samples(len(clip.samples)), []).append(clip)
    result = []
    for _, clips in sorted(by_context.items(), reverse=True):
        count = -(-len(clips) // engine.batch_size)
        step = -(-len(clips) // count)
        result += [clips[first : first + step] for first in range(0, len(clips), step)]
    return result


def _read_batch(engine: Engine, batch: Sequence[Clip], languages: Sequence[str]) -> list[list[Attempt]]:
    try:
        readings: Sequence[Reading] = engine.read(
            [clip.samples for clip in batch],
            languages=languages,
            stretches=[stretches(clip.window, clip.profile) for clip in batch] if len(languages) > 1 else (),
        )
    except Exception as error:  # noqa: BLE001  (whatever the engine raises concerns these windows only: the others must be read)
        if len(batch) > 1:
            return [attempts for clip in batch for attempts in _read_batch(engine, [clip], languages)]
        return [[Attempt(batch[0].window, "whole", None, error=f"{type(error).__name__}: {error}")]]
    return [_second_look(engine, clip, reading, languages) for clip, reading in zip(batch, readings, strict=True)]


def _second_look(engine: Engine, clip: Clip, reading: Reading, languages: Sequence[str]) -> list[Attempt]:
    """The reading, and others where languages change in it or where it is doubtful.  All stay on record."""
    look = _by_turns if reading.turns else _improved
    return look(engine, clip, reading, languages)


def _improved(engine: Engine, clip: Clip, reading: Reading, languages: Sequence[str]) -> list[Attempt]:
    """The reading, and others where it was cut short, went round in circles, was unsure of a voice or left one out."""
    attempts = [Attempt(clip.window, "whole", reading, flags_of(reading))]
    with suppress(Exception):  # a remedy that fails leaves the reading before it, flagged, in use
        attempts = _in_other_language(engine, clip, attempts[0])
    first = next(attempt for attempt in attempts if attempt.used)
    languages = (reading.language if first.reading is None else first.reading.language,)  # it is chosen; remedies keep to it
    with suppress(Exception):  # as above
        if SPLITTING & set(first.flags):
            attempts = [*(one for one in attempts if one is not first), *_by_halves(engine, clip, first, languages)]
        elif is_unsure(first.reading) and may_hold_voice(clip.window, clip.profile):
            attempts = [*(one for one in attempts if one is not first), *_in_full_context(engine, clip, first, languages)]
    with suppress(Exception):  # as above
        attempts = _without_holes(engine, clip, attempts, languages)
    return [_in_same_language(attempt, first) for attempt in attempts]


def _in_same_language(attempt: Attempt, first: Attempt) -> Attempt:
    """A remedy, which was not asked for its language, with what is known about that."""
    reading, chosen = attempt.reading, first.reading
    if reading is None or chosen is None or len(chosen.languages) == len(reading.languages):
        return attempt
    doubts = tuple(flag for flag in first.flags if flag == UNSURE_LANGUAGE and flag not in attempt.flags)
    return replace(attempt, reading=replace(reading, languages=chosen.languages), flags=(*attempt.flags, *doubts))


def _by_turns(engine: Engine, clip: Clip, whole: Reading, languages: Sequence[str]) -> list[Attempt]:
    """The window cut in its pauses, each part read as a window of its own, in its own language."""
    piece, start = clip.profile.piece, clip.profile.piece.sample_of(clip.window.first_frame)
    parts = turns(clip.window, clip.profile)
    attempts = [Attempt(clip.window, "whole", whole, (MIXED,), used=False)]
    for part in parts:
        first, end = (piece.sample_of(frame) - start for frame in (part.first_frame, part.end_frame))
        one = replace(clip, window=part, samples=clip.samples[first:end])
        (reading,) = engine.read([one.samples], languages=languages)
        found = _improved(engine, one, reading, languages)
        attempts += [replace(attempt, part="turn") if attempt.part == "whole" else attempt for attempt in found]
    return attempts


def _in_other_language(engine: Engine, clip: Clip, first: Attempt) -> list[Attempt]:
    """Where another language is nearly as likely or likelier, the reading in it too; language and text together decide."""
    reading = first.reading
    if reading is None or not reading.text.strip():
        return [first]
    shares = _weighed(reading.languages, clip.expected)
    if shares[reading.language] >= SURE_LANGUAGE:
        return [first]
    second = max((language for language in shares if language != reading.language), key=shares.__getitem__)
    (other,) = engine.read([clip.samples], languages=(second,))
    other = replace(other, languages=reading.languages)
    better = _belief(other, shares) > _belief(reading, shares)
    return [
        replace(first, flags=(*first.flags, UNSURE_LANGUAGE), used=not better),
        Attempt(clip.window, "other language", other, (*flags_of(other), UNSURE_LANGUAGE), used=better),
    ]


def _weighed(languages: Sequence[tuple[str, float]], expected: Sequence[str]) -> dict[str, float]:
    """The probabilities, the expected languages' weighing more; they add up to 1."""
    weights = {language: share * (EXPECTED_WEIGHT if language in expected else 1) for language, share in languages}
    total = sum(weights.values()) or 1.0
    return {language: weight / total for language, weight in weights.items()}


def _belief(reading: Reading, shares: Mapping[str, float]) -> float:
    """How likely language and text are together."""
    return math.log(max(1e-9, shares[reading.language])) + TEXT_WEIGHT * reading.logprob


def _by_halves(engine: Engine, clip: Clip, whole: Attempt, languages: Sequence[str]) -> list[Attempt]:
    """The halves are used unless both have the same fault again."""
    parts = _halves(engine, clip, languages)
    better = bool(parts) and not all(SPLITTING & set(part.flags) for part in parts)
    return [replace(whole, used=not better), *(replace(part, used=better) for part in parts)]


def _halves(engine: Engine, clip: Clip, languages: Sequence[str], *, full_context: bool = False) -> list[Attempt]:
    """A reading of each half on its own; none when the window is too short."""
    windows = halves(clip.window, clip.profile)
    if not windows:
        return []
    piece = clip.profile.piece
    middle = piece.sample_of(windows[1].first_frame) - piece.sample_of(clip.window.first_frame)
    sounds = np.split(clip.samples, [middle])
    readings = [engine.read([sound], languages=languages, full_context=full_context)[0] for sound in sounds]
    names: tuple[Part, Part] = ("first half", "second half")
    if full_context:
        names = ("first half, full context", "second half, full context")
    return [Attempt(*pair, flags_of(pair[2])) for pair in zip(windows, names, readings, strict=True)]


def _without_holes(engine: Engine, clip: Clip, attempts: list[Attempt], languages: Sequence[str]) -> list[Attempt]:
    """Where a voice was left without words, the window and its halves in full context; what leaves least is used, whole."""
    used = [attempt for attempt in attempts if attempt.used]
    left_s = _unaccounted_s(used, clip)
    others: list[list[Attempt]] = []
    if left_s >= LEAST_HOLE_S and not any(attempt.part == "whole, full context" for attempt in attempts):
        others.append([_full_context(engine, clip, languages)])
    if left_s >= LEAST_HOLE_S:
        others.append(_halves(engine, clip, languages, full_context=True))
    for other in others:
        if other and _is_sound(other) and _unaccounted_s(other, clip) <= left_s - LEAST_GAIN_S:
            used, left_s = other, _unaccounted_s(other, clip)
    kept = [attempt for group in ([*attempts], *others) for attempt in group]
    return [replace(attempt, used=any(attempt is one for one in used)) for attempt in kept]


def _unaccounted_s(attempts: Sequence[Attempt], clip: Clip) -> float:
    return sum(unaccounted_s(one.reading, one.window, clip.profile) for one in attempts if one.reading)


def _is_sound(attempts: Sequence[Attempt]) -> bool:
    """True when no part has a fault of its own and the engine believes what it wrote."""
    return not any(SPLITTING & set(one.flags) or _logprob(one) < LEAST_LOGPROB for one in attempts)


def _full_context(engine: Engine, clip: Clip, languages: Sequence[str]) -> Attempt:
    reading = engine.read([clip.samples], languages=languages, full_context=True)[0]
    return Attempt(clip.window, "whole, full context", reading, flags_of(reading))


def _in_full_context(engine: Engine, clip: Clip, whole: Attempt, languages: Sequence[str]) -> list[Attempt]:
    """The surer of the two readings is used, unless the slow one has a fault of its own."""
    slow = _full_context(engine, clip, languages)
    better = not SPLITTING & set(slow.flags) and _logprob(slow) > _logprob(whole)
    return [replace(whole, used=not better), replace(slow, used=better)]


def _logprob(attempt: Attempt) -> float:
    return attempt.reading.logprob if attempt.reading else -float("inf")
