"""Ledger lines about a stretch of a run, as typed values: the one place where they are written and their fields are checked."""

from collections.abc import Iterator
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import ledger
from everyword.errors import CorruptFolder
from everyword.folder import SessionFolder
from everyword.journal import Line
from everyword.model import T, from_json
from everyword.text import checked

Place = tuple[int, int, int, int]
"""Stream, track, first frame, frame count: what a review, a correction or a naming is anchored on."""


class Stretch(Protocol):
    """Anything that lies somewhere: an utterance, a line of the coverage ledger, a ledger line about one of them."""

    @property
    def stream(self) -> int:
        """The stream's number."""

    @property
    def track(self) -> int:
        """The track's number."""

    @property
    def first_frame(self) -> int:
        """Of the stream."""

    @property
    def frame_count(self) -> int:
        """How many."""


def place_of(stretch: Stretch) -> Place:
    """What a ledger line about `stretch` is anchored on."""
    return stretch.stream, stretch.track, stretch.first_frame, stretch.frame_count


def append_about(
    folder: SessionFolder,
    kind: str,
    stretch: Stretch,
    *,
    run: str,
    by: str,
    key: EllipticCurvePrivateKey,
    **fields: object,
) -> Line:
    """Append one signed line about `stretch` of `run` and wait for the disk.

    Raises:
        SessionBusy, BrokenChain, DiskTrouble: see `ledger.append`.
        InvalidText: the name cannot be shown.
    """
    stream, track, first_frame, frame_count = place_of(stretch)
    return ledger.append(
        folder,
        kind,
        by=checked(by, what="name"),
        key=key,
        run=run,
        stream=stream,
        track=track,
        first_frame=first_frame,
        frame_count=frame_count,
        **fields,
    )


def of_kind(folder: SessionFolder, kind: str, type_: type[T]) -> Iterator[T]:
    """Every line of that kind, oldest first; ``at`` becomes ``at_us``.

    Raises:
        CorruptFolder: the ledger is damaged, or a line lacks something.
    """
    for line in ledger.read(folder):
        if line["kind"] == kind:
            yield typed(folder, line, type_)


def typed(folder: SessionFolder, line: Line, type_: type[T]) -> T:
    """A line of the ledger as a value.  Raises `CorruptFolder` when it lacks something."""
    try:
        return from_json(type_, {**line, "at_us": line["at"]})
    except ValueError as error:
        number = int(str(line["seq"])) + 1
        raise CorruptFolder(f"{folder.path.name}/ledger.jsonl, line {number}, lacks something: {error}.") from error
