"""Processes that die at any instant: every delivered frame is there, or its absence is on record."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from everyword.folder import SessionFolder, scan
from everyword.recording import read_recording
from everyword.verify import verdicts, verify_session
from recorder.sound.ring import Ring, find_rings
from tests.helpers import own_key
from tests.recorder.sound import (
    children_of,
    counted,
    counted_file,
    everyword,
    kill_at_once,
    numbers_in,
    recorded,
    start_recorder,
    wait_for_frames,
)
from tests.recorder.test_running import eventually

ROLES = ("writer", "capture", "supervisor", "everything", "writer twice", "writer, then everything")


def strike(process: "subprocess.Popen[bytes]", role: str) -> None:
    """SIGKILL to one process of a recording, or to all of them at once."""
    children = children_of(process)
    wanted = {"supervisor": [process.pid], "everything": [process.pid, *children.values()]}
    kill_at_once(pid for pid in wanted.get(role, [children.get(f"recorder.processes.{role}", 0)]) if pid)


def sealed(home: Path, process: "subprocess.Popen[bytes]", *, timeout_s: float = 40) -> SessionFolder | None:
    """The session, once its recorder has ended and somebody has sealed it; None when there is none."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout_s)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        everyword(home, "sessions")
        folders = scan([home / "sessions"])
        if all(folder.is_sealed for folder in folders):
            return folders[0] if folders else None
        time.sleep(0.1)
    raise AssertionError("the session was not sealed")


def unexplained(folder: SessionFolder, stream: int = 1) -> list[str]:
    """Jumps in the numbers of `counted_file` that no gap explains; an input that came back begins again at 1."""
    recording = read_recording(folder)
    numbers = numbers_in(recorded(folder, stream)).astype(np.int64)
    in_gap = np.zeros(len(numbers), bool)
    for gap in recording.gaps:
        if gap.stream == stream:
            in_gap[gap.first_frame : gap.first_frame + gap.frame_count] = True
    found = [f"{np.count_nonzero(numbers[in_gap])} frames of sound in a gap"] if numbers[in_gap].any() else []
    jumps = np.flatnonzero((np.diff(numbers, prepend=0) != 1) & ~in_gap & (numbers != 1)).tolist()
    return found + [f"frame {frame} is number {numbers[frame]} after {numbers[frame - 1]}" for frame in jumps]


def check(tmp_path: Path, folder: SessionFolder, *, loss_allowed: bool) -> None:
    recording = read_recording(folder)
    assert [] == [line for stream in recording.streams for line in unexplained(folder, stream)]
    integrity, completeness = verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))
    assert "pass" == integrity
    assert loss_allowed or ("pass", []) == (completeness, [alarm.text for alarm in recording.alarms]), recording.torn_bytes
    assert [] == find_rings(folder)


