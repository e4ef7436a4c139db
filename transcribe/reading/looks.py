"""Second looks at what is doubtful: in another language, in halves, in full context, the rest alone.  All stay on record.

All windows of a batch that need the same remedy get it together, as a batch of their own.  One reading is used, whole: two are
never mixed word by word.  A remedy that fails leaves the reading before it, flagged, in use.
"""

from collections.abc import Sequence
from dataclasses import replace

from transcribe.engine import Engine, Shares
from transcribe.evidence.account import are_repeated_in_no_time, stopped_at
from transcribe.evidence.checks import (
    DOUBTING,
    LEAST_LOGPROB,
    LOOP,
    MIXED,
    OTHER_SCRIPT,
    SPLITTING,
    UNSURE_LANGUAGE,
    is_unsure,
    may_hold_voice,
)
from transcribe.reading import bilingual, turns
from transcribe.reading.attempts import Ask, Attempt, Clip, Part, ask, attempt_of
from transcribe.reading.cases import Case, is_sound
from transcribe.sound.windows import Window, halves, parted_near

SEARCHED_HOLE_S = 0.8
"""Seconds of voice without words from which a window is searched again."""

LEAST_GAIN_S = 0.3
"""How much of that another reading must account for to be used instead."""

LEAST_REST_S = 2.0
"""Seconds of voice after the last word from which the engine counts as having stopped too early."""

REST_REACH_S = 1.0
"""How far behind the last word the rest may begin."""


def look_again(engine: Engine, cases: Sequence[Case]) -> None:
    """Add what second looks give to cases that have one attempt, which has a reading."""
    unsure = bilingual.compare(engine, cases)
    single = [part for case in cases for part in case.parts or [case]]
    _again(engine, single)
    _without_holes(engine, single)
    for case in unsure:
        case.flag(UNSURE_LANGUAGE)
    for case in cases:
        if case.parts:
            case.attempts = [replace(one, flags=(*one.flags, MIXED)) for one in case.attempts]


def _again(engine: Engine, cases: Sequence[Case]) -> None:
    """In halves what was cut short or went round in circles, in full context what was unsure of a voice."""
    split = [case for case in cases if SPLITTING & set(case.used[0].flags)]
    unsure = [case for case in cases if case not in split and _is_unsure(case)]
    for case, parts in zip(split, _halves(engine, split), strict=True):
        better = _are_readings(parts) and not all(SPLITTING & set(part.flags) for part in parts) and not _is_mute(case, parts)
        is_as_full = LOOP in case.used[0].flags or case.left_s(parts) <= case.left_s(case.used)
        case.add(parts, is_used=better and is_as_full)
    stuck = [case for case in split if any(SPLITTING & set(part.flags) for part in case.used)]
    for case, slow in zip(stuck, _in_full_context(engine, stuck), strict=True):
        case.add(slow, is_used=_mends(case, slow[0]))
    for case, slow in zip(unsure, _in_full_context(engine, unsure), strict=True):
        surer = not SPLITTING & set(slow[0].flags) and _logprob(slow[0]) > _logprob(case.used[0])
        case.add(slow, is_used=surer and bool(slow[0].text))


def _mends(case: Case, slow: Attempt) -> bool:
    """True when a reading in full context has fewer faults than what is in use, or leaves out less.

    Silence mends nothing: where no text was written, there is nothing that could be improbable.
    """
    if not slow.text or _logprob(slow) < LEAST_LOGPROB:
        return False
    left_s, before_s = case.left_s([slow]), case.left_s(case.used)
    is_as_full = left_s <= before_s or any(LOOP in one.flags for one in case.used)
    return (is_as_full and _faults([slow]) < _faults(case.used)) or (is_sound(slow) and left_s <= before_s - LEAST_GAIN_S)


def _is_mute(case: Case, attempts: Sequence[Attempt]) -> bool:
    """True when they have no words at all, or one has none for what may hold a voice: silence never stands for words."""
    mute = [one for one in attempts if not one.text]
    return len(mute) == len(attempts) or any(may_hold_voice(one.window, case.clip.profile) for one in mute)


def _are_readings(attempts: Sequence[Attempt]) -> bool:
    """True when there are any, and none of them failed."""
    return bool(attempts) and all(one.reading for one in attempts)


def _is_unsure(case: Case) -> bool:
    return is_unsure(case.used[0].reading) and case.may_hold_voice


def _in_full_context(engine: Engine, cases: Sequence[Case]) -> list[list[Attempt]]:
    """One attempt each."""
    found = ask(engine, [case.ask(full_context=True) for case in cases])
    return [[case.attempt("whole, full context", one)] for case, one in zip(cases, found, strict=True)]


