"""Segments as others read them."""

import math
import os
import struct
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
import wavinfo
from hypothesis import given
from hypothesis import strategies as st

from everyword.errors import CorruptFolder
from everyword.model import BYTES_PER_SAMPLE, AudioSegment, Input, SampleFormat, Stream
from everyword.segment import HEADER_BYTES, header, read_layout, read_pcm, sizes, split_channels

ID = "01J00000000000000000000000"
NOON_US = int(datetime(2026, 11, 22, 12, 30, 15, tzinfo=UTC).timestamp()) * 1_000_000
SUBTYPES = {"s16": "PCM_16", "s24": "PCM_24", "s32": "PCM_32", "f32": "FLOAT", "f64": "DOUBLE"}
FORMATS: list[SampleFormat] = ["s16", "s24", "s32", "f32", "f64"]


def _stream(sample_format: SampleFormat = "s16", channels: int = 2, rate_hz: int = 48_000) -> Stream:
    return Stream(3, rate_hz, channels, sample_format, tuple(range(channels)), Input("", "", "file"), {})


def _encoded(value: float, sample_format: str) -> bytes:
    if sample_format.startswith("f"):
        return struct.pack("<f" if sample_format == "f32" else "<d", value)
    width = BYTES_PER_SAMPLE[sample_format]
    return round(value * (1 << (8 * width - 1))).to_bytes(width, "little", signed=True)


def _write(path: Path, stream: Stream, pcm: bytes, *, utc_us: int | None = NOON_US) -> Path:
    path.write_bytes(header(stream, session_id=ID, index=7, first_frame=20_160_000, utc_us=utc_us, version="0.1.0") + pcm)
    with path.open("r+b") as file:
        if len(pcm) % 2:
            os.pwrite(file.fileno(), b"\0", HEADER_BYTES + len(pcm))
        for at, data in sizes(len(pcm)):
            os.pwrite(file.fileno(), data, at)
    return path


VALUES = [0.0, 0.5, -0.25, -1.0, 0.125, 0.75]


@pytest.mark.parametrize("sample_format", FORMATS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_soundfile_reads_every_sample_of_every_format(tmp_path: Path, sample_format: SampleFormat, channels: int) -> None:
    pcm = b"".join(_encoded(value, sample_format) for value in VALUES)
    path = _write(tmp_path / "a.wav", _stream(sample_format, channels), pcm)
    info = soundfile.info(path)
    samples, rate_hz = soundfile.read(path, always_2d=True)
    assert (SUBTYPES[sample_format], channels, 48_000) == (info.subtype, info.channels, rate_hz)
    assert VALUES == samples.reshape(-1).tolist()


@pytest.mark.parametrize("sample_format", ["s16", "s24", "s32"])
def test_the_standard_library_reads_what_it_can(tmp_path: Path, sample_format: SampleFormat) -> None:
    pcm = b"".join(_encoded(value, sample_format) for value in VALUES)
    with wave.open(str(_write(tmp_path / "a.wav", _stream(sample_format), pcm))) as file:
        found = (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.readframes(99))
    assert (2, BYTES_PER_SAMPLE[sample_format], 48_000, pcm) == found


def test_an_independent_reader_finds_the_broadcast_fields(tmp_path: Path) -> None:
    info = wavinfo.WavInfoReader(str(_write(tmp_path / "a.wav", _stream(), bytes(8))))
    bext = info.bext
    assert f"Everyword session {ID} stream 3 segment 000007 first frame 20160000" == bext.description
    assert ("Everyword 0.1.0", ID) == (bext.originator, bext.originator_ref)
    assert ("2026-11-22", "12:30:15") == (bext.originator_date, bext.originator_time)
    assert (12 * 3600 + 30 * 60 + 15) * 48_000 == bext.time_reference
    assert (1, 48_000, 2, 16) == (bext.version, info.fmt.sample_rate, info.fmt.channel_count, info.fmt.bits_per_sample)


@pytest.mark.parametrize(("rate_hz", "us", "samples"), [(44_100, 500_000, 22_050), (8_000, 999_999, 7_999), (96_000, 1, 0)])
def test_the_time_reference_counts_parts_of_a_second(tmp_path: Path, rate_hz: int, us: int, samples: int) -> None:
    midnight_us = NOON_US // 86_400_000_000 * 86_400_000_000
    path = _write(tmp_path / "a.wav", _stream(rate_hz=rate_hz), bytes(8), utc_us=midnight_us + us)
    assert samples == wavinfo.WavInfoReader(str(path)).bext.time_reference


def test_an_unknown_time_leaves_the_fields_blank(tmp_path: Path) -> None:
    bext = wavinfo.WavInfoReader(str(_write(tmp_path / "a.wav", _stream(), bytes(8), utc_us=None))).bext
    assert ("", "", 0) == (bext.originator_date, bext.originator_time, bext.time_reference)


@pytest.mark.parametrize("sample_format", FORMATS)
def test_a_header_has_its_length_whatever_is_in_it(sample_format: SampleFormat) -> None:
    head = header(_stream(sample_format), session_id=ID, index=10**6, first_frame=2**52, utc_us=NOON_US, version="1" * 50)
    assert (HEADER_BYTES, b"data\0\0\0\0") == (len(head), head[-8:])


def test_the_samples_begin_where_a_page_of_flash_does_not_matter_and_a_sample_does() -> None:
    assert [0] * 3 == [HEADER_BYTES % size for size in (2, 4, 8)]


@given(frames=st.integers(0, 9), channels=st.integers(1, 3))
def test_odd_counts_of_bytes_get_their_pad(tmp_path_factory: pytest.TempPathFactory, frames: int, channels: int) -> None:
    path = tmp_path_factory.mktemp("odd") / "a.wav"
    pcm = bytes(range(1, 1 + frames * channels * 3))
    _write(path, _stream("s24", channels), pcm)
    (riff,) = struct.unpack("<I", path.read_bytes()[4:8])
    assert path.stat().st_size == riff + 8
    assert 0 == riff % 2
    assert len(pcm) == read_layout(path).declared_bytes
    assert frames == soundfile.info(path).frames


@pytest.mark.parametrize("sample_format", FORMATS)
def test_a_layout_says_what_the_header_says(tmp_path: Path, sample_format: SampleFormat) -> None:
    layout = read_layout(_write(tmp_path / "a.wav", _stream(sample_format, 5, 96_000), b""))
    assert (96_000, 5, sample_format, 0) == (layout.rate_hz, layout.channels, layout.sample_format, layout.declared_bytes)


@pytest.mark.parametrize("length", [0, 3, 12, 500, 1000, 1015, 1020, 1023])
def test_a_header_cut_anywhere_is_refused(tmp_path: Path, length: int) -> None:
    path = _write(tmp_path / "a.wav", _stream(), b"")
    os.truncate(path, length)
    with pytest.raises(CorruptFolder, match=r"a\.wav does not begin with the header"):
        read_layout(path)


@pytest.mark.parametrize("at", [0, 8, 1024 - 32, 1024 - 8])
def test_a_header_that_is_not_ours_is_refused(tmp_path: Path, at: int) -> None:
    path = _write(tmp_path / "a.wav", _stream(), b"")
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptFolder):
        read_layout(path)


