"""The words of certificates.  They say what was done and by whom, and promise nothing that no program can keep.

A certificate is the statement of the person who signs it: not of a court, an authority or the makers of this program.
"""

import re
from collections.abc import Iterator

from archive import capture
from archive.certificate.statement import Reviewer, Statement
from archive.record import Record, clock_face
from archive.review.coverage import Coverage, Level
from everyword import checker
from everyword.clock import iso
from everyword.errors import InvalidText
from everyword.keyring import grouped

_FORBIDDEN = (
    "court-certified",
    "court certified",
    "guaranteed",
    "100 % accurate",
    "100% accurate",
    "notarised",
    "notarized",
    "admissible",
    "qualified",
    "tamper-proof",
    "official",
)
_DISCLAIMER = (
    "It is my statement; it is not a certificate of any court, authority or of the software's makers, and it does not by itself "
    "make this transcript an official record."
)
"""The one sentence that may say "official": it says what this is not."""


def forbidden(text: str) -> list[str]:
    """The words in `text` that no certificate may contain; none if it is fine."""
    plain = " ".join(text.split()).replace(_DISCLAIMER, "").lower()
    return [word for word in _FORBIDDEN if re.search(rf"\b{re.escape(word)}\b", plain)]


def draft(record: Record) -> Statement:
    """The statement of a machine draft that nobody has signed."""
    rows = (*_recording_rows(record), *_model_rows(record))
    return Statement("M", checker.HEADINGS["M"], (_machine(record),), rows, 0, "")


def certificate(
    record: Record,
    coverage: Coverage,
    reviewer: Reviewer,
    *,
    level: Level,
    revision: int,
    transcript: str,
    transcript_root: str,
    ledger_head: str,
    fingerprint: str,
    identity: str,
    has_authority: bool,
    made_at_us: int,
) -> Statement:
    """The statement that `reviewer` signs.

    Args:
        record: the session.
        coverage: what of it was reviewed.
        reviewer: who signs.
        level: at most what `coverage` supports.
        revision: of the session's certificates, from 1.
        transcript: digest of ``transcript.json``.
        transcript_root: root of the tree over its words.
        ledger_head: digest of the ledger's last line.
        fingerprint: of the reviewer's key.
        identity: how far the name can be believed (`keyring.identity`).
        has_authority: a time-stamp authority will be asked.
        made_at_us: by the reviewer's clock.

    Raises:
        InvalidText: a name or role would make the text say what no certificate may say.
    """
    body = {
        "M": (_machine(record),),
        "R": _partial(coverage, reviewer, ledger_head),
        "C": tuple(_whole(record, coverage, reviewer, iso(made_at_us)[:10])),
    }
    covers = (
        f"This certificate covers exactly: recording sealed as {record.seal}, transcript {transcript}, revision {revision}"
        f"{f', which replaces revision {revision - 1}' if revision > 1 else ''}. {_DISCLAIMER}"
    )
    when = "time-stamp authority, see the token beside this certificate" if has_authority else "asserted by this computer only"
    key = f"Time: {when}. Key: {grouped(fingerprint)}, identity {identity}."
    paragraphs = (*body[level], covers, key)
    found = forbidden("\n".join([*paragraphs, reviewer.name, reviewer.role]))
    if found:
        raise InvalidText(
            f"A certificate must not say {', '.join(map(repr, found))}.",
            hint="Describe yourself and what you did in other words.",
        )
    rows = (
        *_recording_rows(record),
        *_model_rows(record),
        ("Transcript SHA-256", transcript),
        ("Transcript root", transcript_root),
        ("Ledger head", ledger_head),
        ("Key fingerprint", fingerprint),
    )
    return Statement(level, checker.HEADINGS[level], paragraphs, rows, revision, reviewer.name)


def _machine(record: Record) -> str:
    return (
        f"This text was produced automatically by {_engine(record)}{_on(record)} from the recording identified below. No person "
        "has compared it with the recording. Automatic transcription can omit, alter or invent words. It must not be quoted as a "
        "record of what was said without checking the recording."
    )


def _partial(coverage: Coverage, reviewer: Reviewer, ledger_head: str) -> tuple[str, ...]:
    text = (
        f"{reviewer.name}, {reviewer.role}, compared {coverage.reviewed} of {coverage.utterances} utterances "
        f"({coverage.percent} % of speech time) with the recording; the list of utterances not compared is in Annex U. "
        f"{coverage.corrections} corrections are recorded in the ledger (head {ledger_head})."
    )
    return (text,)


def _whole(record: Record, coverage: Coverage, reviewer: Reviewer, day: str) -> Iterator[str]:
    yield f"I, {reviewer.name}, {reviewer.role}, relation to the parties: {reviewer.relation}, state:"
    yield f"(1) a draft of this transcript was produced by automatic speech recognition ({_engine(record)});"
    length = clock_face(record.duration_us)
    yield f"(2) I listened to the whole of the recording identified below, {length}, and compared it with the text;"
    yield (
        f"(3) to the best of my ability the text is a {coverage.verbatim} verbatim record of what is audible, in the sense of "
        "the conventions page;"
    )
    yield (
        f"(4) {coverage.inaudible} passages are marked inaudible or indiscernible and {coverage.crosstalk} crosstalk; speaker "
        f"names are {reviewer.speakers};"
    )
    yield "(5) words spoken through an interpreter are recorded in the interpreter's words;"
    yield f"(6) the recording was {capture.continuity(record)} according to the capture seal."
    if reviewer.oath:
        yield f"I declare under penalty of perjury that the foregoing is true and correct. Executed on {day} at {reviewer.place}."


def _engine(record: Record) -> str:
    if record.transcript is None:
        return "no engine"
    run = record.transcript.run
    engine = run.engine.get("engine") or run.engine.get("name", "an engine that is not named")
    number = run.engine.get(engine, "")
    model = run.model.get("name", "not named")
    proof = next((value for name, value in run.model.items() if value.startswith("sha256:")), "")
    return f"{engine}{f' {number}' if number else ''} with model {model}{f', {proof}' if proof else ''}"


def _on(record: Record) -> str:
    return f" on {iso(record.transcript.run.started_at_us)[:10]}" if record.transcript else ""


def _recording_rows(record: Record) -> Iterator[tuple[str, str]]:
    yield "Session", record.session.id
    yield "Seal SHA-256", record.seal


def _model_rows(record: Record) -> Iterator[tuple[str, str]]:
    if record.transcript is not None:
        yield "Engine and model", _engine(record)
        yield "Run", record.transcript.run.run
