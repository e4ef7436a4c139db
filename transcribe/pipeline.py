"""One sealed session, end to end, as a signed run in its folder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import run as runs
from everyword.errors import InvalidOption, SessionBusy
from everyword.folder import SessionFolder
from everyword.journal import now_us
from everyword.ledger import seal_digest
from everyword.model import Run, State, Utterance, to_json
from everyword.recording import Recording, read_recording
from transcribe import checks, stitch, windows
from transcribe.audio import require_segments
from transcribe.coverage import frames_by_state
from transcribe.engine import Engine
from transcribe.track import TrackText, read_track

Progress = Callable[[float, float], None]
"""Called with the seconds of sound done and the seconds there are, summed over all tracks."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run, in numbers; seconds are summed over all tracks."""

    run: Run
    tracks: int
    words: int
    utterances: int
    failed_windows: int
    quarantined: int
    not_finite: int
    sound_s: float
    seconds: dict[State, float]


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
    progress: Progress | None = None,
) -> Outcome:
    """Write the next run of a session and return what is in it.

    The run's folder is made only when every track has been read, and ``run.json`` is written last: whatever goes wrong, no half
    run becomes the current one.

    Args:
        recording: from `open_recording`.
        engine: what reads the windows.
        languages: that a window may be in.
        key: the device key, which signs the run.
        by: who asked for it, for the ledger.
        progress: see `Progress`; called from this thread.

    Raises:
        CorruptFolder: a segment is missing or short.
        DiskTrouble: the disk refuses.
    """
    started_at_us = now_us()
    texts = list(_read_tracks(recording, engine, languages, progress))
    timelines = recording.timelines()
    utterances = stitch.numbered(
        [(timelines[one.stream].monotonic_us(one.first_frame), one) for text in texts for one in text.utterances]
    )
    folder = recording.folder
    name = runs.start_run(folder)
    run = Run(
        run=name,
        session=recording.session.id,
        seal=seal_digest(folder),
        started_at_us=started_at_us,
        engine=engine.describe(),
        model=engine.model(),
        settings={**engine.settings(), **_settings(), "languages": " ".join(languages)},
        files=_write_files(folder, name, texts, utterances),
        windows=sum(text.windows for text in texts),
        flagged_windows=sum(text.flagged_windows for text in texts),
    )
    runs.finish_run(folder, run, key=key, by=by)
    return _outcome(run, texts, utterances)


def _read_tracks(
    recording: Recording, engine: Engine, languages: Sequence[str], progress: Progress | None
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
        yield read_track(recording, track, engine, languages=languages, heard=heard)
    heard(total_s)  # gaps have no windows


def _write_files(folder: SessionFolder, name: str, texts: Sequence[TrackText], utterances: Sequence[Utterance]) -> dict[str, str]:
    path = runs.run_path(folder, name)
    runs.write_lines(path / runs.READINGS, (line for text in texts for line in text.readings))
    runs.write_lines(path / runs.UTTERANCES, (to_json(utterance) for utterance in utterances))
    runs.write_lines(path / runs.COVERAGE, (to_json(span) for text in texts for span in text.spans))
    runs.write_lines(path / runs.QUARANTINE, (line for text in texts for line in text.quarantine))
    return runs.list_files(path)


def _settings() -> dict[str, int | str]:
    return {
        "window_longest_samples": windows.LONGEST_HOPS * windows.HOP,
        "window_shortest_samples": windows.SHORTEST_HOPS * windows.HOP,
        "cut_voice_ppm": round(windows.VOICE * 1e6),
        "full_context_logprob_e6": round(checks.UNSURE_LOGPROB * 1e6),
        "silence_voice_ppm": round(checks.SOME_VOICE * 1e6),
    }


def _outcome(run: Run, texts: Sequence[TrackText], utterances: Sequence[Utterance]) -> Outcome:
    seconds: dict[State, float] = {}
    for text in texts:
        for state, frames in frames_by_state(text.spans).items():
            seconds[state] = seconds.get(state, 0.0) + frames / text.rate_hz
    return Outcome(
        run=run,
        tracks=len(texts),
        words=sum(len(utterance.words) for utterance in utterances),
        utterances=len(utterances),
        failed_windows=sum(text.failed_windows for text in texts),
        quarantined=sum(len(text.quarantine) for text in texts),
        not_finite=sum(text.not_finite for text in texts),
        sound_s=sum(seconds.values()),
        seconds=seconds,
    )
