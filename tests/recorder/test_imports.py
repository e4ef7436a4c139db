"""Files → sessions: nothing reduced, nothing invented, bad files refused before anything is made."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from everyword.digest import file_digest
from everyword.errors import InvalidText, UnreadableAudio
from everyword.recording import read_recording
from recorder.imports import import_files
from tests.helpers import a_session, failures, tone
from tests.recorder.sound import counted, counted_file, recorded


def test_the_sound_of_a_wav_file_arrives_bit_for_bit(tmp_path: Path) -> None:
    folder = a_session(tmp_path, counted_file(tmp_path / "in.wav", seconds=3.3))
    assert counted(1, 26_400) == recorded(folder)
    assert [] == failures(tmp_path, folder)


@pytest.mark.parametrize(
    ("subtype", "sample_format"), [("PCM_16", "s16"), ("PCM_24", "s24"), ("PCM_32", "s32"), ("FLOAT", "f32"), ("DOUBLE", "f64")]
)
def test_no_sample_format_is_reduced(tmp_path: Path, subtype: str, sample_format: str) -> None:
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, (4000, 3))
    soundfile.write(tmp_path / "in.wav", noise, 8000, subtype=subtype)
    kind = "float64" if subtype == "DOUBLE" else "float32" if subtype == "FLOAT" else "int32"
    expected, _ = soundfile.read(tmp_path / "in.wav", dtype=kind)
    folder = a_session(tmp_path, tmp_path / "in.wav")
    assert sample_format == read_recording(folder).streams[1].sample_format
    found, rate_hz = soundfile.read(folder.segment(1, 0), dtype=kind)
    assert 8000 == rate_hz
    assert np.array_equal(expected, found)


def test_eight_bit_samples_are_widened_exactly(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.linspace(-0.99, 0.99, 800), 8000, subtype="PCM_U8")
    expected, _ = soundfile.read(tmp_path / "in.wav", dtype="int16")
    found, _ = soundfile.read(a_session(tmp_path, tmp_path / "in.wav").segment(1, 0), dtype="int16")
    assert np.array_equal(expected, found)


def test_the_source_is_kept_unchanged_and_the_journal_says_imported(tmp_path: Path) -> None:
    source = tone(tmp_path / "Протокол  №7.WAV")
    folder = a_session(tmp_path, source)
    (line,) = [json.loads(line) for line in folder.journal.read_text().splitlines() if '"kind":"import"' in line]
    (entry,) = line["files"]
    assert "Протокол  №7.WAV" == entry["name"]
    assert file_digest(source) == entry["digest"] == file_digest(folder.path / entry["path"])
    assert None is line["started_at_us"]
    assert "imported" == read_recording(folder).session.origin


def test_files_are_parallel_tracks(tmp_path: Path) -> None:
    folder = a_session(tmp_path, tone(tmp_path / "a.wav"), tone(tmp_path / "b.wav", channels=2, rate_hz=16_000))
    assert [(1, 1, 0), (2, 2, 0), (3, 2, 1)] == [(t.number, t.stream, t.channel) for t in read_recording(folder).tracks]


def test_files_in_sequence_go_on_in_one_stream(tmp_path: Path) -> None:
    files = [counted_file(tmp_path / f"{name}.wav", seconds=1.5) for name in "ab"]
    folder = import_files(files, parent=tmp_path / "s", home=tmp_path / "home", title="T", operator="O", sequence=True)
    assert 24_000 == read_recording(folder).end_frame(1)
    assert counted(1, 12_000) * 2 == recorded(folder)


def test_a_format_that_changes_in_a_sequence_opens_a_second_stream_of_the_same_track(tmp_path: Path) -> None:
    files = [tone(tmp_path / "a.wav"), tone(tmp_path / "b.wav", rate_hz=16_000)]
    folder = import_files(files, parent=tmp_path / "s", home=tmp_path / "home", title="T", operator="O", sequence=True)
    assert [(1, 1), (1, 2)] == [(track.number, track.stream) for track in read_recording(folder).tracks]


def test_a_given_start_stands_in_the_segment_header(tmp_path: Path) -> None:
    folder = import_files(
        [tone(tmp_path / "a.wav")],
        parent=tmp_path / "s",
        home=tmp_path / "home",
        title="T",
        operator="O",
        started_at_us=1_700_000_000_000_000,
    )
    assert b"2023-11-1422:13:20" in folder.segment(1, 0).read_bytes()[:1024]
    assert 1_700_000_001_000_000 == read_recording(folder).timeline(1).utc_us(8000)


def test_every_audio_stream_of_a_video_is_kept(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(2)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
            frame.sample_rate = 8000
            container.mux(stream.encode(frame))
    folder = a_session(tmp_path, tmp_path / "in.mkv")
    assert [8000, 8000] == [read_recording(folder).end_frame(stream) for stream in (1, 2)]


def test_a_file_damaged_in_the_middle_keeps_what_can_be_decoded_and_says_so(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "whole.flac", np.random.default_rng(1).uniform(-0.5, 0.5, 80_000), 8000)
    data = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2] + bytes(2000))
    folder = a_session(tmp_path, tmp_path / "cut.flac")
    recording = read_recording(folder)
    assert 0 < recording.end_frame(1) < 80_000
    assert {"unknown"} == {finding.outcome for finding in failures(tmp_path, folder)}


@pytest.mark.parametrize("content", [b"", b"this is a letter, not a sound\n" * 50, b"RIFF\x24\0\0\0WAVE", bytes(5000)])
def test_what_is_no_sound_is_refused_and_nothing_is_made(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in.wav").write_bytes(content)
    with pytest.raises(UnreadableAudio) as caught:
        a_session(tmp_path, tmp_path / "in.wav")
    assert "in.wav" in caught.value.sentence
    assert not (tmp_path / "sessions").exists()


def test_one_bad_file_among_good_ones_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UnreadableAudio):
        a_session(tmp_path, tone(tmp_path / "a.wav"), tmp_path / "missing.wav")
    assert not (tmp_path / "sessions").exists()


@pytest.mark.parametrize(
    "name", ["../../escape", "<script>alert(1)</script>", "x" * 400, "кошка\u0301 и собака", "; rm -rf ~", "."]
)
def test_a_hostile_title_stays_text(tmp_path: Path, name: str) -> None:
    folder = a_session(tmp_path, title=name)
    assert (tmp_path / "sessions") == folder.path.parent
    assert name == folder.read_session().title
    assert len(folder.path.name.encode()) < 150


@pytest.mark.parametrize("name", ["bell\a", "\x1b[2J", "left\u202eright", "x" * 10_000, "nul\0"])
def test_a_title_that_would_mislead_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidText):
        a_session(tmp_path, title=name)
    assert not (tmp_path / "sessions").exists()