@pytest.mark.parametrize(("offset", "value"), [(0, 2), (2, 0), (4, 0), (14, 12)])
def test_an_impossible_format_is_refused(tmp_path: Path, offset: int, value: int) -> None:
    path = _write(tmp_path / "a.wav", _stream(), b"")
    data = bytearray(path.read_bytes())
    struct.pack_into("<I" if offset == 4 else "<H", data, HEADER_BYTES - 24 + offset, value)
    path.write_bytes(data)
    with pytest.raises(CorruptFolder, match="impossible sample format"):
        read_layout(path)


def test_words_in_the_session_id_do_not_confuse_the_reader(tmp_path: Path) -> None:
    head = header(_stream(), session_id="fmt data RIFF", index=0, first_frame=0, utc_us=None, version="fmt ")
    (tmp_path / "a.wav").write_bytes(head)
    assert 48_000 == read_layout(tmp_path / "a.wav").rate_hz


def _pieces(tmp_path: Path) -> tuple[AudioSegment, ...]:
    """Frames 0 to 9 and, after a jumped gap, 20 to 29; frame n holds the number n twice."""
    stream, pieces = _stream(), []
    for first in (0, 20):
        pcm = b"".join(struct.pack("<hh", frame, frame) for frame in range(first, first + 10))
        _write(tmp_path / f"{first}.wav", stream, pcm)
        pieces.append(AudioSegment(3, first, 10, f"{first}.wav", ""))
    return tuple(pieces)


@given(first=st.integers(0, 35), count=st.integers(0, 40))
def test_any_stretch_of_frames_is_read_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, first: int, count: int
) -> None:
    tmp_path = tmp_path_factory.mktemp("pcm")
    found: list[int] = []
    for start, pcm in read_pcm(tmp_path, _pieces(tmp_path), _stream(), first_frame=first, frame_count=count):
        frames = struct.unpack(f"<{len(pcm) // 2}h", pcm)[::2]
        assert start == frames[0]
        found += frames
    assert [frame for frame in range(first, first + count) if frame < 10 or 20 <= frame < 30] == found


def test_segments_of_other_streams_are_passed_over(tmp_path: Path) -> None:
    others = tuple(AudioSegment(4, s.first_frame, s.frame_count, s.path, "") for s in _pieces(tmp_path))
    assert [] == list(read_pcm(tmp_path, others, _stream(), first_frame=0, frame_count=40))


def test_a_missing_or_short_segment_is_named(tmp_path: Path) -> None:
    pieces = _pieces(tmp_path)
    os.truncate(tmp_path / "0.wav", HEADER_BYTES + 39)
    with pytest.raises(CorruptFolder, match=r"0\.wav is shorter than the journal says"):
        list(read_pcm(tmp_path, pieces, _stream(), first_frame=0, frame_count=10))
    (tmp_path / "20.wav").unlink()
    with pytest.raises(CorruptFolder, match=r"20\.wav is missing"):
        list(read_pcm(tmp_path, pieces, _stream(), first_frame=20, frame_count=10))


@pytest.mark.parametrize("sample_format", FORMATS)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_channels_are_taken_apart_bit_for_bit(sample_format: SampleFormat, channels: int) -> None:
    width = BYTES_PER_SAMPLE[sample_format]
    pcm = np.random.default_rng(1).bytes(width * channels * 11)
    expected = [
        b"".join(pcm[(frame * channels + channel) * width :][:width] for frame in range(11)) for channel in range(channels)
    ]
    assert expected == split_channels(pcm, channels=channels, sample_format=sample_format)
    assert math.prod((width, channels, 11)) == sum(map(len, expected))
