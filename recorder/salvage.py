"""What a dead recorder left behind, made whole: every frame on disk and in the rings, then sealed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from everyword.errors import EverywordError, SessionBusy, SessionSealed
from everyword.folder import SessionFolder, disk_errors, held, scan
from everyword.model import Origin
from recorder.record import Record
from recorder.writer import Writer


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A session that was made whole; `frames` of each stream, `torn_bytes` moved aside."""

    folder: SessionFolder
    frames: dict[int, int]
    torn_bytes: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A session that could not be made whole, and why; nothing in it was changed."""

    folder: SessionFolder
    error: EverywordError


def salvage(folder: SessionFolder, *, home: Path) -> Salvaged:
    """Finish an unsealed session: keep every whole frame, repair the journal's end, seal.  No byte of sound is changed.

    Raises:
        SessionBusy: it is being recorded.
        SessionSealed: it needs nothing.
        CorruptFolder, DiskTrouble: see `Record`.
    """
    with disk_errors(folder.path), held(folder, exclusive=True):
        if folder.is_sealed:  # it was not when somebody looked
            raise SessionSealed(f"{folder.path.name} is sealed; there is nothing to make whole.")
        record = Record.resume(folder)
        writer = Writer(record, home, None)
        writer.attach_again()
        writer.pull()
        text = "The recorder ended without being stopped: sound from its last moments may be missing."
        record.append("alarm", {"code": "recorder-died", "text": text, "stream": None, "loss": True})
        origin: Origin = "imported" if record.recording.session.origin == "imported" else "salvaged"
        writer.finish("salvaged", origin=origin)
    frames = {number: tape.frame for number, tape in record.tapes.items()}
    return Salvaged(folder, frames, record.recording.torn_bytes)


def salvage_all(roots: Iterable[Path], *, home: Path) -> list[Salvaged | Refused]:
    """`salvage` every session under `roots` that is neither sealed nor being recorded."""
    results: list[Salvaged | Refused] = []
    for folder in scan(roots):
        if folder.is_sealed:
            continue
        try:
            results.append(salvage(folder, home=home))
        except (SessionBusy, SessionSealed):
            continue
        except EverywordError as error:
            results.append(Refused(folder, error))
    return results
