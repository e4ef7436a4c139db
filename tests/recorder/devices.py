"""Sound systems that can be made to fail: a fake of sounddevice, and microphones of a private PulseAudio."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from everyword.folder import SessionFolder, scan
from everyword.recording import read_recording
from everyword.room import channel_map
from tests.recorder.sound import kill_all, numbers_in, recorded

FAKE = Path(__file__).parent / "fake"


class FakeSound:
    """The microphone of tests/recorder/fake/sounddevice.py: every process with these variables has it and no other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "epoch").touch()
        self.variables = {"FAKE_SOUND": str(folder), "PYTHONPATH": str(FAKE)}

    def in_test(self, monkeypatch: pytest.MonkeyPatch) -> "FakeSound":
        """Every process that the test starts has it."""
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        return self

    def tell(self, word: str) -> None:
        """From now on: stall, gone, end, break, flag, fast, busy, busy at start, hang in start, hang in stop, hang in close."""
        (self.folder / word).touch()

    def untell(self, word: str) -> None:
        """As if it had never been said."""
        (self.folder / word).unlink()


def until(what: Callable[[], object], *, timeout_s: float = 30) -> None:
    """Wait for a state; fail when it does not come."""
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def the_session(home: Path) -> SessionFolder:
    """The one session there is, once it is there."""
    until(lambda: scan([home / "sessions"]))
    (folder,) = scan([home / "sessions"])
    return folder


def lines(folder: SessionFolder, kind: str) -> list[dict[str, object]]:
    """The journal's whole lines of one kind, while it is being written."""
    text = folder.journal.read_text() if folder.journal.exists() else ""
    found = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in found if line["kind"] == kind]


def misplaced(folder: SessionFolder) -> list[str]:
    """Where sound of the fake microphone lies elsewhere than its numbers say, by more than a block, or is there twice."""
    recording = read_recording(folder)
    numbers = numbers_in(recorded(folder)).astype(np.int64)
    sounding = np.ones(len(numbers), np.bool_)
    for gap in recording.gaps:
        sounding[gap.first_frame : gap.first_frame + gap.frame_count] = False
    at = np.flatnonzero(sounding)
    away = (numbers[at] - at) - (numbers[at[0]] - at[0])
    found = [f"frame {at[index]} is {away[index]} frames away" for index in np.flatnonzero(np.abs(away) > 400)[:3]]
    return found + (["a frame is there twice"] if (np.diff(numbers[at]) <= 0).any() else [])


def pactl(environment: dict[str, str], *words: str) -> str:
    """Tell a sound server something; returns its answer."""
    done = subprocess.run(["pactl", *words], env=environment, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()


def add_microphone(environment: dict[str, str], name: str, *, rate_hz: int = 48_000, channels: int = 2) -> str:
    """A microphone called ``NAME.monitor``, which hears what is played to ``NAME``; returns the number of its module."""
    form = [f"rate={rate_hz}", f"channels={channels}", f"channel_map={channel_map(channels)}", "format=s16le"]
    return pactl(environment, "load-module", "module-null-sink", f"sink_name={name}", *form)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Whatever a test has come to: no process of its recorder stays.  A supervisor that is killed alone would be succeeded."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            kill_all(process)
