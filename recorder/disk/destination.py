"""One path that a session is written to: what it is ordered happens in this order, is waited for, and is read back.

Every order says where its bytes go, so that doing one twice changes nothing.  That is what the answer to a failed ``fsync`` rests
on: after one, the system may call pages clean that never reached the disk, and a second ``fsync`` that succeeds proves nothing.
What was not confirmed is therefore kept, written into its place again, waited for and read back.
"""

import contextlib
import errno
import hashlib
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from everyword.digest import TAG
from everyword.folder import SessionFolder, sync_directory
from recorder.disk.scrub import Scrub

RESERVE_BYTES = 1 << 20
"""Set aside at the start, given back when the disk is full: the end of the journal and the seal always fit."""

CHECKS_KEPT = 90
"""Of each open file: more than the seconds of a segment."""

_PIECE_BYTES = 1 << 20


class Differs(OSError):
    """The disk gives back other bytes than it was given, and writing them once more did not help."""

    def __init__(self, name: str, at: int, count: int) -> None:
        what = f"holds other bytes than were written, between {at} and {at + count}" if count else "is gone"
        super().__init__(errno.EIO, f"{name} {what}")
        self.name, self.at, self.count = name, at, count


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes to their place in a file; `creates` one that must not be there yet."""

    name: str
    at: int
    data: bytes
    creates: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """What a stretch of a file must hold."""

    name: str
    at: int
    count: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Sync:
    """Wait until the disk has everything written to the file so far, then read `checks` back from the disk itself.

    ``whole`` is all of it so far: with it, later looks reach back to the file's first byte.
    """

    name: str
    checks: tuple[Check, ...] = ()
    whole: Check | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing more comes for this file; as a whole it must have this digest."""

    name: str
    digest: str


Order = Write | Sync | Close | Callable[[], None]


