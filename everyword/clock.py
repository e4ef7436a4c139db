"""Frames ↔ time.  Pure: the recorder reads the clocks, this module only computes.

No frame is ever added or dropped for drift; a stream's own rate is fitted through its anchors, and the result is used to show
times and to order streams against each other, nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from everyword.model import Anchor

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where the frames of one stream lie: microseconds since the computer was started, and of UTC if that is known.

    CLOCK_BOOTTIME is what the session is laid out by: it goes on while the computer sleeps, and nobody can set it.
    """

    rate_hz: int
    us_per_frame: float
    start_boottime_us: int
    start_utc_us: int | None

    @classmethod
    def fit(cls, anchors: Sequence[Anchor], *, rate_hz: int, start_utc_us: int | None = None) -> "Timeline":
        """A straight line through the anchors (least squares); without anchors the nominal rate from 0.

        Anchors say when frames *had been* delivered, so the line runs late by the length of the input's buffer; that is
        constant and does not disturb the order of streams on one sound system.
        """
        if not anchors:
            return cls(rate_hz, MICROSECONDS / rate_hz, 0, start_utc_us)
        slope = _slope(anchors) or MICROSECONDS / rate_hz
        first = anchors[0]
        mean_frame = sum(anchor.frame for anchor in anchors) / len(anchors)
        mean_us = sum(anchor.boottime_us - first.boottime_us for anchor in anchors) / len(anchors)
        start_us = first.boottime_us + round(mean_us - slope * mean_frame)
        return cls(rate_hz, slope, start_us, first.utc_us + start_us - first.boottime_us)

    def utc_us(self, frame: int) -> int | None:
        """Wall-clock time of a frame in µs since 1970, or None for a recording whose start nobody wrote down."""
        return None if self.start_utc_us is None else self.start_utc_us + round(frame * self.us_per_frame)

    def boottime_us(self, frame: int) -> int:
        """Position on the recording computer's CLOCK_BOOTTIME."""
        return self.start_boottime_us + round(frame * self.us_per_frame)

    @property
    def drift_ppm(self) -> int:
        """How much longer (+) or shorter (−) than nominal the stream's frames are, in parts per million."""
        return round((self.us_per_frame * self.rate_hz / MICROSECONDS - 1) * 1e6)


def _slope(anchors: Sequence[Anchor]) -> float | None:
    """µs per frame; None while the anchors lie too close together (10 s) to tell drift from jitter."""
    first, last = anchors[0], anchors[-1]
    if last.boottime_us - first.boottime_us < 10 * MICROSECONDS:
        return None
    frames = [anchor.frame - first.frame for anchor in anchors]
    times = [anchor.boottime_us - first.boottime_us for anchor in anchors]
    mean_frame, mean_time = sum(frames) / len(frames), sum(times) / len(times)
    spread = sum((frame - mean_frame) ** 2 for frame in frames)
    if not spread:
        return None
    return sum((f - mean_frame) * (t - mean_time) for f, t in zip(frames, times, strict=True)) / spread


def clock_text(frame: int, rate_hz: int) -> str:
    """Position in a stream as ``h:mm:ss``, rounded down."""
    seconds = frame // rate_hz
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def iso(us: int) -> str:
    """UTC microseconds as ISO 8601 with milliseconds, ending in Z."""
    moment = datetime.fromtimestamp(us // MICROSECONDS, UTC)
    return f"{moment.isoformat()[:19]}.{us % MICROSECONDS // 1000:03}Z"  # strftime takes eight times as long
