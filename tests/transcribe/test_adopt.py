"""A run becomes the current one by a line in the ledger, and only a whole and signed one does."""

import json
from pathlib import Path

import pytest

from everyword import ledger
from everyword.errors import CorruptFolder, NotTranscribed
from everyword.folder import SessionFolder
from everyword.run import UTTERANCES, read_transcript, run_path
from everyword.verify import verify_session
from tests.transcribe.builders import a_marked_session
from tests.transcribe.conftest import Invoke


@pytest.fixture
def twice(tmp_path: Path, invoke: Invoke, script: dict[int, object]) -> SessionFolder:
    """A session that was transcribed twice, differently."""
    folder = a_marked_session(tmp_path, seconds=20)
    invoke("transcribe", str(folder.path))
    script[0] = "good evening"
    invoke("transcribe", str(folder.path))
    return folder


def test_an_adopted_run_is_the_current_one(twice: SessionFolder, invoke: Invoke) -> None:
    done = invoke("adopt", str(twice.path), "r002")
    assert (0, "r002") == (done.exit_code, ledger.current_run(twice)), done.output
    assert "before it was r001" in done.stderr
    assert "good evening" in read_transcript(twice).utterances[0].text
    assert [] == [one for one in verify_session(twice, trusted=()) if one.outcome == "fail"]


def test_the_answer_in_json_names_both_runs(twice: SessionFolder, invoke: Invoke) -> None:
    data = json.loads(invoke("adopt", str(twice.path), "r002", "--json").stdout)["data"]
    assert ("r002", "r001") == (data["run"], data["before"])


def test_adopting_the_current_run_writes_nothing(twice: SessionFolder, invoke: Invoke) -> None:
    before = twice.ledger.read_bytes()
    done = invoke("adopt", str(twice.path), "r001")
    assert (0, before) == (done.exit_code, twice.ledger.read_bytes())


def test_a_run_that_is_not_there_is_a_sentence(twice: SessionFolder, invoke: Invoke) -> None:
    done = invoke("adopt", str(twice.path), "r009")
    assert isinstance(done.exception, NotTranscribed)
    assert "r009" in str(done.exception)


def test_a_run_whose_file_was_changed_is_not_adopted(twice: SessionFolder, invoke: Invoke) -> None:
    path = run_path(twice, "r002") / UTTERANCES
    path.write_bytes(path.read_bytes().replace(b"evening", b"morning"))
    done = invoke("adopt", str(twice.path), "r002")
    assert (CorruptFolder, "r001") == (type(done.exception), ledger.current_run(twice))
