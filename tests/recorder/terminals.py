"""A terminal for tests: a real pseudo-terminal, and what would be on its screen."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyte


@dataclass(slots=True)
class Terminal:
    """Runs ``everyword …`` as the leader of a session that a pseudo-terminal belongs to."""

    pid: int
    master: int
    screen: pyte.Screen
    stream: pyte.ByteStream = field(init=False)
    raw: bytearray = field(default_factory=bytearray)
    status: int | None = None

    def __post_init__(self) -> None:
        """The screen obeys what the program writes, as a terminal would."""
        self.stream = pyte.ByteStream(self.screen)

    @classmethod
    def run(cls, home: Path, *arguments: str, columns: int = 80, lines: int = 24, colour: bool = True) -> "Terminal":
        """Start the program."""
        return cls._start(home, [sys.executable, "-P", "-m", "everyword", *arguments], columns, lines, colour=colour)

    @classmethod
    def shell(cls, home: Path, command: str) -> "Terminal":
        """Run a line of an interactive shell, with job control."""
        return cls._start(home, ["bash", "--norc", "--noprofile", "-mc", command], 200, 24, colour=True)

    @classmethod
    def _start(cls, home: Path, command: list[str], columns: int, lines: int, *, colour: bool) -> "Terminal":
        environment = {**os.environ, "EVERYWORD_HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environment |= {} if colour else {"NO_COLOR": "1"}
        environment.pop("COLUMNS", None)
        environment.pop("LINES", None)
        pid, master = pty.fork()
        if not pid:
            os.execvpe(command[0], command, environment)  # noqa: S606
        terminal = cls(pid, master, pyte.Screen(columns, lines))
        terminal.resize(columns, lines)
        return terminal

    def resize(self, columns: int, lines: int) -> None:
        """As if somebody dragged the window's corner."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGWINCH)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    def read(self, timeout_s: float = 0.05) -> None:
        """Take in what has been written."""
        while select.select([self.master], [], [], timeout_s)[0]:
            try:
                data = os.read(self.master, 1 << 16)
            except OSError:  # the program has ended
                return
            if not data:
                return
            self.raw += data
            self.stream.feed(data)

    def wait_for(self, *texts: str, timeout_s: float = 30) -> str:
        """Wait until all of `texts` are on the screen; returns the screen."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.read()
            if all(text in self.text for text in texts):
                return self.text
        raise AssertionError(f"{texts} did not come:\n{self.text}")

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def hang_up(self) -> None:
        """The window is closed."""
        os.close(self.master)

    def wait(self, timeout_s: float = 30) -> int:
        """Its exit code."""
        deadline = time.monotonic() + timeout_s
        while self.status is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.status = os.waitstatus_to_exitcode(status) if pid else None
        assert self.status is not None, "it did not end"
        return self.status

    def kill(self) -> None:
        """End whatever is left of it."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
