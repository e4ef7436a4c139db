"""Windows tile every frame of a track that has sound; voice detection only chooses where to cut.  Pure.

The engine hears 16 kHz samples, the record counts frames of the stream; `Piece` is the one place where the two meet.  Voice and
level are measured per hop of `HOP` samples (32 ms).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from everyword.model import AudioSegment, Gap

Floats: TypeAlias = NDArray[np.float32]

RATE_HZ = 16_000
HOP = 512
"""Samples a hop: what the voice detector judges at once."""

LONGEST_HOPS = 15 * RATE_HZ // HOP
"""15 s: 224 tokens, the most Whisper writes, are then enough for the fastest Ukrainian (see docs/explanation)."""

SHORTEST_HOPS = 2 * RATE_HZ // HOP + 1
"""2 s: below that Whisper invents text."""

SHORTEST_PART_HOPS = RATE_HZ // HOP + 1
"""1 s: what a window that stopped too early is parted into may be shorter, as its words are known."""

PAUSE_HOPS = 4 * RATE_HZ // HOP
"""Silence this long becomes windows of its own."""

MARGIN_HOPS = RATE_HZ // HOP
"""How much of such a silence stays with the speech on either side."""

CUT_VOICE = 0.35
"""Probability of voice from which a hop belongs to speech when cut points are chosen."""

SURE_VOICE = 0.5
"""Probability of voice from which the detector finds one likelier than none."""

SPLITTING_GAP_S = 0.5
"""A filled gap shorter than this does not cut a window in two: the word around it is worth more whole."""

_SMOOTHING_HOPS = 9


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames of a stream without a hole, and where their 16 kHz samples lie.

    Sample `s` is heard at frame ``first_frame + floor(s · rate / 16000)``; frame `f` begins at sample
    ``ceil((f - first_frame) · 16000 / rate)``.  Each undoes the other as far as the coarser of the two rates allows.
    """

    stream: int
    first_frame: int
    frame_count: int
    rate_hz: int

    @property
    def end_frame(self) -> int:
        """One past the last frame."""
        return self.first_frame + self.frame_count

    @property
    def sample_count(self) -> int:
        """How many 16 kHz samples the piece has."""
        return self.sample_of(self.end_frame)

    @property
    def hop_count(self) -> int:
        """How many hops, the last one perhaps incomplete."""
        return -(-self.sample_count // HOP)

    def sample_of(self, frame: int) -> int:
        """The first sample that lies wholly within or after `frame`."""
        return -(-(frame - self.first_frame) * RATE_HZ // self.rate_hz)

    def frame_of(self, sample: int) -> int:
        """The frame in which `sample` begins; the end of the piece for anything after it."""
        return min(self.end_frame, self.first_frame + max(0, sample) * self.rate_hz // RATE_HZ)

    def hops_of(self, first_frame: int, end_frame: int) -> tuple[int, int]:
        """``(first, end)`` of the hops that hold any sample of these frames; at least one."""
        first = min(self.sample_of(first_frame) // HOP, self.hop_count - 1)
        return first, max(first + 1, -(-self.sample_of(end_frame) // HOP))

    def frame_of_hop(self, hop: int) -> int:
        """The frame in which a hop begins; the end of the piece for hop number `hop_count`."""
        return self.end_frame if hop >= self.hop_count else self.frame_of(hop * HOP)


@dataclass(frozen=True, slots=True)
class Profile:
    """What was measured over a piece: probability of voice and level in dBFS, float32, shape (hops,) each."""

    piece: Piece
    voice: Floats
    level_db: Floats


@dataclass(frozen=True, slots=True)
class Window:
    """What the engine hears at once: frames of one piece, numbered along the track."""

    number: int
    first_frame: int
    frame_count: int

    @property
    def end_frame(self) -> int:
        """One past the last frame."""
        return self.first_frame + self.frame_count


def pieces(segments: Sequence[AudioSegment], gaps: Iterable[Gap], *, stream: int, rate_hz: int) -> list[Piece]:
    """The stretches of a stream that have sound, between the gaps; short filled gaps stay inside them."""
    holes = sorted(
        (gap.first_frame, gap.first_frame + gap.frame_count)
        for gap in gaps
        if gap.stream == stream and gap.filled and gap.frame_count >= SPLITTING_GAP_S * rate_hz
    )
    result: list[Piece] = []
    for first, end in _runs([segment for segment in segments if segment.stream == stream]):
        position = first
        for hole_first, hole_end in holes:
            if hole_end <= position or hole_first >= end:
                continue
            if hole_first > position:
                result.append(Piece(stream, position, hole_first - position, rate_hz))
            position = min(end, hole_end)
        if position < end:
            result.append(Piece(stream, position, end - position, rate_hz))
    return result


def _runs(segments: Sequence[AudioSegment]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for segment in sorted(segments, key=lambda segment: segment.first_frame):
        end = segment.first_frame + segment.frame_count
        if runs and runs[-1][1] == segment.first_frame:
            runs[-1] = (runs[-1][0], end)
        elif segment.frame_count:
            runs.append((segment.first_frame, end))
    return runs


def tile(profile: Profile, *, first_number: int = 0) -> list[Window]:
    """Cut a piece into windows of 2 to 15 s that cover each of its frames exactly once.

    Long silences become windows of their own; within speech the cut lies in the quietest pause, a late one by preference.  Only
    a piece that is itself shorter than 2 s gives a shorter window.
    """
    piece = profile.piece
    cuts = [0]
    for first, end in pairwise(_silence_edges(profile.voice)):
        cuts.extend(_cuts_within(profile, first, end))
        cuts.append(end)
    frames = [piece.frame_of_hop(hop) for hop in cuts]
    spans = [(first, end) for first, end in pairwise(frames) if first < end]
    return [Window(first_number + n, first, end - first) for n, (first, end) in enumerate(spans)]


def halves(window: Window, profile: Profile) -> list[Window]:
    """The window cut in two at the quietest place of its middle third, or nothing if that would leave less than 2 s."""
    piece = profile.piece
    first, end = (piece.sample_of(frame) // HOP for frame in (window.first_frame, window.end_frame))
    if end - first < 2 * SHORTEST_HOPS + 2:
        return []
    third = (end - first) // 3
    low, high = max(first + SHORTEST_HOPS, first + third), min(end - SHORTEST_HOPS, end - third)
    return _parted(window, profile, low, max(low, high))


def parted_near(window: Window, profile: Profile, *, sample: int, reach_s: float) -> list[Window]:
    """The window cut in two at the quietest place within a reach after a sample; nothing if a part were shorter than 1 s."""
    piece = profile.piece
    first, end = (piece.sample_of(frame) // HOP for frame in (window.first_frame, window.end_frame))
    low = first + max(SHORTEST_PART_HOPS, sample // HOP)
    high = min(end - SHORTEST_PART_HOPS, first + (sample + int(reach_s * RATE_HZ)) // HOP)
    return _parted(window, profile, low, high) if low < high else []


def _parted(window: Window, profile: Profile, low: int, high: int) -> list[Window]:
    """Cut in two at the quietest hop between two hops of the piece."""
    middle = profile.piece.frame_of_hop(_quietest(profile, low, high))
    return [
        Window(window.number, window.first_frame, middle - window.first_frame),
        Window(window.number, middle, window.end_frame - middle),
    ]


def _silence_edges(voice: Floats) -> list[int]:
    """0, the edges of long silences (a margin inside them), and the end; never closer together than a window may be short."""
    hops = len(voice)
    edges: list[int] = []
    for first, end in runs_of(voice < CUT_VOICE):
        if end - first >= PAUSE_HOPS:
            edges += [first + MARGIN_HOPS if first else 0, end - MARGIN_HOPS if end < hops else hops]
    kept = [0]
    for edge in edges:
        if kept[-1] + SHORTEST_HOPS <= edge <= hops - SHORTEST_HOPS:
            kept.append(edge)
    return [*kept, hops]


def runs_of(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """``(first, end)`` of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(first), int(end)) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def bridged(runs: Iterable[tuple[int, int]], *, gap: float) -> list[tuple[int, int]]:
    """The runs, joined where less than `gap` lies between them."""
    joined: list[tuple[int, int]] = []
    for first, end in runs:
        if joined and first - joined[-1][1] < gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return joined


def _cuts_within(profile: Profile, first: int, end: int) -> list[int]:
    cuts: list[int] = []
    position = first
    while end - position > LONGEST_HOPS:
        low, high = position + SHORTEST_HOPS, min(position + LONGEST_HOPS, end - SHORTEST_HOPS)
        position = _quietest(profile, low, high)
        cuts.append(position)
    return cuts


def _quietest(profile: Profile, low: int, high: int) -> int:
    """The hop in [low, high] to cut before: least voice around it, then late, then quiet."""
    if high <= low:
        return low
    lateness = np.arange(low, high + 1, dtype=np.float32)
    level_db = profile.level_db[low : high + 1]
    return low + int(np.argmin(_around(profile.voice, low, high) + 0.25 * (high - lateness) / (high - low) + 0.002 * level_db))


def _around(values: Floats, low: int, high: int) -> Floats:
    """The mean over about 0.3 s around each of the hops in [low, high]; what lies beyond an end is as that end."""
    half = _SMOOTHING_HOPS // 2
    near = values.take(np.arange(low - half, high + half + 1), mode="clip")
    return np.convolve(near, np.full(_SMOOTHING_HOPS, 1 / _SMOOTHING_HOPS), mode="valid").astype(np.float32)
