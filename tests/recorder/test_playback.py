"""Playing a stretch of a session: the right frames of the right channel, and one sentence when there is no sound."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from everyword.errors import InvalidOption
from everyword.folder import SessionFolder
from everyword.recording import read_recording
from everyword.room import Room
from recorder.sound.playback import OutputLost, blocks, play
from tests.helpers import a_session, tone
from tests.recorder.sound import ROOT, counted_file


def heard(folder: SessionFolder, *, first_frame: int, frame_count: int, channel: int = 0) -> np.ndarray:
    """What would be played, shape (frames,)."""
    recording = read_recording(folder)
    pieces = blocks(recording, stream=1, channel=channel, first_frame=first_frame, frame_count=frame_count)
    return np.concatenate([np.zeros(0, np.float32), *pieces])


def test_the_frames_of_one_channel_are_played_across_segments(tmp_path: Path) -> None:
    folder = a_session(tmp_path, counted_file(tmp_path / "counted.wav", seconds=62.0))
    numbers = np.round(heard(folder, first_frame=59 * 8000, frame_count=2 * 8000) * 2**15).astype(np.int64) & 0xFFFF
    assert numbers.tolist() == [(number + 1) & 0xFFFF for number in range(59 * 8000, 61 * 8000)]


def test_each_channel_is_played_alone(tmp_path: Path) -> None:
    folder = a_session(tmp_path, counted_file(tmp_path / "counted.wav", seconds=10.0))
    high = np.round(heard(folder, first_frame=70_000, frame_count=100, channel=1) * 2**15)
    assert set(high.tolist()) == {1.0}


def test_a_stretch_beyond_the_end_is_played_to_the_end(tmp_path: Path) -> None:
    folder = a_session(tmp_path, tone(tmp_path / "tone.wav", seconds=1.0))
    assert len(heard(folder, first_frame=4000, frame_count=80_000)) == 4000
    assert len(heard(folder, first_frame=90_000, frame_count=10)) == 0


def test_a_channel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="no channel 5"):
        heard(a_session(tmp_path), first_frame=0, frame_count=10, channel=5)


class Silent:
    """A sound library on a computer without outputs."""

    class PortAudioError(Exception):
        """Its error."""

    def OutputStream(self, **_: object) -> None:  # noqa: N802  (as the library calls it)
        raise self.PortAudioError("Error querying device -1")


def test_without_a_sound_output_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.sound.playback.portaudio", Silent)
    with pytest.raises(OutputLost, match="cannot be used: Error querying device -1") as raised:
        play(a_session(tmp_path), stream=1, channel=0, first_frame=0, frame_count=8000)
    assert raised.value.exit_code == 5


def test_the_process_ends_with_the_sentence_and_exit_code_of_an_error(tmp_path: Path) -> None:
    done = player(SessionFolder(tmp_path / "nothing"), 0, 10, dict(os.environ))
    assert done.returncode == 1
    assert "everyword: " in done.stderr


def player(
    folder: SessionFolder, first_frame: int, count: int, environment: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Play as the review does."""
    command = [sys.executable, "-P", "-m", "recorder.sound.playback", str(folder.path), "1", "0", str(first_frame), str(count)]
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(bool(Room.missing()), reason="no room without PulseAudio")
def test_what_is_played_can_be_heard_in_the_room(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    with Room(channels=1) as room:
        done = player(folder, 0, 8000, {**os.environ, **room.environment()})
    # ALSA says by itself that a busy computer was late for a moment.
    assert (0, []) == (done.returncode, [line for line in done.stderr.splitlines() if not line.startswith("ALSA lib")])
