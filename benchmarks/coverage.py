"""What is lost, what is invented, and what of both is marked: `transcribe` beside stock faster-whisper.

    python -m benchmarks.coverage --data ../shared/data

Every recording of 20 s or more with a reference.  Stock is told the language; ours chooses among three, window by window.
Numbers in digits are spelled out, for everybody.

A *lost run* is three or more words of the reference in a row that nothing stands for, unless nobody could have said them in the
time there (the reference has them, the sound has not).  Its time lies between the words heard before and after it.  It is
*marked* when one of these two words has a flag, or the coverage calls 0.3 s or more of that time inaudible, uncertain or failed;
*window* when no more than the reading in use of a window that touches it is flagged; else *bare*.  *Crosstalk* is a run whose
time touches two voices at once (by the reference's turns), or half of whose words were said then.  Only a reference of what was
said can show what is lost: those that are an edited report (EDITED) count in the errors, not in the runs.

An *invented* word is any word on recordings and made sounds in which nobody speaks; unmarked means without a flag.
"""

import argparse
import json
import tempfile
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio
from numpy.typing import NDArray

from benchmarks.alignment import Alignment, Heard, LostRun, align, blocks, draws, heard, interval
from benchmarks.normaliser import normalise
from benchmarks.spelled import spelled
from everyword import keys
from everyword.run import READINGS, read_lines, read_transcript, run_path
from recorder.imports import import_files
from transcribe import pipeline
from transcribe.whisper import models
from transcribe.whisper.decoding import WhisperEngine, cpu_name

LANGUAGES = ("en", "ru", "uk")
RATE_HZ = 16_000
LEAST_S = 20.0
MARK_S = 0.3
UNUSABLE = ("en_ami_trn04",)
"""The reference misses its first 14 s."""

WAYS = ("everyword", "stock batched", "stock sequential, VAD")

EDITED = ("en_europarl_ivory",)
"""Begins 22 words after its reference does, and the reference is the Parliament's edited report."""

ABSENT = "trade already we have in place strict rules on ivory trade in the european union imports of ivory into the eu "
"""With these words that reference begins, and the recording after them; it is also a part of a joined recording."""

CUT_OFF = "but we did not stop there towards the"
CONTINUED = f"{CUT_OFF} end of last year"
"""So it ends, in the middle of a sentence, and so the recording does."""

Sound: TypeAlias = NDArray[np.float32]
Bounds: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Text:
    """A transcript: words, marked stretches of time, and the bounds of windows with a flag."""

    words: tuple[Heard, ...]
    marks: tuple[Bounds, ...] = ()
    flagged_windows: tuple[Bounds, ...] = ()

    def mark(self, run: LostRun) -> str:
        """How a reader learns of a loss: ``marked``, ``window`` only, or ``bare`` of any mark."""
        spans = [min(end, run.end_s) - max(start, run.start_s) for start, end in self.marks]
        if run.neighbour_is_flagged or any(length >= MARK_S for length in spans):
            return "marked"
        return "window" if any(start < run.end_s and end > run.start_s for start, end in self.flagged_windows) else "bare"


