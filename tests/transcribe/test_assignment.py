"""Each word gets the voice that speaks most of it; close to another voice it is doubted, and its text never is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe.assignment import OVERLAP, SPEAKER_UNCERTAIN, Owner, Spoken, owners

RATE = 1000


def owner(word: tuple[int, int], *turns: Spoken) -> Owner:
    (found,) = owners([word], turns, rate_hz=RATE)
    return found


def test_a_word_in_the_middle_of_a_turn_is_that_voices() -> None:
    assert Owner(0) == owner((2000, 2400), Spoken(0, 0, 5000))


def test_a_word_across_a_change_belongs_to_who_says_most_of_it_and_is_doubted() -> None:
    assert Owner(1, (SPEAKER_UNCERTAIN,)) == owner((900, 1400), Spoken(0, 0, 1000), Spoken(1, 1000, 3000))


@pytest.mark.parametrize(("start", "flags"), [(1200, (SPEAKER_UNCERTAIN,)), (1260, ())])
def test_a_word_within_a_quarter_of_a_second_of_a_change_is_doubted(start: int, flags: tuple[str, ...]) -> None:
    assert Owner(1, flags) == owner((start, start + 300), Spoken(0, 0, 1000), Spoken(1, 1000, 3000))


def test_a_word_while_two_speak_at_once_is_flagged_as_overlap() -> None:
    found = owner((1000, 1400), Spoken(0, 0, 2000), Spoken(1, 1200, 1800))
    assert Owner(0, (SPEAKER_UNCERTAIN, OVERLAP)) == found


def test_a_word_just_outside_every_turn_goes_to_the_nearest_with_a_doubt() -> None:
    assert Owner(1, (SPEAKER_UNCERTAIN,)) == owner((2000, 2300), Spoken(0, 0, 1600), Spoken(1, 2400, 4000))


def test_a_word_far_from_every_turn_is_nobodys() -> None:
    assert Owner(None, (SPEAKER_UNCERTAIN,)) == owner((9000, 9300), Spoken(0, 0, 1600))


def test_a_no_of_the_other_side_inside_a_sentence_is_not_the_speakers() -> None:
    turns = [Spoken(0, 0, 2000), Spoken(1, 2050, 2400), Spoken(0, 2450, 5000)]
    words = [(1000, 1300), (2080, 2380), (3500, 3800)]
    assert [0, 1, 0] == [one.voice for one in owners(words, turns, rate_hz=RATE)]


turns = st.lists(st.builds(Spoken, st.integers(0, 3), st.integers(0, 4000), st.integers(4001, 8000)), max_size=6)
words = st.lists(st.tuples(st.integers(0, 8000), st.integers(1, 900)).map(lambda pair: (pair[0], sum(pair))), max_size=8)


@given(words, turns)
def test_every_word_has_an_owner_or_a_doubt(words: list[tuple[int, int]], turns: list[Spoken]) -> None:
    found = owners(words, turns, rate_hz=RATE)
    assert len(words) == len(found)
    assert all(one.voice is not None or SPEAKER_UNCERTAIN in one.flags for one in found)


@given(words, turns)
def test_who_speaks_most_of_a_word_by_counting_every_frame(words: list[tuple[int, int]], turns: list[Spoken]) -> None:
    for (first, end), one in zip(words, owners(words, turns, rate_hz=RATE), strict=True):
        heard = {
            voice: sum(max(0, min(end, t.end_frame) - max(first, t.first_frame)) for t in turns if t.voice == voice)
            for voice in range(4)
        }
        if max(heard.values()):
            assert one.voice is not None
            assert max(heard.values()) == heard[one.voice]
