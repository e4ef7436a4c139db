"""Marks in the ledger, what they add up to, and who is named as the speaker."""

from pathlib import Path

import pytest

from archive import naming
from archive.record import read_record
from archive.review import coverage as review_coverage
from archive.review import marks as review
from everyword import labels, ledger
from everyword.errors import CorruptFolder, InvalidOption
from tests.archive.builders import KEY, TALKS, Said, accept, add_run, adopt, correct, review_all, transcribed
from tests.archive.review.sessions import a_session, coverage


def test_nothing_is_reviewed_at_first(tmp_path: Path) -> None:
    found = coverage(a_session(tmp_path))
    assert (found.reviewed, found.utterances, found.stretches_heard, found.stretches) == (0, 4, 0, 1)
    assert (found.level, found.is_whole, found.percent) == ("M", False, "0.0")


def test_marks_count_utterances_and_their_time(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    accept(folder, 1, 3)
    found = coverage(folder)
    assert (found.reviewed, found.reviewed_us, found.percent, found.level) == (2, 4_000_000, "50.0", "R")
    assert [line.utterance.id for line in found.unreviewed] == [2, 4]


def test_a_text_that_changes_afterwards_is_not_reviewed_any_more(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    accept(folder)
    correct(folder, 2, to="Щось інше.")
    assert [line.utterance.id for line in coverage(folder).unreviewed] == [2]
    accept(folder, 2)
    assert coverage(folder).unreviewed == ()


def test_a_flag_is_open_until_the_utterance_is_accepted(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    accept(folder, 1, decision="flagged")
    assert (coverage(folder).open_flags, coverage(folder).reviewed) == (1, 0)
    accept(folder, 1)
    assert (coverage(folder).open_flags, coverage(folder).reviewed) == (0, 1)


def test_level_c_is_refused_with_reasons_until_everything_was_heard(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    accept(folder, decision="flagged")
    review.set_verbatim(folder, "edited", by="Test Operator", key=KEY)
    assert review_coverage.obstacles(coverage(folder)) == (
        "4 of 4 utterances have not been reviewed.",
        "1 of 1 stretches without words have not been listened to.",
        "4 flags are open.",
        "An edited text is not a verbatim record.",
    )
    review_all(folder)
    review.set_verbatim(folder, "clean", by="Test Operator", key=KEY)
    found = coverage(folder)
    assert (review_coverage.obstacles(found), found.is_whole, found.percent, found.verbatim) == ((), True, "100.0", "clean")


def test_a_session_without_utterances_cannot_be_certified(tmp_path: Path) -> None:
    found = coverage(transcribed(tmp_path, []))
    assert review_coverage.obstacles(found) == ("There is no utterance to certify.",)


def test_utterances_outside_the_recording_cannot_be_certified(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [TALKS[0], Said("beyond the end", at_s=9.5), Said("no time", at_s=5, length_s=0)])
    review_all(folder)
    assert review_coverage.obstacles(coverage(folder)) == ("2 utterances lie outside the recording, or take no time.",)


def test_marks_of_another_run_count_for_nothing(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    review_all(folder)
    adopt(folder, add_run(folder, TALKS, home=tmp_path / "home"))
    assert coverage(folder).reviewed == 0


def test_passages_marked_in_the_text_are_counted(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    correct(folder, 1, to="We [inaudible 0:00:01] the [indiscernible 0:00:01] of [crosstalk 0:00:01].")
    found = coverage(folder)
    assert (found.inaudible, found.crosstalk, found.corrections) == (3, 1, 1)


def test_the_numbers_may_be_signed(tmp_path: Path) -> None:
    numbers = coverage(a_session(tmp_path)).numbers()
    assert all(isinstance(value, int | str) for value in numbers.values())
    assert numbers["utterances"] == 4


def test_every_mark_is_signed_in_the_ledger(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    accept(folder, 1)
    (line,) = [line for line in ledger.read(folder) if line["kind"] == "review"]
    assert ledger.signer(line) is not None
    assert line["text"] == review.text_digest(TALKS[0].text)


def test_a_review_line_that_lacks_something_is_told(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    ledger.append(folder, "review", by="Test Operator", key=KEY, run="r001")
    with pytest.raises(CorruptFolder, match=r"ledger\.jsonl, line 4"):
        read_record(folder)


def test_an_unknown_verbatim_style_is_refused(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    with pytest.raises(InvalidOption, match="verbatim style"):
        review.set_verbatim(folder, "free", by="Test Operator", key=KEY)
    ledger.append(folder, "style", by="Test Operator", key=KEY, style="free")
    with pytest.raises(CorruptFolder, match="nobody knows"):
        review.verbatim(folder)


def test_a_named_speaker_stands_in_the_transcript_and_the_machines_guess_stays(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    record = read_record(folder)
    assert record.transcript is not None
    speaker = labels.person_named(record.session, "ОЛЕНА коваль")
    naming.name_speaker(folder, [record.lines[0].utterance], speaker, run="r001", reason="heard", by="Test Operator", key=KEY)
    after = read_record(folder)
    assert (after.lines[0].speaker, after.lines[0].utterance.person) == ("Олена Коваль", "olena-koval")
    assert after.transcript is not None
    assert after.transcript.utterances[0].person == "anna-reed"


def test_somebody_who_is_not_in_the_roster_is_named_by_name(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    record = read_record(folder)
    speaker = labels.person_named(record.session, " Ivan  Petrov ")
    naming.name_speaker(folder, [record.lines[0].utterance], speaker, run="r001", reason="heard", by="Test Operator", key=KEY)
    assert (speaker.person, read_record(folder).lines[0].speaker) == ("ivan-petrov", speaker.name)
    with pytest.raises(InvalidOption):
        labels.person_named(record.session, "!!!")
