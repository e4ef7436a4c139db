"""A track of a sealed session as 16 kHz mono float32, in blocks: never a whole session in memory.

Each piece (a stretch without a hole) is resampled on its own, so that its samples stay tied to its frames; see `windows.Piece`.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import soxr
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

from everyword.errors import CorruptFolder
from everyword.model import BYTES_PER_SAMPLE, Stream, Track
from everyword.recording import Recording
from everyword.segment import HEADER_BYTES, read_pcm
from transcribe.sound.rumble import without_rumble
from transcribe.sound.windows import HOP, RATE_HZ, Floats, Piece, Profile, Window

BLOCK_SECONDS = 20
QUIETEST_DB = -120.0
"""The level of digital silence."""

MOST_LEVEL = 8.0
"""Times full scale: louder floats are no sound, but numbers on the scale of integers, or damage."""

FAR_GAIN = 10.0
"""20 dB: so much louder the sound is heard a second time, as the detector misses a voice at -45 dBFS."""

_CONTEXT_SAMPLES = 64
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


def profile(audio: TrackAudio, piece: Piece) -> Profile:
    """Voice and level of each hop of a piece of a track."""
    return profile_of(audio.blocks(piece), piece)


def profile_of(blocks: Iterable[Floats], piece: Piece) -> Profile:
    """Voice and level of each hop of samples that come in blocks, both without rumble.

    The detector's state is carried from block to block, so the result is that of the whole piece heard at once,
    but for the last bits of the filter.
    """
    near, far = _Detector(), _Detector()
    voices: list[Floats] = []
    levels: list[Floats] = []
    with ThreadPoolExecutor(1, thread_name_prefix="far") as beside:
        for samples in _whole_hops(without_rumble(blocks)):
            louder = beside.submit(far.hear, np.clip(samples * np.float32(FAR_GAIN), -1, 1))
            voices.append(np.maximum(near.hear(samples), louder.result()))
            levels.append(_levels_db(samples))
    empty = [np.zeros(0, np.float32)]
    return Profile(piece, np.concatenate(voices or empty), np.concatenate(levels or empty))


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


def _levels_db(samples: Floats) -> Floats:
    power: NDArray[np.float64] = np.mean(samples.reshape(-1, HOP).astype(np.float64) ** 2, axis=1)
    levels: Floats = np.maximum(QUIETEST_DB, 10 * np.log10(power + 1e-30)).astype(np.float32)
    return levels


def _whole_hops(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """The same samples in blocks of whole hops; the last one is filled up with zeros."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate((rest, block))
        whole = len(joined) // HOP * HOP
        rest = joined[whole:]
        if whole:
            yield joined[:whole]
    if len(rest):
        yield np.pad(rest, (0, HOP - len(rest)))


class _Detector:
    """Silero's voice detector from the faster-whisper wheel, with the state that its own wrapper forgets between calls."""

    def __init__(self) -> None:
        self._session = get_vad_model().session
        self._hidden = np.zeros((1, 1, 128), np.float32)
        self._cell = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros((1, _CONTEXT_SAMPLES), np.float32)

    def hear(self, samples: Floats) -> Floats:
        """Probability of voice of each hop; `samples` are whole hops."""
        hops = samples.reshape(-1, HOP)
        tails = np.concatenate((self._context, hops[:, -_CONTEXT_SAMPLES:]))
        self._context = tails[-1:]
        feed = {"input": np.concatenate((tails[:-1], hops), axis=1), "h": self._hidden, "c": self._cell}
        voice, self._hidden, self._cell = self._session.run(None, feed)
        result: Floats = np.asarray(voice, np.float32).reshape(-1)
        return result
