"""JSON with everything the session holds but its sound; docs/how-to/export.md describes every field."""

import json

from archive.corrections import Entry
from archive.notice import notice
from archive.record import Line, Moment, Record, iso
from everyword.model import to_json

VERSION = 1
"""Of this file's shape: ``everyword_transcript``.  Readers refuse one they do not know."""


def as_json(record: Record) -> str:
    """The session as one JSON object, keys in a fixed order."""
    return json.dumps(as_data(record), ensure_ascii=False, indent=1) + "\n"


def as_data(record: Record, *, is_lean: bool = False) -> dict[str, object]:
    """What `as_json` writes, before it is text; lean as certificates cover it.

    That is without the times of single words and the coverage, which are most of it, and without a level, which a certificate
    has.
    """
    session = to_json(record.session)
    return {
        "everyword_transcript": VERSION,
        **({} if is_lean else {"notice": notice(record)}),
        "session": {
            **{name: session[name] for name in ("id", "title", "place", "languages", "roster", "origin", "operator")},
            "started_at": iso(record.started_at_us),
            "duration_us": record.duration_us,
        },
        "seal": record.seal,
        "run": to_json(record.transcript.run) if record.transcript else None,
        "tracks": [
            {"track": track.number, "stream": track.stream, "rate_hz": record.recording.streams[track.stream].rate_hz}
            for track in record.recording.tracks
        ],
        "utterances": [_utterance(line) | ({} if is_lean else {"words": _words(record, line)}) for line in record.lines],
        "coverage": [
            {
                "state": span.state,
                "reason": span.reason,
                "track": span.track,
                **_place(span.stream, span.first_frame, span.frame_count),
            }
            | _times(record.of_span(span))
            for span in (record.transcript.coverage if record.transcript and not is_lean else ())
        ],
        "gaps": [
            {"cause": gap.cause, "filled": gap.filled, **_place(gap.stream, gap.first_frame, gap.frame_count)}
            | _times(record.of_gap(gap))
            for gap in record.recording.gaps
        ],
        "notes": [
            {"text": note.text, "by": note.by, "at": iso(note.at_us), "stream": note.stream, "frame": note.frame}
            for note in record.recording.notes
        ],
        "corrections": [_correction(entry) for entry in record.corrections],
    }


def _utterance(line: Line) -> dict[str, object]:
    utterance = line.utterance
    return {
        "number": utterance.id,
        "track": utterance.track,
        "speaker": line.speaker,
        "person": utterance.person,
        "language": utterance.language,
        "language_ppm": utterance.language_ppm,
        "text": line.text,
        "recorded": line.recorded,
        "is_corrected": line.is_corrected,
        "flags": list(utterance.flags),
        **_place(utterance.stream, utterance.first_frame, utterance.frame_count),
        **_times(line.moment),
    }


def _words(record: Record, line: Line) -> list[dict[str, object]]:
    stream = line.utterance.stream
    return [
        {
            "text": word.text.strip(),
            "first_frame": word.first_frame,
            "frame_count": word.frame_count,
            "position_us": record.axis.moment(stream, first_frame=word.first_frame, frame_count=0).position_us,
            "probability_ppm": word.probability_ppm,
            "flags": list(word.flags),
        }
        for word in line.utterance.words
    ]


def _place(stream: int, first_frame: int, frame_count: int) -> dict[str, object]:
    return {"stream": stream, "first_frame": first_frame, "frame_count": frame_count}


def _times(moment: Moment) -> dict[str, object]:
    return {"position_us": moment.position_us, "duration_us": moment.duration_us, "time": iso(moment.utc_us)}


def _correction(entry: Entry) -> dict[str, object]:
    correction = entry.correction
    return {
        "seq": correction.seq,
        "at": iso(correction.at_us),
        "by": correction.by,
        "run": correction.run,
        "utterance": entry.number,
        "before": correction.before,
        "after": correction.after,
        "reason": correction.reason,
        "applied": entry.applied,
    }
