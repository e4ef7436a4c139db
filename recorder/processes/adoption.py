"""Processes that an earlier supervisor had started, in the hands of the next one.

They are no children of ours: a process descriptor (Linux) tells when one ends, and nothing tells how.
"""

import contextlib
import fcntl
import io
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from everyword.errors import CorruptFolder
from everyword.folder import SessionFolder, held
from everyword.model import from_json
from recorder.disk.mirror import answering, is_there
from recorder.processes.children import Child
from recorder.processes.openings import Capture
from recorder.sound.ring import Ring, find_rings
from recorder.sound.servers import SOURCE
from recorder.sound.sources import Facts


@dataclass(slots=True)
class Foundling:
    """As much of ``subprocess.Popen`` as `Child` needs.

    Args:
        pid: the process; None when there is none any more.
        ended_well: asked once it has ended: whether it had done what it was there for.
        stdin: where its orders go; without it, the only order there is asks it to end (SIGTERM).
        stdout: where its words come from.
    """

    pid: int | None
    ended_well: Callable[[], bool]
    stdin: IO[str] = field(default_factory=io.StringIO)
    stdout: IO[str] = field(default_factory=io.StringIO)
    returncode: int | None = None
    _descriptor: int = -1

    def __post_init__(self) -> None:
        """Take hold of it, so that its number cannot come to mean another process."""
        try:
            self._descriptor = os.pidfd_open(self.pid or 0)
        except (OSError, AttributeError):
            self.returncode = -signal.SIGKILL

    def poll(self) -> int | None:
        """None while it runs, 0 when it ended well."""
        if self.returncode is None and select.select([self._descriptor], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.  Raises ``subprocess.TimeoutExpired``."""
        if self.returncode is None:
            if isinstance(self.stdin, io.StringIO):
                self._send(signal.SIGTERM)
            if not select.select([self._descriptor], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self._end()
        return self.returncode or 0

    def kill(self) -> None:
        """End it at once."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._descriptor, number)

    def _end(self) -> None:
        os.close(self._descriptor)
        self.returncode = 0 if self.ended_well() else -signal.SIGKILL


def come_last() -> None:
    """A capture child that started this process comes before others, and this one need not."""
    if os.getpriority(os.PRIO_PROCESS, 0) < 0:
        os.setpriority(os.PRIO_PROCESS, 0, 0)


@contextlib.contextmanager
def inherited(copies: Sequence[SessionFolder], *, hold: int) -> Iterator[tuple[SessionFolder, int]]:
    """Hold the session on every path that is there, instead of by `hold`; gives the first of them and what holds it.

    Raises:
        SessionBusy: somebody makes it whole.
    """
    fcntl.flock(hold, fcntl.LOCK_SH)  # a capture child's was exclusive
    with contextlib.ExitStack() as stack:
        there = [copy for copy in answering(copies) if is_there(copy)] or copies[:1]
        holds = [stack.enter_context(held(copy, exclusive=False)) for copy in there]
        os.close(hold)
        yield there[0], holds[0]


def adopt_writer(copies: Sequence[SessionFolder], *, pid: int, orders: int, words: int) -> Child:
    """The writer that has started this process, with the two ends of pipes it has left to it."""
    process = Foundling(
        pid,
        lambda: any(copy.is_sealed for copy in copies),
        os.fdopen(orders, "w", encoding="utf-8"),
        os.fdopen(words, encoding="utf-8", errors="replace"),
    )
    return Child.of("recorder.processes.writer", process)


def adopt_captures(folder: SessionFolder, specs: tuple[str, ...], *, rate_hz: int, channels: int) -> list[Capture]:
    """Every input again: with its child and ring where they live, to be opened anew where they do not."""
    rings = dict(find_rings(folder))  # of several rings of an input the last
    return [_adopted(number, spec, (rate_hz, channels), rings.get(number), folder) for number, spec in enumerate(specs)]


def _adopted(number: int, spec: str, wanted: tuple[int, int], path: Path | None, folder: SessionFolder) -> Capture:
    now = time.monotonic()
    try:
        ring = Ring.open(path or folder.path)
        facts = from_json(Facts, ring.about)
        pid = ring.about.get("pid")
        child = Child.of("recorder.processes.capture", Foundling(pid if isinstance(pid, int) else None, lambda: ring.ended))
    except (OSError, CorruptFolder, ValueError):
        source = folder.read_session().inputs[number]
        nobody = Child.of("recorder.processes.capture", Foundling(None, lambda: False))
        unknown = Facts(source, *wanted, "s16", {})
        return Capture(number, spec, wanted, nobody, unknown, phase="waiting", lost_at=now, since=0.0)
    assert path is not None  # noqa: S101  (it has been opened)
    return Capture(
        number,
        spec,
        wanted,
        child,
        facts,
        first_source=facts.detail.get(SOURCE, ""),
        phase="running",
        attempt=int(path.stem.rpartition("-")[2]),
        ring=ring,
        moved_at=now,
        heard_at=now,
        rings=[one for other, one in find_rings(folder) if other == number],
    )
