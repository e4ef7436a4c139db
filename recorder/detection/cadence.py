"""Whether every frame has come: what was delivered against the clock.  Pure; O(1) memory.

Sound systems lose frames without a word (PortAudio never flags it over PulseAudio and WASAPI), so the judge is arithmetic.  A
block that brings the total to n frames cannot come before frame n was captured, only later: its *excess* over the earliest
possible time is never negative, jitters above zero, and comes back to zero.  A loss lifts the excess for good.

*The line.* The earliest possible time is a straight line through the earliest block of each second, as NTP picks the sample of
least delay (RFC 5905 §10) and as skew is taken from one-way delays by their lower edge (Moon, Skelly and Towsley, "Estimation
and removal of clock skew from network delay measurements", INFOCOM 1999).  Its offset and slope (the drift) are followed by a
Kalman filter of two states; a delay-locked loop (Adriaensen, "Using a DLL to filter time", 2005) is the same with fixed gains,
which would take minutes to learn a drift or be shaken by jitter for ever.

*The verdict.* From the first block `LATE_US` late on, blocks are in doubt.  One that is on time clears all before it: they
were delayed, nothing is lost.  If none comes although, by the share of blocks that were on time lately, that is as good as
impossible (and not before twice the longest delay that ended well), frames are lost: as many as the least excess says, where
it rose most.  Blocks that come at once, as after a stall, count as one: what held back the first held back all.

*Delays that change.* A block much earlier than the line proves that all before it had been late: the line moves down, and a delay
that comes back to where it was is no loss.  Only one that is longer than any before is taken for one.

What cannot be known from the clock: a delay that never ends looks like a loss of its length (if it ends after all, `Surplus`
says so); a loss shorter than `LATE_US` is taken for drift or jitter; one in the first `SETTLING_US` for the start; of losses
within one doubt only the sum is certain, and their place is the largest; the place of a loss is the beginning of the block it
fell into, or that of the late blocks right before it.  Its length is as exact as the earliest of some blocks is early: with
PulseAudio 16 through ALSA (blocks of 125 ms) within 0.3 ms on an idle computer, 5 ms on a very busy one; an error is made good
in the length of the next loss, so errors do not add up.  The more blocks are late, the longer a doubt takes.
"""

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal

from recorder.detection.drift import Line
from recorder.detection.promptness import LONGEST_DOUBT_US, SHORTEST_DOUBT_US, Block, Promptness
from recorder.sound.ring import Stamp

LATE_US = 5_000
"""So late a block puts itself and its followers in doubt; half of the shortest loss that must be found."""

SETTLING_US = 1_000_000
"""The first blocks of a stream may come late or in a burst: they are used to place the line, not judged by it."""

STALL_US = 400_000
"""No block for so long: the input has stalled."""

ASLEEP_US = 100_000
"""CLOCK_BOOTTIME ran so far ahead of CLOCK_MONOTONIC: the computer slept."""

CLOCK_STEP_US = 10_000
"""UTC ran so far away from CLOCK_BOOTTIME: somebody set the clock.  NTP's slewing stays far below, block by block."""

_BUCKET_US = 1_000_000
_CARRIED_BUCKETS = 10

Witness = Literal["clock", "cadence", "backend"]


@dataclass(frozen=True, slots=True)
class Loss:
    """`frame_count` frames are missing before delivered frame `frame`.

    ``clock``: fewer frames than time; ``cadence``: the block there came late by at least half of it; ``backend``: flagged.
    """

    frame: int
    frame_count: int
    witnesses: tuple[Witness, ...]


@dataclass(frozen=True, slots=True)
class Surplus:
    """`frame_count` frames more than time allows by delivered frame `frame`: what was taken for a loss had been a delay."""

    frame: int
    frame_count: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """No block since `since_us` (monotonic clock), when `frame` frames had been delivered."""

    frame: int
    since_us: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """Blocks come again after a stall of `stalled_us`; whether frames are missing another event will say."""

    frame: int
    stalled_us: int


@dataclass(frozen=True, slots=True)
class Suspended:
    """The computer slept for `asleep_us` shortly before delivered frame `frame`; the monotonic clock stood still meanwhile."""

    frame: int
    asleep_us: int


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """UTC was set forward by `step_us` (back if negative) shortly before delivered frame `frame`."""

    frame: int
    step_us: int


Event = Loss | Surplus | Stalled | Resumed | Suspended | ClockStepped


