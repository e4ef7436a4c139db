"""Index a new session of ten hours while somebody searches.

``python -P benchmarks/indexing.py [HOURS]`` makes a sealed session folder with as many utterances as people say in that time (a
thousand an hour, nine words each), indexes a first small one, then the long one, and asks a question every 20 ms meanwhile.
"""

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import wordfreq

from archive.index.schema import FILE_NAME, open_archive
from archive.index.update import index
from archive.query.search import search
from tests.archive.builders import Said, transcribed

AN_HOUR = 1000


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


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hours", nargs="?", type=int, default=10)
    hours = parser.parse_args().hours
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        transcribed(folder, [Said("a first word")])
        waits_ms: list[float] = []
        is_done = threading.Event()

        def ask() -> None:
            with open_archive(home / FILE_NAME) as reader:
                while not is_done.is_set():
                    started = time.perf_counter()
                    search(reader, "first")
                    waits_ms.append((time.perf_counter() - started) * 1000)
                    time.sleep(0.02)

        with open_archive(home / FILE_NAME) as db:
            index(db, [home / "sessions"])
            transcribed(folder, talk(hours), title="Long", seconds=hours * AN_HOUR * 0.001 + 1)
            asking = threading.Thread(target=ask)
            asking.start()
            began, worked = time.perf_counter(), time.thread_time()
            report = index(db, [home / "sessions"])
            took_s, worked_s = time.perf_counter() - began, time.thread_time() - worked
            is_done.set()
            asking.join()
        print(f"{report.indexed} session of {hours} h: {took_s:.2f} s of the clock, {worked_s:.2f} s of the processor")
        print(f"meanwhile {len(waits_ms)} searches, median {statistics.median(waits_ms):.1f} ms, longest {max(waits_ms):.1f} ms")


if __name__ == "__main__":
    main()
