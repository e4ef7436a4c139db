"""Sessions in which English, Russian and Ukrainian alternate with every utterance: is each turn there, and in its language?

    python -m benchmarks.languages --data ../shared/data

The utterances are all real recordings of one speaker with 2 s of voice or more; those over 12 s are cut in their quietest
places.  They are brought to one level and joined with 0.4 to 1 s of room noise between them; where a language has fewer, they
come again.  The engine may choose among the three languages, and is told nothing else.  There are two sessions: what was chosen
by looking at one (`fitted`; which recordings are in it is drawn from their names) is shown on the other.

A turn is missing when no word lies in it; its language is that of most words in it; it is translated when most of its letters are
of another script than its language's.  Intervals are Wilson's, over recordings heard once.
"""

import argparse
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from faster_whisper import decode_audio

from benchmarks.doubt import is_test
from transcribe.engine import Heard
from transcribe.evidence.checks import UNSURE_LANGUAGE
from transcribe.reading.attempts import Attempt, Clip
from transcribe.reading.batches import read_all
from transcribe.sound.voice import profile_of
from transcribe.sound.windows import HOP, RATE_HZ, Floats, Piece, tile
from transcribe.whisper import models
from transcribe.whisper.decoding import WhisperEngine, cpu_name

LANGUAGES = ("en", "ru", "uk")
SHORTEST_S, LONGEST_S, PIECE_S = 2.0, 12.0, 5.0
LEVEL = 0.05
NOISE = 3e-4
OVERLAPPED = ("meeting", "meeting_near_silent", "radio_noisy")


@dataclass(frozen=True, slots=True)
class Turn:
    """Where somebody speaks which language."""

    language: str
    name: str
    first: int
    end: int
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a turn: the language of most of its words ("" when there are none)."""

    language: str
    is_flagged: bool
    is_translated: bool
    is_repeated: bool


def main() -> None:
    """Parse the options, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    parser.add_argument("--turns", type=int, default=0, help="of each session; default: until every utterance was heard")
    parser.add_argument("--each", action="store_true", help="a line a turn in another language or script than its own")
    options = parser.parse_args()
    print(f"{cpu_name()}, model {options.model}, int8")
    with TemporaryDirectory() as scratch:
        engine = WhisperEngine(models.locate(options.model, home=Path(scratch)), device="cpu", compute_type="int8")
        for name, is_held_out in (("fitted", False), ("held out", True)):
            sound, turns = session(options.data, is_held_out=is_held_out, count=options.turns)
            outcomes = _outcomes(engine, sound, turns)
            print(f"{name}: {len(turns)} turns in {len(sound) / RATE_HZ:.0f} s")
            for language in LANGUAGES:
                of_it = [found for turn, found in zip(turns, outcomes, strict=True) if turn.language == language]
                print(f"  {language}: {_result(of_it, language)}")
            for turn, found in zip(turns, outcomes, strict=True):
                if options.each and (found.language != turn.language or found.is_translated):
                    marks = " (flagged)" * found.is_flagged + " (another script)" * found.is_translated
                    print(
                        f"    {turn.first / RATE_HZ:.1f} s {turn.name}: {turn.language} as {found.language or 'nothing'}{marks}"
                    )


