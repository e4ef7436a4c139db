"""What the detectors find out becomes lines in the journal and gaps on the tape, on a virtual clock."""

import random
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from everyword import keys
from everyword.folder import FORMAT, create
from everyword.model import Gap, Input, Session
from everyword.recording import Recording, read_recording
from everyword.seal import read_seal
from recorder.detection.watch import LONGEST_HOLD_S
from recorder.disk.record import Record
from recorder.processes.feed import Feed
from recorder.sound.ring import Ring, Stamp
from recorder.sound.sources import Facts
from tests.recorder.sound import counted, journal_lines, numbers_in, recorded

RATE_HZ = 1000
BLOCK = 100
DEVICE = Facts(Input("room", "room", "portaudio"), RATE_HZ, 2, "s16", {})
FILE = Facts(Input("file:x", "x", "file"), RATE_HZ, 2, "s16", {})


@dataclass(slots=True)
class Device:
    """A virtual microphone: numbered frames, a clock of its own, losses on command.

    ``captured`` counts what it has heard, ``delivered`` what reached the ring.
    """

    monkeypatch: pytest.MonkeyPatch
    folder: Path
    ppm: float = 0.0
    facts: Facts = DEVICE
    jitter_us: float = 0.0
    captured: int = 0
    asleep_us: int = 0
    late_us: int = 0
    now_us: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    ring: Ring = field(init=False)
    record: Record = field(init=False)
    feed: Feed | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        session = Session(FORMAT, "01J00000000000000000000000", "Watch", "", (), (), (), "captured", "Test", 0, {})
        self.record = Record.begin(create(self.folder / "sessions", session))
        self.ring = Ring.create(self.folder / "ring", rate_hz=RATE_HZ, frame_bytes=4, about={})
        self.monkeypatch.setattr(Stamp, "now", self.stamp)
        self.monkeypatch.setattr(time, "monotonic_ns", lambda: self.now_us * 1000)

    def stamp(self, frame: int) -> Stamp:
        return Stamp(frame, self.now_us + self.asleep_us, self.now_us, self.now_us + self.asleep_us)

    def captured_us(self, frame: int) -> int:
        return 1_000_000_000 + round(frame * 1e6 / RATE_HZ * (1 + self.ppm / 1e6))

    def deliver(self, seconds: float, *, is_pulled: bool = True) -> None:
        for _ in range(round(seconds * RATE_HZ / BLOCK)):
            self.captured += BLOCK
            late_us = self.chance.expovariate(1 / self.jitter_us) if self.jitter_us else 0
            self.now_us = max(self.now_us + 50, self.captured_us(self.captured) + self.late_us + round(late_us))
            self.ring.write(counted(self.captured - BLOCK + 1, BLOCK))
            if is_pulled:
                self.pull()

    def lose(self, frames: int) -> None:
        self.lost.append((self.captured, frames))
        self.captured += frames

    def pull(self) -> None:
        if self.feed is None:
            self.feed = Feed.begin(self.record, self.ring, self.facts, after=None, duration_s=None)
        else:
            self.feed.pull()

    def kill_the_writer(self) -> None:
        """Forget everything that was in memory."""
        self.record = Record.resume(self.record.folder)
        self.feed = Feed.again(self.record, 1)

    def finish(self) -> Recording:
        assert self.feed is not None
        self.ring.end()
        self.feed.pull(at_once=True)
        self.feed.anchor()
        self.record.finish(reason="test", origin="captured", key=keys.device_key(self.folder / "home"))
        return read_recording(self.record.folder)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Device:
    return Device(monkeypatch, tmp_path)


def grades(device: Device, code: str) -> list[object]:
    return [line["grade"] for line in journal_lines(device.record.folder, "state") if line["code"] == code]


def assert_nothing_is_lost_but(lost: list[tuple[int, int]], device: Device, recording: Recording) -> None:
    """Every frame that was delivered is there, in order, and its place is its number but for the errors of the gaps' lengths."""
    numbers = numbers_in(recorded(device.record.folder))
    gone = np.concatenate([[], *(np.arange(first + 1, first + count + 1) for first, count in lost)])
    assert np.array_equal(np.setdiff1d(np.arange(1, device.captured + 1), gone), numbers[numbers > 0])
    found = sorted((gap.first_frame, gap.frame_count) for gap in recording.gaps)
    assert len(lost) == len(found)
    for (first, count), (place, length) in zip(lost, found, strict=True):
        assert abs(place - first) <= BLOCK + 2 * len(lost), (lost, found)  # a block, and the errors of the gaps before
        assert abs(length - count) <= 2, (lost, found)


def test_a_loss_that_nobody_reports_becomes_a_gap_in_its_place_with_its_length(device: Device) -> None:
    device.deliver(5)
    device.lose(123)
    device.deliver(5)
    recording = device.finish()
    assert_nothing_is_lost_but([(5000, 123)], device, recording)
    (gap,) = recording.gaps
    assert ("upstream", ("clock", "cadence"), True) == (gap.cause, gap.witnesses, gap.filled)


