"""The numbered microphone's judge sees what is missing and what was changed."""

import numpy as np

from tests.recorder.busy import Count, count, numbered


def pcm(frames: np.ndarray) -> bytes:
    return frames.astype("<u4").tobytes()


def test_whole_sound_in_any_pieces_is_whole() -> None:
    frames = numbered(5_000, 3_000)
    assert Count(3_000, 0, 0, 0) == count(iter([pcm(frames[:1]), pcm(frames[1:2_999]), pcm(frames[2_999:])]), sample_bytes=4)


def test_a_number_may_begin_again_at_zero() -> None:
    assert Count(200, 0, 0, 0) == count(iter([pcm(numbered((1 << 24) - 100, 200))]), sample_bytes=4)


def test_missing_frames_are_counted_within_and_between_pieces() -> None:
    frames = numbered(0, 1_000)
    pieces = [pcm(np.delete(frames[:500], [10, 11, 300], axis=0)), pcm(frames[507:])]
    assert Count(990, 10, 3, 0) == count(iter(pieces), sample_bytes=4)


def test_swapped_channels_are_seen() -> None:
    frames = numbered(0, 100)
    frames[50] = frames[50][::-1]
    assert 1 <= count(iter([pcm(frames)]), sample_bytes=4).changed
