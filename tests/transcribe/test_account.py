"""A word accounts for as much voice as it takes to say it, and for no more."""

import pytest

from tests.transcribe.builders import a_piece, a_profile, a_reading
from transcribe.engine import Heard
from transcribe.evidence.account import are_drawn_out, are_repeated_in_no_time, longest_s, stopped_at, unaccounted_s
from transcribe.sound.windows import RATE_HZ, Profile, Window

PIECE = a_piece(seconds=30)
WINDOW = Window(1, 0, 10 * RATE_HZ)


def a_voice(*voiced: tuple[float, float]) -> Profile:
    return a_profile(PIECE, voiced=voiced)


@pytest.mark.parametrize(("text", "seconds"), [(" no,", 0.7), (" 1975", 2.5), ("Солидарность!", 1.7), ("...", 0.5)])
def test_a_word_takes_as_long_as_its_letters(text: str, seconds: float) -> None:
    assert seconds == pytest.approx(longest_s(text))


def test_a_short_word_over_three_seconds_of_voice_is_drawn_out() -> None:
    words = [Heard(" than", 0, 3 * RATE_HZ, 0.9), Heard(" he", 3 * RATE_HZ, RATE_HZ // 4, 0.9)]
    assert [True, False] == are_drawn_out(words, WINDOW, a_voice((0, 4)))


def test_a_word_over_a_pause_is_not() -> None:
    assert [False] == are_drawn_out([Heard(" than", 0, 3 * RATE_HZ, 0.9)], WINDOW, a_voice((2, 2.5)))


def test_a_pause_between_two_stretches_of_voice_is_not_inside_one_word() -> None:
    word = [Heard(" occasionally", 0, round(1.4 * RATE_HZ), 0.9)]
    assert [True] == are_drawn_out(word, WINDOW, a_voice((0, 0.5), (0.8, 1.4)))
    assert [False] == are_drawn_out(word, WINDOW, a_voice((0, 0.5), (0.6, 1.2)))


def test_a_number_may_be_said_with_a_pause() -> None:
    number = [Heard(" 8500", 0, round(1.4 * RATE_HZ), 0.9)]
    assert [False] == are_drawn_out(number, WINDOW, a_voice((0, 0.5), (0.8, 1.4)))


def a_text(*words: tuple[str, float]) -> list[Heard]:
    """Words of so many seconds, one after another."""
    found, start_s = [], 0.0
    for text, length_s in words:
        found.append(Heard(f" {text}", round(start_s * RATE_HZ), round(length_s * RATE_HZ), 0.9))
        start_s += length_s
    return found


SAID = [("press", 0.3), ("the", 0.2), ("hash", 0.4), ("key.", 0.3)]


def test_a_phrase_said_again_in_no_time_was_not_said_again() -> None:
    again = [("Press", 0.0), ("the", 0.02), ("hash", 0.04), ("key.", 0.5)]
    assert [False] * 4 + [True] * 4 == are_repeated_in_no_time(a_text(*SAID, *again))


def test_people_may_repeat_a_phrase() -> None:
    assert [False] * 8 == are_repeated_in_no_time(a_text(*SAID, *SAID))


def test_two_words_that_lost_their_time_to_a_neighbour_stand() -> None:
    assert [False] * 6 == are_repeated_in_no_time(a_text(*SAID, ("the", 0.0), ("hash", 0.0)))


def test_new_words_in_no_time_stand() -> None:
    assert [False] * 7 == are_repeated_in_no_time(a_text(*SAID, ("and", 0.0), ("then", 0.0), ("wait", 0.0)))


def test_a_word_written_before_among_new_ones_in_no_time_stands() -> None:
    texts = [
        ("we", 0.3),
        ("did", 0.3),
        ("not", 0.3),
        ("agree", 0.5),
        ("and", 0.04),
        ("not", 0.04),
        ("today", 0.04),
        ("either", 0.6),
    ]
    assert [False] * 8 == are_repeated_in_no_time(a_text(*texts))


def test_a_word_is_no_repetition_of_itself() -> None:
    said = [("we", 0.3), ("left", 0.3)]
    assert [False] * 5 == are_repeated_in_no_time(a_text(*said, ("and", 0.0), ("we", 0.0), ("left", 0.0)))


def test_what_was_said_again_in_no_time_takes_the_words_on_either_side_with_it() -> None:
    said = [(text, 0.3) for text in ("so", "we", "all", "left", "then")]
    again = [("so", 0.3), ("we", 0.0), ("all", 0.0), ("left", 0.0), ("then", 0.3)]
    assert [False] * 5 + [True] * 5 == are_repeated_in_no_time(a_text(*said, *again))


def test_a_voice_that_no_word_reaches_is_unaccounted_for() -> None:
    assert 5 == pytest.approx(unaccounted_s(a_reading(""), WINDOW, a_voice((2, 7))), abs=0.1)


def test_words_and_their_reach_account_for_a_voice() -> None:
    assert 0 == unaccounted_s(a_reading("one two three four five"), WINDOW, a_voice((0, 2.2)))


def test_the_place_of_a_window_in_its_piece_counts() -> None:
    late = Window(2, 10 * RATE_HZ, 10 * RATE_HZ)
    assert 3 == pytest.approx(unaccounted_s(a_reading(""), late, a_voice((0, 5), (12, 15))), abs=0.1)


def test_voice_after_the_last_words_reach_is_what_the_engine_did_not_get_to() -> None:
    reading = a_reading("only this")
    end = max(word.first_sample + word.sample_count for word in reading.words)
    sample, left_s = stopped_at(reading, WINDOW, a_voice((0, 6)))
    assert end == sample
    assert 6 - end / RATE_HZ - 0.5 < left_s < 6 - end / RATE_HZ
    assert 0 == stopped_at(reading, WINDOW, a_voice((0, end / RATE_HZ)))[1]
