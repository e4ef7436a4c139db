"""A word accounts for as much voice as it takes to say it, and for no more."""

import pytest

from tests.transcribe.builders import a_piece, a_profile, a_reading
from transcribe.account import are_drawn_out, longest_s, unaccounted_s
from transcribe.engine import Heard
from transcribe.windows import RATE_HZ, Profile, Window

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


def test_a_voice_that_no_word_reaches_is_unaccounted_for() -> None:
    assert 5 == pytest.approx(unaccounted_s(a_reading(""), WINDOW, a_voice((2, 7))), abs=0.1)


def test_words_and_their_reach_account_for_a_voice() -> None:
    assert 0 == unaccounted_s(a_reading("one two three four five"), WINDOW, a_voice((0, 2.2)))


def test_the_place_of_a_window_in_its_piece_counts() -> None:
    late = Window(2, 10 * RATE_HZ, 10 * RATE_HZ)
    assert 3 == pytest.approx(unaccounted_s(a_reading(""), late, a_voice((0, 5), (12, 15))), abs=0.1)