def struck(tmp_path: Path, home: Path, role: str, delay_s: float) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=60)
    process = start_recorder(home, "--input", f"file:{source}", "--duration", "3")
    time.sleep(delay_s)
    if ", then " in role:
        first, _, second = role.partition(", then ")
        strike(process, first)
        time.sleep(0.05)
        strike(process, second)
    elif role.endswith(" twice"):
        strike(process, role.removesuffix(" twice"))
        time.sleep(1.2)
        strike(process, role.removesuffix(" twice"))
    else:
        strike(process, role)
    folder = sealed(home, process)
    if folder is None:
        return  # killed before there was anything to record
    check(tmp_path, folder, loss_allowed=not role.startswith("writer") or "everything" in role)
    if role == "supervisor":
        assert [] == read_recording(folder).gaps
    if role in ("writer", "writer twice"):
        assert 3 * 8000 == read_recording(folder).end_frame(1)
    deadline = time.monotonic() + 10
    while (left := _processes_of(home)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [] == left


def _processes_of(home: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes()
            if b"recorder." in words and str(home.parent).encode() in words:
                found.append(words.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize(("role", "delay_s"), [("writer", 0.75), ("everything", 1.1)])
def test_a_process_that_dies_about_the_start_costs_nothing_unsaid(tmp_path: Path, home: Path, role: str, delay_s: float) -> None:
    struck(tmp_path, home, role, delay_s)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("seed", range(12))
def test_kills_at_random_instants_lose_nothing_unsaid(tmp_path: Path, home: Path, role: str, seed: int) -> None:
    struck(tmp_path, home, role, random.Random(f"{role}{seed}").uniform(0.2, 5.0))


def current(folder: SessionFolder, module: str, *, unlike: int = 0, timeout_s: float = 30) -> int:
    """The process of a recording that runs a module now, once it is another one than before."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                if module.encode() in words and str(folder.path).encode() in words and int(path.parent.name) != unlike:
                    return int(path.parent.name)
        time.sleep(0.02)
    raise AssertionError(f"there is no {module}")


def kill_in_turn(folder: SessionFolder, process: "subprocess.Popen[bytes]", *, rounds: int, seed: int) -> None:
    """SIGKILL to the writer and to the supervisor, over and over; each as soon as the successor of the other has been started."""
    chance = random.Random(seed)
    writer, supervisor = current(folder, "recorder.processes.writer"), process.pid
    for turn in range(rounds):
        time.sleep(chance.uniform(0, 0.6))
        os.kill(writer, signal.SIGKILL)
        writer = current(folder, "recorder.processes.writer", unlike=writer)
        time.sleep(chance.uniform(0, 0.6))
        os.kill(supervisor, signal.SIGKILL)
        if not turn:
            process.wait()
        supervisor = current(folder, "recorder.processes.supervisor", unlike=supervisor)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_however_often_writer_and_supervisor_are_killed_no_frame_is_lost(tmp_path: Path, home: Path, rounds: int) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=1500)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=0.3)
    kill_in_turn(folder, process, rounds=rounds, seed=rounds)
    supervisor = current(folder, "recorder.processes.supervisor", unlike=process.pid)
    eventually(lambda: everyword(home, "stop", str(folder.path)).returncode in (0, 3))
    pcm = recorded(folder)
    assert counted(1, len(pcm) // 4) == pcm
    assert [] == read_recording(folder).gaps
    assert rounds == [alarm.code for alarm in read_recording(folder).alarms].count("supervisor-lost")
    eventually(lambda: not Path(f"/proc/{supervisor}").exists())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_supervisor_and_writer_killed_at_the_same_instant_cost_nothing(tmp_path: Path, home: Path, rounds: int) -> None:
    """Nobody holds the session then; a capture child sees to it that somebody does."""
    source, chance = counted_file(tmp_path / "in.wav", seconds=1500), random.Random(rounds)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=0.3)
    writer, supervisor = current(folder, "recorder.processes.writer"), process.pid
    for turn in range(rounds):
        rest_s = 0 if turn < 4 else 30 if turn == 4 else 6  # more than five deaths in half a minute are too many
        time.sleep(chance.uniform(0, 0.6) + rest_s)
        kill_at_once([supervisor, writer])
        if not turn:
            process.wait()
        writer = current(folder, "recorder.processes.writer", unlike=writer)
        supervisor = current(folder, "recorder.processes.supervisor", unlike=supervisor)
        eventually(lambda: folder.journal.read_text().count('"supervisor-lost"') > turn)  # noqa: B023  (called at once)
    eventually(lambda: everyword(home, "stop", str(folder.path)).returncode in (0, 3))
    pcm = recorded(folder)
    assert counted(1, len(pcm) // 4) == pcm
    assert [] == read_recording(folder).gaps
    assert ["supervisor-lost"] * rounds == [alarm.code for alarm in read_recording(folder).alarms]
    assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0]
    eventually(lambda: [] == _processes_of(home))


def test_a_supervisor_that_hangs_is_ended_and_another_one_takes_its_place(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=300)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=0.3)
    os.kill(process.pid, signal.SIGSTOP)
    assert -signal.SIGKILL == process.wait(40)
    current(folder, "recorder.processes.supervisor")
    eventually(lambda: everyword(home, "stop", str(folder.path)).returncode in (0, 3))
    pcm = recorded(folder)
    assert counted(1, len(pcm) // 4) == pcm
    assert [] == read_recording(folder).gaps
    assert ["supervisor-lost"] * 2 == [alarm.code for alarm in read_recording(folder).alarms]


@pytest.mark.slow
def test_a_writer_that_hangs_is_replaced_before_the_buffer_is_full(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=300)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=0.3)
    writer = current(folder, "recorder.processes.writer")
    os.kill(writer, signal.SIGSTOP)
    current(folder, "recorder.processes.writer", unlike=writer, timeout_s=60)
    eventually(lambda: everyword(home, "stop", str(folder.path)).returncode in (0, 3))
    assert process.wait(30) in (0, 3)
    pcm = recorded(folder)
    assert counted(1, len(pcm) // 4) == pcm
    assert 22 * 8000 < len(pcm) // 4


def test_ten_deaths_of_the_capture_child_are_ten_holes_with_their_lengths(tmp_path: Path, home: Path) -> None:
    """Half of them after the supervisor has died, too: its successor is no parent of the capture child it has adopted."""
    source = counted_file(tmp_path / "in.wav", seconds=60)
    process = start_recorder(home, "--input", f"file:{source}")
    folder, chance = wait_for_frames(home, seconds=0.3), random.Random(10)
    for death in range(10):
        if death == 5:
            process.kill()
            process.wait()
        eventually(lambda: rings_of(folder) > death)  # noqa: B023  (called at once)
        time.sleep(chance.uniform(0, 0.4))
        os.kill(capture_of(folder), signal.SIGKILL)
    eventually(lambda: rings_of(folder) > 10)
    assert 3 == everyword(home, "stop", str(folder.path)).returncode
    assert [] == unexplained(folder)
    assert ["input-reopened"] * 10 == [gap.cause for gap in read_recording(folder).gaps]


def capture_of(folder: SessionFolder) -> int:
    """The capture child whose frames are being written."""
    path, _ = list(read_recording(folder).rings.values())[-1]
    return int(str(Ring.open(Path(path)).about["pid"]))


def rings_of(folder: SessionFolder) -> int:
    """How many openings the journal knows."""
    return folder.journal.read_text().count('"kind":"ring"')


@pytest.mark.parametrize("stderr", ["closed", "closed pipe", "full pipe"])
def test_a_recording_does_not_depend_on_somebody_reading_its_words(tmp_path: Path, home: Path, stderr: str) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=9)
    command = [sys.executable, "-P", "-m", "everyword", "record", "--input", f"file:{source}", "--duration", "1"]
    reading, writing = os.pipe()
    if stderr == "closed pipe":
        os.close(reading)
    elif stderr == "full pipe":
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(writing, bytes(4096)):
                pass
        os.set_blocking(writing, True)
    else:
        command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    process = subprocess.Popen(command, stderr=writing, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not any(folder.is_sealed for folder in scan([home / "sessions"])) and time.monotonic() < deadline:
            time.sleep(0.05)
        (folder,) = scan([home / "sessions"])
        assert (True, 8000) == (folder.is_sealed, read_recording(folder).end_frame(1))
    finally:
        process.kill()
        process.wait()


def test_an_input_that_does_not_come_back_is_told(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=60)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=0.5)
    source.unlink()
    strike(process, "capture")
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    assert folder.is_sealed
    assert [("input-lost", True)] == [(alarm.code, alarm.loss) for alarm in read_recording(folder).alarms]
