"""What stands beside a recording tells it what it has found, and never makes it wait."""

import time
from pathlib import Path
from typing import Any

import pytest

from recorder.processes import guards
from recorder.processes.children import Child
from recorder.processes.guards import Guards, RoutingGuard
from recorder.sleep import Awake
from recorder.sound.ring import SHARED_MEMORY
from tests.recorder.devices import until


class Watcher:
    """In place of the child that watches the sound server."""

    def __init__(self, *found: dict[str, object]) -> None:
        self.found, self.orders, self.is_alive = list(found), list[str](), True

    def take(self) -> list[tuple[str, dict[str, object]]]:
        found, self.found = self.found, []
        return [("order", order) for order in found]

    def order(self, line: str) -> None:
        self.orders.append(line)

    def close(self) -> None:
        pass


class AnInput:
    """As much of a capture as the guards look at."""

    number, first_source, is_running, is_routed = 0, "left", True, True

    def __init__(self, pid: int = 1, *, has_begun: bool = True) -> None:
        self.has_begun, self.rings = has_begun, list[Path]()
        self.child = type("Child", (), {"process": type("Process", (), {"pid": pid})()})()


def tended(guard: RoutingGuard, *captures: Any, now: float = 100.0) -> list[dict[str, object]]:
    return guard.tend(list(captures), now)


def test_what_the_watcher_finds_waits_for_the_first_frame() -> None:
    guard = RoutingGuard()
    guard._child = Watcher({"state": "volume", "input": 0})  # type: ignore[assignment]
    assert [] == tended(guard, AnInput(has_begun=False))
    assert [{"state": "volume", "input": 0}] == tended(guard, AnInput())
    assert [] == tended(guard, AnInput())


def test_the_watcher_is_told_of_each_opening_once() -> None:
    guard, watcher = RoutingGuard(), Watcher()
    guard._child = watcher  # type: ignore[assignment]
    for pid in (1, 1, 2):
        tended(guard, AnInput(pid))
    assert 2 == len(watcher.orders)


def test_a_watcher_that_dies_is_started_again_but_not_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    def start(module: str) -> Watcher:
        started.append(module)
        return Watcher()

    monkeypatch.setattr(Child, "start", start)
    guard, dead = RoutingGuard(), Watcher()
    dead.is_alive = False
    guard._child = dead  # type: ignore[assignment]
    for now in (100.0, 101.0, 106.0):
        tended(guard, AnInput(), now=now)
    assert ["recorder.processes.routing"] == started


def orders_of(parent: Path, *captures: Any) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    guard = Guards(parent, "Round three")

    def is_told() -> bool:
        found.extend(guard.tend(list(captures), time.monotonic()))
        return any("inhibit" in order for order in found)

    until(is_told)
    guard.end()
    return found


def test_a_recording_is_told_whether_it_keeps_the_computer_awake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "keep_awake", lambda why: Awake(f"sleep ({why})"))
    assert {"inhibit": "sleep (Round three)", "held": False} in orders_of(tmp_path)


def test_a_wrong_clock_and_a_doubtful_disk_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "clock_trouble", lambda: "It is 1970.")
    monkeypatch.setattr(guards, "place_of", lambda parent: type("Place", (), {"warning": f"{parent} is FAT."})())
    found = orders_of(tmp_path)
    assert [{"alarm": "clock-wrong", "text": "It is 1970.", "loss": False}] == [order for order in found if "alarm" in order]
    assert [f"{tmp_path} is FAT."] == [order["text"] for order in found if "state" in order]


def test_a_buffer_for_which_there_was_no_memory_is_told(tmp_path: Path) -> None:
    in_memory, on_disk = AnInput(), AnInput()
    in_memory.rings, on_disk.rings = [SHARED_MEMORY / "1.ring"], [tmp_path / "1.ring"]
    states = [[order["state"] for order in orders_of(tmp_path, one) if "state" in order] for one in (in_memory, on_disk)]
    assert [False, True] == ["buffer" in found for found in states]
