"""The sound of a sealed session as one file a stream: ``wav`` as it is, ``flac`` smaller and checked sample for sample.

These are copies for people and players; what proves something are the segments in the folder, and their leaves cover the samples,
not the container.  A jumped gap is written out as silence, so that a time in the file is a time in the stream.
"""

import contextlib
import itertools
import os
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from everyword.errors import CorruptFolder, DiskTrouble, InvalidOption, WouldOverwrite
from everyword.folder import SessionFolder, disk_errors, sync_directory
from everyword.model import Stream
from everyword.recording import Recording, read_recording
from everyword.segment import HEADER_BYTES, read_pcm, with_sizes

if TYPE_CHECKING:
    import av
    import numpy as np
    import numpy.typing as npt

LARGEST_RIFF_BYTES = (1 << 32) - (1 << 16)
"""Above this a WAV file's 32-bit sizes no longer do, and it becomes RF64 (EBU Tech 3306)."""

_BEXT = slice(12, 622)
_FMT = slice(992, 1016)
"""Where the chunks lie in a segment's header."""

_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""By the count of channels: as FLAC orders them (RFC 9639 §9.1.3)."""

_MOST_FLAC_HZ = 655_350
_FLAC_BITS = {"s16": 16, "s24": 24, "s32": 32}


def export_sound(folder: SessionFolder, formats: Sequence[str], *, to: Path, force: bool = False) -> list[Path]:
    """Write each stream of a sealed session in each of `formats` (of `SOUND`) into the folder `to`.

    A file is complete or not there at all.

    Raises:
        InvalidOption: the session is not sealed, `to` is inside it, or FLAC cannot hold what it has: nothing was written.
        WouldOverwrite: one of the files is there and `force` is not given; nothing was written.
        CorruptFolder: a segment is missing or cut, or the copy does not hold the same samples.
        DiskTrouble: the disk refuses.
    """
    if not folder.is_sealed:
        raise InvalidOption(f"{folder.path.name} is not sealed: its sound may still grow.", hint="Stop the recording first.")
    if to.absolute().resolve().is_relative_to(folder.path.resolve()):
        raise InvalidOption(
            "Nothing may be exported into the session folder: it is the record.", hint="Choose another folder with --to."
        )
    recording = read_recording(folder)
    wanted = {
        to / f"{folder.path.name}.s{stream.stream}.{name}": (stream, SOUND[name])
        for stream in recording.streams.values()
        for name in formats
    }
    for path, (stream, _) in wanted.items():
        if path.suffix == ".flac":
            _check_flac(stream)
        if not force and os.path.lexists(path):
            raise WouldOverwrite(f"{path} is there already.")
    with disk_errors(to, option="--to"):
        to.mkdir(parents=True, exist_ok=True)
        for path, (stream, write) in wanted.items():
            _write(path, recording, stream, write)
        sync_directory(to)
    return list(wanted)


def _write(path: Path, recording: Recording, stream: Stream, write: Callable[[Path, Recording, Stream], None]) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".export-", suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        write(draft, recording, stream)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(PermissionError):  # FAT has no modes
            draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def pcm_of(recording: Recording, stream: Stream) -> Iterator[bytes]:
    """Every frame of a stream, a segment at most at a time; zeros for a gap that no file holds."""
    frame, second = 0, bytes(stream.rate_hz * stream.frame_bytes)
    segments, end = recording.of_stream(stream.stream), recording.end_frame(stream.stream)
    pieces = read_pcm(recording.folder.path, segments, stream, first_frame=0, frame_count=end)
    for first, pcm in itertools.chain(pieces, [(end, b"")]):
        while frame < first:
            count = min(stream.rate_hz, first - frame)
            yield second[: count * stream.frame_bytes]
            frame += count
        if pcm:
            yield pcm
            frame += len(pcm) // stream.frame_bytes


def _write_wav(path: Path, recording: Recording, stream: Stream) -> None:
    data_bytes = recording.end_frame(stream.stream) * stream.frame_bytes
    with path.open("wb") as file:
        file.write(wav_header(_first_header(recording, stream), stream, data_bytes))
        for pcm in pcm_of(recording, stream):
            file.write(pcm)
        file.write(bytes(data_bytes % 2))


def wav_header(head: bytes, stream: Stream, data_bytes: int) -> bytes:
    """The header of a joined file from that of the first segment: RIFF, or RF64 when the sizes need more than 32 bits."""
    if data_bytes <= LARGEST_RIFF_BYTES:
        return with_sizes(head, data_bytes)
    chunks = head[_BEXT] + head[_FMT] + b"data\xff\xff\xff\xff"
    size = 4 + 36 + len(chunks) + data_bytes + data_bytes % 2
    ds64 = b"ds64" + struct.pack("<IQQQI", 28, size, data_bytes, data_bytes // stream.frame_bytes, 0)
    return b"RF64\xff\xff\xff\xffWAVE" + ds64 + chunks


def _first_header(recording: Recording, stream: Stream) -> bytes:
    segments = recording.of_stream(stream.stream)
    if not segments:
        raise CorruptFolder(f"Stream {stream.stream} has no sound.")
    with (recording.folder.path / segments[0].path).open("rb") as file:
        return file.read(HEADER_BYTES)


def _check_flac(stream: Stream) -> None:
    """Refuse what FLAC would have to change.  Raises `InvalidOption`."""
    why = ""
    if stream.sample_format not in _FLAC_BITS:
        why = f"samples in {stream.sample_format}"
    elif stream.channels > len(_LAYOUTS):
        why = f"{stream.channels} channels"
    elif stream.rate_hz > _MOST_FLAC_HZ:
        why = f"{stream.rate_hz} Hz"
    if why:
        raise InvalidOption(f"FLAC cannot hold stream {stream.stream} as it is: it has {why}.", hint="Export it as wav.")


def _write_flac(path: Path, recording: Recording, stream: Stream) -> None:
    """Encode, then decode again and compare every sample.  Raises `CorruptFolder` when one differs."""
    import av  # noqa: PLC0415  (heavy)

    bits = _flac_bits(recording, stream)
    form, layout = "s16" if bits == 16 else "s32", _LAYOUTS[stream.channels - 1]
    try:
        with av.open(str(path), "w", format="flac") as out:
            # FFmpeg calls more than 24 bits experimental: few players take them.  Everything is decoded again below.
            options = {"bits_per_raw_sample": str(bits), "strict": "experimental"}
            track = out.add_stream("flac", rate=stream.rate_hz, format=form, layout=layout, options=options)
            for samples in _blocks(recording, stream):
                frame = av.AudioFrame.from_ndarray(samples, format=form, layout=layout)
                frame.sample_rate = stream.rate_hz
                out.mux(track.encode(frame))
            out.mux(track.encode(None))
        _compare(path, recording, stream)
    except av.FFmpegError as error:
        raise DiskTrouble(f"{path.name} could not be written: {error}.") from error


def _flac_bits(recording: Recording, stream: Stream) -> int:
    """Many microphones give 24 bits in samples of 32: then 24 hold everything, and every player takes them."""
    bits = _FLAC_BITS[stream.sample_format]
    return 24 if bits == 32 and not any((samples & 0xFF).any() for samples in _blocks(recording, stream)) else bits


def _compare(path: Path, recording: Recording, stream: Stream) -> None:
    import av  # noqa: PLC0415  (heavy)

    with av.open(str(path)) as copy:
        decoded = _decoded(copy)
        for samples in _blocks(recording, stream):
            wanted = samples.tobytes()
            found = bytearray()
            while len(found) < len(wanted) and (more := decoded(len(wanted) - len(found))):
                found += more
            if bytes(found) != wanted:
                raise CorruptFolder(f"{path.name} does not hold the samples of stream {stream.stream}.", hint="Try again.")
        if decoded(1):
            raise CorruptFolder(f"{path.name} holds more than stream {stream.stream}.", hint="Try again.")


def _decoded(copy: "av.container.InputContainer") -> Callable[[int], bytes]:
    """A reader of the decoded bytes: at most so many, and none at the end."""
    frames, left = copy.decode(audio=0), bytearray()

    def read(count: int) -> bytes:
        while not left:
            frame = next(frames, None)
            if frame is None:
                return b""
            left.extend(frame.to_ndarray().tobytes())
        data = bytes(left[:count])
        del left[:count]
        return data

    return read


def _blocks(recording: Recording, stream: Stream) -> "Iterator[npt.NDArray[np.int16] | npt.NDArray[np.int32]]":
    """Interleaved samples as ``(1, frames × channels)`` of int16 or int32 (24 bits in its upper part); a second each."""
    import numpy as np  # noqa: PLC0415  (heavy)

    step = stream.rate_hz * stream.frame_bytes
    for pcm in pcm_of(recording, stream):
        for at in range(0, len(pcm), step):
            piece = pcm[at : at + step]
            if stream.sample_format != "s24":
                yield np.frombuffer(piece, {"s16": "<i2", "s32": "<i4"}[stream.sample_format]).reshape(1, -1)
                continue
            wide = np.zeros((len(piece) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(piece, np.uint8).reshape(-1, 3)
            yield wide.reshape(-1).view("<i4").reshape(1, -1)


SOUND: dict[str, Callable[[Path, Recording, Stream], None]] = {"wav": _write_wav, "flac": _write_flac}
"""Formats of sound, by name."""
