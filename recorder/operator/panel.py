"""The terminal of somebody who watches a recording: the live picture and the keys, or plain lines where there is no terminal."""

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from rich.live import Live

from everyword import terminal
from recorder.operator.display import Levels, Prompt, disk_left, elapsed, picture, state_of
from recorder.operator.keys import Keyboard, Mode, Typing, keyboard
from recorder.request import Order, Panel

PLAIN_EVERY_S = 10.0
REFRESH_S = 0.08
TOLD_S = 6.0


@contextmanager
def panel(mode: Mode, *, by: str) -> Iterator[Panel]:
    """A live picture with keys on a terminal, plain lines elsewhere; a terminal that goes away stops nothing."""
    if terminal.is_quiet() or not _is_in_front():
        yield Plain()
        return
    live = Live(console=terminal.console(), auto_refresh=False, screen=True, transient=True)
    with keyboard() as keys:
        try:
            live.start()
            yield Screen(live, keys, Typing(mode, by))
        finally:
            with suppress(OSError):
                live.stop()


@dataclass(slots=True)
class Screen:
    """The live picture."""

    live: Live
    keys: Keyboard
    typing: Typing
    levels: Levels = field(default_factory=Levels)
    told: str = ""
    told_at: float = 0.0
    _status: dict[str, Any] = field(default_factory=dict)
    _shown_at: float = 0.0

    def show(self, status: dict[str, Any]) -> None:
        """Draw it, at most about ten times a second."""
        if self.typing.mode == "armed" and "preroll" not in status:
            self.typing.mode = "running"
        now = time.monotonic()
        self.levels.hear(status, now)
        self._status = status
        if now - self._shown_at >= REFRESH_S:
            self._draw(now)

    def tell(self, sentence: str) -> None:
        """Show an answer for a while."""
        self.told, self.told_at = sentence, time.monotonic()

    def take(self) -> list[Order]:
        """What the keys say; while a note is typed, Ctrl-C gives up the note and not the recording."""
        now = time.monotonic()
        text = self.keys.read()
        orders = self.typing.press(text, now)
        self.keys.keep_signals(self.typing.line is None)
        if text and self._status:
            self._draw(now)
        return orders

    def descriptors(self) -> list[int]:
        """The keyboard."""
        return [self.keys.descriptor] if self.keys.descriptor >= 0 else []

    @property
    def wants_to_leave(self) -> bool:
        """True once the operator of an attached terminal has had enough."""
        return self.typing.wants_to_leave

    def _draw(self, now: float) -> None:
        self._shown_at = now
        told = self.told if now - self.told_at < TOLD_S else ""
        prompt = Prompt(self.typing.mode, self.typing.line, told, self.typing.is_ending(now), self.keys.descriptor >= 0)
        if _is_read():
            with suppress(OSError):  # the terminal is gone; the recording goes on
                width, height = self.live.console.size
                shown = picture(self._status, levels=self.levels, prompt=prompt, width=width, height=height)
                self.live.update(shown, refresh=True)


@dataclass(slots=True)
class Plain:
    """A line every `PLAIN_EVERY_S`, and one for whatever changes."""

    _said_at: float = -PLAIN_EVERY_S
    _state: str = ""
    _alarms: list[str] = field(default_factory=list)

    @property
    def wants_to_leave(self) -> bool:
        """Nobody presses a key here."""
        return False

    def show(self, status: dict[str, Any]) -> None:
        """Say what is new, or how it stands when nothing has been said for a while."""
        if not status["streams"] or not _is_read():
            return
        state = state_of(status)
        troubles = [*(one["text"] for one in status.get("conditions") or []), *(status.get("alarms") or [])]
        if "silent_s" in status:
            troubles.append("The disk or the writer has not answered for 2 s.")
        if "unanswered_s" in status:
            troubles.append("The process that controls the recording has not answered for 2 s.")
        for text in troubles:
            if text not in self._alarms:
                self.tell(text)
        self._alarms = troubles
        if state != self._state or time.monotonic() - self._said_at >= PLAIN_EVERY_S:
            self._state, self._said_at = state, time.monotonic()
            self.tell(_line(state, status))

    def tell(self, sentence: str) -> None:
        """Say it, unless nobody reads."""
        if _is_read():
            with suppress(OSError):  # nobody reads; the recording goes on
                terminal.say(sentence)

    def take(self) -> list[Order]:
        """There are no keys."""
        return []

    def descriptors(self) -> list[int]:
        """There is nothing to wait for."""
        return []


def _line(state: str, status: dict[str, Any]) -> str:
    levels = " ".join(f"{peak / 100:.0f}" for stream in status["streams"] for peak in stream["peaks_cdb"])
    if "preroll" in status:
        return f"{state} {status['preroll']['filled_s']} of {status['preroll']['wanted_s']} s  levels {levels} dB"
    disks = ", ".join(disk_left(path["seconds_left"]) for path in status.get("paths") or [] if path["in_service"])
    return f"{state} {elapsed(status)}  levels {levels} dB  gaps {status['gaps']}  disk {disks or '?'}"


def _is_in_front() -> bool:
    """True when stderr is a terminal that shows this process, and not one in which it runs behind another."""
    try:
        return sys.stderr.isatty() and os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _is_read() -> bool:
    """False while a write to stderr would wait: a pipe that nobody reads must not stop who watches the recording."""
    try:
        return bool(select.select([], [sys.stderr], [], 0)[1])
    except (OSError, ValueError):
        return False
