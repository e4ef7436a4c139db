"""A stretch of a session's sound, and the process that plays it."""

import sys
from dataclasses import dataclass

from archive.record import Record
from everyword.folder import SessionFolder
from everyword.model import Span, Utterance


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames of one channel of one stream."""

    stream: int
    channel: int
    first_frame: int
    frame_count: int


def stretch_of(record: Record, said: Utterance | Span, *, around_s: float = 0.0) -> Stretch:
    """Where something is heard, with `around_s` seconds before and after as far as there is sound."""
    recording = record.recording
    more = round(around_s * recording.streams[said.stream].rate_hz)
    first = max(0, said.first_frame - more)
    last = min(recording.end_frame(said.stream), said.first_frame + said.frame_count + more)
    channel = next(one.channel for one in recording.tracks if (one.stream, one.number) == (said.stream, said.track))
    return Stretch(said.stream, channel, first, last - first)


def player(folder: SessionFolder, place: Stretch, *, is_told: bool = False) -> list[str]:
    """The command that plays `place`; with `is_told` it says on stdout how many frames it has played so far."""
    frames = map(str, (place.stream, place.channel, place.first_frame, place.frame_count))
    told = ["told"] if is_told else []
    return [sys.executable, "-P", "-m", "recorder.sound.playback", str(folder.path), *frames, *told]
