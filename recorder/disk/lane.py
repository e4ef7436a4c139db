"""One destination with a thread of its own, so that a disk which hangs hangs alone.

A lane is well while it does what it is ordered in time; after a refusal, or when it has fallen too far behind, it is ill and
takes no orders until `recorder.disk.mirror` has made it equal to another one.
"""

import contextlib
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from everyword.folder import SessionFolder
from recorder.disk import inbox
from recorder.disk.destination import Close, Destination, Differs, Order, Write

T = TypeVar("T")

MOST_BYTES_WAITING = 48 << 20
"""A lane that has fallen behind so far lets go of what waits and copies it later from another: memory stays bounded."""

LOOK_AGAIN_S = 3.0
"""So often the files are compared with what was written, so that a change behind our back is noticed within 5 s."""

LONGEST_END_S = 5.0

TICK_S = 0.05


class Joining(OSError):
    """The lane is not ill, it only has to be made equal to the others first."""

    def __init__(self) -> None:
        super().__init__("it is being made equal to the other path")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something a lane has to tell: it is ill, or a stretch of a file was ``changed`` behind its back."""

    lane: "Lane"
    error: OSError
    changed: bool = False


@dataclass(slots=True)
class Lane:
    """Orders in, troubles out.  Without `start` every order is carried out at once, by whoever gives it."""

    destination: Destination
    is_well: bool = True
    error: OSError | None = None
    troubles: "queue.SimpleQueue[Trouble]" = field(default_factory=queue.SimpleQueue)
    notes: "queue.SimpleQueue[dict[str, object]]" = field(default_factory=queue.SimpleQueue)
    waiting_bytes: int = 0
    busy_since: float | None = None
    free_bytes: int = 0
    inbox_bytes: int = 0
    _orders: deque[tuple[float, Order]] = field(default_factory=deque)
    _given_at: float = 0.0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None
    is_ending: bool = False
    _looked: float = 0.0
    _asked: float = 0.0

    @property
    def folder(self) -> SessionFolder:
        """The session, here."""
        return self.destination.folder

    @property
    def is_threaded(self) -> bool:
        """True once `start` was called."""
        return self._thread is not None

    def start(self) -> None:
        """Carry orders out on a thread of our own from now on."""
        if self.is_well:
            with contextlib.suppress(OSError):
                self.free_bytes = self.destination.free_bytes()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"path {self.folder.path}")
        self._thread.start()

    def stop(self) -> None:
        """End the thread when it has done what waits, or let go of it: one whose disk hangs cannot be ended."""
        with self._changed:
            self.is_ending = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(LONGEST_END_S)
        self._thread = None

    def put(self, order: Order) -> None:
        """Do this after everything before; nothing is done while the lane is ill."""
        with self._changed:
            if not self.is_well:
                return
            if self._thread is not None:
                self._queue(order)
                return
        try:
            self._do(order)
        except OSError as error:
            self.take_ill(error)

    def call(self, function: Callable[[], T], *, timeout_s: float) -> T:
        """Do something behind all orders and wait for its answer.

        Raises:
            OSError: it failed, or the lane is ill.
            TimeoutError: the disk does not answer; whatever was asked may still happen.
        """
        if not self.is_well:
            raise self.error or OSError("the path is out of service")
        if self._thread is None:
            return function()
        future: Future[T] = Future()

        def answer() -> None:
            try:
                future.set_result(function())
            except OSError as error:
                future.set_exception(error)

        with self._changed:
            self._queue(answer)
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return future.result(min(0.05, timeout_s))
            except TimeoutError:
                if future.done():
                    raise  # the disk's own
                if not self.is_well:
                    raise self.error or OSError("the path is out of service") from None
                if time.monotonic() > deadline:
                    raise

    def take_ill(self, error: OSError) -> None:
        """Out of service from now on, with what still waits forgotten."""
        with self._changed:
            if not self.is_well:
                return
            self.is_well, self.error = False, error
            self._orders.clear()
            self.waiting_bytes = 0
        self.troubles.put(Trouble(self, error))

    def recover(self, work: Callable[[], None]) -> None:
        """Let the lane's own thread (or the caller, without one) make itself whole; `work` ends with `return_to_service`."""

        def attempt() -> None:
            try:
                work()
            except OSError as error:
                self.error = error

        if self._thread is None:
            attempt()
            return
        with self._changed:
            self._orders.append((time.monotonic(), attempt))
            self._changed.notify()

    @contextlib.contextmanager
    def return_to_service(self) -> Iterator[None]:
        """Orders are taken again from the moment this is entered; the body does what was missing until then."""
        with self._changed:
            self.is_well, self.error = True, None
        try:
            yield
        except OSError as error:
            self.take_ill(error)
            raise

    def silent_s(self) -> float:
        """How long it has been busy with one order."""
        since = self.busy_since
        return 0.0 if since is None else time.monotonic() - since

    def lag_s(self) -> float:
        """How long ago the oldest order was given that it has not carried out."""
        with self._changed:
            given_at = [self._given_at] if self.busy_since is not None else [at for at, _ in itertools.islice(self._orders, 1)]
        return max((time.monotonic() - at for at in given_at), default=0.0)

    def tell_notes(self) -> None:
        """Look into the inbox here: somebody may leave a note even where sound is refused."""
        with contextlib.suppress(OSError):
            for entry, end in inbox.read_new(self.folder, self.inbox_bytes):
                self.inbox_bytes = end
                self.notes.put(entry)

    def changed(self, error: Differs) -> None:
        """Somebody changed a file behind our back; the disk itself works."""
        self.troubles.put(Trouble(self, error, changed=True))

    def _do(self, order: Order) -> None:
        try:
            self.destination.do(order)
        except Differs as error:
            if not isinstance(order, Close):
                raise  # fresh bytes do not come back as they were: the disk is not to be trusted
            self.changed(error)

    def _queue(self, order: Order) -> None:
        size = len(order.data) if isinstance(order, Write) else 0
        if self.waiting_bytes + size > MOST_BYTES_WAITING:
            error = TimeoutError("it has not answered for too long")
            self.is_well, self.error = False, error
            self._orders.clear()
            self.waiting_bytes = 0
            self.troubles.put(Trouble(self, error))
            return
        self._orders.append((time.monotonic(), order))
        self.waiting_bytes += size
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._orders:
                    self._changed.wait(TICK_S)
                self._given_at, order = self._orders.popleft() if self._orders else (time.monotonic(), None)
                if order is None and self.is_ending:
                    return
            self.busy_since = time.monotonic()
            try:
                if order is not None:
                    self._do(order)
                if not self._orders:
                    self._look_around()
            except OSError as error:
                self.take_ill(error)
            self.busy_since = None
            if isinstance(order, Write):
                with self._changed:
                    self.waiting_bytes = max(0, self.waiting_bytes - len(order.data))

    def _look_around(self) -> None:
        now = time.monotonic()
        if now - self._asked > TICK_S:
            self._asked = now
            self.tell_notes()
            with contextlib.suppress(OSError):
                self.free_bytes = self.destination.free_bytes()
        if self.is_well and now - self._looked > LOOK_AGAIN_S:
            self._looked = now
            try:
                self.destination.look_again()
                self.destination.look_at_closed()
            except Differs as error:
                self.changed(error)
