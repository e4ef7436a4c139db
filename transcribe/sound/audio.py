"""A track of a sealed session as 16 kHz mono float32, in blocks: never a whole session in memory.

Each piece (a stretch without a hole) is resampled on its own, so that its samples stay tied to its frames; see `windows.Piece`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import soxr
from numpy.typing import NDArray

from everyword.errors import CorruptFolder
from everyword.model import BYTES_PER_SAMPLE, Stream, Track
from everyword.recording import Recording
from everyword.segment import HEADER_BYTES, read_pcm
from transcribe.sound.windows import HOP, RATE_HZ, Floats, Piece, Window

BLOCK_SECONDS = 20
MOST_LEVEL = 8.0
"""Times full scale: louder floats are no sound, but numbers on the scale of integers, or damage."""

_DTYPES = {"s16": "<i2", "s24": "<i4", "s32": "<i4", "f32": "<f4", "f64": "<f8"}
_SCALES = {"s16": 2.0**-15, "s24": 2.0**-31, "s32": 2.0**-31, "f32": 1.0, "f64": 1.0}


@dataclass(slots=True)
class TrackAudio:
    """Reads one track.

    ``broken`` has first and end frame of each stretch, about 32 ms more or less, of samples that are no level of sound (NaN,
    infinity, more than `MOST_LEVEL`) and had to be made zero so far.
    """

    recording: Recording
    track: Track
    broken: list[tuple[int, int]] = field(default_factory=list, init=False)

    @property
    def stream(self) -> Stream:
        """The stream the track is a channel of."""
        return self.recording.streams[self.track.stream]

    def blocks(self, piece: Piece) -> Iterator[Floats]:
        """The samples of a piece in order, float32, shape (samples,); `piece.sample_count` in all.

        Raises:
            CorruptFolder: a segment is missing or shorter than the journal says.
        """
        left = piece.sample_count
        for block in _resampled(self._raw(piece), piece.rate_hz):
            kept = block[:left]
            if len(kept):
                left -= len(kept)
                yield kept
        if left:
            yield np.zeros(left, np.float32)

    def clips(self, piece: Piece, windows: Sequence[Window]) -> Iterator[tuple[Window, Floats]]:
        """Each window with its samples; windows must be those of the piece, in order."""
        source = self.blocks(piece)
        held, start = np.zeros(0, np.float32), 0
        for window in windows:
            first, end = piece.sample_of(window.first_frame), piece.sample_of(window.end_frame)
            parts = [held]
            have = start + len(held)
            while have < end and (block := next(source, None)) is not None:
                parts.append(block)
                have += len(block)
            held = np.concatenate(parts)
            yield window, held[first - start : end - start].copy()
            held, start = held[end - start :], end

    def _raw(self, piece: Piece) -> Iterator[Floats]:
        """The piece at its own rate."""
        stream, folder = self.stream, self.recording.folder.path
        segments = self.recording.of_stream(stream.stream)
        step = BLOCK_SECONDS * stream.rate_hz
        for first in range(piece.first_frame, piece.end_frame, step):
            count = min(step, piece.end_frame - first)
            for place, pcm in read_pcm(folder, segments, stream, first_frame=first, frame_count=count):
                samples = channel_samples(pcm, stream=stream, channel=self.track.channel)
                yield self._levels(samples, place)

    def _levels(self, samples: Floats, first_frame: int) -> Floats:
        """The samples with zeros for what is no level."""
        are_levels = np.abs(samples) <= MOST_LEVEL
        if are_levels.all():
            return samples
        hop = HOP * self.stream.rate_hz // RATE_HZ
        numbers = np.unique((first_frame + np.flatnonzero(~are_levels)) // hop)
        for run in np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1):
            self.broken.append((int(run[0]) * hop, (int(run[-1]) + 1) * hop))
        return np.where(are_levels, samples, np.float32(0))


def channel_samples(pcm: bytes, *, stream: Stream, channel: int) -> Floats:
    """One channel of interleaved PCM as float32 between -1 and 1 (floats as they stand), shape (frames,)."""
    width = BYTES_PER_SAMPLE[stream.sample_format]
    raw = np.frombuffer(pcm, np.uint8).reshape(-1, stream.channels, width)[:, channel]
    if stream.sample_format == "s24":
        wide = np.zeros((len(raw), 4), np.uint8)
        wide[:, 1:] = raw
        raw = wide
    values: NDArray[np.generic] = np.ascontiguousarray(raw).view(_DTYPES[stream.sample_format])[:, 0]
    with np.errstate(over="ignore"):  # of a double that is far beyond any level
        samples: Floats = np.multiply(values.astype(np.float32), np.float32(_SCALES[stream.sample_format]))
    return samples


def require_segments(recording: Recording) -> None:
    """Look at the size of each segment, so that a missing one is known before hours of work.

    Raises:
        CorruptFolder: a segment is missing or shorter than the journal says.
    """
    for segment in recording.segments:
        stream = recording.streams.get(segment.stream)
        if stream is None:
            raise CorruptFolder(f"{segment.path} belongs to stream {segment.stream}, which the journal does not describe.")
        try:
            size = (recording.folder.path / segment.path).stat().st_size
        except OSError as error:
            raise CorruptFolder(f"{segment.path} is missing.") from error
        if size < HEADER_BYTES + segment.frame_count * stream.frame_bytes:
            raise CorruptFolder(f"{segment.path} is shorter than the journal says.")


def _resampled(blocks: Iterator[Floats], rate_hz: int) -> Iterator[Floats]:
    if rate_hz == RATE_HZ:
        yield from blocks
        return
    resampler = soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
