"""Copies of the sound hold the same samples, or there is no copy."""

import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from ulid import ULID

import archive.export.sound as export
from archive.export.sound import export_sound, pcm_of, wav_header
from everyword import keys
from everyword.errors import CorruptFolder, InvalidOption, WouldOverwrite
from everyword.folder import FORMAT, SessionFolder, create
from everyword.model import Input, SampleFormat, Session, Stream
from everyword.recording import read_recording
from everyword.segment import HEADER_BYTES
from recorder.disk.record import Record

RATE_HZ = 8000


def a_sealed_session(
    tmp_path: Path,
    *,
    channels: int = 2,
    sample_format: SampleFormat = "s24",
    seconds: float = 1.5,
    gap: int = 0,
    is_padded: bool = False,
) -> tuple[SessionFolder, bytes]:
    """Noise with both extremes in it, and what it is in bytes; with a gap of so many frames in the middle.

    `is_padded`: the lowest byte of every sample is zero, as of a microphone of 24 bits that gives 32.
    """
    folder = create(tmp_path / "sessions", Session(FORMAT, str(ULID()), "Sound", "", (), (), (), "captured", "", 0, {}))
    record = Record.begin(folder)
    tape = record.open_stream(
        Input("test", "test", "file"), rate_hz=RATE_HZ, channels=channels, sample_format=sample_format, detail={}
    )
    frames = round(seconds * RATE_HZ)
    width = {"s16": 2, "s24": 3, "s32": 4, "f32": 4}[sample_format]
    noise = np.random.default_rng(1).integers(0, 256, frames * channels * width, np.uint8).tobytes()
    extremes = b"\x00" * (width - 1) + b"\x80" + b"\xff" * (width - 1) + b"\x7f"
    pcm = (extremes * channels + noise)[: frames * channels * width]
    if is_padded:
        pcm = (np.frombuffer(pcm, "<u4") & 0xFFFFFF00).tobytes()
    tape.write(pcm)
    if gap:
        tape.skip(gap, cause="test")
        tape.write(pcm)
        pcm += bytes(gap * channels * width) + pcm
    record.finish(reason="test", origin="captured", key=keys.device_key(tmp_path / "home"))
    return folder, pcm


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("sample_format", ["s16", "s24"])
def test_a_flac_copy_holds_every_sample_of_every_channel(tmp_path: Path, channels: int, sample_format: SampleFormat) -> None:
    folder, pcm = a_sealed_session(tmp_path, channels=channels, sample_format=sample_format)
    (path,) = export_sound(folder, ["flac"], to=tmp_path / "out")
    samples, rate_hz = soundfile.read(path, dtype="int32", always_2d=True)
    info = soundfile.info(path)
    assert (RATE_HZ, {"s16": "PCM_16", "s24": "PCM_24"}[sample_format]) == (rate_hz, info.subtype)
    width = {"s16": 2, "s24": 3}[sample_format]
    assert pcm == samples.reshape(-1, 1).view(np.uint8)[:, 4 - width :].tobytes()


@pytest.mark.parametrize(("is_padded", "bits"), [(True, 24), (False, 32)])
def test_a_flac_copy_of_wide_samples_holds_every_bit_that_is_used(tmp_path: Path, is_padded: bool, bits: int) -> None:
    folder, pcm = a_sealed_session(tmp_path, sample_format="s32", is_padded=is_padded)
    (path,) = export_sound(folder, ["flac"], to=tmp_path / "out")
    with av.open(str(path)) as copy:
        decoded = b"".join(frame.to_ndarray().tobytes() for frame in copy.decode(audio=0))
    head = path.read_bytes()[:22]
    assert (pcm, bits) == (decoded, ((head[20] & 1) << 4 | head[21] >> 4) + 1)  # RFC 9639 §8.2


def test_a_wav_copy_is_one_file_with_the_bytes_of_all_segments(tmp_path: Path) -> None:
    folder, pcm = a_sealed_session(tmp_path, seconds=61.5)
    (path,) = export_sound(folder, ["wav"], to=tmp_path / "out")
    with wave.open(str(path)) as file:
        assert (2, 3, RATE_HZ, pcm) == (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.readframes(10**9))


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_a_gap_that_no_file_holds_is_silence_in_the_copy(tmp_path: Path, name: str) -> None:
    folder, pcm = a_sealed_session(tmp_path, sample_format="s16", gap=125 * RATE_HZ)
    assert 2 < len(read_recording(folder).gaps)
    (path,) = export_sound(folder, [name], to=tmp_path / "out")
    assert pcm == soundfile.read(path, dtype="int16")[0].tobytes()


