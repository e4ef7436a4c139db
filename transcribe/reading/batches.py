"""Windows → readings, on as many threads as the engine has workers.

Windows are sorted by context inside fixed blocks, so that what shares a batch is the same whatever the speed of the threads; and
readings do not depend on their batch at all.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby, islice
from typing import TypeAlias

from transcribe.engine import Engine, Shares, Stretch
from transcribe.evidence.checks import MIXED, UNCHECKED
from transcribe.reading import turns
from transcribe.reading.attempts import Attempt, Clip, ask, attempt_of
from transcribe.reading.cases import Case
from transcribe.reading.looks import look_again
from transcribe.sound.windows import RATE_HZ

BLOCK_WINDOWS = 64

TURN_BY_TURN = "read turn by turn"
"""Why a window in several languages was not read as a whole."""

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
        groups = _read(engine, batch, languages)
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


def _read(engine: Engine, batch: Sequence[Clip], languages: Sequence[str]) -> list[list[Attempt]]:
    """The attempts at each window.  Whatever goes wrong with one of them, the others are read."""
    try:
        return _read_batch(engine, batch, languages)
    except Exception as error:  # noqa: BLE001  (a text that a check cannot bear concerns its window only)
        if len(batch) > 1:
            return [group for clip in batch for group in _read(engine, [clip], languages)]
        failed = attempt_of(batch[0].window, "whole", error, ())
    try:
        (first,) = _read_batch(engine, batch, languages, wants_looks=False)
    except Exception:  # noqa: BLE001  (the first readings cannot be borne either)
        return [[failed]]
    return [[*(replace(one, flags=(*one.flags, UNCHECKED)) for one in first), replace(failed, used=False)]]


def _read_batch(
    engine: Engine, batch: Sequence[Clip], languages: Sequence[str], *, wants_looks: bool = True
) -> list[list[Attempt]]:
    """The attempts at each window: its turns if it is in several languages, first readings, second looks if wanted."""
    cases = [_cases(engine, clip, languages) for clip in batch]
    flat = [case for group in cases for case in group]
    for case, found in zip(flat, ask(engine, [case.ask() for case in flat]), strict=True):
        case.attempts = [case.attempt(case.part, found)]
    if wants_looks:
        look_again(engine, [case for case in flat if case.attempts[0].reading])
    return [_attempts(clip, group) for clip, group in zip(batch, cases, strict=True)]


def _attempts(clip: Clip, cases: Sequence[Case]) -> list[Attempt]:
    found = [attempt for case in cases for attempt in case.every_attempt]
    if len(cases) == 1:
        return found
    return [Attempt(clip.window, "whole", None, (MIXED,), used=False, skipped=TURN_BY_TURN), *found]


def _languages(engine: Engine, clip: Clip, languages: Sequence[str]) -> tuple[list[Stretch], list[Shares]]:
    """The stretches of a clip, and of each how likely each language is; where there is no choice nothing is asked."""
    whole = (0, len(clip.samples))
    if len(languages) == 1:
        return [whole], [((languages[0], 1.0),)]
    bounds = turns.stretches(clip.window, clip.profile)
    try:
        return bounds, engine.shares(clip.samples, stretches=bounds, languages=languages)
    except Exception:  # noqa: BLE001  (nothing is known then, and each language as likely: the window must be read all the same)
        return [whole], [tuple((language, 1 / len(languages)) for language in languages)]


def _cases(engine: Engine, clip: Clip, languages: Sequence[str]) -> list[Case]:
    """The window in its language, or its parts where the language changes."""
    bounds, shares = _languages(engine, clip, languages)
    lengths_s = [(end - first) / RATE_HZ for first, end in bounds]
    chosen = turns.likeliest(shares, lengths_s, expected=clip.expected)
    groups = [list(numbers) for _, numbers in groupby(range(len(chosen)), key=chosen.__getitem__)]
    beliefs = [turns.together([shares[n] for n in group], [lengths_s[n] for n in group]) for group in groups]
    if len(groups) == 1:
        return [Case(clip, "whole", chosen[0], beliefs[0])]
    windows = turns.cut(clip.window, clip.profile, [(bounds[group[0]][0], bounds[group[-1]][1]) for group in groups])
    return [
        Case(clip.within(window), "turn", chosen[group[0]], belief)
        for window, group, belief in zip(windows, groups, beliefs, strict=True)
    ]
