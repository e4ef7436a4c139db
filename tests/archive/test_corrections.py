"""A correction is added, never written over anything."""

from pathlib import Path

import pytest

from archive.corrections import StaleText, read
from archive.record import read_record
from everyword.errors import InvalidOption, InvalidText, NotTranscribed, SessionBusy
from everyword.folder import SessionFolder
from everyword.run import UTTERANCES, run_path
from tests.archive.builders import KEY, Said, add_run, adopt, correct, imported, transcribed


def current(folder: SessionFolder) -> list[str]:
    return [line.text for line in read_record(folder).lines]


def change(folder: SessionFolder, to: str, **more: str) -> None:
    correct(folder, 1, to=to, reason="heard again", **more)


def test_the_newest_correction_is_the_text_and_every_earlier_one_is_kept(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("one"), Said("two", at_s=2)])
    machine = (run_path(folder, "r001") / UTTERANCES).read_bytes()
    change(folder, "won")
    change(folder, "Juan")
    assert current(folder) == ["Juan", "two"]
    assert [(entry.before, entry.after, entry.by, entry.reason) for entry in read(folder)] == [
        ("one", "won", "Test Operator", "heard again"),
        ("won", "Juan", "Test Operator", "heard again"),
    ]
    assert (run_path(folder, "r001") / UTTERANCES).read_bytes() == machine
    assert read_record(folder).lines[0].recorded == "one"


def test_a_text_that_has_changed_meanwhile_is_not_corrected(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("one")])
    change(folder, "won")
    with pytest.raises(StaleText, match="now says 'won'"):
        change(folder, "Juan", before="one")
    assert current(folder) == ["won"]


def test_the_text_it_was_made_on_is_the_text_it_is_applied_to(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("one")])
    change(folder, "won", before=" one ")
    assert current(folder) == ["won"]


def test_the_second_of_two_corrections_of_the_same_text_is_kept_but_not_applied(tmp_path: Path) -> None:
    from everyword import ledger

    folder = transcribed(tmp_path, [Said("one")])
    first = correct(folder, 1, to="won", reason="r").correction
    fields = {name: getattr(first, name) for name in ("run", "stream", "track", "first_frame", "frame_count", "before", "reason")}
    ledger.append(folder, "correct", by="Somebody", key=KEY, after="wan", **fields)
    record = read_record(folder)
    assert current(folder) == ["won"]
    assert [(entry.correction.after, entry.number, entry.applied) for entry in record.corrections] == [
        ("won", 1, True),
        ("wan", 1, False),
    ]


def test_corrections_of_an_earlier_run_are_proposals_for_the_next(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("one")])
    change(folder, "won")
    adopt(folder, add_run(folder, [Said("one")], home=tmp_path / "home"))
    record = read_record(folder)
    assert current(folder) == ["one"]
    assert [(entry.number, entry.applied) for entry in record.corrections] == [(None, False)]


def test_words_nobody_said_can_be_struck(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("Thanks for watching!")])
    change(folder, "")
    assert current(folder) == [""]


def test_an_utterance_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="no utterance 9"):
        correct(transcribed(tmp_path), 9, to="x", reason="r")


def test_a_correction_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="says this already"):
        change(transcribed(tmp_path, [Said("one")]), " one ")


@pytest.mark.parametrize("to", ["an \x1b[31m escape", "right\u202eto left", "x" * 20_001])
def test_text_that_would_mislead_is_refused(tmp_path: Path, to: str) -> None:
    folder = transcribed(tmp_path, [Said("one")])
    with pytest.raises(InvalidText):
        change(folder, to)
    assert read(folder) == ()


def test_a_session_without_transcript_has_nothing_to_correct(tmp_path: Path) -> None:
    with pytest.raises(NotTranscribed):
        change(imported(tmp_path), "x")


def test_a_session_that_is_not_sealed_cannot_be_corrected(tmp_path: Path) -> None:
    folder = imported(tmp_path)
    folder.seal_signature.unlink()
    with pytest.raises((SessionBusy, NotTranscribed)):
        change(folder, "x")
