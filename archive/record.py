"""One session as read from its folder: what was recorded, said and corrected.  Index and exports see the same thing here."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from archive import corrections, naming
from archive.corrections import Entry, plain
from archive.review import marks as review
from archive.review.marks import Mark, Verbatim
from everyword import clock, labels
from everyword.clock import Timeline
from everyword.entries import Place, place_of
from everyword.errors import CorruptFolder, NotTranscribed, SessionBusy
from everyword.folder import SessionFolder
from everyword.ledger import seal_digest
from everyword.model import Gap, Session, Span, State, Transcript, Utterance
from everyword.recording import Recording, read_recording
from everyword.run import read_transcript

LEAST_INAUDIBLE_US = 100_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch on the session axis, in µs from its first frame; ``utc_us`` is None when nobody knows when it was recorded."""

    position_us: int
    duration_us: int
    utc_us: int | None

    @property
    def end_us(self) -> int:
        """Where it ends on the session axis."""
        return self.position_us + self.duration_us


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance as it stands now; ``recorded`` is the machine's text, ``speaker`` a name or ``Track N``."""

    utterance: Utterance
    moment: Moment
    speaker: str
    text: str
    recorded: str

    @property
    def is_corrected(self) -> bool:
        """True when the current text is not the machine's."""
        return self.text != self.recorded


@dataclass(frozen=True, slots=True)
class Axis:
    """Frames of every stream → the session axis."""

    timelines: dict[int, Timeline]
    origin_us: int

    @classmethod
    def of(cls, recording: Recording) -> "Axis":
        """The axis begins at the first frame of the earliest stream."""
        timelines = recording.timelines()
        return cls(timelines, min((timeline.start_boottime_us for timeline in timelines.values()), default=0))

    def moment(self, stream: int, *, first_frame: int, frame_count: int) -> Moment:
        """Raises `CorruptFolder` when the journal knows no such stream."""
        timeline = self.timelines.get(stream)
        if timeline is None:
            raise CorruptFolder(f"A transcript names stream {stream}, which the journal does not have.")
        start = timeline.boottime_us(first_frame) - self.origin_us
        end = timeline.boottime_us(first_frame + frame_count) - self.origin_us
        return Moment(start, end - start, timeline.utc_us(first_frame))


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed session.  ``transcript`` is None before the first run; ``lines`` are in the order of the session axis.

    ``marks`` are the reviews that count, by what they are anchored on.
    """

    folder: SessionFolder
    recording: Recording
    axis: Axis
    seal: str
    transcript: Transcript | None
    lines: tuple[Line, ...]
    corrections: tuple[Entry, ...]
    marks: Mapping[Place, Mark]
    verbatim: Verbatim

    @property
    def is_reviewed(self) -> bool:
        """True once a person has compared any of it with the sound, and it still reads as it did then."""
        return any(review.status(self.marks.get(place_of(line.utterance)), line.text) == "accepted" for line in self.lines)

    @property
    def session(self) -> Session:
        """What ``session.json`` says."""
        return self.recording.session

    @property
    def started_at_us(self) -> int | None:
        """When the first frame was heard, in µs since 1970, or None when nobody knows."""
        starts = [timeline.start_utc_us for timeline in self.axis.timelines.values() if timeline.start_utc_us is not None]
        return min(starts, default=None)

    @property
    def duration_us(self) -> int:
        """From the first frame to the last of the stream that ends last."""
        ends = (
            self.axis.moment(stream, first_frame=self.recording.end_frame(stream), frame_count=0).position_us
            for stream in self.recording.streams
        )
        return max(ends, default=0)

    @property
    def gap_us(self) -> int:
        """How much sound was never delivered, all streams together, without what somebody withheld."""
        return sum(self.of_gap(gap).duration_us for gap in self.recording.gaps if not gap.is_withheld)

    @property
    def withheld_us(self) -> int:
        """How much was paused or off the record, all streams together."""
        return sum(self.of_gap(gap).duration_us for gap in self.recording.gaps if gap.is_withheld)

    def of_gap(self, gap: Gap) -> Moment:
        """Where a gap lies."""
        return self.axis.moment(gap.stream, first_frame=gap.first_frame, frame_count=gap.frame_count)

    def of_span(self, span: Span) -> Moment:
        """Where a line of the coverage ledger lies."""
        return self.axis.moment(span.stream, first_frame=span.first_frame, frame_count=span.frame_count)

    def missing(self, *states: State) -> tuple[Span, ...]:
        """The coverage spans in one of `states`, neighbours of one track joined, in the order of the session axis.

        What is inaudible for less than `LEAST_INAUDIBLE_US` holds no word and would only hide the stretches that may; it stays
        in the coverage ledger and in the JSON export.
        """
        spans = joined([span for span in self._coverage() if span.state in states])
        shown = [s for s in spans if s.state != "inaudible" or self.of_span(s).duration_us >= LEAST_INAUDIBLE_US]
        return tuple(sorted(shown, key=lambda span: (self.of_span(span).position_us, span.track)))

    def _coverage(self) -> Sequence[Span]:
        return self.transcript.coverage if self.transcript else ()


def read_record(folder: SessionFolder) -> Record:
    """Read everything about a sealed session but its sound.

    Raises:
        SessionNotFound, UnsupportedFormat, CorruptFolder: the folder cannot be read as it should.
        SessionBusy: it is not sealed yet.
    """
    if not folder.is_sealed:
        raise SessionBusy(f"{folder.path.name} is not sealed yet.")
    recording = read_recording(folder)
    axis = Axis.of(recording)
    transcript = _transcript(folder)
    lines, entries = _lines(recording.session, transcript, axis, folder)
    marks = review.newest(transcript.run.run if transcript else "", review.read(folder))
    seal = seal_digest(folder)
    return Record(folder, recording, axis, seal, transcript, lines, entries, marks, review.verbatim(folder))


def joined(spans: Sequence[Span]) -> list[Span]:
    """Spans of one track, state and reason that follow each other, as one."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.stream, span.track, span.first_frame)):
        last = result[-1] if result else None
        if last and _key(last) == _key(span) and last.first_frame + last.frame_count == span.first_frame:
            result[-1] = Span(*_key(span)[:2], last.first_frame, last.frame_count + span.frame_count, span.state, span.reason)
        else:
            result.append(span)
    return result


