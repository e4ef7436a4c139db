"""One recording from start to seal: starts the children, watches them, restarts what dies, stops in order."""

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ulid import ULID

from everyword import journal
from everyword.errors import DiskTrouble, EverywordError, InputLost
from everyword.folder import FORMAT, SessionFolder, created
from everyword.model import Session, Speaker, from_json
from recorder.children import Child, passed_on
from recorder.inputs import FILE_PREFIX
from recorder.ring import SECONDS, Ring, ring_path
from recorder.software import versions
from recorder.sources import Facts

STALL_S = 3.0
"""No new frame for so long: the capture child is taken for hung, killed and started again."""

GIVE_UP_S = 30.0
"""An input that cannot be opened again for so long is lost; the session is sealed with what it has."""

FIRST_FRAME_S = 10.0
"""Sound servers and wireless microphones take their time before the first frame."""

MOST_DEATHS = 5
"""A writer that dies so often within `GIVE_UP_S` will not get further the next time."""

TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator wants recorded; rate and channels 0 mean the input's own."""

    inputs: tuple[str, ...]
    parent: Path
    home: Path
    title: str
    place: str
    operator: str
    languages: tuple[str, ...]
    roster: tuple[Speaker, ...]
    rate_hz: int = 0
    channels: int = 0
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: the folder is sealed unless `sealed` is False, and then salvage will seal it."""

    folder: SessionFolder
    sealed: bool
    gaps: int
    alarms: int
    error: EverywordError | None


@dataclass(slots=True)
class Capture:
    """One input: its child, the format it has, and where its frames have got to."""

    number: int
    spec: str
    child: Child
    facts: Facts
    attempt: int = 0
    ring: Ring | None = None
    frames: int = -1
    moved_at: float = 0.0
    lost_at: float = 0.0
    rings: list[Path] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        """True when a file has been played to its end; a microphone never ends by itself."""
        return self.spec.startswith(FILE_PREFIX) and self.child.process.poll() == 0

    def is_stalled(self, now: float) -> bool:
        """True when the input has delivered nothing for `STALL_S`, whatever the writer and its disk are doing."""
        frames = self.ring.written if self.ring else 0
        if frames != self.frames:
            self.frames, self.moved_at = frames, now
        if frames:
            self.lost_at = 0.0
        return now - self.moved_at > (STALL_S if frames else FIRST_FRAME_S) and not self.spec.startswith(FILE_PREFIX)


Show = Callable[[SessionFolder, dict[str, object]], None]


def record(request: Request, *, show: Show) -> Outcome:
    """Record until Ctrl-C, SIGTERM, the duration or the end of a file; the session is sealed when this returns.

    Args:
        request: what to record.
        show: called about ten times a second with the writer's status.

    Raises:
        InputLost, InvalidOption, UnreadableAudio: an input cannot be opened; nothing was made.
        DiskTrouble: the session folder cannot be made.
    """
    captures = [_open(number, spec, request) for number, spec in enumerate(request.inputs)]
    folder = None
    try:
        with _stop_signals() as stopped, created(request.parent, _session(request, captures)) as folder:
            return _Recording(request, folder, captures, stopped, show).run()
    finally:
        for capture in captures:
            capture.child.end(grace_s=0)
        if folder is not None and (folder.is_sealed or not folder.path.exists()):  # else salvage will want them
            for path in [path for capture in captures for path in capture.rings]:
                path.unlink(missing_ok=True)


def _session(request: Request, captures: list[Capture]) -> Session:
    return Session(
        format=FORMAT,
        id=str(ULID()),
        title=request.title,
        place=request.place,
        languages=request.languages,
        roster=request.roster,
        inputs=tuple(capture.facts.source for capture in captures),
        origin="captured",
        operator=request.operator,
        created_at_us=journal.now_us(),
        software=versions(),
    )


def _open(number: int, spec: str, request: Request) -> Capture:
    child = Child.start("recorder.capture", spec, str(request.rate_hz), str(request.channels))
    return Capture(number, spec, child, from_json(Facts, child.wait_for("ready", timeout_s=20)))


@contextlib.contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them; a lost terminal (SIGHUP) stops nothing."""
    received: list[int] = []
    handlers = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda number, _: received.append(number)),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, _: received.append(number)),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    }
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
    stopped: list[int]
    show: Show
    writer: Child = field(init=False)
    status: dict[str, object] = field(default_factory=dict)
    error: EverywordError | None = None
    sealed: dict[str, object] | None = None
    deaths: list[float] = field(default_factory=list)

    def run(self) -> Outcome:
        reason = ""
        try:
            self._start_writer("new")
            for capture in self.captures:
                self._start_capture(capture)
        except EverywordError as error:
            self.error, reason = error, "an input could not be started"
        while not reason:
            time.sleep(TICK_S)
            self._listen()
            reason = self._reason_to_stop()
            if not reason:
                self._mend()
        return self._stop(reason)

    def _start_writer(self, mode: str) -> None:
        """Raises what the writer reports; one that dies before it reports anything is restarted like any other."""
        duration = str(self.request.duration_s or 0)
        self.writer = Child.start("recorder.writer", str(self.folder.path), str(self.request.home), duration, mode)
        with contextlib.suppress(InputLost):
            self.writer.wait_for("open", timeout_s=30)

    def _start_capture(self, capture: Capture) -> None:
        capture.attempt += 1
        ring_bytes = capture.facts.rate_hz * capture.facts.frame_bytes * SECONDS
        path = ring_path(self.folder, number=capture.number, attempt=capture.attempt, ring_bytes=ring_bytes)
        capture.rings.append(path)
        capture.child.order(f"start {path}")
        capture.child.wait_for("started", timeout_s=20)
        capture.ring, capture.frames, capture.moved_at = Ring.open(path), -1, time.monotonic()
        self.writer.order(json.dumps({"attach": capture.number, "ring": str(path)}))

    def _listen(self) -> None:
        for kind, value in self.writer.take():
            if kind == "status":
                self.status = value
                self.show(self.folder, value)
            elif kind == "error":
                self.error = passed_on(value)
            elif kind == "sealed":
                self.sealed = value

    def _reason_to_stop(self) -> str:
        if self.stopped:
            return "stopped by the operator"
        if isinstance(self.error, InputLost):
            return "an input is lost"
        if self.error is not None or self.sealed is not None:
            return "the writer could not go on"
        if self.status.get("is_full"):
            return "the wanted duration is recorded"
        if all(capture.has_ended for capture in self.captures):
            return "the file has ended"
        return ""

    def _mend(self) -> None:
        """Restart what has died or hangs."""
        if not self.writer.is_alive:
            self._restart_writer()
            return
        for capture in self.captures:
            if not capture.has_ended and (capture.is_stalled(time.monotonic()) or not capture.child.is_alive):
                self._reopen(capture)

    def _restart_writer(self) -> None:
        """A new writer goes on with the rings, unless the old one had reported why it ended."""
        self.writer.end(grace_s=1)
        self._listen()
        if self.error is not None or self.folder.is_sealed:
            self.error = self.error or DiskTrouble("The disk refused more sound; everything before is sealed.")
            return
        now = time.monotonic()
        self.deaths = [death for death in self.deaths if now - death < GIVE_UP_S] + [now]
        if len(self.deaths) > MOST_DEATHS:
            self.error = EverywordError(f"The writer keeps dying ({self.writer.last_words()}).", hint="Run: everyword salvage")
            return
        try:
            self._start_writer("resume")
        except EverywordError as error:
            self.error = error

    def _reopen(self, capture: Capture) -> None:
        """Kill the capture child and open the input again; the hole is measured and recorded by the writer."""
        now = time.monotonic()
        capture.lost_at = capture.lost_at or now
        capture.child.kill()
        try:
            capture.child = Child.start("recorder.capture", capture.spec, str(capture.facts.rate_hz), str(capture.facts.channels))
            capture.facts = from_json(Facts, capture.child.wait_for("ready", timeout_s=5))
            self._start_capture(capture)
        except EverywordError as error:
            if now - capture.lost_at > GIVE_UP_S:
                self.error = InputLost(f"{capture.spec} is gone and did not come back: {error.sentence}", hint=error.hint)
            time.sleep(TICK_S)

    def _stop(self, reason: str) -> Outcome:
        """Captures first, so that the writer finds everything they still had; then the writer seals."""
        for capture in self.captures:
            capture.child.end(grace_s=2)
            if capture.lost_at or not (capture.ring and capture.ring.ended and capture.ring.written):
                text = f"{capture.spec} was not delivering when the recording ended: its last sound may be missing."
                self.writer.order(json.dumps({"alarm": "input-lost", "text": text}))
        if not self.writer.is_alive:
            self._restart_writer()
        self.writer.order(json.dumps({"stop": reason}))
        code = self.writer.end(grace_s=120)
        if code < 0 and not self.folder.is_sealed:  # killed at the last moment
            self._restart_writer()
            self.writer.order(json.dumps({"stop": reason}))
            code = self.writer.end(grace_s=120)
        self._listen_to_the_end()
        if code and self.error is None:
            self.error = EverywordError(f"The writer failed ({self.writer.last_words()}).", hint="Run: everyword salvage")
        sealed = self.sealed or {}
        return Outcome(
            self.folder, self.folder.is_sealed, int(str(sealed.get("gaps", 0))), int(str(sealed.get("alarms", 0))), self.error
        )

    def _listen_to_the_end(self) -> None:
        deadline = time.monotonic() + 2
        while self.sealed is None and self.error is None and time.monotonic() < deadline:
            self._listen()
            time.sleep(0.01)
