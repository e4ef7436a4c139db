"""Where the language changes, and where a window is cut for it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcribe.builders import a_piece, a_profile
from transcribe.engine import Shares
from transcribe.reading import turns
from transcribe.sound.windows import RATE_HZ, Window, tile


def in_english(share: float) -> Shares:
    return (("en", share), ("ru", 1 - share))


def test_stretches_lie_between_the_pauses_and_are_long_enough_to_have_a_language() -> None:
    profile = a_profile(a_piece(seconds=14), voiced=[(0, 4), (5, 5.5), (6.5, 9), (9.2, 13)])
    (window,) = tile(profile)
    seconds = [(first / RATE_HZ, end / RATE_HZ) for first, end in turns.stretches(window, profile)]
    assert [(0, 4), (6, 13)] == [(int(first), round(end)) for first, end in seconds]


def test_a_window_without_a_voice_is_one_stretch() -> None:
    profile = a_profile(a_piece(seconds=10))
    (window,) = tile(profile)
    assert [(0, 10 * RATE_HZ)] == turns.stretches(window, profile)


@given(st.lists(st.tuples(st.floats(0.9, 3), st.floats(0.35, 2)), min_size=1, max_size=4))
def test_a_window_cut_between_its_stretches_is_tiled(lengths: list[tuple[float, float]]) -> None:
    voiced, position = [], 0.5
    for voice_s, pause_s in lengths:
        voiced.append((position, position + voice_s))
        position += voice_s + pause_s
    profile = a_profile(a_piece(seconds=position), voiced=voiced)
    window = Window(1, 0, profile.piece.frame_count)
    bounds = turns.stretches(window, profile)
    parts = turns.cut(window, profile, bounds)
    assert (len(bounds), 0, window.end_frame) == (len(parts), parts[0].first_frame, parts[-1].end_frame)
    assert all(one.end_frame == other.first_frame for one, other in pairwise(parts))
    assert all(
        part.first_frame <= first + 3 * 512 and end - 3 * 512 <= part.end_frame
        for part, (first, end) in zip(parts, bounds, strict=True)
    )


def test_a_clear_change_of_language_is_followed() -> None:
    shares = [in_english(0.99), in_english(0.02), in_english(0.97)]
    assert ["en", "ru", "en"] == turns.likeliest(shares, [2.5, 2.5, 2.5])


def test_a_slight_doubt_in_the_middle_is_no_change() -> None:
    assert ["en"] * 3 == turns.likeliest([in_english(0.99), in_english(0.4), in_english(0.97)], [2.5, 2.5, 2.5])


def test_a_short_stretch_says_less_than_a_long_one() -> None:
    shares = [in_english(0.99), in_english(0.25), in_english(0.97)]
    assert ["en", "ru", "en"] == turns.likeliest(shares, [2.5, 2.5, 2.5])
    assert ["en", "en", "en"] == turns.likeliest(shares, [2.5, 0.8, 2.5])


@pytest.mark.parametrize(("expected", "chosen"), [((), "en"), (("ru",), "ru")])
def test_what_the_roster_expects_weighs_more(expected: tuple[str, ...], chosen: str) -> None:
    assert [chosen] == turns.likeliest([in_english(0.6)], [2.0], expected=expected)


def test_stretches_in_one_language_are_believed_together() -> None:
    together = dict(turns.together([in_english(0.9), in_english(0.9)], [1, 3]))
    assert pytest.approx(0.9) == together["en"]
    assert pytest.approx(1.0) == sum(together.values())