def session(data: Path, *, is_held_out: bool, count: int = 0) -> tuple[Floats, list[Turn]]:
    """The sound of one of the two sessions, and where its turns are."""
    items = [json.loads(line) for line in (data / "refs.jsonl").open(encoding="utf-8")]
    items = [one for one in items if is_test(str(one["id"])) == is_held_out or one["lang"] == "uk"]
    pools = {language: list(_utterances(data, items, language)) for language in LANGUAGES}
    pools["uk"] = pools["uk"][int(is_held_out) :: 2]  # there are too few recordings to part them by name
    random = np.random.default_rng(1)
    parts: list[Floats] = []
    turns: list[Turn] = []
    position = 0
    for n in range(count or 3 * max(map(len, pools.values()))):
        language = LANGUAGES[n % 3]
        name, spoken = pools[language][n // 3 % len(pools[language])]
        noise = (random.standard_normal(int(random.uniform(0.4, 1.0) * RATE_HZ)) * NOISE).astype(np.float32)
        parts += [noise, spoken * np.float32(LEVEL / max(1e-9, float(np.sqrt(np.mean(spoken**2)))))]
        position += len(noise)
        turns.append(Turn(language, name, position, position + len(spoken), is_repeated=n // 3 >= len(pools[language])))
        position += len(spoken)
    return np.concatenate(parts), turns


def _utterances(data: Path, items: Sequence[dict[str, object]], language: str) -> Iterator[tuple[str, Floats]]:
    for one in items:
        wanted = one["lang"] == language and one["type"] not in OVERLAPPED and "spliced" not in str(one["id"])
        if wanted and float(str(one["seconds"])) >= SHORTEST_S:
            sound = np.asarray(decode_audio(str(data / str(one["path"]))), np.float32)
            for spoken in [sound] if len(sound) <= LONGEST_S * RATE_HZ and language != "uk" else _cut(sound):
                if _voiced_s(spoken) >= SHORTEST_S:
                    yield str(one["id"]), spoken


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
        yield sound[first * HOP : end * HOP]


def _voiced_s(sound: Floats) -> float:
    return int((profile_of([sound], Piece(1, 0, len(sound), RATE_HZ)).voice > 0.5).sum()) * HOP / RATE_HZ


def _outcomes(engine: WhisperEngine, sound: Floats, turns: Sequence[Turn]) -> list[Outcome]:
    place = profile_of([sound], Piece(1, 0, len(sound), RATE_HZ))
    clips = [Clip(window, sound[window.first_frame : window.end_frame], place) for window in tile(place)]
    attempts = [one for group in read_all(engine, clips, languages=LANGUAGES) for one in group if one.used]
    return [_outcome(turn, attempts) for turn in turns]


def _outcome(turn: Turn, attempts: Sequence[Attempt]) -> Outcome:
    found: Counter[str] = Counter()
    letters: Counter[bool] = Counter()
    is_flagged = False
    for attempt in attempts:
        if attempt.reading is None or attempt.window.end_frame <= turn.first or attempt.window.first_frame >= turn.end:
            continue
        inside = [word for word in attempt.reading.words if turn.first <= _middle(attempt, word) < turn.end]
        found[attempt.reading.language] += len(inside)
        letters.update("LATIN" in unicodedata.name(mark, "") for word in inside for mark in word.text if mark.isalpha())
        is_flagged = is_flagged or (bool(inside) and UNSURE_LANGUAGE in attempt.flags)
    is_latin = letters[True] > letters[False]
    is_translated = letters.total() > 0 and is_latin != (turn.language == "en")
    return Outcome(found.most_common(1)[0][0] if found.total() else "", is_flagged, is_translated, turn.is_repeated)


def _middle(attempt: Attempt, word: Heard) -> int:
    return attempt.window.first_frame + word.first_sample + word.sample_count // 2


def _result(outcomes: Sequence[Outcome], language: str) -> str:
    once = [one for one in outcomes if not one.is_repeated]
    right = sum(one.language == language for one in once)
    low, high = wilson(right, len(once))
    wrong = [one for one in outcomes if one.language not in (language, "")]
    again = f"{sum(one.language == language for one in outcomes)} of {len(outcomes)}" if len(once) < len(outcomes) else ""
    return (
        f"{right} of {len(once)} right ({100 * right / len(once):.1f} % [{100 * low:.1f}, {100 * high:.1f}])"
        + (f"; with repetitions {again}" if again else "")
        + f"; {sum(not one.language for one in outcomes)} missing, {len(wrong)} in another language, "
        f"{sum(one.is_flagged for one in wrong)} of these flagged, {sum(one.is_translated for one in outcomes)} in another script"
    )


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    share, square = part / whole, 1.96**2
    middle = (share + square / (2 * whole)) / (1 + square / whole)
    reach = 1.96 * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2)) / (1 + square / whole)
    return max(0.0, middle - reach), min(1.0, middle + reach)


if __name__ == "__main__":
    main()
