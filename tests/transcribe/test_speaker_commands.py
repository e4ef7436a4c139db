"""`speakers` and `glossary` as people type them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from everyword import config, keys
from everyword.errors import InvalidOption
from everyword.folder import SessionFolder
from everyword.model import Speaker
from everyword.run import read_transcript
from tests.transcribe.builders import a_marked_session
from tests.transcribe.voices import ToneModels, a_session_of, in_tones, transcribe
from transcribe import commands, pipeline
from transcribe.scripted import ScriptedEngine
from transcribe.speakers import attribution, voiceprints, voices

Invoke = Callable[..., Result]
HOSTILE = "[red]Reed[/red] <script>"


@pytest.fixture
def invoke(home: Path) -> Invoke:
    settings = config.load({"EVERYWORD_HOME": str(home), "EVERYWORD_OPERATOR": "Test Operator"}).settings

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(commands.app, arguments, obj=settings)

    return run


@pytest.fixture
def spoken(tmp_path: Path, home: Path) -> SessionFolder:
    folder = a_marked_session(tmp_path, seconds=40, channels=2, roster=(Speaker("anna", "Anna Reed", track=1),))
    pipeline.transcribe(
        pipeline.open_recording(folder),
        ScriptedEngine({0: "good morning", 14: "good evening"}),
        languages=("en",),
        key=keys.device_key(home),
        by="Test Operator",
    )
    return folder


def test_the_voices_of_a_session_are_listed_with_their_names(invoke: Invoke, spoken: SessionFolder) -> None:
    done = invoke("speakers", "show", str(spoken.path))
    assert ["1      Anna Reed", "2      (no name)"] == [line.split(":")[0] for line in done.stdout.splitlines()]
    assert ": 4 words in 2 s" in done.stdout


def test_a_name_is_given_shown_and_never_obeyed(invoke: Invoke, spoken: SessionFolder) -> None:
    done = invoke("speakers", "name", str(spoken.path), "2", HOSTILE)
    assert (0, "") == (done.exit_code, done.stdout)
    assert f"Voice 2 is {HOSTILE} (line " in done.stderr
    assert f"2      {HOSTILE}: " in invoke("speakers", "show", str(spoken.path)).stdout


def test_the_answer_in_json(invoke: Invoke, spoken: SessionFolder) -> None:
    data = json.loads(invoke("speakers", "show", str(spoken.path), "--json").stdout)["data"]
    assert [("1", "Anna Reed"), ("2", None)] == [(one["label"], one["name"]) for one in data["voices"]]
    assert [0, 0] == [one["uncertain_words"] for one in data["voices"]]


def test_a_label_that_is_not_there_is_refused(invoke: Invoke, spoken: SessionFolder) -> None:
    assert isinstance(invoke("speakers", "name", str(spoken.path), "7Q", "Anna").exception, InvalidOption)


def test_with_no_voice_kept_there_is_nothing_to_propose_or_to_forget(invoke: Invoke, spoken: SessionFolder) -> None:
    pytest.importorskip("sherpa_onnx")
    assert "Nothing to propose" in invoke("speakers", "propose", str(spoken.path)).stderr
    assert [] == json.loads(invoke("speakers", "propose", str(spoken.path), "--json").stdout)["data"]
    assert "No voice was kept" in invoke("speakers", "learn", str(spoken.path)).stderr
    assert isinstance(invoke("speakers", "forget", "anna").exception, InvalidOption)


def test_a_voice_is_learnt_proposed_and_named_as_the_guide_says(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "load", ToneModels)
    monkeypatch.setattr(attribution.attribute, "__kwdefaults__", {"people": "roster", "models": ToneModels})
    roster = (Speaker("anna", "Anna Reed", voice_consent=True), Speaker("viktor", "Viktor Sorin"))
    first, later = (
        a_session_of(tmp_path, in_tones(*tones, seconds=8), roster=roster, title=title)
        for title, tones in (("First", (0, 1)), ("Later", (1, 0)))
    )
    for folder in (first, later):
        transcribe(folder, tmp_path)
    for label, name in (("1A", "anna reed"), ("1B", "Viktor Sorin")):
        assert f"Voice {label} is " in invoke("speakers", "name", str(first.path), label, name).stderr
    assert ["The voice of Anna Reed is kept, from "] == re.findall(
        r"The voice of .*, from ", invoke("speakers", "learn", str(first.path)).stderr
    )
    (proposed,) = invoke("speakers", "propose", str(later.path)).stdout.splitlines()
    assert f"1B     perhaps Anna Reed (likeness 1.00, known from {first.read_session().id})" == proposed
    assert "1B     (no name): " in invoke("speakers", "show", str(later.path)).stdout
    invoke("speakers", "name", str(later.path), "1b", "anna")
    assert "Nothing to propose" in invoke("speakers", "propose", str(later.path)).stderr
    assert "1 voice print of anna deleted" in invoke("speakers", "forget", "anna").stderr


def test_a_damaged_file_of_voices_is_a_sentence(invoke: Invoke, spoken: SessionFolder, home: Path) -> None:
    (home / voiceprints.FILE).write_text("nonsense\n")
    assert "line 1, makes no sense" in str(invoke("speakers", "propose", str(spoken.path)).exception)


def test_terms_and_definitions_are_added_and_shown(invoke: Invoke, spoken: SessionFolder) -> None:
    assert 0 == invoke("glossary", "add", "protocol", "--meaning", "the draft of 4 March").exit_code
    assert 0 == invoke("glossary", "add", HOSTILE, "--session", str(spoken.path)).exit_code
    done = invoke("glossary", "define", str(spoken.path), "1", "morning", "--meaning", "before noon")
    assert "morning, by Anna Reed: before noon (line " in done.stderr
    shown = invoke("glossary", "show", "--session", str(spoken.path)).stdout.splitlines()
    assert [HOSTILE, "protocol: the draft of 4 March", "morning, by Anna Reed: before noon"] == shown
    assert ["protocol: the draft of 4 March"] == invoke("glossary", "show").stdout.splitlines()
    data = json.loads(invoke("glossary", "show", "--session", str(spoken.path), "--json").stdout)["data"]
    assert ([HOSTILE, "protocol"], ["morning"]) == tuple([one["term"] for one in data[kind]] for kind in ("terms", "definitions"))


def test_a_definition_of_an_unnamed_voice_gets_the_name_that_the_voice_is_given_later(
    invoke: Invoke, spoken: SessionFolder
) -> None:
    other = next(one.id for one in read_transcript(spoken).utterances if one.track == 2)
    assert (
        "evening, by voice 2: "
        in invoke("glossary", "define", str(spoken.path), str(other), "evening", "--meaning", "late").stderr
    )
    invoke("speakers", "name", str(spoken.path), "2", "Viktor Sorin")
    assert ["evening, by Viktor Sorin: late"] == invoke("glossary", "show", "--session", str(spoken.path)).stdout.splitlines()


def test_an_empty_glossary_says_how_to_fill_it(invoke: Invoke) -> None:
    assert "everyword glossary add" in invoke("glossary", "show").stderr
