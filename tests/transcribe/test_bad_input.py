"""Whatever sound a session holds, each frame of it is accounted for; what cannot be read is a sentence and an exit code."""

import errno
import json
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile

from everyword import ledger
from everyword import run as runs
from everyword.errors import CorruptFolder, DiskTrouble, InvalidOption, ModelMissing
from everyword.folder import SessionFolder
from everyword.journal import BrokenChain
from everyword.leaves import altered_frames
from everyword.recording import read_recording
from everyword.run import read_transcript, run_names
from everyword.segment import HEADER_BYTES
from recorder.imports import import_files
from tests.transcribe.builders import a_marked_session, a_session_with_a_gap, staircase
from tests.transcribe.conftest import Invoke
from transcribe import pipeline
from transcribe.scripted import ScriptedEngine
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.whisper import decoding

SECONDS = 20


def tone(rate_hz: int) -> Floats:
    """A buzz that comes and goes."""
    time_s = np.arange(SECONDS * rate_hz) / rate_hz
    return (0.2 * np.sin(2 * np.pi * 220 * time_s) * (np.sin(time_s) > 0)).astype(np.float32)


def broken(samples: Floats) -> Floats:
    samples[100:200], samples[300], samples[400] = np.nan, np.inf, -np.inf
    return samples


SOUNDS = {
    "8 kHz": (8_000, tone(8_000), "PCM_16"),
    "96 kHz": (96_000, tone(96_000), "PCM_24"),
    "32-bit float with NaN": (16_000, broken(tone(16_000)), "FLOAT"),
    "64-bit float": (16_000, tone(16_000), "DOUBLE"),
    "clipped": (16_000, np.clip(tone(16_000) * 50, -1, 1), "PCM_16"),
    "far beyond full scale": (16_000, tone(16_000) * 1000, "FLOAT"),
    "with a DC offset": (16_000, tone(16_000) * 0.5 + 0.4, "PCM_16"),
    "dual mono": (16_000, np.stack([tone(16_000)] * 2, axis=1), "PCM_16"),
    "one dead channel": (16_000, np.stack([tone(16_000), np.zeros(SECONDS * 16_000, np.float32)], axis=1), "PCM_16"),
    "digital silence": (16_000, np.zeros(SECONDS * 16_000, np.float32), "PCM_16"),
}


def a_session(tmp_path: Path, sound: str) -> SessionFolder:
    rate_hz, samples, subtype = SOUNDS[sound]
    path = tmp_path / "sound.wav"
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return import_files([path], parent=tmp_path / "sessions", home=tmp_path / "home", title="Bad", operator="Test Operator")


def unaccounted(folder: SessionFolder) -> list[str]:
    return runs.uncovered(read_recording(folder), read_transcript(folder).coverage)


@pytest.mark.parametrize("sound", SOUNDS)
def test_every_frame_of_any_sound_is_accounted_for(tmp_path: Path, invoke: Invoke, script: dict[int, object], sound: str) -> None:
    folder = a_session(tmp_path, sound)
    done = invoke("transcribe", str(folder.path))
    is_broken = sound in ("32-bit float with NaN", "far beyond full scale")
    assert (3 if is_broken else 0, []) == (done.exit_code, unaccounted(folder)), done.output


