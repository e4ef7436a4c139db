"""JSON in the shape that WhisperX writes, for programs that read it: seconds as floats, current text, names for speakers.

``segments[].words[]`` hold ``word``, ``start``, ``end``, ``score`` and ``speaker``.  A corrected utterance has words without a
score, their times spread evenly.
"""

import json

from archive.export.subtitles import pieces
from archive.export.text import one_line
from archive.record import Line, Record
from everyword.clock import MICROSECONDS


def as_whisperx(record: Record) -> str:
    """The session as ``{"segments": […], "word_segments": […], "language": …}``."""
    segments = [_segment(record, line) for line in record.lines]
    words = [word for segment in segments for word in segment["words"]]  # type: ignore[attr-defined]  # a list of ours
    languages = [line.utterance.language for line in record.lines]
    language = max(set(languages), key=languages.count, default="")
    data = {"segments": segments, "word_segments": words, "language": language}
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _segment(record: Record, line: Line) -> dict[str, object]:
    speaker = one_line(line.speaker)
    return {
        "start": _seconds(line.moment.position_us),
        "end": _seconds(line.moment.end_us),
        "text": one_line(line.text),
        "speaker": speaker,
        "words": [
            {"word": piece.text, "start": _seconds(piece.start_us), "end": _seconds(piece.end_us), "speaker": speaker}
            | ({"score": piece.probability_ppm / 1_000_000} if piece.probability_ppm is not None else {})
            for piece in pieces(record, line)
        ],
    }


def _seconds(us: int) -> float:
    """To the millisecond."""
    return us // 1000 * 1000 / MICROSECONDS
