"""One sealed session, end to end, as a signed run in its folder."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import ledger
from everyword import run as runs
from everyword.digest import canonical, digest, file_digest
from everyword.errors import CorruptFolder, EverywordError, InvalidOption, SessionBusy
from everyword.folder import SessionFolder, disk_errors, is_plain, sync_directory
from everyword.leaves import altered_frames
from everyword.model import Run, Span, State, Utterance, from_json, to_json
from everyword.recording import Recording, read_recording
from everyword.seal import journal_state, read_seal
from transcribe.engine import Engine
from transcribe.evidence.coverage import BROKEN
from transcribe.reading.dictionary import DICTIONARIES
from transcribe.record import stitch
from transcribe.record.unfinished import Begun, begin
from transcribe.sound.audio import require_segments
from transcribe.speakers import attribution
from transcribe.track import TrackText, Write, read_track

FILES = (runs.READINGS, runs.UTTERANCES, runs.COVERAGE, runs.QUARANTINE, *attribution.FILES)
"""What a run is made of, beside what says what it is."""

Altered: TypeAlias = Mapping[tuple[int, int], Sequence[tuple[int, int]]]
"""(stream, channel) → ``(first frame, end frame)`` of what is not the sound that was sealed."""

Progress = Callable[[float, float], None]
"""Called with the seconds of sound done and the seconds there are, summed over all tracks."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run, in numbers; seconds are summed over all tracks.  ``current`` is the run that counts.

    ``failure`` is what the engine said of the first window that it could not read, ``broken_s`` how long samples were no level
    of sound; ``altered`` the stretches of a track that are not the sound that was sealed, as ``(track, first s, end s)``.
    ``speaker_problems`` counts the tracks on which voices could not be told apart or compared; the notes say why.
    """

    run: Run
    tracks: int
    words: int
    utterances: int
    failed_windows: int
    quarantined: int
    broken_s: float
    sound_s: float
    seconds: dict[State, float]
    current: str | None = None
    failure: str = ""
    altered: tuple[tuple[int, float, float], ...] = ()
    speaker_notes: tuple[str, ...] = ()
    speaker_problems: int = 0


def open_recording(folder: SessionFolder) -> Recording:
    """The recording of a sealed session whose segments are all there.

    Raises:
        SessionBusy: it is being recorded, or was never closed.
        CorruptFolder: the journal or a segment is damaged.
    """
    folder.read_session()
    try:
        strange = [folder.relative(path) for path, found in folder.entries() if not is_plain(found)]
    except OSError as error:
        raise CorruptFolder(f"{error.filename} cannot be read: {error.strerror}.") from error
    if strange:
        raise CorruptFolder(f"{strange[0]} is neither a file nor a folder but leads elsewhere: nothing was read.")
    if not folder.is_sealed:
        raise SessionBusy(
            f"{folder.path.name} is not sealed: it is being recorded, or its recording was cut off.",
            hint="Stop the recording first (Ctrl-C in its terminal); `everyword salvage` closes one that was cut off.",
        )
    recording = read_recording(folder)
    if read_seal(folder).get("journal") != journal_state(recording):
        raise CorruptFolder(f"{folder.path.name}/journal.jsonl is not the one that was sealed.")
    require_segments(recording)
    return recording


def choose_languages(*choices: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The first of the choices that is not empty: what was asked for, else the session's languages, else the settings'.

    Raises:
        InvalidOption: one of them is no language the engine knows.
    """
    chosen = tuple(dict.fromkeys(language.lower() for language in next((choice for choice in choices if choice), ())))
    unknown = [language for language in chosen if language not in known]
    if unknown or not chosen:
        raise InvalidOption(
            f"No speech model knows the language {unknown[0]!r}." if unknown else "No language was given.",
            hint="Name those that are spoken by their ISO 639-1 codes: --language en --language ru.",
        )
    return chosen


def _require_known(engine: Engine, languages: Sequence[str]) -> None:
    unknown = [language for language in languages if not engine.knows(language)]
    if unknown:
        raise InvalidOption(
            f"The model {engine.model()['name']} does not know the language {unknown[0]!r}.",
            hint="Choose another with --model, or name only languages that it knows: --language en.",
        )


