"""How long an input may deliver nothing before it is taken for lost; no process, no time that passes."""

from pathlib import Path
from typing import Any

import pytest

from everyword.model import Input
from recorder.processes.openings import Capture
from recorder.sound.sources import Facts


class Ring:
    def __init__(self) -> None:
        self.written, self.path = 0, Path("/nonexistent")


class Child:
    def __init__(self) -> None:
        self.is_alive, self.says = True, True
        self.process = self

    def take(self) -> list[tuple[str, dict[str, object]]]:
        return [("alive", {})] if self.says else []

    def kill(self) -> None:
        self.is_alive = False

    def poll(self) -> int | None:
        return None if self.is_alive else -9


class Input8k:
    """A capture that runs, and a clock to turn by hand."""

    def __init__(self, *, block_s: float = 0.1) -> None:
        self.ring, self.child, self.now, self.block_s = Ring(), Child(), 1000.0, block_s
        facts = Facts(Input("default", "Table", "portaudio"), 8000, 2, "s16", {})
        self.capture = Capture(0, "default", (0, 0), self.child, facts)  # type: ignore[arg-type]
        ring: Any = self.ring
        self.capture.ring, self.capture.phase = ring, "running"
        self.capture.moved_at = self.capture.heard_at = self.capture.tended_at = self.now

    def deliver(self, seconds: float) -> "Input8k":
        for _ in range(round(seconds / self.block_s)):
            self.ring.written += round(8000 * self.block_s)
            self.look(self.block_s)
        return self

    def look(self, seconds: float, *, step_s: float = 0.1) -> str:
        for _ in range(max(1, round(seconds / step_s))):
            self.now += step_s
            self.capture.tend(None, self.now)  # type: ignore[arg-type]
            if self.capture.phase != "running":
                return "lost"
        return self.capture.phase


def test_an_input_that_falls_silent_is_lost_after_little_more_than_a_second() -> None:
    heard = Input8k().deliver(2)
    assert ["running", "lost"] == [heard.look(1.0), heard.look(0.5)]


def test_a_child_that_does_not_run_is_given_longer() -> None:
    heard = Input8k().deliver(2)
    heard.child.says = False
    assert ["running", "lost"] == [heard.look(3.5), heard.look(1.0)]


def test_an_input_that_delivers_seldom_is_given_longer() -> None:
    heard = Input8k(block_s=2.0).deliver(10)
    assert "running" == heard.look(5.0)


def test_the_first_frame_may_take_its_time() -> None:
    heard = Input8k()
    assert ["running", "lost"] == [heard.look(9.5), heard.look(1.0)]


def test_a_supervisor_that_did_not_look_does_not_take_that_for_silence() -> None:
    heard = Input8k().deliver(2)
    heard.now += 60.0
    assert "running" == heard.look(0.2)


def test_nor_for_a_habit_of_the_input() -> None:
    heard = Input8k().deliver(2)
    heard.now += 60.0
    heard.deliver(1)
    assert "lost" == heard.look(2.0)


def test_a_child_that_died_is_lost_at_once() -> None:
    heard = Input8k().deliver(1)
    heard.child.is_alive = False
    assert "lost" == heard.look(0.1)


@pytest.mark.parametrize("silent_s", [0.5, 1.0])
def test_a_short_silence_is_forgiven_again_and_again(silent_s: float) -> None:
    heard = Input8k().deliver(2)
    for _ in range(5):
        heard.look(silent_s)
        heard.deliver(0.5)
    assert "running" == heard.capture.phase
    assert "lost" == heard.look(1.5)
