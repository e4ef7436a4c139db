"""The same sound in two languages: where the engine is unsure, or mixes two up, both are read and the texts decide.

Languages that are alike may even lie side by side in one window, as for the engine they are one: there each stretch of voice is
weighed on its own, and the window is parted where the language changes.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from transcribe.engine import Engine, Heard, Reading, Stretch
from transcribe.evidence.checks import LOOP, SPLITTING, flags_of, is_unsure
from transcribe.reading import turns
from transcribe.reading.attempts import Ask, ask
from transcribe.reading.cases import Case, is_sound
from transcribe.reading.dictionary import known_share
from transcribe.sound.windows import RATE_HZ

SURE_LANGUAGE = 0.8
"""Probability of the chosen language from which no other is tried."""

TEXT_WEIGHT = 10.0
"""How much the mean log probability of a text counts beside that of its language; measured on 135 Russian prompts."""

ALIKE = (("ru", 0.235), ("uk", 0.765))
"""Of these Whisper takes the one for the other without a doubt, so where both may be spoken their texts decide, and these shares
instead of the engine's: it has read more Russian, and finds a Russian text likelier than a Ukrainian one of the same sound."""

WORDS_WEIGHT = 5.0
"""How much the share of a text's words that its language's dictionary has counts beside its mean log probability, where languages
are alike: Ukrainian taken for Russian becomes words that do not exist, and so does Russian taken for Ukrainian.  This and the
shares part 119 Russian and 10 Ukrainian utterances best; 58 and 10 others are parted as well."""

ALIKE_LOGPROB = -0.3
"""Below this a text in one of them is read in the other too: a speaker of the other language is hardly ever above it."""

LEAST_PART_S = 1.5
"""Between two pauses; what is shorter has no language of its own, and goes with a neighbour."""

_ALIKE_NAMES = frozenset(name for name, _ in ALIKE)


def compare(engine: Engine, cases: Sequence[Case]) -> list[Case]:
    """Read in a second language what may be in it; those cases.  Each case has one attempt, which has a reading."""
    unsure = _in_other_languages(engine, cases)
    mixed_up = _in_alike_languages(engine, cases)
    _part(engine, [case for case in cases if _readings(case).keys() >= _ALIKE_NAMES])
    return [*unsure, *(case for case in mixed_up if case not in unsure)]


def is_unsure_of_language(case: Case) -> bool:
    """True where another language is nearly as likely."""
    return case.likely[case.language] < SURE_LANGUAGE


def are_alike(one: str, other: str) -> bool:
    """True for the same language and for two that the engine mixes up."""
    return one == other or {one, other} == _ALIKE_NAMES


def _in_other_languages(engine: Engine, cases: Sequence[Case]) -> list[Case]:
    """Where another language is nearly as likely, the reading in it too.  Those cases."""
    unsure = [case for case in cases if is_unsure_of_language(case) and (_reading(case).text.strip() or case.may_hold_voice)]
    return _read_both(engine, [(case, _next_likeliest(case)) for case in unsure])


def _next_likeliest(case: Case) -> str:
    likely = case.likely
    return max((name for name in likely if name != case.language), key=likely.__getitem__)


def _in_alike_languages(engine: Engine, cases: Sequence[Case]) -> list[Case]:
    """Where the engine may have mixed up two languages, the reading in the other one too.  Those cases."""
    mixed_up = [
        (case, next(name for name, _ in ALIKE if name != case.language))
        for case in cases
        if case.language in _ALIKE_NAMES <= {name for name, _ in case.shares}
        and (_reading(case).logprob < ALIKE_LOGPROB or (not _reading(case).text.strip() and case.may_hold_voice))
        and not _readings(case).keys() >= _ALIKE_NAMES
    ]
    return _read_both(engine, mixed_up)


def _read_both(engine: Engine, cases: Sequence[tuple[Case, str]]) -> list[Case]:
    """Read each case in this other language too, and use the likelier of the two readings."""
    asked = [Ask(case.clip.samples, language) for case, language in cases]
    for (case, language), other in zip(cases, ask(engine, asked), strict=True):
        better = isinstance(other, Reading) and _is_likelier(other, _reading(case), case)
        case.language = language if better else case.language
        case.add([case.attempt("other language", other)], is_used=better)
    return [case for case, _ in cases]


