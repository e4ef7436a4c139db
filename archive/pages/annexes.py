"""What stands behind the index: errata, what nobody has reviewed, gaps, and how to check the document."""

from collections.abc import Iterator
from dataclasses import dataclass

from archive import capture
from archive.export.text import STRUCK, missing, one_line
from archive.pages.layout import Composer, PageLine
from archive.record import Line, Record, iso
from archive.review.coverage import Coverage

_CHECK = """\
This document is a drawing of the transcript. The record is the session folder: sound, machine transcript and \
ledger.
With the folder: `everyword verify FOLDER`, or the steps in its README.txt, which need nothing but sha256sum and openssl.
With a bundle: the steps in its VERIFY.txt.
The PDF carries the transcript as data: `pdfdetach -saveall FILE.pdf` writes transcript.json, whose \
digest is printed below.
The same transcript has the same page and line in every format, on every computer.
"""


@dataclass(frozen=True, slots=True)
class Erratum:
    """One correction as it stands in the document: where, from what to what, why, by whom, when (UTC)."""

    place: str
    before: str
    after: str
    reason: str
    by: str
    at: str


def errata(record: Record, lines: list[PageLine]) -> list[Erratum]:
    """Every correction that is part of the text, in the order they were made."""
    first = first_lines(lines)
    return [
        Erratum(
            place=_place(first.get(entry.number or 0)),
            before=entry.correction.before,
            after=entry.correction.after or STRUCK,
            reason=entry.correction.reason,
            by=entry.correction.by,
            at=iso(entry.correction.at_us)[:19] + "Z",
        )
        for entry in record.corrections
        if entry.applied
    ]


def first_lines(lines: list[PageLine]) -> dict[int, PageLine]:
    """Utterance → where it begins."""
    return {line.utterance: line for line in reversed(lines) if line.utterance is not None}


def compose_errata(composer: Composer, record: Record) -> None:
    """The errata sheet; no page without corrections."""
    found = errata(record, composer.lines)
    if not found:
        return
    composer.begin()
    composer.heading("ERRATA")
    composer.paragraph("Corrections of the machine's text, oldest first. All are part of the text above.")
    for erratum in found:
        composer.blank()
        composer.paragraph(f"{erratum.place}  {one_line(erratum.by)}, {erratum.at}: {one_line(erratum.reason)}", hanging=4)
        composer.paragraph(f"from: {one_line(erratum.before)}", indent=4, hanging=6)
        composer.paragraph(f"to:   {one_line(erratum.after)}", indent=4, hanging=6)


def compose_unreviewed(composer: Composer, record: Record, coverage: Coverage) -> None:
    """Annex U: what of a partly reviewed transcript nobody has compared with the sound."""
    if not coverage.reviewed or coverage.is_whole:
        return
    first = first_lines(composer.lines)
    composer.begin()
    composer.heading("ANNEX U: NOT REVIEWED")
    places = [_range(first, run) for run in _runs(record, coverage)]
    composer.paragraph(f"{len(coverage.unreviewed)} of {coverage.utterances} utterances: {', '.join(places) or 'none'}")
    composer.blank()
    spans = [missing(record, span) for span in coverage.unheard]
    composer.paragraph(f"{len(spans)} of {coverage.stretches} stretches without words: {' '.join(spans) or 'none'}")


def compose_recording(composer: Composer, record: Record) -> None:
    """Annex R: how the recording was made, and what is known of its clock."""
    composer.begin()
    composer.heading("ANNEX R: THE RECORDING")
    for text in capture.facts(record):
        composer.paragraph(text, hanging=4)
        composer.blank()


def compose_gaps(composer: Composer, record: Record) -> None:
    """Annex G: where the recording has no sound, and what the recorder noticed."""
    composer.begin()
    composer.heading("ANNEX G: GAPS")
    spans = record.missing("gap", "withheld", "failed")
    losses = [one_line(alarm.text) for alarm in record.recording.alarms if alarm.loss]
    for text in (*(missing(record, span) for span in spans), *losses):
        composer.paragraph(text, hanging=4)
    if not spans and not losses:
        composer.paragraph("The recorder noticed no gap.")


def compose_check(composer: Composer, source: str) -> None:
    """Annex K: how to check this document; `source` is the digest of the transcript as data."""
    composer.begin()
    composer.heading("ANNEX K: HOW TO CHECK THIS DOCUMENT")
    for paragraph in (*_CHECK.splitlines(), f"transcript.json: {source}"):
        composer.paragraph(paragraph)
        composer.blank()


def _runs(record: Record, coverage: Coverage) -> Iterator[list[Line]]:
    """Utterances without a review that follow one another, as one run."""
    unreviewed = {line.utterance.id for line in coverage.unreviewed}
    run: list[Line] = []
    for line in record.lines:
        if line.utterance.id in unreviewed:
            run.append(line)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _range(first: dict[int, PageLine], run: list[Line]) -> str:
    begin, end = _place(first.get(run[0].utterance.id)), _place(first.get(run[-1].utterance.id))
    return begin if begin == end else f"{begin} to {end}"


def _place(line: PageLine | None) -> str:
    return f"{line.page}:{line.line}" if line else "nowhere"
