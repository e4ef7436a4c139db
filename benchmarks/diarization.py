"""Who spoke when on a shared microphone: diarization error, number of voices, speed, and ten hours.

    python -m benchmarks.diarization --data ../shared/data [--only der|sherpa|talks|long] [--split dev|"held out"]

``der``: real recordings.  ``sherpa``: sherpa-onnx's own diarization of them with the same two models.  ``talks``: joined talks
(benchmarks/talks.py), each by itself and all of them as one session.  ``long``: memory and clustering of ten hours.  Scored by
pyannote.metrics, every second, overlap included; brackets are missed + invented + confused.  Constants were tuned on the
recordings and voices of ``dev`` alone; intervals are bootstrapped over recordings.
"""

import argparse
import importlib
import json
import os
import platform
import resource
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import sherpa_onnx
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.talks import Turns, talks
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.speakers import voices
from transcribe.speakers.diarization import Listened, Stretch, Turn, listen, tell_apart
from transcribe.speakers.voices import FRAME_SAMPLES
from transcribe.whisper.decoding import cpu_name

ITEMS = {
    "dev": {
        "AMI": ("en_ami_dev00", "en_ami_trn00", "en_ami_trn02", "en_ami_trn04"),
        "telephone": ("en_phone_diane_sheila",),
        "two alike voices": ("ru_spliced_dialogue_dev",),
    },
    "held out": {
        "AMI": ("en_ami_dev01", "en_ami_trn01", "en_ami_trn03", "en_ami_trn05"),
        "12 people": ("en_spliced_long_dev",),
    },
}
SKIPPED_S = {"en_ami_trn04": 14.0}
"""Seconds at the beginning that the data's notes say not to score."""

PARTS = ("der", "sherpa", "talks", "long")
COLLARS_S = (0.0, 0.25)
Way = Callable[[Floats, int], tuple[Turns, float]]
"""A recording and the number of people → the turns, and the seconds of processor time they took."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recording: missed, invented, confused and all speech in seconds by collar, and how wrong the number of voices was."""

    seconds: dict[float, tuple[float, float, float, float]]
    count_error: int


@dataclass(slots=True)
class Score:
    """The recordings of one group read in one way."""

    rows: list[Row] = field(default_factory=list)
    sound_s: float = 0.0
    took_s: float = 0.0

    def line(self) -> str:
        """One row of the table."""
        cells = []
        for collar_s in COLLARS_S:
            sums = np.array([row.seconds[collar_s] for row in self.rows])
            missed, invented, confused, spoken = sums.sum(axis=0)
            low, high = interval(sums[:, :3].sum(axis=1), sums[:, 3])
            parts = " + ".join(f"{100 * part / spoken:.1f}" for part in (missed, invented, confused))
            between = f" [{low:.1f} to {high:.1f}]" if len(self.rows) > 1 else ""
            cells.append(f"DER collar {collar_s}: {100 * (missed + invented + confused) / spoken:.1f} %{between} ({parts})")
        count = np.mean([abs(row.count_error) for row in self.rows])
        return f"{'; '.join(cells)}; count off by {count:.2f}; {self.sound_s / self.took_s:.1f} × real time"


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--split", choices=tuple(ITEMS))
    options = parser.parse_args()
    print_machine("onnxruntime", "pyannote.metrics")
    shipped = voices.load()
    for part in PARTS:
        if options.only not in (None, part):
            continue
        if part == "long":
            hear_ten_hours()
            ten_hours(options.data, shipped)
            continue
        for split in ITEMS:
            if options.split not in (None, split):
                continue
            if part == "talks":
                recordings, ears = list(talks(split, lambda item: sound_of(options.data, item))), Ears(shipped)
                _compare(f"{split}, joined talks", recordings, _ways(ears))
                as_one(f"{split}, joined talks as one session", recordings, ears)
            else:
                real(options.data, split, _ways(Ears(shipped)) if part == "der" else SHERPA)