def transcribe(
    recording: Recording,
    engine: Engine,
    *,
    languages: Sequence[str],
    key: EllipticCurvePrivateKey,
    by: str,
    people: str = attribution.ROSTER,
    progress: Progress | None = None,
) -> Outcome:
    """Write the next run of a session and return what is in it.

    What has been read reaches the disk batch by batch, and ``run.json`` is written last: whatever goes wrong, no half run becomes
    the current one, and the next call with the same engine, settings and languages goes on where this one ended.

    Args:
        recording: from `open_recording`.
        engine: what reads the windows.
        languages: that a window may be in.
        key: the device key, which signs the run.
        by: who asked for it, for the ledger.
        people: how many share a microphone; see `attribution.choose_people`.
        progress: see `Progress`; called from this thread.

    Raises:
        InvalidOption: the engine does not know one of the languages.
        CorruptFolder: a segment is missing or short, or somebody put a file of theirs into the run.
        DiskTrouble: the disk refuses.
    """
    _require_known(engine, languages)
    folder, altered = recording.folder, altered_frames(recording)
    manifest = {
        "session": recording.session.id,
        "seal": ledger.seal_digest(folder),
        "engine": {**engine.describe(), **_versions(), "code_sha256": _code_digest()},
        "model": engine.model(),
        "settings": {**engine.settings(), "languages": " ".join(languages), "speakers": people, **_noted(altered)},
    }

    def is_right(run: Run, started_at_us: int) -> bool:
        path = runs.run_path(folder, run.run)
        try:
            return run == _described(path, manifest, started_at_us) and not _hole(recording, path)
        except (EverywordError, OSError, KeyError, ValueError):  # a file of it is none of ours
            return False

    with begin(folder, manifest, is_right=is_right) as begun:
        begun.refuse_strange(FILES)
        if not begun.is_complete:
            with runs.lines_anew(begun.path / runs.READINGS) as write:
                texts = list(
                    _read_tracks(recording, engine, languages, altered=altered, begun=begun, write=write, progress=progress)
                )
            attribution.attribute(recording, texts, people=people).write(begun.path)
            _write_files(begun, texts, _in_order(recording, texts))
            if problem := _hole(recording, begun.path):
                raise EverywordError(
                    f"{begun.name} does not account for every frame and was not signed: {problem}",
                    hint="This is a fault of Everyword: please report it. The recording is as it was.",
                )
            if altered_frames(recording) != altered:
                raise CorruptFolder("The sound was changed while it was read.", hint="Run the same command again.")
            begun.refuse_strange(FILES)
            runs.write_run(folder, _described(begun.path, manifest, begun.started_at_us))
        begun.complete()
        runs.sign_run(folder, begun.name, key=key, by=by)
        return _outcome(recording, runs.read_run(folder, begun.name), begun.path, altered)


def _in_order(recording: Recording, texts: Sequence[TrackText]) -> list[Utterance]:
    timelines = recording.timelines()
    return stitch.numbered(
        [(timelines[one.stream].boottime_us(one.first_frame), one) for text in texts for one in text.utterances]
    )


def _noted(altered: Altered) -> dict[str, str]:
    """What is not the sound that was sealed, for the manifest: readings of one state of the sound are not taken for another's."""
    found = [[stream, channel, first, end] for (stream, channel), frames in altered.items() for first, end in frames]
    return {"altered": digest(canonical(found))} if found else {}


def _described(path: Path, manifest: Mapping[str, object], started_at_us: int) -> Run:
    """What ``run.json`` says, by what the other files hold."""
    windows: dict[object, bool] = {}
    for line in runs.read_lines(path / runs.READINGS):
        place = line["stream"], line["track"], line["window"]
        windows[place] = windows.get(place, False) or bool(line["used"] and (line["flags"] or line["error"]))
    data = {
        **manifest,
        "run": path.name,
        "started_at_us": started_at_us,
        "files": runs.list_files(path),
        "windows": len(windows),
        "flagged_windows": sum(windows.values()),
    }
    return from_json(Run, data)


