"""Which microphone an input really records."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from everyword.room import Room
from recorder.processes.children import Child
from recorder.processes.routing import Route, differences, differences_now
from recorder.sound.servers import Listener, NoServer, ServerSource, connected, sources
from tests.recorder.devices import add_microphone, pactl, until

MAP = ("front-left", "front-right")
LEFT = ServerSource(1, "usb.left", "Left microphone", "A1", 48_000, 2, "s24", MAP, (100, 100), False, False, True)
RIGHT = replace(LEFT, index=2, name="usb.right", description="Right microphone", is_default=False)
LISTENER = Listener(7, 4711, 1, 48_000, 2, MAP, (100, 100), False)


def a_route(wanted: str = "usb.left") -> Route:
    return Route(0, 4711, wanted)


def codes(orders: list[dict[str, object]]) -> list[tuple[str, object]]:
    found = []
    for order in orders:
        kind = next(iter(order))
        found.append((str(order[kind]), order.get("grade")))
    return found


def test_sound_that_comes_as_it_is_makes_no_difference() -> None:
    assert {} == differences(LEFT, LISTENER)


@pytest.mark.parametrize(
    ("source", "listener", "state"),
    [
        ({"volumes_percent": (80, 100)}, {}, "volume"),
        ({}, {"volumes_percent": (100, 153)}, "volume"),
        ({"is_muted": True}, {}, "muted"),
        ({}, {"is_muted": True}, "muted"),
        ({"rate_hz": 44_100}, {}, "resampled"),
        ({"channel_map": ("aux0", "aux1")}, {}, "remixed"),
        ({"channel_map": ("mono",), "channels": 1}, {}, "remixed"),
    ],
)
def test_whatever_changes_the_sound_on_its_way_is_named(source: dict[str, Any], listener: dict[str, Any], state: str) -> None:
    assert [state] == list(differences(replace(LEFT, **source), replace(LISTENER, **listener)))


def test_a_state_begins_once_and_is_over_once() -> None:
    route, loud = a_route(), replace(LEFT, volumes_percent=(140, 140))
    told = [codes(route.look([source], LISTENER)) for source in (LEFT, loud, loud, LEFT, LEFT)]
    assert [[], [("volume", "warning")], [], [("volume", "over")], []] == told


def test_a_stream_that_was_moved_is_told_with_both_names() -> None:
    route = a_route()
    route.look([LEFT, RIGHT], LISTENER)
    orders = route.look([LEFT, RIGHT], replace(LISTENER, source=2))
    assert [("moved", None), ("input-moved", None), ("wrong-input", "alarm")] == codes(orders)
    assert ("usb.left", "usb.right") == (orders[0]["from"], orders[0]["to"])
    assert "Left microphone to Right microphone" in str(orders[1]["text"])
    assert orders[1]["loss"] is True


def test_an_input_that_was_opened_again_on_another_microphone_is_told() -> None:
    assert ("wrong-input", "alarm") in codes(a_route().look([RIGHT], replace(LISTENER, source=2)))


def test_a_stream_is_moved_back_only_when_its_microphone_had_vanished() -> None:
    by_hand, by_server = a_route(), a_route()
    by_hand.look([LEFT, RIGHT], replace(LISTENER, source=2))
    by_server.look([RIGHT], replace(LISTENER, source=2))
    by_server.look([LEFT, RIGHT], replace(LISTENER, source=2))
    assert [None, LEFT] == [route.should_return([LEFT, RIGHT]) for route in (by_hand, by_server)]


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    if Room.missing():
        pytest.skip(f"not installed: {Room.missing()}")
    with Room(channels=2) as room:
        for name, value in room.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PULSE_SOURCE")
        yield room


@pytest.fixture
def listener(room: Room) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that records the second of two microphones, as a capture child would."""
    for name in ("first", "second"):
        add_microphone(room.environment(), name)
    command = ["parec", "--device=second.monitor", "--format=s16le", "--rate=48000", "--channels=2", "--latency-msec=100"]
    process = subprocess.Popen(command, env=room.environment(), stdout=subprocess.DEVNULL)
    with connected() as server:
        until(lambda: [one for one in server.listeners() if one.pid == process.pid])
    yield process
    process.kill()
    process.wait()


def take(watcher: Child, wanted: str, found: list[dict[str, object]]) -> None:
    def has_come() -> bool:
        found.extend(order for kind, order in watcher.take() if kind == "order")
        return any(wanted in (order.get("state"), order.get("device")) for order in found)

    until(has_come)


def test_a_microphone_that_vanishes_and_comes_back_is_followed(room: Room, listener: "subprocess.Popen[bytes]") -> None:
    environment = room.environment()
    watcher = Child.start("recorder.processes.routing")
    try:
        watcher.order(json.dumps({"watch": 0, "pid": listener.pid, "source": "second.monitor"}))
        found: list[dict[str, object]] = []
        pactl(environment, "set-source-volume", "second.monitor", "50%")
        take(watcher, "volume", found)
        modules = [line.split()[0] for line in pactl(environment, "list", "short", "modules").splitlines() if "second" in line]
        pactl(environment, "unload-module", modules[0])
        take(watcher, "moved", found)
        moved = next(order for order in found if "device" in order)
        assert "second.monitor" == moved["from"]
        assert moved["to"] in ("first.monitor", "room.monitor")
        found.clear()
        add_microphone(environment, "second")
        take(watcher, "moved", found)
        assert "second.monitor" == next(order["to"] for order in found if "device" in order)
        with connected() as server:
            names = {one.index: one.name for one in server.sources()}
            assert ["second.monitor"] == [names[one.source] for one in server.listeners() if one.pid == listener.pid]
    finally:
        watcher.end(grace_s=1)
        watcher.close()


def test_the_watcher_waits_for_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent/everyword")
    watcher = Child.start("recorder.processes.routing")
    watcher.order(json.dumps({"watch": 0, "pid": 1, "source": ""}))
    assert 0 == watcher.end(grace_s=10)
    watcher.close()


def test_without_a_server_there_are_no_microphones_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent/everyword")
    assert [] == sources()


def test_without_libpulse_there_are_no_microphones_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pulsectl", None)
    assert [] == sources()
    with pytest.raises(NoServer), connected():
        pass


def test_what_a_server_says_of_its_microphones_is_read(room: Room) -> None:
    add_microphone(room.environment(), "tone", rate_hz=32_000, channels=4)
    (tone,) = [one for one in sources() if one.name == "tone.monitor"]
    names = ("front-left", "front-right", "rear-left", "rear-right")
    assert (32_000, 4, "s16", names) == (tone.rate_hz, tone.channels, tone.sample_format, tone.channel_map)
    assert (True, False, (100,) * 4) == (tone.is_monitor, tone.is_muted, tone.volumes_percent)


def test_what_changes_the_sound_can_be_asked_for_once(room: Room, listener: "subprocess.Popen[bytes]") -> None:
    assert [] == differences_now([listener.pid])
    pactl(room.environment(), "set-source-mute", "second.monitor", "1")
    assert ["Monitor of Null Output is muted in the sound server."] == differences_now([listener.pid, None])