def _halves(engine: Engine, cases: Sequence[Case]) -> list[list[Attempt]]:
    """The halves of each window, read on their own; none where it is too short."""
    return _in_two(engine, cases, [halves(case.clip.window, case.clip.profile) for case in cases], ("first half", "second half"))


def _with_rest(engine: Engine, cases: Sequence[Case]) -> list[list[Attempt]]:
    """What the engine had got to when it stopped too early, and the rest, read on their own."""
    return _in_two(engine, cases, [_where_it_stopped(case) for case in cases], ("as far as it went", "the rest"))


def _where_it_stopped(case: Case) -> list[Window]:
    (used, *others) = case.used
    if others or used.reading is None:
        return []
    sample, left_s = stopped_at(used.reading, used.window, case.clip.profile)
    if not sample or left_s < LEAST_REST_S:
        return []
    return parted_near(used.window, case.clip.profile, sample=sample, reach_s=REST_REACH_S)


def _in_two(
    engine: Engine, cases: Sequence[Case], windows: Sequence[Sequence[Window]], names: tuple[Part, Part]
) -> list[list[Attempt]]:
    """Both windows of each case, read on their own; none where there are none."""
    clips = [[case.clip.within(window) for window in both] for case, both in zip(cases, windows, strict=True)]
    shares = [[_part_shares(engine, case, part) for part in both] for case, both in zip(cases, clips, strict=True)]
    asked = [
        Ask(part.samples, _part_language(case, part, likely))
        for case, both, found in zip(cases, clips, shares, strict=True)
        for part, likely in zip(both, found, strict=True)
    ]
    found = iter(ask(engine, asked))
    return [
        [attempt_of(part.window, name, next(found), likely) for part, name, likely in zip(both, names, shares_of, strict=False)]
        for both, shares_of in zip(clips, shares, strict=True)
    ]


def _part_shares(engine: Engine, case: Case, part: Clip) -> Shares:
    """How likely each language is in a part: where the whole is unsure, each part may be in one of its own."""
    names = [language for language, _ in case.shares]
    if not bilingual.is_unsure_of_language(case) or all(bilingual.are_alike(name, case.language) for name in names):
        return case.shares
    try:
        return engine.shares(part.samples, stretches=[(0, len(part.samples))], languages=names)[0]
    except Exception:  # noqa: BLE001  (nothing more is known then)
        return case.shares


def _part_language(case: Case, part: Clip, shares: Shares) -> str:
    if shares is case.shares:
        return case.language
    likeliest, share = max(turns.weighed(shares, part.expected), key=lambda one: one[1])
    is_sure = share >= bilingual.SURE_LANGUAGE and not bilingual.are_alike(likeliest, case.language)
    return likeliest if is_sure else case.language


def _without_holes(engine: Engine, cases: Sequence[Case]) -> None:
    """Where a voice was left without words, the halves, the window in full context, and the rest where the engine stopped.

    What leaves least is used, whole, if it is sound.  A rest may go round in circles: it stands, flagged, where nothing did.
    """
    for remedy, part in ((_halves, "first half"), (_in_full_context, "whole, full context"), (_with_rest, "the rest")):
        left = [case for case in cases if _has_hole(case) and all(attempt.part != part for attempt in case.attempts)]
        for case, others in zip(left, remedy(engine, left), strict=True):
            is_fuller = _are_readings(others) and case.left_s(others) <= case.left_s(case.used) - LEAST_GAIN_S
            is_believed = all(is_sound(one) or _is_flagged_rest(one) for one in others)
            case.add(others, is_used=is_fuller and is_believed and not _is_mute(case, others))


def _is_flagged_rest(attempt: Attempt) -> bool:
    """True for a rest that goes round in circles, of which every word is flagged, but that the engine believes."""
    return attempt.part == "the rest" and (SPLITTING | DOUBTING) & set(attempt.flags) == {LOOP}


def _has_hole(case: Case) -> bool:
    return case.left_s(case.used) >= SEARCHED_HOLE_S


def _faults(attempts: Sequence[Attempt]) -> int:
    """How many words go round in circles for which the sound has no time, or are in another script than their language."""
    in_no_time = sum(sum(are_repeated_in_no_time(one.reading.words)) for one in attempts if one.reading)
    return in_no_time + sum(len(one.reading.words) for one in attempts if one.reading and OTHER_SCRIPT in one.flags)


def _logprob(attempt: Attempt) -> float:
    return attempt.reading.logprob if attempt.reading else -float("inf")
