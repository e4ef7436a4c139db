"""The embedded model on real speech."""

import gc
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from everyword import keys
from everyword.errors import InvalidOption
from everyword.recording import read_recording
from everyword.run import READINGS, read_lines, read_transcript, run_path
from everyword.verify import verify_session
from recorder.imports import import_files
from tests.transcribe.builders import write_wav
from tests.transcribe.conftest import DATA, RealRun
from transcribe import pipeline
from transcribe.engine import Heard, Hypothesis
from transcribe.reading.attempts import Attempt, Clip
from transcribe.reading.batches import read_all
from transcribe.record.lines import attempt_line
from transcribe.sound.audio import TrackAudio
from transcribe.sound.voice import profile_of
from transcribe.sound.windows import Floats, Piece, pieces, tile
from transcribe.whisper import decoding
from transcribe.whisper.decoding import WhisperEngine, resolve_compute_type, resolve_device


def clips(run: RealRun) -> Iterator[Clip]:
    recording = read_recording(run.folder)
    audio = TrackAudio(recording, recording.tracks[0])
    for piece in pieces(recording.segments, recording.gaps, stream=1, rate_hz=audio.stream.rate_hz):
        place = profile_of(audio.blocks(piece), piece)
        for window, samples in audio.clips(piece, tile(place)):
            yield Clip(window, samples, place)


def spoken(track: int) -> list[str]:
    turns = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))["turns"]
    return re.findall(r"\w+", " ".join(turn["text"] for turn in turns if turn["channel"] == track - 1).lower())


def test_each_track_is_read_in_its_own_language(real_run: RealRun) -> None:
    utterances = read_transcript(real_run.folder).utterances
    assert {(1, "en"), (2, "ru")} == {(one.track, one.language) for one in utterances}


@pytest.mark.parametrize("track", [1, 2])
def test_most_words_that_were_said_are_in_the_transcript(real_run: RealRun, track: int) -> None:
    text = " ".join(one.text for one in read_transcript(real_run.folder).utterances if one.track == track).lower()
    heard = set(re.findall(r"\w+", text))
    expected = spoken(track)
    assert sum(word in heard for word in expected) / len(expected) > 0.6


def test_real_coverage_adds_up_to_the_frame(real_run: RealRun) -> None:
    end = read_recording(real_run.folder).end_frame(1)
    for track in (1, 2):
        spans = [span for span in read_transcript(real_run.folder).coverage if span.track == track]
        assert all(one.first_frame + one.frame_count == other.first_frame for one, other in pairwise(spans))
        assert (0, end) == (spans[0].first_frame, spans[-1].first_frame + spans[-1].frame_count)


def test_words_lie_inside_the_turns_that_were_spoken(real_run: RealRun) -> None:
    turns = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))["turns"]
    bounds = [
        (turn["channel"] + 1, turn["first_frame"] - 48_000, turn["first_frame"] + turn["frame_count"] + 48_000) for turn in turns
    ]
    words = [(one.track, word) for one in read_transcript(real_run.folder).utterances for word in one.words]
    outside = [
        word.text for track, word in words if not any(track == t and low <= word.first_frame <= high for t, low, high in bounds)
    ]
    assert len(outside) <= 0.05 * len(words)


def test_the_run_verifies(real_run: RealRun) -> None:
    fingerprint = keys.fingerprint(keys.public_pem(keys.device_key(real_run.home)))
    findings = verify_session(real_run.folder, trusted=[fingerprint])
    assert [] == [finding.sentence for finding in findings if finding.outcome == "fail"]


def test_five_hypotheses_are_kept(real_run: RealRun) -> None:
    lines = list(read_lines(run_path(real_run.folder, "r001") / READINGS))
    assert {5} == {len(line["hypotheses"]) for line in lines if "hypotheses" in line}  # type: ignore[arg-type]


def test_the_shares_of_the_allowed_languages_add_up(real_run: RealRun) -> None:
    lines = [line for line in read_lines(run_path(real_run.folder, "r001") / READINGS) if "languages" in line]
    assert {("en", "ru")} == {tuple(line["languages"]) for line in lines}  # type: ignore[arg-type]
    totals = [sum(line["languages"].values()) for line in lines]  # type: ignore[attr-defined]
    assert all(abs(total - 1_000_000) <= 1 for total in totals)


