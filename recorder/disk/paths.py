"""Everything a session's writer writes, to every path at once: each has its own lane, and one that refuses costs nothing.

What is written is known here only as bytes and places.  For each stretch between two syncs its digest is kept, so that every path
can be asked whether it holds what was meant.
"""

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from everyword.folder import SessionFolder
from recorder.disk.destination import Check, Close, Destination, Differs, Order, Sync, Write, digest_of
from recorder.disk.lane import Joining, Lane, Trouble

T = TypeVar("T")

LATEST_ANSWER_S = 2.0
"""A path that has not carried out an order for longer does not count as one that keeps up."""

LONGEST_WAIT_S = 20.0
"""For an answer that is needed to go on; a path that takes longer is left behind."""

RETRY_S = 2.0

_MOST_UNCONFIRMED_BYTES = 16 << 20


@dataclass(slots=True)
class _Stretch:
    """What has been appended to a file since its last sync."""

    at: int
    end: int
    sha256: "hashlib._Hash"


@dataclass(slots=True)
class Paths:
    """The lanes of one session; methods raise ``OSError`` when none of them is left.

    ``lengths`` says how far each file goes by what was ordered, whatever any disk has got; ``digests`` what the closed ones hold.
    """

    lanes: list[Lane]
    lengths: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _stretches: dict[str, _Stretch] = field(default_factory=dict)
    _retry_at: float = 0.0

    @classmethod
    def of(cls, folders: Sequence[SessionFolder], *, joining: Collection[SessionFolder] = ()) -> "Paths":
        """One lane for each folder; everything is done at once until `start`.  Those `joining` have to be made equal first."""
        digests: dict[str, str] = {}
        lanes = [
            Lane(Destination(folder, digests), folder not in joining, Joining() if folder in joining else None)
            for folder in folders
        ]
        return cls(lanes, digests=digests)

    def start(self) -> None:
        """Give each lane a thread."""
        for lane in self.lanes:
            lane.start()

    def stop(self) -> None:
        """End the threads, as far as their disks let them."""
        for lane in self.lanes:
            lane.stop()

    @property
    def well(self) -> list[Lane]:
        """The lanes in service."""
        return [lane for lane in self.lanes if lane.is_well]

    @property
    def folder(self) -> SessionFolder:
        """The session on the first path that is in service (on the first of all, if none is)."""
        return (self.well or self.lanes)[0].folder

    @property
    def keeps_up(self) -> bool:
        """False while no path does what it is ordered in time: what is delivered then waits in the ring, which outlives us."""
        return any(lane.lag_s() < LATEST_ANSWER_S for lane in self.well)

    def create(self, name: str, data: bytes) -> None:
        """A new file with these first bytes; they may be patched later, and are not read back before the file is closed."""
        self._order(Write(name, 0, data, creates=True), end=len(data))

    def found(self, name: str, size: int) -> None:
        """A file that an earlier writer left open is gone on with."""
        self.lengths[name] = size
        for lane in self.well:
            lane.destination.lengths[name] = size

    def append(self, name: str, at: int, data: bytes | memoryview) -> None:
        """Bytes that will never change, behind those before."""
        stretch = self._stretches.get(name)
        if stretch is None or stretch.end != at:
            if stretch is not None:
                self.sync(name)
            stretch = self._stretches[name] = _Stretch(at, at, hashlib.sha256())
        stretch.sha256.update(data)
        stretch.end += len(data)
        self._order(Write(name, at, bytes(data)), end=stretch.end)
        if stretch.end - stretch.at > _MOST_UNCONFIRMED_BYTES:
            self.sync(name)

    def patch(self, name: str, at: int, data: bytes) -> None:
        """Bytes of a header."""
        self._order(Write(name, at, data), end=at + len(data))

    def sync(self, name: str, *, whole: bytes | None = None) -> None:
        """Everything so far survives a power cut, and was read back, before anything that is ordered after this is done.

        `whole` is the SHA-256 of the file so far, if somebody knows it.
        """
        stretch = self._stretches.pop(name, None)
        checks = () if stretch is None else (Check(name, stretch.at, stretch.end - stretch.at, stretch.sha256.digest()),)
        self._order(Sync(name, checks, None if whole is None else Check(name, 0, self.lengths[name], whole)))

    def close(self, name: str, digest: str) -> None:
        """Nothing more comes for this file; each path compares the whole of it with its digest."""
        self._stretches.pop(name, None)
        self.digests[name] = digest
        self._order(Close(name, digest))

    def digest(self, name: str) -> str:
        """The digest of an open file, by the first path that answers and still holds what it has confirmed.

        When each of them was changed behind our back, it is the digest of what the first holds now.
        """
        for strict in (True, False):
            for lane in self.well:
                try:
                    return self._ask(lane, partial(_digest, lane, name, strict=strict))
                except Differs as error:
                    lane.changed(error)
                except OSError:
                    continue  # the next path
        raise self._no_path()

    def settle(self) -> None:
        """Wait until every path in service has done everything; one that does not answer is out of service.

        Those that answer at once are asked first, and the others get less time when one has everything.
        """
        for lane in sorted(self.well, key=Lane.silent_s):
            with contextlib.suppress(OSError):
                self._ask(lane, _nothing)
        if not self.well:
            raise self._no_path()

    def status(self, bytes_per_s: int) -> list[dict[str, Any]]:
        """What the terminal shows of each path: ``seconds_left`` is None while nothing is recorded."""
        return [
            {
                "path": str(lane.folder.path.parent),
                "in_service": lane.is_well,
                "lag_s": round(lane.lag_s(), 1),
                "waiting_bytes": lane.waiting_bytes,
                "free_bytes": lane.free_bytes,
                "seconds_left": lane.free_bytes // bytes_per_s if bytes_per_s else None,
            }
            for lane in self.lanes
        ]

    def troubles(self) -> Iterator[Trouble]:
        """What the lanes have had to tell since the last look."""
        for lane in self.lanes:
            while not lane.troubles.empty():
                yield lane.troubles.get()

    def notes(self) -> Iterator[dict[str, object]]:
        """Notes that were found in the inboxes since the last look."""
        for lane in self.lanes:
            if not lane.is_threaded:
                lane.tell_notes()
            while not lane.notes.empty():
                yield lane.notes.get()

    def lanes_to_mend(self) -> list[Lane]:
        """Lanes out of service whose disk answers; the same one is named again after `RETRY_S`."""
        if not self.well or time.monotonic() < self._retry_at:
            return []
        self._retry_at = time.monotonic() + RETRY_S
        return [lane for lane in self.lanes if not lane.is_well and lane.busy_since is None]

    def _ask(self, lane: Lane, function: Callable[[], T]) -> T:
        try:
            has_other = any(other.silent_s() < LATEST_ANSWER_S for other in self.well if other is not lane)
            return lane.call(function, timeout_s=LATEST_ANSWER_S if has_other and lane.silent_s() > 1 else LONGEST_WAIT_S)
        except Differs:
            raise
        except TimeoutError:
            lane.take_ill(TimeoutError("it does not answer"))
            raise
        except OSError as error:
            lane.take_ill(error)
            raise

    def _order(self, order: Order, *, end: int = 0) -> None:
        with self.lock:
            if isinstance(order, Write):
                self.lengths[order.name] = max(end, self.lengths.get(order.name, 0))
            for lane in self.lanes:
                lane.put(order)
        if not self.well:
            raise self._no_path()

    def _no_path(self) -> OSError:
        errors = [lane.error for lane in self.lanes if lane.error is not None]
        return errors[0] if errors else OSError("no path is in service")


def _nothing() -> None:
    """The last of many orders, to be waited for."""


def _digest(lane: Lane, name: str, *, strict: bool) -> str:
    if strict:
        lane.destination.look_again()
    with lane.destination.path(name).open("rb") as file:
        return digest_of(file.fileno())
