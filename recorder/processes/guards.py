"""What stands beside a recording and may fail without harm: the watcher of the sound server, and the lock against sleep."""

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

from recorder.clocks import clock_trouble
from recorder.disk.places import place_of
from recorder.processes.children import Child
from recorder.processes.openings import Capture
from recorder.request import Order
from recorder.sleep import Awake, keep_awake
from recorder.sound.ring import SHARED_MEMORY

AGAIN_S = 5.0


@dataclass(slots=True)
class RoutingGuard:
    """The supervisor's side of `routing`: starts it when an input goes through a sound server, and again if it dies."""

    _child: Child | None = None
    _died_at: float = -AGAIN_S
    _told: dict[int, int | None] = field(default_factory=dict)
    _waiting: list[Order] = field(default_factory=list)

    def tend(self, captures: list[Capture], now: float) -> list[Order]:
        """Tell it of every new opening; returns what it has found."""
        watched = [capture for capture in captures if capture.is_running and capture.is_routed]
        if watched and self._is_there(now):
            for capture in watched:
                self._tell(capture)
        begun = {capture.number for capture in captures if capture.has_begun}  # before that the writer has no stream for it
        if self._child is not None:
            self._waiting += [order for kind, order in self._child.take() if kind == "order"]
        ready = [order for order in self._waiting if order["input"] in begun]
        self._waiting = [order for order in self._waiting if order not in ready]
        return ready

    def end(self) -> None:
        """Nothing more is asked of it."""
        if self._child is not None:
            self._child.kill()
            self._child.close()

    def _is_there(self, now: float) -> bool:
        if self._child is not None and not self._child.is_alive:
            self._child.close()
            self._child, self._died_at = None, now
            self._told.clear()
        if self._child is None and now - self._died_at >= AGAIN_S:
            self._child = Child.start("recorder.processes.routing")
        return self._child is not None

    def _tell(self, capture: Capture) -> None:
        pid = capture.child.process.pid
        if self._child is not None and self._told.get(capture.number) != pid:
            self._told[capture.number] = pid
            self._child.order(json.dumps({"watch": capture.number, "pid": pid, "source": capture.first_source}))


@dataclass(slots=True)
class Guards:
    """The supervisor tends them between two looks at its captures; nothing here ever waits."""

    parent: Path
    title: str
    _routing: RoutingGuard = field(default_factory=RoutingGuard)
    _awake: list[Awake] = field(default_factory=list)
    _asked: bool = False
    _is_told: bool = False

    def tend(self, captures: list[Capture], now: float) -> list[Order]:
        """What the journal and the operator should know, as orders for the writer."""
        orders: list[Order] = []
        if not self._asked:
            self._asked = True
            threading.Thread(target=lambda: self._awake.append(keep_awake(self.title)), daemon=True).start()
            orders += self._warnings(captures)
        if self._awake and not self._is_told:
            self._is_told = True
            orders.append({"inhibit": self._awake[0].what, "held": self._awake[0].is_held})
        return orders + self._routing.tend(captures, now)

    def end(self) -> None:
        """The recording is sealed: the computer may sleep."""
        for awake in self._awake:
            awake.release()
        self._routing.end()

    def _warnings(self, captures: list[Capture]) -> list[Order]:
        orders: list[Order] = []
        if wrong := clock_trouble():
            orders.append({"alarm": "clock-wrong", "text": wrong, "loss": False})
        if catch := place_of(self.parent).warning:
            orders.append({"state": "place", "grade": "warning", "text": catch})
        if any(path.parent != SHARED_MEMORY for capture in captures for path in capture.rings):
            text = f"{SHARED_MEMORY} has no room: the capture buffer is on the disk, and so is sound of a pause, until wiped."
            orders.append({"state": "buffer", "grade": "warning", "text": text})
        return orders