def print_machine(*names: str) -> None:
    """The processor, and the versions of what the figures depend on."""
    print(f"{cpu_name()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in ("sherpa-onnx", *names)) + "; one thread", flush=True)


def real(data: Path, split: str, ways: Mapping[str, Way]) -> None:
    """Real recordings, and those joined from long turns."""
    for group, items in ITEMS[split].items():
        _compare(f"{split}, {group}", [(item, sound_of(data, item), turns_of(data, item)) for item in items], ways)


class Scripted:
    """Models without sound: two voices in turns of 2.5 s, each print a little different."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(1)
        self._voices = self._chance.normal(0, 1, (2, 192)).astype(np.float32)

    def segment(self, samples: Floats) -> NDArray[np.bool_]:
        """Turn about."""
        frames = np.arange(len(samples) // FRAME_SAMPLES)
        speaks = frames * FRAME_SAMPLES // int(2.5 * RATE_HZ) % 2
        return np.stack([speaks == 0, speaks == 1, np.zeros_like(frames, np.bool_)], axis=1)

    def embed(self, samples: Floats) -> Floats:
        """One of the two."""
        found = self._voices[len(samples) % 2] + self._chance.normal(0, 0.5, 192).astype(np.float32)
        result: Floats = found / np.float32(np.linalg.norm(found))
        return result


def hear_ten_hours() -> None:
    """Ten hours of sound stream through `listen`, whose models are scripted: what remains in memory of it."""
    before_mb, started = _peak_mb(), time.process_time()
    block = np.zeros(20 * RATE_HZ, np.float32)
    heard = listen((block for _ in range(1800)), Scripted())
    print(
        f"long: hearing {heard.sample_count / RATE_HZ / 3600:.1f} h with scripted models: {len(heard.stretches)} stretches, "
        f"{time.process_time() - started:.0f} s, peak memory {_peak_mb():.0f} MB ({before_mb:.0f} before)",
        flush=True,
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ten_hours(data: Path, shipped: voices.VoiceModels) -> None:
    """The stretches of a joined talk again and again, each print a little different each time, until they are ten hours."""
    name, sound, turns = next(one for one in talks("held out", lambda item: sound_of(data, item)) if one[0].startswith("4"))
    once = listen([sound], shipped)
    chance = np.random.default_rng(1)
    times = round(36_000 / (len(sound) / RATE_HZ))
    frames = once.sample_count // FRAME_SAMPLES
    stretches = tuple(_again(one, number, frames, chance) for number in range(times) for one in once.stretches)
    whole = Listened(frames * FRAME_SAMPLES * times, np.tile(once.at_once[:frames], times), stretches)
    print(f"long: {name}, {times} times = {whole.sample_count / RATE_HZ / 3600:.1f} h, {len(stretches)} stretches")
    started = time.process_time()
    found = tell_apart([whole], people=4)
    took_s = time.process_time() - started
    first = [(a, b, who) for a, b, who in _seconds(found.turns[0]) if a < len(sound) / RATE_HZ]
    print(f"  {len(found.voices)} voices in {took_s:.0f} s; peak memory {_peak_mb():.0f} MB")
    print(
        f"  the first time {Score([_row('', turns, first, len(sound))], whole.sample_count / RATE_HZ, took_s).line()}", flush=True
    )


def interval(errors: Sequence[float] | np.ndarray, totals: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """95 % of 2000 draws of as many recordings, in per cent."""
    chance, errors, totals = np.random.default_rng(1), np.asarray(errors, float), np.asarray(totals, float)
    drawn = chance.integers(len(errors), size=(2000, len(errors)))
    spoken = totals[drawn].sum(axis=1)
    rates = 100 * errors[drawn].sum(axis=1)[spoken > 0] / spoken[spoken > 0]
    return float(np.percentile(rates, 2.5)), float(np.percentile(rates, 97.5))


def sound_of(data: Path, item: str) -> Floats:
    """A recording as 16 kHz mono."""
    references = {one["id"]: one for one in map(json.loads, (data / "refs.jsonl").open(encoding="utf-8"))}
    samples, rate_hz = soundfile.read(data / references[item]["path"], dtype="float32", always_2d=True)
    mono: Floats = samples.mean(axis=1)
    return mono if rate_hz == RATE_HZ else np.asarray(soxr.resample(mono, rate_hz, RATE_HZ), np.float32)


def turns_of(data: Path, item: str) -> Turns:
    """(start, end, who), in seconds, as the reference has it."""
    lines = [line.split() for line in (data / "rttm" / f"{item}.rttm").read_text().splitlines() if line.strip()]
    return [(float(line[3]), float(line[3]) + float(line[4]), line[7]) for line in lines]


class Ears:
    """What the product hears; a recording is heard once, whatever is then asked about it."""

    def __init__(self, shipped: voices.VoiceModels) -> None:
        self._shipped = shipped
        self._heard: dict[int, tuple[Floats, Listened, float]] = {}

    def hear(self, sound: Floats) -> tuple[Listened, float]:
        """What the models make of a recording, and the seconds that this took."""
        if id(sound) not in self._heard:
            started = time.process_time()
            blocks = (sound[first : first + 20 * RATE_HZ] for first in range(0, len(sound), 20 * RATE_HZ))
            self._heard[id(sound)] = sound, listen(blocks, self._shipped), time.process_time() - started
        return self._heard[id(sound)][1:]

    def turns(self, sound: Floats, people: int | None) -> tuple[Turns, float]:
        """The turns that the product finds, and the seconds that hearing and telling apart took."""
        heard, took_s = self.hear(sound)
        started = time.process_time()
        found = _seconds(tell_apart([heard], people=people).turns[0])
        return found, took_s + time.process_time() - started


def as_one(group: str, recordings: Sequence[tuple[str, Floats, Turns]], ears: Ears) -> None:
    """All recordings as the pieces of one session: are its people the same ones throughout?"""
    heard = [ears.hear(sound) for _, sound, _ in recordings]
    starts_s = np.cumsum([0.0, *(len(sound) / RATE_HZ for _, sound, _ in recordings)])
    truth = _moved((turns for *_, turns in recordings), starts_s)
    known = len({who for *_, who in truth})
    for way, people in {"known": known, "unknown": None, "two more in the roster": known + 2}.items():
        started = time.process_time()
        pieces = tell_apart([one for one, _ in heard], people=people).turns
        took_s = sum(seconds for _, seconds in heard) + time.process_time() - started
        row = _row("", truth, _moved(map(_seconds, pieces), starts_s), round(starts_s[-1] * RATE_HZ))
        print(f"{group}, {known} people | Everyword, {way} | {Score([row], starts_s[-1], took_s).line()}", flush=True)


def _moved(pieces: Iterable[Turns], starts_s: np.ndarray) -> Turns:
    return [(start + at, end + at, who) for at, turns in zip(starts_s, pieces, strict=False) for start, end, who in turns]


def _ways(ears: Ears) -> dict[str, Way]:
    return {
        "Everyword, known": ears.turns,
        "Everyword, unknown": lambda sound, _: ears.turns(sound, None),
        "Everyword, one more in the roster": lambda sound, people: ears.turns(sound, people + 1),
    }


def _compare(group: str, recordings: Iterable[tuple[str, Floats, Turns]], ways: Mapping[str, Way]) -> None:
    for way, find in ways.items():
        score = Score()
        for item, sound, truth in recordings:
            found, took_s = find(sound, len({who for *_, who in truth}))
            score.took_s += took_s
            score.sound_s += len(sound) / RATE_HZ
            score.rows.append(_row(item, truth, found, len(sound)))
        print(f"{group} | {way} | {score.line()}", flush=True)


def _row(item: str, truth: Turns, found: Turns, sample_count: int) -> Row:
    core, metrics = importlib.import_module("pyannote.core"), importlib.import_module("pyannote.metrics.diarization")
    scored = core.Timeline([core.Segment(SKIPPED_S.get(item, 0.0), sample_count / RATE_HZ)])
    annotations = []
    for turns in (truth, found):
        annotations.append(core.Annotation())
        for number, (start, end, who) in enumerate(turns):
            annotations[-1][core.Segment(start, end), number] = who
    seconds = {}
    for collar_s in COLLARS_S:
        parts = metrics.DiarizationErrorRate(collar=2 * collar_s)(*annotations, uem=scored, detailed=True)
        seconds[collar_s] = tuple(parts[name] for name in ("missed detection", "false alarm", "confusion", "total"))
    return Row(seconds, len({who for *_, who in found}) - len({who for *_, who in truth}))


def _sherpas(sound: Floats, people: int) -> tuple[Turns, float]:
    started = time.process_time()
    pyannote = sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(model=str(voices.FOLDER / voices.SEGMENTATION))
    config = sherpa_onnx.OfflineSpeakerDiarizationConfig(
        segmentation=sherpa_onnx.OfflineSpeakerSegmentationModelConfig(pyannote=pyannote, num_threads=1),
        embedding=sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=str(voices.FOLDER / voices.EMBEDDING), num_threads=1),
        clustering=sherpa_onnx.FastClusteringConfig(num_clusters=people, threshold=0.5),
    )
    found = sherpa_onnx.OfflineSpeakerDiarization(config).process(sound).sort_by_start_time()
    return [(one.start, one.end, str(one.speaker)) for one in found], time.process_time() - started


SHERPA: dict[str, Way] = {
    "sherpa-onnx's own, known": _sherpas,
    "sherpa-onnx's own, unknown": lambda sound, _: _sherpas(sound, -1),
}


def _seconds(turns: Iterable[Turn]) -> Turns:
    return [(turn.first_sample / RATE_HZ, turn.end_sample / RATE_HZ, str(turn.voice)) for turn in turns]


def _again(one: Stretch, number: int, frames: int, chance: np.random.Generator) -> Stretch:
    moved = one.frames[one.frames < frames] + np.int32(number * frames)
    if one.print_ is None:
        return replace(one, chunk=one.chunk + 10_000 * number, frames=moved)
    noisy = one.print_ + chance.normal(0, 0.02, len(one.print_)).astype(np.float32)
    return replace(one, chunk=one.chunk + 10_000 * number, frames=moved, print_=noisy / np.float32(np.linalg.norm(noisy)))


if __name__ == "__main__":
    main()