def test_the_run_names_model_and_versions(real_run: RealRun) -> None:
    run = real_run.outcome.run
    assert run.model["sha256"].startswith("sha256:d01c3014")
    assert {"faster-whisper", "ctranslate2", "compute_type", "device", "workers", "cpu", "cpu_vectors"} <= run.engine.keys()
    assert {"everyword", "pymorphy3", "sherpa-onnx", "code_sha256"} <= run.engine.keys()


def test_what_changes_the_arithmetic_is_named(real_run: RealRun, monkeypatch: pytest.MonkeyPatch) -> None:
    before = real_run.engine.describe()
    monkeypatch.setenv("CT2_FORCE_CPU_ISA", "GENERIC")
    assert {"CT2_FORCE_CPU_ISA": "GENERIC"}.items() == real_run.engine.describe().items() - before.items()


@pytest.mark.parametrize("length", [1, 160, 161, 319, 8_000])
def test_the_shortest_sound_is_read(engine: WhisperEngine, length: int) -> None:
    said, _ = soundfile.read(DATA / "demo.flac", dtype="float32", always_2d=True)
    (reading,) = engine.read([np.ascontiguousarray(said[60_000 : 60_000 + length, 0])], languages=["en"])
    assert all(0 <= word.first_sample <= word.first_sample + word.sample_count <= length for word in reading.words)
    encoded = engine._encode(np.zeros(length, np.float32), engine.context_samples(length))
    tokenizer = engine._tokenizer("en")
    assert engine._align(encoded, tokenizer, tokenizer.encode(" one two"), length)


def test_a_language_that_the_model_was_not_made_for_is_not_known(engine: WhisperEngine) -> None:
    assert [True, True, True, False, False] == [engine.knows(one) for one in ("en", "ru", "uk", "yue", "transcribe ")]


def test_a_reading_does_not_depend_on_batch_or_threads(real_run: RealRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(batch_size: int, workers: int) -> list[Attempt]:
        monkeypatch.setattr(real_run.engine, "batch_size", batch_size)
        monkeypatch.setattr(real_run.engine, "workers", workers)
        found = [one for group in read_all(real_run.engine, clips(real_run), languages=("en", "ru")) for one in group]
        return sorted(found, key=lambda attempt: attempt.window.number)

    alone, together = read(1, 1), read(8, 2)
    assert len(alone) > 4
    assert [_shape(one) for one in alone] == [_shape(one) for one in together]


def _shape(attempt: Attempt) -> object:
    """What reaches the record, in the integers in which it does."""
    return attempt_line(attempt)


@pytest.mark.parametrize("language", ["en", "ru", "uk"])
@pytest.mark.parametrize("room", ["recorded", "made"])
def test_a_near_silent_room_gives_no_unflagged_text(real_run: RealRun, tmp_path: Path, language: str, room: str) -> None:
    path = DATA / "transcribe" / "near_silent.flac" if room == "recorded" else hum(tmp_path / "room.wav")
    folder = import_files([path], parent=tmp_path, home=real_run.home, title="Room", operator="Test Operator")
    recording = pipeline.open_recording(folder)
    key = keys.device_key(real_run.home)
    pipeline.transcribe(recording, real_run.engine, languages=(language,), key=key, by="Test Operator")
    words = [word for one in read_transcript(folder).utterances for word in one.words]
    assert [] == [word.text for word in words if not word.flags]


def hum(path: Path) -> Path:
    """40 s of low noise as from a ventilator, at about -45 dBFS, with a knock in it."""
    noise = np.cumsum(np.random.default_rng(1).standard_normal(16_000 * 40))
    noise -= np.convolve(noise, np.full(1600, 1 / 1600), mode="same")
    noise *= 0.005 / noise.std()
    noise[16_000 * 22 : 16_000 * 22 + 800] *= 20
    return write_wav(path, np.clip(noise, -1, 1).astype(np.float32) * np.float32(0.999))


def test_the_context_depends_on_the_window_alone(engine: WhisperEngine) -> None:
    contexts = [engine.context_samples(round(seconds * 16_000)) // 16_000 for seconds in (2, 2.1, 14.9, 15, 29)]
    assert [6, 6, 18, 18, 30] == contexts


def test_punctuation_stays_with_its_word() -> None:
    found = [
        {"word": " “", "start": 0.0, "end": 0.1, "probability": 0.5},
        {"word": " Well", "start": 0.1, "end": 0.4, "probability": 0.5},
        {"word": ",", "start": 0.4, "end": 0.5, "probability": 0.5},
        {"word": " yes", "start": 0.5, "end": 9.9, "probability": 0.5},
        {"word": ".", "start": 9.9, "end": 9.9, "probability": 0.5},
    ]
    expected = (Heard(" “Well,", 1600, 4800, 0.5), Heard(" yes.", 8000, 8000, 0.5))
    assert expected == decoding._merge_punctuation(found, 16_000)


def test_of_texts_in_circles_the_one_counts_for_which_the_sound_has_time() -> None:
    said = tuple(Heard(text, n * 4800, 4800, 0.9) for n, text in enumerate((" so", " uh", " uh", " line")))
    circle = (*said[:2], *(Heard(" uh", 9600, 0, 0.99) for _ in range(90)))
    texts = tuple(Hypothesis("".join(word.text for word in words), (), -0.1) for words in (circle, said))
    assert ((texts[1], texts[0]), said) == decoding._with_most_time(texts, [circle, said], [False, False])


def test_neither_an_echo_nor_silence_is_put_before_a_text_in_circles() -> None:
    circle = (Heard(" uh", 0, 4800, 0.9), *(Heard(" uh", 4800, 0, 0.99) for _ in range(90)))
    echo = tuple(Heard(text, n * 4800, 4800, 0.9) for n, text in enumerate((" Anna", " Petrova")))
    texts = tuple(Hypothesis("".join(word.text for word in words), (), -0.1) for words in (circle, echo))
    assert (texts, circle) == decoding._with_most_time(texts, [circle, echo], [False, True])
    nothing = (texts[0], Hypothesis("", (), -0.1))
    assert (nothing, circle) == decoding._with_most_time(nothing, [circle, ()], [False, False])


def test_a_device_that_is_not_there_is_refused() -> None:
    for device in ("tpu", "cuda"):
        with pytest.raises(InvalidOption):
            resolve_device(device)


def test_an_impossible_arithmetic_names_the_possible_ones() -> None:
    with pytest.raises(InvalidOption, match="int8"):
        resolve_compute_type("float8", device="cpu")


def test_the_default_arithmetic_on_a_processor_is_int8() -> None:
    assert "int8" == resolve_compute_type("default", device="cpu")


def turn(number: int) -> Floats:
    """One person's turn of the demo, at 16 kHz."""
    found = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))["turns"][number]
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="float32", always_2d=True)
    first, end = found["first_frame"], found["first_frame"] + found["frame_count"]
    return np.asarray(soxr.resample(sound[first:end, found["channel"]], rate_hz, 16_000), np.float32)[: 6 * 16_000]


