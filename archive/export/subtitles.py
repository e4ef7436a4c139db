"""SubRip and WebVTT.  Cues of at most `LONGEST_CUE_US`, cut between words at the times the words were spoken."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from archive.export.text import one_line
from archive.notice import notice
from archive.record import Line, Record

LONGEST_CUE_US = 7_000_000
LONGEST_CUE_CHARACTERS = 120

_TIME = re.compile(r"\d:\d+:\d+[.,]\d")


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands on the screen from `start_ms` to `end_ms`; always one line, not yet escaped."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two spaces, with its times on the session axis; the probability is None after a correction."""

    text: str
    start_us: int
    end_us: int
    probability_ppm: int | None = None


def as_srt(record: Record) -> str:
    """SubRip, the speaker's name before the text."""
    blocks = [
        f"{number}\n{_srt_time(cue.start_ms)} --> {_srt_time(cue.end_ms)}\n{_srt(cue.speaker)}: {_srt(cue.text)}\n"
        for number, cue in enumerate(cues(record), 1)
    ]
    return "\n".join(blocks)


def as_vtt(record: Record, *, heading: str = "") -> str:
    """WebVTT, the speaker as a voice span; a NOTE says how far the text can be believed."""
    return "\n".join(["WEBVTT\n", f"NOTE {heading or notice(record)}\n", *(vtt_block(cue) for cue in cues(record))])


def vtt_block(cue: Cue) -> str:
    """One cue of WebVTT: a line of times and a line of text, with nothing in it that a player would obey but the voice span."""
    return f"{_vtt_time(cue.start_ms)} --> {_vtt_time(cue.end_ms)}\n<v {_vtt(cue.speaker)}>{_vtt(cue.text)}</v>\n"


def cues(record: Record) -> list[Cue]:
    """Every utterance that has words, in order of its start; cues of two tracks may overlap, as people do."""
    found = [cue for line in record.lines for cue in _cues(record, line)]
    return sorted(found, key=lambda cue: (cue.start_ms, cue.end_ms))


def _cues(record: Record, line: Line) -> Iterator[Cue]:
    group: list[Piece] = []
    for piece in pieces(record, line):
        if group and not _fits(group, piece):
            yield _cue(line, group)
            group = []
        group.append(piece)
    if group:
        yield _cue(line, group)


def pieces(record: Record, line: Line) -> list[Piece]:
    """The text between spaces, with the times of its words: the machine's, or after a correction spread evenly."""
    text, place = one_line(line.text), 0
    result: list[Piece] = []
    for word in line.utterance.words:
        heard = one_line(word.text)
        found = text.find(heard, place)
        if found < 0 or text[place:found].strip():
            return _spread(text.split(), line)  # not the text that was heard
        moment = record.axis.moment(line.utterance.stream, first_frame=word.first_frame, frame_count=word.frame_count)
        if result and found == place:  # two words of the engine without a space between them ("по-", "русски") stay together
            last = result[-1]
            doubt = min(last.probability_ppm or 0, word.probability_ppm)
            result[-1] = Piece(last.text + heard, last.start_us, moment.end_us, doubt)
        else:
            result.append(Piece(heard, moment.position_us, moment.end_us, word.probability_ppm))
        place = found + len(heard)
    return _spread(text.split(), line) if text[place:].strip() else result


def _spread(words: list[str], line: Line) -> list[Piece]:
    total = sum(len(word) + 1 for word in words)
    spread, done = [], 0
    for word in words:
        start_us = line.moment.position_us + line.moment.duration_us * done // total
        done += len(word) + 1
        spread.append(Piece(word, start_us, line.moment.position_us + line.moment.duration_us * done // total))
    return spread


def _fits(group: list[Piece], piece: Piece) -> bool:
    characters = sum(len(member.text) + 1 for member in group) + len(piece.text)
    return piece.end_us - group[0].start_us <= LONGEST_CUE_US and characters <= LONGEST_CUE_CHARACTERS


def _cue(line: Line, group: list[Piece]) -> Cue:
    start_ms, end_ms = group[0].start_us // 1000, group[-1].end_us // 1000
    return Cue(start_ms, max(end_ms, start_ms + 1), one_line(line.speaker), " ".join(piece.text for piece in group))


def _srt(text: str) -> str:
    """SubRip has no escapes: what a player would obey, or take for the times of a cue, is written with look-alikes."""
    plain = text.replace("<", "‹").replace(">", "›").replace("{", "(").replace("}", ")")
    return _TIME.sub(lambda match: match.group().replace(":", "\N{RATIO}"), plain)


def _vtt(text: str) -> str:
    return html.escape(text, quote=False)


def _srt_time(at_ms: int) -> str:
    return _vtt_time(at_ms).replace(".", ",")


def _vtt_time(at_ms: int) -> str:
    return f"{at_ms // 3_600_000:02}:{at_ms // 60_000 % 60:02}:{at_ms // 1000 % 60:02}.{at_ms % 1000:03}"
