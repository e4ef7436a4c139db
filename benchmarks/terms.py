"""What telling the engine names and terms does: recall of the names, errors of everything else, and echoes where nobody speaks.

    python -m benchmarks.terms --data ../shared/data

Every recording is read twice by the same model: told nothing, and told the names that are said in it among others that are not.
Recall counts a name as often as the reference has it; a name in another spelling is not found.
"""

import argparse
import json
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import jiwer
import numpy as np
import soundfile

from benchmarks.normaliser import normalise
from everyword import keys
from everyword.model import Utterance
from everyword.run import read_transcript
from recorder.imports import import_files
from transcribe import glossary, models, pipeline
from transcribe.whisper import WhisperEngine, cpu_name
from transcribe.windows import RATE_HZ

NAMES = {
    "en_ami_dev00": ("Adam Duguid", "Ebenezer Ademesoye"),
    "en_ami_trn05": ("Maarika", "Melissa"),
    "en_ami_ES2011a_40s": ("Abigail Claflin", "Abbie"),
    "en_phone_diane_sheila": ("Diane", "Sheila"),
    "en_lj_LJ001-0001_0016": ("Gutenberg",),
    "ru_spliced_long_dev": ("Дигиум",),
}
ABSENT = {
    "en": ("Tobias Wrenfield", "Margarethe Oyelaran", "Castellane"),
    "ru": ("Анна Рыбакова", "Виктор Сомов", "Олена Коваль"),
}


@dataclass(slots=True)
class Row:
    """One way of reading, over all recordings."""

    way: str
    found: int = 0
    absent: int = 0
    errors: int = 0
    words: int = 0
    echoes: int = 0
    lines: list[str] = field(default_factory=list)


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    options = parser.parse_args()
    references = {one["id"]: one for one in map(json.loads, (options.data / "refs.jsonl").open(encoding="utf-8"))}
    print(f"{cpu_name()}, Python {platform.python_version()}, faster-whisper {version('faster-whisper')}, model {options.model}")
    with tempfile.TemporaryDirectory() as scratch:
        rows = [measure(Path(scratch), options, references, told=told) for told in (False, True)]
    said = sum(_said(str(references[item]["text"]), names) for item, names in NAMES.items() if item in references)
    for row in rows:
        print(
            f"{row.way:12} names {row.found} of {said} ({100 * row.found / said:.0f} %), absent names written {row.absent}, "
            f"WER {row.errors / row.words:.3f}, words of the prompt where nobody speaks {row.echoes}"
        )
    for told_nothing, told in zip(rows[0].lines, rows[1].lines, strict=True):
        print(f"  {told_nothing}  →  {told}")


def measure(scratch: Path, options: argparse.Namespace, references: dict[str, dict[str, object]], *, told: bool) -> Row:
    """Every recording with names, then every one without speech, which is told the names of all the others."""
    row = Row("told" if told else "told nothing")
    for item, names in NAMES.items():
        if item not in references:
            continue
        language = str(references[item]["lang"])
        terms = (*ABSENT[language][:1], *names, *ABSENT[language][1:])
        path = options.data / str(references[item]["path"])
        text = _read(scratch, options, path, terms if told else (), language)
        reference = str(references[item]["text_spoken"] or references[item]["text"])
        found = _found(text, reference, names)
        row.found += found
        row.absent += sum(_count(text, part) for name in ABSENT[language] for part in name.split())
        alignment = jiwer.process_words(normalise(reference), normalise(text))
        row.errors += alignment.substitutions + alignment.deletions + alignment.insertions
        row.words += len(normalise(reference).split())
        row.lines.append(f"{item} {found}/{_said(reference, names)} WER {alignment.wer:.2f}")
    every = tuple(name for names in (*NAMES.values(), *ABSENT.values()) for name in names)
    for path in _without_speech(scratch, options.data, references):
        text = _read(scratch, options, path, every if told else (), "en")
        row.echoes += sum(_count(text, part) for name in every for part in name.split())
    return row


def _without_speech(scratch: Path, data: Path, references: dict[str, dict[str, object]]) -> Iterator[Path]:
    """Near-silent meetings, and 30 s each of white noise, brown noise, mains hum and digital silence."""
    yield from (data / str(one["path"]) for one in references.values() if one["type"] == "meeting_near_silent")
    white = np.random.default_rng(1).normal(0, 0.02, 30 * RATE_HZ)
    brown = np.cumsum(white) / np.abs(np.cumsum(white)).max() * 0.2
    hum = 0.05 * np.sin(np.arange(30 * RATE_HZ) * 2 * np.pi * 50 / RATE_HZ)
    for name, samples in {"white": white, "brown": brown, "hum": hum, "silence": np.zeros(30 * RATE_HZ)}.items():
        path = scratch / f"{name}.wav"
        soundfile.write(path, samples, RATE_HZ)
        yield path


def _read(scratch: Path, options: argparse.Namespace, path: Path, terms: tuple[str, ...], language: str) -> str:
    home = scratch / "home"
    engine = WhisperEngine(
        models.locate(options.model, home=home),
        device="cpu",
        compute_type="int8",
        workers=1,
        terms=glossary.terms_of((), terms, languages=("en", "ru")),
    )
    folder = import_files([path], parent=scratch, home=home, title="t", operator="benchmark", languages=(language,))
    done = pipeline.transcribe(
        pipeline.open_recording(folder), engine, languages=(language,), key=keys.device_key(home), by="benchmark"
    )
    utterances: tuple[Utterance, ...] = read_transcript(folder, done.run.run).utterances
    return " ".join(one.text for one in utterances)


def _count(text: str, name: str) -> int:
    words, wanted = normalise(text).split(), normalise(name).split()
    return sum(words[first : first + len(wanted)] == wanted for first in range(len(words) - len(wanted) + 1))


def _said(reference: str, names: tuple[str, ...]) -> int:
    return sum(_count(reference, part) for name in names for part in name.split())


def _found(text: str, reference: str, names: tuple[str, ...]) -> int:
    return sum(min(_count(text, part), _count(reference, part)) for name in names for part in name.split())


if __name__ == "__main__":
    main()
