"""What is heard in the headphones is what is on the disk, and whatever happens to them costs nothing."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import cli
from everyword.errors import InvalidOption
from everyword.room import Room
from everyword.segment import HEADER_BYTES, Layout
from recorder.processes.monitor import Cushion, Tail, heard
from tests.helpers import a_session
from tests.recorder.sound import (
    children_of,
    counted_file,
    everyword,
    journal_kinds,
    numbers_in,
    recorded,
    start_recorder,
    wait_for_frames,
)
from tests.recorder.test_running import eventually

HEADPHONES = "phones"


@pytest.fixture(scope="module")
def headphones() -> Iterator[dict[str, str]]:
    """A private sound server with headphones; the variables under which programs find it."""
    if Room.missing():
        pytest.skip(f"needs {Room.missing()}")
    with Room(rate_hz=8000) as room:
        environment = room.environment() | {"PULSE_SINK": HEADPHONES}
        module = ["module-null-sink", f"sink_name={HEADPHONES}", "rate=8000", "channels=2", "format=s16le"]
        subprocess.run(["pactl", "load-module", *module], env=environment, check=True, stdout=subprocess.DEVNULL)
        yield environment


def test_the_sound_in_the_headphones_is_the_sound_on_the_disk(
    tmp_path: Path, home: Path, headphones: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in headphones.items():
        monkeypatch.setenv(name, value)
    command = ["parec", f"--device={HEADPHONES}.monitor", "--raw", "--format=s16le", "--rate=8000", "--channels=2"]
    with (tmp_path / "heard").open("wb") as heard_file:
        listener = subprocess.Popen(command, stdout=heard_file)
    source = counted_file(tmp_path / "in.wav", seconds=120)
    process = start_recorder(home, "--input", f"file:{source}", "--monitor", "pulse")
    try:
        folder = wait_for_frames(home, seconds=0.5)
        eventually(lambda: len(longest_run(tmp_path / "heard")) > 8000)
        run = longest_run(tmp_path / "heard")
        os.kill(children_of(process)["recorder.processes.monitor"], signal.SIGKILL)
        eventually(lambda: "headphones" in folder.journal.read_text())
    finally:
        listener.kill()
        listener.wait()
        process.send_signal(signal.SIGINT)
        process.wait(30)
    numbers = numbers_in(recorded(folder))
    assert list(range(1, len(numbers) + 1)) == numbers.tolist()
    assert set(run.tolist()) <= set(numbers.tolist())
    assert "state" in journal_kinds(folder)


def longest_run(path: Path) -> np.ndarray:
    """The longest stretch of `counted` sound, each frame one more than the last."""
    data = path.read_bytes()
    numbers = numbers_in(data[: len(data) // 4 * 4]).astype(np.int64)
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    return max(np.split(numbers, breaks), key=len, default=numbers)


def test_an_output_that_is_not_there_is_told_and_costs_nothing(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=120)
    process = start_recorder(home, "--input", f"file:{source}", "--monitor", "no such output")
    folder = wait_for_frames(home, seconds=0.5)
    eventually(lambda: "no such output" in folder.journal.read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait(30) in (0, 3)
    assert 0 < len(recorded(folder))


def test_a_tail_follows_from_file_to_file_and_never_reads_half_a_frame(tmp_path: Path) -> None:
    made = a_session(tmp_path)
    wav = made.segment(1, 0).read_bytes()
    folder = tmp_path / "s1"
    folder.mkdir()
    first, second = folder / "000000.wav", folder / "000001.wav"
    first.write_bytes(wav[: HEADER_BYTES + 40])
    tail = Tail(folder)
    assert b"" == tail.read()
    with first.open("ab") as file:
        file.write(wav[HEADER_BYTES + 40 : HEADER_BYTES + 51])
    whole = 11 // tail_frame(tail) * tail_frame(tail)
    assert wav[HEADER_BYTES + 40 : HEADER_BYTES + 40 + whole] == tail.read()
    second.write_bytes(wav[: HEADER_BYTES + 12])
    assert wav[HEADER_BYTES : HEADER_BYTES + 12] == tail.read()


def tail_frame(tail: Tail) -> int:
    assert tail.layout is not None
    return tail.layout.channels * {"s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8}[tail.layout.sample_format]


def test_a_cushion_is_silent_until_it_is_filled_and_passes_over_what_came_too_late() -> None:
    cushion = Cushion(second_bytes=100, frame_bytes=2)
    cushion.give(b"a" * 40)
    early = cushion.take(10)
    cushion.give(b"b" * 20)
    on_time = cushion.take(10)
    cushion.give(bytes(100) + b"c" * 200)
    assert (bytes(10), b"a" * 10, b"c" * 50 + bytes(10)) == (early, on_time, cushion.take(60))


def test_many_channels_are_mixed_and_two_are_heard_as_they_are() -> None:
    four = np.array([[0.5, -0.5, 0.25, 0.25]], "<f4").tobytes()
    assert ("float32", 1, np.float32(0.125).tobytes()) == heard(Layout(8000, 4, "f32", 0), four)
    assert ("int16", 2, b"abcd") == heard(Layout(8000, 2, "s16", 0), b"abcd")


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--from", "0:10"], "no sound between"), (["--from", "x"], "no time in a recording"), (["--track", "7"], "no track 7")],
)
def test_play_says_what_is_wrong_with_the_times(tmp_path: Path, options: list[str], words: str) -> None:
    made = a_session(tmp_path)
    answer = CliRunner().invoke(cli.app, ["play", str(made.path), *options])
    assert isinstance(answer.exception, InvalidOption)
    assert words in answer.exception.sentence


def test_play_plays_to_the_end(tmp_path: Path, home: Path, headphones: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in headphones.items():
        monkeypatch.setenv(name, value)
    everyword(home, "import", str(counted_file(tmp_path / "in.wav", seconds=1)))
    (session,) = (home / "sessions").iterdir()
    started = time.monotonic()
    assert (0, "") == (everyword(home, "play", str(session), "--from", "0", "--track", "1").returncode, "")
    assert time.monotonic() - started >= 1
