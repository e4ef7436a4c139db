"""Frames lost while the computer is busy: ``everyword record`` beside ``parecord``, from the same numbered microphone.

Usage: python benchmarks/load.py [--seconds 60] [--hogs 2×cores] [--json]

A private PulseAudio has a microphone of 8 channels, 48 kHz, 24 bits, whose every frame carries its own number.  One after the
other both programs record it while as many processes as `--hogs` says never wait.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from everyword.folder import scan
from everyword.recording import read_recording
from everyword.room import Room, channel_map
from tests.recorder.busy import CHANNELS, NAME, RATE_HZ, Count, busy, count, numbered_microphone, recorded_pieces

BLOCK = 3 * CHANNELS * RATE_HZ


def main() -> None:
    """Record with each program, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="how long each program records")
    parser.add_argument("--hogs", type=int, default=2 * (os.cpu_count() or 1), help="busy processes beside the recording")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Room() as room, numbered_microphone(room) as microphone, busy(options.hogs):
        environment = {**room.environment(), "EVERYWORD_HOME": str(Path(name) / "home")}
        ours, alarms = by_everyword(Path(name) / "home", microphone, environment, seconds=options.seconds)
        theirs = by_parecord(Path(name) / "peer.raw", environment, seconds=options.seconds)
    about = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "load": [round(load, 1) for load in os.getloadavg()],
        "versions": {"everyword": version("everyword"), "sounddevice": version("sounddevice"), "pulseaudio": pulse_version()},
        "form": f"{CHANNELS} channels, {RATE_HZ} Hz, 24 bits, {options.seconds} s, {options.hogs} busy processes",
    }
    results = {"everyword record": asdict(ours) | {"alarms": alarms}, "parecord": asdict(theirs)}
    if options.json:
        print(json.dumps(about | {"results": results}, indent=2))
        return
    print(about["form"])
    print(f"{about['machine']}; load {about['load']}; {about['versions']}")
    for program, one in (("everyword record", ours), ("parecord", theirs)):
        print(f"  {program:17} {one.frames:>10} frames, {one.lost} lost in {one.places} places, {one.changed} changed")
    print(f"  gaps and alarms that everyword journalled: {alarms}")


def by_everyword(home: Path, microphone: str, environment: dict[str, str], *, seconds: int) -> tuple[Count, list[str]]:
    """Through PortAudio, the ring and the journal to the sealed folder."""
    command = [sys.executable, "-P", "-m", "everyword", "record", "--input", microphone, "--duration", f"{seconds}s"]
    subprocess.run(command, env=environment, check=False, capture_output=True)
    (folder,) = scan([home / "sessions"])
    recording = read_recording(folder)
    alarms = [alarm.text for alarm in recording.alarms] + [f"gap {gap.frame_count} ({gap.cause})" for gap in recording.gaps]
    return count(recorded_pieces(folder), sample_bytes=3), alarms


def by_parecord(path: Path, environment: dict[str, str], *, seconds: int) -> Count:
    """PulseAudio's own recorder, with the buffer it chooses."""
    form = [f"--device={NAME}", "--raw", "--format=s24le", f"--rate={RATE_HZ}", f"--channels={CHANNELS}"]
    form.append(f"--channel-map={channel_map(CHANNELS)}")  # without it the server mixes the channels anew
    process = subprocess.Popen([shutil.which("parecord") or "parecord", *form, str(path)], env=environment)
    deadline = time.monotonic() + seconds + 60
    while (path.stat().st_size if path.exists() else 0) < seconds * BLOCK and time.monotonic() < deadline:
        time.sleep(0.2)
    process.kill()
    process.wait()
    return count(pieces(path), sample_bytes=3)


def pieces(path: Path) -> Iterator[bytes]:
    """Whole frames, a second at a time."""
    with path.open("rb") as file:
        while piece := file.read(BLOCK):
            if whole := piece[: len(piece) // (3 * CHANNELS) * 3 * CHANNELS]:
                yield whole


def pulse_version() -> str:
    """As the server names itself."""
    done = subprocess.run([shutil.which("pulseaudio") or "pulseaudio", "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip().removeprefix("pulseaudio ")


if __name__ == "__main__":
    main()
