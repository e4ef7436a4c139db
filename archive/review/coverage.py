"""How much of a transcript a person has compared with the sound: the numbers that a certificate prints."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from archive.record import Line, Record
from archive.review.marks import Mark, Verbatim, status
from everyword.clock import MICROSECONDS
from everyword.entries import Place, place_of
from everyword.model import Span

Level = Literal["M", "R", "C"]
"""Machine draft, reviewed in part, certified by the named reviewer."""

LEAST_STRETCH_US = MICROSECONDS
"""Inaudible stretches this long are reviewed on their own; shorter ones are heard with the words beside them."""

_INAUDIBLE = re.compile(r"\[(?:inaudible|indiscernible)\b[^\]]*\]")
_CROSSTALK = re.compile(r"\[crosstalk\b[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was reviewed of the current text.

    ``unreviewed`` are utterances without a mark that still fits, or flagged; ``unheard`` are stretches without words,
    `LEAST_STRETCH_US` or longer, that nobody has listened to.  ``inaudible`` and ``crosstalk`` count what is marked so.
    ``misplaced`` counts utterances that lie outside the recording, or take no time.
    ``played_us`` is how much was played back through this program before a decision: evidence of listening, not proof.
    """

    utterances: int
    reviewed: int
    utterance_us: int
    reviewed_us: int
    stretches: int
    stretches_heard: int
    open_flags: int
    inaudible: int
    crosstalk: int
    corrections: int
    played_us: int
    misplaced: int
    verbatim: Verbatim
    unreviewed: tuple[Line, ...]
    unheard: tuple[Span, ...]

    @property
    def is_whole(self) -> bool:
        """Every utterance and every stretch was compared, and nothing is flagged."""
        return bool(self.utterances) and not (self.unreviewed or self.unheard or self.open_flags)

    @property
    def level(self) -> Level:
        """What may be printed without a certificate: ``M`` or ``R``."""
        return "R" if self.reviewed else "M"

    @property
    def percent(self) -> str:
        """The share of speech time that was reviewed, rounded down: 100.0 means all of it."""
        tenths = self.reviewed_us * 1000 // self.utterance_us if self.utterance_us else 0
        return f"{tenths // 10}.{tenths % 10}"

    def numbers(self) -> dict[str, int | str]:
        """All of it as JSON that may be signed."""
        return {
            "utterances": self.utterances,
            "reviewed": self.reviewed,
            "utterance_us": self.utterance_us,
            "reviewed_us": self.reviewed_us,
            "stretches": self.stretches,
            "stretches_heard": self.stretches_heard,
            "open_flags": self.open_flags,
            "inaudible": self.inaudible,
            "crosstalk": self.crosstalk,
            "corrections": self.corrections,
            "played_us": self.played_us,
            "misplaced": self.misplaced,
            "verbatim": self.verbatim,
        }


def of(record: Record) -> Coverage:
    """The coverage of a session's current text; all zeros without a transcript."""
    reviewed = [line for line in record.lines if _decided(record, line) == "accepted"]
    spans = stretches(record)
    unheard = tuple(span for span in spans if _heard(record, span) != "accepted")
    return Coverage(
        utterances=len(record.lines),
        reviewed=len(reviewed),
        utterance_us=sum(line.moment.duration_us for line in record.lines),
        reviewed_us=sum(line.moment.duration_us for line in reviewed),
        stretches=len(spans),
        stretches_heard=len(spans) - len(unheard),
        open_flags=sum(mark.decision == "flagged" for mark in _marks(record)),
        inaudible=len(record.missing("inaudible")) + sum(len(_INAUDIBLE.findall(line.text)) for line in record.lines),
        crosstalk=sum(len(_CROSSTALK.findall(line.text)) for line in record.lines),
        corrections=sum(entry.applied for entry in record.corrections),
        played_us=_played_us(record),
        misplaced=_misplaced(record),
        verbatim=record.verbatim,
        unreviewed=tuple(line for line in record.lines if _decided(record, line) != "accepted"),
        unheard=unheard,
    )


def stretches(record: Record) -> tuple[Span, ...]:
    """The stretches without words that are reviewed on their own."""
    return tuple(span for span in record.missing("inaudible", "failed") if record.of_span(span).duration_us >= LEAST_STRETCH_US)


def obstacles(coverage: Coverage) -> tuple[str, ...]:
    """Why the text cannot be certified (level C), one sentence each; none if it can."""
    return tuple(_obstacles(coverage))


def _obstacles(coverage: Coverage) -> Iterator[str]:
    if not coverage.utterances:
        yield "There is no utterance to certify."
        return
    unreviewed, unheard = len(coverage.unreviewed), len(coverage.unheard)
    if unreviewed:
        yield f"{unreviewed} of {coverage.utterances} utterances have not been reviewed."
    if unheard:
        yield f"{unheard} of {coverage.stretches} stretches without words have not been listened to."
    if coverage.open_flags:
        yield f"{coverage.open_flags} flag{'s are' if coverage.open_flags != 1 else ' is'} open."
    if coverage.misplaced:
        yield f"{coverage.misplaced} utterances lie outside the recording, or take no time."
    if coverage.verbatim == "edited":
        yield "An edited text is not a verbatim record."


def _decided(record: Record, line: Line) -> str:
    return status(record.marks.get(place_of(line.utterance)), line.text)


def _heard(record: Record, span: Span) -> str:
    return status(record.marks.get(place_of(span)), "")


def _marks(record: Record) -> list[Mark]:
    """The marks about something that is there: an utterance or a stretch of the current run."""
    places: set[Place] = {place_of(line.utterance) for line in record.lines} | {place_of(span) for span in stretches(record)}
    return [mark for place, mark in record.marks.items() if place in places]


def _played_us(record: Record) -> int:
    return sum(
        count * MICROSECONDS // record.recording.streams[mark.stream].rate_hz
        for mark in _marks(record)
        for _, count in mark.played
    )


def _misplaced(record: Record) -> int:
    ends = {stream: record.recording.end_frame(stream) for stream in record.recording.streams}
    places = (place_of(line.utterance) for line in record.lines)
    return sum(first < 0 or count <= 0 or first + count > ends[stream] for stream, _, first, count in places)
