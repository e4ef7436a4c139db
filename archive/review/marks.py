"""Reviews: a person has compared a stretch of the transcript with the sound.

A mark is one signed line of the ledger, anchored on frames and on the digest of the text as it was: when the text changes
afterwards, the mark is stale and the utterance counts as not reviewed.  The newest mark of a place counts.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import ledger
from everyword.digest import digest
from everyword.entries import Place, append_about, of_kind, place_of
from everyword.errors import CorruptFolder, InvalidOption
from everyword.folder import SessionFolder
from everyword.journal import Line
from everyword.model import Anchored, Span, Utterance
from everyword.text import checked

Decision = Literal["accepted", "flagged"]
Status = Literal["open", "stale", "flagged", "accepted"]
Verbatim = Literal["full", "clean", "edited"]
STYLES: dict[str, str] = {
    "full": "every false start, filler and stammer is written",
    "clean": "fillers, stammers and false starts are left out; the grammar is the speaker's",
    "edited": "sentences are smoothed; such a text cannot be certified",
}
"""Verbatim styles by name; the newest ``style`` line of the ledger counts, ``full`` without one."""

Reviewable = Utterance | Span


@dataclass(frozen=True, slots=True)
class Mark(Anchored):
    """One decision about one stretch; ``played`` lists what was played back before it, as (first frame, frame count)."""

    text: str
    decision: Decision
    note: str = ""
    played: tuple[tuple[int, int], ...] = ()


def text_digest(text: str) -> str:
    """What a mark keeps of the text: it shows whether that changed, not what it said."""
    return digest(unicodedata.normalize("NFC", text).encode())


def read(folder: SessionFolder) -> tuple[Mark, ...]:
    """Every mark of the ledger, oldest first.  Raises `CorruptFolder` when one lacks something."""
    return tuple(of_kind(folder, "review", Mark))


def newest(run: str, marks: Iterable[Mark]) -> dict[Place, Mark]:
    """The mark that counts at each place of a run."""
    return {place_of(mark): mark for mark in marks if mark.run == run}


def status(mark: Mark | None, text: str) -> Status:
    """What a mark is worth for the text as it is now."""
    if mark is None:
        return "open"
    if mark.decision == "flagged":
        return "flagged"
    return "accepted" if mark.text == text_digest(text) else "stale"


def mark(
    folder: SessionFolder,
    stretch: Reviewable,
    *,
    run: str,
    text: str,
    decision: Decision,
    by: str,
    key: EllipticCurvePrivateKey,
    note: str = "",
    played: Sequence[tuple[int, int]] = (),
) -> Line:
    """Append a decision and wait for the disk.

    Args:
        folder: a sealed session with a transcript.
        stretch: the utterance, or a stretch of the coverage ledger that has no words.
        run: of the transcript that was compared.
        text: as the reviewer saw it; empty for a stretch without words.
        decision: ``accepted`` (the text is what is heard) or ``flagged`` (somebody must look again).
        by: who reviewed.
        key: of this computer, which signs the line.
        note: why it is flagged.
        played: stretches played back before the decision, as (first frame, frame count).

    Raises:
        SessionBusy, BrokenChain, DiskTrouble: see `ledger.append`.
        InvalidText: the note or the name cannot be shown.
    """
    return append_about(
        folder,
        "review",
        stretch,
        run=run,
        by=by,
        key=key,
        text=text_digest(text),
        decision=decision,
        note=checked(note, what="reason"),
        played=[list(stretch) for stretch in played],
    )


def verbatim(folder: SessionFolder) -> Verbatim:
    """The verbatim style the text is written in.  Raises `CorruptFolder` for one that nobody knows."""
    style = "full"
    for line in ledger.read(folder):
        if line["kind"] == "style":
            style = str(line.get("style"))
    for name in ("full", "clean", "edited"):
        if style == name:
            return name
    raise CorruptFolder(f"{folder.path.name}/ledger.jsonl names the verbatim style {style[:80]!r}, which nobody knows.")


def set_verbatim(folder: SessionFolder, style: str, *, by: str, key: EllipticCurvePrivateKey) -> None:
    """Record the verbatim style.  Raises `InvalidOption` for an unknown one, and what `ledger.append` raises."""
    if style not in STYLES:
        raise InvalidOption(f"There is no verbatim style {style[:80]!r}.", hint=f"Choose from {', '.join(STYLES)}.")
    ledger.append(folder, "style", by=checked(by, what="name"), key=key, style=style)
