"""What a channel's sound says about its microphone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everyword.model import Grade
from recorder.detection.health import Change, Health, Limits

RATE_HZ = 1000
FORMATS = ("s16", "s24", "s32", "f32", "f64")


def packed(values: np.ndarray, sample_format: str) -> bytes:
    """Values in [−1, 1], shape (frames, channels), as PCM."""
    if sample_format.startswith("f"):
        return values.astype("<f4" if sample_format == "f32" else "<f8").tobytes()
    bits = int(sample_format[1:])
    whole = np.clip(np.round(values * 2.0 ** (bits - 1)), -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1).astype("<i8")
    return np.ascontiguousarray(whole).view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()


def noise(seconds: float, *, channels: int = 1, level: float = 0.01, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, (round(seconds * RATE_HZ), channels))


def silence(seconds: float, *, channels: int = 1) -> np.ndarray:
    return np.zeros((round(seconds * RATE_HZ), channels))


def heard(*parts: np.ndarray, sample_format: str = "s24", piece: int = 137, limits: Limits | None = None) -> list[Change]:
    values = np.concatenate(parts)
    health = Health(RATE_HZ, values.shape[1], sample_format, limits or Limits())
    changes = []
    for first in range(0, len(values), piece):
        changes += health.hear(packed(values[first : first + piece], sample_format), first)
    return changes


def graded(changes: list[Change]) -> list[Grade]:
    return [change.grade for change in changes]


@pytest.mark.parametrize("sample_format", FORMATS)
def test_silence_warns_after_two_seconds_alarms_after_five_and_ends_where_sound_begins(sample_format: str) -> None:
    changes = heard(noise(1), silence(6), noise(1), sample_format=sample_format, piece=50)
    assert [
        Change(0, "silent", "warning", 1000),
        Change(0, "silent", "alarm", 1000),
        Change(0, "silent", "over", 7000),
    ] == changes


def test_the_warning_comes_within_a_slice_of_two_seconds() -> None:
    health = Health(RATE_HZ, 1, "s24")
    pcm = packed(silence(0.05), "s24")
    found = [first + 50 for first in range(0, 3000, 50) if health.hear(pcm, first)]
    assert [2000] == found


def test_a_pause_in_speech_is_not_silence() -> None:
    assert [] == heard(noise(2, level=0.1), noise(30, level=0.0002), noise(2, level=0.1))


def test_less_than_a_microphones_own_noise_is_silence() -> None:
    assert ["warning", "alarm"] == graded(heard(noise(8, level=0.00001)))


def test_a_dead_input_that_sits_beside_zero_is_silent() -> None:
    assert ["warning", "alarm"] == graded(heard(np.full((8000, 1), 0.01)))


def test_the_floor_can_be_set() -> None:
    assert ["warning", "alarm"] == graded(heard(noise(8, level=0.0002), limits=Limits(floor_cdb=-6000)))


def test_a_click_does_not_end_a_silence() -> None:
    click = np.full((5, 1), 0.5) * np.array([[1], [-1], [1], [-1], [1]])
    assert ["warning", "alarm"] == graded(heard(*[part for _ in range(8) for part in (silence(0.995), click)]))


def test_two_seconds_of_silence_in_pieces_with_sound_between_them_are_none() -> None:
    assert [] == heard(*[part for _ in range(5) for part in (silence(1.5), noise(0.5))])


@pytest.mark.parametrize("sample_format", FORMATS)
def test_three_samples_at_full_scale_are_a_clip_and_two_are_not(sample_format: str) -> None:
    two, three = noise(1), noise(1)
    two[500:502] = 1.0
    three[500:503] = -1.0
    assert [] == heard(two, sample_format=sample_format)
    changes = heard(three, noise(8), sample_format=sample_format, piece=50)
    assert [Change(0, "clipping", "warning", 500, 1), Change(0, "clipping", "over", 550, 1)] == changes


def test_clipping_that_comes_and_goes_is_one_state() -> None:
    loud = noise(1)
    loud[100:110] = 1.0
    assert ["warning", "over"] == graded(heard(*[loud] * 10, noise(8)))


@settings(max_examples=60, deadline=None)
@given(
    runs=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 60)), min_size=1, max_size=30),
    pieces=st.lists(st.integers(1, 70), min_size=1, max_size=10),
)
def test_clips_are_counted_the_same_however_the_sound_is_cut(runs: list[tuple[int, int]], pieces: list[int]) -> None:
    values = np.concatenate([np.concatenate([np.ones((full, 1)), np.zeros((rest, 1))]) for full, rest in runs])
    health = Health(RATE_HZ, 1, "s16")
    first = turn = 0
    while first < len(values):
        size = pieces[turn % len(pieces)]
        health.hear(packed(values[first : first + size], "s16"), first)
        first, turn = first + size, turn + 1
    assert (sum(full >= 3 for full, _ in runs),) == health.clips


def test_a_channel_that_is_another_to_the_bit_is_a_clone_until_they_differ() -> None:
    three = noise(14, channels=3)
    three[1000:8000, 2] = three[1000:8000, 0]
    changes = heard(three, piece=50)
    assert [Change(2, "cloned", "alarm", 1000, 0), Change(2, "cloned", "over", 8000, 0)] == changes


def test_channels_that_are_both_silent_are_not_clones() -> None:
    assert ["silent"] * 4 == [change.state for change in heard(silence(10, channels=2))]


def test_silence_is_no_evidence_of_a_clone() -> None:
    """Half a second alike, much silence, then different."""
    alike = np.repeat(noise(0.5), 2, axis=1)
    changes = heard(alike, silence(10, channels=2), alike, noise(5, channels=2))
    assert {"silent"} == {change.state for change in changes}


def test_one_sample_that_differs_is_enough_not_to_be_a_clone() -> None:
    two = np.repeat(noise(10), 2, axis=1)
    two[::40, 1] += 0.001
    assert [] == heard(two)


def test_what_is_not_well_now_can_be_asked() -> None:
    health = Health(RATE_HZ, 2, "s16")
    values = noise(6, channels=2)
    values[:, 1] = 0
    health.hear(packed(values, "s16"), 0)
    assert [(1, "silent", "alarm")] == health.states()
    assert -15_000 == health.levels_cdb[1]
    assert -4_300 < health.levels_cdb[0] < -3_700


def test_an_empty_piece_changes_nothing() -> None:
    assert [] == Health(RATE_HZ, 2, "s24").hear(b"", 0)
