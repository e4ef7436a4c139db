"""Recording from microphones of a real sound server that vanish, hang and die."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from everyword.folder import SessionFolder
from everyword.recording import read_recording
from everyword.room import Room
from everyword.verify import verdicts, verify_session
from tests.helpers import own_key
from tests.recorder.devices import add_microphone, end, lines, pactl, the_session, until
from tests.recorder.sound import everyword, start_recorder


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    if Room.missing():
        pytest.skip(f"not installed: {Room.missing()}")
    with Room() as room:
        for name, value in room.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("PULSE_SOURCE")
        yield room


def delivering(folder: SessionFolder, *, streams: int = 1) -> None:
    """Wait until every stream gets another second of sound."""

    def frames() -> list[int]:
        newest = {int(str(line["stream"])): int(str(line["frame"])) for line in lines(folder, "anchor")}
        return [newest.get(number, 0) for number in range(1, streams + 1)]

    before = frames()
    until(lambda: all(now >= was + 40_000 for was, now in zip(before, frames(), strict=True)))


def stop(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGINT)
    return process.wait(30)


def test_two_microphones_of_a_server_are_two_inputs_and_one_that_vanishes_is_told(tmp_path: Path, home: Path, room: Room) -> None:
    environment = room.environment()
    add_microphone(environment, "left")
    module = add_microphone(environment, "right", rate_hz=44_100, channels=1)
    process = start_recorder(home, "--input", "pulse:left.monitor", "--input", "pulse:right.monitor")
    try:
        folder = the_session(home)
        delivering(folder, streams=2)
        vanished_us = time.time_ns() // 1000
        pactl(environment, "unload-module", module)
        until(lambda: lines(folder, "device"))
        moved = lines(folder, "device")[0]
        add_microphone(environment, "right", rate_hz=44_100, channels=1)
        until(lambda: [line for line in lines(folder, "device") if line["to"] == "right.monitor"])
        delivering(folder, streams=2)
        assert 3 == stop(process)
    finally:
        end(process)
    recording = read_recording(folder)
    forms = {stream.detail["source"]: (stream.rate_hz, stream.channels) for stream in recording.streams.values()}
    assert {"left.monitor": (48_000, 2), "right.monitor": (44_100, 1)} == forms
    assert ("moved", "right.monitor") == (moved["event"], moved["from"])
    assert moved["to"] in ("left.monitor", "room.monitor")
    assert int(str(moved["at"])) - vanished_us < 5_000_000  # within a second on a computer with nothing else to do
    right = next(stream.stream for stream in recording.streams.values() if stream.channels == 1)
    assert "over" == recording.conditions["wrong-input", right, None].grade
    assert ("input-moved", True) in [(alarm.code, alarm.loss) for alarm in recording.alarms]
    assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0]


def a_hung_server(room: Room) -> None:
    assert room._server is not None
    room._server.send_signal(signal.SIGSTOP)
    time.sleep(2)  # longer than a stall is waited out
    room._server.send_signal(signal.SIGCONT)


def a_dead_server(room: Room) -> None:
    assert room._server is not None
    room._server.kill()
    room._server.wait()
    folder = room._open_folder()
    (folder / "native").unlink()
    room._start(folder)


@pytest.mark.parametrize("trouble", [a_hung_server, a_dead_server])
def test_a_server_that_comes_back_is_recorded_from_in_the_same_session(
    tmp_path: Path, home: Path, room: Room, trouble: "type[object]"
) -> None:
    process = start_recorder(home)
    try:
        folder = the_session(home)
        delivering(folder)
        trouble(room)  # type: ignore[call-arg]
        delivering(folder)
        delivering(folder)
        assert 3 == stop(process)
    finally:
        end(process)
    recording = read_recording(folder)
    assert (True, [1]) == (folder.is_sealed, list(recording.streams))
    assert sum(gap.frame_count for gap in recording.gaps) > 4_000
    assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0]


def test_a_suspended_monitor_is_told_with_how_long(home: Path, room: Room) -> None:
    """Nothing was played meanwhile, so no gap is made: a monitor's frames do not follow the clock."""
    process = start_recorder(home)
    try:
        folder = the_session(home)
        delivering(folder)
        pactl(room.environment(), "suspend-sink", "room", "1")  # and its monitor with it
        time.sleep(1)
        pactl(room.environment(), "suspend-sink", "room", "0")
        delivering(folder)
        until(
            lambda: "over" in [line["grade"] for line in lines(folder, "state") if line["code"] == "stalled"] or reopened(folder)
        )
        assert 3 == stop(process)
    finally:
        end(process)
    stalled = [line for line in lines(folder, "state") if line["code"] == "stalled"]
    if reopened(folder):  # on a very busy computer the second lasted for two, and the input was opened again
        assert all(int(str(line["frame_count"])) >= 0.9 * 48_000 for line in reopened(folder))
        return
    assert ["alarm", "over"] == [line["grade"] for line in stalled]
    (waited_ms,) = re.findall(r"again after (\d+) ms", str(stalled[-1]["text"]))
    assert int(waited_ms) >= 900
    assert [] == read_recording(folder).gaps


def reopened(folder: SessionFolder) -> list[dict[str, object]]:
    return [line for line in lines(folder, "gap") if line["cause"] == "input-reopened"]


def test_a_microphone_that_the_server_does_not_have_is_told_with_those_it_has(home: Path, room: Room) -> None:
    done = everyword(home, "record", "--input", "pulse:nobody")
    assert 5 == done.returncode
    assert "pulse:room.monitor" in done.stderr


def test_more_channels_than_the_microphone_has_are_refused(home: Path, room: Room) -> None:
    done = everyword(home, "record", "--channels", "8")
    assert (2, True) == (done.returncode, "has 2 channels, not 8" in " ".join(done.stderr.split()))
    assert not (home / "sessions").exists()


def test_the_inputs_are_listed_with_the_microphones_of_the_server(home: Path, room: Room) -> None:
    assert "pulse:room.monitor" in everyword(home, "inputs").stdout