@dataclass(slots=True)
class _Step:
    """Finds a step in a difference of two clocks that otherwise creeps.

    They are not read at the same instant, and a process may be kept from running in between: three stamps must agree.
    """

    least_us: int
    base_us: int | None = None
    seen: list[int] = field(default_factory=list)

    def hear(self, value_us: int) -> int:
        """The step in µs once it is certain, else 0."""
        away = value_us - (value_us if self.base_us is None else self.base_us)
        if abs(away) < self.least_us:
            self.base_us = value_us
            self.seen.clear()
            return 0
        if self.seen and (self.seen[0] > 0) != (away > 0):
            self.seen.clear()
        self.seen.append(away)
        if len(self.seen) < 3:
            return 0
        step = min(self.seen, key=abs)
        self.base_us = value_us
        self.seen.clear()
        return step


@dataclass(slots=True)
class Cadence:
    """The judge of one opening of one input: one `hear` a block in order, `tick` whenever there is time.

    Frames are those delivered since the opening, without what was lost.
    """

    rate_hz: int
    _first: Stamp | None = None
    _last: Stamp | None = None
    _overflows: int = 0
    _line: Line = field(default_factory=lambda: Line(0))
    _promptness: Promptness = field(default_factory=Promptness)
    _doubted: deque[Block] = field(default_factory=lambda: deque(maxlen=2048))
    _asleep: _Step = field(default_factory=lambda: _Step(ASLEEP_US))
    _clock: _Step = field(default_factory=lambda: _Step(CLOCK_STEP_US))
    _stalled_us: int | None = None
    _settling: list[float] | None = field(default_factory=list)
    _earliest: tuple[float, int] | None = None
    _bucket_us: int | None = None
    _surplus_us: float = 0.0
    _carried_us: float = 0.0
    _has_lost: bool = False
    _carrying: int = 0

    @property
    def settled_frame(self) -> int:
        """Delivered frames before which no loss can be found any more; what lies behind may still move."""
        if self._doubted:
            return self._doubted[0].before
        return self._last.frame if self._last else 0

    @property
    def doubted_us(self) -> int | None:
        """For how long the newest blocks have been late; None when the newest was on time."""
        return self._doubted[-1].at_us - self._doubted[0].at_us if self._doubted else None

    @property
    def drift_ppm(self) -> float:
        """How much longer (+) or shorter (−) than nominal the input's frames last."""
        return self._line.slope_ppm

    @property
    def drift_deviation_ppm(self) -> float:
        """The standard deviation of `drift_ppm` by the filter's own reckoning; hundreds in the first seconds."""
        return math.sqrt(self._line.slope_variance)

    def hear(self, stamp: Stamp, *, overflows: int = 0) -> list[Event]:
        """A block has come, the newest of `stamp.frame` frames; `overflows` counts the sound system's flags so far."""
        events = self._hear_clocks(stamp)
        if self._stalled_us is not None:
            events.append(Resumed(self._frame, stamp.monotonic_us - self._stalled_us))
            self._stalled_us = None
        block = self._block(stamp, is_flagged=overflows > self._overflows)
        self._last, self._overflows = stamp, overflows
        if self._settling is not None:
            self._settle(block)
        else:
            events += self._judge(block)
        return events

    def tick(self, now_us: int) -> list[Event]:
        """Look at the monotonic clock: says once when an input that had begun has stalled."""
        if self._last is None or self._stalled_us is not None or now_us - self._last.monotonic_us <= STALL_US:
            return []
        self._stalled_us = self._last.monotonic_us
        return [Stalled(self._frame, self._stalled_us)]

    @property
    def _frame(self) -> int:
        return self._last.frame if self._last else 0

    def _hear_clocks(self, stamp: Stamp) -> list[Event]:
        events: list[Event] = []
        if asleep_us := self._asleep.hear(stamp.boottime_us - stamp.monotonic_us):
            events.append(Suspended(self._frame, asleep_us))
        if step_us := self._clock.hear(stamp.utc_us - stamp.boottime_us):
            events.append(ClockStepped(self._frame, step_us))
        return events

    def _block(self, stamp: Stamp, *, is_flagged: bool) -> Block:
        if self._first is None:
            self._first = stamp
            self._line = Line(stamp.monotonic_us)
        first, last = self._first, self._last or stamp
        beyond_us = stamp.monotonic_us - first.monotonic_us - (stamp.frame - first.frame) * 1e6 / self.rate_hz
        took_us = stamp.monotonic_us - last.monotonic_us
        lasts_us = (stamp.frame - last.frame) * 1e6 / self.rate_hz
        return Block(
            before=last.frame,
            at_us=stamp.monotonic_us,
            excess_us=self._line.excess_us(stamp.monotonic_us, beyond_us),
            late_by_us=took_us - lasts_us,
            is_burst=took_us < lasts_us / 4,
            is_flagged=is_flagged,
        )

    def _settle(self, block: Block) -> None:
        """The line begins at the earliest of the later half of the first blocks."""
        assert self._settling is not None  # noqa: S101  (for mypy: called while it is a list)
        self._settling.append(block.excess_us)
        if len(self._settling) >= 4 and block.at_us - self._line.at_us >= SETTLING_US:
            later = self._settling[len(self._settling) // 2 :]
            self._line.offset_us += min(later)
            self._line.at_us = block.at_us
            self._settling = None

    def _judge(self, block: Block) -> list[Event]:
        if block.excess_us >= LATE_US:
            self._doubted.append(block)
            return self._find_loss()
        if self._doubted:
            self._promptness.heard_delay(block.at_us - self._doubted[0].at_us)
            self._clear()
        self._promptness.hear(block)
        if block.excess_us <= -LATE_US:
            self._line.shift(block.excess_us)
            self._promptness.shift(-block.excess_us)
            self._surplus_us -= block.excess_us
            if self._has_lost:
                self._carried_us += block.excess_us
            self._begin_bucket()
            return []
        return self._learn(block)

    def _clear(self) -> None:
        for block in self._doubted:
            self._promptness.hear(block)
        self._doubted.clear()

    def _learn(self, block: Block) -> list[Event]:
        """Once a second the line follows the earliest block."""
        if self._earliest is None or block.excess_us < self._earliest[0]:
            self._earliest = block.excess_us, block.at_us
        if self._bucket_us is None:
            self._bucket_us = block.at_us
        if block.at_us - self._bucket_us < _BUCKET_US:
            return []
        excess_us, at_us = self._earliest
        moved_us = self._line.follow(at_us, excess_us)
        self._begin_bucket()
        self._promptness.forget()
        if self._carrying:
            self._carrying -= 1
            self._carried_us += moved_us
        surplus, self._surplus_us = self._frames(self._surplus_us), 0.0
        return [Surplus(self._frame, surplus)] if surplus and self._has_lost else []

    def _begin_bucket(self) -> None:
        self._earliest = None
        self._bucket_us = None

    def _find_loss(self) -> list[Event]:
        blocks = list(self._doubted)
        lasted_us = blocks[-1].at_us - blocks[0].at_us
        if lasted_us < SHORTEST_DOUBT_US:
            return []
        half_us = blocks[0].at_us + lasted_us // 2
        half = next(index for index, block in enumerate(blocks) if block.at_us >= half_us)
        least_us = min(block.excess_us for block in blocks[half:])
        # A backlog that is being worked off: the excess falls, and may yet fall to nothing.
        is_falling = min(block.excess_us for block in blocks[:half]) - least_us > LATE_US and lasted_us < LONGEST_DOUBT_US
        as_late = sum(block.excess_us >= least_us and not block.is_burst for block in blocks)
        if is_falling:
            return []
        if least_us <= self._promptness.lead_us + LATE_US and lasted_us >= LONGEST_DOUBT_US / 2:
            self._line.shift(least_us)
            self._clear()
            self._begin_bucket()
            return []
        if not self._promptness.enough(least_us, blocks=as_late, lasted_us=lasted_us):
            return []
        at = _largest_rise(blocks[: half + 1], least_us)
        loss = self._loss(blocks, at, least_us)
        self._doubt_again(blocks, least_us)
        return [loss]

    def _loss(self, blocks: list[Block], at: int, least_us: float) -> Loss:
        witnesses: list[Witness] = ["clock"]
        if blocks[at].late_by_us >= least_us / 2:
            witnesses.append("cadence")
        if any(block.is_flagged for block in blocks[max(0, at - 1) :]):
            witnesses.append("backend")
        self._line.shift(least_us)
        self._begin_bucket()
        # Earlier errors are made good little by little: what is said of this loss must stay true as well.
        count = self._frames(least_us + max(-LATE_US / 2, min(LATE_US / 2, self._carried_us)))
        self._carried_us += least_us - count * 1e6 / self.rate_hz
        self._has_lost = True
        self._carrying = _CARRIED_BUCKETS
        return Loss(blocks[at].before, count, tuple(witnesses))

    def _doubt_again(self, blocks: list[Block], least_us: float) -> None:
        """What is still late after this loss belongs to another one behind it."""
        self._doubted.clear()
        for block in blocks:
            rest = replace(block, excess_us=block.excess_us - least_us)
            if rest.excess_us >= LATE_US:
                self._doubted.append(rest)
            else:
                self._doubted.clear()

    def _frames(self, us: float) -> int:
        return round(us * self.rate_hz / 1e6)


def _largest_rise(blocks: list[Block], least_us: float) -> int:
    """Index of the block before which the excess rose for good by most; what fell again later was jitter."""
    floors = []
    floor = least_us
    for block in reversed(blocks):
        floor = min(floor, block.excess_us)
        floors.append(floor)
    floors.reverse()
    rises = [after - before for before, after in zip([0.0, *floors], floors, strict=False)]
    return rises.index(max(rises))
