"""What is read does not depend on how it was batched, and one bad window costs only itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tests.transcribe.builders import a_piece, a_profile, a_reading, staircase
from transcribe.batches import Attempt, Clip, read_all
from transcribe.engine import FULL_CONTEXT, Reading, ScriptedEngine, Stretch
from transcribe.windows import Floats, tile

Script = dict[int, str | Reading | Exception]


def clips(seconds: int = 300, *, voiced: Sequence[tuple[float, float]] = ((3, 10),)) -> Iterator[Clip]:
    piece, sound = a_piece(seconds=seconds), staircase(seconds)
    profile = a_profile(piece, voiced=voiced)
    for window in tile(a_profile(piece), first_number=1):
        yield Clip(window, sound[window.first_frame : window.end_frame], profile)


def read(
    script: Script, *, batch_size: int = 4, workers: int = 2, voiced: Sequence[tuple[float, float]] = ((3, 10),)
) -> list[Attempt]:
    engine = ScriptedEngine(script)
    engine.batch_size, engine.workers = batch_size, workers
    attempts = [attempt for group in read_all(engine, clips(voiced=voiced), languages=("en",)) for attempt in group]
    return sorted(attempts, key=lambda attempt: attempt.window.number)


SCRIPT: Script = {0: "first words", 14: RuntimeError("out of memory"), 29: "then more", 44: "you " * 30, 59: "and on"}


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (3, 2), (16, 4)])
def test_readings_do_not_depend_on_batches_or_threads(batch_size: int, workers: int) -> None:
    assert read(SCRIPT) == read(SCRIPT, batch_size=batch_size, workers=workers)


def test_a_window_that_fails_in_a_batch_fails_alone() -> None:
    attempts = read(SCRIPT, batch_size=16)
    assert [(2, "RuntimeError: out of memory")] == [(one.window.number, one.error) for one in attempts if one.error]


def test_attempts_in_use_tile_the_track() -> None:
    position = 0
    for attempt in read(SCRIPT):
        if attempt.used:
            assert position == attempt.window.first_frame
            position = attempt.window.end_frame
    assert 300 * 16_000 == position


def test_a_window_that_goes_round_in_circles_is_read_again_in_halves() -> None:
    script: Script = {0: "you " * 30, **dict.fromkeys(range(2, 14), "a real answer")}
    attempts = [one for one in read(script) if one.window.number == 1]
    assert [("whole", False), ("first half", True), ("second half", True)] == [(one.part, one.used) for one in attempts]
    assert ["loop"] == list(attempts[0].flags)


def test_the_first_reading_stays_in_use_when_both_halves_are_no_better() -> None:
    script: Script = dict.fromkeys(range(15), "you " * 30)
    attempts = [one for one in read(script) if one.window.number == 1]
    assert [("whole", True), ("first half", False), ("second half", False)] == [(one.part, one.used) for one in attempts]
    assert ("loop",) == attempts[0].flags


def test_halves_that_cannot_be_read_leave_the_first_reading() -> None:
    script: Script = {**{second: RuntimeError("no") for second in range(1, 14)}, 0: a_reading("cut off", tokens=224)}
    (attempt,) = [one for one in read(script) if one.window.number == 1 and one.used]
    assert (("truncated",), "whole") == (attempt.flags, attempt.part)


@pytest.mark.parametrize(("logprob", "used"), [(-0.4, "whole, full context"), (-0.9, "whole")])
def test_an_unsure_reading_of_a_voice_is_weighed_against_one_in_full_context(logprob: float, used: str) -> None:
    script: Script = {0: a_reading("unsure", logprob=-0.6), FULL_CONTEXT: a_reading("slow", logprob=logprob)}
    attempts = [one for one in read(script) if one.window.number == 1]
    assert [used] == [one.part for one in attempts if one.used]
    assert 2 == sum(one.part.startswith("whole") for one in attempts)


def test_no_time_is_spent_on_an_unsure_reading_of_noise() -> None:
    script: Script = {29: a_reading("unsure", logprob=-0.6), 29 + FULL_CONTEXT: a_reading("slow")}
    assert ["whole"] == [one.part for one in read(script) if one.window.number == 3]


class Interpreted(ScriptedEngine):
    """Hears two languages wherever it is asked about two stretches."""

    workers = 1

    def read(
        self, clips: Sequence[Floats], *, languages: Sequence[str], stretches: Sequence[Sequence[Stretch]] = (), **_: object
    ) -> list[Reading]:
        mixed = replace(a_reading(""), hypotheses=(), turns=("en", "ru"))
        asked = stretches or [()] * len(clips)
        return [mixed if len(of_clip) > 1 else a_reading("word " * 20) for of_clip in asked]


def test_a_window_in_two_languages_is_read_turn_by_turn() -> None:
    turns = [(14.0, 19.0), (20.0, 28.0)]
    groups = read_all(Interpreted({}), clips(60, voiced=turns), languages=("en", "ru"))
    attempts = next(group for group in groups if group[0].window.number == 2)
    assert (("mixed-languages",), False) == (attempts[0].flags, attempts[0].used)
    assert ["turn", "turn"] == [one.part for one in attempts if one.used]
    assert attempts[0].window.frame_count == sum(one.window.frame_count for one in attempts if one.used)


def test_where_two_languages_are_nearly_as_likely_both_readings_are_kept_and_flagged() -> None:
    unsure = replace(a_reading("good"), languages=(("en", 0.6), ("ru", 0.4)))
    attempts = [one for one in read({0: unsure}) if one.window.number == 1]
    assert ["whole", "other language"] == [one.part for one in attempts if "unsure-language" in one.flags][:2]
    assert 1 == sum(one.used for one in attempts)


@pytest.mark.parametrize(("logprob", "language"), [(-0.1, "ru"), (-0.8, "en")])
def test_language_and_text_together_decide(logprob: float, language: str) -> None:
    shares = (("en", 0.6), ("ru", 0.4))
    engine = TwoTongued(
        {"en": replace(a_reading("good", logprob=-0.3), languages=shares), "ru": a_reading("да", logprob=logprob, language="ru")}
    )
    groups = read_all(engine, [next(clips())], languages=("en", "ru"))
    used = [one.reading for one in next(groups) if one.used]
    assert [language] == [one.language for one in used if one]


@pytest.mark.parametrize(("expected", "language"), [((), "en"), (("ru",), "ru"), (("en",), "en")])
def test_the_language_of_the_roster_weighs_more(expected: tuple[str, ...], language: str) -> None:
    shares = (("en", 0.6), ("ru", 0.4))
    engine = TwoTongued(
        {"en": replace(a_reading("good"), languages=shares), "ru": a_reading("добрый", language="ru")}  # equally probable texts
    )
    groups = read_all(engine, [replace(next(clips()), expected=expected)], languages=("en", "ru"))
    used = [one.reading for one in next(groups) if one.used]
    assert [language] == [one.language for one in used if one]


class TwoTongued(ScriptedEngine):
    """Reads what was written for the first language it is allowed."""

    workers = 1

    def __init__(self, by_language: dict[str, Reading]) -> None:
        super().__init__({})
        self.by_language = by_language

    def read(self, clips: Sequence[Floats], *, languages: Sequence[str], **_: object) -> list[Reading]:
        return [self.by_language[languages[0]]] * len(clips)


def test_a_voice_left_without_words_is_searched_for_and_the_fullest_reading_is_used() -> None:
    script: Script = {0: "only this", FULL_CONTEXT: "only this and now everything else that the person was saying here"}
    attempts = [one for one in read(script) if one.window.number == 1]
    assert ["whole, full context"] == [one.part for one in attempts if one.used]
    assert {"whole", "whole, full context", "first half, full context", "second half, full context"} == {
        one.part for one in attempts
    }


def test_a_fuller_reading_that_the_engine_does_not_believe_is_not_used() -> None:
    fuller = a_reading("only this and now everything else that the person was saying here", logprob=-1.4)
    attempts = [one for one in read({0: "only this", FULL_CONTEXT: fuller}) if one.window.number == 1]
    assert ["whole"] == [one.part for one in attempts if one.used]
