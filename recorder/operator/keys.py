"""Keys pressed at the terminal while a recording runs, and the line that is typed for a note.

`Keyboard` reads; `Typing` is pure.
"""

import codecs
import contextlib
import os
import re
import sys
import termios
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from recorder.request import Order

CONFIRM_S = 4.0
"""``q`` ends the recording when it is pressed twice within so long."""

LONGEST_NOTE = 2000
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?<]*[ -/]*[@-~]|O.|[^\[O]|$)")
"""What arrow and function keys send, and what a hostile clipboard may: never text."""

_ORDERS: dict[str, Order] = {"p": {"pause": "paused"}, "o": {"pause": "off-record"}, "r": {"resume": True}}

Mode = Literal["armed", "running", "attached"]


@dataclass(slots=True)
class Typing:
    """What the keys mean.  ``line`` is the note that is being typed, None when none is."""

    mode: Mode
    by: str
    line: str | None = None
    ends_at: float = -CONFIRM_S
    wants_to_leave: bool = False

    def press(self, text: str, now: float) -> list[Order]:
        """Keys in, orders out."""
        orders = []
        for key in _SEQUENCE.sub("", text):
            if self.line is not None:
                orders += self._type(key)
            else:
                orders += self._command(key.lower(), now)
        return [{**order, "by": self.by} for order in orders]

    def is_ending(self, now: float) -> bool:
        """True while one more ``q`` ends the recording."""
        return now - self.ends_at < CONFIRM_S

    def _type(self, key: str) -> list[Order]:
        assert self.line is not None  # noqa: S101  (asked only while a note is being typed)
        if key in "\r\n":
            text, self.line = self.line.strip(), None
            return [{"note": text}] if text else []
        if key in "\x7f\b":
            self.line = self.line[:-1]
        elif key in "\x15\x1b\x03":  # Ctrl-U, Escape, Ctrl-C: no note after all
            self.line = None
        elif key.isprintable() and len(self.line) < LONGEST_NOTE:
            self.line += key
        return []

    def _command(self, key: str, now: float) -> list[Order]:
        if self.mode == "armed":
            return [{"start": True}] if key in "\r\ns" else [{"stop": True}] if key == "q" else []
        if key == "n":
            self.line = ""
        elif key in _ORDERS:
            return [_ORDERS[key]]
        elif key == "d" and self.mode == "attached":
            self.wants_to_leave = True
        elif key == "q":
            if self.is_ending(now):
                return [{"stop": True}]
            self.ends_at = now
        return []


@dataclass(slots=True)
class Keyboard:
    """The terminal's keys, one by one and unseen.  Without a terminal on stdin it never says anything."""

    descriptor: int = -1
    _keeps_signals: bool = True
    _decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def read(self) -> str:
        """What has been typed since the last look."""
        if self.descriptor < 0:
            return ""
        try:
            data = os.read(self.descriptor, 4096)
        except BlockingIOError:
            return ""
        except OSError:  # the terminal is gone; the recording goes on
            data = b""
        if not data:
            self.descriptor = -1
        return self._decoder.decode(data)

    def keep_signals(self, keep: bool) -> None:
        """Whether Ctrl-C is a signal, as always, or a key like any other."""
        if self.descriptor < 0 or keep == self._keeps_signals:
            return
        self._keeps_signals = keep
        with contextlib.suppress(OSError, termios.error):
            settings = termios.tcgetattr(self.descriptor)
            settings[3] = settings[3] | termios.ISIG if keep else settings[3] & ~termios.ISIG
            termios.tcsetattr(self.descriptor, termios.TCSANOW, settings)


@contextlib.contextmanager
def keyboard() -> Iterator[Keyboard]:
    """The keys of the terminal on stdin, if there is one and this process may read from it; afterwards it is as it was."""
    number = _own_terminal()
    if number is None:
        yield Keyboard()
        return
    before = termios.tcgetattr(number)
    tty.setcbreak(number, termios.TCSANOW)
    was_blocking = os.get_blocking(number)
    os.set_blocking(number, False)
    try:
        yield Keyboard(number)
    finally:
        with contextlib.suppress(OSError, termios.error):  # the terminal is gone
            os.set_blocking(number, was_blocking)
            termios.tcsetattr(number, termios.TCSANOW, before)


def _own_terminal() -> int | None:
    """Stdin when it is a terminal that listens to this process: one in the background would be stopped for reading."""
    try:
        number = sys.stdin.fileno()
        return number if os.isatty(number) and os.tcgetpgrp(number) == os.getpgrp() else None
    except (OSError, ValueError, AttributeError):
        return None
