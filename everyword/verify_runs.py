"""Transcriptions as they are checked: signed in the ledger, their files unchanged, their account adding up to the frame."""

from collections.abc import Iterator, Sequence

from everyword import ledger, run
from everyword.clock import clock_text
from everyword.digest import digest
from everyword.findings import failed, finding, guarded, passed, unknown
from everyword.model import Finding, Transcript
from everyword.recording import Recording


def verify_runs(recording: Recording) -> Iterator[Finding]:
    """Every run that is in the folder or in the ledger, and which of them counts."""
    folder = recording.folder
    signed: dict[str, list[object]] = {}
    for line in ledger.read(folder):
        if line["kind"] == "asr.run":
            signed.setdefault(str(line.get("run")), []).append(line.get("digest"))
    present, current = run.run_names(folder), ledger.current_run(folder)
    for path in sorted(folder.transcripts.iterdir()) if folder.transcripts.is_dir() else []:
        if path.name not in present:
            yield failed(folder.relative(path), "It is no transcription: nothing vouches for it.")
    for name in sorted(signed.keys() - present):
        yield failed(f"transcripts/{name}", "It is missing: the ledger names this run.")
    for name in present:
        yield from guarded(f"transcripts/{name}", _run(recording, name, signed.get(name, []), is_current=name == current))
    if current is None and signed:
        yield finding("completeness", "unknown", "ledger.jsonl", "There are transcriptions, but none was adopted.")
    elif current is not None and current not in signed:
        yield failed("ledger.jsonl", "The transcription that was adopted is not in the ledger.")


def _run(recording: Recording, name: str, digests: Sequence[object], *, is_current: bool) -> Iterator[Finding]:
    """One transcription: signed in the ledger, its files unchanged, its coverage adding up to the frame."""
    folder, subject = recording.folder, f"transcripts/{name}"
    path = run.run_path(folder, name)
    if not (path / run.RUN_JSON).exists():
        if digests:
            yield failed(f"{subject}/{run.RUN_JSON}", "The file is missing: the ledger names this run.")
        else:
            sentence = "The run is being made or was not finished; it may be deleted if nothing is transcribing."
            yield finding("completeness", "unknown", subject, sentence)
        return
    if not digests:
        yield unknown(subject, "No line of the ledger vouches for this run.")
    elif any(one != digest((path / run.RUN_JSON).read_bytes()) for one in digests):
        yield failed(f"{subject}/{run.RUN_JSON}", "It is not the run that was signed into the ledger.")
    transcript = run.read_transcript(folder, name)
    if (transcript.run.session, transcript.run.seal) != (recording.session.id, ledger.seal_digest(folder)):
        yield failed(f"{subject}/{run.RUN_JSON}", "It is a transcription of something else.")
    own = {*transcript.run.files, run.RUN_JSON, *(() if digests else run.NOT_SIGNED)}
    extra = sorted({entry.name for entry in path.iterdir()} - own)
    for entry in extra:
        yield failed(f"{subject}/{entry}", "It was not there when the run was signed.")
    if not extra:
        yield passed(subject, f"{len(transcript.run.files) + 1} files are the ones that {run.RUN_JSON} lists.")
    yield from _coverage(recording, subject, transcript)
    if is_current:
        yield from _unread(recording, subject, transcript)


def _unread(recording: Recording, subject: str, transcript: Transcript) -> Iterator[Finding]:
    """What the transcription that counts could not read."""
    unread = [span for span in transcript.coverage if span.state == "failed"]
    for track in recording.tracks:
        rate_hz = recording.streams[track.stream].rate_hz
        spans = [span for span in unread if (span.stream, span.track) == (track.stream, track.number)]
        if spans:
            length_s = sum(one.frame_count for one in spans) / rate_hz
            place = clock_text(spans[0].first_frame, rate_hz)
            sentence = f"Track {track.number}: {length_s:.1f} s could not be read, first at {place} ({spans[0].reason})."
            yield finding("completeness", "unknown", subject, sentence)


def _coverage(recording: Recording, subject: str, transcript: Transcript) -> Iterator[Finding]:
    problems = run.uncovered(recording, transcript.coverage)
    for sentence in problems:
        yield finding("completeness", "fail", subject, sentence)
    if not problems:
        yield finding("completeness", "pass", subject, "Every frame of every track is accounted for.")
