"""A session becomes a signed run that accounts for every frame; what goes wrong leaves no half run."""

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from everyword import keys, ledger
from everyword.digest import canonical
from everyword.errors import CorruptFolder, EverywordError, InvalidOption, SessionBusy
from everyword.folder import SessionFolder
from everyword.model import Gap, Speaker, Track
from everyword.recording import read_recording
from everyword.run import QUARANTINE, READINGS, RUN_JSON, read_lines, read_transcript, run_names, run_path
from recorder.imports import import_files
from tests.transcribe.builders import a_marked_session, a_piece, a_profile, a_reading, write_wav
from tests.transcribe.conftest import DATA
from transcribe import track as tracks
from transcribe.engine import Reading, Shares, Stretch
from transcribe.evidence import coverage
from transcribe.evidence.silence import stillness
from transcribe.pipeline import Outcome, choose_languages, open_recording, transcribe
from transcribe.reading.attempts import Attempt
from transcribe.record.unfinished import MANIFEST
from transcribe.record.words import words_of
from transcribe.scripted import FULL_CONTEXT, ScriptedEngine
from transcribe.sound.windows import Floats, Window
from transcribe.speakers import attribution

Script = dict[int, str | Reading | Exception]


def run(folder: SessionFolder, tmp_path: Path, script: Script) -> Outcome:
    key = keys.device_key(tmp_path / "home")
    return transcribe(open_recording(folder), ScriptedEngine(script), languages=("en", "ru"), key=key, by="Test Operator")


def test_the_first_run_is_the_current_one(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path)
    assert "r001" == run(folder, tmp_path, {0: "good morning"}).run.run
    assert "r001" == ledger.current_run(folder)


def test_a_second_run_stands_beside_the_first(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=20)
    run(folder, tmp_path, {0: "good morning"})
    run(folder, tmp_path, {0: "good evening"})
    assert ("r001", ["good morning"]) == (ledger.current_run(folder), [one.text for one in read_transcript(folder).utterances])
    assert ["good evening"] == [one.text for one in read_transcript(folder, "r002").utterances]


def test_the_coverage_of_every_track_adds_up_to_the_frame(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, channels=3)
    run(folder, tmp_path, {0: "one two three", 29: RuntimeError("no"), 44: "four"})
    spans = read_transcript(folder).coverage
    end = read_recording(folder).end_frame(1)
    for track in (1, 2, 3):
        position = 0
        for span in (one for one in spans if one.track == track):
            assert position == span.first_frame
            position += span.frame_count
        assert end == position


def test_words_lie_where_their_window_was(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path)
    run(folder, tmp_path, {0: "alpha", 14: "beta gamma"})
    words = [word for one in read_transcript(folder).utterances for word in one.words]
    second = 468 * 512  # the hop before which the second window begins
    assert [("alpha", 0), ("beta", second), ("gamma", second + 6400)] == [(word.text, word.first_frame) for word in words]


def test_the_roster_names_who_sits_alone_at_a_track(tmp_path: Path) -> None:
    roster = (Speaker("anna", "Anna", track=1), Speaker("boris", "Boris", track=2), Speaker("viktor", "Viktor", track=2))
    folder = a_marked_session(tmp_path, seconds=10, channels=2, roster=roster)
    run(folder, tmp_path, {0: "hello"})
    assert [(1, "anna"), (2, None)] == [(one.track, one.person) for one in read_transcript(folder).utterances]


def test_a_window_that_fails_is_failed_in_the_coverage_and_the_others_are_read(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path)
    outcome = run(folder, tmp_path, {0: "before", 14: RuntimeError("out of memory"), 29: "after"})
    transcript = read_transcript(folder)
    assert (1, ["before", "after"]) == (outcome.failed_windows, [one.text for one in transcript.utterances])
    assert {"RuntimeError: out of memory"} == {span.reason for span in transcript.coverage if span.state == "failed"}


def test_a_second_look_that_fails_is_on_record_and_no_failed_window(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=15)
    outcome = run(folder, tmp_path, {0: a_reading("cut off", tokens=224), **{n: RuntimeError("no") for n in range(5, 11)}})
    failed = [line["used"] for line in read_lines(run_path(folder, "r001") / READINGS) if line["error"]]
    states = {span.state for span in read_transcript(folder).coverage}
    assert (0, [False], False) == (outcome.failed_windows, failed, "failed" in states)


def test_every_reading_is_kept_with_its_n_best(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path)
    run(folder, tmp_path, {0: "kept for good"})
    lines = list(read_lines(run_path(folder, "r001") / READINGS))
    assert [1, 2, 3, 4, 5] == [line["window"] for line in lines]
    assert [{"logprob_e6": -200_000, "text": " kept for good", "tokens": [0, 1, 2]}] == lines[0]["hypotheses"]


