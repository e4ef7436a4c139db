"""One recording from start to seal: starts the children, watches them, restarts what dies, stops in order."""

import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ulid import ULID

from everyword import journal
from everyword.errors import EverywordError, InputLost
from everyword.folder import FORMAT, SessionFolder, create, held
from everyword.model import Session, Speaker, from_json
from recorder.children import Child, passed_on
from recorder.inputs import FILE_PREFIX
from recorder.ring import SECONDS, Ring
from recorder.software import versions
from recorder.sources import Facts

STALL_S = 3.0
"""No new frame for so long: the capture child is taken for hung, killed and started again."""

GIVE_UP_S = 30.0
"""An input that cannot be opened again for so long is lost; the session is sealed with what it has."""

TICK_S = 0.1
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (files in it are made exclusively, mode 0600, under the session's random id)


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
        return now - self.moved_at > STALL_S and not self.spec.startswith(FILE_PREFIX)


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
    try:
        folder = create(request.parent, _session(request, captures))
        with held(folder, exclusive=False), _stop_signals() as stopped:
            return _Recording(request, folder, captures, stopped, show).run()
    finally:
        for capture in captures:
            capture.child.end(grace_s=0)
            for path in capture.rings:
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
    restarted_at: float = -1e9

    def run(self) -> Outcome:
        self.writer = self._start_writer("new")
        for capture in self.captures:
            self._start_capture(capture)
        reason = ""
        while not reason:
            time.sleep(TICK_S)
            self._listen()
            reason = self._reason_to_stop()
            if not reason:
                self._mend()
        return self._stop(reason)

    def _start_writer(self, mode: str) -> Child:
        duration = str(self.request.duration_s or 0)
        writer = Child.start("recorder.writer", str(self.folder.path), str(self.request.home), duration, mode)
        writer.wait_for("open", timeout_s=30)
        return writer

    def _start_capture(self, capture: Capture) -> None:
        capture.attempt += 1
        path = _ring_path(self.folder, capture)
        capture.rings.append(path)
        capture.child.order(f"start {path}")
        capture.child.wait_for("started", timeout_s=20)
        capture.ring, capture.frames, capture.moved_at = Ring.open(path), -1, time.monotonic()
        facts = dataclasses.asdict(capture.facts)
        self.writer.order(json.dumps({"attach": capture.number, "ring": str(path), "facts": facts}))

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
        if self.error is not None or self.sealed is not None:
            return "the disk refused"
        if self.status.get("is_full"):
            return "the wanted duration is recorded"
        if all(capture.has_ended for capture in self.captures):
            return "the file has ended"
        return ""

    def _mend(self) -> None:
        """Restart what has died or hangs."""
        if not self.writer.is_alive:
            self._restart_writer()
        for capture in self.captures:
            if not capture.has_ended and (capture.is_stalled(time.monotonic()) or not capture.child.is_alive):
                self._reopen(capture)

    def _restart_writer(self) -> None:
        if time.monotonic() - self.restarted_at < 1:
            self.error = EverywordError(f"The writer keeps dying ({self.writer.last_words()}).", hint="Run: everyword salvage")
            return
        self.restarted_at = time.monotonic()
        self.writer = self._start_writer("resume")

    def _reopen(self, capture: Capture) -> None:
        """Kill the capture child and open the input again; the hole is measured and recorded by the writer."""
        now = time.monotonic()
        capture.lost_at = capture.lost_at or now
        capture.child.kill()
        try:
            capture.child = Child.start("recorder.capture", capture.spec, str(capture.facts.rate_hz), str(capture.facts.channels))
            capture.facts = from_json(Facts, capture.child.wait_for("ready", timeout_s=5))
            self._start_capture(capture)
            capture.lost_at = 0.0
        except EverywordError as error:
            if now - capture.lost_at > GIVE_UP_S:
                self.error = InputLost(f"{capture.spec} is gone and did not come back: {error.sentence}", hint=error.hint)
            time.sleep(TICK_S)

    def _stop(self, reason: str) -> Outcome:
        """Captures first, so that the writer finds everything they still had; then the writer seals."""
        for capture in self.captures:
            capture.child.end(grace_s=2)
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


def _ring_path(folder: SessionFolder, capture: Capture) -> Path:
    """In memory if there is room (nothing of it needs to reach the disk twice), else in the session folder."""
    name = f"everyword-{folder.path.name[-26:]}-{capture.number + 1}-{capture.attempt}.ring"
    needed = capture.facts.rate_hz * capture.facts.frame_bytes * SECONDS + (1 << 24)
    try:
        memory = os.statvfs(SHARED_MEMORY)
        if memory.f_bavail * memory.f_frsize > needed and os.access(SHARED_MEMORY, os.W_OK):
            return SHARED_MEMORY / name
    except OSError:
        pass
    return folder.path / f".{name}"
