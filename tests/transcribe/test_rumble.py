"""What lies below any voice is taken away, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from transcribe.sound.rumble import REACH, without_rumble
from transcribe.sound.voice import profile_of
from transcribe.sound.windows import RATE_HZ, Floats, Piece

DATA = Path(__file__).parent.parent / "data"


def tone(hz: float, seconds: float = 4.0) -> Floats:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ).astype(np.float32)


def heard(sound: Floats) -> Floats:
    return np.concatenate([np.zeros(0, np.float32), *without_rumble([sound])])


def share_of_voice(sound: Floats) -> float:
    return float((profile_of([sound], Piece(1, 0, len(sound), RATE_HZ)).voice > 0.5).mean())


@pytest.mark.parametrize("hz", [0.5, 5, 20, 50])
def test_a_rumble_is_taken_away(hz: float) -> None:
    assert np.abs(heard(tone(hz))[2 * REACH : -2 * REACH]).max() < 0.01


@pytest.mark.parametrize("hz", [90, 200, 3_000])
def test_a_voice_is_left_where_and_as_it_was(hz: float) -> None:
    inside = slice(2 * REACH, -2 * REACH)
    assert np.abs(heard(tone(hz)) - tone(hz))[inside].max() < 0.01


@given(cuts=st.lists(st.integers(0, 50_000), max_size=6), length=st.integers(0, 50_000))
def test_it_is_the_same_sound_however_it_comes_in_blocks(cuts: list[int], length: int) -> None:
    sound = np.random.default_rng(3).standard_normal(length).astype(np.float32)
    blocks = np.split(sound, sorted(min(cut, length) for cut in cuts))
    found = np.concatenate([np.zeros(0, np.float32), *without_rumble(blocks)])
    assert len(sound) == len(found)
    assert np.allclose(heard(sound), found, atol=1e-5)


def test_a_voice_beside_a_rumble_is_found() -> None:
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="float32", always_2d=True)
    spoken = np.asarray(soxr.resample(sound[: 20 * rate_hz, 0], rate_hz, RATE_HZ), np.float32)
    loudness = np.float32(30 * np.sqrt(2) * np.sqrt(np.mean(spoken**2)))
    rumble = loudness * tone(3, len(spoken) / RATE_HZ)[: len(spoken)]
    assert share_of_voice(spoken) > 0.3
    assert share_of_voice(spoken) == pytest.approx(share_of_voice(spoken + rumble), abs=0.05)
