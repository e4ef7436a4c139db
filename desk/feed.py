"""What is new in a session folder since a position: the page's events.  Reads only, and only bytes that are there.

The recorder and the transcriber append to files; this follows them by length.  A position is how far each file has been read, and
the whole of it is the event's id: a browser that reconnects sends it back as ``Last-Event-ID`` and misses nothing.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from archive.record import clock_face, read_record
from everyword import ledger
from everyword.errors import CorruptFolder, EverywordError
from everyword.folder import SessionFolder

TOLD = {
    "note": "note",
    "gap": "gap",
    "alarm": "alarm",
    "state": "alarm",
    "pause": "state",
    "resume": "state",
    "stop": "state",
    "stream": "state",
}
"""Journal kinds the page hears of beside anchors, and the event each becomes; leaves and segments are for the record alone."""


@dataclass(frozen=True, slots=True)
class Position:
    """Bytes of the journal, of ``live.jsonl`` and of the ledger that have been told."""

    journal: int = 0
    live: int = 0
    ledger: int = 0

    @classmethod
    def parse(cls, text: str) -> "Position":
        """The reverse of ``str()``; anything else, such as an id of somebody's own making, is the beginning."""
        match = re.fullmatch(r"([0-9]{1,15})\.([0-9]{1,15})\.([0-9]{1,15})", text)
        return cls(*map(int, match.groups())) if match else cls()

    def __str__(self) -> str:
        return f"{self.journal}.{self.live}.{self.ledger}"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing the page shows; ``position`` is what has been told once this is."""

    kind: str
    data: dict[str, object]
    position: Position


def since(folder: SessionFolder, position: Position) -> Iterator[Event]:
    """Everything new: journal, live lines, then the current run's utterances as corrected; nothing when nothing is.

    A damaged file ends in an ``error`` event with a sentence; verifying is another command's work.
    """
    anchor = None  # of a run of anchors, one a second, only the last says how far the recording is
    try:
        for line, end in _new_lines(folder.journal, position.journal):
            position = replace(position, journal=end)
            if line.get("kind") == "anchor":
                anchor = Event("state", _journal_data(line), position)
            elif line.get("kind") in TOLD:
                yield from filter(None, [anchor])
                anchor = None
                yield Event(TOLD[str(line["kind"])], _journal_data(line), position)
        yield from filter(None, [anchor])
        for line, end in _new_lines(folder.path / "live.jsonl", position.live):
            position = replace(position, live=end)
            yield Event("live", line, position)
        yield from _transcript(folder, position)
    except EverywordError as error:
        yield Event("error", {"text": error.sentence}, position)


def _journal_data(line: dict[str, object]) -> dict[str, object]:
    kept = "kind at frame first_frame frame_count stream rate_hz text by cause code grade reason"
    return {key: line[key] for key in kept.split() if key in line}


def _new_lines(path: Path, start: int) -> Iterator[tuple[dict[str, object], int]]:
    """Whole lines from byte `start` on, each with the byte after it; a line that is still being written waits for its end."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(start)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            start += len(raw)
            try:
                line = json.loads(raw)
            except ValueError as error:
                raise CorruptFolder(f"{path.name} has a line at byte {start - len(raw)} that is not JSON.") from error
            if isinstance(line, dict):
                yield line, start


def _transcript(folder: SessionFolder, position: Position) -> Iterator[Event]:
    """All utterances whenever the ledger has grown (a new run, a correction); the page replaces those it has.

    Only what follows the last one moves the position, so a page that lost the connection half-way is told all of them again.
    """
    size = folder.ledger.stat().st_size if folder.ledger.exists() else 0
    if size == position.ledger or ledger.current_run(folder) is None:
        return
    record = read_record(folder)
    yield Event("run", {"run": record.transcript.run.run if record.transcript else ""}, position)
    for line in record.lines:
        data: dict[str, object] = {
            "id": line.utterance.id,
            "at": clock_face(line.moment.position_us),
            "speaker": line.speaker,
            "language": line.utterance.language,
            "text": line.text,
            "corrected": line.is_corrected,
        }
        yield Event("utterance", data, position)
    yield Event("told", {"utterances": len(record.lines)}, replace(position, ledger=size))