def test_text_where_nobody_spoke_goes_into_quarantine(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=10)
    outcome = run(folder, tmp_path, {0: a_reading("Thank you", no_speech=0.9, logprob=-1.5)})
    lines = list(read_lines(run_path(folder, "r001") / QUARANTINE))
    assert (2, 0, ["no-voice", "no-voice"]) == (outcome.quarantined, outcome.words, [line["reason"] for line in lines])


def test_what_was_only_repeated_from_the_prompt_goes_into_quarantine_and_the_window_says_so(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=10)
    reading = replace(a_reading("I said"), echo=a_reading("Um... uh", logprob=-0.1).hypotheses)
    outcome = run(folder, tmp_path, {0: reading})
    (line, *_) = read_lines(run_path(folder, "r001") / READINGS)
    (utterance,) = read_transcript(folder).utterances
    assert ("I said", ("echo", "no-voice")) == (utterance.text, utterance.flags)
    assert [{"logprob_e6": -100_000, "text": " Um... uh", "tokens": [0, 1, 2, 3, 4]}] == line["echo"]
    lines = list(read_lines(run_path(folder, "r001") / QUARANTINE))
    share = round(np.exp(-0.1) * 1e6)
    words = [
        {"text": text, "first_frame": 0, "frame_count": line["frame_count"], "probability_ppm": share, "flags": []}
        for text in ("Um...", "uh")
    ]
    assert [("echo", word) for word in words] == [(one["reason"], one["word"]) for one in lines]
    assert 2 == outcome.quarantined


def test_an_echo_is_told_also_where_another_reading_is_used(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=10)
    reading = replace(a_reading("you " * 30), echo=a_reading("uh").hypotheses)
    run(folder, tmp_path, {0: reading, 5: "what was said", FULL_CONTEXT: reading})
    lines = list(read_lines(run_path(folder, "r001") / READINGS))
    tried = [("whole", False), ("first half", True), ("second half", True), ("whole, full context", False)]
    assert tried == [(one["part"], one["used"]) for one in lines]
    assert [["loop", "echo"], ["echo"]] == [one["flags"] for one in lines if one["used"]]
    reasons = [one["reason"] for one in read_lines(run_path(folder, "r001") / QUARANTINE)]
    assert ["echo", "echo"] == [reason for reason in reasons if reason == "echo"]  # whole, first half


def test_words_where_there_is_no_voice_stand_with_a_flag_if_the_engine_is_sure_of_them(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=10)
    run(folder, tmp_path, {0: "thank you"})
    transcript = read_transcript(folder)
    assert [("no-voice",), ("no-voice",)] == [word.flags for one in transcript.utterances for word in one.words]
    assert {"uncertain", "inaudible"} == {span.state for span in transcript.coverage}


def test_a_text_that_the_alignment_lost_a_part_of_is_doubted(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=12)
    run(folder, tmp_path, {0: replace(a_reading("we never agreed to that clause"), words=a_reading("we never").words)})
    (said,) = read_transcript(folder).utterances
    assert ["unaligned"] == [flag for flag in said.flags if flag == "unaligned"]
    assert all("unaligned" in word.flags for word in said.words)


def test_words_beside_invented_ones_are_doubted(tmp_path: Path) -> None:
    """The voice is over after a second; what the engine doubts beyond it was invented."""
    sound = np.concatenate([_spoken(3.0), np.zeros(9 * 16_000, np.float32)])
    folder = _imported(tmp_path, sound)
    reading = a_reading("he said that he would come and then some more that nobody said", logprob=-1.2)
    _run_always(folder, tmp_path, reading)
    lines = list(read_lines(run_path(folder, "r001") / QUARANTINE))
    (said, *_) = read_transcript(folder).utterances
    assert lines
    assert all("partly-invented" in word.flags for word in said.words)


def test_a_repetition_casts_no_doubt_on_what_it_repeats() -> None:
    place = a_profile(a_piece(seconds=10), voiced=[(0, 10)])
    reading = a_reading("one two three four one two three")
    again = tuple(replace(word, first_sample=25_600, sample_count=0) for word in reading.words[4:])
    attempt = Attempt(Window(1, 0, 160_000), "whole", replace(reading, words=(*reading.words[:4], *again)))
    text = tracks.TrackText(Track(1, 1, 0), 16_000)
    kept = tracks._kept(text, attempt, words_of(attempt, place), stillness(place, limit_db=-50))
    assert ["one", "two", "three", "four"] == [word.text for word, _ in kept]
    assert ["no-time"] * 3 == [line["reason"] for line in text.quarantine]
    assert not any("partly-invented" in word.flags for word, _ in kept)


