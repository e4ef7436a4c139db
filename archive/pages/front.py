"""What stands before the speeches: title, conventions, persons, and what the level of the transcript means."""

from collections.abc import Iterator, Sequence

from archive.certificate.statement import Statement
from archive.export.text import completeness_line, one_line
from archive.pages.layout import Composer
from archive.record import Record, clock_face, iso
from archive.review.marks import STYLES

_LABEL_COLUMNS = 14

_CONVENTIONS = """\
A place in this document is given as page:line: 14:7 is line 7 of page 14. Pages i, ii, ... stand before the speeches.
A time is hours:minutes:seconds from the first recorded sound.
[inaudible 0:12:03] Somebody speaks, but no words can be made out. [indiscernible 0:12:03] Words are heard, but not which.
[crosstalk 0:12:03] Several people speak at once.
[no sound recorded ...] The recording has a gap. [withheld ...] It was paused. [not transcribed ...] No text was made.
[nothing was said here, by correction] A machine had written words where a person heard none.
Notes and sentences in square brackets are not speech. -- marks an interruption; (phonetic) a spelling by ear; (sic) words that \
stand as they were said.
Words spoken through an interpreter are the interpreter's.
A character that cannot be seen, or that would turn the writing around, is printed as its code, such as \\u202e.
"""


def title(composer: Composer, record: Record, statement: Statement) -> None:
    """The title page."""
    composer.front()
    composer.heading(statement.heading)
    composer.blank()
    composer.heading(one_line(record.session.title) or "(no title)")
    composer.heading("TRANSCRIPT OF A RECORDED SESSION")
    composer.blank()
    for label, value in _facts(record):
        labelled(composer, label, value)


def conventions(composer: Composer, record: Record) -> None:
    """The page of conventions: the tags of this document and the style the words are written in."""
    composer.front()
    composer.heading("CONVENTIONS")
    composer.paragraph(f"Verbatim style: {record.verbatim}. {STYLES[record.verbatim].capitalize()}.")
    for convention in _CONVENTIONS.splitlines():
        composer.blank()
        composer.paragraph(convention)


def persons(composer: Composer, record: Record) -> None:
    """The roster, and whoever was named later."""
    composer.front()
    composer.heading("PERSONS")
    roster = record.session.roster
    for speaker in roster:
        facts = [
            speaker.role,
            speaker.delegation,
            speaker.language,
            f"track {speaker.track}" if speaker.track is not None else "",
        ]
        known = ", ".join(one_line(fact) for fact in facts if fact)
        composer.paragraph(f"{one_line(speaker.name)}{': ' if known else ''}{known}", hanging=4)
    listed = {speaker.name for speaker in roster}
    others = sorted({line.speaker for line in record.lines} - listed)
    if others:
        composer.blank()
        composer.paragraph(f"Not in the roster: {', '.join(one_line(name) for name in others)}", hanging=4)
    if not roster and not others:
        composer.paragraph("Nobody was named.")


def status(composer: Composer, statement: Statement, *, name: str) -> None:
    """The statement of the level with the digests it covers, on pages of their own."""
    composer.heading(name)
    composer.heading(statement.heading)
    for paragraph in statement.paragraphs:
        composer.paragraph(paragraph)
        composer.blank()
    for label, value in statement.digests:
        composer.paragraph(f"{label}: {value}", hanging=4)


def labelled(composer: Composer, label: str, value: str) -> None:
    """A line such as ``Place         Geneva``."""
    composer.paragraph(f"{label}:  {value}", hanging=_LABEL_COLUMNS)


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    session, transcript = record.session, record.transcript
    yield "Session", session.id
    yield "Recorded", f"{iso(record.started_at_us) or 'at a time nobody wrote down'} ({session.origin})"
    yield "Length", clock_face(record.duration_us)
    if session.place:
        yield "Place", one_line(session.place)
    yield "Operator", one_line(session.operator)
    yield "Complete", completeness_line(record)
    if transcript:
        yield "Transcript", f"{transcript.run.run}, {len(record.lines)} utterances, {corrected(record)} corrected"
        yield "Engine", _values(sorted(transcript.run.engine.items()))
        yield "Model", _values(sorted(transcript.run.model.items()))
    yield "Verbatim", record.verbatim
    yield "Seal", record.seal


def corrected(record: Record) -> int:
    """How many utterances no longer read as the machine wrote them."""
    return sum(line.is_corrected for line in record.lines)


def _values(items: Sequence[tuple[str, str]]) -> str:
    return " ".join(one_line(value) for _, value in items)
