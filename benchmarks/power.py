"""What a power cut and a death cost: a recording on a disk that forgets whatever was not synced.

Usage: python -m benchmarks.power [--cuts 100] [--seconds 90]

Records numbered sound onto a file system in memory (FUSE; see tests/recorder/filesystem.py) that keeps two states: what a program
sees, and what a power cut would leave.  At random instants the second one is copied; each copy is then salvaged and verified.
*Lost* is what the capture had delivered at that instant and the salvaged session does not hold.
"""

import argparse
import os
import platform
import random
import statistics
import tempfile
import time
from pathlib import Path

from everyword import keys
from everyword.folder import scan
from everyword.recording import read_recording
from everyword.verify import verdicts, verify_session
from recorder.salvage import salvage
from recorder.sound.ring import Ring, find_rings
from tests.recorder.disk import Disk
from tests.recorder.sound import counted_file, kill_all, numbers_in, recorded, start_recorder

RATE_HZ = 8000


def main() -> None:
    """Record, cut, salvage, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=90)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        disk = Disk.mount(place / "disk")
        try:
            losses, wrong = cut(disk, place, cuts=options.cuts, seconds=options.seconds)
        finally:
            disk.unmount()
    print(f"{len(losses)} power cuts; salvaged sessions that did not verify: {wrong}")
    median, nearly_all = statistics.median(losses), sorted(losses)[int(0.95 * len(losses))]
    print(f"lost: median {median:.2f} s, 95 % {nearly_all:.2f} s, most {max(losses):.2f} s")


def cut(disk: Disk, place: Path, *, cuts: int, seconds: float) -> tuple[list[float], int]:
    """Seconds lost at each cut, and how many of the sessions did not verify."""
    home, chance = place / "home", random.Random(1)  # noqa: S311  (instants, no secrets)
    source = counted_file(place / "in.wav", seconds=seconds + 60)
    process = start_recorder(home, "--input", f"file:{source}", "--to", str(disk.path / "to"))
    while not (folders := scan([disk.path / "to"])) or not find_rings(folders[0]):
        time.sleep(0.05)
    ring = Ring.open(find_rings(folders[0])[0][1])
    while ring.written < RATE_HZ:
        time.sleep(0.05)
    copies = []
    for number in range(cuts):
        time.sleep(chance.uniform(0, 2 * seconds / cuts))
        delivered = ring.written
        copies.append((disk.cut_power(place / f"cut{number}", seed=number if number % 2 else None), delivered))
    kill_all(process)
    for _, path in find_rings(folders[0]):
        path.unlink()
    losses, wrong = [], 0
    for copy, delivered in copies:
        (folder,) = scan([copy / "to"])
        salvage(folder, home=home)
        trusted = [keys.fingerprint(keys.public_pem(keys.device_key(home)))]
        wrong += verdicts(verify_session(folder, trusted=trusted))[0] != "pass"
        numbers = numbers_in(recorded(folder)).tolist() if read_recording(folder).streams else []
        right = next((at for at, number in enumerate(numbers) if number != at + 1), len(numbers))
        losses.append(max(0, delivered - right) / RATE_HZ)
    return losses, wrong


if __name__ == "__main__":
    main()
