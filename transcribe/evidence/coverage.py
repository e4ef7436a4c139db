"""The coverage ledger: every frame of a track in exactly one state.  Pure.

A frame is spoken only within a word's bounds ± 0.3 s.  Silence needs two tests that agree: no voice and a low level.  Whatever
else has sound is inaudible: there may have been speech, and no word accounts for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from everyword.model import Gap, Span, State, Track, Word
from transcribe.evidence.silence import Stillness
from transcribe.sound.windows import runs_of

BROKEN = "samples that are no level of sound"
ALTERED = "not the sound that was sealed"

REACH_S = 0.3
"""How far beyond its bounds a word accounts for sound: the alignment is no better than that."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """Frames that get a state, over whatever was there before."""

    first_frame: int
    end_frame: int
    state: State
    reason: str = ""


def ledger(
    track: Track,
    *,
    end_frame: int,
    rate_hz: int,
    stillness: Sequence[Stillness],
    altered: Iterable[tuple[int, int]] = (),
    broken: Iterable[tuple[int, int]] = (),
    words: Iterable[Word],
    failed: Iterable[tuple[int, int, str]],
    gaps: Iterable[Gap],
) -> list[Span]:
    """The spans of one track, in order; they add up to `end_frame`.

    Args:
        track: whose frames these are.
        end_frame: one past the last frame of the stream, gaps included.
        rate_hz: frames a second.
        stillness: where every piece of the track is silent, in order.
        altered: ``(first frame, end frame)`` of stretches that are not the sound that was sealed: nothing is spoken there.
        broken: the same of those that hold samples that are no level of sound: nobody knows what sounded there.
        words: those that stand in the transcript, flags and all.
        failed: ``(first frame, end frame, reason)`` of windows that could not be read.
        gaps: those of the stream, filled or not.
    """
    strokes = [stroke for still in stillness for stroke in _by_sound(still)]
    spoken, uncertain = _by_words(words, stillness, reach=int(REACH_S * rate_hz))
    strokes += [*spoken, *(Stroke(first, end, "inaudible", ALTERED) for first, end in altered), *uncertain]
    strokes += [Stroke(first, end, "inaudible", BROKEN) for first, end in broken]
    strokes += [Stroke(first, end, "failed", reason) for first, end, reason in failed]
    strokes += [_by_gap(gap) for gap in gaps]
    return paint(track, end_frame=end_frame, strokes=strokes, ground=Stroke(0, end_frame, "gap", "no audio"))


def paint(track: Track, *, end_frame: int, strokes: Sequence[Stroke], ground: Stroke) -> list[Span]:
    """Lay the strokes over the ground in order, later ones on top, and read the result as spans that touch and never overlap."""
    if end_frame <= 0:
        return []
    kept = [ground, *(stroke for stroke in strokes if stroke.first_frame < end_frame and stroke.end_frame > 0)]
    edges = {0, end_frame}
    for stroke in kept:
        edges.add(max(0, stroke.first_frame))
        edges.add(min(end_frame, max(0, stroke.end_frame)))
    marks = np.array(sorted(edges), np.int64)
    top = np.zeros(len(marks) - 1, np.int64)
    for number, stroke in enumerate(kept):
        first, end = np.searchsorted(marks, (max(0, stroke.first_frame), min(end_frame, stroke.end_frame)))
        top[first:end] = number
    spans: list[Span] = []
    for place, number in enumerate(top.tolist()):
        stroke, first, end = kept[number], int(marks[place]), int(marks[place + 1])
        last = spans[-1] if spans else None
        if last is not None and (last.state, last.reason) == (stroke.state, stroke.reason):
            spans[-1] = Span(last.stream, last.track, last.first_frame, end - last.first_frame, last.state, last.reason)
        else:
            spans.append(Span(track.stream, track.number, first, end - first, stroke.state, stroke.reason))
    return spans


def _by_gap(gap: Gap) -> Stroke:
    """What somebody wanted not to be recorded is withheld, and by whom; anything else that is not there is a gap."""
    end = gap.first_frame + gap.frame_count
    if gap.is_withheld:
        return Stroke(gap.first_frame, end, "withheld", f"{gap.cause}, {gap.by}" if gap.by else gap.cause)
    return Stroke(gap.first_frame, end, "gap", gap.cause)


def _by_sound(still: Stillness) -> list[Stroke]:
    """Every frame of a piece as silent or inaudible."""
    piece = still.piece
    strokes = [Stroke(piece.first_frame, piece.end_frame, "silent", "no voice, low level")]
    for mask, reason in (
        (~still.quiet & still.without_voice, "sound without words"),
        (~still.without_voice, "voice without words"),
    ):
        strokes += [
            Stroke(piece.frame_of_hop(first), piece.frame_of_hop(end), "inaudible", reason) for first, end in runs_of(mask)
        ]
    return strokes


def _by_words(words: Iterable[Word], stillness: Sequence[Stillness], *, reach: int) -> tuple[list[Stroke], list[Stroke]]:
    """Spoken, and uncertain to go over it: where both reach, the doubt shows; never beyond the piece that holds the word."""
    spoken: list[Stroke] = []
    uncertain: list[Stroke] = []
    pieces = [still.piece for still in stillness]
    place = 0
    for word in sorted(words, key=lambda word: word.first_frame):
        while place + 1 < len(pieces) and pieces[place].end_frame <= word.first_frame:
            place += 1
        piece = pieces[place]
        first = max(piece.first_frame, word.first_frame - reach)
        end = min(piece.end_frame, word.first_frame + word.frame_count + reach)
        if word.flags:
            uncertain.append(Stroke(first, end, "uncertain", ", ".join(word.flags)))
        else:
            spoken.append(Stroke(first, end, "spoken"))
    return spoken, uncertain
