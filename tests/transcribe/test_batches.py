"""What is read does not depend on how it was batched, and one bad window costs only itself."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tests.transcribe.builders import a_piece, a_profile, a_reading, staircase
from transcribe.engine import Reading, Shares, Stretch
from transcribe.reading import attempts as attempts_module
from transcribe.reading import batches, looks
from transcribe.reading.attempts import Attempt, Clip
from transcribe.reading.batches import TURN_BY_TURN, read_all
from transcribe.reading.cases import Case
from transcribe.scripted import FULL_CONTEXT, ScriptedEngine
from transcribe.sound.windows import Floats, tile

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


def test_a_window_whose_text_a_second_look_cannot_bear_keeps_its_first_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    look_again = looks.look_again

    def fragile(engine: ScriptedEngine, cases: Sequence[Case]) -> None:
        if any(case.clip.window.number == 2 for case in cases):
            raise ValueError("a text like no \udcff other")
        look_again(engine, cases)

    monkeypatch.setattr(batches, "look_again", fragile)
    attempts = read({0: "first words", 14: "second words"}, batch_size=16)
    second = [(one.used, one.flags, one.error) for one in attempts if one.window.number == 2]
    assert [(True, ("unchecked",), ""), (False, (), "ValueError: a text like no ? other")] == second
    assert {("unchecked",)} == {one.flags for one in attempts if one.window.number == 2 and one.used}
    assert {()} == {one.flags for one in attempts if one.window.number > 2}


def test_a_window_whose_first_reading_a_check_cannot_bear_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(reading: Reading) -> tuple[str, ...]:
        if "second" in reading.text:
            raise ValueError("a text like no other")
        return ()

    monkeypatch.setattr(attempts_module, "flags_of", fragile)
    attempts = read({0: "first words", 14: "second words"}, batch_size=16)
    assert [(2, True)] == [(one.window.number, one.used) for one in attempts if one.error == "ValueError: a text like no other"]


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
    tried = [("whole", False), ("first half", True), ("second half", True), ("whole, full context", False)]
    assert tried == [(one.part, one.used) for one in attempts]
    assert ["loop"] == list(attempts[0].flags)


def test_a_reading_in_full_context_is_used_where_halves_repeat_themselves_in_no_time() -> None:
    circle = a_reading("you " * 30)
    circle = replace(circle, words=(circle.words[0], *(replace(word, sample_count=0) for word in circle.words[1:])))
    script: Script = {0: circle, FULL_CONTEXT: a_reading("you you you said so")}
    attempts = [one for one in read(script) if one.window.number == 1]
    assert ["whole, full context"] == [one.part for one in attempts if one.used]


def test_the_first_reading_stays_in_use_when_both_halves_are_no_better() -> None:
    script: Script = dict.fromkeys(range(15), "you " * 30)
    attempts = [one for one in read(script) if one.window.number == 1]
    tried = [("whole", True), ("first half", False), ("second half", False), ("whole, full context", False)]
    assert tried == [(one.part, one.used) for one in attempts]
    assert ("loop",) == attempts[0].flags


def test_halves_that_say_less_than_a_text_that_was_cut_short_are_not_used() -> None:
    class Mute(ScriptedEngine):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            found = super().read(clips, languages=languages, full_context=full_context)
            return [one if len(clip) > 12 * 16_000 else a_reading() for one, clip in zip(found, clips, strict=True)]

    groups = read_all(Mute({0: a_reading("cut off", tokens=224)}), clips(voiced=((0.2, 0.8),)), languages=("en",))
    first = [one for group in groups for one in group if one.window.number == 1]
    assert [True, False, False] == [one.used for one in first if one.part in ("whole", "first half", "second half")]


@pytest.mark.parametrize(
    ("slow", "used", "is_flagged"),
    [
        ("я никогда этого не говорил", ["whole, full context"], False),
        ("no, I never said that", ["first half", "second half"], True),
    ],
)
def test_a_text_in_another_script_is_read_again_and_stays_flagged_if_nothing_helps(
    slow: str, used: list[str], is_flagged: bool
) -> None:
    script: Script = {0: a_reading("I have never said that", language="ru"), FULL_CONTEXT: a_reading(slow, language="ru")}
    attempts = [one for one in read(script, voiced=((0.2, 2),)) if one.window.number == 1 and one.used]
    assert (used, is_flagged) == ([one.part for one in attempts], "other-script" in attempts[0].flags)


def test_halves_that_cannot_be_read_leave_the_first_reading() -> None:
    script: Script = {**{second: RuntimeError("no") for second in range(1, 14)}, 0: a_reading("cut off", tokens=224)}
    attempts = [one for one in read(script) if one.window.number == 1]
    assert [("whole", ("truncated",))] == [(one.part, one.flags) for one in attempts if one.used]
    assert ["second half", "the rest"] == [one.part for one in attempts if one.error == "RuntimeError: no"]
    assert ["first half"] == [one.part for one in attempts if one.part == "first half" and one.reading]


@pytest.mark.parametrize(("logprob", "used"), [(-0.4, "whole, full context"), (-0.9, "whole")])
def test_an_unsure_reading_of_a_voice_is_weighed_against_one_in_full_context(logprob: float, used: str) -> None:
    script: Script = {0: a_reading("unsure", logprob=-0.6), FULL_CONTEXT: a_reading("slow", logprob=logprob)}
    attempts = [one for one in read(script) if one.window.number == 1]
    assert [used] == [one.part for one in attempts if one.used]
    assert 2 == sum(one.part.startswith("whole") for one in attempts)


NAMES = a_reading("Angela Merkel Emmanuel Macron", language="ru")
CIRCLE = a_reading("you " * 30)
NOTHING = a_reading("", logprob=-0.0)


@pytest.mark.parametrize(
    ("first", "slow"),
    [
        (a_reading("stop it now", logprob=-0.5), NOTHING),
        (NAMES, NOTHING),
        (NAMES, a_reading("Да", language="ru")),
        (a_reading("cut off", tokens=224), NOTHING),
        (replace(CIRCLE, words=(CIRCLE.words[0], *(replace(word, sample_count=0) for word in CIRCLE.words[1:]))), NOTHING),
    ],
)
def test_neither_silence_nor_less_stands_for_words(first: Reading, slow: Reading) -> None:
    class Mute(ScriptedEngine):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            found = super().read(clips, languages=languages, full_context=full_context)
            return [one if len(clip) > 12 * 16_000 else NOTHING for one, clip in zip(found, clips, strict=True)]

    engine = Mute({0: first, FULL_CONTEXT: slow})
    groups = read_all(engine, clips(voiced=((0.2, 1.4),)), languages=("en",))
    used = [one for group in groups for one in group if one.window.number == 1 and one.used]
    assert [first.text] == [one.reading.text for one in used if one.reading]


def test_a_text_that_was_cut_short_is_mended_by_a_fuller_one_in_full_context() -> None:
    fuller = "w0 w1 w2 and everything else that the person was saying here"
    script: Script = {0: a_reading("w0 w1 w2", tokens=224), FULL_CONTEXT: fuller}
    attempts = [one for one in read(script, voiced=((0.2, 5),)) if one.window.number == 1]
    assert ["whole, full context"] == [one.part for one in attempts if one.used]


def test_no_time_is_spent_on_an_unsure_reading_of_noise() -> None:
    script: Script = {29: a_reading("unsure", logprob=-0.6), 29 + FULL_CONTEXT: a_reading("slow")}
    assert ["whole"] == [one.part for one in read(script) if one.window.number == 3]


class Interpreter(ScriptedEngine):
    """Hears Russian wherever a clip begins with one of these seconds, else English; reads each language as it was written."""

    workers = 1

    def __init__(self, *, russian: Sequence[int], by_language: dict[str, Reading], shares: Shares | None = None) -> None:
        super().__init__({})
        self.russian, self.by_language, self.given = russian, by_language, shares

    def shares(self, clip: Floats, *, stretches: Sequence[Stretch], languages: Sequence[str]) -> list[Shares]:
        seconds = [round(float(clip[first:end].mean() - 0.25) * 1024) for first, end in stretches]
        heard = ["ru" if second in self.russian else "en" for second in seconds]
        return [self.given or tuple((name, 0.98 if name == one else 0.02) for name in languages) for one in heard]

    def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
        return [self.by_language[language] for language in languages]


ENGLISH = "good morning to all of you who came here so early before the talks began today and now we sit"
RUSSIAN = "добрый день всем кто здесь сегодня так рано пришёл перед началом наших переговоров и вот теперь мы сидим"
BOTH = {"en": a_reading(ENGLISH), "ru": a_reading(RUSSIAN, language="ru")}


def test_a_window_in_two_languages_is_read_turn_by_turn() -> None:
    engine = Interpreter(russian=range(21, 28), by_language=BOTH)
    groups = read_all(engine, clips(60, voiced=[(14.0, 19.0), (20.0, 27.0)]), languages=("en", "ru"))
    attempts = next(group for group in groups if group[0].window.number == 2)
    assert (("mixed-languages",), False, TURN_BY_TURN) == (attempts[0].flags, attempts[0].used, attempts[0].skipped)
    used = [one for one in attempts if one.used]
    assert [("turn", "en"), ("turn", "ru")] == [(one.part, one.reading.language) for one in used if one.reading]
    assert attempts[0].window.frame_count == sum(one.window.frame_count for one in used)
    assert round(19.5 * 16_000) - 512 <= used[1].window.first_frame <= round(19.5 * 16_000) + 512


def test_languages_that_cannot_be_asked_for_leave_the_text() -> None:
    class Deaf(Interpreter):
        def shares(self, clip: Floats, *, stretches: Sequence[Stretch], languages: Sequence[str]) -> list[Shares]:
            raise RuntimeError("no")

    groups = read_all(Deaf(russian=(), by_language=BOTH), clips(10, voiced=[(0.5, 2)]), languages=("en", "ru"))
    attempts = next(groups)
    assert {("unsure-language",)} == {one.flags for one in attempts}
    assert ENGLISH == "".join(one.reading.text for one in attempts if one.used and one.reading).strip()


def test_where_two_languages_are_nearly_as_likely_both_readings_are_kept_and_flagged() -> None:
    engine = Interpreter(russian=(), by_language=BOTH, shares=(("en", 0.6), ("ru", 0.4)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("en", "ru")))
    assert ["whole", "other language"] == [one.part for one in attempts if "unsure-language" in one.flags][:2]
    assert 1 == sum(one.used for one in attempts)


@pytest.mark.parametrize(("logprob", "language"), [(-0.1, "ru"), (-0.8, "en")])
def test_language_and_text_together_decide(logprob: float, language: str) -> None:
    readings = {"en": a_reading("good", logprob=-0.3), "ru": a_reading("да", logprob=logprob, language="ru")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.6), ("ru", 0.4)))
    used = [one.reading for one in next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("en", "ru"))) if one.used]
    assert [language] == [one.language for one in used if one]


@pytest.mark.parametrize(("expected", "language"), [((), "en"), (("ru",), "ru"), (("en",), "en")])
def test_the_language_of_the_roster_weighs_more(expected: tuple[str, ...], language: str) -> None:
    readings = {"en": a_reading("good"), "ru": a_reading("добрый", language="ru")}  # equally probable texts
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.6), ("ru", 0.4)))
    groups = read_all(engine, [replace(next(clips(10, voiced=[(0.5, 2)])), expected=expected)], languages=("en", "ru"))
    used = [one.reading for one in next(groups) if one.used]
    assert [language] == [one.language for one in used if one]


@pytest.mark.parametrize(("russian", "ukrainian", "language"), [(-0.45, -0.50, "uk"), (-0.45, -0.70, "ru"), (-0.15, -0.10, "ru")])
def test_between_russian_and_ukrainian_the_text_decides_however_sure_of_the_language_the_engine_is(
    russian: float, ukrainian: float, language: str
) -> None:
    readings = {"ru": a_reading("да", logprob=russian, language="ru"), "uk": a_reading("так", logprob=ukrainian, language="uk")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("ru", 0.997), ("uk", 0.003)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("ru", "uk")))
    assert [language] == [one.reading.language for one in attempts if one.used and one.reading]


def test_a_third_language_is_tried_before_the_one_that_is_mixed_up() -> None:
    readings = {
        "en": a_reading("yes", logprob=-0.2),
        "ru": a_reading("да", logprob=-0.5, language="ru"),
        "uk": a_reading("так", logprob=-0.5, language="uk"),
    }
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.35), ("ru", 0.6), ("uk", 0.05)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("en", "ru", "uk")))
    assert ["en"] == [one.reading.language for one in attempts if one.used and one.reading]


def test_between_russian_and_ukrainian_words_that_exist_count_more_than_a_little_probability() -> None:
    readings = {
        "ru": a_reading("и запыв долгим кофтком пыва", logprob=-0.40, language="ru"),
        "uk": a_reading("і запив довгим ковтком пива", logprob=-0.45, language="uk"),
    }
    engine = Interpreter(russian=(), by_language=readings, shares=(("ru", 0.997), ("uk", 0.003)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("ru", "uk")))
    assert ["uk"] == [one.reading.language for one in attempts if one.used and one.reading]


def test_a_reading_that_goes_round_in_circles_does_not_decide_about_the_language() -> None:
    readings = {"en": a_reading("they call me", logprob=-0.28), "ru": a_reading("янки " * 20, logprob=-0.05, language="ru")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.55), ("ru", 0.45)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("en", "ru")))
    assert ["en"] == [one.reading.language for one in attempts if one.used and one.reading]


RUSSIAN_FIRST = {
    "ru": a_reading("добрый день всем вам а чипа щеналась вона зара", logprob=-0.35, language="ru"),
    "uk": a_reading("добрій дєнь всьом вама а чи починалась вона зараз", logprob=-0.35, language="uk"),
}
"""Russian in the first two seconds, Ukrainian after them; a word every 0.4 s."""


def test_where_ukrainian_stands_beside_russian_each_is_read_on_its_own() -> None:
    engine = Interpreter(russian=(), by_language=RUSSIAN_FIRST, shares=(("ru", 0.99), ("uk", 0.01)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.0, 1.6), (2.0, 4.0)]), languages=("ru", "uk")))
    used = [(one.part, one.reading.language) for one in attempts if one.used and one.reading]
    assert [("turn", "ru"), ("turn", "uk")] == used
    assert ["whole", "other language"] == [one.part for one in attempts if not one.used]
    assert attempts[0].window.first_frame == min(one.window.first_frame for one in attempts if one.used)
    assert attempts[0].window.end_frame == max(one.window.end_frame for one in attempts if one.used)


def test_where_one_of_two_parts_cannot_be_read_the_whole_stands() -> None:
    class Failing(Interpreter):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            if min(map(len, clips)) < 10 * 16_000:
                raise RuntimeError("no")
            return super().read(clips, languages=languages, full_context=full_context)

    engine = Failing(russian=(), by_language=RUSSIAN_FIRST, shares=(("ru", 0.99), ("uk", 0.01)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.0, 1.6), (2.0, 4.0)]), languages=("ru", "uk")))
    assert 1 == sum(one.used for one in attempts)


@pytest.mark.parametrize("second", [a_reading("", language="uk"), a_reading("так " * 20, language="uk")])
def test_parts_that_say_less_than_the_whole_do_not_stand_for_it(second: Reading) -> None:
    class Shorter(Interpreter):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            whole = super().read(clips, languages=languages, full_context=full_context)
            parts = [len(clip) < 10 * 16_000 and language == "uk" for clip, language in zip(clips, languages, strict=True)]
            return [second if is_part else one for is_part, one in zip(parts, whole, strict=True)]

    engine = Shorter(russian=(), by_language=RUSSIAN_FIRST, shares=(("ru", 0.99), ("uk", 0.01)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.0, 1.6), (2.0, 4.0)]), languages=("ru", "uk")))
    assert 1 == sum(one.used for one in attempts)
    assert 2 == sum(one.part == "turn" for one in attempts)


@pytest.mark.parametrize(("logprob", "language"), [(-0.2, "ru"), (-0.6, "en")])
def test_where_a_voice_has_no_words_in_one_language_the_other_is_tried(logprob: float, language: str) -> None:
    readings = {"en": a_reading("", logprob=-0.01), "ru": a_reading("добрый день", logprob=logprob, language="ru")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.55), ("ru", 0.45)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 1.2)]), languages=("en", "ru")))
    assert [language] == [one.reading.language for one in attempts if one.used and one.reading]
    assert all("unsure-language" in one.flags for one in attempts)


def test_an_empty_text_in_another_language_stands_for_nothing() -> None:
    readings = {"en": a_reading("we agreed on nine prisoners", logprob=-0.5), "ru": a_reading("", logprob=-0.0, language="ru")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.7), ("ru", 0.3)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("en", "ru")))
    assert ["en"] == [one.reading.language for one in attempts if one.used and one.reading]


def test_where_russian_writes_nothing_over_a_voice_ukrainian_is_tried() -> None:
    readings = {"ru": a_reading("", logprob=-0.0, language="ru"), "uk": a_reading("так", logprob=-0.2, language="uk")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("ru", 0.997), ("uk", 0.003)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("ru", "uk")))
    assert ["uk"] == [one.reading.language for one in attempts if one.used and one.reading]


def test_a_text_without_words_says_nothing_of_its_language() -> None:
    readings = {"ru": a_reading("2024", logprob=-0.35, language="ru"), "uk": a_reading("є", logprob=-0.7, language="uk")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("ru", 0.997), ("uk", 0.003)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("ru", "uk")))
    assert ["ru"] == [one.reading.language for one in attempts if one.used and one.reading]


def test_a_sure_reading_in_another_language_stands_for_one_that_goes_round_in_circles() -> None:
    readings = {"en": a_reading("yankee " * 20, logprob=-0.05), "ru": a_reading("они зовут меня", logprob=-0.28, language="ru")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.55), ("ru", 0.45)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("en", "ru")))
    assert ["ru"] == [one.reading.language for one in attempts if one.used and one.reading]


def test_a_half_keeps_the_language_of_the_whole_unless_it_is_surely_in_another() -> None:
    readings = {"en": a_reading("good morning", logprob=-0.95), "ru": a_reading("да", logprob=-0.2, language="ru")}
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.55), ("ru", 0.45)))
    attempts = next(read_all(engine, clips(10, voiced=[(0, 4), (6, 10)]), languages=("en", "ru")))
    assert {"ru"} == {one.reading.language for one in attempts if one.part.endswith("half") and one.reading}


def test_where_the_language_is_unsure_each_half_is_read_in_its_own() -> None:
    class Halved(Interpreter):
        def shares(self, clip: Floats, *, stretches: Sequence[Stretch], languages: Sequence[str]) -> list[Shares]:
            if len(clip) == 10 * 16_000:
                return [(("en", 0.6), ("ru", 0.4))] * len(stretches)
            return super().shares(clip, stretches=stretches, languages=languages)

    engine = Halved(russian=(4, 5, 6, 7), by_language={"en": a_reading("good morning"), "ru": a_reading("да", language="ru")})
    attempts = next(read_all(engine, clips(10, voiced=[(0, 4), (6, 10)]), languages=("en", "ru")))
    assert ["en", "ru"] == [one.reading.language for one in attempts if one.part.endswith("half") and one.reading]


def test_russian_is_not_read_in_ukrainian_where_nobody_speaks_that() -> None:
    readings = {"ru": a_reading("да", logprob=-0.45, language="ru"), "en": a_reading("yes", logprob=-0.2)}
    engine = Interpreter(russian=(), by_language=readings, shares=(("en", 0.003), ("ru", 0.997)))
    attempts = next(read_all(engine, clips(10, voiced=[(0.5, 2)]), languages=("en", "ru")))
    assert "other language" not in {one.part for one in attempts}


def test_a_remedy_is_given_to_all_windows_of_a_batch_at_once() -> None:
    class OneContext(ScriptedEngine):
        batch_size = 16

        def context_samples(self, sample_count: int) -> int:
            return 15 * 16_000

    engine = OneContext(dict.fromkeys((0, 14, 29, 44), a_reading("unsure", logprob=-0.6)))
    list(read_all(engine, clips(60, voiced=[(0, 58)]), languages=("en",)))
    assert [[FULL_CONTEXT + second for second in (0, 14, 29, 44)]] == [
        sorted(marks) for marks in engine.calls if max(marks) >= FULL_CONTEXT
    ]


def test_a_voice_left_without_words_is_searched_for_and_the_fullest_reading_is_used() -> None:
    script: Script = {0: "only this", FULL_CONTEXT: "only this and now everything else that the person was saying here"}
    attempts = [one for one in read(script) if one.window.number == 1]
    assert ["whole, full context"] == [one.part for one in attempts if one.used]
    halved, continued = {"first half", "second half"}, {"as far as it went", "the rest"}
    assert {"whole", "whole, full context"} | halved | continued == {one.part for one in attempts}


def test_halves_that_leave_no_voice_without_words_spare_the_full_context() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve"
    script: Script = {0: words, **dict.fromkeys(range(5, 9), words)}
    attempts = [one for one in read(script, voiced=((0.2, 5), (7.5, 12))) if one.window.number == 1]
    assert [("whole", False), ("first half", True), ("second half", True)] == [(one.part, one.used) for one in attempts]


def test_a_fuller_reading_that_the_engine_does_not_believe_is_not_used() -> None:
    fuller = a_reading("only this and now everything else that the person was saying here", logprob=-1.4)
    attempts = [one for one in read({0: "only this", FULL_CONTEXT: fuller}) if one.window.number == 1]
    assert ["whole"] == [one.part for one in attempts if one.used]


def stopping(rest: str | Reading) -> list[Attempt]:
    script: Script = {0: "only this", FULL_CONTEXT: "only this", 1: rest}
    return [one for one in read(script, voiced=((0.2, 12),)) if one.window.number == 1]


@pytest.mark.parametrize("rest", ["and now everything else that the person said here", "word " * 9])
def test_where_the_engine_stopped_before_the_voice_did_the_rest_is_read_on_its_own(rest: str) -> None:
    used = [one for one in stopping(rest) if one.used]
    assert ["as far as it went", "the rest"] == [one.part for one in used]
    assert rest.strip() == (used[1].reading.text.strip() if used[1].reading else "")
    assert used[0].window.end_frame == used[1].window.first_frame


@pytest.mark.parametrize(
    ("rest", "flags"),
    [
        (a_reading("word " * 9), ("loop",)),
        (replace(a_reading("word " * 9), is_second_best=True), ("loop", "second-best")),
        (replace(a_reading("word " * 9), echo=a_reading("Um uh").hypotheses), ("loop", "echo")),
    ],
)
def test_a_rest_that_goes_round_in_circles_stands_with_its_flag(rest: Reading, flags: tuple[str, ...]) -> None:
    used = [one for one in stopping(rest) if one.used]
    assert [("as far as it went", ()), ("the rest", flags)] == [(one.part, one.flags) for one in used]


def test_a_rest_with_a_fault_that_is_no_circle_is_not_used() -> None:
    assert ["whole"] == [one.part for one in stopping(a_reading("да так и было на самом деле")) if one.used]


@pytest.mark.parametrize("voiced", [(), ((0.2, 1.4),), ((0.2, 5.0),)])
def test_testimony_that_looks_like_a_circle_is_not_exchanged_for_silence(voiced: Sequence[tuple[float, float]]) -> None:
    said = "no no no no no no I did not sign the second page"

    class Mute(ScriptedEngine):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            found = super().read(clips, languages=languages, full_context=full_context)
            return [one if len(clip) > 12 * 16_000 else NOTHING for one, clip in zip(found, clips, strict=True)]

    groups = read_all(Mute({0: said, FULL_CONTEXT: said}), clips(voiced=voiced), languages=("en",))
    used = [one for group in groups for one in group if one.window.number == 1 and one.used]
    assert [(said, ("loop",))] == [(one.text, one.flags) for one in used]


def test_a_fuller_second_half_does_not_cost_the_words_of_the_first() -> None:
    class Mute(ScriptedEngine):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            found = super().read(clips, languages=languages, full_context=full_context)
            return [one if len(clip) > 12 * 16_000 else self.part(clip) for one, clip in zip(found, clips, strict=True)]

        def part(self, clip: Floats) -> Reading:
            is_first = abs(float(clip[:160].mean()) - 0.25) < 1e-4
            return NOTHING if is_first else a_reading("and then we went on to the rest of it all day")

    said = "objection your honour"
    groups = read_all(Mute({0: said, FULL_CONTEXT: said}), clips(voiced=((0.2, 1.3), (7.5, 12))), languages=("en",))
    used = [one for group in groups for one in group if one.window.number == 1 and one.used]
    assert [said] == [one.text for one in used][:1]


@pytest.mark.parametrize("flag", [{"logprob": -1.4}, {"no_speech": 0.9}])
def test_a_circle_that_the_engine_does_not_believe_is_no_rest(flag: dict[str, float]) -> None:
    assert ["whole"] == [one.part for one in stopping(a_reading("word " * 9, **flag)) if one.used]  # type: ignore[arg-type]


@pytest.mark.parametrize("slow", [a_reading("you " * 30, logprob=-0.1), a_reading("mm", tokens=224, logprob=-0.1)])
def test_a_surer_reading_with_a_fault_does_not_stand_for_an_unsure_one(slow: Reading) -> None:
    script: Script = {0: a_reading("he said it", logprob=-0.5), FULL_CONTEXT: slow}
    attempts = [one for one in read(script, voiced=((0.1, 1.4),)) if one.window.number == 1]
    assert [("whole", True), ("whole, full context", False)] == [(one.part, one.used) for one in attempts]


def test_a_reading_in_full_context_that_the_engine_does_not_believe_mends_nothing() -> None:
    script: Script = {**dict.fromkeys(range(15), "you " * 30), FULL_CONTEXT: a_reading("something else", logprob=-1.4)}
    attempts = [one for one in read(script, voiced=((0.1, 1.4),)) if one.window.number == 1]
    assert ["whole"] == [one.part for one in attempts if one.used]


def test_a_text_that_no_file_can_hold_costs_a_letter() -> None:
    (first, *_) = read({0: a_reading("bad \ud800 word")})
    assert first.reading is not None
    assert ("bad ? word", [" bad", " ?", " word"]) == (first.text, [word.text for word in first.reading.words])


def test_a_rest_that_the_engine_does_not_believe_is_not_used() -> None:
    attempts = stopping(a_reading("and now everything else that the person said here", logprob=-1.4))
    assert ["the rest"] == [one.part for one in attempts if one.part == "the rest"]
    assert ["whole"] == [one.part for one in attempts if one.used]


def test_a_rest_that_holds_no_words_is_not_used() -> None:
    assert ["whole"] == [one.part for one in stopping("") if one.used]


def test_what_it_had_got_to_must_be_sound_when_read_again() -> None:
    class Looping(ScriptedEngine):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            short = [len(clip) < 3 * 16_000 for clip in clips]
            found = super().read(clips, languages=languages, full_context=full_context)
            return [a_reading("only " * 9) if is_short else one for is_short, one in zip(short, found, strict=True)]

    engine = Looping({0: "only this", FULL_CONTEXT: "only this", 1: "and now everything else that the person said here"})
    attempts = [one for group in read_all(engine, clips(voiced=((0.2, 12),)), languages=("en",)) for one in group]
    first = [one for one in attempts if one.window.number == 1]
    assert ("loop",) == next(one.flags for one in first if one.part == "as far as it went")
    assert ["whole"] == [one.part for one in first if one.used]
