"""`transcribe` and `models` as people type them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import Result

from everyword.errors import InvalidOption, ModelMissing, SessionNotFound
from everyword.model import Speaker
from everyword.recording import Recording
from everyword.run import read_transcript
from tests.transcribe.builders import a_marked_session
from tests.transcribe.conftest import Invoke
from transcribe import commands, pipeline
from transcribe.scripted import ScriptedEngine
from transcribe.speakers import voices
from transcribe.whisper import glossary, models


def sentence(result: Result, kind: type[Exception]) -> str:
    assert isinstance(result.exception, kind), result.output
    return str(result.exception)


def test_a_session_is_transcribed_and_summed_up(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    folder = a_marked_session(tmp_path)
    done = invoke("transcribe", str(folder.path))
    assert (0, "") == (done.exit_code, done.stdout)
    assert "r001: 4 words in 2 utterances on 1 track, 60.0 s of sound" in done.stderr
    assert "Every frame accounted for: " in done.stderr


def test_the_summary_in_json_adds_up(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    done = invoke("transcribe", str(a_marked_session(tmp_path).path), "--json")
    answer = json.loads(done.stdout)
    assert 1 == answer["everyword"]
    assert ("r001", 4, 60.0) == (answer["data"]["run"], answer["data"]["words"], answer["data"]["sound_s"])
    assert pytest.approx(60.0) == sum(answer["data"]["seconds"].values())


def test_a_failed_window_ends_with_warnings(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    script[29] = RuntimeError("out of memory")
    done = invoke("transcribe", str(a_marked_session(tmp_path).path))
    assert 3 == done.exit_code
    assert "1 window could not be read (RuntimeError: out of memory)" in " ".join(done.stderr.split())


def test_voices_that_cannot_be_told_apart_are_a_warning_and_the_text_is_there(
    tmp_path: Path, invoke: Invoke, script: dict[int, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "find_spec", lambda _: None)
    folder = a_marked_session(tmp_path, roster=(Speaker("anna", "Anna Reed"), Speaker("viktor", "Viktor Sorin")))
    done = invoke("transcribe", str(folder.path))
    assert 3 == done.exit_code
    assert "Track 1: voices were not told apart; the text is complete." in done.stderr
    assert "pip install 'everyword[speakers]'" in " ".join(done.stderr.split())
    assert 4 == sum(len(one.words) for one in read_transcript(folder).utterances)
    assert 0 == invoke("transcribe", str(folder.path), "--speakers", "none").exit_code


def test_no_escape_sequence_of_the_model_reaches_the_terminal(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    done = invoke("transcribe", str(a_marked_session(tmp_path).path), "--json")
    assert "\x1b" not in done.stdout + done.stderr


def test_language_restricts_what_a_window_may_be(
    tmp_path: Path, invoke: Invoke, script: dict[int, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Sequence[str]] = []
    original = pipeline.transcribe

    def spy(recording: Recording, engine: ScriptedEngine, **options: object) -> pipeline.Outcome:
        seen.append(options["languages"])  # type: ignore[arg-type]
        return original(recording, engine, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "transcribe", spy)
    invoke("transcribe", str(a_marked_session(tmp_path, seconds=5).path), "--language", "uk", "--language", "ru")
    assert [("uk", "ru")] == seen


def test_an_unknown_language_is_a_mistake_in_the_options(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    done = invoke("transcribe", str(a_marked_session(tmp_path, seconds=5).path), "--language", "klingon")
    assert "klingon" in sentence(done, InvalidOption)


def test_an_unknown_session_is_a_sentence(invoke: Invoke) -> None:
    assert "nowhere" in sentence(invoke("transcribe", "nowhere"), SessionNotFound)


def test_a_missing_model_is_known_before_the_work(tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_cached", lambda _: None)
    done = invoke("transcribe", str(a_marked_session(tmp_path, seconds=5).path), "--model", "large-v3")
    assert "large-v3 is not on this computer" in sentence(done, ModelMissing)


def test_an_unknown_device_is_a_mistake_in_the_options(
    tmp_path: Path, invoke: Invoke, base_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = str(base_home / "models" / "base")
    done = invoke("transcribe", str(a_marked_session(tmp_path, seconds=5).path), "--model", model, "--device", "tpu")
    assert "tpu" in sentence(done, InvalidOption)


def test_the_real_command_works_end_to_end(tmp_path: Path, invoke: Invoke, base_home: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=3)
    done = invoke("transcribe", str(folder.path), "--model", str(base_home / "models" / "base"), "--batch-size", "2")
    assert 0 == done.exit_code, done.output
    assert 3 * 16_000 == sum(span.frame_count for span in read_transcript(folder).coverage)


def test_names_that_do_not_fit_are_told_before_the_work_and_in_the_answer(
    tmp_path: Path, invoke: Invoke, base_home: Path
) -> None:
    roster = tuple(Speaker(f"p{number}", f"Bartholomew Featherstonehaugh {number}") for number in range(12))
    folder = a_marked_session(tmp_path, seconds=3, roster=roster)
    done = invoke("transcribe", str(folder.path), "--model", str(base_home / "models" / "base"), "--speakers", "none", "--json")
    data = json.loads(done.stdout)["data"]
    told, left_out = data["terms_told"], data["terms_not_told"]
    assert [one.name for one in roster] == [*told, *left_out]
    assert f"{len(told)} of 12 names and terms fit into what the model is told; not told: {left_out[0]}, " in done.stderr
    assert glossary.prompt_of(told) == read_transcript(folder).run.settings["prompt"]
    assert 0 < len(told) < 12


def test_without_names_and_terms_nothing_is_said_of_them(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> None:
    folder = a_marked_session(tmp_path, seconds=3, roster=(Speaker("anna", "Anna Reed", track=1),))
    assert "0 of 1 names and terms" in invoke("transcribe", str(folder.path)).stderr
    assert "names and terms" not in invoke("transcribe", str(folder.path), "--no-terms").stderr


def test_models_are_listed_with_their_places(invoke: Invoke) -> None:
    done = invoke("models", "list", "--json")
    assert 19 == len(json.loads(done.stdout)["data"])
    assert "turbo" in invoke("models", "list").stdout


def test_pull_puts_the_embedded_model_together(invoke: Invoke, home: Path) -> None:
    done = invoke("models", "pull", "base")
    assert str(home / "models" / "base") == done.stdout.strip()


def test_the_bar_is_silent_where_nobody_looks() -> None:
    with commands._progress() as progress:
        assert progress is None