@dataclass(slots=True)
class Destination:
    """A session folder being written to.  Every method raises ``OSError`` when the disk refuses.

    ``digests`` is what closed files must hold, on every path the same; ``lengths`` says how far each file has been written;
    ``checks`` and ``wholes`` what has been confirmed of the open ones, for another look; ``verified`` names the closed ones that
    held their digest as a whole; ``rewritten`` counts files that had to be written again.
    """

    folder: SessionFolder
    digests: dict[str, str] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    checks: dict[str, deque[Check]] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    rewritten: int = 0
    wholes: dict[str, Check] = field(default_factory=dict)
    _spoiled: set[str] = field(default_factory=set)
    _scrub: Scrub = field(init=False)
    _descriptors: dict[str, int] = field(default_factory=dict)
    _unconfirmed: dict[str, list[Write]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Closed files are looked at here, too."""
        self._scrub = Scrub(self.folder, self.digests)

    def path(self, name: str) -> Path:
        """Where a file of the session lies here."""
        return self.folder.path / name

    def do(self, order: Order) -> None:
        """Carry out one order."""
        match order:
            case Write():
                self._unconfirmed.setdefault(order.name, []).append(order)
                self._write(order)
            case Sync():
                self._sync(order)
            case Close():
                self._close(order)
            case _:
                order()

    def reserve(self) -> None:
        """Set `RESERVE_BYTES` aside."""
        descriptor = os.open(self.path(".reserve"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
        finally:
            os.close(descriptor)

    def release_reserve(self) -> None:
        """Give it back."""
        self.path(".reserve").unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Room that is left."""
        disk = os.statvfs(self.folder.path)
        return disk.f_bavail * disk.f_frsize

    def forget(self) -> None:
        """Let go of every file: whatever follows begins with what is on the disk."""
        for descriptor in self._descriptors.values():
            with contextlib.suppress(OSError):  # a disk that is gone says so again
                os.close(descriptor)
        self._descriptors.clear()
        self._unconfirmed.clear()
        self.checks.clear()
        self.wholes.clear()
        self._spoiled.clear()

    def look_again(self) -> None:
        """Compare what was confirmed of the open files once more; raises `Differs` for the first stretch that has changed since.

        What the system holds in memory is looked at: a change by another program is seen, and the disk is not kept busy.  A
        stretch that has changed is told once.
        """
        for name, checks in self.checks.items():
            for check in [*checks, *([self.wholes[name]] if name in self.wholes else [])]:
                if not self._holds(check):
                    if check in checks:
                        checks.remove(check)
                    self.wholes.pop(name, None)
                    self._spoiled.add(name)
                    raise Differs(name, check.at, check.count)

    def look_at_closed(self) -> None:
        """Raises `Differs` for the first closed file that is not what it was, once: it is no longer `verified`; see `Scrub`."""
        closed = set(self.verified)  # the seal is made, and adds to them, on another thread
        if name := self._scrub.look([name for name in closed if name in self.digests]):
            self.verified.discard(name)
            raise Differs(name, 0, self.path(name).stat().st_size if self.path(name).exists() else 0)

    def confirmed_bytes(self, name: str) -> int:
        """How much of an open file has been read back."""
        checks = self.checks.get(name)
        return checks[-1].at + checks[-1].count if checks else 0

    def _descriptor(self, order: Write | Sync | Close) -> int:
        if order.name not in self._descriptors:
            path, creates = self.path(order.name), isinstance(order, Write) and order.creates
            if creates:
                path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if creates else 0)
            self._descriptors[order.name] = os.open(path, flags, 0o644)
            if creates:
                for directory in path.parents[: len(Path(order.name).parts)]:  # up to the session's own folder
                    sync_directory(directory)
        return self._descriptors[order.name]

    def _write(self, order: Write) -> None:
        descriptor, done = self._descriptor(order), 0
        view = memoryview(order.data)
        try:
            while done < len(view):
                done += os.pwrite(descriptor, view[done:], order.at + done)
        finally:
            end = order.at + done
            self.lengths[order.name] = max(end, self.lengths.get(order.name, 0))

    def _sync(self, order: Sync) -> None:
        descriptor = self._descriptor(order)
        try:
            os.fdatasync(descriptor)
            bad = self._read_back(order)
        except OSError:
            bad = Differs(order.name, 0, 0)
        if bad is not None:
            self._write_again(order)
        self._unconfirmed.pop(order.name, None)
        self.checks.setdefault(order.name, deque(maxlen=CHECKS_KEPT)).extend(order.checks)
        if order.whole is not None and order.name not in self._spoiled:
            self.wholes[order.name] = order.whole

    def _write_again(self, order: Sync) -> None:
        self.rewritten += 1
        for write in self._unconfirmed.get(order.name, []):
            self._write(write)
        os.fdatasync(self._descriptor(order))
        bad = self._read_back(order)
        if bad is not None:
            raise bad

    def _read_back(self, order: Sync) -> Differs | None:
        """From the disk, as far as the system can be made to forget what it has in memory."""
        for check in order.checks:
            with contextlib.suppress(OSError):  # a file system that has no such memory
                os.posix_fadvise(self._descriptor(order), check.at, check.count, os.POSIX_FADV_DONTNEED)
            if not self._holds(check):
                return Differs(check.name, check.at, check.count)
        return None

    def _holds(self, check: Check) -> bool:
        descriptor, sha256, end = self._descriptor(Sync(check.name)), hashlib.sha256(), check.at + check.count
        for at in range(check.at, end, _PIECE_BYTES):
            sha256.update(os.pread(descriptor, min(_PIECE_BYTES, end - at), at))
        return sha256.digest() == check.sha256

    def _close(self, order: Close) -> None:
        self.checks.pop(order.name, None)
        self.wholes.pop(order.name, None)
        self._unconfirmed.pop(order.name, None)
        descriptor = self._descriptors.pop(order.name, -1)
        if descriptor < 0:
            descriptor = os.open(self.path(order.name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            count = os.fstat(descriptor).st_size
            self._scrub.expect(order.name)
            if digest_of(descriptor) != order.digest:
                raise Differs(order.name, 0, count)
            self.verified.add(order.name)
        finally:
            os.close(descriptor)


def digest_of(descriptor: int) -> str:
    """The tagged SHA-256 of an open file."""
    sha256, at = hashlib.sha256(), 0
    while piece := os.pread(descriptor, _PIECE_BYTES, at):
        sha256.update(piece)
        at += len(piece)
    return TAG + sha256.hexdigest()
