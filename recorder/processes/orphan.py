"""A capture child whose supervisor is gone: it goes on while somebody wants the sound, and sees to it that somebody does.

When the writer lives, it starts the next supervisor.  When both died at once, nobody holds the session any more: the first
capture child that can take hold of it starts a supervisor, which inherits the hold, starts a writer and adopts all of us.
"""

import contextlib
import fcntl
import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from recorder.processes.succession import Deaths, start_supervisor
from recorder.sound.ring import Ring

LOOK_S = 0.25

MOST_UNWANTED = 20
"""Looks in a row that find nobody who wants the sound, before an orphan ends."""


@dataclass(slots=True)
class Orphan:
    """What a child knows of the recording that it is part of.

    Args:
        copies: the session's folder on every path.
        home: ``EVERYWORD_HOME``.
        request: what is to be recorded, for the next supervisor.
    """

    copies: list[Path]
    home: str
    request: object
    _deaths: Deaths = field(default_factory=Deaths)

    @classmethod
    def from_will(cls, text: str) -> "Orphan":
        """From what the supervisor has said it leaves behind (JSON)."""
        will = json.loads(text)
        return cls([Path(copy) for copy in will["copies"]], will["home"], will["request"])

    def outlive(self, ring: Ring, finished: threading.Event) -> None:
        """Return when the sound is not wanted any more, or the child is told to end."""
        unwanted = 0
        while unwanted < MOST_UNWANTED and not finished.wait(LOOK_S):
            unwanted = 0 if ring.path.exists() and self._is_wanted() else unwanted + 1

    def _is_wanted(self) -> bool:
        """True while somebody holds the session; when nobody does, a supervisor is started that will."""
        holds: list[int] = []
        try:
            for copy in self.copies:
                with contextlib.suppress(OSError):  # this path is gone
                    holds.append(os.open(copy / "session.json", os.O_RDONLY | os.O_CLOEXEC))
            for hold in holds:
                fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not holds or any((copy / "seal.sig").exists() for copy in self.copies) or self._deaths.are_too_many():
                return False
            start_supervisor(self.copies[0], self.home, self.request, hold=holds[0])
        except OSError:  # somebody holds it
            return True
        finally:
            for hold in holds:
                os.close(hold)
        return True
