"""One recording from start to seal: starts the children, watches them, restarts what dies, stops in order.

It is ``everyword record`` itself.  When it dies, the writer starts another one of it without a terminal, as
``python -P -m recorder.processes.supervisor FOLDER HOME HOLD WRITER ORDERS WORDS``; that one adopts the writer and the capture
children.  When the writer died too, a capture child starts it, and it starts another writer.
"""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from everyword import journal
from everyword.errors import DiskTrouble, EverywordError, InputLost
from everyword.folder import FORMAT, SessionFolder, created, held
from everyword.model import Session, from_json, to_json
from recorder.disk.mirror import check_mirrors, is_there, mirrored
from recorder.operator.control import Control
from recorder.processes import preroll
from recorder.processes.adoption import adopt_captures, adopt_writer, come_last, inherited
from recorder.processes.check import recent
from recorder.processes.children import Child, passed_on
from recorder.processes.guards import Guards
from recorder.processes.monitor import MonitorGuard
from recorder.processes.openings import Capture, Opened
from recorder.processes.steering import Steering
from recorder.processes.succession import BEAT_S
from recorder.request import Order, Outcome, Panel, Request, Unattended
from recorder.software import versions
from recorder.sound.ring import SECONDS

MOST_DEATHS = 5
"""A writer that dies so often within `DEATHS_S` will not get further the next time."""

DEATHS_S = 30.0

TICK_S = 0.1

SILENT_S = 2.0
"""A writer that says nothing for so long hangs, or its disk does: the operator is told."""

HUNG_WRITER_S = 22.0
"""And after so long it is killed: the next one finds everything in the rings, which hold 30 s."""


def record(request: Request, opened: Opened, *, panel: Panel) -> Outcome | None:
    """Record until Ctrl-C, SIGTERM, the duration or the end of a file; the session is sealed when this returns.

    Returns:
        How it ended; None when a recording with pre-roll was given up before it began, and nothing was made.

    Raises:
        InputLost, InvalidOption: an input cannot be started; nothing was made.
        DiskTrouble: the session folder cannot be made.
    """
    session_id, captures = opened.session_id, opened.captures
    folder, guards = None, Guards(request.parent, request.title)
    try:
        check_mirrors(request.mirrors, beside=request.parent)
        with _signals() as received:
            if request.preroll_s and not preroll.arm(request, session_id, captures, panel=panel, received=received):
                return None
            session = _session(request, session_id, captures)
            with (
                created(request.parent, session) as folder,
                mirrored(folder, request.mirrors),
                held(folder, exclusive=False) as hold,
            ):
                return _Recording(request, folder, captures, received, panel, guards, hold).run()
    finally:
        _let_go(request.copies(folder) if folder else [], captures, guards)


def main() -> int:
    """Take over from a supervisor that died; what was asked of it is on stdin."""
    path, home, *numbers = sys.argv[1:]
    hold, writer_pid, orders, words = map(int, numbers)
    come_last()
    folder, captures = SessionFolder(Path(path)), list[Capture]()
    request = from_json(Request, {**json.load(sys.stdin), "home": home})
    copies, guards = request.copies(folder), Guards(folder.path.parent, folder.path.name)
    with _signals() as received, inherited(copies, hold=hold) as (there, hold):
        try:
            writer = adopt_writer(copies, pid=writer_pid, orders=orders, words=words) if writer_pid else None
            captures = adopt_captures(there, request.inputs, rate_hz=request.rate_hz, channels=request.channels)
            _Recording(request, folder, captures, received, Unattended(), guards, hold).adopt(writer)
        finally:
            _let_go(copies, captures, guards)
    return 0


def _let_go(copies: list[SessionFolder], captures: list[Capture], guards: Guards) -> None:
    """Nothing of a recording stays behind but its folder; and its rings, when it had begun and salvage will want them."""
    guards.end()
    for capture in captures:
        capture.end(grace_s=0)
    has_begun = any(is_there(copy) and copy.journal.exists() for copy in copies)
    if any(copy.is_sealed for copy in copies) or not has_begun:
        for path in [path for capture in captures for path in capture.rings]:
            path.unlink(missing_ok=True)


