"""What should follow a window: zeros or the tone of its room, 3 s of it or as much as makes 30 s?

    python -m benchmarks.padding --data ../shared/data

First readings only (no second looks), in the language of each recording of 9 s or more; recordings joined from others are left
out.  Which half a recording is in is drawn from its name, as in `benchmarks.doubt`.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import jiwer
import numpy as np
from faster_whisper import decode_audio

from benchmarks.alignment import Heard
from benchmarks.coverage import UNUSABLE, reference_of
from benchmarks.doubt import is_test
from benchmarks.normaliser import normalise
from benchmarks.spelled import spelled
from transcribe.engine import Reading
from transcribe.reading.attempts import Ask, ask
from transcribe.sound.voice import profile_of
from transcribe.sound.windows import RATE_HZ, Floats, Piece, tile
from transcribe.whisper import models
from transcribe.whisper.decoding import CONTEXT_LIMIT_S, WhisperEngine, cpu_name

LEAST_S = 9.0


class ZeroEngine(WhisperEngine):
    """Leaves zeros after a window, as faster-whisper does."""

    def _features(self, clip: Floats, context: int) -> Floats:
        features = super()._features(clip, context)
        features[:, min(context, -(-len(clip) // 160) * 160) // 160 :] = 0
        return features


def main() -> None:
    """Parse the options, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    options = parser.parse_args()
    print(f"{cpu_name()}, model {options.model}, int8, one worker; word error rate, half a / half b, processor time")
    items = [one for one in map(json.loads, (options.data / "refs.jsonl").open(encoding="utf-8")) if _is_wanted(one)]
    with tempfile.TemporaryDirectory() as scratch:
        files = models.locate(options.model, home=Path(scratch))
        for name, kind in (("zeros", ZeroEngine), ("room tone", WhisperEngine)):
            engine = kind(files, device="cpu", compute_type="int8", workers=1)
            for full_context in (False, True):
                size = f"{CONTEXT_LIMIT_S} s" if full_context else "as long as needed"
                for language in ("en", "ru"):
                    chosen = [one for one in items if one["lang"] == language]
                    started = time.process_time()
                    errors = [_errors(engine, options.data, one, full_context=full_context) for one in chosen]
                    spent_s = time.process_time() - started
                    rates = [_rate(errors, [is_test(str(one["id"])) == half for one in chosen]) for half in (False, True)]
                    print(f"  {language}, {name}, {size}: {rates[0]} / {rates[1]}, {spent_s:.0f} s")


def _is_wanted(item: dict[str, object]) -> bool:
    usable = item["id"] not in UNUSABLE and item["type"] != "meeting_near_silent" and "spliced" not in str(item["id"])
    return usable and bool(item["text_spoken"] or item["text"]) and float(str(item["seconds"])) >= LEAST_S


def _errors(engine: WhisperEngine, data: Path, item: dict[str, object], *, full_context: bool) -> tuple[int, int]:
    """``(errors, words of the reference)``."""
    sound = np.asarray(decode_audio(str(data / str(item["path"]))), np.float32)
    windows = tile(profile_of([sound], Piece(1, 0, len(sound), RATE_HZ)))
    language, reference = str(item["lang"]), reference_of(item)
    asked = [Ask(sound[one.first_frame : one.end_frame], language, full_context) for one in windows]
    text = " ".join(one.text for one in ask(engine, asked) if isinstance(one, Reading))
    words = spelled([Heard(word, 0, 0) for word in normalise(text).split()], reference, language=language)
    found = jiwer.process_words(reference, " ".join(word.text for word in words))
    return found.substitutions + found.deletions + found.insertions, len(reference.split())


def _rate(errors: Sequence[tuple[int, int]], chosen: Sequence[bool]) -> str:
    wrong, words = (sum(one[n] for one, is_chosen in zip(errors, chosen, strict=True) if is_chosen) for n in (0, 1))
    return f"{wrong / words:.3f} ({words} words)"


if __name__ == "__main__":
    main()
