"""A disk that obeys the test: it is full, breaks, hangs, forgets what was not synced, or flips a bit, when it is told to.

This is the test's end; the file system itself is `tests.recorder.filesystem`, in a process of its own.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INSTALL = "This test needs FUSE: /dev/fuse, `apt-get install fuse3 libfuse3-3` and `pip install mfusepy`."


@dataclass(slots=True)
class Disk:
    """The test's end of it."""

    path: Path
    process: "subprocess.Popen[str]"

    @classmethod
    def mount(cls, path: Path) -> "Disk":
        """Make a new disk at `path`.  Raises ``AssertionError`` that says what to install when there is no FUSE."""
        path.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.recorder.filesystem", str(path)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        disk = cls(path, process)
        deadline = time.monotonic() + 20
        while not os.path.ismount(path):
            assert process.poll() is None, INSTALL
            assert time.monotonic() < deadline, INSTALL
            time.sleep(0.01)
        return disk

    def order(self, **order: object) -> Any:
        """Have something done; returns the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def fail(self, operation: str, code: int, *, after: int = 0, lasting: bool = False) -> None:
        """From now on, let `after` such operations (``write``, ``fsync``, ``read``) pass and refuse the next, or all after it."""
        self.order(do="fail", operation=operation, code=code, after=after, lasting=lasting)

    def heal(self) -> None:
        """No more refusals, no more waiting."""
        self.order(do="heal")

    def stall(self, seconds: float) -> None:
        """Answer nothing for so long."""
        self.order(do="stall", seconds=seconds)

    def limit(self, size: int) -> None:
        """Hold so many bytes at most."""
        self.order(do="limit", bytes=size)

    def counted(self) -> dict[str, int]:
        """How many operations of each kind there have been."""
        return dict(self.order(do="count"))

    def flip(self, path: Path, at: int) -> None:
        """Change a byte on the disk itself."""
        self.order(do="flip", path="/" + path.relative_to(self.path).as_posix(), at=at)

    def cut_power(self, to: Path, *, seed: int | None = None) -> Path:
        """Copy what a power cut at this instant would leave to `to`.

        What was not synced is gone; with `seed`, some of it has reached the disk all the same, in any order and perhaps in part.
        """
        self.order(do="cut", to=str(to), seed=seed)
        return to

    def unmount(self) -> None:
        """Gone, as if it had been pulled out."""
        self.process.kill()
        self.process.communicate()
        let_go(self.path)


def let_go(path: Path) -> None:
    """Take a mount point away, whoever served it."""
    subprocess.run(["fusermount3" if Path("/usr/bin/fusermount3").exists() else "fusermount", "-uzq", path], check=False)
