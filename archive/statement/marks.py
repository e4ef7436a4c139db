"""What a delegation marks for its statement: quotations, claims and what became of them.

Each is one signed line of the ledger, anchored on frames and on the very words; marking changes nothing in the transcript.  When
the words are corrected afterwards, the mark no longer fits and is not quoted any more.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from archive.record import Line, Record
from everyword import ledger
from everyword.entries import Place, append_about, of_kind, place_of
from everyword.errors import InvalidOption, NotTranscribed
from everyword.folder import SessionFolder
from everyword.journal import Line as LedgerLine
from everyword.model import Anchored, Signed
from everyword.text import checked

VERDICTS = ("true", "false", "misleading", "unproven")


@dataclass(frozen=True, slots=True)
class Quote(Anchored):
    """A quotation: the exact words."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Claim(Anchored):
    """Something a speaker claims: the exact words, and what they claim in the words of whoever marked it."""

    text: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Check(Signed):
    """What somebody found out about the claim on line `claim` of the ledger (its ``seq``)."""

    claim: int
    verdict: str
    finding: str
    source: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Everything marked in a session, oldest first."""

    quotes: tuple[Quote, ...]
    claims: tuple[Claim, ...]
    checks: tuple[Check, ...]


def read(folder: SessionFolder) -> Marks:
    """Every mark of the ledger.  Raises `CorruptFolder` when one lacks something."""
    return Marks(
        tuple(of_kind(folder, "quote", Quote)),
        tuple(of_kind(folder, "claim", Claim)),
        tuple(of_kind(folder, "claim.check", Check)),
    )


def quote(record: Record, number: int, *, words: str | None, note: str, by: str, key: EllipticCurvePrivateKey) -> str:
    """Mark a quotation and return its words.

    Args:
        record: the session.
        number: of the utterance.
        words: the part of its current text to quote; all of it if None.
        note: for the colleagues, not printed.
        by: who marks.
        key: of this computer, which signs the line.

    Raises:
        InvalidOption: there is no such utterance, or it does not say these words.
        NotTranscribed, InvalidText, SessionBusy, DiskTrouble: as everywhere.
    """
    line = numbered(record, number)
    text = _part(line, words)
    _append(record, line, "quote", by=by, key=key, text=text, note=checked(note, what="reason"))
    return text


def claim(record: Record, number: int, *, words: str | None, says: str, by: str, key: EllipticCurvePrivateKey) -> int:
    """Mark a claim and return its number.  Arguments and errors as in `quote`; ``says`` puts the claim into plain words."""
    line = numbered(record, number)
    added = _append(record, line, "claim", by=by, key=key, text=_part(line, words), says=checked(says, what="reason"))
    return int(str(added["seq"]))


def check(
    folder: SessionFolder, number: int, *, verdict: str, finding: str, source: str, by: str, key: EllipticCurvePrivateKey
) -> None:
    """Say what became of a claim.

    Raises:
        InvalidOption: there is no claim of that number, or no such verdict.
        InvalidText, SessionBusy, DiskTrouble: as everywhere.
    """
    if verdict not in VERDICTS:
        raise InvalidOption(f"There is no verdict {verdict[:80]!r}.", hint=f"Choose from {', '.join(VERDICTS)}.")
    if number not in {one.seq for one in read(folder).claims}:
        raise InvalidOption(f"The session has no claim {number}.", hint="`everyword claim` prints the number of each it marks.")
    fields = {"finding": checked(finding, what="text"), "source": checked(source, what="reason")}
    ledger.append(folder, "claim.check", by=checked(by, what="name"), key=key, claim=number, verdict=verdict, **fields)


def numbered(record: Record, number: int) -> Line:
    """The utterance of that number.  Raises `InvalidOption` when there is none, `NotTranscribed` without a transcript."""
    if record.transcript is None:
        raise NotTranscribed(f"{record.folder.path.name} has no transcript yet.")
    for line in record.lines:
        if line.utterance.id == number:
            return line
    raise InvalidOption(
        f"The current transcript has no utterance {number}.", hint="`everyword show SESSION` prints the number of each."
    )


def lines_by_place(record: Record) -> dict[Place, Line]:
    """The utterances of the current run by what a mark is anchored on."""
    return {place_of(line.utterance): line for line in record.lines}


def _part(line: Line, words: str | None) -> str:
    wanted = line.text if words is None else checked(words, what="text")
    if not wanted or wanted not in line.text:
        raise InvalidOption(
            f"Utterance {line.utterance.id} does not say {wanted[:80]!r}.",
            hint="Quote it letter by letter, or leave --words out.",
        )
    return wanted


def _append(record: Record, line: Line, kind: str, *, by: str, key: EllipticCurvePrivateKey, **fields: object) -> LedgerLine:
    assert record.transcript is not None  # noqa: S101  (`numbered` has seen to it)
    return append_about(record.folder, kind, line.utterance, run=record.transcript.run.run, by=by, key=key, **fields)
