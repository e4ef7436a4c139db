"""How long `everyword demo` takes: ``python -m benchmarks.demo [RUNS]``, medians over fresh homes.

The recording alone lasts as long as the meeting it plays (54 s); the rest is what a user waits for.
"""

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

ROW = re.compile(r"(\w+) +(\d+\.\d) s")


def main(runs: int) -> None:
    """Print a median a step, and the machine."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for number in range(runs):
        with tempfile.TemporaryDirectory(prefix="everyword-benchmark-") as place:
            for step, taken in one_run(Path(place)).items():
                seconds[step].append(taken)
        print(f"run {number + 1} of {runs}: {seconds['total'][-1]:.1f} s", file=sys.stderr)
    for step, all_taken in seconds.items():
        print(f"{step:12}{median(all_taken):8.1f} s")
    print(f"median of {runs}; {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}")


def one_run(place: Path) -> dict[str, float]:
    """Seconds a step; the two searches are added up."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "everyword", "demo"], cwd=place, stdout=subprocess.PIPE, text=True, check=True
    )
    taken: dict[str, float] = defaultdict(float)
    for line in done.stdout.splitlines():
        if row := ROW.match(line):
            taken[row[1]] += float(row[2])
    return taken


def processor() -> str:
    """The processor's name as the system gives it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
