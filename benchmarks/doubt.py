"""Fits the weights of `transcribe.evidence.doubt` on one half of the recordings, and shows on the other what its flags find.

    python -m benchmarks.doubt --data ../shared/data

Which half a recording is in is drawn from its name (both voices of a Russian prompt together); recordings joined from others are
left out.  A word is wrong if the alignment with the reference says so; numbers are spelled out first.  Words of readings that are
doubted as a whole (loops) do not count, as they are flagged anyway; nor do words that go into quarantine.  The second reading is
there where the pipeline makes one.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
from faster_whisper import decode_audio
from numpy.typing import NDArray

from benchmarks.alignment import Heard
from benchmarks.coverage import UNUSABLE, reference_of
from benchmarks.normaliser import normalise
from benchmarks.spelled import spelled
from transcribe.engine import Reading
from transcribe.evidence import doubt
from transcribe.evidence.account import are_repeated_in_no_time
from transcribe.evidence.checks import DOUBTING
from transcribe.reading.attempts import Clip
from transcribe.reading.batches import read_all
from transcribe.sound.voice import profile_of
from transcribe.sound.windows import RATE_HZ, Piece, Profile, Window, tile
from transcribe.whisper import models
from transcribe.whisper.decoding import WhisperEngine, cpu_name

LANGUAGES = ("en", "ru", "uk")
RIGHT_FLAGGED = 0.10
PENALTY = 1e-3
"""Of the squared weights of standardised features, a word: keeps a rare feature from being believed too much."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """A word of a transcript."""

    features: Values
    probability: float
    is_wrong: bool
    language: str
    is_test: bool


def main() -> None:
    """Parse the options, read, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    options = parser.parse_args()
    print(f"{cpu_name()}, model {options.model}, int8")
    with tempfile.TemporaryDirectory() as scratch:
        engine = WhisperEngine(models.locate(options.model, home=Path(scratch)), device="cpu", compute_type="int8")
        items = [json.loads(line) for line in (options.data / "refs.jsonl").open(encoding="utf-8")]
        rows = [row for item in items if _is_wanted(item) for row in _rows(engine, options.data, item)]
    report(rows)


def report(rows: Sequence[Row]) -> None:
    """Fit on the one half, print the weights and what flags find in both."""
    fitting = [row for row in rows if not row.is_test]
    weights, bias = fit(np.array([row.features for row in fitting]), np.array([row.is_wrong for row in fitting], np.float64))
    features = np.array([row.features for row in rows])
    scores = features @ weights + bias
    threshold = float(np.quantile([score for score, row in zip(scores, rows, strict=True) if _is_right(row)], 1 - RIGHT_FLAGGED))
    print("WEIGHTS = (" + ", ".join(f"{weight:.3f}" for weight in weights) + ")")
    print(f"BIAS = {bias:.3f}\nDOUBTFUL = {threshold:.3f}\n")
    in_use = features @ np.array(doubt.WEIGHTS) + doubt.BIAS
    alone = np.array([-row.probability for row in rows])
    for name, chosen in _groups(rows):
        wrong = np.array([row.is_wrong for row in rows])[chosen]
        print(f"{name}: {wrong.size} words, {int(wrong.sum())} wrong; at DOUBTFUL {_found(scores[chosen], wrong, threshold)}")
        for label, values in (("weights", scores), ("weights in use", in_use), ("probability alone", alone)):
            print(f"  {label}: " + ", ".join(_point(values[chosen], wrong, share) for share in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)))


