"""What telling the engine names and terms does: recall, errors of everything else, inventions, and echoes where nobody speaks.

    python -m benchmarks.terms --data ../shared/data

Every recording is read by the same model in four ways: told nothing; told the names that are said in it among others that are
not; told 500 terms, those names first; told 500 terms none of which is said.  Recall counts a name as often as the reference has
it; one in another spelling or another form is not found.  A told word that is written more often than it is said is invented:
that also counts inflected words (`INFLECTED`) which are drawn to the form they were told in.  Intervals are bootstrapped over
recordings.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jiwer
import numpy as np
import soundfile

from benchmarks.diarization import interval, print_machine
from benchmarks.normaliser import normalise
from everyword import keys
from everyword.model import Utterance
from everyword.run import read_transcript
from recorder.imports import import_files
from transcribe import pipeline
from transcribe.sound.windows import RATE_HZ
from transcribe.whisper import glossary, models
from transcribe.whisper.decoding import WhisperEngine

NAMES = {
    "en_ami_dev00": ("Adam Duguid", "Ebenezer Ademesoye"),
    "en_ami_trn05": ("Maarika", "Melissa"),
    "en_ami_ES2011a_40s": ("Abigail Claflin", "Abbie"),
    "en_phone_diane_sheila": ("Diane", "Sheila"),
    "en_lj_LJ001-0001_0016": ("Gutenberg",),
    "en_fleurs_2": ("Sintra", "Lord Byron"),
    "en_fleurs_6": ("Northern Marianas",),
    "en_mfa_esports_5": ("Sideshow", "Custer", "Reinforce", "Plat Chat"),
    "ru_spliced_long_dev": ("Дигиум",),
    "ru_ivr_a_demo-abouttotry": ("Астериск", "Дигиум"),
    "ru_ivr_b_demo-abouttotry": ("Астериск", "Дигиум"),
    "ru_ivr_b_demo-instruct": ("Астериск", "Дигиум"),
    "uk_audiobook_farshrutka": ("Томас", "Репостислав Вакарчук"),
}
INFLECTED = {"ru_ivr_a_conf-adminmenu": ("конференция", "микрофон", "участник", "уровень звука")}
"""Words that are said in other forms than the one told."""

ABSENT = {
    "en": ("Tobias Wrenfield", "Margarethe Oyelaran", "Castellane"),
    "ru": ("Анна Рыбакова", "Виктор Сомов", "Олена Коваль"),
    "uk": ("Анна Рибакова", "Віктор Сомов", "Олена Коваль"),
}
NOTHING, TOLD, MANY, NONE_SAID = "told nothing", "told", "told 500 terms", "told 500 that are not said"


@dataclass(slots=True)
class Row:
    """One way of reading, over all recordings; a tuple a recording: names found, names said, errors, words."""

    way: str
    counts: list[tuple[int, int, int, int]] = field(default_factory=list)
    invented: int = 0
    echoes: int = 0
    lines: list[str] = field(default_factory=list)


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    options = parser.parse_args()
    references = {one["id"]: one for one in map(json.loads, (options.data / "refs.jsonl").open(encoding="utf-8"))}
    print_machine("faster-whisper")
    with tempfile.TemporaryDirectory() as scratch:
        rows = [measure(Path(scratch), options, references, way) for way in (NOTHING, TOLD, MANY, NONE_SAID)]
    for lines in zip(*(row.lines for row in rows), strict=True):
        print("  " + "  →  ".join(lines))


def measure(scratch: Path, options: argparse.Namespace, references: Mapping[str, dict[str, object]], way: str) -> Row:
    """Every recording with names, then every one without speech, which is told the names of all the others."""
    row = Row(way)
    for item, names in {**NAMES, **INFLECTED}.items():
        if item not in references:
            continue
        language = str(references[item]["lang"])
        terms = _terms(way, names, language)
        text = _read(scratch, options, options.data / str(references[item]["path"]), terms, language)
        reference = str(references[item]["text_spoken"] or references[item]["text"])
        found, said = (_found(text, reference, names), _said(reference, names)) if item in NAMES else (0, 0)
        row.invented += _invented(text, reference, {*names, *terms})
        alignment = jiwer.process_words(normalise(reference), normalise(text))
        errors = alignment.substitutions + alignment.deletions + alignment.insertions
        row.counts.append((found, said, errors, len(normalise(reference).split())))
        row.lines.append(f"{item} {found}/{said} WER {alignment.wer:.2f}")
    every = tuple(name for names in (*NAMES.values(), *ABSENT.values()) for name in names)
    for path in _without_speech(scratch, options.data, references):
        text = _read(scratch, options, path, _terms(way, every, "en"), "en")
        row.echoes += sum(_count(text, part) for name in every for part in name.split())
    counts = np.array(row.counts)
    found, said, errors, words = counts.sum(axis=0)
    low, high = interval(counts[:, 0], counts[:, 1])
    least, most = interval(counts[:, 2], counts[:, 3])
    print(
        f"{way:27} names {found} of {said} ({100 * found / said:.0f} % [{low:.0f} to {high:.0f}]), invented {row.invented}, "
        f"WER {100 * errors / words:.1f} % [{least:.1f} to {most:.1f}], words of the prompt where nobody speaks {row.echoes}",
        flush=True,
    )
    return row


def _terms(way: str, names: tuple[str, ...], language: str) -> tuple[str, ...]:
    """What the engine is told; as much of it as fits."""
    absent = ABSENT[language]
    syllables = ("bar", "dol", "ket", "mon", "vil") if language == "en" else ("бар", "дол", "кет", "мон", "вил")
    invented = tuple((a + b + c + d).capitalize() for a in syllables for b in syllables for c in syllables for d in syllables)
    many = {MANY: (*names, *invented), NONE_SAID: invented}
    return {NOTHING: (), TOLD: (*absent[:1], *names, *absent[1:])}.get(way) or many.get(way, ())[:500]


def _without_speech(scratch: Path, data: Path, references: Mapping[str, dict[str, object]]) -> Iterator[Path]:
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


def _invented(text: str, reference: str, terms: set[str]) -> int:
    """How often a word of the terms is written beyond what is said."""
    parts = {normalise(part) for term in terms for part in term.split() if len(part) > 3}
    return sum(max(0, _count(text, part) - _count(reference, part)) for part in parts)


if __name__ == "__main__":
    main()