def _hole(recording: Recording, path: Path) -> str:
    """Where the account of a run leaves frames out or counts them twice, as a sentence; nothing where it adds up."""
    spans = [from_json(Span, line) for line in runs.read_lines(path / runs.COVERAGE)]
    return next(iter(runs.uncovered(recording, spans)), "")


def _read_tracks(
    recording: Recording,
    engine: Engine,
    languages: Sequence[str],
    *,
    altered: Altered,
    begun: Begun,
    write: Write,
    progress: Progress | None,
) -> Iterator[TrackText]:
    tracks = sorted(recording.tracks, key=lambda track: (track.number, track.stream))
    total_s = sum(recording.end_frame(track.stream) / recording.streams[track.stream].rate_hz for track in tracks)
    done_s = 0.0

    def heard(seconds: float) -> None:
        nonlocal done_s
        done_s = min(total_s, done_s + seconds)
        if progress is not None:
            progress(done_s, total_s)

    for track in tracks:
        not_sealed = altered.get((track.stream, track.channel), ())
        yield read_track(recording, track, engine, languages=languages, altered=not_sealed, begun=begun, write=write, heard=heard)
    heard(total_s)  # gaps have no windows


def _write_files(begun: Begun, texts: Sequence[TrackText], utterances: Sequence[Utterance]) -> None:
    lines: dict[str, Iterable[object]] = {
        runs.UTTERANCES: (to_json(utterance) for utterance in utterances),
        runs.COVERAGE: (to_json(span) for text in texts for span in text.spans),
        runs.QUARANTINE: (line for text in texts for line in text.quarantine),
    }
    for name, values in lines.items():
        with runs.lines_anew(begun.path / name) as write:
            for value in values:
                write(value)
    with disk_errors(begun.path):
        sync_directory(begun.path)


def _code_digest() -> str:
    """Of every module of this package: all constants that decide the text are in them."""
    here = Path(__file__).parent
    files = {path.relative_to(here).as_posix(): file_digest(path) for path in here.rglob("*.py")}
    return digest(canonical(files))


def _versions() -> dict[str, str]:
    """Of what decides the text beside the engine, and of what tells voices apart, which need not be here."""
    found = {}
    for name in ("everyword", *DICTIONARIES, "sherpa-onnx"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def _outcome(recording: Recording, run: Run, path: Path, altered: Altered) -> Outcome:
    """The numbers as the files have them."""
    rates = {number: stream.rate_hz for number, stream in recording.streams.items()}
    seconds: dict[State, float] = {}
    broken_s = 0.0
    for span in (from_json(Span, line) for line in runs.read_lines(path / runs.COVERAGE)):
        length_s = span.frame_count / rates[span.stream]
        seconds[span.state] = seconds.get(span.state, 0.0) + length_s
        broken_s += length_s if span.reason == BROKEN else 0.0
    words = [len(from_json(Utterance, line).words) for line in runs.read_lines(path / runs.UTTERANCES)]
    errors = [str(line["error"]) for line in runs.read_lines(path / runs.READINGS) if line["used"] and line["error"]]
    return Outcome(
        run=run,
        tracks=len(recording.tracks),
        words=sum(words),
        utterances=len(words),
        failed_windows=len(errors),
        quarantined=sum(1 for _ in runs.read_lines(path / runs.QUARANTINE)),
        broken_s=broken_s,
        sound_s=sum(seconds.values()),
        seconds=seconds,
        current=ledger.current_run(recording.folder),
        failure=errors[0] if errors else "",
        altered=tuple(
            (track.number, first / rates[track.stream], end / rates[track.stream])
            for track in recording.tracks
            for first, end in altered.get((track.stream, track.channel), ())
        ),
        speaker_notes=tuple(attribution.sentences(attribution.read_told(path))),
        speaker_problems=sum(bool(line["problem"]) for line in attribution.read_told(path)),
    )
