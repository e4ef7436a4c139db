"""Sessions in which English, Russian and Ukrainian alternate with every utterance: is each turn there, and in its language?

    python -m benchmarks.languages --data ../shared/data

The utterances are real recordings of 2 to 12 s (longer Ukrainian ones are cut in their quietest places), brought to one level and
joined with 0.4 to 1 s of room noise between them.  The engine may choose among the three languages, and is told nothing else.  A
turn is missing when no word lies in it; its language is that of most words in it.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from faster_whisper import decode_audio

from transcribe import models
from transcribe.audio import profile_of
from transcribe.batches import Attempt, Clip, read_all
from transcribe.checks import UNSURE_LANGUAGE
from transcribe.whisper import WhisperEngine, cpu_name
from transcribe.windows import RATE_HZ, Floats, Piece, tile

LANGUAGES = ("en", "ru", "uk")
SHORTEST_S, LONGEST_S, PIECE_S = 2.0, 12.0, 5.0
LEVEL = 0.05
NOISE = 3e-4
OVERLAPPED = ("meeting", "meeting_near_silent", "radio_noisy")


@dataclass(frozen=True, slots=True)
class Turn:
    """Where somebody speaks which language."""

    language: str
    first: int
    end: int


def main() -> None:
    """Parse the options, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    parser.add_argument("--turns", type=int, default=90)
    options = parser.parse_args()
    print(f"{cpu_name()}, model {options.model}, int8")
    sound, turns = session(options.data, options.turns)
    with TemporaryDirectory() as scratch:
        engine = WhisperEngine(models.locate(options.model, home=Path(scratch)), device="cpu", compute_type="int8")
        place = profile_of([sound], Piece(1, 0, len(sound), RATE_HZ))
        clips = [Clip(window, sound[window.first_frame : window.end_frame], place) for window in tile(place)]
        attempts = [one for group in read_all(engine, clips, languages=LANGUAGES) for one in group if one.used]
    print(f"{len(turns)} turns in {len(sound) / RATE_HZ:.0f} s")
    for language in LANGUAGES:
        print(f"  {language}: {_result([_heard(turn, attempts) for turn in turns if turn.language == language], language)}")


def session(data: Path, count: int) -> tuple[Floats, list[Turn]]:
    """The sound of so many turns, and where they are."""
    items = [json.loads(line) for line in (data / "refs.jsonl").open(encoding="utf-8")]
    pools = {language: list(_utterances(data, items, language, count // 3 + 1)) for language in LANGUAGES}
    random = np.random.default_rng(1)
    parts: list[Floats] = []
    turns: list[Turn] = []
    position = 0
    for n in range(count):
        language = LANGUAGES[n % 3]
        spoken = pools[language][n // 3 % len(pools[language])]
        noise = (random.standard_normal(int(random.uniform(0.4, 1.0) * RATE_HZ)) * NOISE).astype(np.float32)
        parts += [noise, spoken * np.float32(LEVEL / max(1e-9, float(np.sqrt(np.mean(spoken**2)))))]
        position += len(noise)
        turns.append(Turn(language, position, position + len(spoken)))
        position += len(spoken)
    return np.concatenate(parts), turns


def _utterances(data: Path, items: Sequence[dict[str, object]], language: str, most: int) -> Iterator[Floats]:
    chosen = [
        one for one in items if one["lang"] == language and one["type"] not in OVERLAPPED and "spliced" not in str(one["id"])
    ]
    step = max(1, len(chosen) // most) if language == "ru" else 1
    for item in chosen[::step]:
        seconds = float(str(item["seconds"]))
        if seconds <= LONGEST_S and seconds < SHORTEST_S:
            continue
        if seconds <= LONGEST_S or language == "uk":
            sound = np.asarray(decode_audio(str(data / str(item["path"]))), np.float32)
            yield from _cut(sound) if language == "uk" else [sound]


def _cut(sound: Floats) -> Iterator[Floats]:
    """Pieces of about 5 s."""
    count = max(1, round(len(sound) / RATE_HZ / PIECE_S))
    voice = profile_of([sound], Piece(1, 0, len(sound), RATE_HZ)).voice
    edges = [0]
    for n in range(1, count):
        middle = len(voice) * n // count
        low, high = max(edges[-1] + 64, middle - 30), middle + 30
        edges.append(low + int(np.argmin(np.convolve(voice, np.ones(5), mode="same")[low:high])))
    for first, end in pairwise([*edges, len(voice)]):
        if int((voice[first:end] > 0.5).sum()) * 512 >= SHORTEST_S * RATE_HZ:
            yield sound[first * 512 : end * 512]


def _heard(turn: Turn, attempts: Sequence[Attempt]) -> tuple[str, bool]:
    """The language of most words in a turn, "" when there are none; and whether one of them was doubted."""
    found: Counter[str] = Counter()
    doubted = False
    for attempt in attempts:
        if attempt.reading is None or attempt.window.end_frame <= turn.first or attempt.window.first_frame >= turn.end:
            continue
        middles = [attempt.window.first_frame + word.first_sample + word.sample_count // 2 for word in attempt.reading.words]
        inside = sum(turn.first <= middle < turn.end for middle in middles)
        found[attempt.reading.language] += inside
        doubted = doubted or (inside > 0 and UNSURE_LANGUAGE in attempt.flags)
    return (found.most_common(1)[0][0] if found.total() else ""), doubted


def _result(heard: Sequence[tuple[str, bool]], language: str) -> str:
    right = sum(found == language for found, _ in heard)
    wrong = [is_flagged for found, is_flagged in heard if found not in (language, "")]
    share = right / max(1, len(heard))
    spread = 1.96 * float(np.sqrt(share * (1 - share) / max(1, len(heard))))
    missing = sum(not found for found, _ in heard)
    return (
        f"{right} of {len(heard)} right ({100 * share:.0f} ± {100 * spread:.0f} %), {missing} missing, "
        f"{len(wrong)} in another language, {sum(wrong)} of these flagged"
    )


if __name__ == "__main__":
    main()
