"""Sessions with hand-made transcripts: real sealed folders, invented words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from archive import corrections
from archive.corrections import Entry
from archive.record import read_record
from archive.review import coverage as review_coverage
from archive.review import marks as review
from everyword import keys, ledger, run
from everyword.folder import SessionFolder
from everyword.model import Run, Span, Speaker, State, Utterance, Word, to_json
from everyword.recording import Recording, read_recording
from recorder.imports import import_files
from tests.helpers import tone

RATE_HZ = 8000
KEY = ec.generate_private_key(ec.SECP256R1())
"""Of a computer that corrects."""

NOON_US = 1_795_348_800_000_000
"""2026-11-22 12:00:00 UTC."""

DELEGATES = (
    Speaker("anna-reed", "Anna Reed", role="mediator", delegation="UN", language="en", track=1),
    Speaker("olena-koval", "Олена Коваль", role="delegate", delegation="Ukraine", language="uk", track=2),
)


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance to put into a transcript; `at_s` counts from the beginning of the stream."""

    text: str
    language: str = "en"
    at_s: float = 0.0
    length_s: float = 1.0
    track: int = 1
    person: str | None = None
    flags: tuple[str, ...] = ()


TALKS = (
    Said("We discussed the exchange of prisoners.", "en", at_s=0.0, length_s=2.0, person="anna-reed"),
    Said("Ми говорили про обмін полонених.", "uk", at_s=2.0, length_s=2.0, track=2, person="olena-koval"),
    Said("Мы всё ещё ждём гарантий безопасности.", "ru", at_s=4.0, length_s=2.0, track=2, person="olena-koval", flags=("echo",)),
    Said("That is not what was promised, Minister.", "en", at_s=6.0, length_s=2.0, person="anna-reed"),
)


def imported(
    tmp_path: Path,
    *,
    title: str = "Round three",
    roster: tuple[Speaker, ...] = DELEGATES,
    started_at_us: int | None = NOON_US,
    seconds: float = 10.0,
    channels: int = 2,
    parent: Path | None = None,
) -> SessionFolder:
    """A sealed session without a transcript, in ``tmp_path/home/sessions`` unless `parent` is given."""
    sound = tone(tmp_path / f"tone-{seconds}-{channels}.wav", seconds=seconds, rate_hz=RATE_HZ, channels=channels)
    home = tmp_path / "home"
    return import_files(
        [sound],
        parent=parent or home / "sessions",
        home=home,
        title=title,
        operator="Test Operator",
        languages=("en", "ru", "uk"),
        roster=roster,
        place="Geneva",
        started_at_us=started_at_us,
    )


def transcribed(
    tmp_path: Path,
    said: Sequence[Said] = TALKS,
    *,
    title: str = "Round three",
    roster: tuple[Speaker, ...] = DELEGATES,
    started_at_us: int | None = NOON_US,
    seconds: float = 10.0,
    states: Sequence[tuple[float, float, State]] = (),
    parent: Path | None = None,
) -> SessionFolder:
    """A sealed session with one run; `states` are (from second, to second, state) of track 1 beside what is spoken."""
    folder = imported(tmp_path, title=title, roster=roster, started_at_us=started_at_us, seconds=seconds, parent=parent)
    add_run(folder, said, home=tmp_path / "home", states=states)
    return folder


def add_run(folder: SessionFolder, said: Sequence[Said], *, home: Path, states: Sequence[tuple[float, float, State]] = ()) -> str:
    """Write a finished run with these utterances; the first one of a session adopts itself."""
    name = run.start_run(folder)
    path = run.run_path(folder, name)
    utterances = [utterance(number, one) for number, one in enumerate(said, 1)]
    spans = [Span(1, u.track, u.first_frame, u.frame_count, "spoken") for u in utterances]
    spans += [Span(1, 1, _frames(start), _frames(end - start), state, "by hand") for start, end, state in states]
    spans = _filled(spans, read_recording(folder))
    run.write_lines(path / run.READINGS, [])
    run.write_lines(path / run.UTTERANCES, [to_json(one) for one in utterances])
    run.write_lines(path / run.COVERAGE, [to_json(one) for one in spans])
    run.write_lines(path / run.QUARANTINE, [])
    finished = Run(
        run=name,
        session=folder.read_session().id,
        seal=ledger.seal_digest(folder),
        started_at_us=NOON_US,
        engine={"name": "by hand"},
        model={"name": "nobody"},
        settings={"seed": 0},
        files=run.list_files(path),
        windows=1,
        flagged_windows=0,
    )
    run.write_run(folder, finished)
    run.sign_run(folder, name, key=keys.device_key(home), by="Test Operator")
    return name


def adopt(folder: SessionFolder, name: str) -> None:
    """Make a run the current one."""
    ledger.append(folder, "adopt", by="Test Operator", key=KEY, run=name)


def utterance(number: int, said: Said) -> Utterance:
    """An `Utterance` whose words share its time evenly; a hyphen ends a word, as it does for the engine."""
    texts = re.findall(r"[^\s-]+-?|-", said.text)
    first, frames = _frames(said.at_s), _frames(said.length_s)
    each = frames // max(1, len(texts))
    return Utterance(
        id=number,
        stream=1,
        track=said.track,
        first_frame=first,
        frame_count=frames,
        language=said.language,
        language_ppm=990_000,
        person=said.person,
        text=f" {said.text}",
        words=tuple(Word(text, first + place * each, each, 900_000) for place, text in enumerate(texts)),
        window=0,
        flags=said.flags,
    )


def _filled(spans: list[Span], recording: Recording) -> list[Span]:
    """`spans` and silence wherever they leave something out, so that every frame of every track has one state."""
    whole = []
    for track in recording.tracks:
        done = 0
        for span in sorted((span for span in spans if span.track == track.number), key=lambda span: span.first_frame):
            if span.first_frame > done:
                whole.append(Span(1, track.number, done, span.first_frame - done, "silent"))
            whole.append(span)
            done = span.first_frame + span.frame_count
        if done < recording.end_frame(1):
            whole.append(Span(1, track.number, done, recording.end_frame(1) - done, "silent"))
    return whole


def _frames(seconds: float) -> int:
    return round(seconds * RATE_HZ)


def correct(folder: SessionFolder, number: int, *, to: str, reason: str = "heard again", before: str | None = None) -> Entry:
    """A correction by the test operator."""
    return corrections.correct(folder, number, to=to, reason=reason, by="Test Operator", key=KEY, before=before)


def accept(folder: SessionFolder, *numbers: int, decision: review.Decision = "accepted", by: str = "Test Operator") -> None:
    """Review marks over utterances of the current run, as they read now; over all of them if none is named."""
    record = read_record(folder)
    assert record.transcript is not None
    for line in record.lines:
        if line.utterance.id in numbers or not numbers:
            review.mark(folder, line.utterance, run=record.transcript.run.run, text=line.text, decision=decision, by=by, key=KEY)


def review_all(folder: SessionFolder) -> None:
    """Everything is compared with the sound: utterances and stretches without words."""
    accept(folder)
    record = read_record(folder)
    assert record.transcript is not None
    for span in review_coverage.stretches(record):
        review.mark(folder, span, run=record.transcript.run.run, text="", decision="accepted", by="Test Operator", key=KEY)
