"""The buffer between the sound system and the disk: a memory-mapped file, addressed by frame number.

The capture child writes, the writer reads, and neither can block the other.  Because it is a file, it outlives both: whoever
comes next (a new writer, or salvage) finds in it what had been delivered.  A counter is written after the data it counts; on the
processors we run on the store is visible in that order, and the reader lags by milliseconds.
"""

import json
import mmap
import os
import re
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from everyword.errors import CorruptFolder

if TYPE_CHECKING:  # a capture child starts sooner without it
    from everyword.folder import SessionFolder

SECONDS = 30
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (files in it are made exclusively, mode 0600, under the session's random id)
_MAGIC = b"EWRING03"
_WIPED_AT_ONCE = 1 << 16
_FIXED = struct.Struct("<8sIIQ")
_COUNTERS = struct.Struct("<QQQQ")
_COUNTERS_AT = 64
_WANTED_FROM_AT = 96
_STAMP = struct.Struct("<QQQQ")
_FIRST_STAMP_AT = 128
_ABOUT_AT = 4096
_STAMPS_AT = 65_536
_STAMP_SLOTS = 8192
_DATA_AT = _STAMPS_AT + _STAMP_SLOTS * _STAMP.size


class Overrun(Exception):
    """The frames asked for have been overwritten; ``first_left`` is the oldest that can still be read."""

    def __init__(self, first_left: int) -> None:
        super().__init__(first_left)
        self.first_left = first_left


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a block had been delivered: ``frame`` frames by these clocks (µs)."""

    frame: int
    boottime_us: int
    monotonic_us: int
    utc_us: int

    @classmethod
    def now(cls, frame: int) -> "Stamp":
        """Read the three clocks, one right after the other."""
        return cls(
            frame,
            time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000,
            time.monotonic_ns() // 1000,
            time.time_ns() // 1000,
        )


@dataclass(slots=True)
class Ring:
    """Either end.  The counters are: frames written, blocks written, overflow flags seen, 1 once the input has ended."""

    path: Path
    frame_bytes: int
    capacity: int
    _map: mmap.mmap

    @classmethod
    def create(
        cls, path: Path, *, rate_hz: int, frame_bytes: int, seconds: int = SECONDS, about: dict[str, object] | None = None
    ) -> "Ring":
        """A new ring with all its space allocated, so that no later write can fail.  Raises ``OSError`` when there is no room.

        `about` says what is in it, for whoever finds it without having been told.
        """
        described = json.dumps(about or {}, ensure_ascii=True).encode()
        capacity = rate_hz * seconds
        size = _DATA_AT + capacity * frame_bytes
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            mapped = mmap.mmap(descriptor, size)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        mapped[_ABOUT_AT : _ABOUT_AT + len(described)] = described
        _FIXED.pack_into(mapped, 0, _MAGIC, rate_hz, frame_bytes, capacity)
        return cls(path, frame_bytes, capacity, mapped)

    @classmethod
    def open(cls, path: Path) -> "Ring":
        """An existing ring.  Raises ``FileNotFoundError``, or `CorruptFolder` when it is something else."""
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            size = os.fstat(descriptor).st_size
            if size < _DATA_AT:
                raise CorruptFolder(f"{path.name} is not a capture buffer.")
            mapped = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
        magic, _, frame_bytes, capacity = _FIXED.unpack_from(mapped, 0)
        if magic != _MAGIC or size != _DATA_AT + capacity * frame_bytes:
            raise CorruptFolder(f"{path.name} is not a capture buffer.")
        return cls(path, frame_bytes, capacity, mapped)

    def write(self, pcm: bytes | memoryview, *, overflowed: bool = False) -> None:
        """Append one block of whole frames, at most `capacity`."""
        written, blocks, overflows, ended = self._counters()
        count = len(pcm) // self.frame_bytes
        at = written % self.capacity
        first = min(count, self.capacity - at)
        self._put(at, pcm[: first * self.frame_bytes])
        self._put(0, pcm[first * self.frame_bytes :])
        written += count
        stamp = Stamp.now(written)
        packed = _STAMP.pack(stamp.frame, stamp.boottime_us, stamp.monotonic_us, stamp.utc_us)
        slot = _STAMPS_AT + blocks % _STAMP_SLOTS * _STAMP.size
        self._map[slot : slot + _STAMP.size] = packed
        if not blocks:
            self._map[_FIRST_STAMP_AT : _FIRST_STAMP_AT + _STAMP.size] = packed
        _COUNTERS.pack_into(self._map, _COUNTERS_AT, written, blocks + 1, overflows + overflowed, ended)

    def end(self) -> None:
        """Say that nothing will follow."""
        struct.pack_into("<Q", self._map, _COUNTERS_AT + 24, 1)

    @property
    def about(self) -> dict[str, object]:
        """What its maker said of it.  Raises `CorruptFolder` when that cannot be read."""
        try:
            value = json.loads(self._map[_ABOUT_AT:_STAMPS_AT].rstrip(b"\0"))
        except ValueError as error:
            raise CorruptFolder(f"{self.path.name} does not say what is in it.") from error
        return value if isinstance(value, dict) else {}

    @property
    def wanted_from(self) -> int:
        """The first frame that anybody may keep: of what was heard before the start, no more than the pre-roll."""
        return int(struct.unpack_from("<Q", self._map, _WANTED_FROM_AT)[0])

    def want_from(self, frame: int) -> None:
        """Say which frame is the first that may be kept; frames before it are never read."""
        struct.pack_into("<Q", self._map, _WANTED_FROM_AT, frame)

    def wipe(self, first: int, end: int) -> None:
        """Zeros over what is still there of frames `first` to `end`, which have been written: nobody finds them in memory."""
        first = max(first, self.written - self.capacity)
        while first < end:
            at = first % self.capacity
            count = min(end - first, self.capacity - at, _WIPED_AT_ONCE)
            self._put(at, bytes(count * self.frame_bytes))
            first += count

    @property
    def written(self) -> int:
        """Frames written since the ring was made."""
        return self._counters()[0]

    @property
    def overflows(self) -> int:
        """How often the sound system flagged lost input."""
        return self._counters()[2]

    @property
    def ended(self) -> bool:
        """True once the writing side has ended in order."""
        return bool(self._counters()[3])

    def stamps_since(self, block: int) -> tuple[list[Stamp], int]:
        """The stamps of block number `block` and later ones, and the number of the block that comes next.

        Only the newest `_STAMP_SLOTS` are kept: of blocks long past, those are missing.
        """
        blocks = self._counters()[1]
        # Some slots of distance: they may be written again while they are read.
        oldest = max(block, blocks - _STAMP_SLOTS + 16)
        return [self._stamp(_STAMPS_AT + number % _STAMP_SLOTS * _STAMP.size) for number in range(oldest, blocks)], blocks

    def first_stamp(self) -> Stamp | None:
        """When the first block had been delivered."""
        return self._stamp(_FIRST_STAMP_AT) if self._counters()[1] else None

    def last_stamp(self) -> Stamp | None:
        """When the newest block had been delivered."""
        blocks = self._counters()[1]
        return self._stamp(_STAMPS_AT + (blocks - 1) % _STAMP_SLOTS * _STAMP.size) if blocks else None

    def read(self, first: int, count: int) -> bytes:
        """Frames ``first`` to ``first + count``, which must have been written.

        Raises:
            Overrun: they have been overwritten, before or while they were read.
        """
        self._check(first)
        at = first % self.capacity
        head = min(count, self.capacity - at)
        pcm = self._get(at, head) + self._get(0, count - head)
        self._check(first)
        return pcm

    def close(self) -> None:
        """Let go of the mapping; the file stays."""
        self._map.close()

    def _check(self, first: int) -> None:
        # A second of distance: the block that is being written now is not counted yet but overwrites already.
        first_left = self.written - self.capacity + self.capacity // SECONDS
        if first < first_left:
            raise Overrun(first_left)

    def _counters(self) -> tuple[int, int, int, int]:
        return _COUNTERS.unpack_from(self._map, _COUNTERS_AT)

    def _stamp(self, at: int) -> Stamp:
        return Stamp(*_STAMP.unpack_from(self._map, at))

    def _put(self, frame: int, pcm: bytes | memoryview) -> None:
        at = _DATA_AT + frame * self.frame_bytes
        self._map[at : at + len(pcm)] = bytes(pcm)

    def _get(self, frame: int, count: int) -> bytes:
        at = _DATA_AT + frame * self.frame_bytes
        return self._map[at : at + count * self.frame_bytes]


def ring_path(folder: "SessionFolder", *, number: int, attempt: int, ring_bytes: int) -> Path:
    """Where the ring of input `number` goes: in memory if there is room, else in the session folder.

    Nothing of it needs to reach the disk twice.  The name is all that `find_rings` goes by.
    """
    name = f"everyword-{_session_id(folder)}-{number + 1}-{attempt}.ring"
    try:
        memory = os.statvfs(SHARED_MEMORY)
        if memory.f_bavail * memory.f_frsize > ring_bytes + (1 << 24) and os.access(SHARED_MEMORY, os.W_OK):
            return SHARED_MEMORY / name
    except OSError:
        pass
    return folder.path / f".{name}"


def find_rings(folder: "SessionFolder") -> list[tuple[int, Path]]:
    """Every ring of a session that is still there, as (input number, path), those of an input in the order they were made.

    Memory is shared with other users of the computer: what does not belong to the owner of the session is not its ring.
    """
    owner = folder.path.stat().st_uid
    found = []
    for place in (SHARED_MEMORY, folder.path):
        for path in place.glob(f"*everyword-{_session_id(folder)}-*.ring"):
            match = re.fullmatch(r"\.?everyword-.*-(\d+)-(\d+)\.ring", path.name)
            if match and path.lstat().st_uid == owner:
                found.append((int(match[1]) - 1, int(match[2]), path))
    return [(number, path) for number, _, path in sorted(found)]


def _session_id(folder: "SessionFolder") -> str:
    return folder.path.name[-26:]
