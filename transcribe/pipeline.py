"""One sealed session, end to end, as a signed run in its folder."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import run as runs
from everyword.digest import canonical, digest, file_digest
from everyword.errors import EverywordError, InvalidOption, SessionBusy
from everyword.folder import SessionFolder, disk_errors, sync_directory
from everyword.ledger import seal_digest
from everyword.model import Run, Span, State, Utterance, from_json, to_json
from everyword.recording import Recording, read_recording
from transcribe.engine import Engine
from transcribe.evidence import checks, doubt
from transcribe.evidence.coverage import frames_by_state
from transcribe.reading import bilingual, looks, turns
from transcribe.reading.dictionary import DICTIONARIES
from transcribe.record import stitch
from transcribe.record.unfinished import Begun, begin
from transcribe.sound import audio, rumble, windows
from transcribe.sound.audio import require_segments
from transcribe.speakers import attribution
from transcribe.track import TrackText, Write, read_track

Progress = Callable[[float, float], None]
"""Called with the seconds of sound done and the seconds there are, summed over all tracks."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run, in numbers; seconds are summed over all tracks.

    ``speaker_problems`` counts the tracks on which voices could not be told apart or compared; the notes say why.
    """

    run: Run
    tracks: int
    words: int
    utterances: int
    failed_windows: int
    quarantined: int
    not_finite: int
    sound_s: float
    seconds: dict[State, float]
    speaker_notes: tuple[str, ...] = ()
    speaker_problems: int = 0


def open_recording(folder: SessionFolder) -> Recording:
    """The recording of a sealed session whose segments are all there.

    Raises:
        SessionBusy: it is being recorded, or was never closed.
        CorruptFolder: the journal or a segment is damaged.
    """
    if not folder.is_sealed:
        folder.read_session()
        raise SessionBusy(
            f"{folder.path.name} is not sealed: it is being recorded, or its recording was cut off.",
            hint="Stop the recording first (Ctrl-C in its terminal); `everyword salvage` closes one that was cut off.",
        )
    recording = read_recording(folder)
    require_segments(recording)
    return recording


def choose_languages(*choices: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The first of the choices that is not empty: what was asked for, else the session's languages, else the settings'.

    Raises:
        InvalidOption: one of them is no language the engine knows.
    """
    chosen = tuple(dict.fromkeys(next((choice for choice in choices if choice), ())))
    unknown = [language for language in chosen if language not in known]
    if unknown or not chosen:
        raise InvalidOption(
            f"No speech model knows the language {unknown[0]!r}." if unknown else "No language was given.",
            hint="Languages are named by their ISO 639-1 codes: --language en --language ru.",
        )
    return chosen


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
        CorruptFolder: a segment is missing or short.
        DiskTrouble: the disk refuses.
    """
    folder = recording.folder
    manifest = {
        "session": recording.session.id,
        "seal": seal_digest(folder),
        "engine": {**engine.describe(), "everyword": version("everyword"), "code_sha256": _code_digest()},
        "model": engine.model(),
        "settings": {**engine.settings(), **_settings(), "languages": " ".join(languages), "speakers": people},
    }
    with begin(folder, manifest) as begun:
        not_finite = 0
        if not begun.is_complete:
            with runs.lines_anew(begun.path / runs.READINGS) as write:
                texts = list(_read_tracks(recording, engine, languages, begun=begun, write=write, progress=progress))
            attribution.attribute(recording, texts, people=people).write(begun.path)
            not_finite = sum(text.not_finite for text in texts)
            _write_files(begun, texts, _in_order(recording, texts))
            _require_whole_account(recording, begun.path)
            begun.complete()
        return _finish(recording, begun, manifest, key=key, by=by, not_finite=not_finite)


def _in_order(recording: Recording, texts: Sequence[TrackText]) -> list[Utterance]:
    timelines = recording.timelines()
    return stitch.numbered(
        [(timelines[one.stream].boottime_us(one.first_frame), one) for text in texts for one in text.utterances]
    )


def _finish(
    recording: Recording,
    begun: Begun,
    manifest: Mapping[str, object],
    *,
    key: EllipticCurvePrivateKey,
    by: str,
    not_finite: int,
) -> Outcome:
    """Sign the run, with what its files hold."""
    folder, path = begun.folder, begun.path
    windows: dict[object, bool] = {}
    for line in runs.read_lines(path / runs.READINGS):
        place = line["stream"], line["track"], line["window"]
        windows[place] = windows.get(place, False) or bool(line["used"] and (line["flags"] or line["error"]))
    data = {
        **manifest,
        "run": begun.name,
        "started_at_us": begun.started_at_us,
        "files": runs.list_files(path),
        "windows": len(windows),
        "flagged_windows": sum(windows.values()),
    }
    run = runs.finish_run(folder, from_json(Run, data), key=key, by=by)
    return _outcome(recording, run, path, not_finite)


def _require_whole_account(recording: Recording, path: Path) -> None:
    spans = [from_json(Span, line) for line in runs.read_lines(path / runs.COVERAGE)]
    for problem in runs.uncovered(recording, spans):
        raise EverywordError(
            f"{path.name} does not account for every frame and was not signed: {problem}",
            hint="This is a fault of Everyword: please report it. The recording is as it was.",
        )


def _read_tracks(
    recording: Recording, engine: Engine, languages: Sequence[str], *, begun: Begun, write: Write, progress: Progress | None
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
        yield read_track(recording, track, engine, languages=languages, begun=begun, write=write, heard=heard)
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


def _settings() -> dict[str, int | str]:
    return {
        "window_longest_samples": windows.LONGEST_HOPS * windows.HOP,
        "window_shortest_samples": windows.SHORTEST_HOPS * windows.HOP,
        "cut_voice_ppm": round(windows.VOICE * 1e6),
        "full_context_logprob_e6": round(checks.UNSURE_LOGPROB * 1e6),
        "rest_voice_ms": round(looks.LEAST_REST_S * 1000),
        "rest_reach_ms": round(looks.REST_REACH_S * 1000),
        "silence_voice_ppm": round(checks.SOME_VOICE * 1e6),
        "sure_language_ppm": round(bilingual.SURE_LANGUAGE * 1e6),
        "alike_logprob_e6": round(bilingual.ALIKE_LOGPROB * 1e6),
        "alike_shares": " ".join(f"{name}={share}" for name, share in bilingual.ALIKE),
        "known_words_e6": round(bilingual.WORDS_WEIGHT * 1e6),
        "language_text_e6": round(bilingual.TEXT_WEIGHT * 1e6),
        "language_part_ms": round(bilingual.LEAST_PART_S * 1000),
        "dictionaries": " ".join(f"{name}={version(name)}" for name in DICTIONARIES),
        "voice_from_hz": rumble.VOICE_FROM_HZ,
        "far_gain_e6": round(audio.FAR_GAIN * 1e6),
        "language_change_e6": round(turns.CHANGE_COST * 1e6),
        "doubtful_e6": round(doubt.DOUBTFUL * 1e6),
    }


def _outcome(recording: Recording, run: Run, path: Path, not_finite: int) -> Outcome:
    """The numbers as the files have them."""
    spans = (from_json(Span, line) for line in runs.read_lines(path / runs.COVERAGE))
    seconds: dict[State, float] = {}
    for (stream, state), count in frames_by_state(spans).items():
        seconds[state] = seconds.get(state, 0.0) + count / recording.streams[stream].rate_hz
    words = [len(from_json(Utterance, line).words) for line in runs.read_lines(path / runs.UTTERANCES)]
    return Outcome(
        run=run,
        tracks=len(recording.tracks),
        words=sum(words),
        utterances=len(words),
        failed_windows=sum(1 for line in runs.read_lines(path / runs.READINGS) if line["used"] and line["error"]),
        quarantined=sum(1 for _ in runs.read_lines(path / runs.QUARANTINE)),
        not_finite=not_finite,
        sound_s=sum(seconds.values()),
        seconds=seconds,
        speaker_notes=tuple(attribution.sentences(attribution.read_told(path))),
        speaker_problems=sum(bool(line["problem"]) for line in attribution.read_told(path)),
    )
