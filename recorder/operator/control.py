"""How other terminals reach a recording: a socket that only its owner can open, lines of JSON both ways.

The supervisor serves it.  A viewer that hangs or dies costs nothing: nothing waits for it, and what it does not read it misses.
"""

import contextlib
import json
import os
import select
import socket
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from everyword.errors import EverywordError

Message = dict[str, object]

LONGEST_PATH = 100
"""Bytes of a socket's path: systems allow 104 to 108."""

LONGEST_LINE = 1 << 18
MOST_VIEWERS = 16
HANGS_S = 5.0
"""A viewer that has not read for so long is dropped."""


class NotRunning(EverywordError):
    """Nobody is recording this session now."""

    code = "not-running"
    default_hint = "A recording that has ended is shown by `everyword show SESSION`."


def socket_path(session_id: str) -> Path | None:
    """Where the socket of a session is: in a folder of the user's own; None when this computer has no safe place for it."""
    places = [os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"]  # noqa: S108  (a folder of mode 0700 in it)
    for number, place in enumerate(places):
        if not place or not Path(place).is_dir():
            continue
        folder = Path(place) / ("everyword" if number == 0 else f"everyword-{os.getuid()}")
        path = folder / f"{session_id}.sock"
        if len(os.fsencode(path)) <= LONGEST_PATH and _is_private(folder):
            return path
    return None


def _is_private(folder: Path) -> bool:
    """True once the folder is there, is no link, and nobody else can look into it."""
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


@dataclass(slots=True)
class Viewer:
    """One terminal elsewhere, as the supervisor sees it."""

    connection: socket.socket
    unsent: bytearray = field(default_factory=bytearray)
    unread: bytearray = field(default_factory=bytearray)
    stuck_since: float | None = None
    is_gone: bool = False

    def say(self, message: Message) -> None:
        """Send what can be sent without waiting; the rest goes next time."""
        self.unsent += json.dumps(message).encode() + b"\n"
        self.flush()

    def show(self, message: Message) -> None:
        """`say` something that may be missed: nothing is added to what is still on its way."""
        if self.unsent:
            self.flush()
        else:
            self.say(message)

    def flush(self) -> None:
        """Send more of what is on its way; a viewer that does not read for `HANGS_S` is given up."""
        try:
            sent = self.connection.send(self.unsent, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
            del self.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.is_gone = True
        if not self.unsent:
            self.stuck_since = None
        elif self.stuck_since is None:
            self.stuck_since = time.monotonic()
        elif time.monotonic() - self.stuck_since > HANGS_S:
            self.is_gone = True

    def read(self) -> list[Message]:
        """The whole lines that have come; whoever sends what is no message is given up."""
        try:
            data = self.connection.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        self.is_gone = not data
        self.unread += data
        *lines, rest = bytes(self.unread).split(b"\n")
        self.unread = bytearray(rest)
        messages = [message for line in lines if (message := _parsed(line)) is not None]
        self.is_gone |= len(rest) > LONGEST_LINE or len(messages) < len(lines)
        return messages


@dataclass(slots=True)
class Control:
    """The supervisor's end; without a listener it only sleeps between two looks."""

    listener: socket.socket | None = None
    path: Path | None = None
    viewers: list[Viewer] = field(default_factory=list)

    @classmethod
    def open(cls, session_id: str) -> "Control":
        """Listen.  Where that cannot be, recording goes on without: nothing about a terminal is worth a frame."""
        path = socket_path(session_id)
        if path is None:
            return cls()
        listener = socket.socket(socket.AF_UNIX)
        try:
            path.unlink(missing_ok=True)  # of a supervisor that died
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(MOST_VIEWERS)
            listener.setblocking(False)
        except OSError:
            listener.close()
            return cls()
        return cls(listener, path)

    def wait(self, timeout_s: float, *, also: Iterable[int] = ()) -> list[tuple[Viewer, Message]]:
        """Sleep until somebody says something, or for `timeout_s`; returns who said what.

        Args:
            timeout_s: the longest sleep.
            also: file descriptors whose input ends the sleep, too; it is not read here.
        """
        listening = -1 if self.listener is None else self.listener.fileno()
        sockets = {viewer.connection.fileno(): viewer for viewer in self.viewers}
        wanted = [number for number in (listening, *sockets, *also) if number >= 0]
        try:
            ready, _, _ = select.select(wanted, [], [], timeout_s)
        except (OSError, ValueError):  # a descriptor went away under our hands
            ready = []
            time.sleep(timeout_s)
        said = []
        for one in ready:
            if one == listening:
                self._accept()
            elif one in sockets:
                viewer = sockets[one]
                said += [(viewer, message) for message in viewer.read()]
        self._forget()
        return said

    def show(self, message: Message) -> None:
        """Tell every viewer, unless it is slow: then it misses this one."""
        for viewer in self.viewers:
            viewer.show(message)
        self._forget()

    def close(self, last: Message) -> None:
        """Tell every viewer how it ended, and listen no more."""
        for viewer in self.viewers:
            viewer.say(last)
            viewer.connection.close()
        self.viewers.clear()
        if self.listener is not None and self.path is not None:
            self.listener.close()
            self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        assert self.listener is not None  # noqa: S101  (only asked when it is ready)
        with contextlib.suppress(OSError):
            connection, _ = self.listener.accept()
            if len(self.viewers) >= MOST_VIEWERS:
                connection.close()
            else:
                self.viewers.append(Viewer(connection))

    def _forget(self) -> None:
        for viewer in [viewer for viewer in self.viewers if viewer.is_gone]:
            viewer.connection.close()
            self.viewers.remove(viewer)


@dataclass(slots=True)
class Connection:
    """The other end: a terminal that looks at a recording."""

    connection: socket.socket
    unread: bytearray = field(default_factory=bytearray)
    is_gone: bool = False

    @classmethod
    def open(cls, session_id: str) -> "Connection":
        """Connect to the recording of a session.  Raises `NotRunning`."""
        path = socket_path(session_id)
        connection = socket.socket(socket.AF_UNIX)
        try:
            if path is None:
                raise FileNotFoundError
            connection.connect(str(path))
        except OSError as error:
            connection.close()
            raise NotRunning(f"Nobody is recording {session_id} now.") from error
        return cls(connection)

    def say(self, message: Message) -> None:
        """Send an order; when the other end is gone, `messages` says so."""
        with contextlib.suppress(OSError):
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    def messages(self, timeout_s: float, *, also: Iterable[int] = ()) -> Iterator[Message]:
        """What has been said, after waiting at most `timeout_s` for it; see `Control.wait` for `also`."""
        number = self.connection.fileno()
        ready, _, _ = select.select([number, *also], [], [], timeout_s)
        if number not in ready:
            return
        try:
            data = self.connection.recv(1 << 16)
        except OSError:
            data = b""
        self.is_gone = not data
        self.unread += data
        while b"\n" in self.unread:
            line, _, rest = bytes(self.unread).partition(b"\n")
            self.unread = bytearray(rest)
            message = _parsed(line)
            if message is not None:
                yield message

    def close(self) -> None:
        """Look no more."""
        self.connection.close()


def _parsed(line: bytes) -> Message | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