@settings(max_examples=30, deadline=None)
@given(pieces=st.lists(st.tuples(st.integers(1, 300), st.integers(0, 9000)), min_size=1, max_size=4))
def test_what_is_exported_is_as_long_as_the_stream(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[int, int]]
) -> None:
    tmp_path = tmp_path_factory.mktemp("sound")
    folder = create(tmp_path / "sessions", Session(FORMAT, str(ULID()), "Sound", "", (), (), (), "captured", "", 0, {}))
    record = Record.begin(folder)
    tape = record.open_stream(Input("test", "test", "file"), rate_hz=100, channels=1, sample_format="s16", detail={})
    for sound, gap in pieces:
        tape.write(b"\1\2" * sound)
        tape.skip(gap, cause="test")
    record.finish(reason="test", origin="captured", key=keys.device_key(tmp_path / "home"))
    exported = b"".join(pcm_of(read_recording(folder), record.tapes[1].stream))
    assert b"".join(b"\1\2" * sound + bytes(2 * gap) for sound, gap in pieces) == exported


def test_flac_refuses_what_it_would_have_to_change(tmp_path: Path) -> None:
    folder, _ = a_sealed_session(tmp_path, sample_format="f32")
    with pytest.raises(InvalidOption, match="FLAC cannot hold stream 1 as it is: it has samples in f32"):
        export_sound(folder, ["wav", "flac"], to=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_flac_refuses_more_channels_than_it_has(tmp_path: Path) -> None:
    folder, _ = a_sealed_session(tmp_path, channels=9)
    with pytest.raises(InvalidOption, match="9 channels"):
        export_sound(folder, ["flac"], to=tmp_path / "out")


def test_a_copy_in_which_one_sample_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = a_sealed_session(tmp_path)
    real, calls = export._blocks, [0]

    def blocks(*arguments: object) -> object:
        calls[0] += 1
        for block in real(*arguments):  # type: ignore[arg-type]
            yield block if calls[0] == 1 else block ^ (1 << 8)

    monkeypatch.setattr(export, "_blocks", blocks)
    with pytest.raises(CorruptFolder, match="does not hold the samples"):
        export_sound(folder, ["flac"], to=tmp_path / "out")
    assert [] == list((tmp_path / "out").iterdir())


def test_a_session_that_is_not_sealed_has_no_copies_yet(tmp_path: Path) -> None:
    folder, _ = a_sealed_session(tmp_path)
    folder.seal_signature.unlink()
    with pytest.raises(InvalidOption, match="not sealed"):
        export_sound(folder, ["flac"], to=tmp_path / "out")


def test_nothing_is_overwritten_and_nothing_goes_into_the_record(tmp_path: Path) -> None:
    folder, _ = a_sealed_session(tmp_path)
    export_sound(folder, ["wav"], to=tmp_path / "out")
    with pytest.raises(WouldOverwrite):
        export_sound(folder, ["wav"], to=tmp_path / "out")
    with pytest.raises(InvalidOption, match="it is the record"):
        export_sound(folder, ["wav"], to=folder.path / "out")


@pytest.mark.parametrize("gigabytes", [5, 12])
def test_a_joined_file_above_four_gigabytes_is_rf64_that_others_read(tmp_path: Path, gigabytes: int) -> None:
    """The file is sparse: all of it is silence but the last second."""
    folder, _ = a_sealed_session(tmp_path, seconds=1)
    stream = Stream(1, RATE_HZ, 2, "s24", (1, 2), Input("test", "test", "file"), {})
    frames = gigabytes * 10**9 // stream.frame_bytes
    head = wav_header(folder.segment(1, 0).read_bytes()[:HEADER_BYTES], stream, frames * stream.frame_bytes)
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(head)
        file.seek((frames - 1) * stream.frame_bytes, 1)
        file.write(struct.pack("<ii", 0x123456, 0x654321)[:3] + struct.pack("<i", 0x654321)[:3])
    with soundfile.SoundFile(path) as sound:
        sound.seek(frames - 1)
        last = sound.read(1, dtype="int32")
        assert (frames, "RF64", [[0x12345600, 0x65432100]]) == (sound.frames, sound.format, last.tolist())
    with av.open(str(path)) as container:
        assert frames == container.streams.audio[0].duration
