"""Speed, word errors and lost words of `transcribe` beside stock faster-whisper, in one interleaved run on the same machine.

    python -m benchmarks.transcription --data ../shared/data

The data folder holds ``refs.jsonl`` and the recordings it names.  Ours is the whole command without loading the model: reading
the session, voice detection, decoding, word times, coverage, writing and signing the run; once told the language, once choosing
among three in each stretch between two pauses.  Stock is `BatchedInferencePipeline` (if asked for, also sequential `transcribe`
with its voice detection) from reading the file to its last segment, with the same model, arithmetic, beam and number of cores; it
hears the first 30 s and keeps to that language.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import jiwer
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.transcribe import Segment

from benchmarks.alignment import Heard
from benchmarks.coverage import reference_of
from benchmarks.normaliser import normalise
from benchmarks.spelled import spelled
from everyword import keys
from everyword.run import read_transcript
from recorder.imports import import_files
from transcribe import pipeline
from transcribe.whisper import models
from transcribe.whisper.decoding import WhisperEngine, cpu_name

LANGUAGES = ("en", "ru", "uk")
Way: TypeAlias = Callable[[Path, str], Callable[[], str]]
"""Prepares a recording in a language, outside the time that counts, and returns what transcribes it."""

ITEMS = ("en_spliced_long_dev", "ru_spliced_long_dev")


@dataclass(slots=True)
class Row:
    """One way of transcribing one recording."""

    way: str
    speeds: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def cells(self, reference: str, language: str) -> list[str]:
        """Speed (median and all), errors and deletions of the last text; texts that differ between runs are told."""
        heard = spelled([Heard(word, 0, 0) for word in normalise(self.texts[-1]).split()], reference, language=language)
        words = jiwer.process_words(normalise(reference), " ".join(word.text for word in heard))
        runs = " ".join(f"{speed:.1f}" for speed in self.speeds)
        same = "" if len(set(self.texts)) == 1 else f" (texts differ between runs: {len(set(self.texts))})"
        counts = f"{words.deletions} del {words.insertions} ins {words.substitutions} sub"
        return [self.way, f"{statistics.median(self.speeds):.1f} × real time ({runs})", f"WER {words.wer:.3f}", counts + same]


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--item", action="append", help="id in refs.jsonl; repeat for several")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", default="base")
    parser.add_argument("--compute-type", default="int8")
    parser.add_argument("--batch-size", type=int, default=0, help="of ours; stock has 8")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--sequential", action="store_true", help="stock sequential too")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    names = ("faster-whisper", "ctranslate2", "onnxruntime", "numpy", "jiwer")
    print(f"{cpu_name()}, {cores} cores, Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names))
    print(f"model {options.model}, {options.compute_type}, beam 5, median of {options.runs} interleaved runs")
    references = {one["id"]: one for one in map(json.loads, (options.data / "refs.jsonl").open(encoding="utf-8"))}
    with tempfile.TemporaryDirectory() as scratch:
        ways = _ways(Path(scratch), options, cores)
        for item in options.item or ITEMS:
            reference = references[item]
            print(f"\n{item}, {reference['seconds']:.0f} s")
            for cells in measure(ways, reference, data=options.data, runs=options.runs):
                print("  " + " | ".join(cells))


def measure(ways: dict[str, Way], reference: dict[str, object], *, data: Path, runs: int) -> list[list[str]]:
    """Run every way in turn, `runs` times; the order turns round each time, so that nobody always has a warm cache."""
    path = data / str(reference["path"])
    seconds = float(str(reference["seconds"]))
    prepared = {name: way(path, str(reference["lang"])) for name, way in ways.items()}
    rows = {name: Row(name) for name in ways}
    for run in range(runs):
        for name in sorted(prepared, reverse=bool(run % 2)):
            started = time.perf_counter()
            rows[name].texts.append(prepared[name]())
            rows[name].speeds.append(seconds / (time.perf_counter() - started))
    return [row.cells(reference_of(reference), str(reference["lang"])) for row in rows.values()]


def _ways(scratch: Path, options: argparse.Namespace, cores: int) -> dict[str, Way]:
    home = scratch / "home"
    files = models.locate(options.model, home=home)
    engine = WhisperEngine(files, device="cpu", compute_type=options.compute_type, batch_size=options.batch_size)

    def ours(*, is_told: bool) -> Way:
        def prepare(path: Path, language: str) -> Callable[[], str]:
            languages = (language,) if is_told else LANGUAGES
            folder = import_files([path], parent=scratch, home=home, title="b", operator="benchmark", languages=languages)

            def run() -> str:
                recording = pipeline.open_recording(folder)
                key = keys.device_key(home)
                done = pipeline.transcribe(recording, engine, languages=languages, key=key, by="benchmark")
                return " ".join(utterance.text for utterance in read_transcript(folder, done.run.run).utterances)

            return run

        return prepare

    ways = {"everyword, told": ours(is_told=True), "everyword": ours(is_told=False)}
    if not options.ours_only:
        whisper = WhisperModel(str(files.path), device="cpu", compute_type=options.compute_type, cpu_threads=cores)
        batched = BatchedInferencePipeline(whisper)
        ways["stock batch 8"] = _stock(lambda path: batched.transcribe(path, batch_size=8))
        ways["stock batch 8, word times"] = _stock(lambda path: batched.transcribe(path, batch_size=8, word_timestamps=True))
        if options.sequential:
            ways["stock sequential, VAD, word times"] = _stock(
                lambda path: whisper.transcribe(path, vad_filter=True, word_timestamps=True)
            )
    return ways


def _stock(transcribe: Callable[[str], tuple[Iterable[Segment], object]]) -> Way:
    def prepare(path: Path, _: str) -> Callable[[], str]:
        return lambda: " ".join(segment.text for segment in transcribe(str(path))[0])

    return prepare


if __name__ == "__main__":
    main()