@overload
def iso(utc_us: int) -> str: ...
@overload
def iso(utc_us: int | None) -> str | None: ...
def iso(utc_us: int | None) -> str | None:
    """`everyword.clock.iso` for a time that may be unknown."""
    return None if utc_us is None else clock.iso(utc_us)


def clock_face(position_us: int) -> str:
    """A position on the session axis as ``h:mm:ss``, rounded down."""
    return clock.clock_text(position_us, clock.MICROSECONDS)


def _key(span: Span) -> tuple[int, int, State, str]:
    return span.stream, span.track, span.state, span.reason


def _transcript(folder: SessionFolder) -> Transcript | None:
    try:
        return read_transcript(folder)
    except NotTranscribed:
        return None
    except ValueError as error:
        raise CorruptFolder(f"{folder.path.name} has a transcript that lacks something: {error}.") from error


def _lines(
    session: Session, transcript: Transcript | None, axis: Axis, folder: SessionFolder
) -> tuple[tuple[Line, ...], tuple[Entry, ...]]:
    run, utterances = (transcript.run.run, transcript.utterances) if transcript else ("", ())
    current = corrections.overlay(run, utterances, corrections.read(folder))
    named = naming.newest(run, naming.read(folder))
    voices = labels.newest(run, labels.read(folder))
    names = {speaker.person: speaker.name for speaker in reversed(session.roster)}
    lines = []
    for machines in utterances:
        one = named.get(place_of(machines)) or voices.get(labels.label_of(machines))
        utterance = dataclasses.replace(machines, person=one.person) if one else machines
        recorded = plain(utterance.text)
        moment = axis.moment(utterance.stream, first_frame=utterance.first_frame, frame_count=utterance.frame_count)
        speaker = names.get(utterance.person or "") or (one.name if one else _unnamed(utterance))
        lines.append(Line(utterance, moment, speaker, current.texts.get(utterance.id, recorded), recorded))
    lines.sort(key=lambda line: (line.moment.position_us, line.utterance.track, line.utterance.id))
    return tuple(lines), current.entries


def _unnamed(utterance: Utterance) -> str:
    return f"Voice {utterance.label}" if utterance.label else f"Track {utterance.track}"
