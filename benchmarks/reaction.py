"""How soon a recording does what people ask of it: start, note, pause, another supervisor after a death, the end.

Usage: python -m benchmarks.reaction [--rounds 5] [--room]

Each round is one recording of a file played as if it were a device, or with ``--room`` of a microphone of a private PulseAudio
through PortAudio (eight channels, fed through a pipe at the pace of the clock).

  heard      Enter → the first frame of the recording (its time by the journal)
  delivered  Enter → the sound system had handed over the first block
  REC        Enter → somebody who watches is told that it records
  parecord   with ``--room``: Enter → the first bytes come from PulseAudio's own recorder, in blocks of 125 ms as here
  note       Enter → the note is on disk
  pause      key → the writer's status says PAUSED
  takeover   kill -9 of the supervisor → another one answers
  sealed     the order to end → sealed
"""

import argparse
import contextlib
import os
import platform
import shutil
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
from everyword.room import Room, channel_map
from recorder.operator.control import Connection, Message, NotRunning
from tests.recorder.busy import CHANNELS, NAME, RATE_HZ, numbered_microphone

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
            times = one_round(Path(name) / f"home{turn}", spec, environment)
            for what, seconds in (times | ({"parecord": parecord_s(environment)} if options.room else {})).items():
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
        with Room() as room, numbered_microphone(room) as microphone:
            yield microphone, room.environment()
        return
    path = folder / "noise.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(1).integers(-9000, 9000, RATE_HZ * 240, np.int16).tobytes())
    yield f"file:{path}", dict(os.environ)


def one_round(home: Path, spec: str, environment: dict[str, str]) -> dict[str, float]:
    """One recording; seconds by what was asked."""
    found: dict[str, float] = {}
    command = [sys.executable, "-P", "-m", "everyword", "--quiet", "record", "--input", spec]
    began_us = time.time_ns() // 1000
    process = subprocess.Popen(command, env={**environment, "EVERYWORD_HOME": str(home)}, stdout=subprocess.DEVNULL)
    folder = until(lambda: next(iter(scan([home / "sessions"])), None))
    session_id = folder.path.name[-26:]
    connection = until(lambda: opened(session_id))
    wait_for(connection, lambda message: bool(status_of(message).get("streams")))
    found["REC"] = time.time_ns() / 1e9 - began_us / 1e6
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
    return {**start_s(folder, began_us), **found}


def start_s(folder: SessionFolder, began_us: int) -> dict[str, float]:
    """From the moment at which the command was given, by the recording's own journal."""
    recording = read_recording(folder)
    delivered_us = recording.anchors[1][0].utc_us
    return {
        "heard": ((recording.timeline(1).start_utc_us or 0) - began_us) / 1e6,
        "delivered": (delivered_us - began_us) / 1e6,
    }


def parecord_s(environment: dict[str, str]) -> float:
    """The same for PulseAudio's own recorder."""
    form = [f"--device={NAME}", "--raw", "--format=s24le", f"--rate={RATE_HZ}", f"--channels={CHANNELS}", "--latency-msec=125"]
    command = [shutil.which("parecord") or "parecord", *form, f"--channel-map={channel_map(CHANNELS)}"]
    started = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101  (a pipe)
        process.stdout.read(1)
        took = time.monotonic() - started
        process.kill()
    return took


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
