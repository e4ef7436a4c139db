"""The supervisor's death is not the recording's: whoever hears of it first starts another one.

That is the writer; or a capture child, when the writer died with it (see `orphan`).  A supervisor that hangs is ended by
the writer first: there are never two.  The new supervisor has no terminal; ``everyword record --attach`` shows what it sees.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

MOST_DEATHS = 5
DEATHS_S = 30.0
"""A supervisor that dies so often in so short a time will not get further the next time: then the session is sealed."""

HUNG_S = 10.0
"""A supervisor says every `BEAT_S` that it runs; one that has not for so long hangs."""

BEAT_S = 1.0


@dataclass(slots=True)
class Deaths:
    """When supervisors have died, lately."""

    _at: list[float] = field(default_factory=list)

    def are_too_many(self) -> bool:
        """Count one more."""
        now = time.monotonic()
        self._at = [death for death in self._at if now - death < DEATHS_S] + [now]
        return len(self._at) > MOST_DEATHS


def start_supervisor(
    folder: Path, home: str, request: object, *, hold: int, writer: int = 0, pipes: tuple[int, int] = (-1, -1)
) -> int:
    """Start ``recorder.processes.supervisor`` for a recording that goes on; returns its process.

    Args:
        folder: the session on its main path.
        home: ``EVERYWORD_HOME``.
        request: what is to be recorded.
        hold: a descriptor that holds the session, to be inherited: there is no moment at which nobody holds it.
        writer: the writer's process, 0 when there is none.
        pipes: where orders for the writer go and where its words come from, to be inherited.
    """
    with tempfile.TemporaryFile() as asked:
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        numbers = [str(number) for number in (hold, writer, *pipes)]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "recorder.processes.supervisor", str(folder), home, *numbers],
            stdin=asked,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[number for number in (hold, *pipes) if number >= 0],
            start_new_session=True,
        )
    return process.pid


@dataclass(slots=True)
class Succession:
    """What the writer knows of its supervisor; without a request (a recording without supervisor) there is no next one."""

    folder: Path
    home: Path
    hold: int
    request: object = None
    _deaths: Deaths = field(default_factory=Deaths)
    _descriptor: int = -1
    _heard_at: float = 0.0
    _tended_at: float = 0.0

    def begin(self, request: object, supervisor: object) -> None:
        """The supervisor has said what is recorded, and which process it is: the one that has started this one."""
        self.request = request
        if isinstance(supervisor, int) and supervisor == os.getppid():
            self._watch(supervisor)

    def heard(self) -> None:
        """It has said something."""
        self._heard_at = time.monotonic()

    def tend(self) -> bool:
        """Called all the time: ends a supervisor that hangs, so that the next one can be started, and says so once."""
        now = time.monotonic()
        if now - self._tended_at > BEAT_S:  # we were kept from running ourselves
            self._heard_at = now
        self._tended_at = now
        if self._descriptor < 0 or now - self._heard_at < HUNG_S:
            return False
        signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)  # a process that has ended takes no harm
        os.close(self._descriptor)
        self._descriptor = -1
        return True

    def start(self) -> int | None:
        """Start the next supervisor; returns where its orders will come from, or None when there is to be none.

        From then on what this process says on stdout reaches the new supervisor.
        """
        if self.request is None or self._deaths.are_too_many():
            return None
        orders_in, orders_out = os.pipe()
        words_in, words_out = os.pipe()
        pipes = orders_out, words_in
        self._watch(start_supervisor(self.folder, str(self.home), self.request, hold=self.hold, writer=os.getpid(), pipes=pipes))
        for end in pipes:
            os.close(end)
        os.dup2(words_out, sys.stdout.fileno())
        os.close(words_out)
        os.set_blocking(sys.stdout.fileno(), False)
        return orders_in

    def _watch(self, pid: int) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        try:
            self._descriptor = os.pidfd_open(pid)
        except (OSError, AttributeError):  # it is gone already, or the system has no such thing
            self._descriptor = -1
        self.heard()
