"""The transcript as a document: pages and lines laid out once, then drawn as text, PDF and DOCX."""

from collections.abc import Sequence
from pathlib import Path

from archive.certificate.statement import Statement
from archive.export.text import one_line
from archive.pages import annexes, body, concordance, docx, front, linemap, pdf, styles, txt
from archive.pages.layout import Composer, Layout, shown
from archive.pages.signature import PdfSignature, check_pdf, sign_pdf
from archive.pages.source import transcript_json
from archive.pages.status import unsigned
from archive.record import Record
from archive.review.coverage import of
from everyword import glossary
from everyword.digest import digest
from everyword.errors import NotTranscribed

__all__ = [
    "Layout",
    "PdfSignature",
    "check_pdf",
    "coded",
    "draw",
    "errata_csv",
    "lay_out",
    "linemap_csv",
    "sign_pdf",
    "transcript_json",
]


def lay_out(
    record: Record,
    statement: Statement | None = None,
    *,
    style: str = styles.DEFAULT,
    terms: Sequence[str] = (),
    is_bare: bool = False,
) -> Layout:
    """Lay a session's current transcript out on pages.

    The speeches begin on page 1 whatever stands before them: the same text has the same page and line as a draft and when it is
    certified.

    Args:
        record: a session with a transcript.
        statement: of the certificate; without one, what may be said of the text unsigned.
        style: name of a page style.
        terms: to find in any form for the index, besides those that the session's ledger has definitions of.
        is_bare: without index, errata and annexes, which repeat words of the speeches.

    Raises:
        NotTranscribed: there is no transcript.
        InvalidOption: there is no such style.
    """
    if record.transcript is None:
        raise NotTranscribed(f"{record.folder.path.name} has no transcript yet.")
    said = statement or unsigned(record, has_annex=not is_bare)
    composer = Composer(styles.style(style))
    front.title(composer, record, said)
    front.conventions(composer, record)
    front.persons(composer, record)
    if said.level != "C":
        composer.front()
        front.status(composer, said, name="STATUS OF THIS TRANSCRIPT")
    body.compose(composer, record)
    source = transcript_json(record)
    if not is_bare:
        defined = [one.term for one in glossary.definitions(record.folder)]
        concordance.compose(composer, record, dict.fromkeys([*terms, *defined]))
        annexes.compose_errata(composer, record)
    if said.level == "C":
        composer.begin()
        front.status(composer, said, name="CERTIFICATE")
    if not is_bare:
        annexes.compose_unreviewed(composer, record, of(record))
        annexes.compose_recording(composer, record)
        annexes.compose_gaps(composer, record)
    annexes.compose_check(composer, digest(source))
    return Layout(
        style=composer.style,
        title=one_line(record.session.title) or record.session.id,
        language=next(iter(record.session.languages), "en"),
        made_at_us=_made_at_us(record),
        footer=(said.heading, f"Level {said.level}  {record.session.id}  {_state(record)}"),
        sheets=tuple(composer.sheets),
        lines=tuple(composer.lines),
        source=source,
    )


def coded(record: Record) -> list[int]:
    """The utterances with characters that documents print as codes, because they cannot be seen or turn the writing around."""
    return [line.utterance.id for line in record.lines if any(shown(word) != word for word in line.text.split())]


def draw(layout: Layout, format_: str, *, font: Path | None = None) -> bytes:
    """A layout as ``txt``, ``ascii``, ``pdf`` or ``docx``: the same lines on the same pages in each.

    Raises:
        UndrawableText: a character cannot be drawn, and none is ever left out or replaced.
        PdfMissing: the libraries for PDF and DOCX are not installed.
    """
    match format_:
        case "pdf":
            return pdf.draw(layout, font=font)
        case "docx":
            return docx.draw(layout)
        case "ascii":
            return txt.draw_ascii(layout).encode("ascii")
        case _:
            return txt.draw(layout).encode()


def linemap_csv(layout: Layout) -> bytes:
    """Page and line of every printed line of an utterance, with its words and times."""
    return linemap.draw(layout).encode()


def errata_csv(record: Record, layout: Layout) -> bytes:
    """The errata sheet as a table: page:line, from, to, reason, who, when."""
    return linemap.errata(annexes.errata(record, list(layout.lines))).encode()


def _state(record: Record) -> str:
    """Which text this is: the run and how many corrections it has."""
    run = record.transcript.run.run if record.transcript else ""
    applied = sum(entry.applied for entry in record.corrections)
    return f"{run}, {applied} correction{'s' * (applied != 1)}"


def _made_at_us(record: Record) -> int:
    """When the text became what it is: the same document has the same date, and so the same bytes, whenever it is drawn."""
    run = record.transcript.run.started_at_us if record.transcript else 0
    changes = [entry.correction.at_us for entry in record.corrections]
    return max([run, *changes, *(mark.at_us for mark in record.marks.values())])
