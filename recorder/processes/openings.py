"""The inputs of a recording as its supervisor sees them: opened, watched, and opened again without ever waiting for one.

PortAudio's list of devices stands still once it is loaded, and a driver may hang for ever.  So every opening is a capture child
of its own: a new one sees what is plugged in now, and one that hangs is killed.  The hole is measured by the writer.
"""

import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ulid import ULID

from everyword.errors import CorruptFolder, EverywordError, InputLost
from everyword.folder import SessionFolder
from everyword.model import from_json
from recorder.processes.children import Child, passed_on
from recorder.request import Order, Request
from recorder.sound.inputs import FILE_PREFIX
from recorder.sound.ring import SECONDS, SHARED_MEMORY, Ring, ring_path
from recorder.sound.servers import SOURCE
from recorder.sound.sources import Facts

STALL_S = 1.2
"""No new frame for so long from a child that lives: the sound system hangs, the child is killed and started again.

The alarm does not wait for that: the writer sees after half a second that no block comes."""

HUNG_S = 4.0
"""The same when the child says nothing either: it may be kept from running, with the sound waiting for it in the sound system."""

SILENT_CHILD_S = 1.0
"""A child says every `ALIVE_S` that it runs."""

OFTEN_S = 0.4
"""An input that delivers less often than that is given ten times as long as it usually takes before it is taken for lost."""

FIRST_FRAME_S = 10.0
"""Sound servers and wireless microphones take their time before the first frame."""

READY_S = 5.0
"""So long an opening may take."""

RETRY_S = 0.2
"""Between two attempts to open an input that is gone."""

FALL_BACK_S = 2.0
"""So long only the microphone that was recorded before will do; then the one that stands in for it is taken."""

GIVE_UP_S = 600.0
"""An input that is gone for so long is given up: when it was the last one, the session is sealed with what it has."""

FILE_GIVE_UP_S = 2.0

Phase = Literal["opening", "starting", "running", "waiting", "given up"]


@dataclass(frozen=True, slots=True)
class Opened:
    """The inputs of a session that is about to be made, under this id."""

    session_id: str
    captures: "list[Capture]"


def open_for(request: Request) -> Opened:
    """Open what is to be recorded, and listen from the first moment on; with pre-roll, `recorder.processes.preroll` begins that.

    Raises:
        InputLost, InvalidOption, UnreadableAudio: see `open_all`.
    """
    session_id = str(ULID())
    place = None if request.preroll_s else SessionFolder(request.parent / session_id)  # only its name is used
    captures = open_all(request.inputs, rate_hz=request.rate_hz, channels=request.channels, begin_in=place)
    return Opened(session_id, captures)


def open_all(specs: Sequence[str], *, rate_hz: int, channels: int, begin_in: SessionFolder | None = None) -> "list[Capture]":
    """Open every input for the first time, all of them at once, and wait for their formats.

    Args:
        specs: as the operator gave them.
        rate_hz: frames a second; 0 for the inputs' own.
        channels: how many; 0 for the inputs' own.
        begin_in: the session that is about to be made: sound is taken into memory from the first moment on.

    Raises:
        InputLost, InvalidOption, UnreadableAudio: one of them cannot be recorded; the others are closed again.
    """
    children = [Child.start("recorder.processes.capture", spec, str(rate_hz), str(channels), "") for spec in specs]
    captures: list[Capture] = []
    try:
        for number, (spec, child) in enumerate(zip(specs, children, strict=True)):
            captures.append(Capture.opened(number, spec, child, rate_hz=rate_hz, channels=channels))
            if begin_in is not None and captures[-1].fits_into_memory(begin_in):
                captures[-1].begin(begin_in)
    except BaseException:  # Ctrl-C as well: no child stays, and no sound
        for child in children:
            child.kill()
            child.close()
        for path in [path for capture in captures for path in capture.rings]:
            path.unlink(missing_ok=True)
        raise
    return captures