def test_the_operator_and_the_seal_are_told_of_a_loss(device: Device) -> None:
    device.deliver(5)
    device.lose(500)
    device.deliver(5)
    recording = device.finish()
    assert [("sound-missing", True)] == [(alarm.code, alarm.loss) for alarm in recording.alarms]
    statement = read_seal(device.record.folder)["completeness"]
    assert isinstance(statement, dict)
    assert (False, ["backend", "cadence", "clock"]) == (statement["complete"], statement["detectors"])
    (stream,) = statement["streams"]
    assert {"shortest_loss_us": 5_000, "settling_us": 1_000_000, "buffer_us": 0} == stream["limits"]
    assert (500, [["clock", "cadence"]]) == (stream["gap_frames"], [gap["witnesses"] for gap in stream["gaps"]])


def test_a_loss_is_in_the_journal_within_a_second(device: Device) -> None:
    device.deliver(5)
    device.lose(50)
    lost_us = device.now_us
    while not device.record.recording.gaps:
        device.deliver(0.1)
    assert device.now_us - lost_us <= 1_000_000


def test_several_losses_add_up(device: Device) -> None:
    for frames in (10, 2000, 30, 999):
        device.deliver(6)
        device.lose(frames)
    device.deliver(6)
    assert_nothing_is_lost_but(device.lost, device, device.finish())


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_drift_and_jitter_are_no_loss(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ppm: int) -> None:
    device = Device(monkeypatch, tmp_path, ppm=ppm, jitter_us=3000)
    device.deliver(600)
    recording = device.finish()
    assert [] == recording.gaps + recording.alarms
    (*_, drift) = journal_lines(device.record.folder, "drift")
    assert abs(int(str(drift["drift_ppm"])) - ppm) <= 1


