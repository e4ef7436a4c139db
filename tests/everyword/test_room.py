"""The room: real PulseAudio, real PortAudio, and every channel where it belongs."""

import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from everyword.room import Room, RoomTrouble, channel_map

needs_sound_server = pytest.mark.skipif(bool(Room.missing()), reason=f"not installed: {', '.join(Room.missing())}")

RATE_HZ = 48000
RECORDER = """
import sys
import numpy as np
import sounddevice
channels, to = int(sys.argv[1]), sys.argv[2]
blocks = []
with sounddevice.InputStream(
    device="pulse", channels=channels, samplerate=48000, dtype="int16", callback=lambda block, *_: blocks.append(block.copy())
):
    while not blocks:
        sounddevice.sleep(20)
    print("recording", flush=True)
    sys.stdin.readline()
np.save(to, np.concatenate(blocks))
"""


def _voices(path: Path, channels: int) -> NDArray[np.int16]:
    """Half a second of silence, then noise of its own for each channel; shape (frames, channels)."""
    sound = np.random.default_rng(7).integers(-9000, 9000, (RATE_HZ, channels), dtype=np.int16)
    sound[: RATE_HZ // 2] = 0
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    return sound


def _recorded(room: Room, path: Path, *, tmp_path: Path) -> NDArray[np.int16]:
    """What PortAudio hears while `path` is played; shape (frames, channels)."""
    to = tmp_path / "heard.npy"
    command = [sys.executable, "-c", RECORDER, str(room.channels), str(to)]
    with subprocess.Popen(command, env=room.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as recorder:
        assert recorder.stdin is not None
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "recording\n"
        with room.play(path) as player:
            assert player.wait(30) == 0
        time.sleep(0.3)
        recorder.stdin.write("\n")
    heard: NDArray[np.int16] = np.load(to)
    return heard


@needs_sound_server
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
def test_portaudio_hears_every_channel_where_it_was_played_and_bit_for_bit(channels: int, tmp_path: Path) -> None:
    played = _voices(tmp_path / "voices.wav", channels)
    with Room(channels=channels) as room:
        heard = _recorded(room, tmp_path / "voices.wav", tmp_path=tmp_path)
    voices = played[RATE_HZ // 2 :]
    start = int(np.argmax(np.any(heard != 0, axis=1)))
    assert np.array_equal(voices, heard[start : start + len(voices)])


@needs_sound_server
def test_names_that_portaudio_does_not_use_silence_the_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why the table in the module is what it is: with other names nothing at all is heard, and nobody is told."""
    monkeypatch.setattr("everyword.room.channel_map", lambda channels: ",".join(f"aux{index}" for index in range(channels)))
    _voices(tmp_path / "voices.wav", 4)
    with Room(channels=4) as room:
        heard = _recorded(room, tmp_path / "voices.wav", tmp_path=tmp_path)
    assert not heard.any()


@needs_sound_server
def test_a_program_in_the_room_sees_the_inputs_pulse_and_default() -> None:
    code = "import sounddevice; print(*[device['name'] for device in sounddevice.query_devices()])"
    with Room() as room:
        done = subprocess.run([sys.executable, "-c", code], env=room.environment(), capture_output=True, text=True, check=True)
    assert {"pulse", "default"} <= set(done.stdout.split())


@needs_sound_server
def test_two_rooms_do_not_disturb_each_other() -> None:
    with Room() as one, Room() as other:
        servers = [one.environment()["PULSE_SERVER"], other.environment()["PULSE_SERVER"]]
        assert len(set(servers)) == 2


@needs_sound_server
def test_nothing_of_a_room_stays_behind() -> None:
    with Room() as room:
        folder = Path(room.environment()["PULSE_RUNTIME_PATH"])
        server = room._server
        assert folder.exists()
    assert server is not None
    assert server.returncode is not None
    assert not folder.exists()


@needs_sound_server
def test_a_server_that_refuses_to_start_is_an_error_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("everyword.room.channel_map", lambda _: "nonsense")
    with pytest.raises(RoomTrouble, match=r"did not start: .+"), Room():
        pass


def test_a_room_that_is_not_open_has_no_environment() -> None:
    with pytest.raises(RoomTrouble, match="not open"):
        Room().environment()


def test_what_is_missing_is_named_as_debian_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert {"pulseaudio", "pulseaudio-utils"} <= set(Room.missing())
    with pytest.raises(RoomTrouble, match="pulseaudio, pulseaudio-utils"), Room():
        pass


@pytest.mark.parametrize(
    ("channels", "names"),
    [
        (1, "mono"),
        (2, "front-left,front-right"),
        (3, "front-left,front-right,aux0"),
        (4, "front-left,front-right,rear-left,rear-right"),
        (7, "front-left,front-right,rear-left,rear-right,front-center,lfe,aux0"),
        (10, "front-left,front-right,rear-left,rear-right,front-center,lfe,side-left,side-right,aux0,aux1"),
    ],
)
def test_the_names_are_those_of_the_table(channels: int, names: str) -> None:
    assert names == channel_map(channels)


@pytest.mark.parametrize("channels", [0, 33])
def test_a_number_of_channels_that_no_room_has_is_refused(channels: int) -> None:
    with pytest.raises(RoomTrouble, match="1 to 32 channels"):
        Room(channels=channels)
