"""What the people at the terminals order, the supervisor's own and those that are attached: notes, pauses, the end.

An order of pause goes to the writer together with how far every input had delivered when the key was pressed, and is given again
until the writer says that it is carried out.  Notes go through the inbox on a thread of their own: a disk that hangs
does not keep the meters from moving.
"""

import queue
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ulid import ULID

from everyword.errors import EverywordError
from everyword.folder import SessionFolder
from everyword.journal import now_us
from everyword.model import WITHHELD_CAUSES
from everyword.text import checked
from recorder.disk import inbox
from recorder.operator.control import Control, Viewer
from recorder.processes.openings import Capture
from recorder.request import Order, Panel

AGAIN_S = 1.0
"""An order that the writer has not confirmed for so long is given again: it may have met a disk that refused."""


@dataclass(slots=True)
class Steering:
    """Orders in; orders for the writer out.  ``stopped_by`` is who wanted the end, once somebody did."""

    copies: Sequence[SessionFolder]
    operator: str
    panel: Panel
    control: Control
    stopped_by: str | None = None
    pending: list[Order] = field(default_factory=list)
    _sent_at: float = 0.0
    _answers: "queue.SimpleQueue[tuple[Viewer | None, str]]" = field(default_factory=queue.SimpleQueue)

    def wait(self, timeout_s: float, captures: Iterable[Capture], status: dict[str, object]) -> list[Order]:
        """Sleep until somebody wants something, or so long; returns what the writer has to be told."""
        said: list[tuple[Viewer | None, Order]] = [*self.control.wait(timeout_s, also=self.panel.descriptors())]
        said += [(None, order) for order in self.panel.take()]
        orders: list[Order] = []
        for viewer, order in said:
            orders += self._obey(viewer, order, captures, status)
        if self.pending and time.monotonic() - self._sent_at > AGAIN_S:
            orders, self._sent_at = list(self.pending), time.monotonic()
        while not self._answers.empty():
            self._answer(*self._answers.get())
        return orders

    def show(self, status: dict[str, object]) -> None:
        """On every screen."""
        self.panel.show(status)
        self.control.show({"status": status})

    def confirm(self, status: dict[str, object]) -> None:
        """Forget the orders of which the writer says that they are carried out."""
        known = dict(status.get("pauses") or [])  # type: ignore[call-overload]
        self.pending = [
            order for order in self.pending if not (order.get("pause") in known or known.get(order.get("resume"), False))
        ]

    def _obey(self, viewer: Viewer | None, order: Order, captures: Iterable[Capture], status: dict[str, object]) -> list[Order]:
        try:
            by = checked(str(order.get("by") or self.operator), what="name")
        except EverywordError as error:
            self._answer(viewer, error.sentence)
            return []
        if "note" in order:
            self._note(viewer, str(order["note"]), by)
        elif "stop" in order:
            self.stopped_by = by
        elif "resume" in order or order.get("pause") in WITHHELD_CAUSES:
            return self._pause(viewer, order, by, captures, status)
        else:
            self._answer(viewer, "This Everyword does not know that order.")
        return []

    def _pause(
        self, viewer: Viewer | None, order: Order, by: str, captures: Iterable[Capture], status: dict[str, object]
    ) -> list[Order]:
        lasting, cause = self._lasting(status), order.get("pause")
        at = {str(capture.ring.path): capture.ring.written for capture in captures if capture.ring is not None}
        when: Order = {"by": by, "at_us": now_us(), "at": at}
        orders: list[Order] = []
        if lasting is not None and lasting["cause"] != cause:
            orders.append({"resume": lasting["id"], **when})
        if cause is not None and (lasting is None or orders):
            orders.append({"pause": str(ULID()), "cause": cause, **when})
        if not orders:
            self._answer(viewer, "It is not paused." if cause is None else "It is paused already.")
        else:
            self._answer(viewer, {"paused": "Paused.", "off-record": "Off the record."}.get(str(cause), "On the record again."))
        self.pending += orders
        self._sent_at = time.monotonic()
        return orders

    def _lasting(self, status: dict[str, object]) -> Order | None:
        """The pause that lasts, by the writer's word or the last order that is on its way to it."""
        if self.pending:
            last = self.pending[-1]
            return {"id": last["pause"], "cause": last["cause"]} if "pause" in last else None
        found = status.get("pause")
        return found if isinstance(found, dict) else None

    def _note(self, viewer: Viewer | None, text: str, by: str) -> None:
        def write() -> None:
            try:
                inbox.add(self.copies, text, by=by)
                self._answers.put((viewer, "The note is on disk."))
            except EverywordError as error:
                self._answers.put((viewer, f"The note was not kept: {error.sentence}"))

        threading.Thread(target=write, daemon=True).start()

    def _answer(self, viewer: Viewer | None, sentence: str) -> None:
        if viewer is None:
            self.panel.tell(sentence)
        else:
            viewer.say({"told": sentence})
