"""Doubts are found where they are, and testimony is left alone."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from everyword.model import Word
from tests.transcribe.builders import a_piece, a_profile, a_reading, a_word
from transcribe.engine import Reading
from transcribe.evidence import checks, silence
from transcribe.evidence.silence import Stillness
from transcribe.sound.windows import Window

PIECE = a_piece(seconds=30)


def still(*voiced: tuple[float, float], noise_db: float = -70.0) -> Stillness:
    return silence.stillness(a_profile(PIECE, voiced=voiced, noise_db=noise_db), limit_db=-50)


def flagged(
    words: list[Word], *, reading_flags: tuple[str, ...] = (), unlikely: Sequence[bool] = (), in_no_time: Sequence[bool] = ()
) -> list[Word]:
    none = [False] * len(words)
    return checks.doubt_words(
        words,
        reading_flags=reading_flags,
        unlikely=unlikely or none,
        drawn_out=none,
        beside_left_out=none,
        in_no_time=in_no_time or none,
        rate_hz=16_000,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Редактор субтитров А.Семкин Корректор А.Егорова " * 3,
        "you " * 6,
        "thank you very much " * 3,
        "I don't know, I don't know, I don't know, I don't know",
    ],
)
def test_a_text_that_goes_round_in_circles_is_a_loop(text: str) -> None:
    assert checks.is_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "Нет, нет, нет, я этого не говорил.",
        "no no no no no",
        "words words words words words and that should be all",
        "we will we will not sign this",
        "Делегация подтверждает, что соглашение вступает в силу в момент подписания обеими сторонами и действует до конца года.",
        "",
    ],
)
def test_people_may_repeat_themselves(text: str) -> None:
    assert not checks.is_loop(text)


def test_cyrillic_text_compresses_like_latin_text() -> None:
    russian = checks.compression("Делегация подтверждает получение документов и просит перерыв до утра вторника.")
    english = checks.compression("The delegation confirms that it has received the papers and asks for a break until Tuesday.")
    assert abs(russian - english) < 0.3


@pytest.mark.parametrize(
    ("reading", "flags"),
    [
        (a_reading("all is well"), ()),
        (a_reading("and then", tokens=215), ("truncated",)),
        (a_reading("you you you you you you"), ("loop",)),
        (a_reading("Thank you", logprob=-1.4), ("improbable",)),
        (a_reading("Thank you", no_speech=0.8), ("no-speech",)),
        (a_reading("", no_speech=0.8, logprob=-3), ()),
        (a_reading("and so", logprob=float("nan")), ("improbable",)),
        (a_reading("I have never said that", language="ru"), ("other-script",)),
        (a_reading("я никогда этого не говорил"), ("other-script",)),
        (a_reading("это Windows", language="ru"), ("other-script",)),
        (a_reading("мы купили Windows", language="ru"), ()),
        (a_reading("Beograd je grad", language="sr"), ()),
        (a_reading("2026", language="ru"), ()),
        (a_reading("我们在莫斯科见了 Путин", language="zh"), ()),
        (a_reading("Сәлам дөнья", language="tt"), ()),
        (replace(a_reading("and on"), is_second_best=True), ("second-best",)),
    ],
)
def test_the_flags_of_a_reading(reading: Reading, flags: tuple[str, ...]) -> None:
    assert flags == checks.flags_of(reading)


def test_a_loop_touches_every_word_and_a_truncation_none() -> None:
    (word,) = flagged([a_word()], reading_flags=("truncated", "loop"))
    assert ("loop",) == word.flags


def test_a_word_that_the_witnesses_doubt_is_unlikely() -> None:
    doubted, other = flagged([a_word(), a_word()], unlikely=[True, False])
    assert (("unlikely",), ()) == (doubted.flags, other.flags)


def test_a_word_of_three_seconds_is_stretched() -> None:
    (word,) = flagged([a_word(count=3 * 16_000)])
    assert ("stretched",) == word.flags


def test_text_on_verified_silence_is_set_aside() -> None:
    assert "silence" == checks.quarantine_reason(a_word(first=16_000), still=still((20, 25)), reading_flags=())


def test_what_is_repeated_in_no_time_is_set_aside_whatever_lies_under_it() -> None:
    (word,) = flagged([a_word(first=21 * 16_000)], in_no_time=[True])
    assert ("no-time",) == word.flags
    assert "no-time" == checks.quarantine_reason(word, still=still((20, 25)), reading_flags=())


def test_text_where_there_is_a_voice_stays_however_doubtful() -> None:
    assert "" == checks.quarantine_reason(a_word(first=21 * 16_000), still=still((20, 25)), reading_flags=("improbable",))


def test_text_on_noise_without_a_voice_is_set_aside_only_if_the_engine_doubts_it() -> None:
    noise = still(noise_db=-30)
    flags = [(), ("no-speech",), ("loop",), ("truncated",)]
    reasons = [checks.quarantine_reason(a_word(), still=noise, reading_flags=one) for one in flags]
    assert ["", "no-voice", "no-voice", ""] == reasons


def test_a_voice_of_a_second_without_a_word_is_noticed() -> None:
    window = Window(1, 0, 10 * 16_000)
    profile = a_profile(PIECE, voiced=[(1, 5)])
    words = [a_word(first=16_000, count=2 * 16_000)]
    assert checks.has_uncovered_speech(window, words, profile, margin_frames=4800)


def test_a_voice_under_words_is_covered() -> None:
    window = Window(1, 0, 10 * 16_000)
    words = [a_word(first=16_000, count=4 * 16_000)]
    assert not checks.has_uncovered_speech(window, words, a_profile(PIECE, voiced=[(1, 5)]), margin_frames=4800)


def test_a_window_shorter_than_a_second_is_not_searched() -> None:
    window = Window(1, 0, 8_000)
    assert not checks.has_uncovered_speech(window, [], a_profile(PIECE, voiced=[(0, 5)]), margin_frames=0)


def test_quiet_lies_below_the_speech_of_the_track() -> None:
    limit = silence.loudness_limit_db([a_profile(PIECE, voiced=[(0, 15)], voice_db=-45, noise_db=-58)])
    assert -55 == limit


@pytest.mark.parametrize(("noise_db", "limit_db"), [(-90.0, -60.0), (-65.0, -55.0), (-20.0, -40.0)])
def test_quiet_lies_a_little_above_the_noise_within_bounds(noise_db: float, limit_db: float) -> None:
    assert limit_db == silence.loudness_limit_db([a_profile(PIECE, noise_db=noise_db)])


def test_a_flicker_of_the_detector_is_no_voice_and_two_hops_in_a_row_may_be_one() -> None:
    flicker, voice = a_profile(PIECE), a_profile(PIECE)
    flicker.voice[100] = voice.voice[100] = voice.voice[101] = 0.9
    found = [silence.stillness(one, limit_db=-50).without_voice for one in (flicker, voice)]
    assert [True, False] == [bool(one.all()) for one in found]


def test_a_track_without_sound_has_the_lowest_limit() -> None:
    assert [-60.0, -60.0] == [silence.loudness_limit_db(profiles) for profiles in ([], [a_profile(PIECE, noise_db=-120)])]


def test_beside_an_invented_word_the_others_are_doubted_and_further_away_they_stand() -> None:
    near, far = a_word(first=2 * 16_000), a_word(first=9 * 16_000)
    others = [a_word(first=12 * 16_000)] * 3
    found = checks.doubt_rest([near, far, *others], invented=[a_word(first=16_000)], rate_hz=16_000)
    assert [("partly-invented",), (), (), (), ()] == [word.flags for word in found]


def test_of_a_reading_that_is_invented_by_a_third_nothing_is_certain() -> None:
    found = checks.doubt_rest([a_word(first=9 * 16_000)] * 2, invented=[a_word()], rate_hz=16_000)
    assert [("partly-invented",)] * 2 == [word.flags for word in found]


def test_without_an_invented_word_nothing_is_doubted() -> None:
    assert [a_word()] == checks.doubt_rest([a_word()], invented=[], rate_hz=16_000)
