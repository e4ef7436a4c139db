"""The processes of a recording, as its supervisor sees them: orders in, lines of JSON out, killable."""

import contextlib
import io
import json
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import IO, Protocol

from everyword.errors import EverywordError, InputLost

DYING_S = 2.0
"""A killed process is gone at once, unless the system waits for a disk or a driver."""

Message = tuple[str, dict[str, object]]


class Process(Protocol):
    """As much of ``subprocess.Popen`` as is needed of a child."""

    @property
    def pid(self) -> int | None:
        """Its number."""

    @property
    def stdin(self) -> IO[str] | None:
        """Where its orders go."""

    @property
    def stdout(self) -> IO[str] | None:
        """Where its words come from."""

    @property
    def returncode(self) -> int | None:
        """How it ended, if it has."""

    def poll(self) -> int | None:
        """Look whether it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.  Raises ``subprocess.TimeoutExpired``."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(slots=True)
class Child:
    """One child process running a module of ours, in a session of its own so that Ctrl-C and hang-ups do not reach it."""

    name: str
    process: Process
    noise: IO[str]
    messages: "queue.SimpleQueue[Message]" = field(default_factory=queue.SimpleQueue)
    reader: threading.Thread | None = None

    @classmethod
    def start(cls, module: str, *arguments: str, hold: int | None = None) -> "Child":
        """Run ``python -m module``; what it writes to stderr is kept for the case that it dies.  It inherits `hold`."""
        noise = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  (lives as long as the child)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            pass_fds=() if hold is None else (hold,),
        )
        return cls.of(module, process, noise=noise)

    @classmethod
    def of(cls, name: str, process: Process, *, noise: IO[str] | None = None) -> "Child":
        """A process that runs already."""
        child = cls(name, process, noise or io.StringIO())
        child.reader = threading.Thread(target=child._read, daemon=True)
        child.reader.start()
        return child

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101  (a pipe, see `start`)
        for line in self.process.stdout:
            try:
                ((kind, value),) = json.loads(line).items()
            except (ValueError, AttributeError):
                continue  # a line cut off by the writer's death
            self.messages.put((kind, value))

    @property
    def is_alive(self) -> bool:
        """True while the process runs."""
        return self.process.poll() is None

    def order(self, line: str) -> None:
        """Send one line; a dead child is noticed elsewhere."""
        try:
            assert self.process.stdin is not None  # noqa: S101  (a pipe, see `start`)
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def take(self) -> list[Message]:
        """What it has said since the last look."""
        found = []
        while not self.messages.empty():
            found.append(self.messages.get())
        return found

    def wait_for(self, kind: str, *, timeout_s: float) -> dict[str, object]:
        """The next message of that kind.

        Raises:
            EverywordError: the child reported an error; it is passed on.
            InputLost: it died or said nothing in time (then it is killed).
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                found, value = self.messages.get(timeout=0.1)
            except queue.Empty:
                if not self.is_alive and not self._has_last_message():
                    break
                continue
            if found == "error":
                self.end(grace_s=1)
                raise passed_on(value)
            if found == kind:
                return value
        died = not self.is_alive
        self.kill()
        why = f"ended ({self.last_words()})" if died else f"did not answer within {timeout_s:.0f} s"
        raise InputLost(f"The sound system {why}.", hint="Try again; if it stays so, restart the sound server.")

    def _has_last_message(self) -> bool:
        """What a process said just before its end may still be in the pipe."""
        if self.reader is not None:
            self.reader.join(1)
        return not self.messages.empty()

    def end(self, *, grace_s: float) -> int:
        """Close its stdin and wait; kill it when it takes longer.  Returns the exit code; its last message is there to `take`."""
        try:
            assert self.process.stdin is not None  # noqa: S101  (a pipe, see `start`)
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()
        if self.reader is not None:
            self.reader.join(1)
        code = self.process.poll()
        return -signal.SIGKILL if code is None else code

    def kill(self) -> None:
        """End it at once: the cure for a hung driver.  One that the driver keeps even then is left behind."""
        self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(DYING_S)

    def close(self) -> None:
        """Let go of the pipes of one that has ended; there are no last words after that."""
        if self.reader is not None:
            self.reader.join(1)
        for pipe in (self.process.stdin, self.process.stdout, self.noise):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def last_words(self) -> str:
        """The last line it wrote to stderr, or its exit code."""
        self.noise.seek(0)
        lines = [line.strip() for line in self.noise if line.strip()]
        return lines[-1] if lines else f"exit code {self.process.returncode}"


def passed_on(value: dict[str, object]) -> EverywordError:
    """An error that a child reported, as the class it was."""
    kinds = {kind.code: kind for kind in _families(EverywordError)}
    kind = kinds.get(str(value.get("code")), EverywordError)
    return kind(str(value.get("sentence")), hint=str(value.get("hint") or ""))


def _families(kind: type[EverywordError]) -> list[type[EverywordError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in _families(child))]
