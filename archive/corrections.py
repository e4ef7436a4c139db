"""Corrections: a person's text laid over the machine's, which stays.

A correction is one line of the session's ledger, anchored on the run, the frames and the text before it.  The current text of an
utterance is what the machine wrote, changed by every correction that fits; nothing here looks at the database.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword.entries import append_about, of_kind, place_of
from everyword.errors import EverywordError, InvalidOption
from everyword.folder import SessionFolder
from everyword.model import Correction, Utterance
from everyword.run import read_transcript
from everyword.text import checked


class StaleText(EverywordError):
    """The utterance no longer says what the correction wants to change."""

    code = "stale-text"
    default_hint = "`everyword show SESSION` shows the text as it is now."


@dataclass(frozen=True, slots=True)
class Entry:
    """One correction of the ledger: the number of the utterance it fits, and whether it is part of the current text.

    ``number`` is None when no utterance of the run has its frames (a correction of another run is a proposal for this one);
    ``applied`` is False for those, and for one that was made on a text which had already changed.
    """

    correction: Correction
    number: int | None
    applied: bool


@dataclass(frozen=True, slots=True)
class Overlay:
    """Current texts by utterance number (only of corrected ones), and the history they came from, oldest first."""

    texts: dict[int, str]
    entries: tuple[Entry, ...]


def read(folder: SessionFolder) -> tuple[Correction, ...]:
    """Every correction of the ledger, oldest first.

    Raises:
        CorruptFolder: the ledger is damaged, or a line lacks something.
    """
    return tuple(of_kind(folder, "correct", Correction))


def overlay(run: str, utterances: Iterable[Utterance], corrections: Iterable[Correction]) -> Overlay:
    """Lay corrections over the utterances of one run, each only where the text before it is still the text."""
    places = {place_of(utterance): utterance for utterance in utterances}
    texts: dict[int, str] = {}
    entries = []
    for correction in corrections:
        utterance = places.get(place_of(correction)) if correction.run == run else None
        applied = utterance is not None and texts.get(utterance.id, plain(utterance.text)) == correction.before
        if utterance is not None and applied:
            texts[utterance.id] = correction.after
        entries.append(Entry(correction, utterance.id if utterance else None, applied))
    return Overlay(texts, tuple(entries))


def correct(
    folder: SessionFolder,
    number: int,
    *,
    to: str,
    reason: str,
    by: str,
    key: EllipticCurvePrivateKey,
    before: str | None = None,
) -> Entry:
    """Append a correction of utterance `number` of the current run and wait for the disk.

    Args:
        folder: a sealed session with a transcript.
        number: as `everyword show` prints it.
        to: the text it should have; empty if nothing was said.
        reason: why, for those who read the history.
        by: who corrects.
        key: of this computer, which signs the line.
        before: the text the person saw; without it, whatever the text is now.

    Raises:
        NotTranscribed, CorruptFolder, SessionBusy, DiskTrouble: see `read_transcript` and `ledger.append`.
        InvalidOption: there is no such utterance, or it says this already.
        InvalidText: the new text or the reason cannot be shown.
        StaleText: the text is no longer `before`, or somebody else's correction came first.
    """
    transcript = read_transcript(folder)
    utterance = _numbered(transcript.utterances, number)
    run = transcript.run.run
    current = overlay(run, transcript.utterances, read(folder)).texts.get(number, plain(utterance.text))
    if before is not None and plain(before) != current:
        raise StaleText(f"Utterance {number} has changed: it now says {_shortened(current)!r}.")
    after = checked(to, what="text")
    if after == current:
        raise InvalidOption(f"Utterance {number} says this already.", hint="`everyword show` shows the text as it is now.")
    line = append_about(
        folder,
        "correct",
        utterance,
        run=run,
        by=by,
        key=key,
        before=current,
        after=after,
        reason=checked(reason, what="reason"),
    )
    entry = next(
        entry for entry in overlay(run, transcript.utterances, read(folder)).entries if entry.correction.seq == line["seq"]
    )
    if not entry.applied:
        raise StaleText(f"Another correction of utterance {number} came first; yours is kept in the ledger, but not applied.")
    return entry


def plain(text: str) -> str:
    """A machine's text as people see and change it: Unicode form NFC, without the engine's spacing at the ends."""
    return unicodedata.normalize("NFC", text).strip()


def _numbered(utterances: Sequence[Utterance], number: int) -> Utterance:
    for utterance in utterances:
        if utterance.id == number:
            return utterance
    raise InvalidOption(
        f"The current transcript has no utterance {number}.", hint="`everyword show SESSION` prints the number of each."
    )


def _shortened(text: str, longest: int = 200) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
