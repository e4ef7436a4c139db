"""Transcription runs in the session folder: ``transcripts/rNNN/``, signed into the ledger.

A run's files never change once ``run.json``, written last, lists their digests.  A run becomes the current one by an ``adopt``
line in the ledger; the first adopts itself.
"""

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import ledger
from everyword.digest import canonical, file_digest, parse_canonical
from everyword.errors import CorruptFolder, NotTranscribed
from everyword.folder import SessionFolder, disk_errors, sync_directory, write_new
from everyword.model import Run, Span, T, Transcript, Utterance, from_json, to_json
from everyword.recording import Recording

UTTERANCES = "utterances.jsonl"
COVERAGE = "coverage.jsonl"
READINGS = "readings.jsonl"
QUARANTINE = "quarantine.jsonl"
RUN_JSON = "run.json"
DRAFT = ".run.json"
UNFINISHED = "unfinished.jsonl"
"""What was read for a run that is not signed yet."""

NOT_SIGNED = frozenset({DRAFT, UNFINISHED})
"""What may lie in the folder of a run only until it is signed."""

_NAME = re.compile(r"r\d{3,}")


def run_path(folder: SessionFolder, run: str) -> Path:
    """Where the files of a run are."""
    return folder.transcripts / run


def run_names(folder: SessionFolder) -> list[str]:
    """All runs that have a folder, finished or not, oldest first."""
    if not folder.transcripts.is_dir():
        return []
    return sorted(path.name for path in folder.transcripts.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())


def start_run(folder: SessionFolder) -> str:
    """Make the folder of the next run and return its name; numbers are never used twice, even if a signed run is missing.

    Raises:
        DiskTrouble: the disk refuses.
    """
    with disk_errors(folder.transcripts):
        folder.transcripts.mkdir(exist_ok=True)
        names = {path.name for path in folder.transcripts.iterdir()} | signed_runs(folder).keys()
        number = 1 + max((int(name[1:]) for name in names if _NAME.fullmatch(name)), default=0)
        run = f"r{number:03}"
        try:
            run_path(folder, run).mkdir()
        except FileExistsError:  # another process was quicker
            return start_run(folder)
        sync_directory(folder.transcripts)
        sync_directory(folder.path)
    return run


@contextmanager
def new_lines(path: Path) -> Iterator[Callable[[object], None]]:
    """What writes a value as the next line of a new file of canonical JSON; waits for the disk at the end.

    Raises:
        DiskTrouble: the disk refuses.
    """
    with ExitStack() as stack:
        with disk_errors(path):
            file = stack.enter_context(path.open("xb"))

        def write(value: object) -> None:
            with disk_errors(path):
                file.writelines((canonical(value), b"\n"))

        yield write
        with disk_errors(path):
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def lines_anew(path: Path) -> Iterator[Callable[[object], None]]:
    """`new_lines` in the place of what a process left there that was making the same run, whole or not.

    Raises:
        DiskTrouble: the disk refuses.
    """
    with disk_errors(path):
        path.unlink(missing_ok=True)
    with new_lines(path) as write:
        yield write


def write_lines(path: Path, values: Iterable[object]) -> None:
    """Write a new file of canonical JSON lines, and wait for the disk."""
    with new_lines(path) as write:
        for value in values:
            write(value)


