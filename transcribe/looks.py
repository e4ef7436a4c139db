"""Second looks at what is doubtful: in another language, in halves, in full context.  Every reading stays on record.

All windows of a batch that need the same remedy get it together, as a batch of their own.  One reading is used, whole: two are
never mixed word by word.  A remedy that fails leaves the reading before it, flagged, in use.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from transcribe import turns
from transcribe.account import are_repeated_in_no_time, unaccounted_s
from transcribe.attempts import Ask, Attempt, Clip, Part, ask
from transcribe.checks import LEAST_LOGPROB, SPLITTING, UNSURE_LANGUAGE, flags_of, is_unsure, may_hold_voice
from transcribe.engine import Engine, Reading, Shares
from transcribe.windows import Window, halves

SURE_LANGUAGE = 0.8
"""Probability of the chosen language from which no other is tried."""

TEXT_WEIGHT = 10.0
"""How much the mean log probability of a text counts beside that of its language; measured on 135 Russian prompts."""

ALIKE = (("ru", 0.37), ("uk", 0.63))
"""Of these Whisper takes the one for the other without a doubt, so where both may be spoken their texts decide, and these shares
instead of the engine's: it has read more Russian, and finds a Russian text likelier than a Ukrainian one of the same sound."""

_ALIKE_NAMES = frozenset(name for name, _ in ALIKE)

ALIKE_LOGPROB = -0.3
"""Below this a text in one of them is read in the other too: a speaker of the other language is hardly ever above it."""

LEAST_HOLE_S = 0.8
"""Seconds of voice without words from which a window is searched again."""

LEAST_GAIN_S = 0.3
"""How much of that another reading must account for to be used instead."""


@dataclass(slots=True)
class Case:
    """A window, or a turn of one, and the attempts at it so far."""

    clip: Clip
    part: Part
    language: str
    shares: Shares
    attempts: list[Attempt] = field(default_factory=list)

    def ask(self, *, full_context: bool = False) -> Ask:
        """For the whole of it."""
        return Ask(self.clip.samples, self.language, full_context)

    def attempt(self, part: Part, reading: Reading) -> Attempt:
        """A reading of the whole of it; of its language the engine was not asked again."""
        return Attempt(self.clip.window, part, replace(reading, languages=self.shares), flags_of(reading))

    @property
    def used(self) -> list[Attempt]:
        """What stands for the case at present."""
        return [attempt for attempt in self.attempts if attempt.used]


def look_again(engine: Engine, cases: Sequence[Case]) -> None:
    """Add what second looks give to cases that have one attempt, which has a reading."""
    unsure = _in_other_languages(engine, cases)
    mixed_up = _in_alike_languages(engine, cases)
    _again(engine, cases)
    _without_holes(engine, cases)
    for case in [*unsure, *(case for case in mixed_up if case not in unsure)]:
        case.attempts = [replace(one, flags=(*one.flags, UNSURE_LANGUAGE)) for one in case.attempts]


def _in_other_languages(engine: Engine, cases: Sequence[Case]) -> list[Case]:
    """Where another language is nearly as likely, the reading in it too; language and text together decide.  Those cases."""
    weighed = [dict(turns.weighed(case.shares, case.clip.expected)) for case in cases]
    unsure = [
        (case, max((name for name in shares if name != case.language), key=shares.__getitem__))
        for case, shares in zip(cases, weighed, strict=True)
        if shares[case.language] < SURE_LANGUAGE and _text(case.used[0])
    ]
    return _compare(engine, unsure)


def _in_alike_languages(engine: Engine, cases: Sequence[Case]) -> list[Case]:
    """Where the engine may have mixed up two languages, the reading in the other one too; the texts decide.  Those cases."""
    mixed_up = [
        (case, next(name for name, _ in ALIKE if name != case.language))
        for case in cases
        if case.language in _ALIKE_NAMES <= {name for name, _ in case.shares}
        and _logprob(case.used[0]) < ALIKE_LOGPROB
        and not {one.reading.language for one in case.attempts if one.reading} >= _ALIKE_NAMES
    ]
    return _compare(engine, mixed_up)


def _compare(engine: Engine, cases: Sequence[tuple[Case, str]]) -> list[Case]:
    """Read each case in this other language too, and use the likelier of the two readings."""
    asked = [Ask(case.clip.samples, language) for case, language in cases]
    for (case, language), other in zip(cases, ask(engine, asked), strict=True):
        first = case.used[0].reading
        if isinstance(other, Reading) and first:
            is_alike = {language, case.language} == _ALIKE_NAMES
            believed = dict(turns.weighed(ALIKE if is_alike else case.shares, case.clip.expected))
            better = _belief(other, believed) > _belief(first, believed)
            case.language = other.language if better else case.language
            _add(case, [case.attempt("other language", other)], is_used=better)
    return [case for case, _ in cases]


def _text(attempt: Attempt) -> str:
    return attempt.reading.text.strip() if attempt.reading else ""


