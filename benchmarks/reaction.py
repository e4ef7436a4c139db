"""How soon a recording does what people ask of it: start, note, pause, another supervisor after a death, the end.

Usage: python -m benchmarks.reaction [--rounds 5] [--room]

Each round is one recording of a file played as if it were a device, or with ``--room`` of a private PulseAudio through PortAudio.

  start      inputs open → the first frame was heard (from the journal)
  note       Enter → the note is on disk
  pause      key → the writer's status says PAUSED
  takeover   kill -9 of the supervisor → another one answers
  sealed     the order to end → sealed
"""

import argparse
import contextlib
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from everyword.folder import SessionFolder, scan
from everyword.recording import read_recording
from everyword.room import Room
from recorder.control import Connection, Message, NotRunning

RATE_HZ = 48_000
T = TypeVar("T")


def main() -> None:
    """Measure and print the median and the worst of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="recordings to make")
    parser.add_argument("--room", action="store_true", help="record a private PulseAudio instead of a file")
    options = parser.parse_args()
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, sound(Path(name), in_a_room=options.room) as (spec, environment):
        for turn in range(options.rounds):
            for what, seconds in one_round(Path(name) / f"home{turn}", spec, environment).items():
                found.setdefault(what, []).append(seconds)
    for what, values in found.items():
        print(
            f"{what:10} median {statistics.median(values) * 1000:6.0f} ms   worst {max(values) * 1000:6.0f} ms   of {len(values)}"
        )
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")


@contextlib.contextmanager
def sound(folder: Path, *, in_a_room: bool) -> Iterator[tuple[str, dict[str, str]]]:
    """An input to record, and the variables under which it is found."""
    if in_a_room:
        with Room(channels=2, rate_hz=RATE_HZ) as room:
            yield "pulse", room.environment()
        return
    path = folder / "noise.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(1).integers(-9000, 9000, RATE_HZ * 240, np.int16).tobytes())
    yield f"file:{path}", dict(os.environ)


def one_round(home: Path, spec: str, environment: dict[str, str]) -> dict[str, float]:
    """One recording; seconds by what was asked."""
    found: dict[str, float] = {}
    command = [sys.executable, "-P", "-m", "everyword", "--quiet", "record", "--input", spec, "--channels", "2"]
    process = subprocess.Popen(command, env={**environment, "EVERYWORD_HOME": str(home)}, stdout=subprocess.DEVNULL)
    folder = until(lambda: next(iter(scan([home / "sessions"])), None))
    session_id = folder.path.name[-26:]
    connection = until(lambda: opened(session_id))
    wait_for(connection, lambda message: bool(status_of(message).get("streams")))
    time.sleep(1)
    started = time.monotonic()
    connection.say({"note": "n", "by": "benchmark"})
    wait_for(connection, lambda message: "told" in message)
    found["note"] = time.monotonic() - started
    started = time.monotonic()
    connection.say({"pause": "paused", "by": "benchmark"})
    wait_for(connection, lambda message: bool(status_of(message).get("pause")))
    found["pause"] = time.monotonic() - started
    connection.say({"resume": True, "by": "benchmark"})
    wait_for(connection, lambda message: "status" in message and not status_of(message).get("pause"))
    started = time.monotonic()
    process.send_signal(signal.SIGKILL)
    process.wait()
    connection = until(lambda: opened(session_id))
    wait_for(connection, lambda message: "status" in message)
    found["takeover"] = time.monotonic() - started
    started = time.monotonic()
    connection.say({"stop": True, "by": "benchmark"})
    until(lambda: folder.is_sealed or None)
    found["sealed"] = time.monotonic() - started
    connection.close()
    return {"start": start_s(folder), **found}


def start_s(folder: SessionFolder) -> float:
    """From the moment at which the folder was made, all inputs being open, to the first frame of the sound."""
    recording = read_recording(folder)
    timeline = recording.timeline(1)
    return ((timeline.start_utc_us or 0) - recording.session.created_at_us) / 1e6


def opened(session_id: str) -> Connection | None:
    """A connection, once somebody answers."""
    try:
        return Connection.open(session_id)
    except NotRunning:
        return None


def status_of(message: Message) -> Message:
    """The status in a message."""
    value = message.get("status")
    return value if isinstance(value, dict) else {}


def wait_for(connection: Connection, is_it: Callable[[Message], bool]) -> None:
    """Read until a message comes that is wanted."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(is_it(message) for message in connection.messages(0.1)):
            return
    sys.exit("the recorder did not answer")


def until(look: Callable[[], T | None]) -> T:
    """Look again and again."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.005)
    sys.exit("it did not come about")


if __name__ == "__main__":
    main()