def test_samples_that_are_no_level_are_told(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    done = invoke("transcribe", str(a_session(tmp_path, "32-bit float with NaN").path))
    assert "0.03 s hold samples that are no level of sound" in " ".join(done.stderr.split())


def test_a_file_on_the_scale_of_integers_is_inaudible_and_nothing_is_made_up(
    tmp_path: Path, invoke: Invoke, script: dict[int, object]
) -> None:
    soundfile.write(tmp_path / "in.wav", staircase(5) * 32768, RATE_HZ, subtype="FLOAT")
    folder = import_files([tmp_path / "in.wav"], parent=tmp_path / "s", home=tmp_path / "h", title="", operator="Test Operator")
    assert 3 == invoke("transcribe", str(folder.path)).exit_code
    spans = [(span.state, span.reason, span.frame_count) for span in read_transcript(folder).coverage]
    assert [("inaudible", "samples that are no level of sound", 5 * RATE_HZ)] == spans


def test_sound_that_was_altered_after_the_seal_is_told_and_its_words_are_flagged(
    tmp_path: Path, invoke: Invoke, script: dict[int, object]
) -> None:
    script.clear()
    script.update({0: "one two three four five six seven eight nine ten", 14: "after it"})
    folder = a_marked_session(tmp_path, seconds=20)
    path = folder.segment(1, 0)
    data = bytearray(path.read_bytes())
    data[HEADER_BYTES + 2 * RATE_HZ * 2] ^= 1
    data[HEADER_BYTES + 12 * RATE_HZ * 2] ^= 1
    path.write_bytes(data)
    done = invoke("transcribe", str(folder.path), "--json")
    found = read_transcript(folder)
    altered = [word.text for said in found.utterances for word in said.words if "altered" in word.flags]
    spans = [(span.first_frame, span.frame_count) for span in found.coverage if span.reason == "not the sound that was sealed"]
    assert (3, ["six", "seven", "eight"], [(12 * RATE_HZ, RATE_HZ)]) == (done.exit_code, altered, spans)
    told = [{"track": 1, "first_s": 2, "end_s": 3}, {"track": 1, "first_s": 12, "end_s": 13}]
    assert told == json.loads(done.stdout)["data"]["altered"]
    assert f"`everyword verify {found.run.session}`" in " ".join(done.stderr.split())


def test_sound_that_was_altered_on_one_channel_is_altered_on_that_track_alone(
    tmp_path: Path, invoke: Invoke, script: dict[int, object]
) -> None:
    script.clear()
    script.update({0: "one two three four five six"})
    folder = a_marked_session(tmp_path, seconds=5, channels=2)
    with folder.segment(1, 0).open("r+b") as file:
        file.seek(HEADER_BYTES + (4 * RATE_HZ + 500) * 4 + 2)
        file.write(b"\x01")
    done = invoke("transcribe", str(folder.path), "--json")
    reasons = {span.track for span in read_transcript(folder).coverage if span.reason == "not the sound that was sealed"}
    told = json.loads(done.stdout)["data"]["altered"]
    assert ([{"track": 2, "first_s": 4, "end_s": 5}], {2}) == (told, reasons)


def test_altered_seconds_are_one_stretch_also_over_the_edge_of_a_file(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=70)
    for number, second in ((0, 59), (1, 0), (1, 9)):
        with folder.segment(1, number).open("r+b") as file:
            file.seek(HEADER_BYTES + second * RATE_HZ * 2)
            file.write(b"\xff")
    frames = [(59 * RATE_HZ, 61 * RATE_HZ), (69 * RATE_HZ, 70 * RATE_HZ)]
    assert {(1, 0): frames} == altered_frames(read_recording(folder))


def test_a_journal_that_is_not_the_sealed_one_is_refused(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    folder = a_marked_session(tmp_path, seconds=5)
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    folder.journal.write_bytes(b"".join(lines[:-1]))
    done = invoke("transcribe", str(folder.path))
    assert (CorruptFolder, True) == (type(done.exception), "not the one that was sealed" in str(done.exception))


def test_an_interrupted_transcription_says_that_what_was_read_is_kept(
    tmp_path: Path, invoke: Invoke, script: dict[int, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "begin", interrupted)
    done = invoke("transcribe", str(a_marked_session(tmp_path, seconds=5).path))
    assert (130, True) == (done.exit_code, "What was read is kept" in done.stderr)


def test_where_the_salts_are_gone_the_whole_of_an_altered_file_counts(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=70)
    folder.salts.unlink()
    assert {} == altered_frames(read_recording(folder))
    with folder.segment(1, 1).open("r+b") as file:
        file.seek(HEADER_BYTES)
        file.write(b"\xff")
    assert {(1, 0): [(60 * RATE_HZ, 70 * RATE_HZ)]} == altered_frames(read_recording(folder))


@pytest.mark.parametrize("place", ["audio/s1/000000.wav", "transcripts"])
def test_a_link_is_not_followed(tmp_path: Path, invoke: Invoke, script: dict[int, object], place: str) -> None:
    folder = a_marked_session(tmp_path, seconds=5)
    path = folder.path / place
    (tmp_path / "elsewhere").mkdir()
    if path.exists():
        path.rename(tmp_path / "elsewhere" / path.name)
    path.symlink_to(tmp_path / "elsewhere" / path.name if place != "transcripts" else tmp_path / "elsewhere")
    done = invoke("transcribe", str(folder.path))
    assert isinstance(done.exception, CorruptFolder)
    assert (True, []) == ("leads elsewhere" in str(done.exception), list((tmp_path / "elsewhere").glob("r*")))


def test_a_run_of_which_nothing_could_be_read_does_not_count_and_the_next_one_does(
    tmp_path: Path, invoke: Invoke, script: dict[int, object]
) -> None:
    script.update({0: RuntimeError("out of memory"), 14: RuntimeError("out of memory")})
    folder = a_marked_session(tmp_path, seconds=20)
    done = invoke("transcribe", str(folder.path))
    said = " ".join(done.stderr.split())
    assert (3, None) == (done.exit_code, ledger.current_run(folder))
    assert "2 windows could not be read (RuntimeError: out of memory)" in said
    assert "No word was read, so r001 does not count" in said
    script.update({0: "good morning", 14: "madam"})
    assert (0, "r002") == (invoke("transcribe", str(folder.path)).exit_code, ledger.current_run(folder))


def test_which_run_counts_is_told_where_it_is_not_the_new_one(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    folder = a_marked_session(tmp_path, seconds=20)
    invoke("transcribe", str(folder.path))
    done = invoke("transcribe", str(folder.path))
    assert (0, True) == (done.exit_code, "r001 stays the current transcription" in " ".join(done.stderr.split()))
    third = json.loads(invoke("transcribe", str(folder.path), "--json").stdout)["data"]
    assert ("r003", False) == (third["run"], third["is_current"])


def test_a_ledger_that_is_damaged_is_a_sentence_before_the_work(
    tmp_path: Path, invoke: Invoke, script: dict[int, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_marked_session(tmp_path, seconds=5)
    folder.ledger.write_text('{"x":1}\n')
    monkeypatch.setattr(ScriptedEngine, "read", None)
    assert isinstance(invoke("transcribe", str(folder.path)).exception, BrokenChain)


def test_where_samples_are_no_numbers_for_seconds_nothing_is_called_silence(tmp_path: Path, invoke: Invoke, home: Path) -> None:
    sound = np.zeros(20 * 16_000, np.float32)
    sound[5 * 16_000 : 15 * 16_000] = np.nan
    soundfile.write(tmp_path / "sound.wav", sound, 16_000, subtype="FLOAT")
    folder = import_files([tmp_path / "sound.wav"], parent=tmp_path / "s", home=home, title="Bad", operator="Test Operator")
    invoke("transcribe", str(folder.path))
    spans = [(span.state, span.reason, span.first_frame // 16_000) for span in read_transcript(folder).coverage]
    silence = "no voice, low level"
    broken = "samples that are no level of sound"
    assert [("silent", silence, 0), ("inaudible", broken, 4), ("silent", silence, 15)] == spans


def test_a_dead_channel_is_silent_and_the_other_is_not(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    folder = a_session(tmp_path, "one dead channel")
    invoke("transcribe", str(folder.path))
    states = {track: {span.state for span in read_transcript(folder).coverage if span.track == track} for track in (1, 2)}
    assert ({"silent"}, True) == (states[2], "inaudible" in states[1])


@pytest.mark.parametrize("gap_s", [1, 30, 600])
def test_a_gap_in_the_middle_is_a_gap_and_what_is_said_after_it_keeps_its_place(
    tmp_path: Path, invoke: Invoke, script: dict[int, object], gap_s: int
) -> None:
    script.clear()
    script.update({0: "before", 20: "after the gap"})
    folder = a_session_with_a_gap(tmp_path, staircase(30), at_s=20, gap_s=gap_s)
    done = invoke("transcribe", str(folder.path))
    found = read_transcript(folder)
    gaps = [(span.first_frame, span.frame_count) for span in found.coverage if span.state == "gap"]
    starts = {utterance.text: utterance.first_frame for utterance in found.utterances}
    assert (0, []) == (done.exit_code, unaccounted(folder)), done.output
    assert [(20 * RATE_HZ, gap_s * RATE_HZ)] == gaps
    assert {"before": 0, "after the gap": (20 + gap_s) * RATE_HZ} == starts


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_hours_are_accounted_for_without_being_held_in_memory(
    tmp_path: Path, invoke: Invoke, script: dict[int, object]
) -> None:
    hours, rate_hz = 10, 8_000
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", rate_hz, 1, subtype="PCM_16") as file:
        for _ in range(hours * 60):
            file.write(np.tile(tone(rate_hz), 3))
    folder = import_files([path], parent=tmp_path, home=tmp_path / "home", title="Long", operator="Test Operator")
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = invoke("transcribe", str(folder.path), "--json")
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    assert (0, []) == (done.exit_code, unaccounted(folder)), done.output
    assert hours * 3600 == sum(json.loads(done.stdout)["data"]["seconds"].values())
    assert grown_mb < 300, "36,000 s as float32 at 16 kHz are 2,300 MB"


def test_a_missing_segment_is_a_sentence_before_the_work(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    folder = a_marked_session(tmp_path, seconds=70)
    folder.segment(1, 1).unlink()
    done = invoke("transcribe", str(folder.path))
    assert isinstance(done.exception, CorruptFolder)
    assert ([], True) == (run_names(folder), "000001.wav is missing" in str(done.exception))


def test_an_unknown_language_is_a_mistake_in_the_options(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    folder = a_marked_session(tmp_path, seconds=5)
    done = invoke("transcribe", str(folder.path), "--language", "xx")
    assert (InvalidOption, 2, []) == (type(done.exception), InvalidOption.exit_code, run_names(folder))


@pytest.mark.parametrize("missing", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
def test_a_model_folder_that_lacks_a_file_is_refused(tmp_path: Path, invoke: Invoke, base_home: Path, missing: str) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for file in (base_home / "models" / "base").iterdir():
        if file.name != missing:
            (copy / file.name).hardlink_to(file)
    folder = a_marked_session(tmp_path, seconds=5)
    done = invoke("transcribe", str(folder.path), "--model", str(copy))
    assert (ModelMissing, 7, []) == (type(done.exception), ModelMissing.exit_code, run_names(folder))


@pytest.mark.parametrize("file", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
@pytest.mark.parametrize("content", [b"", b"{}\n"])
def test_a_model_folder_with_a_damaged_file_is_refused(
    tmp_path: Path, invoke: Invoke, base_home: Path, file: str, content: bytes
) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for one in (base_home / "models" / "base").iterdir():
        (copy / one.name).hardlink_to(one)
    (copy / file).unlink()
    (copy / file).write_bytes(content)
    folder = a_marked_session(tmp_path, seconds=5)
    done = invoke("transcribe", str(folder.path), "--model", str(copy))
    assert (ModelMissing, []) == (type(done.exception), run_names(folder)), done.exception
    assert str(copy) in done.exception.hint  # type: ignore[union-attr]


def test_a_model_folder_that_is_not_there_is_not_looked_for_in_the_hub(tmp_path: Path, invoke: Invoke) -> None:
    folder = a_marked_session(tmp_path, seconds=5)
    done = invoke("transcribe", str(folder.path), "--model", str(tmp_path / "model"))
    assert (ModelMissing, True) == (type(done.exception), "no model folder" in str(done.exception))


def test_a_language_that_the_model_does_not_know_is_a_mistake_in_the_options(
    tmp_path: Path, invoke: Invoke, script: dict[int, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedEngine, "knows", lambda _, language: language != "yue")
    folder = a_marked_session(tmp_path, seconds=5)
    done = invoke("transcribe", str(folder.path), "--language", "EN", "--language", "yue")
    assert (InvalidOption, []) == (type(done.exception), run_names(folder))
    assert "does not know the language 'yue'" in str(done.exception)
    assert 0 == invoke("transcribe", str(folder.path), "--language", "EN").exit_code


def test_a_model_with_another_digest_than_it_must_have_is_refused(
    tmp_path: Path, invoke: Invoke, home: Path, base_home: Path
) -> None:
    copy = home / "models" / "base"
    copy.mkdir(parents=True)
    for file in (base_home / "models" / "base").iterdir():
        (copy / file.name).hardlink_to(file)
    (copy / "config.json").unlink()
    (copy / "config.json").write_text("{}")
    done = invoke("transcribe", str(a_marked_session(tmp_path, seconds=5).path))
    assert isinstance(done.exception, ModelMissing)
    assert "config.json was changed" in str(done.exception)


def test_a_disk_that_is_full_half_way_costs_nothing_that_was_read(
    tmp_path: Path, invoke: Invoke, script: dict[int, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    script.update(dict.fromkeys(range(200), "a word"))
    folder = a_marked_session(tmp_path, seconds=150)
    room, write = 2500, os.write

    def limited(descriptor: int, data: bytes) -> int:
        nonlocal room
        if "unfinished" in Path(f"/proc/self/fd/{descriptor}").readlink().name:
            if room <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            room -= len(data)
        return write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", limited)
        done = invoke("transcribe", str(folder.path))
    assert (DiskTrouble, 6) == (type(done.exception), DiskTrouble.exit_code)
    assert "No space left" in str(done.exception)
    assert ledger.current_run(folder) is None
    path, engine = runs.run_path(folder, "r001"), ScriptedEngine(script)  # type: ignore[arg-type]
    kept = sum(1 for _ in runs.read_lines(path / runs.UNFINISHED))
    monkeypatch.setattr(decoding, "WhisperEngine", lambda *_, **__: engine)
    assert 0 == invoke("transcribe", str(folder.path)).exit_code
    assert (["r001"], []) == (run_names(folder), unaccounted(folder))
    windows = sum(1 for _ in runs.read_lines(path / runs.READINGS))
    assert 0 < kept == windows - sum(len(marks) for marks in engine.calls)
