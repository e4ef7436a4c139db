"""Sound against the leaves of the journal: which seconds of a channel are not what was recorded."""

from collections.abc import Iterator, Sequence

from everyword.digest import TAG, file_digest
from everyword.errors import CorruptFolder
from everyword.merkle import leaf_digest, leaf_salt
from everyword.model import AudioSegment, Stream
from everyword.recording import Recording
from everyword.segment import read_pcm, split_channels


def altered_frames(recording: Recording) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """(stream, channel) → ``(first frame, end frame)`` of what is not the sound that was journalled; nothing where all is.

    Only files that are not those of the journal are looked at second by second; without the seed of the salts, which that takes,
    the whole of such a file counts.

    Raises:
        CorruptFolder: a segment cannot be read.
    """
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for segment in recording.segments:
        stream, end = recording.streams[segment.stream], segment.first_frame + segment.frame_count
        if _is_journalled(recording, segment):
            continue
        try:
            seconds = altered_seconds(recording, stream, segment, seed=recording.folder.read_seed())
        except CorruptFolder:
            seconds = [[(segment.first_frame // stream.rate_hz, -(-end // stream.rate_hz))]] * stream.channels
        for channel, stretches in enumerate(seconds):
            for first, last in stretches:
                _add(found.setdefault((stream.stream, channel), []), first * stream.rate_hz, min(end, last * stream.rate_hz))
    return found


def _add(frames: list[tuple[int, int]], first: int, end: int) -> None:
    """As a stretch of its own, or as the end of the one before that it touches."""
    if frames and frames[-1][1] == first:
        first = frames.pop()[0]
    frames.append((first, end))


def _is_journalled(recording: Recording, segment: AudioSegment) -> bool:
    try:
        return file_digest(recording.folder.path / segment.path) == segment.digest
    except FileNotFoundError as error:
        raise CorruptFolder(f"{segment.path} is missing.") from error
    except OSError as error:
        raise CorruptFolder(f"{segment.path} cannot be read: {error.strerror}.") from error


def altered_seconds(recording: Recording, stream: Stream, segment: AudioSegment, *, seed: bytes) -> list[list[tuple[int, int]]]:
    """Of each channel of a stream: ``(first, end)`` of the seconds of a segment that are not the sound that was journalled.

    Raises:
        CorruptFolder: the segment is missing, or shorter than the journal says.
    """
    wrong: list[list[int]] = [[] for _ in stream.tracks]
    for index, pcm in _seconds(recording, stream, segment):
        for channel in _wrong_channels(recording, stream, index, pcm, seed):
            wrong[channel].append(index)
    return [list(_stretches(indexes)) for indexes in wrong]


def _seconds(recording: Recording, stream: Stream, segment: AudioSegment) -> Iterator[tuple[int, bytes]]:
    """(leaf index, interleaved PCM) of every second; segments hold whole leaves but for a stream's last one."""
    start, end = segment.first_frame, segment.first_frame + segment.frame_count
    while start < end:
        count = min(stream.rate_hz - start % stream.rate_hz, end - start)
        pieces = read_pcm(recording.folder.path, (segment,), stream, first_frame=start, frame_count=count)
        yield start // stream.rate_hz, b"".join(pcm for _, pcm in pieces)
        start += count


def _wrong_channels(recording: Recording, stream: Stream, index: int, pcm: bytes, seed: bytes) -> Iterator[int]:
    expected = recording.leaves.get((stream.stream, index), ("",) * stream.channels)
    for channel, samples in enumerate(split_channels(pcm, channels=stream.channels, sample_format=stream.sample_format)):
        salt = leaf_salt(seed, stream=stream.stream, channel=channel, index=index)
        leaf = leaf_digest(recording.session.id, samples, salt=salt, stream=stream.stream, channel=channel, index=index)
        if TAG + leaf.hex() != expected[channel]:
            yield channel


def _stretches(indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, end) of each unbroken run of growing numbers."""
    first = 0
    for place, index in enumerate(indexes):
        if not place or indexes[place - 1] != index - 1:
            first = index
        if place + 1 == len(indexes) or indexes[place + 1] != index + 1:
            yield first, index + 1
