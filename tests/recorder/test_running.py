"""A recording and the people around it: other terminals, pauses, notes, deaths.  Real processes."""

import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from everyword.folder import SessionFolder
from everyword.recording import Recording, read_recording
from recorder.operator.control import Connection, socket_path
from tests.recorder.sound import (
    children_of,
    counted,
    counted_file,
    everyword,
    kill_all,
    numbers_in,
    recorded,
    start_recorder,
    wait_for_frames,
)


def eventually(is_so: Callable[[], bool], *, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


class Running:
    """A recording of a long file, with one or two terminals."""

    def __init__(self, tmp_path: Path, home: Path, *arguments: str) -> None:
        self.home = home
        source = counted_file(tmp_path / "in.wav", seconds=120)
        self.process = start_recorder(home, "--input", f"file:{source}", *arguments)
        self.folder: SessionFolder = wait_for_frames(home, seconds=0.3)

    @property
    def id(self) -> str:
        return self.folder.path.name[-26:]

    def journal(self) -> Recording:
        return read_recording(self.folder)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return everyword(self.home, *arguments)

    def end(self) -> None:
        if not self.folder.is_sealed:
            self.run("stop", self.id)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def running(tmp_path: Path, home: Path) -> Iterator[Running]:
    """A recording of its own, for a test that ends it."""
    one = Running(tmp_path, home)
    try:
        yield one
    finally:
        one.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One recording for the tests that leave it running; whatever they do to it, no frame may be missing at the end."""
    folder = tmp_path_factory.mktemp("shared")
    one = Running(folder, folder / "home")
    try:
        yield one
        assert one.run("stop", one.id).returncode in (0, 3)  # the coded sound is silent on one channel at first
        assert counted(1, len(recorded(one.folder)) // 4) == recorded(one.folder)
    finally:
        one.end()


def test_stop_from_another_terminal_seals_and_both_say_so(running: Running) -> None:
    done = running.run("stop", running.id, "--json")
    assert (0, {"path": str(running.folder.path), "gaps": 0, "alarms": 0}) == (done.returncode, json.loads(done.stdout)["data"])
    assert 0 == running.process.wait(20)


def test_pause_and_resume_from_another_terminal_are_confirmed_and_on_record(running: Running) -> None:
    paused = running.run("pause", running.id, "--off-record")
    resumed = running.run("resume", running.id)
    assert ("Off the record.\n", "On the record again.\n") == (paused.stdout, resumed.stdout)
    running.run("stop", running.id)
    (gap,) = running.journal().gaps
    numbers = numbers_in(recorded(running.folder)).tolist()
    end = gap.first_frame + gap.frame_count
    assert gap.cause == "off-record"
    assert list(range(1, gap.first_frame + 1)) == numbers[: gap.first_frame]
    assert {0} == set(numbers[gap.first_frame : end])
    assert list(range(end + 1, len(numbers) + 1)) == numbers[end:]


def test_a_pause_survives_the_death_of_the_writer_and_of_the_supervisor(running: Running) -> None:
    running.run("pause", running.id)
    for name in ("recorder.processes.writer", None):
        pid = children_of(running.process)[name] if name else running.process.pid
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
    eventually(lambda: can_connect(running.id))
    eventually(lambda: running.run("resume", running.id).returncode == 0)
    running.run("stop", running.id)
    numbers = numbers_in(recorded(running.folder)).tolist()
    silent = sum(gap.frame_count for gap in running.journal().gaps)
    first = running.journal().gaps[0].first_frame
    expected = [*range(1, first + 1), *([0] * silent), *range(first + silent + 1, len(numbers) + 1)]
    assert expected == numbers
    assert {"paused"} == {gap.cause for gap in running.journal().gaps}


def can_connect(session_id: str) -> bool:
    path = socket_path(session_id)
    with socket.socket(socket.AF_UNIX) as client:
        return path is not None and client.connect_ex(str(path)) == 0


def statuses(connection: Connection, *, wanted: Callable[[dict[str, object]], bool], timeout_s: float = 20) -> dict[str, object]:
    """The first message that is wanted."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for message in connection.messages(0.2):
            if wanted(message):
                return message
    raise AssertionError("no such message came")


def test_only_the_owner_can_open_the_socket(shared: Running) -> None:
    path = socket_path(shared.id)
    assert path is not None
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)]
    assert [0o600, 0o700] == modes


