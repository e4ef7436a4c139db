"""What ``kill -9`` costs: each process of a recording in turn, over and over, at random instants.

Usage: python -m benchmarks.kills [--kills 50]    (50 of each take half an hour)

Records numbered sound at 8 kHz; every frame that the input has delivered must be in the sealed session, in its place.

  writer, supervisor, both   in one recording, that many of each; *lost* are frames that are not in their place
  capture                    in one recording; *hole* is how long nobody listened, as the journal says
  everything                 a recording for each; *lost* is what was in no file and no buffer when salvage came
"""

import argparse
import contextlib
import os
import platform
import random
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from everyword.folder import SessionFolder
from everyword.recording import read_recording
from recorder.salvage import salvage
from recorder.sound.ring import Ring, find_rings
from tests.recorder.sound import (
    counted_file,
    everyword,
    kill_all,
    kill_at_once,
    numbers_in,
    recorded,
    start_recorder,
    wait_for_frames,
)
from tests.recorder.test_kills import capture_of, current, rings_of, unexplained

RATE_HZ = 8000
CHANCE = random.Random(1)  # noqa: S311  (instants, no secrets)


def main() -> None:
    """Kill, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="deaths of each kind")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")
    for roles in (("writer",), ("supervisor",), ("writer", "supervisor")):
        with a_recording() as (home, folder, process):
            kill(folder, process, roles, kills=options.kills)
            lost, gaps = stopped(home, folder)
        print(f"{' and '.join(roles):22} {options.kills:4} kills: {lost} frames not in their place, {gaps} gaps")
    with a_recording() as (home, folder, _):
        kill_capture(folder, kills=options.kills)
        everyword(home, "stop", str(folder.path))
        holes_ms = [gap.frame_count * 1000 / RATE_HZ for gap in read_recording(folder).gaps]
        wrong = len(unexplained(folder))
    print(f"{'capture':22} {len(holes_ms):4} holes: {spread(holes_ms)} ms; {wrong} frames elsewhere than the journal says")
    lost_ms = []
    for _ in range(options.kills):
        with a_recording() as (home, folder, process):
            time.sleep(CHANCE.uniform(0, 1))
            kill_all(process)
            delivered = Ring.open(find_rings(folder)[0][1]).written
            salvage(folder, home=home)
            lost_ms.append((delivered - len(recorded(folder)) // 4) * 1000 / RATE_HZ)
    print(f"{'everything':22} {len(lost_ms):4} kills: of what was delivered {spread(lost_ms)} ms lost")


@contextlib.contextmanager
def a_recording() -> "Iterator[tuple[Path, SessionFolder, subprocess.Popen[bytes]]]":
    """One that has begun; whatever becomes of it, no process stays."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        process = start_recorder(home, "--input", f"file:{counted_file(Path(name) / 'in.wav', seconds=1200)}")
        folder = wait_for_frames(home, seconds=0.3)
        try:
            yield home, folder, process
        finally:
            if not folder.is_sealed:
                everyword(home, "stop", str(folder.path))
            process.kill()
            process.wait()


def kill(folder: SessionFolder, process: "subprocess.Popen[bytes]", roles: tuple[str, ...], *, kills: int) -> None:
    """SIGKILL to these processes at the same instant; again when their successors are there."""
    pids = {"writer": current(folder, "recorder.processes.writer"), "supervisor": process.pid}
    for number in range(kills):
        time.sleep(CHANCE.uniform(6, 7))  # six deaths in half a minute end a recording
        kill_at_once([pids[role] for role in roles])
        if process.pid in [pids[role] for role in roles]:
            process.wait()
        for role in roles:
            pids[role] = current(folder, f"recorder.processes.{role}", unlike=pids[role])
        if "supervisor" in roles:
            while folder.journal.read_text().count('"supervisor-lost"') <= number:
                time.sleep(0.02)


def kill_capture(folder: SessionFolder, *, kills: int) -> None:
    """SIGKILL to the capture child; again when the next one delivers."""
    for number in range(kills):
        while rings_of(folder) <= number:
            time.sleep(0.02)
        time.sleep(CHANCE.uniform(0, 0.8))
        os.kill(capture_of(folder), signal.SIGKILL)
    while rings_of(folder) <= kills:
        time.sleep(0.02)


def stopped(home: Path, folder: SessionFolder) -> tuple[int, int]:
    """End it; returns frames lost and gaps."""
    everyword(home, "stop", str(folder.path))
    numbers = numbers_in(recorded(folder))
    return int(np.count_nonzero(numbers != np.arange(1, len(numbers) + 1))), len(read_recording(folder).gaps)


def spread(values: list[float]) -> str:
    """Median and worst."""
    return f"median {statistics.median(values):.0f}, worst {max(values):.0f}"


if __name__ == "__main__":
    main()