def _is_likelier(other: Reading, first: Reading, case: Case) -> bool:
    """Language and text together decide; a text that goes round in circles is no evidence of its language, nor is none."""
    if SPLITTING & set(flags_of(other)) or not other.text.strip():
        return False
    if LOOP in flags_of(first) or not first.text.strip():
        return not is_unsure(other)
    if are_alike(other.language, first.language):
        new, old = _alike_beliefs(case, [(one.language, one.text, one.logprob) for one in (other, first)])
        return new > old
    likely = case.likely
    return _belief(other, likely) > _belief(first, likely)


def _belief(reading: Reading, shares: Mapping[str, float]) -> float:
    return math.log(max(1e-9, shares[reading.language])) + TEXT_WEIGHT * reading.logprob


def _alike_beliefs(case: Case, said: Sequence[tuple[str, str, float]]) -> list[float]:
    """Of each ``(language, text, mean log probability)``; words count where every text has some."""
    known = [known_share(text, language) for language, text, _ in said]
    weight = 0.0 if None in known else WORDS_WEIGHT
    shares = dict(turns.weighed(ALIKE, case.clip.expected))
    return [
        math.log(shares[language]) + TEXT_WEIGHT * logprob + weight * (share or 0.0)
        for (language, _, logprob), share in zip(said, known, strict=True)
    ]


def _reading(case: Case) -> Reading:
    """The one in use."""
    return next(one.reading for one in case.used if one.reading)


def _readings(case: Case) -> dict[str, Reading]:
    """Those of the whole of it, by language."""
    return {one.reading.language: one.reading for one in case.attempts if one.reading}


def _part(engine: Engine, cases: Sequence[Case]) -> None:
    """Read turn by turn what is in two languages that are alike; where that leaves more out, the whole stands."""
    parted = [(case, changes) for case in cases if len(changes := _changes(case)) > 1]
    for case, changes in parted:
        windows = turns.cut(case.clip.window, case.clip.profile, [bounds for bounds, _ in changes])
        case.parts = [
            Case(case.clip.within(window), "turn", language, case.shares)
            for window, (_, language) in zip(windows, changes, strict=True)
        ]
    parts = [part for case, _ in parted for part in case.parts]
    for part, reading in zip(parts, ask(engine, [part.ask() for part in parts]), strict=True):
        part.attempts = [part.attempt("turn", reading)]
    for case, _ in parted:
        tried = [attempt for part in case.parts for attempt in part.attempts]
        is_whole = len(tried) == len(case.parts) and all(is_sound(one) and one.text for one in tried)
        if is_whole and case.left_s(tried) <= case.left_s(case.used):
            case.add([], is_used=True)  # the parts stand for it now
        else:
            case.add(tried, is_used=False)
            case.parts = []


def _changes(case: Case) -> list[tuple[Stretch, str]]:
    """The stretches of a case, joined as long as the language is the same, each with its language."""
    readings = [_readings(case)[name] for name, _ in ALIKE]
    if any(LOOP in flags_of(reading) for reading in readings):
        return []
    bounds = _long_enough(turns.stretches(case.clip.window, case.clip.profile))
    languages = [_alike_language(case, readings, stretch) for stretch in bounds]
    groups = [list(group) for _, group in groupby(zip(bounds, languages, strict=True), key=lambda one: one[1])]
    return [((group[0][0][0], group[-1][0][1]), group[0][1]) for group in groups]


def _long_enough(stretches: Sequence[Stretch]) -> list[Stretch]:
    """The stretches, those shorter than `LEAST_PART_S` joined to a neighbour."""
    joined: list[Stretch] = []
    for first, end in stretches:
        is_short = end - first < LEAST_PART_S * RATE_HZ
        if joined and (is_short or joined[-1][1] - joined[-1][0] < LEAST_PART_S * RATE_HZ):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return joined


def _alike_language(case: Case, readings: Sequence[Reading], stretch: Stretch) -> str:
    """The likelier language of a stretch, by the words that either reading has there."""
    words = [_within(reading.words, stretch) for reading in readings]
    if not all(words):
        return case.language
    said = [
        (reading.language, "".join(word.text for word in heard), _mean_logprob(heard))
        for reading, heard in zip(readings, words, strict=True)
    ]
    return readings[int(np.argmax(_alike_beliefs(case, said)))].language


def _mean_logprob(words: Sequence[Heard]) -> float:
    return float(np.mean([math.log(max(1e-9, word.probability)) for word in words]))


def _within(words: Sequence[Heard], stretch: Stretch) -> list[Heard]:
    return [word for word in words if stretch[0] <= word.first_sample + word.sample_count // 2 < stretch[1]]