Way: TypeAlias = Callable[[Sound, Sequence[str]], Text]


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--item", action="append", help="id in refs.jsonl; repeat for several")
    parser.add_argument("--model", default="base")
    parser.add_argument("--way", action="append", choices=WAYS, help="repeat for several; default all")
    parser.add_argument("--no-noise", action="store_true")
    parser.add_argument("--each", action="store_true", help="a line a recording, and every lost run")
    options = parser.parse_args()
    print(f"{cpu_name()}, model {options.model}, int8, beam 5")
    items = [json.loads(line) for line in (options.data / "refs.jsonl").open(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as scratch:
        ways = _ways(Path(scratch), options.model, options.way or WAYS)
        speech = [one for one in items if _is_wanted(one, options.item)]
        scores = {name: [_score(way, one, name=name, options=options) for one in speech] for name, way in ways.items()}
        for language in (*LANGUAGES, "all"):
            chosen = [n for n, one in enumerate(speech) if language in (one["lang"], "all")]
            if chosen:
                _print_table(language, {name: [found[n] for n in chosen] for name, found in scores.items()})
        if not options.no_noise:
            silent = {one["id"]: _sound(options.data, one) for one in items if one["type"] == "meeting_near_silent"}
            _print_invented(ways, {**silent, **noises()})


def _is_wanted(item: dict[str, object], names: Sequence[str] | None) -> bool:
    reference = item["text_spoken"] or item["text"]
    if names:
        return item["id"] in names
    usable = item["id"] not in UNUSABLE and item["type"] != "meeting_near_silent"
    return bool(reference) and float(str(item["seconds"])) >= LEAST_S and usable


@dataclass(frozen=True, slots=True)
class Score:
    """One way on one recording."""

    alignment: Alignment
    marks: tuple[tuple[str, bool, int], ...]
    """Of each lost run: how it is marked, whether it is crosstalk, its words."""


def _score(way: Way, item: dict[str, object], *, name: str, options: argparse.Namespace) -> Score:
    text = way(_sound(options.data, item), (str(item["lang"]),) if name != "everyword" else LANGUAGES)
    reference = reference_of(item)
    text = replace(text, words=tuple(spelled(text.words, reference, language=str(item["lang"]))))
    found = align(reference, text.words, times=_times(options.data / str(item["stm"])) if item["stm"] else ())
    crosstalk = _crosstalk(options.data / str(item["rttm"])) if item["rttm"] else []
    marks = tuple(
        (text.mark(run), _is_crosstalk(run, crosstalk), len(run.words))
        for run in found.runs
        if run.was_said and item["id"] not in EDITED
    )
    if options.each:
        print(f"{name} {item['id']}: WER {sum(found.errors) / found.words:.3f}, {found.deletions} del, runs {len(found.runs)}")
        for run in found.runs:
            where = f"{run.start_s:.1f}-{min(run.end_s, 9999):.1f}"
            print(f"    {where} {text.mark(run)}{'' if run.was_said else ', cannot have been said'}: {' '.join(run.words)}")
    return Score(found, marks)


def reference_of(item: dict[str, object]) -> str:
    """What was said, normalised; a reference that begins before its recording, or ends before it, is mended."""
    return normalise(str(item["text_spoken"] or item["text"])).replace(ABSENT, "").replace(CUT_OFF, CONTINUED)


def _times(path: Path) -> list[float]:
    """About when each word of a reference was said: the words of a turn evenly over its time."""
    found: list[float] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        _, _, _, start, end, *text = line.split(maxsplit=5)
        words = normalise(text[0] if text else "").split()
        found += [float(start) + (float(end) - float(start)) * (n + 0.5) / len(words) for n in range(len(words))]
    return found


def _print_table(language: str, scores: dict[str, list[Score]]) -> None:
    words = sum(one.alignment.words for one in next(iter(scores.values())))
    print(f"\n{language}: {len(next(iter(scores.values())))} recordings, {words} words")
    ours = _errors(next(iter(scores.values())))
    for name, found in scores.items():
        against = "" if name == "everyword" else _difference(ours, _errors(found))
        print(f"  {name:22} WER {_rate(_errors(found))}{against} | " + " | ".join(_cells(found, words)))


def _cells(scores: Sequence[Score], words: int) -> list[str]:
    texts = [one.alignment for one in scores]
    runs = [mark for one in scores for mark in one.marks]
    clear = [mark for mark in runs if not mark[1]]
    bare = [mark[2] for mark in clear if mark[0] == "bare"]
    flagged = _share(sum(one.correct_flagged for one in texts), sum(one.correct for one in texts))
    caught = _share(sum(one.wrong_flagged for one in texts), sum(one.wrong for one in texts))
    return [
        f"del {sum(one.deletions for one in texts)} ins {sum(one.insertions for one in texts)}",
        f"in runs {_share(sum(run[2] for run in runs), words)} (no crosstalk {_share(sum(run[2] for run in clear), words)})",
        f"runs {len(runs)}: "
        + ", ".join(f"{sum(run[0] == kind for run in runs)} {kind}" for kind in ("marked", "window", "bare")),
        f"bare clear {len(bare)} ({_share(sum(bare), words)})",
        f"correct flagged {flagged}, wrong flagged {caught}",
    ]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _errors(scores: Sequence[Score]) -> NDArray[np.float64]:
    """``(errors, words)`` a block, shape (blocks, 2)."""
    return np.array([block for one in scores for block in blocks(one.alignment.errors)], np.float64)


def _rate(errors: NDArray[np.float64]) -> str:
    low, high = interval(errors)
    return f"{errors[:, 0].sum() / errors[:, 1].sum():.3f} [{low:.3f}, {high:.3f}]"


def _difference(ours: NDArray[np.float64], other: NDArray[np.float64]) -> str:
    """Ours minus the other's, over the same draws of blocks."""
    chosen = draws(len(ours))
    drawn = (ours[chosen, 0].sum(axis=1) - other[chosen, 0].sum(axis=1)) / ours[chosen, 1].sum(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f", ours {(ours[:, 0].sum() - other[:, 0].sum()) / ours[:, 1].sum():+.3f} [{low:+.3f}, {high:+.3f}]"


def _print_invented(ways: dict[str, Way], sounds: dict[str, Sound]) -> None:
    print("\ninvented words (unmarked / all), each language forced")
    for name, sound in sounds.items():
        row = []
        for way_name, way in ways.items():
            found = [way(sound, (language,)).words for language in LANGUAGES]
            row.append(f"{way_name} {sum(not w.is_flagged for words in found for w in words)}/{sum(map(len, found))}")
        print(f"  {name:20} " + " | ".join(row))


def noises() -> dict[str, Sound]:
    """A minute each of what a room sounds like when nobody speaks, at levels from silence to a loud street."""
    count = 60 * RATE_HZ
    white = np.random.default_rng(7).standard_normal(count)
    spectrum = np.fft.rfft(white)
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), count)
    time_s = np.arange(count) / RATE_HZ
    hum = np.sum([np.sin(2 * np.pi * 50 * k * time_s) / k for k in range(1, 8)], axis=0)
    chord = np.sum([np.sin(2 * np.pi * f * time_s) for f in (220.0, 277.2, 329.6)], axis=0) * (1 + np.sin(5 * time_s))
    shapes = {"white": (white, 0.003), "pink": (pink, 0.02), "loud pink": (pink, 0.1), "hum": (hum, 0.02), "chord": (chord, 0.05)}
    made = {name: np.asarray(shape / shape.std() * level, np.float32) for name, (shape, level) in shapes.items()}
    return {"silence": np.zeros(count, np.float32), **made}


def _sound(data: Path, item: dict[str, object]) -> Sound:
    """Mixed to one channel, as stock does."""
    return np.asarray(decode_audio(str(data / str(item["path"]))), np.float32)


def _is_crosstalk(run: LostRun, overlaps: Sequence[Bounds]) -> bool:
    """True when its time in the transcript touches two voices at once, or half of its words were said then."""
    is_touched = any(start < run.end_s and end > run.start_s for start, end in overlaps)
    inside = sum(any(start <= said_s < end for start, end in overlaps) for said_s in run.said_s)
    return is_touched or (bool(run.said_s) and 2 * inside >= len(run.said_s))


def _crosstalk(path: Path) -> list[Bounds]:
    """Where two turns of an RTTM file overlap."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("SPEAKER")]
    turns = sorted((float(row[3]), float(row[3]) + float(row[4])) for row in rows)
    found, reach = [], 0.0
    for start, end in turns:
        if start < reach:
            found.append((start, min(end, reach)))
        reach = max(reach, end)
    return found


def _ways(scratch: Path, model: str, names: Sequence[str]) -> dict[str, Way]:
    files = models.locate(model, home=scratch / "home")
    ways = {"everyword": _ours(WhisperEngine(files, device="cpu", compute_type="int8"), scratch)}
    if set(names) != {"everyword"}:
        whisper = WhisperModel(str(files.path), device="cpu", compute_type="int8")
        batched = BatchedInferencePipeline(whisper)
        ways["stock batched"] = lambda sound, languages: _words(
            batched.transcribe(sound, batch_size=8, word_timestamps=True, language=languages[0])[0]
        )
        ways["stock sequential, VAD"] = lambda sound, languages: _words(
            whisper.transcribe(sound, vad_filter=True, word_timestamps=True, language=languages[0])[0]
        )
    return {name: way for name, way in ways.items() if name in names}


def _words(segments: object) -> Text:
    found = [word for segment in segments for word in segment.words or ()]  # type: ignore[attr-defined]
    return Text(tuple(one for word in found for one in heard(word.word, start_s=word.start, end_s=word.end)))


def _ours(engine: WhisperEngine, scratch: Path) -> Way:
    def read(sound: Sound, languages: Sequence[str]) -> Text:
        with tempfile.TemporaryDirectory(dir=scratch) as place:
            path = Path(place) / "sound.wav"
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
                file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
            home = scratch / "home"
            folder = import_files(
                [path], parent=Path(place), home=home, title="b", operator="benchmark", languages=tuple(languages)
            )
            recording = pipeline.open_recording(folder)
            key = keys.device_key(home)
            run = pipeline.transcribe(recording, engine, languages=languages, key=key, by="benchmark").run.run
            transcript = read_transcript(folder, run)
            readings = list(read_lines(run_path(folder, run) / READINGS))
        words = [
            one
            for utterance in transcript.utterances
            for word in utterance.words
            for one in heard(
                word.text,
                start_s=word.first_frame / RATE_HZ,
                end_s=(word.first_frame + word.frame_count) / RATE_HZ,
                is_flagged=bool(word.flags),
            )
        ]
        marked = [span for span in transcript.coverage if span.state in ("inaudible", "uncertain", "failed")]
        windows = [line for line in readings if line["used"] and line["flags"]]
        return Text(
            tuple(words),
            tuple(_seconds(span.first_frame, span.frame_count) for span in marked),
            tuple(_seconds(int(str(line["first_frame"])), int(str(line["frame_count"]))) for line in windows),
        )

    return read


def _seconds(first_frame: int, frame_count: int) -> Bounds:
    return first_frame / RATE_HZ, (first_frame + frame_count) / RATE_HZ


if __name__ == "__main__":
    main()
