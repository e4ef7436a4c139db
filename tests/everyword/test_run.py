"""Transcription runs: written once, signed, adopted."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from everyword import ledger, run
from everyword.errors import CorruptFolder, NotTranscribed
from everyword.folder import SessionFolder
from tests.everyword import sessions
from tests.everyword.sessions import Case


def test_the_first_run_adopts_itself_and_the_next_does_not(case: Case) -> None:
    assert "r002" == sessions.add_run(case)
    assert ("r001", ["r001", "r002"]) == (ledger.current_run(case.folder), run.run_names(case.folder))


def test_a_transcript_is_read_as_it_was_written(case: Case) -> None:
    transcript = run.read_transcript(case.folder)
    assert ("r001", [" one"]) == (transcript.run.run, [utterance.text for utterance in transcript.utterances])
    assert tuple(sessions.spans_of(61_500)) == transcript.coverage


def test_another_run_is_read_by_its_name(case: Case) -> None:
    sessions.add_run(case)
    assert "r002" == run.read_transcript(case.folder, "r002").run.run


@pytest.mark.parametrize("name", [run.UTTERANCES, run.COVERAGE, run.READINGS, run.QUARANTINE])
@pytest.mark.parametrize("change", ["append", "remove"])
def test_a_file_that_is_not_what_was_written_is_named(case: Case, name: str, change: str) -> None:
    path = run.run_path(case.folder, "r001") / name
    if change == "append":
        path.write_bytes(path.read_bytes() + b"{}\n")
    else:
        path.unlink()
    with pytest.raises(CorruptFolder, match=f"transcripts/r001/{name} is not the file that was written"):
        run.read_transcript(case.folder)


def test_a_line_that_makes_no_sense_is_named_by_its_number(case: Case) -> None:
    path = run.run_path(case.folder, "r001") / run.COVERAGE
    path.write_bytes(path.read_bytes().replace(b'"silent"', b'"asleep"', 1))
    sessions.sign_run_again(case)
    with pytest.raises(CorruptFolder, match=r"r001/coverage\.jsonl, line 2, makes no sense: state: "):
        run.read_transcript(case.folder)


@pytest.mark.parametrize("line", [b"{", b"\xff", b"[" * 100_000])
def test_a_line_that_is_no_json_is_named_by_its_number(case: Case, line: bytes) -> None:
    path = run.run_path(case.folder, "r001") / run.UTTERANCES
    path.write_bytes(path.read_bytes() + line + b"\n")
    sessions.sign_run_again(case)
    with pytest.raises(CorruptFolder, match=r"r001/utterances\.jsonl, line 2, is not JSON\."):
        run.read_transcript(case.folder)


@pytest.mark.parametrize("name", ["r009", "../r001", "r001/../r001", "/etc", ""])
def test_a_run_that_is_not_there_is_not_transcribed(case: Case, name: str) -> None:
    with pytest.raises(NotTranscribed, match="has no finished run"):
        run.read_run(case.folder, name)


def test_a_session_without_runs_is_not_transcribed(case: Case) -> None:
    case.folder.ledger.unlink()
    with pytest.raises(NotTranscribed, match="no transcript yet"):
        run.read_transcript(case.folder)


def test_an_unfinished_run_is_not_read(case: Case) -> None:
    assert "r002" == run.start_run(case.folder)
    with pytest.raises(NotTranscribed, match="no finished run r002"):
        run.read_transcript(case.folder, "r002")


def test_numbers_are_never_used_twice(case: Case) -> None:
    for name in ("r007", "r²", "rx", "r9"):
        (case.folder.transcripts / name).mkdir()
    assert ["r008", "r009"] == [run.start_run(case.folder) for _ in range(2)]


def test_a_run_is_signed_once(case: Case) -> None:
    before = case.folder.ledger.read_bytes()
    run.sign_run(case.folder, "r001", key=case.key, by="Anna")
    assert before == case.folder.ledger.read_bytes()


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_a_run_that_is_not_what_it_says_is_not_signed(case: Case, damage: str) -> None:
    name, before = sessions.add_run(case), case.folder.ledger.read_bytes()
    case.folder.ledger.write_bytes(b"".join(before.splitlines(keepends=True)[:-1]))
    path = run.run_path(case.folder, name) / run.UTTERANCES
    path.unlink() if damage == "removed" else path.write_bytes(path.read_bytes().replace(b"one", b"two"))
    with pytest.raises(CorruptFolder, match="it was changed or removed"):
        run.sign_run(case.folder, name, key=case.key, by="Anna")
    assert name not in run.signed_runs(case.folder)


def test_a_run_that_is_gone_leaves_its_number_and_says_so(case: Case) -> None:
    shutil.rmtree(run.run_path(case.folder, "r001"))
    assert "r002" == run.start_run(case.folder)
    with pytest.raises(CorruptFolder, match="r001 is missing, and the ledger names it") as caught:
        run.read_transcript(case.folder)
    assert "everyword adopt" in caught.value.hint


def test_a_run_of_which_nothing_could_be_read_does_not_count_by_itself(case: Case) -> None:
    made = run.read_transcript(case.folder)
    failed = tuple(replace(span, state="failed") for span in made.coverage)
    silent = tuple(replace(span, state="silent") for span in made.coverage)
    found = [
        run.is_adoptable(replace(made, utterances=said, coverage=spans))
        for said, spans in ((made.utterances, failed), ((), failed), ((), silent))
    ]
    assert [True, False, True] == found


def test_two_processes_that_begin_at_once_get_runs_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SessionFolder(tmp_path)

    def meanwhile(_: SessionFolder) -> dict[str, str]:
        run.run_path(folder, "r001").mkdir(exist_ok=True)
        return {}

    monkeypatch.setattr(run, "signed_runs", meanwhile)
    assert "r002" == run.start_run(folder)


def test_a_file_of_the_name_of_a_run_is_no_run_and_takes_its_number(case: Case) -> None:
    (case.folder.transcripts / "r002").write_text("")
    (case.folder.transcripts / "recovered").mkdir()
    assert (["r001"], "r003") == (run.run_names(case.folder), run.start_run(case.folder))
