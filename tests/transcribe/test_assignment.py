"""Each word gets the voice that speaks most of it; close to another voice it is doubted, and its text never is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribe.speakers.assignment import OVERLAP, RIVAL, SPEAKER_UNCERTAIN, Owner, Spoken, owners

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


AT_ONCE = [Spoken(0, 0, 4000), Spoken(1, 2000, 6000)]
"""From 2000 to 4000 both speak."""


def voices(*words: tuple[int, int]) -> list[int | None]:
    return [one.voice for one in owners(words, AT_ONCE, rate_hz=RATE)]


def test_words_while_two_speak_at_once_go_with_the_nearer_word_of_their_phrase() -> None:
    assert [0, 1, 1, 1] == voices((500, 900), (2200, 2500), (2600, 3300), (4100, 4400))
    assert [0, 0, 0, 1] == voices((1700, 1900), (2000, 2500), (2600, 3300), (4300, 4400))


def test_a_phrase_that_nobody_begins_or_ends_near_by_is_whose_share_is_largest() -> None:
    assert [0, 0, 1] == voices((100, 300), (2200, 2500), (5700, 5900))


def test_a_neighbour_who_says_nothing_then_does_not_get_the_words() -> None:
    found = owners(
        [(6200, 6400), (6500, 6900), (7000, 7300)],
        [Spoken(2, 6000, 6400), Spoken(0, 6450, 7000), Spoken(1, 6450, 7400)],
        rate_hz=RATE,
    )
    assert [2, 1, 1] == [one.voice for one in found]


turns = st.lists(st.builds(Spoken, st.integers(0, 3), st.integers(0, 4000), st.integers(4001, 8000)), max_size=6)
words = st.lists(st.tuples(st.integers(0, 8000), st.integers(1, 900)).map(lambda pair: (pair[0], sum(pair))), max_size=8)


@given(words, turns)
def test_every_word_has_an_owner_or_a_doubt(words: list[tuple[int, int]], turns: list[Spoken]) -> None:
    found = owners(words, turns, rate_hz=RATE)
    assert len(words) == len(found)
    assert all(one.voice is not None or SPEAKER_UNCERTAIN in one.flags for one in found)


@given(words, turns)
def test_who_speaks_most_of_a_word_by_counting_every_frame_or_nearly_most_if_not_alone(
    words: list[tuple[int, int]], turns: list[Spoken]
) -> None:
    for (first, end), one in zip(words, owners(words, turns, rate_hz=RATE), strict=True):
        heard = {
            voice: sum(max(0, min(end, t.end_frame) - max(first, t.first_frame)) for t in turns if t.voice == voice)
            for voice in range(4)
        }
        if max(heard.values()):
            assert one.voice is not None
            assert (RIVAL if OVERLAP in one.flags else 1) * max(heard.values()) <= heard[one.voice]