def test_a_voice_that_no_word_accounts_for_is_told(tmp_path: Path) -> None:
    folder = _imported(tmp_path, _spoken(8.0))
    _run_always(folder, tmp_path, a_reading("one"))
    (said, *_) = read_transcript(folder).utterances
    assert "uncovered-speech" in said.flags


def test_only_readings_of_the_same_frames_and_language_are_witnesses() -> None:
    window, half = Window(1, 0, 160_000), Window(1, 0, 80_000)
    used = Attempt(window, "whole", a_reading("said"))
    same, english = Attempt(window, "whole, full context", a_reading("said")), a_reading("said", language="ru")
    others = [same, Attempt(half, "first half", a_reading("said")), Attempt(window, "other language", english)]
    assert [same.reading] == tracks._others(used, [used, *others])


def test_the_roster_of_another_track_expects_nothing_here(tmp_path: Path) -> None:
    roster = (Speaker("anna", "Anna", track=1, language="ru"), Speaker("boris", "Boris", track=2, language="uk"))
    folder = a_marked_session(tmp_path, seconds=5, channels=2, roster=roster)
    recording = read_recording(folder)
    assert [("ru",), ("uk",)] == [tracks._expected(recording, one) for one in recording.tracks]


def test_the_share_of_an_utterance_is_that_of_its_own_language(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=5)

    class Russian(ScriptedEngine):
        def shares(self, clip: Floats, *, stretches: Sequence[Stretch], languages: Sequence[str]) -> list[Shares]:
            return [(("en", 0.1), ("ru", 0.9))] * len(stretches)

    key = keys.device_key(tmp_path / "home")
    transcribe(open_recording(folder), Russian({0: a_reading("да", language="ru")}), languages=("en", "ru"), key=key, by="me")
    assert [("ru", 900_000)] == [(one.language, one.language_ppm) for one in read_transcript(folder).utterances]


def _spoken(seconds: float) -> Floats:
    """Real speech, 16 kHz, without long pauses."""
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(sound[: int(seconds * rate_hz), 0], rate_hz, 16_000), np.float32)


def _imported(tmp_path: Path, sound: Floats) -> SessionFolder:
    path = write_wav(tmp_path / "in.wav", sound)
    return import_files([path], parent=tmp_path / "s", home=tmp_path / "home", title="Spoken", operator="Test Operator")


def _run_always(folder: SessionFolder, tmp_path: Path, reading: Reading) -> None:
    """Every window and part of one is read like this."""

    class Stubborn(ScriptedEngine):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            return [reading] * len(clips)

    transcribe(open_recording(folder), Stubborn({}), languages=("en",), key=keys.device_key(tmp_path / "home"), by="me")


def test_a_run_that_does_not_account_for_every_frame_is_not_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, ledger_of = a_marked_session(tmp_path, seconds=10), coverage.ledger
    monkeypatch.setattr(coverage, "ledger", lambda *arguments, **named: ledger_of(*arguments, **named)[1:])
    with pytest.raises(EverywordError, match="does not account for every frame"):
        run(folder, tmp_path, {0: "good morning"})
    assert (None, False) == (ledger.current_run(folder), (run_path(folder, "r001") / RUN_JSON).exists())


def test_a_probability_that_is_no_number_costs_nothing(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=20)
    reading = a_reading("no number", logprob=float("nan"), no_speech=float("nan"))
    words = tuple(replace(word, probability=float("nan")) for word in reading.words)
    outcome = run(folder, tmp_path, {0: replace(reading, words=words), 14: "and on"})
    assert (2, 2, 0) == (outcome.words, outcome.quarantined, outcome.failed_windows)
    (line, *_) = read_lines(run_path(folder, "r001") / READINGS)
    assert (["improbable"], 0) == (line["flags"], line["no_speech_ppm"])


def test_the_engine_is_not_asked_about_verified_silence(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "quiet.wav", np.zeros(16_000 * 20, np.float32))
    folder = import_files([path], parent=tmp_path / "s", home=tmp_path / "home", title="Q", operator="Test Operator")
    engine = ScriptedEngine({})
    transcribe(open_recording(folder), engine, languages=("en",), key=keys.device_key(tmp_path / "home"), by="Test Operator")
    assert [] == engine.calls
    assert ["silent"] == [span.state for span in read_transcript(folder).coverage]