@pytest.mark.parametrize("hours", [0.5, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("ppm", [-200, 200])
def test_the_timeline_stays_true_whatever_was_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ppm: int, hours: float
) -> None:
    device = Device(monkeypatch, tmp_path, ppm=ppm, jitter_us=1000)
    chance, places = random.Random(ppm), {}
    while device.captured < hours * 3600 * RATE_HZ:
        device.deliver(chance.uniform(8, 60) if hours < 1 else chance.uniform(8, 900))
        device.lose(round(10 * 300 ** chance.random()))
        device.deliver(3)
        assert device.feed is not None
        device.feed.anchor()
        places[device.captured] = device.captured_us(device.captured)
    recording = device.finish()
    assert len(device.lost) == len(recording.gaps)
    numbers, timeline = numbers_in(recorded(device.record.folder)), recording.timeline(1)
    frames = np.searchsorted(np.maximum.accumulate(numbers), list(places)) + 1
    worst_us = max(abs(timeline.boottime_us(int(f)) - us) for f, us in zip(frames, places.values(), strict=True))
    assert worst_us <= 20_000


def test_what_is_in_doubt_waits_in_the_ring_but_not_for_long(device: Device) -> None:
    device.deliver(5)
    device.late_us = 300_000  # as after a loss, or as when a busy computer is late
    device.deliver(0.3)
    assert device.feed is not None
    assert 5000 == device.feed.tape.frame
    device.late_us = 0
    device.deliver(0.5)
    assert device.captured == device.feed.tape.frame
    # A backlog that is slowly worked off keeps the doubt alive.
    for late_us in range(3_000_000, 500_000, -50_000):
        device.late_us = late_us
        device.deliver(0.1)
        assert device.captured - device.feed.tape.frame <= LONGEST_HOLD_S * RATE_HZ
    assert [] == device.record.recording.gaps


def test_lateness_is_told_before_it_is_certain_that_something_is_missing(device: Device) -> None:
    device.deliver(5)
    for late_us in range(2_000_000, 0, -50_000):
        device.late_us = late_us
        device.deliver(0.1)
    device.late_us = 0
    device.deliver(1)
    assert ["warning", "over"] == grades(device, "late")


def test_an_input_that_stalls_is_told_within_half_a_second_and_so_is_its_return(device: Device) -> None:
    device.deliver(5)
    device.now_us += 500_001
    device.pull()
    assert ["alarm"] == grades(device, "stalled")
    device.late_us = 1_000_000
    device.deliver(0.1)
    assert ["alarm", "over"] == grades(device, "stalled")


def test_a_file_has_no_clock_and_is_never_late(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = Device(monkeypatch, tmp_path, facts=FILE)
    device.deliver(3)
    device.late_us = 1_000_000
    device.deliver(3)
    recording = device.finish()
    assert ([], None) == (recording.gaps, device.feed and device.feed.drift_ppm)


@pytest.mark.parametrize("delay_us", [9_000, 40_000, 120_000])
def test_a_delay_that_goes_and_comes_back_is_no_loss(device: Device, delay_us: int) -> None:
    device.late_us = delay_us
    device.deliver(10)
    for _ in range(10):
        device.late_us = 0
        device.deliver(0.2)
        device.late_us = delay_us
        device.deliver(2)
    device.deliver(30)
    recording = device.finish()
    assert [] == recording.gaps + recording.alarms
    assert [] == journal_lines(device.record.folder, "surplus")


def test_a_delay_longer_than_any_before_is_taken_for_a_loss_and_that_is_taken_back_when_it_ends(device: Device) -> None:
    """No clock can tell them apart; every frame is there all the same."""
    device.deliver(5)
    device.late_us = 500_000
    device.deliver(15)
    device.late_us = 0
    device.deliver(5)
    recording = device.finish()
    assert [("sound-missing", True), ("gap-was-delay", False)] == [(alarm.code, alarm.loss) for alarm in recording.alarms]
    assert [500] == [pytest.approx(gap.frame_count, abs=3) for gap in recording.gaps]
    assert pytest.approx(500, abs=3) == recording.surplus[1]
    numbers = numbers_in(recorded(device.record.folder))
    assert list(range(1, 25_001)) == numbers[numbers > 0].tolist()
    statement = read_seal(device.record.folder)["completeness"]
    assert isinstance(statement, dict)
    assert [recording.surplus[1]] == [stream["surplus_frames"] for stream in statement["streams"]]


def test_a_loss_that_is_longer_than_any_delay_before_is_found_among_them(device: Device) -> None:
    for _ in range(5):
        device.late_us = 20_000
        device.deliver(0.5)
        device.late_us = 0
        device.deliver(0.2)
    device.lose(500)
    device.deliver(10)
    assert_nothing_is_lost_but(device.lost, device, device.finish())


def test_what_a_sound_server_plays_is_made_ahead_of_its_time_and_never_late(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device = Device(monkeypatch, tmp_path, facts=replace(DEVICE, detail={"source": "room.monitor"}))
    device.deliver(5)
    device.late_us = 300_000
    device.deliver(5)
    recording = device.finish()
    assert ([], {"detectors": ["frames-delivered"], "limits": {}}) == (recording.gaps, recording.detectors[1])
    assert [] == grades(device, "late")


def test_sleep_leaves_a_gap_of_its_length_and_the_sound_after_it_keeps_its_time(device: Device) -> None:
    device.deliver(5)
    device.asleep_us = 7_000_000
    device.deliver(5)
    recording = device.finish()
    (gap,) = recording.gaps
    assert ("suspended", 7000, 5000 + 3 * BLOCK) == (gap.cause, gap.frame_count, gap.first_frame + BLOCK)
    numbers = numbers_in(recorded(device.record.folder))
    assert list(range(1, 10_001)) == numbers[numbers > 0].tolist()
    assert abs(recording.timeline(1).drift_ppm) < 1


def test_a_clock_that_was_set_is_recorded_and_changes_nothing_else(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    device.deliver(5)
    monkeypatch.setattr(Stamp, "now", lambda frame: Stamp(frame, device.now_us, device.now_us, device.now_us - 60_000_000))
    device.deliver(5)
    recording = device.finish()
    (line,) = journal_lines(device.record.folder, "clock")
    assert (-60_000_000, [], []) == (line["step_us"], recording.gaps, recording.alarms)


def test_silence_is_a_state_with_a_beginning_and_an_end(device: Device) -> None:
    """The numbers' high half, on the second track, does not move for 65,535 frames."""
    device.deliver(6)
    for _ in range(2):
        device.now_us += BLOCK * 1000
        device.ring.write(device.chance.randbytes(BLOCK * 4))
    device.finish()
    assert ["warning", "alarm", "over"] == grades(device, "silent")
    found = device.record.recording.conditions["silent", 1, 2]
    assert ("over", 6000) == (found.grade, found.frame)


@pytest.mark.parametrize("seed", range(12))
def test_the_death_of_the_writer_at_any_moment_neither_repeats_a_gap_nor_forgets_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    device, chance = Device(monkeypatch, tmp_path, jitter_us=500), random.Random(seed)
    for _ in range(3):
        device.deliver(5)
        device.lose(chance.randint(20, 1500))
        for _ in range(5):
            device.deliver(chance.randrange(12) / 10)
            device.deliver(chance.randrange(12) / 10, is_pulled=False)
            device.kill_the_writer()
    device.deliver(5)
    assert_nothing_is_lost_but(device.lost, device, device.finish())


def test_a_wanted_gap_does_not_make_a_session_incomplete(device: Device) -> None:
    device.deliver(2)
    assert device.feed is not None
    device.feed.tape.skip(500, cause="off-record", by="Anna")
    device.feed.base += 500
    device.deliver(2)
    recording = device.finish()
    assert [Gap(1, 2000, 500, True, "off-record", (), "Anna")] == recording.gaps
    statement = read_seal(device.record.folder)["completeness"]
    assert isinstance(statement, dict)
    (stream,) = statement["streams"]
    assert (True, 500, 0) == (statement["complete"], stream["withheld_frames"], stream["gap_frames"])
