"""Whether time is in proportion to the length of a session, and memory is not.

    python -m benchmarks.length --data ../shared/data --hours 0.5 1 2 --stock
    python -m benchmarks.length --data ../shared/data --hours 1 4 16 --scripted

Real speech, joined until it is long enough, on one microphone.  Each length is a process of its own, so that its greatest memory
(ru_maxrss) is its own.  ``--stock`` has faster-whisper as it comes read the same in a process of its own, too: batches of 8, word
times, the same model, arithmetic, cores.  With ``--scripted`` no model runs: an engine that writes two words a second stands in
its place, and what is left is reading, voice detection, cutting, accounting and writing.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio

from everyword import keys
from recorder.imports import import_files
from transcribe import pipeline
from transcribe.engine import Engine, Heard, Hypothesis, Reading
from transcribe.scripted import ScriptedEngine
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.whisper import models
from transcribe.whisper.decoding import WhisperEngine, cpu_name

ITEMS = ("en_spliced_long_dev", "ru_spliced_long_dev")


class SteadyEngine(ScriptedEngine):
    """Writes a word every half second, whatever is heard."""

    def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:  # noqa: ARG002
        """Of any clip as many words as it has half seconds."""
        return [self._steady(clip, language) for clip, language in zip(clips, languages, strict=True)]

    def _steady(self, clip: Floats, language: str) -> Reading:
        step = RATE_HZ // 2
        words = tuple(Heard(f" word{n}", n * step, step, 0.9) for n in range(len(clip) // step))
        best = Hypothesis("".join(word.text for word in words), tuple(range(len(words))), -0.1)
        return Reading(language, ((language, 1.0),), (best,) * 5, words, 0.0, len(clip), 224)


def main() -> None:
    """Parse the options, start a process a length, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    parser.add_argument("--hours", type=float, nargs="+", default=[0.5, 1, 2])
    parser.add_argument("--scripted", action="store_true")
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        with tempfile.TemporaryDirectory() as scratch:
            sound = joined(options.data, Path(scratch) / "sound.wav", options.hours[0])
            print(f"  {options.only}: {WAYS[options.only](sound, options)}", flush=True)
        return
    print(f"{cpu_name()}, {'no model' if options.scripted else 'model ' + options.model}", flush=True)
    for hours in options.hours:
        for way in WAYS if options.stock else ("everyword",):
            command = [sys.executable, "-P", "-m", "benchmarks.length", "--data", str(options.data), "--model", options.model]
            command += ["--hours", str(hours), "--only", way, *["--scripted"] * options.scripted]
            subprocess.run(command, check=True)


def ours(sound: Path, options: argparse.Namespace) -> str:
    """The whole command but for the import and for loading the model."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        folder = import_files([sound], parent=place, home=place / "home", title="b", operator="benchmark", languages=("en", "ru"))
        engine: Engine = SteadyEngine({})
        if not options.scripted:
            engine = WhisperEngine(models.locate(options.model, home=place / "home"), device="cpu", compute_type="int8")
        recording, key = pipeline.open_recording(folder), keys.device_key(place / "home")
        transcribe = partial(pipeline.transcribe, languages=("en", "ru"), key=key, by="benchmark", people="none")
        return _measured(sound, lambda: transcribe(recording, engine))


def stock(sound: Path, options: argparse.Namespace) -> str:
    """From reading the file to the last segment."""
    with tempfile.TemporaryDirectory() as scratch:
        files = models.locate(options.model, home=Path(scratch))
        model = WhisperModel(str(files.path), device="cpu", compute_type="int8", cpu_threads=len(os.sched_getaffinity(0)))
        batched = BatchedInferencePipeline(model)
        return _measured(sound, lambda: list(batched.transcribe(str(sound), batch_size=8, word_timestamps=True)[0]))


WAYS = {"everyword": ours, "stock": stock}


def _measured(sound: Path, transcribe: Callable[[], object]) -> str:
    """How long it took and how much memory this process had at most."""
    before_mb = _peak_mb()
    started = time.perf_counter()
    transcribe()
    elapsed_s = time.perf_counter() - started
    with wave.open(str(sound)) as file:
        sound_s = file.getnframes() / file.getframerate()
    speed = sound_s / elapsed_s
    return (
        f"{sound_s / 3600:g} h: {elapsed_s:.0f} s, {speed:.1f} × real time, at most {_peak_mb():.0f} MB ({before_mb:.0f} before)"
    )


def joined(data: Path, path: Path, hours: float) -> Path:
    """A WAV file of real speech, written piece by piece."""
    items = {one["id"]: one for one in map(json.loads, (data / "refs.jsonl").open(encoding="utf-8"))}
    pcm = b"".join(_pcm(data / items[name]["path"]) for name in ITEMS)
    left = int(hours * 3600 * RATE_HZ) * 2
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        while left:
            file.writeframesraw(pcm[:left])
            left -= min(left, len(pcm))
    return path


def _pcm(path: Path) -> bytes:
    speech: Floats = np.clip(np.asarray(decode_audio(str(path)), np.float32), -1, 1)
    return (speech * np.float32(32767)).astype("<i2").tobytes()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