def test_two_people_in_one_window_are_each_read_in_their_language(engine: WhisperEngine) -> None:
    turns = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))["turns"]
    english, russian = (turn(next(n for n, one in enumerate(turns) if one["channel"] == channel)) for channel in (0, 1))
    pause = np.random.default_rng(1).standard_normal(8_000).astype(np.float32) * 3e-4
    sound = np.concatenate((english, pause, russian))
    piece = Piece(1, 0, len(sound), 16_000)
    place = profile_of([sound], piece)
    clips = [Clip(window, sound[window.first_frame : window.end_frame], place) for window in tile(place)]
    assert 1 == len(clips)
    (attempts,) = read_all(engine, clips, languages=("en", "ru"))
    assert ["en", "ru"] == [one.reading.language for one in attempts if one.used and one.reading]


def test_after_the_sound_a_window_has_the_tone_of_its_room(engine: WhisperEngine) -> None:
    noise = np.random.default_rng(1).standard_normal(3 * 16_000).astype(np.float32) * 0.01
    features = engine._features(noise, 6 * 16_000)
    heard, after = features[:, :300], features[:, 300:]
    assert (after == after[:, :1]).all()
    assert ((heard.min(axis=1) <= after[:, 0]) & (after[:, 0] <= heard.max(axis=1))).all()


def test_the_encoding_that_told_the_language_is_used_once_and_kept_for_nobody(engine: WhisperEngine) -> None:
    sound = turn(0)
    (told,) = engine.shares(sound, stretches=[(0, len(sound))], languages=("en", "ru"))
    assert 1 == len(engine._early)
    (after,) = engine.read([sound], languages=(max(told, key=lambda pair: pair[1])[0],))
    assert {} == engine._early
    assert engine.read([sound.copy()], languages=(after.language,)) == [after]
    engine.shares(sound, stretches=[(0, len(sound))], languages=("en", "ru"))
    del sound
    gc.collect()
    assert {} == engine._early
