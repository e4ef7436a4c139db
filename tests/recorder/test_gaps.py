"""Where missing frames go."""

from hypothesis import given
from hypothesis import strategies as st

from recorder.disk import gaps

RATE_HZ = 100


@given(first=st.integers(0, 100_000), count=st.integers(1, 1_000_000))
def test_the_pieces_of_a_gap_lie_end_to_end_and_add_up(first: int, count: int) -> None:
    pieces = gaps.plan(first, count, rate_hz=RATE_HZ)
    frame = first
    for piece in pieces:
        assert piece.first_frame == frame
        frame += piece.frame_count
    assert first + count == frame


@given(first=st.integers(0, 100_000), count=st.integers(1, 1_000_000))
def test_only_whole_seconds_are_jumped_and_never_many_are_filled(first: int, count: int) -> None:
    for piece in gaps.plan(first, count, rate_hz=RATE_HZ):
        if piece.filled:
            assert piece.frame_count <= gaps.LONGEST_FILLED_S * RATE_HZ
        else:
            assert (0, 0) == (piece.first_frame % RATE_HZ, piece.frame_count % RATE_HZ)


def test_a_short_gap_is_filled_in_one_piece() -> None:
    assert [gaps.Piece(50, 6000, True)] == gaps.plan(50, 6000, rate_hz=RATE_HZ)


def test_a_hole_is_the_time_between_less_what_was_delivered() -> None:
    missing = gaps.hole_frames(last_frame=5, last_us=1_000_000, next_us=3_000_000, first_block=20, rate_hz=RATE_HZ)
    assert 200 - 5 - 20 == missing


def test_a_hole_is_never_negative() -> None:
    assert 0 == gaps.hole_frames(last_frame=0, last_us=0, next_us=10, first_block=50, rate_hz=RATE_HZ)
