"""Sound from files: decoded by FFmpeg's libraries, never reduced in rate, channels or sample format."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from everyword.errors import UnreadableAudio
from everyword.model import SampleFormat

_FORMATS: dict[str, SampleFormat] = {"u8": "s16", "s16": "s16", "s32": "s32", "flt": "f32", "dbl": "f64"}


@dataclass(frozen=True, slots=True)
class Format:
    """What a decoder delivers."""

    rate_hz: int
    channels: int
    sample_format: SampleFormat


@dataclass(frozen=True, slots=True)
class Block:
    """Interleaved little-endian PCM in one format; `error` says why a stream ended early, with what was decoded by then."""

    format: Format
    pcm: bytes
    error: str = ""


def audio_streams(path: Path) -> list[dict[str, str]]:
    """One description per audio stream of a file: codec and decoder, for the journal.

    Raises:
        UnreadableAudio: no such file, not a file, empty, nothing FFmpeg knows, or nothing to hear in it.
    """
    if not path.exists():
        raise UnreadableAudio(f"There is no file {path}.", hint="Check the name and the folder.")
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise UnreadableAudio(f"{path} is empty.", hint="Copy it again from where it was recorded.")
        with _opened(path) as container:
            found = [
                {"codec": stream.codec_context.name, "container": container.format.name, "decoder": decoder_version()}
                for stream in container.streams.audio
            ]
    except (FFmpegError, OSError) as error:
        raise UnreadableAudio(
            f"{path} cannot be read as sound: {_why(error)}.", hint="Any file that FFmpeg can play can be imported."
        ) from error
    if not found:
        raise UnreadableAudio(f"{path} has no sound in it.", hint="Any file that FFmpeg can play can be imported.")
    return found


def decoder_version() -> str:
    """The libraries that decode, as they name themselves."""
    major, minor, micro = av.library_versions["libavcodec"]
    return f"PyAV {av.__version__}, libavcodec {major}.{minor}.{micro}"


def decode(path: Path, *, stream: int) -> Iterator[Block]:
    """Every sample of audio stream number `stream` (counted among the audio streams), in order.

    A decoder that fails on the way yields what it has and then one empty block with the error.  A file may change its format
    on the way; each block says its own.
    """
    last: Format | None = None
    try:
        with _opened(path) as container:
            context = container.streams.audio[stream].codec_context
            for frame in container.decode(audio=stream):
                last = Format(frame.sample_rate, len(frame.layout.channels), _sample_format(frame.format.name, context))
                yield Block(last, _interleaved(frame.to_ndarray(), last, planar=frame.format.is_planar))
    except (FFmpegError, OSError) as error:
        if last is None:
            raise UnreadableAudio(
                f"{path} cannot be decoded: {_why(error)}.", hint="Any file that FFmpeg can play can be imported."
            ) from error
        yield Block(last, b"", error=_why(error))


def _opened(path: Path) -> av.container.InputContainer:
    """Whatever it is called, a path is a file: not an address, not a list of files."""
    return av.open(f"file:{path}")


def _sample_format(name: str, context: av.AudioCodecContext) -> SampleFormat:
    """FFmpeg hands 24-bit samples out as 32-bit ones with a zero byte; they are kept in 24."""
    wide = _FORMATS.get(name.removesuffix("p"))
    if wide is None:
        raise UnreadableAudio(f"The samples are in a format ({name}) that would have to be reduced.")
    return "s24" if wide == "s32" and context.name.startswith("pcm_s24") else wide


def _interleaved(samples: np.ndarray, form: Format, *, planar: bool) -> bytes:
    """`samples`: shape (channels, frames) when planar, else (1, frames × channels)."""
    flat = np.ascontiguousarray(samples.T if planar else samples).reshape(-1)
    if flat.dtype == np.uint8:
        return ((flat.astype("<i2") - 128) << 8).tobytes()
    if form.sample_format == "s24":
        return flat.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    return flat.astype(flat.dtype.newbyteorder("<"), copy=False).tobytes()


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".").lower()