def test_no_reading_is_held_in_memory_once_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def alive() -> int:
        gc.collect()
        return sum(isinstance(one, Reading) for one in gc.get_objects())

    def counted(*arguments: object, **named: object) -> object:
        held.append(alive())
        return attribute(*arguments, **named)  # type: ignore[arg-type]

    held, attribute = [alive()], attribution.attribute
    monkeypatch.setattr(attribution, "attribute", counted)
    outcome = run(a_marked_session(tmp_path, seconds=100), tmp_path, {0: "one", 14: "two", 29: "three", 44: "four"})
    before, after = held
    assert (before, 4) == (after, outcome.words)


def test_the_same_session_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=200)
    script: Script = {0: "one", 29: "you " * 30, 44: RuntimeError("no"), 59: "two"}
    first, second = (dict(run(folder, tmp_path, script).run.files) for _ in range(2))
    assert first.pop(MANIFEST) != second.pop(MANIFEST)  # it says when the run began
    assert first == second


def test_run_json_says_what_made_it(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=10)
    made = run(folder, tmp_path, {}).run
    assert ("scripted", "en ru", ledger.seal_digest(folder)) == (made.model["name"], made.settings["languages"], made.seal)


def test_a_session_of_no_seconds_gives_an_empty_transcript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_marked_session(tmp_path, seconds=1)
    recording = open_recording(folder)
    recording.segments.clear()
    outcome = transcribe(recording, ScriptedEngine({}), languages=("en",), key=keys.device_key(tmp_path / "home"), by="me")
    assert (0, 0.0, (), ()) == (
        outcome.words,
        outcome.sound_s,
        read_transcript(folder).utterances,
        read_transcript(folder).coverage,
    )


def test_a_session_that_is_not_sealed_is_refused(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=1)
    folder.seal_signature.unlink()
    with pytest.raises(SessionBusy, match="not sealed"):
        open_recording(folder)


def test_a_missing_segment_leaves_no_run(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=70)
    folder.segment(1, 1).unlink()
    with pytest.raises(CorruptFolder, match="missing"):
        run(folder, tmp_path, {})
    assert ([], None) == (run_names(folder), ledger.current_run(folder))


def test_a_segment_that_vanishes_meanwhile_leaves_no_finished_run(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=70)
    recording = open_recording(folder)
    folder.segment(1, 1).unlink()
    with pytest.raises(CorruptFolder, match="missing"):
        transcribe(recording, ScriptedEngine({}), languages=("en",), key=keys.device_key(tmp_path / "home"), by="me")
    assert (False, None) == ((run_path(folder, "r001") / RUN_JSON).exists(), ledger.current_run(folder))


def test_the_progress_goes_from_nothing_to_everything(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, channels=2)
    steps: list[tuple[float, float]] = []
    transcribe(
        open_recording(folder),
        ScriptedEngine({}),
        languages=("en",),
        key=keys.device_key(tmp_path / "home"),
        by="me",
        progress=lambda done_s, total_s: steps.append((done_s, total_s)),
    )
    assert steps == sorted(steps)
    assert (120.0, 120.0) == steps[-1]


def test_the_progress_reaches_the_end_although_a_gap_has_no_windows(tmp_path: Path) -> None:
    recording = open_recording(a_marked_session(tmp_path, seconds=5))
    recording.gaps.append(Gap(1, 80_000, 16_000 * 90, filled=False, cause="input lost"))
    key = keys.device_key(tmp_path / "home")
    steps: list[float] = []
    transcribe(
        recording, ScriptedEngine({}), languages=("en",), key=key, by="me", progress=lambda done_s, _: steps.append(done_s)
    )
    assert 95.0 == steps[-1]


def test_lines_hold_no_floats(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path)
    run(folder, tmp_path, {0: "one", 14: a_reading("Thank you", no_speech=0.9)})
    for path in run_path(folder, "r001").glob("*.jsonl"):
        for line in read_lines(path):
            canonical(line)  # refuses floats


@pytest.mark.parametrize(
    ("choices", "chosen"),
    [((["ru"], ("en", "uk"), ("en",)), ("ru",)), (((), ("en", "uk"), ("en",)), ("en", "uk")), (((), (), ("en",)), ("en",))],
)
def test_what_was_asked_for_goes_before_the_session_and_the_settings(
    choices: tuple[list[str], ...], chosen: tuple[str, ...]
) -> None:
    assert chosen == choose_languages(*choices, known=("en", "ru", "uk"))


@pytest.mark.parametrize("choices", [(["xx"],), ((), ())])
def test_a_language_nobody_knows_is_refused(choices: tuple[list[str], ...]) -> None:
    with pytest.raises(InvalidOption):
        choose_languages(*choices, known=("en", "ru", "uk"))
