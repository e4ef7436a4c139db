"""Sound comes out of the folder at 16 kHz, tied to its frames, a block at a time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from faster_whisper.vad import get_vad_model

from everyword.errors import CorruptFolder
from everyword.folder import SessionFolder
from everyword.model import BYTES_PER_SAMPLE, Input, Stream
from everyword.recording import read_recording
from recorder.imports import import_files
from tests.transcribe.builders import staircase, write_wav
from transcribe.sound.audio import TrackAudio, channel_samples, require_segments
from transcribe.sound.rumble import without_rumble
from transcribe.sound.voice import profile_of
from transcribe.sound.windows import HOP, RATE_HZ, Floats, Piece, pieces, tile

DATA = Path(__file__).parent.parent / "data"


def a_stream(sample_format: str, channels: int = 2) -> Stream:
    return Stream(1, 16_000, channels, sample_format, tuple(range(1, channels + 1)), Input("", "", "file"), {})  # type: ignore[arg-type]


def a_track(tmp_path: Path, samples: Floats, *, rate_hz: int = RATE_HZ, number: int = 0) -> TrackAudio:
    recording = read_recording(imported(tmp_path, write_wav(tmp_path / "a.wav", samples, rate_hz=rate_hz)))
    return TrackAudio(recording, recording.tracks[number])


def imported(tmp_path: Path, path: Path) -> SessionFolder:
    return import_files([path], parent=tmp_path / "sessions", home=tmp_path / "home", title="A", operator="Test Operator")


def speechlike(seconds: float, rate_hz: int) -> Floats:
    """A vowel-like buzz that comes and goes."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    buzz = sum(np.sin(2 * np.pi * 120 * k * time_s) / k for k in range(1, 20))
    return (0.1 * buzz * (np.sin(2 * np.pi * 0.4 * time_s) > 0)).astype(np.float32)


def whole(audio: TrackAudio) -> tuple[Floats, int]:
    (piece,) = pieces(audio.recording.segments, [], stream=1, rate_hz=audio.stream.rate_hz)
    return np.concatenate(list(audio.blocks(piece))), piece.sample_count


@pytest.mark.parametrize("sample_format", [*BYTES_PER_SAMPLE])
def test_a_channel_is_the_same_in_every_sample_format(sample_format: str) -> None:
    expected = np.array([[0, 0.5], [-1, 0.25], [0.125, -0.75]], np.float32)
    pcm = {
        "s16": (expected * 2**15).astype("<i2").tobytes(),
        "s24": (expected * 2.0**31).astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes(),
        "s32": (expected * 2.0**31).astype("<i4").tobytes(),
        "f32": expected.astype("<f4").tobytes(),
        "f64": expected.astype("<f8").tobytes(),
    }[sample_format]
    for channel in (0, 1):
        assert expected[:, channel].tolist() == channel_samples(pcm, stream=a_stream(sample_format), channel=channel).tolist()


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
def test_there_are_as_many_samples_as_the_frames_say(tmp_path: Path, rate_hz: int) -> None:
    samples, expected = whole(a_track(tmp_path, speechlike(3.217, rate_hz), rate_hz=rate_hz))
    assert expected == len(samples)


def test_a_click_stays_where_it_was(tmp_path: Path) -> None:
    click = np.zeros(48_000 * 30, np.float32)
    click[48_000 * 25] = 0.9
    samples, _ = whole(a_track(tmp_path, click, rate_hz=48_000))
    assert 16_000 * 25 == int(np.argmax(np.abs(samples)))


def test_each_track_hears_its_own_channel(tmp_path: Path) -> None:
    both = np.stack([np.full(32_000, 0.25, np.float32), np.full(32_000, -0.5, np.float32)], axis=1)
    samples, _ = whole(a_track(tmp_path, both, number=1))
    assert {-0.5} == set(samples.tolist())


