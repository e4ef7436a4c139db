"""How soon a lost microphone is told, and recorded again: the times of many losses of several kinds.

Usage: python benchmarks/devices.py [--cycles 50]

``stalls``: a fake sound system stops delivering, and delivers again once the recorder has given its capture child up.
``moves``: a private PulseAudio loses a microphone and moves the stream to another one; then the microphone comes back.
"""

import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from everyword.folder import SessionFolder
from everyword.room import Room
from tests.recorder.devices import FakeSound, add_microphone, lines, pactl, the_session, until
from tests.recorder.sound import children_of

Recorder = subprocess.Popen[bytes]


def main() -> None:
    """Lose, wait, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=50, help="losses of each kind")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; everyword {version('everyword')}")
    with tempfile.TemporaryDirectory() as name:
        stalls(Path(name), options.cycles)
    with tempfile.TemporaryDirectory() as name:
        moves(Path(name), options.cycles)


def stalls(folder: Path, cycles: int) -> None:
    """From the moment the microphone falls silent, and from the moment it could be heard again."""
    sound = FakeSound(folder / "sound")
    recorder = start(folder, sound.variables)
    session, told_ms, back_ms = the_session(folder / "home"), list[float](), list[float]()
    until(lambda: lines(session, "anchor"))
    time.sleep(2)
    before = open_files(recorder)
    for _ in range(cycles):
        child, rings, said = capture_of(recorder), len(lines(session, "ring")), len(stalled(session))
        at_us = now_us()
        sound.tell("stall")
        until(lambda said=said: len(stalled(session)) > said)  # type: ignore[misc]
        told_ms.append((at_of(stalled(session)[said]) - at_us) / 1000)
        until(lambda child=child: capture_of(recorder) not in (0, child))  # type: ignore[misc]
        at_us = now_us()
        sound.untell("stall")
        until(lambda rings=rings: len(lines(session, "ring")) > rings)  # type: ignore[misc]
        back_ms.append((at_of(lines(session, "ring")[rings]) - at_us) / 1000)
        time.sleep(2)
    files = open_files(recorder) - before
    stop(recorder)
    show("stall told after", told_ms)
    show("recorded again after", back_ms)
    print(f"  files left open by {cycles} cycles: {files}")


def moves(folder: Path, cycles: int) -> None:
    """From the moment the microphone is gone to the line in the journal, and from its return to the next."""
    with Room() as room:
        environment = {name: value for name, value in room.environment().items() if name != "PULSE_SOURCE"}
        module, told_ms, back_ms = add_microphone(environment, "lost"), list[float](), list[float]()
        recorder = start(folder, environment, "--input", "pulse:lost.monitor")
        os.environ |= environment
        session = the_session(folder / "home")
        until(lambda: lines(session, "anchor"))
        for _ in range(cycles):
            time.sleep(3)
            moved = len(lines(session, "device"))
            at_us = now_us()
            pactl(environment, "unload-module", module)
            until(lambda moved=moved: len(lines(session, "device")) > moved)  # type: ignore[misc]
            told_ms.append((at_of(lines(session, "device")[moved]) - at_us) / 1000)
            at_us = now_us()
            module = add_microphone(environment, "lost")
            until(lambda moved=moved: len(lines(session, "device")) > moved + 1)  # type: ignore[misc]
            back_ms.append((at_of(lines(session, "device")[moved + 1]) - at_us) / 1000)
        stop(recorder)
    show("move told after", told_ms)
    show("the right microphone again after", back_ms)


def start(folder: Path, variables: dict[str, str], *arguments: str) -> Recorder:
    """A recorder in a process of its own."""
    environment = {**os.environ, **variables, "EVERYWORD_HOME": str(folder / "home")}
    command = [sys.executable, "-P", "-m", "everyword", "record", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stop(recorder: Recorder) -> None:
    """End and seal."""
    recorder.send_signal(signal.SIGINT)
    recorder.wait(60)


def capture_of(recorder: Recorder) -> int:
    """The capture child's process; 0 between two of them."""
    return children_of(recorder).get("recorder.processes.capture", 0)


def stalled(session: SessionFolder) -> list[dict[str, object]]:
    """What the journal says of stalls that began."""
    return [line for line in lines(session, "state") if line["code"] == "stalled" and line["grade"] == "alarm"]


def at_of(line: dict[str, object]) -> int:
    """When a line was written, µs."""
    return int(str(line["at"]))


def now_us() -> int:
    """The same clock, now."""
    return time.time_ns() // 1000


def open_files(recorder: Recorder) -> int:
    """How many the supervisor has."""
    return len(list(Path(f"/proc/{recorder.pid}/fd").iterdir()))


def show(what: str, times_ms: list[float]) -> None:
    """Median, and the worst."""
    print(f"  {what}: median {statistics.median(times_ms):.0f} ms, worst {max(times_ms):.0f} ms of {len(times_ms)}")


if __name__ == "__main__":
    main()
