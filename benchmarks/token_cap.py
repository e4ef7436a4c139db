"""What Whisper's limit of 224 tokens a reading costs where speech is dense: words left out, ours beside stock batched.

    python -m benchmarks.token_cap --data ../shared/data

A Russian word takes about two tokens, a Ukrainian one nearly three, so that the limit may fall into the middle of the 30 s that
stock reads at once.  All recordings of a language that are not joined from others are joined without their pauses, and played
faster and faster as a tape would be (pitch rises as well, which costs everybody words).  Both are told the language.  *At the
limit* are readings within 9 tokens of it.  Intervals are 95 % bootstrap intervals over blocks of 20 words.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import jiwer
import numpy as np
import soxr
from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio

from benchmarks.alignment import blocks, heard, interval
from benchmarks.coverage import UNUSABLE, reference_of
from benchmarks.spelled import spelled
from transcribe.evidence.checks import LIMIT_MARGIN_TOKENS, TRUNCATED
from transcribe.reading.attempts import Clip
from transcribe.reading.batches import read_all
from transcribe.sound.voice import profile_of
from transcribe.sound.windows import CUT_VOICE, HOP, RATE_HZ, Floats, Piece, Profile, tile
from transcribe.whisper import models
from transcribe.whisper.decoding import WhisperEngine, cpu_name

SPEEDS = (1.0, 1.25, 1.5)
MARGIN_HOPS = 3
"""0.1 s of each pause stays on either side."""

TOKEN_LIMIT = 224

Way: TypeAlias = Callable[[Floats, str], tuple[str, int, int]]
"""Sound and language → text, readings at the limit, readings."""


def main() -> None:
    """Parse the options, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    options = parser.parse_args()
    print(f"{cpu_name()}, model {options.model}, int8, beam 5")
    items = [json.loads(line) for line in (options.data / "refs.jsonl").open(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as scratch:
        files = models.locate(options.model, home=Path(scratch))
        ways = {
            "Everyword": _ours(WhisperEngine(files, device="cpu", compute_type="int8")),
            "stock batched": _stock(BatchedInferencePipeline(WhisperModel(str(files.path), device="cpu", compute_type="int8"))),
        }
        for language in ("ru", "uk"):
            wanted = [one for one in items if one["lang"] == language and _is_wanted(one)]
            sound = np.concatenate([_without_pauses(options.data / str(one["path"])) for one in wanted])
            reference = " ".join(reference_of(one) for one in wanted)
            for speed in SPEEDS:
                fast = np.asarray(soxr.resample(sound, RATE_HZ * speed, RATE_HZ), np.float32)
                rate = 60 * len(reference.split()) * RATE_HZ / len(fast)
                print(f"\n{language}, {speed} x: {len(fast) / RATE_HZ:.0f} s, {rate:.0f} words a minute")
                for name, way in ways.items():
                    _print(name, *way(fast, language), reference=reference, language=language)


def _is_wanted(item: dict[str, object]) -> bool:
    return bool(item["text_spoken"] or item["text"]) and item["id"] not in UNUSABLE and "spliced" not in str(item["id"])


def _without_pauses(path: Path) -> Floats:
    sound = np.asarray(decode_audio(str(path)), np.float32)
    spoken = np.convolve(_profile(sound).voice > CUT_VOICE, np.ones(2 * MARGIN_HOPS + 1), mode="same") > 0
    return sound[np.repeat(spoken, HOP)[: len(sound)]]


def _profile(sound: Floats) -> Profile:
    return profile_of([sound], Piece(1, 0, len(sound), RATE_HZ))


def _ours(engine: WhisperEngine) -> Way:
    def read(sound: Floats, language: str) -> tuple[str, int, int]:
        place = _profile(sound)
        clips = [Clip(window, sound[window.first_frame : window.end_frame], place) for window in tile(place)]
        groups = sorted(read_all(engine, clips, languages=(language,)), key=lambda group: group[0].window.number)
        used = [one for group in groups for one in group if one.used and one.reading]
        return " ".join(one.reading.text for one in used if one.reading), sum(TRUNCATED in one.flags for one in used), len(used)

    return read


def _stock(batched: BatchedInferencePipeline) -> Way:
    def read(sound: Floats, language: str) -> tuple[str, int, int]:
        found = list(batched.transcribe(sound, batch_size=8, language=language)[0])
        at_limit = sum(len(one.tokens) >= TOKEN_LIMIT - LIMIT_MARGIN_TOKENS for one in found)
        return " ".join(one.text for one in found), at_limit, len(found)

    return read


def _print(name: str, text: str, at_limit: int, readings: int, *, reference: str, language: str) -> None:
    words = spelled(heard(text), reference, language=language)
    chunks = jiwer.process_words(reference, " ".join(word.text for word in words)).alignments[0]
    left_out = [0] * len(reference.split())
    wrong = [0] * len(left_out)
    for chunk in chunks:
        count = chunk.ref_end_idx - chunk.ref_start_idx
        if chunk.type == "delete":
            left_out[chunk.ref_start_idx : chunk.ref_end_idx] = [1] * count
        if chunk.type != "equal":
            wrong[min(chunk.ref_start_idx, len(wrong) - 1)] += max(count, chunk.hyp_end_idx - chunk.hyp_start_idx)
    print(
        f"  {name:14} left out {_share(left_out)}, WER {_share(wrong)}, {at_limit} of {readings} readings at the limit",
        flush=True,
    )


def _share(counts: Sequence[int]) -> str:
    low, high = interval(np.array(blocks(counts), np.float64))
    return f"{100 * sum(counts) / len(counts):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    main()
