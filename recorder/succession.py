"""The supervisor's death is not the recording's: the writer, which hears of it first, starts another one.

The capture children go on by themselves while somebody holds the session (see `recorder.capture`), the writer goes on anyway.
The new supervisor has no terminal; ``everyword record --attach`` shows what it sees.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

MOST_DEATHS = 5
DEATHS_S = 30.0
"""A supervisor that dies so often in so short a time will not get further the next time: then the session is sealed."""


@dataclass(slots=True)
class Succession:
    """What the next supervisor needs to know; without a request (a recording without supervisor) there is none."""

    folder: Path
    home: Path
    request: object = None
    _deaths: list[float] = field(default_factory=list)

    def start(self) -> int | None:
        """Start the next supervisor; returns where its orders will come from, or None when there is to be none.

        From then on what this process says on stdout reaches the new supervisor.
        """
        now = time.monotonic()
        self._deaths = [death for death in self._deaths if now - death < DEATHS_S] + [now]
        if self.request is None or len(self._deaths) > MOST_DEATHS:
            return None
        orders_in, orders_out = os.pipe()
        words_in, words_out = os.pipe()
        command = [sys.executable, "-P", "-m", "recorder.supervisor", str(self.folder), str(self.home)]
        with Path(os.devnull).open("r+b") as nothing:
            subprocess.Popen(
                [*command, str(os.getpid()), str(orders_out), str(words_in)],
                stdin=nothing,
                stdout=nothing,
                stderr=nothing,
                pass_fds=(orders_out, words_in),
                start_new_session=True,
            )
        os.close(orders_out)
        os.close(words_in)
        os.dup2(words_out, sys.stdout.fileno())
        os.close(words_out)
        os.write(sys.stdout.fileno(), json.dumps({"request": self.request}).encode() + b"\n")
        os.set_blocking(sys.stdout.fileno(), False)
        return orders_in