@dataclass(slots=True)
class Capture:
    """One input: its child, the format it has, and where its frames have got to.

    ``running`` is the normal phase.  An input that is lost goes round: ``waiting`` for the next attempt, ``opening`` (the child
    looks at the device), ``starting`` (it has been told which ring to fill), ``running``.
    """

    number: int
    spec: str
    wanted: tuple[int, int]
    """Rate and channels as the operator gave them; 0 for the input's own."""
    child: Child
    facts: Facts
    first_source: str = ""
    """The sound server's name of the microphone that it began with: any other is the wrong one."""
    seconds: int = SECONDS
    """How much sound its ring holds."""
    will: str = ""
    """What its children are told so that they can go on without a supervisor, once there is a session; see `orphan`."""
    phase: Phase = "opening"
    attempt: int = 0
    ring: Ring | None = None
    frames: int = -1
    moved_at: float = 0.0
    usual_s: float = 0.0
    """Between two of its blocks, lately, in this opening."""
    heard_at: float = 0.0
    tended_at: float = 0.0
    has_begun: bool = False
    """True once a frame has come, in whichever opening: the writer has a stream for it, or is about to."""
    lost_at: float = 0.0
    since: float = 0.0
    tries: int = 0
    trouble: EverywordError | None = None
    rings: list[Path] = field(default_factory=list)
    dying: list[Child] = field(default_factory=list)

    @classmethod
    def opened(cls, number: int, spec: str, child: Child, *, rate_hz: int, channels: int) -> "Capture":
        """Wait until a child that was started with this input says in which format it delivers.

        Raises:
            InputLost, InvalidOption, UnreadableAudio: it cannot be recorded.
        """
        facts = from_json(Facts, child.wait_for("ready", timeout_s=20))
        return cls(number, spec, (rate_hz, channels), child, facts, first_source=facts.detail.get(SOURCE, ""))

    @property
    def has_ended(self) -> bool:
        """True when a file has been played to its end; a microphone never ends by itself."""
        return self.phase == "running" and self.spec.startswith(FILE_PREFIX) and self.child.process.poll() == 0

    @property
    def is_given_up(self) -> bool:
        """True when it has been gone for too long."""
        return self.phase == "given up"

    @property
    def has_delivered_all(self) -> bool:
        """Asked when the child has ended: True when it ended in order, with everything it had heard in the ring."""
        return not self.lost_at and self.ring is not None and self.ring.ended and self.ring.written > 0

    def lost(self) -> InputLost:
        """Why it was given up."""
        trouble = self.trouble or InputLost("It is gone.")
        return InputLost(f"{self.spec} is gone and did not come back: {trouble.sentence}", hint=trouble.hint)

    @property
    def is_running(self) -> bool:
        """True while its child should be delivering."""
        return self.phase == "running"

    @property
    def is_routed(self) -> bool:
        """True when a sound server decides which microphone it hears."""
        return bool(self.source)

    @property
    def source(self) -> str:
        """The sound server's name of the microphone behind it; empty when no sound server says."""
        return self.facts.detail.get(SOURCE, "")

    def start(self, folder: SessionFolder) -> Order:
        """Let the frames come, the first time; returns the order for the writer.  Raises `InputLost`."""
        self.begin(folder)
        return self.begun()

    def fits_into_memory(self, folder: SessionFolder) -> bool:
        """True when nothing of its ring would touch a disk."""
        return self._next_ring(folder).parent == SHARED_MEMORY

    def begin(self, folder: SessionFolder) -> None:
        """Order the frames to come, and do not wait for the first."""
        self._order_start(folder, time.monotonic())

    def begun(self) -> Order:
        """Wait until they may come; returns the order for the writer.  Raises `InputLost`."""
        self.child.wait_for("started", timeout_s=20)
        return self._attach(time.monotonic())

    def bequeath(self, will: Order) -> None:
        """There is a session: from now on its children outlive this process."""
        self.will = f"will {json.dumps(will)}"
        if self.phase != "opening":
            self.child.order(self.will)

    def end(self, *, grace_s: float) -> None:
        """The recording is over; a child that is not told so, and only loses its supervisor, goes on for the next one."""
        self.child.order("stop")
        self.child.end(grace_s=grace_s)

    def tend(self, folder: SessionFolder, now: float) -> list[Order]:
        """Look after it: called all the time, never waits; returns orders for the writer."""
        if self.has_ended or self.is_given_up:
            return []
        messages = self.child.take()
        if messages:
            self.heard_at = now
        if self.phase == "running":
            if self._is_lost(now):
                self._lose(now)
        elif self.phase == "waiting":
            self._bury()
            if now - self.since >= RETRY_S:
                self._open_again(now)
        else:
            return self._progress(folder, dict(messages), now)
        return []

    def _progress(self, folder: SessionFolder, said: dict[str, dict[str, object]], now: float) -> list[Order]:
        try:
            if "error" in said:
                raise passed_on(said["error"])
            if self.phase == "opening" and "ready" in said:
                self.facts = from_json(Facts, said["ready"])
                self._order_start(folder, now)
            elif self.phase == "starting" and "started" in said:
                return [self._attach(now)]
            elif not self.child.is_alive or now - self.since > READY_S:
                raise InputLost("The sound system does not answer.")
        except (EverywordError, CorruptFolder, OSError) as error:
            self.trouble = error if isinstance(error, EverywordError) else InputLost(f"{error}.")
            self._wait(now)
        return []

    def _order_start(self, folder: SessionFolder, now: float) -> None:
        path = self._next_ring(folder)
        self.attempt += 1
        self.rings.append(path)
        self.child.order(f"start {json.dumps([str(path), self.seconds])}")
        if self.will:
            self.child.order(self.will)
        self.phase, self.since = "starting", now

    def _next_ring(self, folder: SessionFolder) -> Path:
        ring_bytes = self.facts.rate_hz * self.facts.frame_bytes * self.seconds
        return ring_path(folder, number=self.number, attempt=self.attempt + 1, ring_bytes=ring_bytes)

    def _attach(self, now: float) -> Order:
        self.ring = Ring.open(self.rings[-1])
        self.phase, self.frames, self.usual_s, self.moved_at, self.heard_at = "running", -1, 0.0, now, now
        return self.attached()

    def attached(self) -> Order:
        """What tells a writer where its frames are."""
        return {"attach": self.number, "ring": str(self.rings[-1])}

    def _is_lost(self, now: float) -> bool:
        """True when the child is dead, or has delivered nothing for too long, whatever the writer and its disk are doing."""
        frames = self.ring.written if self.ring else 0
        if now - self.tended_at > OFTEN_S:  # whoever looks was kept from looking: nothing is known of the time between
            self.moved_at = now
        self.tended_at = now
        if frames != self.frames:
            if self.frames > 0:
                self.usual_s += (now - self.moved_at - self.usual_s) * (0.2 if self.usual_s else 1)
            self.frames, self.moved_at = frames, now
        if frames:
            self.has_begun, self.lost_at, self.tries = True, 0.0, 0
        if not self.child.is_alive:
            return True
        return not self.spec.startswith(FILE_PREFIX) and now - self.moved_at > self._patience_s(now)

    def _patience_s(self, now: float) -> float:
        if self.frames <= 0:
            return FIRST_FRAME_S
        if not 0 < self.usual_s < OFTEN_S:
            return min(FIRST_FRAME_S, max(HUNG_S, 10 * self.usual_s))
        return STALL_S if now - self.heard_at < SILENT_CHILD_S else HUNG_S

    def _lose(self, now: float) -> None:
        self.trouble = InputLost("It stopped delivering.")
        self.lost_at = self.lost_at or now
        self.tries = 0
        self._wait(now - RETRY_S)

    def _wait(self, now: float) -> None:
        """Kill what is left of the opening; the next attempt comes in `RETRY_S`."""
        self.child.process.kill()  # and not a moment's waiting: a driver may keep the dead
        self.dying.append(self.child)
        self._forget_empty_ring()
        self.phase, self.since = "waiting", now
        patience_s = FILE_GIVE_UP_S if self.spec.startswith(FILE_PREFIX) else GIVE_UP_S
        if now - self.lost_at > patience_s:
            self.phase = "given up"

    def _bury(self) -> None:
        for child in [child for child in self.dying if not child.is_alive]:
            self.dying.remove(child)
            child.close()

    def _forget_empty_ring(self) -> None:
        """Half a minute of memory that nothing ever came into."""
        if self.rings and self.phase in ("starting", "running"):
            with contextlib.suppress(CorruptFolder, OSError):
                if not Ring.open(self.rings[-1]).written:
                    self.rings.pop().unlink(missing_ok=True)

    def _open_again(self, now: float) -> None:
        """In the same format as before if it will, in its own every other time (a device may come back another)."""
        self.tries += 1
        rate_hz, channels = self.wanted if self.tries % 2 == 0 else (self.facts.rate_hz, self.facts.channels)
        pinned = self.first_source if now - self.lost_at < FALL_BACK_S else ""
        self.child = Child.start("recorder.processes.capture", self.spec, str(rate_hz), str(channels), pinned)
        self.phase, self.since = "opening", now