def _belief(reading: Reading, shares: Mapping[str, float]) -> float:
    """How likely language and text are together."""
    return math.log(max(1e-9, shares[reading.language])) + TEXT_WEIGHT * reading.logprob


def _again(engine: Engine, cases: Sequence[Case]) -> None:
    """In halves what was cut short or went round in circles, in full context what was unsure of a voice."""
    split = [case for case in cases if SPLITTING & set(case.used[0].flags)]
    unsure = [case for case in cases if case not in split and _is_unsure(case)]
    for case, parts in zip(split, _halves(engine, split), strict=True):
        better = bool(parts) and not all(SPLITTING & set(part.flags) for part in parts)
        _add(case, parts, is_used=better)
    stuck = [case for case in split if any(SPLITTING & set(part.flags) for part in case.used)]
    for case, slow in zip(stuck, _in_full_context(engine, stuck), strict=True):
        _add(case, slow, is_used=bool(slow) and _logprob(slow[0]) >= LEAST_LOGPROB and _in_no_time(slow) < _in_no_time(case.used))
    for case, slow in zip(unsure, _in_full_context(engine, unsure), strict=True):
        better = bool(slow) and not SPLITTING & set(slow[0].flags) and _logprob(slow[0]) > _logprob(case.used[0])
        _add(case, slow, is_used=better)


def _is_unsure(case: Case) -> bool:
    return is_unsure(case.used[0].reading) and may_hold_voice(case.clip.window, case.clip.profile)


def _add(case: Case, others: Sequence[Attempt], *, is_used: bool) -> None:
    """Other attempts at the whole of a case, used instead of those before or not at all."""
    before = [replace(one, used=one.used and not is_used) for one in case.attempts]
    case.attempts = [*before, *(replace(one, used=is_used) for one in others)]


def _in_full_context(engine: Engine, cases: Sequence[Case]) -> list[list[Attempt]]:
    """One attempt each, none where it failed."""
    readings = ask(engine, [case.ask(full_context=True) for case in cases])
    return [
        [case.attempt("whole, full context", reading)] if isinstance(reading, Reading) else []
        for case, reading in zip(cases, readings, strict=True)
    ]


def _halves(engine: Engine, cases: Sequence[Case]) -> list[list[Attempt]]:
    """The halves of each window, read on their own; none where it is too short or one of them failed."""
    windows = [halves(case.clip.window, case.clip.profile) for case in cases]
    asked: list[Ask] = []
    for case, parts in zip(cases, windows, strict=True):
        piece = case.clip.profile.piece
        middles = [piece.sample_of(part.first_frame) - piece.sample_of(case.clip.window.first_frame) for part in parts[1:]]
        asked += [Ask(sound, case.language) for sound in (np.split(case.clip.samples, middles) if parts else [])]
    readings = iter(ask(engine, asked))
    both = [[next(readings) for _ in parts] for parts in windows]
    return [_as_halves(case, parts, found) for case, parts, found in zip(cases, windows, both, strict=True)]


def _as_halves(case: Case, windows: Sequence[Window], found: Sequence[Reading | Exception]) -> list[Attempt]:
    names: tuple[Part, Part] = ("first half", "second half")
    whole = [one for one in found if isinstance(one, Reading)]
    return [
        Attempt(window, name, replace(one, languages=case.shares), flags_of(one))
        for window, name, one in zip(windows, names, whole, strict=False)
        if len(whole) == len(found)
    ]


def _without_holes(engine: Engine, cases: Sequence[Case]) -> None:
    """Where a voice was left without words, the halves, then the window in full context; what leaves least is used, whole."""
    for remedy, part in ((_halves, "first half"), (_in_full_context, "whole, full context")):
        left = [case for case in cases if _has_hole(case) and all(attempt.part != part for attempt in case.attempts)]
        for case, others in zip(left, remedy(engine, left), strict=True):
            is_fuller = bool(others) and _left_s(case, others) <= _left_s(case, case.used) - LEAST_GAIN_S
            _add(case, others, is_used=is_fuller and _is_sound(others))


def _has_hole(case: Case) -> bool:
    return _left_s(case, case.used) >= LEAST_HOLE_S


def _left_s(case: Case, attempts: Sequence[Attempt]) -> float:
    return sum(unaccounted_s(one.reading, one.window, case.clip.profile) for one in attempts if one.reading)


def _is_sound(attempts: Sequence[Attempt]) -> bool:
    """True when no part has a fault of its own and the engine believes what it wrote."""
    return not any(SPLITTING & set(one.flags) or _logprob(one) < LEAST_LOGPROB for one in attempts)


def _in_no_time(attempts: Sequence[Attempt]) -> int:
    """How many words go round in circles for which the sound has no time."""
    return sum(sum(are_repeated_in_no_time(one.reading.words)) for one in attempts if one.reading)


def _logprob(attempt: Attempt) -> float:
    return attempt.reading.logprob if attempt.reading else -float("inf")