def fit(features: Values, wrong: Values) -> tuple[Values, float]:
    """Weights and bias of a logistic regression by Newton's method, for features as they are."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-9
    inputs = np.column_stack(((features - mean) / spread, np.ones(len(features))))
    penalty = PENALTY * len(features) * np.diag([1.0] * features.shape[1] + [0.0])
    weights = np.zeros(inputs.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-inputs @ weights))
        curvature = (inputs * (likely * (1 - likely))[:, None]).T @ inputs + penalty
        weights -= np.linalg.solve(curvature, inputs.T @ (likely - wrong) + penalty @ weights)
    plain: Values = weights[:-1] / spread
    return plain, float(weights[-1] - plain @ mean)


def labelled(
    parts: Sequence[tuple[Reading, Sequence[Reading], Window, Profile]], *, reference: str, language: str, is_test: bool
) -> list[Row]:
    """The words of the readings in use of one recording; each with the other readings of its window."""
    heard: list[Heard] = []
    features: list[Values] = []
    chances: list[float] = []
    for reading, others, window, profile in parts:
        found = doubt.features(reading, others, window=window, profile=profile)
        for word, values, is_repeated in zip(reading.words, found, are_repeated_in_no_time(reading.words), strict=True):
            if is_repeated:
                continue
            heard += [Heard(text, len(features), 0.0) for text in normalise(word.text).split()]
            features.append(values)
            chances.append(word.probability)
    wrong = _wrong(heard, reference, language)
    return [
        Row(values, chance, number in wrong, language, is_test)
        for number, (values, chance) in enumerate(zip(features, chances, strict=True))
        if any(word.start_s == number for word in heard)
    ]


def _wrong(heard: Sequence[Heard], reference: str, language: str) -> set[float]:
    """Numbers of the words that do not stand in the reference."""
    words = spelled(heard, reference, language=language)
    if not words:
        return set()
    chunks = jiwer.process_words(reference, " ".join(word.text for word in words)).alignments[0]
    return {word.start_s for chunk in chunks if chunk.type != "equal" for word in words[chunk.hyp_start_idx : chunk.hyp_end_idx]}


def _rows(engine: WhisperEngine, data: Path, item: dict[str, object]) -> list[Row]:
    sound = np.asarray(decode_audio(str(data / str(item["path"]))), np.float32)
    piece = Piece(1, 0, len(sound), RATE_HZ)
    place = profile_of([sound], piece)
    clips = [Clip(window, sound[window.first_frame : window.end_frame], place) for window in tile(place)]
    parts = []
    for group in sorted(read_all(engine, clips, languages=(str(item["lang"]),)), key=lambda group: group[0].window.number):
        for one in group:
            if one.used and one.reading and not DOUBTING & set(one.flags):
                others = [other.reading for other in group if other is not one and other.window == one.window and other.reading]
                parts.append((one.reading, others, one.window, place))
    return labelled(parts, reference=reference_of(item), language=str(item["lang"]), is_test=is_test(str(item["id"])))


def is_test(name: str) -> bool:
    """Which half a recording is in."""
    return hashlib.sha256(name.replace("_a_", "_").replace("_b_", "_").encode()).digest()[0] % 2 == 1


def _is_wanted(item: dict[str, object]) -> bool:
    return (
        bool(item["text_spoken"] or item["text"])
        and item["type"] != "meeting_near_silent"
        and item["id"] not in UNUSABLE
        and "spliced" not in str(item["id"])
    )


def _is_right(row: Row) -> bool:
    return not row.is_wrong and not row.is_test


def _groups(rows: Sequence[Row]) -> list[tuple[str, NDArray[np.bool_]]]:
    def chosen(wanted: Callable[[Row], bool]) -> NDArray[np.bool_]:
        return np.array([wanted(row) for row in rows])

    return [
        ("fitted", chosen(lambda row: not row.is_test)),
        ("held out", chosen(lambda row: row.is_test)),
        *[(f"held out, {one}", chosen(lambda row, one=one: row.is_test and row.language == one)) for one in ("en", "ru")],  # type: ignore[misc]
    ]


def _found(scores: Values, wrong: NDArray[np.bool_], threshold: float) -> str:
    caught, false = np.mean(scores[wrong] > threshold), np.mean(scores[~wrong] > threshold)
    return f"{100 * caught:.0f} % of the wrong and {100 * false:.0f} % of the right words are flagged"


def _point(scores: Values, wrong: NDArray[np.bool_], share: float) -> str:
    threshold = np.quantile(scores[~wrong], 1 - share)
    return f"{100 * share:.0f} % → {100 * np.mean(scores[wrong] > threshold):.0f} %"


if __name__ == "__main__":
    main()
