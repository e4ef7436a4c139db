"""Windows cover every frame that has sound exactly once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcribe.builders import a_gap, a_piece, a_profile, a_segment
from transcribe.sound.windows import (
    HOP,
    LONGEST_HOPS,
    RATE_HZ,
    SHORTEST_HOPS,
    Piece,
    Profile,
    Window,
    halves,
    parted_near,
    pieces,
    tile,
)

RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Pieces of any rate and length, with voice and level that jump about."""
    rate_hz = draw(RATES)
    piece = Piece(1, draw(st.integers(0, 10**9)), draw(st.integers(1, 70 * rate_hz)), rate_hz)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = draw(st.integers(1, 40))
    voice = np.resize(np.repeat(random.random(steps), draw(st.integers(1, 200))), piece.hop_count).astype(np.float32)
    level = (random.random(piece.hop_count) * -90).astype(np.float32)
    return Profile(piece, voice, level)


@given(profiles())
def test_windows_tile_the_piece_to_the_frame(profile: Profile) -> None:
    windows = tile(profile)
    piece = profile.piece
    assert piece.first_frame == windows[0].first_frame
    assert piece.end_frame == windows[-1].end_frame
    assert all(one.end_frame == other.first_frame for one, other in pairwise(windows))
    assert all(window.frame_count > 0 for window in windows)


@given(profiles())
def test_windows_last_two_to_fifteen_seconds_unless_the_piece_is_shorter(profile: Profile) -> None:
    piece = profile.piece
    lengths = [piece.sample_of(one.end_frame) - piece.sample_of(one.first_frame) for one in tile(profile)]
    assert max(lengths) <= LONGEST_HOPS * HOP
    assert min(lengths) >= min(piece.sample_count, 2 * RATE_HZ)


@given(profiles())
def test_windows_are_numbered_in_order(profile: Profile) -> None:
    windows = tile(profile, first_number=7)
    assert list(range(7, 7 + len(windows))) == [window.number for window in windows]


@given(profiles())
def test_halves_tile_their_window(profile: Profile) -> None:
    for window in tile(profile):
        parts = halves(window, profile)
        if parts:
            first, second = parts
            assert (window.first_frame, window.end_frame) == (first.first_frame, second.end_frame)
            assert first.end_frame == second.first_frame
            shortest = min(profile.piece.sample_of(one.end_frame) - profile.piece.sample_of(one.first_frame) for one in parts)
            assert shortest >= SHORTEST_HOPS * HOP - HOP


@given(RATES, st.integers(0, 10**9), st.integers(1, 10**6))
def test_frames_and_samples_map_back_to_each_other(rate_hz: int, first_frame: int, count: int) -> None:
    piece = Piece(1, first_frame, 10**7, rate_hz)
    if rate_hz <= RATE_HZ:
        assert first_frame + count == piece.frame_of(piece.sample_of(first_frame + count))
    if rate_hz >= RATE_HZ:
        assert count == piece.sample_of(piece.frame_of(count))


@given(RATES, st.integers(1, 10**6))
def test_the_last_hop_ends_with_the_piece(rate_hz: int, count: int) -> None:
    piece = Piece(1, 5, count, rate_hz)
    assert piece.end_frame == piece.frame_of_hop(piece.hop_count)


def test_the_cut_lies_in_the_pause() -> None:
    piece = a_piece(seconds=20)
    first, _ = tile(a_profile(piece, voiced=[(0, 11), (11.6, 20)]))
    assert 11.0 <= first.end_frame / 16_000 <= 11.6


def test_a_short_pause_is_cut_in_its_middle() -> None:
    piece = a_piece(seconds=10)
    voice = np.full(piece.hop_count, 0.9, np.float32)
    voice[150:159] = 0
    profile = Profile(piece, voice, np.full(piece.hop_count, -20, np.float32))
    first, _ = halves(Window(1, 0, 10 * RATE_HZ), profile)
    assert 154 == piece.sample_of(first.end_frame) // HOP


def test_a_long_silence_becomes_windows_of_its_own() -> None:
    windows = tile(a_profile(a_piece(seconds=40), voiced=[(0, 8), (28, 40)]))
    assert [9, 13] == [round(windows[0].end_frame / 16_000), round(windows[-1].frame_count / 16_000)]


def test_a_word_beside_a_long_silence_is_not_left_alone_in_a_short_window() -> None:
    windows = tile(a_profile(a_piece(seconds=30), voiced=[(0, 0.4), (29.7, 30)]))
    assert min(window.frame_count for window in windows) >= 2 * 16_000


def test_of_equal_pauses_the_quietest_place_is_cut() -> None:
    profile = a_profile(a_piece(seconds=17), noise_db=-40)
    profile.voice[:] = 0.5  # a voice all the time: no pause to be found
    profile.level_db[400] = -120
    assert 400 * HOP == tile(profile)[0].end_frame


@given(
    st.lists(st.tuples(st.integers(0, 400_000), st.integers(1, 50_000), st.booleans()), max_size=6),
    st.lists(st.integers(1, 100_000), min_size=1, max_size=5),
)
def test_each_frame_of_a_segment_is_in_one_piece_or_in_a_long_filled_gap(
    holes: list[tuple[int, int, bool]], lengths: list[int]
) -> None:
    segments, position = [], 0
    for n, length in enumerate(lengths):
        segments.append(a_segment(position, length))
        position += length + (1000 if n % 2 else 0)
    gaps = [a_gap(first, count, filled=filled) for first, count, filled in holes]
    covered = np.zeros(600_000, np.int64)
    for piece in pieces(segments, gaps, stream=1, rate_hz=16_000):
        covered[piece.first_frame : piece.end_frame] += 1
    expected = np.zeros(600_000, np.int64)
    for segment in segments:
        expected[segment.first_frame : segment.first_frame + segment.frame_count] = 1
    for gap in gaps:
        if gap.filled and gap.frame_count >= 8000:
            expected[gap.first_frame : gap.first_frame + gap.frame_count] = 0
    assert (expected == covered).all()


@pytest.mark.parametrize(("count", "number"), [(7_999, 1), (8_000, 2)])
def test_only_a_gap_of_half_a_second_splits_a_piece(count: int, number: int) -> None:
    assert number == len(pieces([a_segment(0, 160_000)], [a_gap(80_000, count)], stream=1, rate_hz=16_000))


def test_segments_that_touch_are_one_piece_and_a_jumped_gap_parts_them() -> None:
    found = pieces([a_segment(0, 100), a_segment(100, 100), a_segment(900, 50)], [], stream=1, rate_hz=16_000)
    assert [(0, 200), (900, 950)] == [(piece.first_frame, piece.end_frame) for piece in found]


@given(st.integers(0, 15 * RATE_HZ), st.floats(0, 3))
def test_a_window_parted_near_a_sample_is_parted_behind_it_and_loses_nothing(sample: int, reach_s: float) -> None:
    piece = a_piece(seconds=20)
    window = Window(7, 3 * RATE_HZ, 12 * RATE_HZ)
    parts = parted_near(window, a_profile(piece), sample=sample, reach_s=reach_s)
    if RATE_HZ <= sample <= 10 * RATE_HZ and reach_s > 0.1:
        assert parts
    if parts:
        first, second = parts
        assert min(first.frame_count, second.frame_count) >= RATE_HZ
        assert (window.first_frame, window.end_frame) == (first.first_frame, second.end_frame)
        assert first.end_frame == second.first_frame
        assert sample - HOP <= first.frame_count <= max(sample, RATE_HZ) + reach_s * RATE_HZ + 2 * HOP
