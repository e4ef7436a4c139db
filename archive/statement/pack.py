"""The statement pack: what a delegation publishes first, with exact quotations and where each can be checked.

Read from the folder alone.  A quotation whose words have been corrected since it was marked is left out, and the pack says so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archive import pages
from archive.export.text import one_line
from archive.pages.annexes import first_lines
from archive.pages.layout import Layout, PageLine
from archive.pages.status import unsigned
from archive.record import Line, Record, clock_face, iso
from archive.review.marks import status
from archive.statement import marks as statement_marks
from archive.statement.marks import Check, Claim, Marks, Quote
from everyword import checker, glossary, ledger
from everyword.entries import place_of
from everyword.errors import InvalidOption
from everyword.model import Speaker

VERSION = 1
"""Of the JSON form of a pack: ``everyword_statement``."""

_CHANGES = ("correct", "review", "speaker", "voice", "style", "adopt")
"""Ledger lines after which a certificate is about an older text."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What may be said of the text today: its level, the banner of every page and one paragraph or more."""

    level: str
    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quotation:
    """Exact words with everything that is needed to find and check them.

    ``leaves`` are the digests of the seconds of sound that hold them, as sealed: (second, digest) of the track.
    """

    text: str
    speaker: str
    delegation: str
    role: str
    language: str
    time: str | None
    position: str
    pages: str
    utterance: int
    track: int
    first_frame: int
    frame_count: int
    reviewed_by: str
    is_corrected: bool
    leaves: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """What one side means by a term: ``meaning`` as it was noted, and the words in which they said so."""

    term: str
    meaning: str
    quotation: Quotation


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim and what became of it, oldest finding first."""

    number: int
    says: str
    quotation: Quotation
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything a statement prints.  ``dropped`` says what was marked and does not fit the text any more."""

    session: str
    title: str
    place: str
    recorded: str | None
    seal: str
    standing: Standing
    quotations: tuple[Quotation, ...]
    definitions: tuple[Definition, ...]
    claims: tuple[CheckedClaim, ...]
    dropped: tuple[str, ...]


def gather(record: Record, *, style: str) -> Pack:
    """Collect the pack of a session.

    Args:
        record: a session with a transcript.
        style: page style that page:line refers to.

    Raises:
        InvalidOption: nothing is marked, or there is no such style.
        NotTranscribed: there is no transcript.
        CorruptFolder: the ledger is damaged.
    """
    layout = pages.lay_out(record, style=style)
    marks = statement_marks.read(record.folder)
    terms = glossary.definitions(record.folder)
    if not (marks.quotes or marks.claims or terms):
        raise InvalidOption(
            "Nothing is marked in this session.",
            hint="`everyword quote SESSION UTTERANCE` marks a quotation, `everyword claim` a claim.",
        )
    found = _Quotations(record, layout)
    quotes = [(mark, found.of(mark)) for mark in marks.quotes]
    claims = [(mark, found.of(mark)) for mark in marks.claims]
    return Pack(
        session=record.session.id,
        title=record.session.title,
        place=record.session.place,
        recorded=iso(record.started_at_us),
        seal=record.seal,
        standing=standing(record),
        quotations=found.in_order(quotation for _, quotation in quotes if quotation),
        definitions=_definitions(found, terms),
        claims=tuple(
            CheckedClaim(mark.seq, mark.says, quotation, _checks(marks, mark)) for mark, quotation in claims if quotation
        ),
        dropped=tuple(_dropped(quotes)) + tuple(_dropped(claims)),
    )


def standing(record: Record) -> Standing:
    """The level of the text as it is now: C only while the newest certificate is about exactly this text."""
    newest = None
    for line in ledger.read(record.folder):
        if line["kind"] == "certify":
            newest = line
        elif line["kind"] in _CHANGES:
            newest = None
    run = record.transcript.run.run if record.transcript else None
    if newest and newest.get("level") == "C" and newest.get("run") == run:
        name, number = one_line(str(newest.get("name"))), one_line(str(newest.get("certificate")))
        what = f"The transcript was compared with the recording and certified by {name}: certificate {number} of this session."
        return Standing(
            "C", checker.HEADINGS["C"], (what, "The certificate is that person's statement. Read it before you quote.")
        )
    said = unsigned(record, has_annex=False)
    return Standing(said.level, said.heading, said.paragraphs)


