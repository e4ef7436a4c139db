"""Plain text for reading: who said what when, and where nothing can be read."""

import unicodedata
from collections.abc import Iterator

from archive.notice import notice
from archive.record import Line, Record, clock_face, iso
from everyword.clock import MICROSECONDS
from everyword.model import Note, Span
from everyword.seal import completeness
from everyword.text import printable

STRUCK = "[nothing was said here, by correction]"

_MISSING = {
    "inaudible": "inaudible",
    "gap": "no sound recorded",
    "withheld": "withheld",
    "failed": "not transcribed",
}


def as_text(record: Record) -> str:
    """The whole session as UTF-8 text, one utterance a line."""
    return "\n".join([*_head(record), "", *_body(record)]) + "\n"


def one_line(text: str) -> str:
    """`text` on one line, with control characters and what misleads the eye shown as codes."""
    return printable(" ".join(unicodedata.normalize("NFC", text).split()))


def missing_label(span: Span) -> str:
    """What a reader is told of a stretch without words, such as ``inaudible``."""
    return _MISSING[span.state]


def missing(record: Record, span: Span) -> str:
    """A stretch without words as it stands among the speeches, such as ``[inaudible 0:00:08–0:00:10, track 1]``."""
    moment = record.of_span(span)
    end_us = -(-moment.end_us // MICROSECONDS) * MICROSECONDS  # up, as the start goes down: never less than is missing
    reason = f": {one_line(span.reason)}" if span.reason else ""
    return f"[{missing_label(span)} {clock_face(moment.position_us)}–{clock_face(end_us)}, track {span.track}{reason}]"


def note_line(note: Note) -> str:
    """An operator's note on one line, without its time."""
    return f"note by {one_line(note.by)}: {one_line(note.text)}"


def _head(record: Record) -> Iterator[str]:
    session, transcript = record.session, record.transcript
    yield from (notice(record), "")
    yield one_line(session.title) or "(no title)"
    yield f"Session    {session.id}"
    yield f"Recorded   {iso(record.started_at_us) or 'at a time nobody wrote down'} ({session.origin})"
    yield f"Length     {clock_face(record.duration_us)}"
    if session.place:
        yield f"Place      {one_line(session.place)}"
    for speaker in session.roster:
        facts = [speaker.role, speaker.delegation, f"track {speaker.track}" if speaker.track is not None else ""]
        yield f"Person     {', '.join(one_line(fact) for fact in (speaker.name, *facts) if fact)}"
    yield f"Complete   {completeness_line(record)}"
    if transcript:
        model = " ".join(one_line(value) for _, value in sorted(transcript.run.model.items()))
        yield f"Transcript {transcript.run.run}, {len(record.lines)} utterances, {_corrected(record)} corrected"
        yield f"Model      {model}"
    yield f"Seal       {record.seal}"


def completeness_line(record: Record) -> str:
    """Whether sound is missing, in one sentence."""
    withheld = f"; {record.withheld_us / MICROSECONDS:.1f} s were withheld" if record.withheld_us else ""
    if completeness(record.recording)["complete"]:
        return f"yes: every frame the input delivered is in the recording{withheld}"
    gaps = [gap for gap in record.recording.gaps if not gap.is_withheld]
    doubts = "".join(f"; {one_line(alarm.text)}" for alarm in record.recording.alarms if alarm.loss)
    return f"no: {len(gaps)} gap{'s' * (len(gaps) != 1)}, {record.gap_us / MICROSECONDS:.1f} s without sound{withheld}{doubts}"


def _corrected(record: Record) -> int:
    return sum(line.is_corrected for line in record.lines)


def _body(record: Record) -> Iterator[str]:
    entries = [(line.moment.position_us, 0, _utterance(line)) for line in record.lines]
    spans = record.missing("inaudible", "gap", "withheld", "failed")
    entries += [(record.of_span(span).position_us, 1, missing(record, span)) for span in spans]
    for note in record.recording.notes:
        position_us = record.axis.moment(note.stream, first_frame=note.frame, frame_count=0).position_us
        entries.append((position_us, 2, f"[{clock_face(position_us)}] ({note_line(note)})"))
    for _, _, entry in sorted(entries, key=lambda entry: entry[:2]):
        yield entry


def _utterance(line: Line) -> str:
    return f"[{clock_face(line.moment.position_us)}] {one_line(line.speaker)}: {one_line(line.text) or STRUCK}"
