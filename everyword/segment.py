"""One segment file: plain RIFF/WAVE with a ``bext`` chunk, PCM as the device gave it.

The header is always `HEADER_BYTES` long, so sizes can be patched in place while the file grows, and a reader that distrusts them
(as salvage does) still knows where the samples begin.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from everyword.errors import CorruptFolder
from everyword.model import BYTES_PER_SAMPLE, AudioSegment, SampleFormat, Stream

HEADER_BYTES = 1024
SEGMENT_SECONDS = 60
_FORMAT_TAGS = {1: {16: "s16", 24: "s24", 32: "s32"}, 3: {32: "f32", 64: "f64"}}
_CHUNKS = (b"RIFF", b"WAVE", b"fmt ", b"data")
_FORMAT = "<HHIIHH"
_RIFF_SIZE_AT = 4
_DATA_SIZE_AT = HEADER_BYTES - 4
_FORMAT_AT = HEADER_BYTES - 8 - struct.calcsize(_FORMAT)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a segment's header says."""

    rate_hz: int
    channels: int
    sample_format: SampleFormat
    declared_bytes: int


def header(stream: Stream, *, session_id: str, index: int, first_frame: int, utc_us: int | None, version: str) -> bytes:
    """`HEADER_BYTES` bytes with both sizes zero.

    The ``bext`` fields follow EBU Tech 3285: originator, reference (the session's id), date, time and the count of samples since
    midnight, all of the segment's first frame in UTC; blank and 0 when nobody knows when the recording was made.
    """
    tag, bits = 3 if stream.sample_format.startswith("f") else 1, 8 * BYTES_PER_SAMPLE[stream.sample_format]
    date, clock, since_midnight = _bext_time(utc_us, stream.rate_hz)
    bext = struct.pack(
        "<256s32s32s10s8sQH64s190s",
        f"Everyword session {session_id} stream {stream.stream} segment {index:06} first frame {first_frame}".encode(),
        f"Everyword {version}".encode(),
        session_id.encode(),
        date,
        clock,
        since_midnight,
        1,
        b"",
        b"",
    )
    form = struct.pack(
        _FORMAT, tag, stream.channels, stream.rate_hz, stream.rate_hz * stream.frame_bytes, stream.frame_bytes, bits
    )
    before = b"RIFF\0\0\0\0WAVE" + _chunk(b"bext", bext)
    after = _chunk(b"fmt ", form) + b"data\0\0\0\0"
    junk = HEADER_BYTES - len(before) - len(after) - 8
    return before + _chunk(b"JUNK", bytes(junk)) + after


def sizes(data_bytes: int) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    """Both size fields for `data_bytes` of samples (plus the pad byte RIFF wants after an odd count): place and bytes."""
    return (
        (_RIFF_SIZE_AT, struct.pack("<I", HEADER_BYTES - 8 + data_bytes + data_bytes % 2)),
        (_DATA_SIZE_AT, struct.pack("<I", data_bytes)),
    )


def with_sizes(head: bytes, data_bytes: int) -> bytes:
    """A header with both sizes in it."""
    patched = bytearray(head)
    for at, data in sizes(data_bytes):
        patched[at : at + len(data)] = data
    return bytes(patched)


def read_layout(path: Path) -> Layout:
    """Parse a segment's header.  Raises `CorruptFolder` when it is not one."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if len(head) < HEADER_BYTES or (head[:4], head[8:12], head[_FORMAT_AT - 8 : _FORMAT_AT - 4], head[-8:-4]) != _CHUNKS:
        raise CorruptFolder(f"{path.name} does not begin with the header of an Everyword segment.")
    tag, channels, rate_hz, _, _, bits = struct.unpack_from(_FORMAT, head, _FORMAT_AT)
    sample_format = _FORMAT_TAGS.get(tag, {}).get(bits)
    if sample_format is None or not channels or not rate_hz:
        raise CorruptFolder(f"{path.name} has an impossible sample format (tag {tag}, {bits} bits, {channels} channels).")
    (declared,) = struct.unpack_from("<I", head, _DATA_SIZE_AT)
    return Layout(rate_hz, channels, sample_format, declared)  # type: ignore[arg-type]


def read_pcm(
    folder: Path, segments: tuple[AudioSegment, ...], stream: Stream, *, first_frame: int, frame_count: int
) -> Iterator[tuple[int, bytes]]:
    """``(first frame, interleaved PCM)`` pieces in order, at most one segment each; jumped gaps yield nothing.

    Raises:
        CorruptFolder: a segment is missing, shorter than the journal says, or on a disk that does not give it.
    """
    end = first_frame + frame_count
    for segment in segments:
        start = max(first_frame, segment.first_frame)
        stop = min(end, segment.first_frame + segment.frame_count)
        if segment.stream != stream.stream or start >= stop:
            continue
        wanted = (stop - start) * stream.frame_bytes
        try:
            with (folder / segment.path).open("rb") as file:
                file.seek(HEADER_BYTES + (start - segment.first_frame) * stream.frame_bytes)
                pcm = file.read(wanted)
        except FileNotFoundError as error:
            raise CorruptFolder(f"{segment.path} is missing.") from error
        except OSError as error:
            raise CorruptFolder(f"{segment.path} cannot be read: {error.strerror}.") from error
        if len(pcm) != wanted:
            raise CorruptFolder(f"{segment.path} is shorter than the journal says.")
        yield start, pcm


def split_channels(pcm: bytes, *, channels: int, sample_format: str) -> list[bytes]:
    """Interleaved PCM as one byte string a channel."""
    if channels == 1:
        return [pcm]
    import numpy as np  # noqa: PLC0415  (keeps the command line quick to start)

    width = BYTES_PER_SAMPLE[sample_format]
    frames = np.frombuffer(pcm, np.uint8).reshape(-1, channels, width)
    return [frames[:, channel].tobytes() for channel in range(channels)]


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def _bext_time(utc_us: int | None, rate_hz: int) -> tuple[bytes, bytes, int]:
    if utc_us is None:
        return b"", b"", 0
    moment = datetime.fromtimestamp(utc_us // 1_000_000, UTC)
    since_midnight_us = (moment.hour * 3600 + moment.minute * 60 + moment.second) * 1_000_000 + utc_us % 1_000_000
    return f"{moment:%Y-%m-%d}".encode(), f"{moment:%H:%M:%S}".encode(), since_midnight_us * rate_hz // 1_000_000
