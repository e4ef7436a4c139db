"""A recording seen from another terminal, with the same picture and the same keys.

When the supervisor dies, its successor answers at the same place within a second or two: the viewer waits for it.
"""

import time
from collections.abc import Callable

from everyword.folder import SessionFolder
from recorder.operator.control import Connection, Message, NotRunning
from recorder.operator.panel import panel
from recorder.request import Order, Panel

TICK_S = 0.1
AGAIN_S = 10.0
SILENT_S = 2.0


def attach(folder: SessionFolder, *, by: str) -> Message | None:
    """Watch until the recording ends (its last message) or the viewer leaves (None).  Raises `NotRunning`."""
    connection = Connection.open(folder.path.name[-26:])
    status: Message = {}
    heard_at = time.monotonic()
    with panel("attached", by=by) as shown:
        try:
            while not shown.wants_to_leave:
                for message in connection.messages(TICK_S, also=shown.descriptors()):
                    heard_at = time.monotonic()
                    status = _inner(message, "status") or status
                    if "ended" in message:
                        return _inner(message, "ended")
                    _show(shown, message)
                silent_s = round(time.monotonic() - heard_at)
                if status and silent_s > SILENT_S:
                    shown.show(status | {"unanswered_s": silent_s})
                for order in shown.take():
                    connection.say(order)
                if connection.is_gone:
                    if folder.is_sealed:
                        return None
                    connection = _again(folder)
        except KeyboardInterrupt:  # leaves; the recording goes on
            return None
        finally:
            connection.close()
    return None


def order(folder: SessionFolder, wanted: Order, *, until: Callable[[Message], bool], timeout_s: float) -> Message | None:
    """Give one order and wait for the message that shows that it is carried out; None when none came.  Raises `NotRunning`."""
    connection = Connection.open(folder.path.name[-26:])
    try:
        connection.say(wanted)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and not connection.is_gone:
            for message in connection.messages(TICK_S):
                if until(message):
                    return message
        return None
    finally:
        connection.close()


def _show(shown: Panel, message: Message) -> None:
    if "status" in message:
        shown.show(_inner(message, "status"))
    elif "told" in message:
        shown.tell(str(message["told"]))


def _inner(message: Message, name: str) -> Message:
    value = message.get(name)
    return value if isinstance(value, dict) else {}


def _again(folder: SessionFolder) -> Connection:
    deadline = time.monotonic() + AGAIN_S
    while True:
        try:
            return Connection.open(folder.path.name[-26:])
        except NotRunning:
            if time.monotonic() > deadline or folder.is_sealed:
                raise
            time.sleep(TICK_S)
