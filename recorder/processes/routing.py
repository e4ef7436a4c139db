"""The watcher of the sound server: which microphone each input really records, and whether it changes the sound on the way.

When a microphone is unplugged, a sound server goes on with another one and tells nobody who listens through ALSA.  So this runs
beside the recording, as a process of its own (``python -P -m recorder.processes.routing``; libpulse may abort, or wait for a
server that hangs): it is told on stdin which process records which input, and says on stdout, as orders for the writer, what it
finds.
"""

import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from everyword.text import printable
from recorder.sound.servers import Listener, NoServer, ServerSource, SoundServer, connected

Order = dict[str, object]

LOOK_EVERY_S = 0.5
"""The server says when something changes; this is for what it does not say."""

AGAIN_S = 0.5

WRONG_INPUT = "wrong-input"

GRADES = {WRONG_INPUT: "alarm", "muted": "alarm", "remixed": "alarm", "resampled": "warning", "volume": "warning"}
"""The states of a route.  An alarm may cost words; a warning changes their sound."""


def differences(source: ServerSource, listener: Listener) -> dict[str, str]:
    """In what the sound on its way from `source` to `listener` is changed: state → a sentence."""
    found = {}
    if source.is_muted or listener.is_muted:
        found["muted"] = f"{source.description} is muted in the sound server."
    volumes = {percent for percent in (*source.volumes_percent, *listener.volumes_percent) if percent != 100}
    if volumes:
        levels = ", ".join(f"{percent} %" for percent in sorted(volumes))
        found["volume"] = f"The volume of {source.description} is {levels}, not 100 %."
    if source.rate_hz != listener.rate_hz:
        found["resampled"] = f"{source.description} runs at {source.rate_hz} Hz and is resampled to {listener.rate_hz} Hz."
    if source.channel_map != listener.channel_map:
        there, here = ",".join(source.channel_map), ",".join(listener.channel_map)
        found["remixed"] = f"The channels of {source.description} are mixed anew: {there} becomes {here}."
    return found


def differences_now(pids: Iterable[int | None]) -> list[str]:
    """The sentences of `differences` for each of these processes that records now; none when no sound server answers."""
    wanted = set(pids)
    if not wanted:
        return []
    with contextlib.suppress(NoServer), connected() as server:
        sources = {one.index: one for one in server.sources()}
        routes = [(sources.get(one.source), one) for one in server.listeners() if one.pid in wanted]
        return [text for source, one in routes if source is not None for text in differences(source, one).values()]
    return []


@dataclass(slots=True)
class Route:
    """One input: what it should record, what it does, and the states that hold."""

    number: int
    pid: int
    wanted: str
    """The name of the microphone that the input began with; empty until it is known."""
    actual: str = ""
    wanted_was_gone: bool = False
    states: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    """What to call each microphone that was ever there."""

    def look(self, found: list[ServerSource], listener: Listener) -> list[Order]:
        """What has changed since the last look."""
        self._learn(found)
        source = next((one for one in found if one.index == listener.source), None)
        if source is None:  # between two microphones
            return []
        self.wanted = self.wanted or source.name
        orders: list[Order] = []
        if source.name != (self.actual or self.wanted):
            orders += self._moved(self.actual or self.wanted, source.name)
        self.actual = source.name
        is_there = any(one.name == self.wanted for one in found)
        self.wanted_was_gone = source.name != self.wanted and (self.wanted_was_gone or not is_there)
        now = differences(source, listener)
        if source.name != self.wanted:
            now[WRONG_INPUT] = f"Input {self.number + 1} records {self._label(source.name)}, not {self._label(self.wanted)}."
        return orders + self._changed(now)

    def should_return(self, found: list[ServerSource]) -> ServerSource | None:
        """The wanted microphone, when it had vanished and is back: the server does not move a stream back by itself."""
        return next((one for one in found if self.wanted_was_gone and one.name == self.wanted), None)

    def _learn(self, found: list[ServerSource]) -> None:
        """Two microphones may be called the same: then only their names tell them apart.  One that is gone keeps its label."""
        called = Counter(one.description for one in found)
        for one in found:
            is_unique = called[one.description] == 1 and one.description not in self.labels.values()
            self.labels.setdefault(one.name, one.description if is_unique else one.name)

    def _label(self, name: str) -> str:
        return self.labels.get(name, printable(name))

    def _moved(self, before: str, after: str) -> list[Order]:
        text = f"Input {self.number + 1} was moved by the sound server: from {self._label(before)} to {self._label(after)}."
        moved: Order = {"device": "moved", "input": self.number, "from": printable(before), "to": printable(after)}
        return [moved, {"alarm": "input-moved", "input": self.number, "text": text, "loss": after != self.wanted}]

    def _changed(self, now: dict[str, str]) -> list[Order]:
        orders: list[Order] = []
        for code, text in now.items():
            if self.states.get(code) != text:
                orders.append({"state": code, "grade": GRADES[code], "input": self.number, "text": text})
        for code in self.states.keys() - now.keys():
            text = f"Over: {self.states[code]}"
            orders.append({"state": code, "grade": "over", "input": self.number, "text": text})
        self.states = now
        return orders


@dataclass(slots=True)
class Routes:
    """Every input of the recording that goes through the sound server."""

    routes: dict[int, Route] = field(default_factory=dict)

    def obey(self, order: Order) -> None:
        """``{"watch": INPUT, "pid": PID, "source": NAME}``: that process records that input, and should record from there.

        The same input with another process was opened again; what is known of it still holds.
        """
        number, pid, wanted = int(str(order["watch"])), int(str(order["pid"])), str(order["source"])
        route = self.routes.setdefault(number, Route(number, pid, wanted))
        route.pid = pid

    def look(self, server: SoundServer) -> list[Order]:
        """Compare what is with what should be; a stream whose microphone has come back is moved back to it."""
        found, listeners = server.sources(), {one.pid: one for one in server.listeners()}
        orders: list[Order] = []
        for route in self.routes.values():
            listener = listeners.get(route.pid)
            if listener is None:
                continue
            orders += route.look(found, listener)
            back = route.should_return(found)
            if back is not None:
                server.move(listener, back)
        return orders


def main() -> None:
    """Watch until stdin ends; a server that dies is waited for."""
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    routes = Routes()
    while True:
        with contextlib.suppress(NoServer), connected() as server:
            server.watch()
            while True:
                while not orders.empty():
                    routes.obey(orders.get())
                for order in routes.look(server):
                    sys.stdout.write(json.dumps({"order": order}) + "\n")
                sys.stdout.flush()
                server.listen(LOOK_EVERY_S)
        time.sleep(AGAIN_S)


def _listen(orders: "queue.SimpleQueue[Order]") -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    os._exit(0)  # libpulse may be waiting for a server that hangs


if __name__ == "__main__":
    main()
