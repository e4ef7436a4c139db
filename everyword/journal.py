"""Append-only JSON lines, each carrying the digest of the one before.

The session's journal (one writer: the recorder) and its ledger (people and tools, afterwards) are both such chains.  A line is
canonical JSON with ``seq``, ``at`` (UTC, µs), ``kind``, ``prev`` and whatever its kind needs; `prev` of the first line is the
chain's genesis, the digest of the file it belongs to, so that a chain cannot be moved to another session.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from everyword.digest import canonical, digest, parse_canonical
from everyword.errors import CorruptFolder

Line = dict[str, object]

LONGEST_LINE = 1 << 24
"""Bytes: a file without line breaks, however large, must not fill the memory."""


class BrokenChain(CorruptFolder):
    """A line does not follow from the one before it, or is no line at all."""

    code = "broken-chain"

    def __init__(self, path: Path, number: int, why: str, *, is_unfinished: bool = False) -> None:
        super().__init__(f"{path.name}, line {number}: {why}.")
        self.number = number
        self.is_unfinished = is_unfinished


@dataclass(slots=True)
class Chain:
    """The writing end.  `append` reaches the kernel at once, so it survives the process's death; `sync` survives a power cut."""

    path: Path
    descriptor: int
    head: str
    count: int

    @classmethod
    def create(cls, path: Path, *, genesis: str) -> "Chain":
        """Start a chain in a new file."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        return cls(path, descriptor, genesis, 0)

    @classmethod
    def resume(cls, path: Path, *, genesis: str) -> "Chain":
        """Go on where an intact chain ends.  Raises `BrokenChain`; a torn tail needs `move_torn_tail` first."""
        head, count = genesis, 0
        for data, _ in _walk(path, genesis):
            head, count = digest(data), count + 1
        return cls(path, os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC), head, count)

    def append(self, kind: str, fields: Line, *, sign: Callable[[Line], Line] | None = None) -> Line:
        """Write one line and return it whole.  Raises ``OSError`` when the disk refuses; then the file is as it was.

        `sign` gets the line as it would be written, and may return it with more in it.
        """
        line, data = link(kind, fields, seq=self.count, prev=self.head, sign=sign)
        _write_whole(self.descriptor, data + b"\n")
        self.head = digest(data)
        self.count += 1
        return line

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fdatasync(self.descriptor)

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        os.close(self.descriptor)


def link(kind: str, fields: Line, *, seq: int, prev: str, sign: Callable[[Line], Line] | None = None) -> tuple[Line, bytes]:
    """The next line of a chain, and its bytes without the line break; nothing is written."""
    line: Line = {**fields, "seq": seq, "at": now_us(), "kind": kind, "prev": prev}
    if sign is not None:
        line = sign(line)
    return line, canonical(line)


@dataclass(frozen=True, slots=True)
class Intact:
    """How far a chain can be believed: digest of its last good line, how many there are, and their bytes."""

    head: str
    count: int
    size: int


def read_intact(path: Path, *, genesis: str, take: Callable[[Line], None]) -> Intact:
    """Hand every line up to the first broken one to `take`, each read and checked once; no file is an empty chain."""
    head, count, size = genesis, 0, 0
    try:
        for data, line in _walk(path, genesis) if path.exists() else ():
            take(line)
            head, count, size = digest(data), count + 1, size + len(data) + 1
    except BrokenChain:
        pass
    return Intact(head, count, size)


def read(path: Path, *, genesis: str) -> Iterator[Line]:
    """The lines in order, each checked.  Raises `BrokenChain` at the first that does not follow."""
    for _, line in _walk(path, genesis):
        yield line


def read_finished(path: Path, *, genesis: str) -> Iterator[Line]:
    """As `read`, but a last line without its end, as a power cut leaves it, was never written: it is passed over."""
    try:
        yield from read(path, genesis=genesis)
    except BrokenChain as error:
        if not error.is_unfinished:
            raise


def move_unfinished_line(path: Path) -> int:
    """Move what follows the last line break into ``<name>.torn``; returns how many bytes that were."""
    unfinished = len(path.read_bytes().rpartition(b"\n")[2])
    if unfinished:
        _move_aside(path, path.stat().st_size - unfinished)
    return unfinished


def move_torn_tail(path: Path, *, intact: int) -> int:
    """Move everything behind the first `intact` bytes into ``<name>.torn`` (appended) and cut the file there.

    A process killed while writing leaves a half line; a power cut may leave blocks of zeros.  Returns the bytes moved.
    """
    torn = path.stat().st_size - intact
    if torn:
        _move_aside(path, intact)
    return torn


def _move_aside(path: Path, intact: int) -> None:
    """Keep the first `intact` bytes; the rest is appended to ``<name>.torn``, which is on disk before the file is cut."""
    with path.with_name(path.name + ".torn").open("ab") as aside:
        aside.write(path.read_bytes()[intact:])
        aside.flush()
        os.fsync(aside.fileno())
    with path.open("r+b") as file:
        file.truncate(intact)
        os.fsync(file.fileno())


def now_us() -> int:
    """The wall clock, in microseconds since 1970 (UTC)."""
    return time.time_ns() // 1000


def _walk(path: Path, genesis: str) -> Iterator[tuple[bytes, Line]]:
    head = genesis
    with path.open("rb") as file:
        for number, raw in enumerate(iter(lambda: file.readline(LONGEST_LINE), b"")):
            if not raw.endswith(b"\n"):
                is_last = len(raw) < LONGEST_LINE
                raise BrokenChain(path, number + 1, "it ends in the middle, or is too long", is_unfinished=is_last)
            data = raw[:-1]
            try:
                line = parse_canonical(data, what="the line")
            except CorruptFolder as error:
                raise BrokenChain(path, number + 1, "it is not canonical JSON") from error
            if line.get("seq") != number:
                raise BrokenChain(path, number + 1, f"its number is {line.get('seq')!r}, not {number}")
            if not isinstance(line.get("kind"), str) or type(line.get("at")) is not int:
                raise BrokenChain(path, number + 1, "it does not say what it is, or when it was written")
            if line.get("prev") != head:
                raise BrokenChain(path, number + 1, "it does not follow from the line before: one of them was changed or removed")
            head = digest(data)
            yield data, line


def _write_whole(descriptor: int, data: bytes) -> None:
    """All of `data`, or ``OSError`` with the file as it was: a half-written line would break the chain for good."""
    length = os.fstat(descriptor).st_size
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        os.ftruncate(descriptor, length)
        raise
