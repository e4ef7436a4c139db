"""Losses upstream of the ring, found by the clock alone; a virtual clock stands for hours."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.detection.cadence import Cadence, ClockStepped, Event, Loss, Resumed, Stalled, Surplus, Suspended
from recorder.sound.ring import Stamp

RATE_HZ = 48_000
BLOCK = 6000
"""What PulseAudio delivers through ALSA: 125 ms."""

Late = Callable[[float], float]
"""How late (µs) a block is whose last frame was captured at so many µs."""


def deliveries(
    seconds: float, *, ppm: float = 0, block: int = BLOCK, holes: dict[int, int] | None = None, late: Late = lambda _: 0
) -> Iterator[Stamp]:
    """Stamps of a microphone; `holes` are frames that go missing behind a delivered frame.  Blocks keep their order."""
    frame = lost = 0
    now_us = 0.0
    missing = sorted((holes or {}).items(), reverse=True)
    while frame + lost < seconds * RATE_HZ:
        frame += block
        while missing and missing[-1][0] < frame:
            lost += missing.pop()[1]
        captured_us = (frame + lost) / RATE_HZ * 1e6 * (1 + ppm / 1e6)
        now_us = max(now_us + 50, captured_us + late(captured_us))
        at_us = 10_000_000 + round(now_us)
        yield Stamp(frame, at_us, at_us, 1_790_000_000_000_000 + at_us)


def found(stamps: Iterator[Stamp], cadence: Cadence | None = None) -> list[Event]:
    cadence = cadence or Cadence(RATE_HZ)
    return [event for stamp in stamps for event in cadence.hear(stamp)]


def losses(events: list[Event]) -> list[Loss]:
    return [event for event in events if isinstance(event, Loss)]


def measured_jitter(seed: int = 0) -> Late:
    """As measured: 0.2 ms, and one block in a hundred by tens of ms."""
    chance = random.Random(seed)
    return lambda _: chance.expovariate(1 / 200) + (chance.random() < 0.01) * chance.expovariate(1 / 15_000)


def stalls(every_s: float, length_s: float, jitter: Late) -> Late:
    """Now and then nothing comes for a while; then everything at once."""

    def late(captured_us: float) -> float:
        in_turn = captured_us % (every_s * 1e6)
        return max(jitter(captured_us), length_s * 1e6 - in_turn if captured_us > every_s * 1e6 else 0)

    return late


def scattered(count: int, *, hours: float, seed: int = 0) -> dict[int, int]:
    """Holes of 10 ms to 3 s (frames), one in each equal part of the time."""
    chance = random.Random(seed)
    part = int((hours * 3600 - 60) * RATE_HZ / count)
    return {
        30 * RATE_HZ + index * part + chance.randrange(part - 12 * RATE_HZ): 480 + int(480 * (300 ** chance.random() - 1))
        for index in range(count)
    }


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_nothing_is_invented_in_eight_hours(ppm: int) -> None:
    cadence = Cadence(RATE_HZ)
    assert [] == found(deliveries(8 * 3600, ppm=ppm, late=stalls(300, 2, measured_jitter())), cadence)
    assert ppm == pytest.approx(cadence.drift_ppm, abs=1)


@pytest.mark.parametrize("ppm", [pytest.param(-200, marks=pytest.mark.slow), 200])
def test_each_of_120_losses_in_eight_hours_is_found_and_filling_them_keeps_the_timeline(ppm: int) -> None:
    holes = scattered(120, hours=8)
    events = found(deliveries(8 * 3600, ppm=ppm, holes=holes, late=measured_jitter()))
    reported = losses(events)
    assert len(holes) == len(reported) == len(events)
    for (frame, count), loss in zip(sorted(holes.items()), reported, strict=True):
        assert frame - BLOCK < loss.frame <= frame
        assert count == pytest.approx(loss.frame_count, abs=RATE_HZ / 1000)
    assert sum(holes.values()) == pytest.approx(sum(loss.frame_count for loss in reported), abs=0.020 * RATE_HZ)


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [-200, 200])
@pytest.mark.parametrize(("block", "mean_us"), [(480, 1_500), (1200, 20_000)])
def test_with_other_blocks_and_worse_jitter_losses_are_found_and_none_is_invented(block: int, mean_us: float, ppm: int) -> None:
    chance = random.Random(1)
    holes = scattered(120, hours=8)
    late = stalls(300, 2, lambda _: chance.expovariate(1 / mean_us))
    reported = losses(found(deliveries(8 * 3600, ppm=ppm, block=block, holes=holes, late=late)))
    # Where most blocks are late, a loss may be told in two parts, the second up to seconds behind.
    assert len(holes) <= len(reported) <= len(holes) + 2
    assert sum(holes.values()) == pytest.approx(sum(loss.frame_count for loss in reported), abs=0.050 * RATE_HZ)
    assert [] == found(deliveries(8 * 3600, ppm=ppm, block=block, late=late))


@settings(max_examples=80, deadline=None)
@given(
    ppm=st.integers(-200, 200),
    block=st.integers(240, BLOCK),
    at=st.integers(20 * RATE_HZ, 40 * RATE_HZ),
    count=st.integers(480, 5 * RATE_HZ),
    seed=st.integers(0, 1000),
)
def test_one_loss_of_any_length_is_found_once_with_place_and_length(ppm: int, block: int, at: int, count: int, seed: int) -> None:
    chance = random.Random(seed)
    events = found(
        deliveries(50 + count / RATE_HZ, ppm=ppm, block=block, holes={at: count}, late=lambda _: chance.expovariate(1 / 200))
    )
    (loss,) = losses(events)
    assert at - block < loss.frame <= at
    assert count == pytest.approx(loss.frame_count, abs=RATE_HZ / 1000)


def test_a_loss_is_told_within_a_second_of_the_first_frame_behind_it() -> None:
    cadence = Cadence(RATE_HZ)
    for stamp in deliveries(80, holes={70 * RATE_HZ: 480}, late=measured_jitter()):
        if losses(cadence.hear(stamp)):
            assert stamp.frame - 70 * RATE_HZ < RATE_HZ
            return
    raise AssertionError("not found")


@pytest.mark.parametrize("length_s", [0.1, 1, 10])
def test_a_delay_that_ends_in_a_burst_is_no_loss(length_s: float) -> None:
    assert [] == found(deliveries(200, late=stalls(30, length_s, measured_jitter())))


def test_a_late_block_a_stall_and_a_burst_of_small_blocks_are_no_loss() -> None:
    """What comes at once was held back by one cause: many blocks of it prove no more than one."""

    def late(captured_us: float) -> float:
        if 30e6 < captured_us < 32e6:
            return 32e6 - captured_us
        return 6_000 if captured_us == 30e6 else 0

    assert [] == found(deliveries(60, block=480, late=late))


def test_a_late_block_right_before_a_loss_does_not_draw_it_forward() -> None:
    (loss,) = losses(found(deliveries(60, holes={30 * RATE_HZ: 4800}, late=lambda us: 8_000 if us == 30e6 else 0)))
    assert Loss(30 * RATE_HZ, 4800, ("clock", "cadence")) == loss


def test_a_backlog_that_is_worked_off_slowly_is_no_loss() -> None:
    assert [] == found(deliveries(60, late=lambda us: max(0.0, 2e6 - (us - 30e6) / 2) if us > 30e6 else 0))


@pytest.mark.parametrize("begin", [lambda us: 0.4e6 - us, lambda us: 30_000.0, lambda us: -20_000.0])
def test_first_blocks_that_are_late_or_early_or_a_burst_are_no_loss(begin: Late) -> None:
    assert [] == found(deliveries(60, late=lambda us: max(-20_000.0, begin(us)) if us < 0.45e6 else 0))


def test_two_losses_half_a_second_apart_are_two() -> None:
    holes = {30 * RATE_HZ: 4800, 30 * RATE_HZ + RATE_HZ // 2: 2400}
    reported = losses(found(deliveries(60, block=480, holes=holes)))
    assert [4800, 2400] == [loss.frame_count for loss in reported]


def test_losses_very_close_to_each_other_add_up() -> None:
    holes = {30 * RATE_HZ + index * 1000: 960 for index in range(5)}
    reported = losses(found(deliveries(60, block=480, holes=holes)))
    assert 4800 == sum(loss.frame_count for loss in reported)


def test_a_shorter_loss_than_can_be_told_from_jitter_is_not_claimed() -> None:
    assert [] == found(deliveries(60, holes={30 * RATE_HZ: 192}))


def test_a_delay_that_looked_like_a_loss_is_taken_back_when_it_ends() -> None:
    events = found(deliveries(60, late=lambda us: 50_000 if 20e6 < us < 40e6 else 0))
    assert [Loss, Surplus] == [type(event) for event in events]
    assert [2400, 2400] == [event.frame_count for event in events if isinstance(event, Loss | Surplus)]


def test_the_clock_the_cadence_and_the_flag_bear_witness() -> None:
    cadence = Cadence(RATE_HZ)
    reported = []
    for stamp in deliveries(60, holes={30 * RATE_HZ: 4800, 45 * RATE_HZ: 4800}):
        reported += losses(cadence.hear(stamp, overflows=int(stamp.frame > 30 * RATE_HZ)))
    assert [("clock", "cadence", "backend"), ("clock", "cadence")] == [loss.witnesses for loss in reported]


def test_while_blocks_are_in_doubt_only_what_came_before_is_settled() -> None:
    cadence = Cadence(RATE_HZ)
    for stamp in deliveries(60, holes={30 * RATE_HZ: 4800}):
        events = cadence.hear(stamp)
        for loss in losses(events):
            assert 30 * RATE_HZ == loss.frame
        is_doubtful = 30 * RATE_HZ < stamp.frame and cadence.settled_frame < stamp.frame
        assert (30 * RATE_HZ if is_doubtful else stamp.frame) == cadence.settled_frame


def test_an_input_that_stalls_is_told_once_and_so_is_its_return() -> None:
    cadence = Cadence(RATE_HZ)
    assert [] == cadence.tick(10**9)
    stamps = list(deliveries(20))
    found(iter(stamps), cadence)
    last = stamps[-1]
    assert [] == cadence.tick(last.monotonic_us + 400_000)
    assert [Stalled(last.frame, last.monotonic_us)] == cadence.tick(last.monotonic_us + 500_000)
    assert [] == cadence.tick(last.monotonic_us + 900_000)
    back_us = last.monotonic_us + 3_000_000
    assert [Resumed(last.frame, 3_000_000)] == cadence.hear(Stamp(last.frame + BLOCK, back_us, back_us, back_us + last.utc_us))
    assert [] == cadence.tick(back_us + 1000)


def test_sleep_is_told_by_its_length_and_is_no_step_of_the_wall_clock() -> None:
    stamps = [
        replace(s, boottime_us=s.boottime_us + 60_000_000, utc_us=s.utc_us + 60_000_000) if s.frame > 20 * RATE_HZ else s
        for s in deliveries(40)
    ]
    (event,) = found(iter(stamps))
    assert isinstance(event, Suspended)
    assert 60_000_000 == event.asleep_us


@pytest.mark.parametrize("step_us", [20_000, -20_000, 3_600_000_000, -3_600_000_000])
def test_a_step_of_the_wall_clock_is_told_and_moves_nothing(step_us: int) -> None:
    stamps = [replace(s, utc_us=s.utc_us + step_us) if s.frame > 20 * RATE_HZ else s for s in deliveries(40)]
    (event,) = found(iter(stamps))
    assert isinstance(event, ClockStepped)
    assert step_us == event.step_us


def test_a_wall_clock_that_is_slewed_does_not_step() -> None:
    assert [] == found(replace(s, utc_us=s.utc_us + s.monotonic_us // 2000) for s in deliveries(600))


def test_a_stamp_whose_clocks_were_read_far_apart_is_no_step() -> None:
    late = (replace(s, utc_us=s.utc_us + 300_000) if s.frame % (80 * BLOCK) == 0 else s for s in deliveries(60))
    early = (replace(s, monotonic_us=s.monotonic_us + 300_000) if s.frame % (80 * BLOCK) == 0 else s for s in deliveries(60))
    assert [] == found(late)
    assert [] == found(early)


def test_a_wrong_rate_costs_no_memory() -> None:
    cadence = Cadence(RATE_HZ)
    found(deliveries(60, ppm=50_000, block=48), cadence)
    assert len(cadence._doubted) <= 2048
