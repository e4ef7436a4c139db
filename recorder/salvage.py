"""What a dead recorder left behind, made whole: every frame on disk and in the rings, then sealed."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from everyword.clock import clock_text
from everyword.errors import EverywordError, SessionBusy, SessionSealed
from everyword.folder import SessionFolder, disk_errors, held, scan
from everyword.model import Origin
from recorder.disk import mirror
from recorder.disk.record import Record
from recorder.processes.writer import Writer


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
    with disk_errors(folder.path), contextlib.ExitStack() as stack:
        stack.enter_context(held(folder, exclusive=True))
        if folder.is_sealed:  # it was not when somebody looked
            raise SessionSealed(f"{folder.path.name} is sealed; there is nothing to make whole.")
        mirrors = mirror.others(folder)
        for other in mirrors:
            stack.enter_context(held(other, exclusive=True))
        sealed = [other for other in mirrors if other.is_sealed]
        return _like(sealed[0], folder) if sealed else _made_whole(folder, mirrors, home)


def _made_whole(folder: SessionFolder, mirrors: Sequence[SessionFolder], home: Path) -> Salvaged:
    record = Record.resume(folder, mirrors)
    writer = Writer(record, home, None)
    writer.attach_again()
    writer.pull(at_once=True)
    text = "The recorder ended without being stopped: sound from its last moments may be missing."
    for number, tape in record.tapes.items():
        if tape.unconfirmed_from is not None:
            at = clock_text(tape.unconfirmed_from, tape.stream.rate_hz)
            text += (
                f" What follows {at} of stream {number} the disk has not confirmed: after a power cut there may be holes in it."
            )
    record.alarm("recorder-died", text, loss=True)
    origin: Origin = "imported" if record.recording.session.origin == "imported" else "salvaged"
    writer.finish("salvaged", origin=origin)
    record.complete_mirrors()
    frames = {number: tape.frame for number, tape in record.tapes.items()}
    return Salvaged(folder, frames, record.recording.torn_bytes)


def _like(sealed: SessionFolder, folder: SessionFolder) -> Salvaged:
    """The other path was sealed without this one, which was not there: there is one record, and this becomes it."""
    best, other = mirror.read_copy(sealed), mirror.read_copy(folder)
    digests = {segment.path: segment.digest for segment in best.recording.segments}
    (folder.path / ".reserve").unlink(missing_ok=True)
    mirror.make_equal(sealed, folder, mirror.Known(digests=digests, verified=mirror.confirmed(best, other)))
    return Salvaged(folder, {stream: best.recording.end_frame(stream) for stream in best.recording.streams}, 0)


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
