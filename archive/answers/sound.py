"""A hit as sound: a plain audio file, or played at once."""

import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path

from archive.record import Record, read_record
from archive.stretch import Stretch, player, stretch_of
from everyword import __version__
from everyword.errors import InvalidOption, WouldOverwrite
from everyword.folder import SessionFolder, disk_errors
from everyword.segment import header, read_pcm, split_channels, with_sizes


def stretch(record: Record, number: int, *, around_s: float = 0.0) -> Stretch:
    """Where utterance `number` is heard, with `around_s` seconds before and after.

    Raises:
        InvalidOption: the current transcript has no such utterance.
    """
    for line in record.lines:
        if line.utterance.id == number:
            return stretch_of(record, line.utterance, around_s=around_s)
    raise InvalidOption(
        f"The current transcript has no utterance {number}.", hint="`everyword show SESSION` prints the number of each."
    )


def write_wav(folder: SessionFolder, number: int, path: Path, *, around_s: float = 0.0, force: bool = False) -> None:
    """Utterance `number` as a mono WAV file in the recording's own sample format; its ``bext`` chunk says what it is a piece of.

    Raises:
        InvalidOption: the current transcript has no such utterance.
        WouldOverwrite: the file is there already, and `force` was not given.
        CorruptFolder, DiskTrouble: the sound cannot be read, or the file cannot be written.
    """
    record = read_record(folder)
    place = stretch(record, number, around_s=around_s)
    stream = record.recording.streams[place.stream]
    mono = dataclasses.replace(stream, channels=1, tracks=(stream.tracks[place.channel],))
    moment = record.axis.moment(place.stream, first_frame=place.first_frame, frame_count=place.frame_count)
    head = header(
        mono, session_id=record.session.id, index=0, first_frame=place.first_frame, utc_us=moment.utc_us, version=__version__
    )
    if path.exists() and not force:
        raise WouldOverwrite(f"{path} is there already.")
    pcm = b"".join(_sound(record, place))
    with disk_errors(path, option="--to"), path.open("wb") as file:
        file.write(with_sizes(head, len(pcm)) + pcm + b"\0" * (len(pcm) % 2))


def write_hit(folder: SessionFolder, number: int, to: Path) -> Path:
    """`write_wav` under a name of its own in the folder `to`; one that is there already is the same sound, and stays."""
    path = to / f"{folder.read_session().id}-{number:06}.wav"
    with disk_errors(to, option="--to"):
        to.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_wav(folder, number, path)
    return path


def play(folder: SessionFolder, number: int, *, around_s: float = 0.0) -> int:
    """Let the recorder's player play utterance `number`; returns its exit code."""
    place = stretch(read_record(folder), number, around_s=around_s)
    return subprocess.run(player(folder, place), check=False).returncode


def _sound(record: Record, place: Stretch) -> Iterator[bytes]:
    stream = record.recording.streams[place.stream]
    pieces = read_pcm(
        record.folder.path,
        record.recording.of_stream(place.stream),
        stream,
        first_frame=place.first_frame,
        frame_count=place.frame_count,
    )
    for _, pcm in pieces:
        yield split_channels(pcm, channels=stream.channels, sample_format=stream.sample_format)[place.channel]