def _session(request: Request, session_id: str, captures: list[Capture]) -> Session:
    return Session(
        format=FORMAT,
        id=session_id,
        title=request.title,
        place=request.place,
        languages=request.languages,
        roster=request.roster,
        inputs=tuple(capture.facts.source for capture in captures),
        origin="captured",
        operator=request.operator,
        created_at_us=journal.now_us(),
        software=versions(capture.facts.detail for capture in captures),
    )


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT, SIGTERM and SIGUSR1 instead of dying of them; a lost terminal (SIGHUP) or Ctrl-Z stops nothing."""
    received: list[int] = []
    collected = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    handlers = {number: signal.signal(number, lambda number, _: received.append(number)) for number in collected}
    ignored = (signal.SIGHUP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
    handlers |= {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@dataclass(slots=True)
class _Recording:
    """The loop between start and seal."""

    request: Request
    folder: SessionFolder
    captures: list[Capture]
    received: list[int]
    panel: Panel
    guards: Guards
    hold: int
    """A descriptor that holds the session, for the writer to inherit."""
    writer: Child = field(init=False)
    steering: Steering = field(init=False)
    status: Order = field(default_factory=dict)
    status_at: float = 0.0
    written: dict[Path, int] = field(default_factory=dict)
    monitor: MonitorGuard = field(init=False)
    error: EverywordError | None = None
    sealed: Order | None = None
    unequal: list[str] = field(default_factory=list)
    deaths: list[float] = field(default_factory=list)
    beat_at: float = 0.0

    @property
    def is_sealed(self) -> bool:
        """True once the session is sealed on one of its paths."""
        return any(copy.is_sealed for copy in self.request.copies(self.folder))

    def run(self) -> Outcome:
        """From the first order to start to the seal: sound goes into the rings while the writer is still starting."""
        self._open_control()
        self._bequeath()
        reason = ""
        try:
            for capture in self.captures:
                if capture.phase == "opening":  # there was no room for its sound but in the session folder
                    capture.begin(self.folder)
            self._start_writer("new")
            orders = [one.begun() if one.phase == "starting" else one.attached() for one in self.captures]
            self._await_writer()
            self._order([*orders, *self._earlier_check()])
        except EverywordError as error:
            self.error, reason = error, "an input could not be started"
        return self._watch(reason)

    def _earlier_check(self) -> list[Order]:
        """What was found before the session, for its journal."""
        found = recent(self.request.home, self.request.inputs)
        return [{"check": found}] if found else []

    def adopt(self, writer: Child | None) -> Outcome:
        """Go on where the supervisor before was when it died; when the writer died with it, with another writer."""
        self._open_control()
        self._bequeath()
        reason = ""
        if writer is not None:
            self.writer, self.status_at = writer, time.monotonic()
        else:
            try:
                self._start_writer("resume")
                self._await_writer()
                text = "The process that controls the recording and the writer died together; others have taken their places."
                self._order([{"alarm": "supervisor-lost", "text": text, "loss": False}])
            except EverywordError as error:
                self.error, reason = error, "no writer could be started"
        self._order([capture.attached() for capture in self.captures if capture.ring is not None])
        return self._watch(reason)

    def _bequeath(self) -> None:
        """What the capture children need to know so that the recording survives this process and the writer."""
        copies = [str(copy.path) for copy in self.request.copies(self.folder)]
        for capture in self.captures:
            capture.bequeath({"copies": copies, "home": str(self.request.home), "request": to_json(self.request)})

    def _watch(self, reason: str) -> Outcome:
        while not reason:
            self._order(self.steering.wait(TICK_S, self.captures, self.status))
            self._beat()
            self._listen()
            reason = self._reason_to_stop()
            if not reason:
                self._mend()
                self._show()
        outcome = self._stop(reason)
        error = outcome.error.sentence if outcome.error else ""
        ended = {"path": str(self.folder.path), "sealed": outcome.sealed, "error": error}
        self.steering.control.close({"ended": {**ended, "gaps": outcome.gaps, "alarms": outcome.alarms}})
        return outcome

    def _open_control(self) -> None:
        control = Control.open(self.folder.path.name[-26:])
        self.steering = Steering(self.request.copies(self.folder), self.request.operator, self.panel, control)
        self.monitor = MonitorGuard(self.request.monitor)

    def _beat(self) -> None:
        """The writer ends a supervisor that hangs.  One that was kept from running itself knows nothing of the writer."""
        now = time.monotonic()
        if now - self.beat_at > BEAT_S:
            self.status_at = now if now - self.beat_at > SILENT_S else self.status_at
            self.beat_at = now
            self._order([{"beat": True}])

    def _order(self, orders: list[Order]) -> None:
        for order in orders:
            self.writer.order(json.dumps(order))

    def _start_writer(self, mode: str) -> None:
        duration = str(self.request.duration_s or 0)
        path, *mirrors = [str(copy.path) for copy in self.request.copies(self.folder)]
        about = [path, str(self.request.home), duration, str(self.hold), mode, *mirrors]
        self.writer = Child.start("recorder.processes.writer", *about, hold=self.hold)
        self._order([{"request": to_json(self.request), "supervisor": os.getpid()}, *self.steering.pending])
        self.status_at = time.monotonic()

    def _await_writer(self) -> None:
        """Raises what the writer reports; one that dies before it reports anything is restarted like any other."""
        with contextlib.suppress(InputLost):
            self.writer.wait_for("open", timeout_s=30)

    def _listen(self) -> None:
        for kind, value in self.writer.take():
            if kind == "status":
                self.status, self.status_at = value, time.monotonic()
                self.written = {capture.ring.path: capture.ring.written for capture in self.captures if capture.ring}
                self.steering.confirm(value)
            elif kind == "error":
                self.error = passed_on(value)
            elif kind == "sealed":
                self.sealed = value
            elif kind == "unequal":
                self.unequal.append(f"{value['path']}: {value['why']}")

    def _show(self) -> None:
        if not self.status:
            return
        silent_s = time.monotonic() - self.status_at
        more: Order = {
            "session": self.folder.path.name,
            "title": self.request.title,
            "names": self.request.seats,
            "viewers": len(self.steering.control.viewers),
        }
        if silent_s > SILENT_S:
            more |= {"silent_s": round(silent_s), "kept_s": round(self._kept_s())}
        self.steering.show(self.status | more)

    def _kept_s(self) -> float:
        """How long the rings can still take sound that nobody writes away."""
        left = [
            (1 - (ring.written - self.written.get(ring.path, 0)) / ring.capacity) * SECONDS
            for ring in (capture.ring for capture in self.captures)
            if ring is not None
        ]
        return max(0.0, min(left, default=0.0) - 1)

    def _reason_to_stop(self) -> str:
        if self.steering.stopped_by is not None or {signal.SIGINT, signal.SIGTERM} & set(self.received):
            return "stopped by the operator"
        if isinstance(self.error, InputLost):
            return "an input is lost"
        if self.error is not None or self.sealed is not None:
            return "the writer could not go on"
        if self.status.get("is_full"):
            return "the wanted duration is recorded"
        given_up = [capture for capture in self.captures if capture.is_given_up]
        if given_up and all(capture.has_ended or capture.is_given_up for capture in self.captures):
            self.error = given_up[0].lost()
            return "an input is lost"
        if all(capture.has_ended for capture in self.captures):
            return "the file has ended"
        return ""

    def _mend(self) -> None:
        """Restart what has died or hangs."""
        now = time.monotonic()
        if not self.writer.is_alive:
            self._restart_writer()
            return
        if now - self.status_at > HUNG_WRITER_S:
            self.writer.process.kill()  # and no waiting: what hangs in its disk goes when the disk answers
        orders = [order for capture in self.captures for order in capture.tend(self.folder, now)]
        self._order(orders + self.guards.tend(self.captures, now) + self.monitor.tend(self.folder, now))

    def _restart_writer(self) -> None:
        """A new writer goes on with the rings, unless the old one had reported why it ended."""
        self.writer.end(grace_s=1)
        self._listen()
        if self.writer.is_alive:  # killed, and kept by its disk: two must never write
            self.error = self.error or DiskTrouble("The disk does not answer.", hint="When it does again, run: everyword salvage")
            return
        if self.error is not None or self.is_sealed:
            self.error = self.error or DiskTrouble("The disk refused more sound; everything before is sealed.")
            return
        now = time.monotonic()
        self.deaths = [death for death in self.deaths if now - death < DEATHS_S] + [now]
        if len(self.deaths) > MOST_DEATHS:
            self.error = EverywordError(f"The writer keeps dying ({self.writer.last_words()}).", hint="Run: everyword salvage")
            return
        try:
            self._start_writer("resume")
            self._await_writer()
        except EverywordError as error:
            self.error = error

    def _stop(self, reason: str) -> Outcome:
        """Captures first, so that the writer finds everything they still had; then the writer seals."""
        self.monitor.end()
        for capture in self.captures:
            capture.child.order("stop")  # all of them before the first is waited for
        for capture in self.captures:
            self._beat()
            capture.end(grace_s=2)
            if not capture.has_delivered_all:
                text = f"{capture.spec} was not delivering when the recording ended: its last sound may be missing."
                self._order([{"alarm": "input-lost", "text": text}])
        if not self.writer.is_alive:
            self._restart_writer()
        self._order([{"stop": reason}])
        code = self.writer.end(grace_s=600 if self.request.mirrors else 120)  # a mirror may have to be copied
        if code < 0 and not self.is_sealed:  # killed at the last moment
            self._restart_writer()
            self._order([{"stop": reason}])
            code = self.writer.end(grace_s=120)
        self._listen_to_the_end()
        if code and self.error is None:
            self.error = EverywordError(f"The writer failed ({self.writer.last_words()}).", hint="Run: everyword salvage")
        sealed = self.sealed or {}
        gaps, alarms = int(str(sealed.get("gaps", 0))), int(str(sealed.get("alarms", 0)))
        return Outcome(self.folder, self.is_sealed, gaps, alarms, self.error, tuple(self.unequal))

    def _listen_to_the_end(self) -> None:
        self._listen()  # an error may have followed the seal
        deadline = time.monotonic() + 2
        while self.sealed is None and self.error is None and time.monotonic() < deadline:
            self._listen()
            time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
