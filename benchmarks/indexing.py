"""Index a new session of ten hours while somebody searches.

``python -P benchmarks/indexing.py [HOURS]`` makes a sealed session folder with as many utterances as people say in that time (a
thousand an hour, nine words each), indexes a first one of an hour, then the long one.  Another process asks a question every
20 ms, for some seconds before and then meanwhile; its answers are timed by the clock.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import wordfreq

from archive.index.schema import FILE_NAME, open_archive
from archive.index.update import index
from archive.query.search import Memory, search
from tests.archive.builders import Said, transcribed

AN_HOUR = 1000
"""Utterances."""

QUIET_S = 6
"""In which the other process starts and asks before there is anything to index."""


def talk(hours: int) -> list[Said]:
    """Common words of three languages, in turn."""
    words = {language: wordfreq.top_n_list(language, 5000) for language in ("en", "ru", "uk")}
    said = []
    for number in range(hours * AN_HOUR):
        language = ("en", "ru", "uk")[number % 3]
        start = number * 37 % 4980
        text = " ".join(words[language][start : start + 9])
        said.append(Said(text, language, at_s=number * 0.001, length_s=0.001, person="anna-reed"))
    return said


def ask(home: Path) -> None:
    """What the other process does until it is killed: print when it asked (s) and how long it waited (ms)."""
    with open_archive(home / FILE_NAME) as reader:
        memory = Memory(reader)
        while True:
            started = time.monotonic()
            search(reader, "history", memory=memory)
            print(started, (time.monotonic() - started) * 1000, flush=True)
            time.sleep(0.02)


def shown(waits_ms: Sequence[float]) -> str:
    """Median, p95 and the longest."""
    p95 = statistics.quantiles(waits_ms, n=20, method="inclusive")[-1]
    return f"median {statistics.median(waits_ms):.2f} ms, p95 {p95:.2f} ms, longest {max(waits_ms):.1f} ms ({len(waits_ms)})"


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hours", nargs="?", type=int, default=10)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        ask(options.ask)
        return
    with tempfile.TemporaryDirectory() as name, open_archive(Path(name) / "home" / FILE_NAME) as db:
        folder, home, seconds = Path(name), Path(name) / "home", options.hours * AN_HOUR * 0.001 + 1
        transcribed(folder, talk(1), title="Short", seconds=seconds)
        index(db, [home / "sessions"])
        transcribed(folder, talk(options.hours), title="Long", seconds=seconds)
        with subprocess.Popen([sys.executable, __file__, "--ask", str(home)], stdout=subprocess.PIPE, text=True) as asking:
            time.sleep(QUIET_S)
            began, worked = time.monotonic(), time.process_time()
            report = index(db, [home / "sessions"])
            ended, worked_s = time.monotonic(), time.process_time() - worked
            asking.kill()
            lines = [line.split() for line in asking.communicate()[0].splitlines()]
    asked = [(float(line[0]), float(line[1])) for line in lines if len(line) == 2]
    print(f"{report.indexed} session of {options.hours} h: {ended - began:.2f} s of the clock, {worked_s:.2f} s of the processor")
    print("searches before:", shown([wait_ms for at_s, wait_ms in asked if began - QUIET_S / 2 < at_s < began]))
    print("searches meanwhile:", shown([wait_ms for at_s, wait_ms in asked if began <= at_s < ended]))


if __name__ == "__main__":
    main()