def read_lines(path: Path) -> Iterator[dict[str, object]]:
    """The objects of a file of JSON lines.  Raises `CorruptFolder` naming the line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise CorruptFolder(f"{path.parent.name}/{path.name}, line {number}, is not JSON.") from error
            yield value


def write_run(folder: SessionFolder, run: Run) -> None:
    """Write ``run.json``, which says that every file it lists is whole.  Raises `DiskTrouble`."""
    path = run_path(folder, run.run)
    with disk_errors(path / RUN_JSON):
        (path / DRAFT).unlink(missing_ok=True)
        write_new(path / DRAFT, canonical(to_json(run)))
        (path / DRAFT).rename(path / RUN_JSON)
        sync_directory(path)


def sign_run(folder: SessionFolder, name: str, *, key: EllipticCurvePrivateKey, by: str) -> None:
    """Sign a whole run into the ledger, and adopt it if no other is current and `is_adoptable`.

    An earlier process may have died in the middle of this: what the ledger has stays.

    Raises:
        NotTranscribed, CorruptFolder: the run is not whole.
        DiskTrouble, SessionBusy, BrokenChain: see `ledger.append`.
    """
    transcript = read_transcript(folder, name)
    written, signed = file_digest(run_path(folder, name) / RUN_JSON), signed_runs(folder)
    if signed.get(name, written) != written:
        raise CorruptFolder(f"transcripts/{name}/{RUN_JSON} is not the one that was signed into the ledger.")
    if name not in signed:
        ledger.append(folder, "asr.run", by=by, key=key, run=name, digest=written)
    if is_adoptable(transcript) and ledger.current_run(folder) is None:
        ledger.append(folder, "adopt", by=by, key=key, run=name)


def is_adoptable(transcript: Transcript) -> bool:
    """False for one that must not count unless somebody wants it to: windows failed, and no word was read."""
    return bool(transcript.utterances) or all(span.state != "failed" for span in transcript.coverage)


def adopt_run(folder: SessionFolder, name: str, *, key: EllipticCurvePrivateKey, by: str) -> Run:
    """Make a finished run the session's current one, by a line in the ledger; nothing happens if it is.

    Every file of it is compared with its digest first.  Corrections of the run before stay in the ledger, as proposals.

    Raises:
        NotTranscribed: there is no finished run of that name, or nobody signed it.
        CorruptFolder: a file of it was changed or removed.
        DiskTrouble, SessionBusy, BrokenChain: see `ledger.append`.
    """
    run = read_transcript(folder, name).run
    if name not in signed_runs(folder):
        raise NotTranscribed(f"{folder.path.name}: no line of the ledger vouches for run {name}.")
    if ledger.current_run(folder) != name:
        ledger.append(folder, "adopt", by=by, key=key, run=name)
    return run


def signed_runs(folder: SessionFolder) -> dict[str, str]:
    """Runs that a line of the ledger vouches for → the digest of ``run.json`` that it names."""
    return {str(line.get("run")): str(line.get("digest")) for line in ledger.read(folder) if line["kind"] == "asr.run"}


def list_files(path: Path) -> dict[str, str]:
    """Name → digest of every file of a run but ``run.json`` itself and what is `NOT_SIGNED`."""
    return {
        name: file_digest(path / name)
        for name in sorted(file.name for file in path.iterdir())
        if name != RUN_JSON and name not in NOT_SIGNED and (path / name).is_file()
    }


def read_run(folder: SessionFolder, name: str) -> Run:
    """What ``run.json`` says.

    Raises:
        NotTranscribed: there is no such run, or it is not finished.
        CorruptFolder: it is damaged, or gone although the ledger names it.
    """
    path = run_path(folder, name) / RUN_JSON
    if name not in run_names(folder) or not path.exists():
        if name in signed_runs(folder):
            missing = folder.relative(path if path.parent.is_dir() else path.parent)
            raise CorruptFolder(
                f"{folder.path.name}: {missing} is missing, and the ledger names it.",
                hint=f"Put it back; or, if it counts, let another run count: `everyword adopt {folder.path.name} RUN`.",
            )
        raise NotTranscribed(f"{folder.path.name} has no finished run {name}.")
    try:
        run = from_json(Run, parse_canonical(path.read_bytes(), what=f"{name}/{RUN_JSON}"))
    except ValueError as error:
        raise CorruptFolder(f"{name}/{RUN_JSON} lacks something: {error}.") from error
    if run.run != name or not {UTTERANCES, COVERAGE} <= run.files.keys():
        raise CorruptFolder(f"{name}/{RUN_JSON} does not describe a transcript of that name.")
    if any("/" in file or file in (".", "..") for file in run.files):
        raise CorruptFolder(f"{name}/{RUN_JSON} names a file outside its folder.")
    return run


def read_transcript(folder: SessionFolder, name: str | None = None) -> Transcript:
    """The machine's own words of a run, by default the current one; corrections are not applied here.

    Raises:
        NotTranscribed: there is no such run.
        CorruptFolder: a file does not have the digest that ``run.json`` lists.
    """
    name = name or ledger.current_run(folder)
    if name is None:
        raise NotTranscribed(f"{folder.path.name} has no transcript yet.")
    run = read_run(folder, name)
    path = run_path(folder, name)
    for file, expected in run.files.items():
        if not (path / file).is_file() or file_digest(path / file) != expected:
            raise CorruptFolder(f"transcripts/{name}/{file} is not the file that was written: it was changed or removed.")
    return Transcript(
        run,
        tuple(_values(path / UTTERANCES, Utterance)),
        tuple(_values(path / COVERAGE, Span)),
    )


def uncovered(recording: Recording, coverage: Collection[Span]) -> list[str]:
    """Where the coverage ledger leaves frames of a track out, counts them twice, or counts what was never recorded."""
    tracks = {(track.stream, track.number): 0 for track in recording.tracks}
    problems = []
    for span in sorted(coverage, key=lambda span: (span.stream, span.track, span.first_frame)):
        place = (span.stream, span.track)
        if place not in tracks or span.frame_count < 0:
            problems.append(f"Track {span.track} of stream {span.stream}: frames are accounted for that were not recorded.")
            continue
        if span.first_frame != tracks[place]:
            frame = min(tracks[place], span.first_frame)
            problems.append(f"Track {span.track}: the account has a hole or an overlap at frame {frame}.")
        tracks[place] = span.first_frame + span.frame_count
    for (stream, track), frame in tracks.items():
        if frame != recording.end_frame(stream):
            problems.append(f"Track {track}: {frame} frames are accounted for, {recording.end_frame(stream)} were recorded.")
    return problems


def _values(path: Path, kind: type[T]) -> Iterator[T]:
    for number, line in enumerate(read_lines(path), 1):
        try:
            yield from_json(kind, line)
        except ValueError as error:
            raise CorruptFolder(f"{path.parent.name}/{path.name}, line {number}, makes no sense: {error}.") from error
