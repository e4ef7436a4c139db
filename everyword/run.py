"""Transcription runs in the session folder: ``transcripts/rNNN/``, signed into the ledger.

A run's files never change once ``run.json``, written last, lists their digests.  A run becomes the current one by an ``adopt``
line in the ledger; the first adopts itself.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import keys, ledger
from everyword.digest import canonical, digest, file_digest, parse_canonical
from everyword.errors import CorruptFolder, NotTranscribed
from everyword.folder import SessionFolder, disk_errors, sync_directory, write_new
from everyword.model import Run, Span, Transcript, Utterance, from_json, to_json

UTTERANCES = "utterances.jsonl"
COVERAGE = "coverage.jsonl"
READINGS = "readings.jsonl"
QUARANTINE = "quarantine.jsonl"
RUN_JSON = "run.json"


def run_path(folder: SessionFolder, run: str) -> Path:
    """Where the files of a run are."""
    return folder.transcripts / run


def run_names(folder: SessionFolder) -> list[str]:
    """All runs that have a folder, finished or not, oldest first."""
    if not folder.transcripts.is_dir():
        return []
    return sorted(path.name for path in folder.transcripts.iterdir() if path.name.startswith("r") and path.is_dir())


def start_run(folder: SessionFolder) -> str:
    """Make the folder of the next run and return its name; numbers are never used twice."""
    number = 1 + max((int(name[1:]) for name in run_names(folder) if name[1:].isdigit()), default=0)
    run = f"r{number:03}"
    with disk_errors(folder.transcripts):
        run_path(folder, run).mkdir(parents=True)
        sync_directory(folder.transcripts)
        sync_directory(folder.path)
    return run


def write_lines(path: Path, values: Iterable[object]) -> int:
    """Write a new file of canonical JSON lines, wait for the disk, return how many there are."""
    lines = [canonical(value) + b"\n" for value in values]
    write_new(path, b"".join(lines))
    return len(lines)


def read_lines(path: Path) -> Iterator[dict[str, object]]:
    """The objects of a file of JSON lines.  Raises `CorruptFolder` naming the line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                value = json.loads(line)
            except ValueError as error:
                raise CorruptFolder(f"{path.parent.name}/{path.name}, line {number}, is not JSON.") from error
            yield value


def finish_run(folder: SessionFolder, run: Run, *, key: EllipticCurvePrivateKey, by: str) -> None:
    """Write ``run.json``, sign it into the ledger, and adopt the run if it is the session's first.

    Raises:
        DiskTrouble, SessionBusy, BrokenChain: see `ledger.append`.
    """
    path = run_path(folder, run.run) / RUN_JSON
    data = canonical(to_json(run))
    with disk_errors(path):
        write_new(path, data)
        sync_directory(path.parent)
    ledger.append(
        folder,
        "asr.run",
        by=by,
        run=run.run,
        digest=digest(data),
        signature=keys.sign(key, data).hex(),
        public_key=keys.public_pem(key).decode(),
    )
    if ledger.current_run(folder) is None:
        ledger.append(folder, "adopt", by=by, run=run.run)


def list_files(path: Path) -> dict[str, str]:
    """Name → digest of every file of a run but ``run.json`` itself."""
    return {
        name: file_digest(path / name)
        for name in sorted(file.name for file in path.iterdir())
        if name != RUN_JSON and (path / name).is_file()
    }


def read_run(folder: SessionFolder, name: str) -> Run:
    """What ``run.json`` says.  Raises `NotTranscribed` when that run is not finished, `CorruptFolder` when it is damaged."""
    path = run_path(folder, name) / RUN_JSON
    if not path.exists():
        raise NotTranscribed(f"{folder.path.name} has no finished run {name}.")
    try:
        return from_json(Run, parse_canonical(path.read_bytes(), what=f"{name}/{RUN_JSON}"))
    except ValueError as error:
        raise CorruptFolder(f"{name}/{RUN_JSON} lacks something: {error}.") from error


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
        tuple(from_json(Utterance, line) for line in read_lines(path / UTTERANCES)),
        tuple(from_json(Span, line) for line in read_lines(path / COVERAGE)),
    )
