"""Windows → readings, on as many threads as the engine has workers.

Windows are sorted by context inside fixed blocks, so that what shares a batch is the same whatever the speed of the threads; and
readings do not depend on their batch at all.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np

from transcribe.checks import SPLITTING, flags_of, is_unsure, may_hold_voice
from transcribe.engine import Engine, Reading
from transcribe.windows import Floats, Profile, Window, halves

BLOCK_WINDOWS = 64

Part: TypeAlias = Literal["whole", "whole, full context", "first half", "second half"]


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


def read_all(engine: Engine, clips: Iterable[Clip], *, languages: Sequence[str]) -> Iterator[list[Attempt]]:
    """The attempts at each window, in the order in which batches were formed; at most two blocks are in memory.

    A window whose batch fails is tried alone before it counts as failed.
    """
    pending: deque[Future[list[list[Attempt]]]] = deque()
    source = iter(clips)
    with ThreadPoolExecutor(engine.workers, thread_name_prefix="decode") as threads:
        try:
            while block := list(islice(source, BLOCK_WINDOWS)):
                for batch in _batches(engine, block):
                    pending.append(threads.submit(_read_batch, engine, batch, languages))
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
    """The reading, and others where it was cut short, went round in circles, or was unsure of a voice.  All stay on record."""
    whole = Attempt(clip.window, "whole", reading, flags_of(reading))
    try:
        if SPLITTING & set(whole.flags):
            return _by_halves(engine, clip, whole, languages)
        if is_unsure(reading) and may_hold_voice(clip.window, clip.profile):
            return _in_full_context(engine, clip, whole, languages)
    except Exception:  # noqa: BLE001  (a remedy that fails leaves the first reading, flagged, in use)
        return [whole]
    return [whole]


def _by_halves(engine: Engine, clip: Clip, whole: Attempt, languages: Sequence[str]) -> list[Attempt]:
    """The halves are used unless both have the same fault again."""
    windows = halves(clip.window, clip.profile)
    if not windows:
        return [whole]
    piece = clip.profile.piece
    middle = piece.sample_of(windows[1].first_frame) - piece.sample_of(clip.window.first_frame)
    readings = [engine.read([samples], languages=languages)[0] for samples in np.split(clip.samples, [middle])]
    names: tuple[Part, Part] = ("first half", "second half")
    parts = [Attempt(*pair, flags_of(pair[2])) for pair in zip(windows, names, readings, strict=True)]
    better = not all(SPLITTING & set(part.flags) for part in parts)
    return [replace(whole, used=not better), *(replace(part, used=better) for part in parts)]


def _in_full_context(engine: Engine, clip: Clip, whole: Attempt, languages: Sequence[str]) -> list[Attempt]:
    """The surer of the two readings is used, unless the slow one has a fault of its own."""
    reading = engine.read([clip.samples], languages=languages, full_context=True)[0]
    slow = Attempt(clip.window, "whole, full context", reading, flags_of(reading))
    better = not SPLITTING & set(slow.flags) and _logprob(slow) > _logprob(whole)
    return [replace(whole, used=not better), replace(slow, used=better)]


def _logprob(attempt: Attempt) -> float:
    return attempt.reading.hypotheses[0].logprob if attempt.reading and attempt.reading.hypotheses else -float("inf")
