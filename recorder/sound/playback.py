"""Play a stretch of a recorded session.

Runs as ``python -m recorder.sound.playback FOLDER STREAM CHANNEL FIRST_FRAME FRAME_COUNT [told]``: a process of its own, so that
whoever wants to hear something needs no sound library: it is started, and killed when the person has heard enough.  It ends by
itself when everything has been played.  With ``told`` it says on stdout, line by line, how many frames it has handed to the
output so far.
"""

import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from everyword import terminal
from everyword.errors import EverywordError, InvalidOption
from everyword.folder import SessionFolder
from everyword.recording import Recording, read_recording
from everyword.segment import read_pcm
from recorder.sound.inputs import portaudio
from recorder.sound.meters import samples

BLOCK_S = 0.25


class OutputLost(EverywordError):
    """There is no sound output, or it cannot be opened."""

    code = "output-lost"
    exit_code = 5
    default_hint = "Review by reading, or give this computer a sound output."


def blocks(
    recording: Recording, *, stream: int, channel: int | None, first_frame: int, frame_count: int
) -> Iterator[NDArray[np.float32]]:
    """One channel (None: a mix of all) as float32, shape (frames,), in pieces of `BLOCK_S`; silence for what was not recorded.

    Raises:
        InvalidOption: the session has no such stream or channel.
        CorruptFolder: a segment is missing or too short.
    """
    facts = recording.streams.get(stream)
    if facts is None or not 0 <= (channel or 0) < facts.channels:
        raise InvalidOption(f"The session has no channel {channel} of stream {stream}.")
    end = min(first_frame + frame_count, recording.end_frame(stream))
    step = round(BLOCK_S * facts.rate_hz)
    for first in range(first_frame, end, step):
        block = np.zeros(min(step, end - first), np.float32)
        pieces = read_pcm(recording.folder.path, recording.of_stream(stream), facts, first_frame=first, frame_count=len(block))
        for at, pcm in pieces:
            values = samples(pcm, channels=facts.channels, sample_format=facts.sample_format)
            heard = values.mean(axis=1) if channel is None else values[:, channel]
            block[at - first : at - first + len(heard)] = heard
        yield block


def play(
    folder: SessionFolder,
    *,
    stream: int,
    channel: int | None,
    first_frame: int,
    frame_count: int,
    on_played: Callable[[int], None] | None = None,
) -> None:
    """Play to the default output and return when it has been heard; `on_played` is told how many frames were, block by block.

    Raises:
        OutputLost: there is no output, or it fails.
        InputLost: PortAudio is missing.
        InvalidOption, CorruptFolder: see `blocks`.
    """
    recording = read_recording(folder)
    source = blocks(recording, stream=stream, channel=channel, first_frame=first_frame, frame_count=frame_count)
    first = next(source, None)
    if first is None:
        return
    sounddevice = portaudio()
    try:
        _play(sounddevice, recording.streams[stream].rate_hz, chain([first], source), on_played)
    except sounddevice.PortAudioError as error:
        raise OutputLost(f"The sound output cannot be used: {error}.") from error


def _play(
    sounddevice: ModuleType, rate_hz: int, source: Iterator[NDArray[np.float32]], on_played: Callable[[int], None] | None
) -> None:
    played = 0
    with sounddevice.OutputStream(samplerate=rate_hz, channels=1, dtype="float32") as output:
        for block in source:
            output.write(block.reshape(-1, 1))
            played += len(block)
            if on_played:
                on_played(played)


def main() -> int:
    """Play what the arguments say; the exit code."""
    try:
        path, stream, channel, first_frame, frame_count, *told = sys.argv[1:]
        play(
            SessionFolder(Path(path)),
            stream=int(stream),
            channel=int(channel),
            first_frame=int(first_frame),
            frame_count=int(frame_count),
            on_played=(lambda frames: terminal.put(str(frames))) if told else None,
        )
    except EverywordError as error:
        terminal.complain(error.sentence, hint=error.hint)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
