"""Windows → readings, on as many threads as the engine has workers.

Windows are sorted by context inside fixed blocks, so that what shares a batch is the same whatever the speed of the threads; and
readings do not depend on their batch at all.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np

from transcribe.account import unaccounted_s
from transcribe.checks import LEAST_LOGPROB, SPLITTING, flags_of, is_unsure, may_hold_voice
from transcribe.engine import Engine, Reading
from transcribe.windows import Floats, Profile, Window, halves

BLOCK_WINDOWS = 64

Part: TypeAlias = Literal[
    "whole", "whole, full context", "first half", "second half", "first half, full context", "second half, full context"
]

LEAST_HOLE_S = 1.0
"""Seconds of voice without words from which a window is searched again."""

LEAST_GAIN_S = 0.3
"""How much of that another reading must account for to be used instead."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A window with its sound, and the profile of the piece it lies in."""

    window: Window
    samples: Floats
    profile: Profile


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
        readings: Sequence[Reading] = engine.read([clip.samples for clip in batch], languages=languages)
    except Exception as error:  # noqa: BLE001  (whatever the engine raises concerns these windows only: the others must be read)
        if len(batch) > 1:
            return [attempts for clip in batch for attempts in _read_batch(engine, [clip], languages)]
        return [[Attempt(batch[0].window, "whole", None, error=f"{type(error).__name__}: {error}")]]
    return [_second_look(engine, clip, reading, languages) for clip, reading in zip(batch, readings, strict=True)]


def _second_look(engine: Engine, clip: Clip, reading: Reading, languages: Sequence[str]) -> list[Attempt]:
    """The reading, and others where it was cut short, went round in circles, was unsure of a voice or left one out.

    All stay on record.
    """
    attempts = [Attempt(clip.window, "whole", reading, flags_of(reading))]
    with suppress(Exception):  # a remedy that fails leaves the reading before it, flagged, in use
        if SPLITTING & set(attempts[0].flags):
            attempts = _by_halves(engine, clip, attempts[0], languages)
        elif is_unsure(reading) and may_hold_voice(clip.window, clip.profile):
            attempts = _in_full_context(engine, clip, attempts[0], languages)
    with suppress(Exception):  # as above
        attempts = _without_holes(engine, clip, attempts, languages)
    return attempts


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
    return attempt.reading.hypotheses[0].logprob if attempt.reading and attempt.reading.hypotheses else -float("inf")