def test_clips_are_the_track_cut_at_the_windows(tmp_path: Path) -> None:
    audio = a_track(tmp_path, speechlike(70.5, 22_050), rate_hz=22_050)
    (piece,) = pieces(audio.recording.segments, [], stream=1, rate_hz=22_050)
    windows = tile(profile_of(audio.blocks(piece), piece))
    clips = [samples for _, samples in audio.clips(piece, windows)]
    samples, _ = whole(audio)
    assert len(windows) > 3
    assert (samples == np.concatenate(clips)).all()


def test_no_block_is_longer_than_twenty_seconds(tmp_path: Path) -> None:
    audio = a_track(tmp_path, staircase(130))
    (piece,) = pieces(audio.recording.segments, [], stream=1, rate_hz=RATE_HZ)
    assert max(len(block) for block in audio.blocks(piece)) <= 20 * RATE_HZ


def test_the_voice_detector_hears_blocks_as_one_sound(tmp_path: Path) -> None:
    audio = a_track(tmp_path, speechlike(65.3, RATE_HZ))
    (piece,) = pieces(audio.recording.segments, [], stream=1, rate_hz=RATE_HZ)
    samples = np.concatenate(list(without_rumble([*audio.blocks(piece)])))
    padded = np.pad(samples, (0, -len(samples) % HOP))
    near, far = (get_vad_model()(sound).reshape(-1) for sound in (padded, np.clip(padded * np.float32(10), -1, 1)))
    assert np.maximum(near, far).tolist() == profile_of(audio.blocks(piece), piece).voice.tolist()


def test_whoever_speaks_low_is_a_voice_as_well() -> None:
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="float32", always_2d=True)
    spoken = np.asarray(soxr.resample(sound[: 20 * rate_hz, 0], rate_hz, RATE_HZ), np.float32)
    usual, low = (profile_of([one], Piece(1, 0, len(one), RATE_HZ)).voice > 0.5 for one in (spoken, spoken * np.float32(0.005)))
    assert low.mean() > 0.8 * usual.mean() > 0.2


def test_a_double_beyond_any_level_is_no_level() -> None:
    assert [np.inf] == channel_samples(np.array([1e300]).tobytes(), stream=a_stream("f64", 1), channel=0).tolist()


def test_samples_that_are_no_level_become_zeros_and_are_known(tmp_path: Path) -> None:
    pcm = np.full((RATE_HZ, 1), 0.25, "<f4")
    pcm[[3, 500, 900, 1100], 0] = [np.nan, np.inf, -np.inf, 9]
    pcm[8000, 0] = -8
    audio = a_track(tmp_path, np.zeros(RATE_HZ, np.float32))
    stream = replace(audio.stream, sample_format="f32")
    audio.recording.streams[1] = stream
    segment = audio.recording.folder.path / audio.recording.segments[0].path
    head = segment.read_bytes()[:1024]
    segment.write_bytes(head + pcm.tobytes())
    samples, _ = whole(audio)
    assert ([0.0, 0.0, 0.0, 0.0, -8.0], [(0, 3 * HOP)]) == (samples[[3, 500, 900, 1100, 8000]].tolist(), audio.broken)
    assert np.isfinite(samples).all()


def test_the_level_of_full_scale_is_zero_and_of_nothing_is_the_least(tmp_path: Path) -> None:
    square = np.tile(np.array([-1, 0.9999], np.float32), HOP * 2)
    audio = a_track(tmp_path, np.concatenate([square, np.zeros(HOP * 4, np.float32)]))
    (piece,) = pieces(audio.recording.segments, [], stream=1, rate_hz=RATE_HZ)
    levels_db = profile_of(audio.blocks(piece), piece).level_db.tolist()
    assert [0.0] * 4 == pytest.approx(levels_db[:4], abs=0.01)
    assert [-120.0] * 2 == levels_db[-2:]  # the filter reaches over two hops


@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_a_missing_segment_is_known_before_the_work_begins(tmp_path: Path, damage: str) -> None:
    audio = a_track(tmp_path, staircase(65))
    segment = audio.recording.folder.path / audio.recording.segments[1].path
    if damage == "removed":
        segment.unlink()
    else:
        segment.write_bytes(segment.read_bytes()[:-2])
    with pytest.raises(CorruptFolder, match=r"000001\.wav is (missing|shorter)"):
        require_segments(audio.recording)
