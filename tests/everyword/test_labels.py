"""A voice gets its name by a signed line; the transcript stays, and the name is seen wherever the session is read."""

from pathlib import Path

import pytest

from archive.record import read_record
from everyword import keys, labels, ledger
from everyword.errors import InvalidOption, InvalidText
from everyword.folder import SessionFolder
from everyword.model import Speaker
from everyword.run import read_transcript
from tests.helpers import failures
from tests.transcribe.builders import a_marked_session
from transcribe import pipeline
from transcribe.scripted import ScriptedEngine

ROSTER = (Speaker("anna", "Anna Reed"), Speaker("viktor", "Viktor Sorin"))


@pytest.fixture
def spoken(tmp_path: Path) -> SessionFolder:
    """One microphone, nobody at it by the roster, two utterances."""
    folder = a_marked_session(tmp_path, seconds=40, roster=ROSTER)
    key = keys.device_key(tmp_path / "home")
    engine = ScriptedEngine({0: "good morning", 14: "good evening"})
    pipeline.transcribe(pipeline.open_recording(folder), engine, languages=("en",), key=key, by="Test Operator", people="none")
    return folder


def name(folder: SessionFolder, tmp_path: Path, label: str, who: str) -> labels.VoiceName:
    return labels.name_voice(folder, label, who, by="Test Operator", key=keys.device_key(tmp_path / "home"))


def test_a_name_is_seen_where_the_session_is_read_and_the_run_stays(spoken: SessionFolder, tmp_path: Path) -> None:
    before = read_transcript(spoken)
    assert ["Track 1", "Track 1"] == [line.speaker for line in read_record(spoken).lines]
    name(spoken, tmp_path, "1", "anna reed")
    assert ["Anna Reed", "Anna Reed"] == [line.speaker for line in read_record(spoken).lines]
    assert {"anna"} == {line.utterance.person for line in read_record(spoken).lines}
    assert before == read_transcript(spoken)


def test_the_line_is_signed_and_the_session_still_verifies(spoken: SessionFolder, tmp_path: Path) -> None:
    name(spoken, tmp_path, "1", "Anna Reed")
    (line,) = (line for line in ledger.read(spoken) if line["kind"] == "voice")
    assert ledger.signer(line) == keys.fingerprint(keys.public_pem(keys.device_key(tmp_path / "home")))
    assert [] == [one for one in failures(tmp_path, spoken) if one.verdict == "integrity"]


def test_the_newest_name_counts_and_the_older_one_stays_in_the_ledger(spoken: SessionFolder, tmp_path: Path) -> None:
    name(spoken, tmp_path, "1", "Anna Reed")
    name(spoken, tmp_path, "1", "viktor")
    assert ("Viktor Sorin", 2) == (read_record(spoken).lines[0].speaker, len(labels.read(spoken)))


def test_somebody_the_roster_does_not_know_gets_a_key_of_their_own(spoken: SessionFolder, tmp_path: Path) -> None:
    assert ("olena-koval", "Olena Koval") == (name(spoken, tmp_path, "1", "Olena Koval").person, labels.read(spoken)[0].name)


def test_a_name_belongs_to_its_run(spoken: SessionFolder, tmp_path: Path) -> None:
    name(spoken, tmp_path, "1", "Anna Reed")
    assert {} == labels.newest("r002", labels.read(spoken))


@pytest.mark.parametrize(
    ("label", "who", "error"), [("1Z", "Anna", InvalidOption), ("1", "\x1b[31m", InvalidText), ("1", "…", InvalidOption)]
)
def test_what_cannot_be_named_is_refused_and_nothing_is_written(
    spoken: SessionFolder, tmp_path: Path, label: str, who: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        name(spoken, tmp_path, label, who)
    assert () == labels.read(spoken)