class _Quotations:
    """Marks → quotations, for one record and one layout."""

    def __init__(self, record: Record, layout: Layout) -> None:
        self._record = record
        self._layout = layout
        self._lines = statement_marks.lines_by_place(record)
        self._first = first_lines(list(layout.lines))
        self._last = {line.utterance: line for line in layout.lines if line.utterance is not None}
        self._roster = {speaker.person: speaker for speaker in reversed(record.session.roster)}

    def of(self, mark: Quote | Claim) -> Quotation | None:
        """None when the transcript does not say so any more."""
        line = self._line(mark)
        return self._quotation(line, mark.text) if line and mark.text in line.text else None

    def of_definition(self, definition: glossary.Definition) -> Quotation | None:
        """The meaning if it was noted letter by letter, else the whole utterance; None when that has no words any more."""
        line = self._line(definition)
        if line is None or not line.text:
            return None
        return self._quotation(line, definition.meaning if definition.meaning in line.text else line.text)

    def _line(self, mark: Quote | Claim | glossary.Definition) -> Line | None:
        run = self._record.transcript.run.run if self._record.transcript else None
        return self._lines.get(place_of(mark)) if mark.run == run else None

    def in_order(self, quotations: Iterable[Quotation]) -> tuple[Quotation, ...]:
        """Each once, as they were said."""
        order = {line.utterance.id: place for place, line in enumerate(self._record.lines)}
        return tuple(sorted(dict.fromkeys(quotations), key=lambda one: order[one.utterance]))

    def _quotation(self, line: Line, text: str) -> Quotation:
        utterance = line.utterance
        nobody = Speaker("", line.speaker)
        speaker = self._roster.get(utterance.person or "", nobody)
        review = self._record.marks.get(place_of(utterance))
        return Quotation(
            text=text,
            speaker=line.speaker,
            delegation=speaker.delegation,
            role=speaker.role,
            language=utterance.language,
            time=iso(line.moment.utc_us),
            position=clock_face(line.moment.position_us),
            pages=self._pages(utterance.id),
            utterance=utterance.id,
            track=utterance.track,
            first_frame=utterance.first_frame,
            frame_count=utterance.frame_count,
            reviewed_by=review.by if review and status(review, line.text) == "accepted" else "",
            is_corrected=line.is_corrected,
            leaves=tuple(self._leaves(line)),
        )

    def _pages(self, number: int) -> str:
        first, last = self._first[number], self._last[number]
        begin, end = self._page(first), self._page(last)
        return begin if begin == end else f"{begin} to {end}"

    def _page(self, line: PageLine) -> str:
        return f"{line.page}:{line.line}" if self._layout.style.is_numbered else str(line.page)

    def _leaves(self, line: Line) -> Iterator[tuple[int, str]]:
        recording, utterance = self._record.recording, line.utterance
        stream = recording.streams[utterance.stream]
        channel = stream.tracks.index(utterance.track)
        last = utterance.first_frame + max(0, utterance.frame_count - 1)
        for second in range(utterance.first_frame // stream.rate_hz, last // stream.rate_hz + 1):
            digests = recording.leaves.get((utterance.stream, second))
            if digests:
                yield second, digests[channel]


def _definitions(found: _Quotations, terms: Iterable[glossary.Definition]) -> tuple[Definition, ...]:
    """By term and side, then as they were noted."""
    quoted = [Definition(one.term, one.meaning, quotation) for one in terms if (quotation := found.of_definition(one))]
    return tuple(sorted(quoted, key=lambda one: (one.term.casefold(), one.quotation.delegation)))


def _checks(marks: Marks, claim: Claim) -> tuple[Check, ...]:
    return tuple(check for check in marks.checks if check.claim == claim.seq)


def _dropped(pairs: Iterable[tuple[Quote | Claim, Quotation | None]]) -> Iterator[str]:
    for mark, quotation in pairs:
        if quotation is None:
            yield f"Line {mark.seq + 1} of the ledger quotes words that the transcript does not have any more."
