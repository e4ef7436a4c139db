"""Frames and time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyword.clock import Timeline, clock_text, iso
from everyword.model import Anchor

RATE_HZ = 48_000
NOON_US = 1_795_348_800_000_000


def _anchors(drift_ppm: int, *, seconds: int = 120, jitter_us: int = 0, start_frame: int = 0) -> list[Anchor]:
    """One a second on a clock whose seconds are `drift_ppm` too long, the arrival alternately early and late."""
    found = []
    for second in range(seconds):
        elapsed_us = round(second * (1_000_000 + drift_ppm)) + (jitter_us if second % 2 else -jitter_us)
        frame = start_frame + second * RATE_HZ
        found.append(Anchor(1, frame, 5_000_000 + elapsed_us, elapsed_us, NOON_US + elapsed_us, "synced"))
    return found


@pytest.mark.parametrize("drift_ppm", [-200, -50, -1, 0, 1, 50, 200])
def test_drift_is_found_to_the_part_per_million(drift_ppm: int) -> None:
    assert drift_ppm == Timeline.fit(_anchors(drift_ppm), rate_hz=RATE_HZ).drift_ppm


@pytest.mark.parametrize("drift_ppm", [-200, 0, 200])
def test_jitter_hardly_disturbs_it(drift_ppm: int) -> None:
    timeline = Timeline.fit(_anchors(drift_ppm, jitter_us=5000, seconds=600), rate_hz=RATE_HZ)
    assert abs(timeline.drift_ppm - drift_ppm) <= 2


@given(st.integers(-200, 200), st.integers(0, 10**9))
def test_a_frame_lies_where_the_clock_was(drift_ppm: int, frame: int) -> None:
    timeline = Timeline.fit(_anchors(drift_ppm), rate_hz=RATE_HZ)
    elapsed_us = frame / RATE_HZ * (1_000_000 + drift_ppm)
    assert abs(timeline.boottime_us(frame) - 5_000_000 - elapsed_us) < 5 + frame / 1e6
    utc_us = timeline.utc_us(frame)
    assert utc_us is not None
    assert abs(utc_us - NOON_US - elapsed_us) < 5 + frame / 1e6


def test_frames_before_the_first_anchor_are_reckoned_back() -> None:
    timeline = Timeline.fit(_anchors(0, start_frame=RATE_HZ), rate_hz=RATE_HZ)
    assert (4_000_000, NOON_US - 1_000_000) == (timeline.boottime_us(0), timeline.utc_us(0))


def test_a_short_recording_has_its_nominal_rate() -> None:
    assert 0 == Timeline.fit(_anchors(200, seconds=9), rate_hz=RATE_HZ).drift_ppm


def test_anchors_that_do_not_move_do_no_harm() -> None:
    anchors = [Anchor(1, 0, us, us, us, "unknown") for us in (0, 20_000_000)]
    assert 0 == Timeline.fit(anchors, rate_hz=RATE_HZ).drift_ppm


def test_without_anchors_the_nominal_rate_runs_from_the_start_somebody_knew() -> None:
    assert NOON_US + 500_000 == Timeline.fit([], rate_hz=RATE_HZ, start_utc_us=NOON_US).utc_us(24_000)


def test_an_unknown_start_stays_unknown() -> None:
    timeline = Timeline.fit([], rate_hz=RATE_HZ)
    assert (None, 500_000) == (timeline.utc_us(24_000), timeline.boottime_us(24_000))


@pytest.mark.parametrize(
    ("frame", "text"),
    [(0, "0:00:00"), (47_999, "0:00:00"), (48_000, "0:00:01"), (48_000 * 3_661, "1:01:01"), (48_000 * 360_000, "100:00:00")],
)
def test_positions_are_rounded_down(frame: int, text: str) -> None:
    assert text == clock_text(frame, RATE_HZ)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOON_US + 1_999, "2026-11-22T12:00:00.001Z"),
        (NOON_US + 999_999, "2026-11-22T12:00:00.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_wall_clock_time_is_written_in_utc(us: int, text: str) -> None:
    assert text == iso(us)