def test_several_viewers_see_the_same_and_each_can_note(shared: Running) -> None:
    viewers = [Connection.open(shared.id) for _ in range(3)]
    for number, viewer in enumerate(viewers):
        viewer.say({"note": f"note {number}", "by": f"viewer {number}"})
        statuses(viewer, wanted=lambda message: message.get("told") == "The note is on disk.")
    for viewer in viewers:
        statuses(viewer, wanted=lambda message: message.get("status", {}).get("notes") == 3)  # type: ignore[attr-defined]
        viewer.close()
    notes = {(note.text, note.by) for note in shared.journal().notes}
    assert {(f"note {number}", f"viewer {number}") for number in range(3)} == notes


def test_a_viewer_that_hangs_dies_or_sends_rubbish_costs_nothing(shared: Running) -> None:
    hanging, rubbish, dying = (Connection.open(shared.id) for _ in range(3))
    rubbish.connection.sendall(b"\xff\xfe{]\n" + b"[" * 100_000 + b"\n")
    dying.connection.close()
    watching = Connection.open(shared.id)
    statuses(watching, wanted=lambda message: message.get("status", {}).get("viewers") == 2)  # type: ignore[attr-defined]
    for viewer in (hanging, rubbish, watching):
        viewer.close()


def test_an_unknown_order_is_answered_and_changes_nothing(shared: Running) -> None:
    viewer = Connection.open(shared.id)
    viewer.say({"erase": True})
    told = statuses(viewer, wanted=lambda message: "told" in message)["told"]
    viewer.close()
    assert "does not know" in str(told)


def test_a_note_that_was_acknowledged_survives_the_death_of_everything(running: Running) -> None:
    done = running.run("note", running.id, "They deny the protocol")
    kill_all(running.process)
    assert 0 == done.returncode
    running.run("salvage", str(running.folder.path))
    assert ["They deny the protocol"] == [note.text for note in running.journal().notes]


def test_a_session_that_nobody_records_is_told_from_one_that_is_not_there(running: Running) -> None:
    running.run("stop", running.id)
    ended, unknown = running.run("pause", running.id), running.run("pause", "nosuch")
    assert ("Nobody is recording" in ended.stderr, "No session has" in unknown.stderr) == (True, True)
    assert (1, 1) == (ended.returncode, unknown.returncode)


def test_a_transcriber_that_is_killed_ten_times_costs_nothing(shared: Running, tmp_path: Path) -> None:
    """Of a session that is over, and of the one that is being recorded."""
    other = json.loads(shared.run("import", str(counted_file(tmp_path / "other.wav", seconds=5)), "--json").stdout)
    environment, chance = {**os.environ, "EVERYWORD_HOME": str(shared.home)}, random.Random(1)
    for path in [other["data"]["path"], str(shared.folder.path)] * 5:
        command = [sys.executable, "-P", "-m", "everyword", "transcribe", path]
        transcriber = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.1, 1.0))
        transcriber.kill()
        transcriber.wait()
    before = shared.folder.segment(1, 0).stat().st_size
    eventually(lambda: shared.folder.segment(1, 0).stat().st_size > before)


def test_a_supervisor_that_hangs_is_told_to_who_looks_and_the_sound_goes_on(shared: Running, tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as said:
        command = [sys.executable, "-P", "-m", "everyword", "record", "--attach", shared.id]
        viewer = subprocess.Popen(command, env={**os.environ, "EVERYWORD_HOME": str(shared.home)}, stderr=said, text=True)
    eventually(lambda: "REC" in (tmp_path / "said").read_text())
    os.kill(shared.process.pid, signal.SIGSTOP)
    try:
        before = shared.folder.segment(1, 0).stat().st_size
        eventually(lambda: "has not answered" in (tmp_path / "said").read_text())
        after = shared.folder.segment(1, 0).stat().st_size
    finally:
        os.kill(shared.process.pid, signal.SIGCONT)
    viewer.terminate()  # a shell in the background has its children ignore Ctrl-C
    viewer.wait(20)
    assert after > before


def test_a_writer_that_hangs_is_told_with_the_time_that_is_left(shared: Running) -> None:
    viewer, writer = Connection.open(shared.id), children_of(shared.process)["recorder.processes.writer"]
    os.kill(writer, signal.SIGSTOP)
    try:
        message = statuses(viewer, wanted=lambda message: "silent_s" in message.get("status", {}))  # type: ignore[operator]
    finally:
        os.kill(writer, signal.SIGCONT)
    status = message["status"]
    assert isinstance(status, dict)
    assert 20 <= status["kept_s"] <= 28
    viewer.close()
