"""Reviewing: marks in the ledger, what they add up to, and the walk through a transcript."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from archive import naming, review, review_coverage
from archive.record import read_record
from archive.review_playback import Player
from archive.review_walk import INAUDIBLE, Desk, Walk, items
from everyword import labels, ledger
from everyword.errors import CorruptFolder, InvalidOption
from everyword.folder import SessionFolder
from everyword.room import Room
from tests.archive.builders import KEY, TALKS, Said, accept, add_run, adopt, correct, imported, review_all, transcribed
from tests.archive.conftest import Ew


def a_session(tmp_path: Path) -> SessionFolder:
    """Four utterances and a stretch of 1.5 s without words."""
    return transcribed(tmp_path, TALKS, states=[(8.0, 9.5, "inaudible")])


def coverage(folder: SessionFolder) -> review_coverage.Coverage:
    return review_coverage.of(read_record(folder))


# Marks and what they add up to


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


# The walk


def walk(folder: SessionFolder, answers: Sequence[str], *, everything: bool = False) -> list[str]:
    """Walk with these answers, then hang up; returns everything that was said and asked."""
    left, said = list(answers), []

    def ask(question: str, begin: str) -> str | None:
        said.append(f"{question}|{begin}")
        return left.pop(0) if left else None

    Walk.of(folder, Desk(said.append, ask), by="Test Operator", key=KEY, is_heard=False).run(everything=everything)
    return said


def test_accepting_everything_makes_the_transcript_reviewed(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    walk(folder, ["a"] * 5)
    assert coverage(folder).is_whole


def test_the_walk_goes_on_where_it_was_left(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    walk(folder, ["a", "a", "q"])
    said = walk(folder, ["a"])
    assert "1/3 [a c i s f n b p l q ?]|" in said
    assert any("utterance 3" in line for line in said)
    assert coverage(folder).reviewed == 3


def test_a_correction_is_kept_and_accepted(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    said = walk(folder, ["c", "We discussed the exchange of hostages.", "heard again"])
    assert f"text:|{TALKS[0].text}" in said
    line = read_record(folder).lines[0]
    assert (line.text, coverage(folder).reviewed) == ("We discussed the exchange of hostages.", 1)
    assert [entry.correction.reason for entry in read_record(folder).corrections] == ["heard again"]


def test_what_cannot_be_kept_is_told_and_asked_again(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    said = walk(folder, ["c", "right\u202eto left", "why", "a"])
    assert any("U+202E" in line for line in said)
    assert coverage(folder).reviewed == 1


def test_marking_inaudible_leaves_the_tag_and_the_time(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    walk(folder, ["n", "i", "q"])
    assert read_record(folder).lines[1].text == INAUDIBLE.format("0:00:02")
    assert coverage(folder).inaudible == 2


def test_naming_one_utterance_or_all_of_that_speaker(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    walk(folder, ["s", "Ivan Petrov", "n", "q"])
    assert [line.speaker for line in read_record(folder).lines] == ["Ivan Petrov", "Олена Коваль", "Олена Коваль", "Anna Reed"]
    walk(folder, ["n", "s", "Anna Reed", "y", "q"])
    assert [line.speaker for line in read_record(folder).lines] == ["Ivan Petrov", "Anna Reed", "Anna Reed", "Anna Reed"]


def test_flags_carry_a_note_and_are_shown_next_time(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    walk(folder, ["f", "two people at once"])
    assert any("FLAGGED by Test Operator: two people at once" in line for line in walk(folder, ["q"]))


def test_going_back_and_over_everything(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    walk(folder, ["a", "n", "b", "a", "q"])
    assert [line.utterance.id for line in coverage(folder).unreviewed] == [3, 4]
    assert any("accepted" in line for line in walk(folder, ["q"], everything=True))


def test_going_back_shows_the_text_as_it_was_just_corrected(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    said = walk(folder, ["c", "Corrected.", "heard", "b", "a", "q"])
    assert "  Corrected." in said
    assert (read_record(folder).lines[0].text, coverage(folder).reviewed) == ("Corrected.", 1)


def test_what_is_left_and_help_are_shown_on_demand(tmp_path: Path) -> None:
    said = walk(a_session(tmp_path), ["l", "?", "unknown"])
    assert any("0 of 4 utterances reviewed" in line for line in said)
    assert sum(line.startswith("a  accept") for line in said) == 2


def test_a_stretch_without_words_has_no_text_to_correct_and_nobody_to_name(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    accept(folder)
    walk(folder, ["c", "s", "i"])
    assert coverage(folder).is_whole


def test_items_are_in_the_order_of_the_session(tmp_path: Path) -> None:
    positions = [item.position_us for item in items(read_record(a_session(tmp_path)))]
    assert positions == sorted(positions)
    assert len(positions) == 5


def test_hostile_words_are_shown_as_codes(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("red \x1b[31m \u202e text")])
    assert not any("\x1b" in line or "\u202e" in line for line in walk(folder, ["q"]))


def test_what_was_played_is_in_the_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A player that needs no sound output stands in for the real one; it is stopped before the end."""
    player = tmp_path / "player"
    player.write_text("#!/bin/sh\necho 2000\necho 12000\nexec sleep 60\n")
    player.chmod(0o755)
    monkeypatch.setattr("archive.review_playback.sys.executable", str(player))
    folder = a_session(tmp_path)
    Walk.of(folder, Desk(lambda _: None, waiting(["n", "b", "a", "q"])), by="Test Operator", key=KEY, is_heard=True).run()
    (mark,) = review.read(folder)
    assert mark.played == ((0, 12_000),)
    assert coverage(folder).played_us == 1_500_000


@pytest.mark.skipif(bool(Room.missing()), reason="no room without PulseAudio")
def test_in_a_room_the_utterance_is_really_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_session(tmp_path)
    player = Player(read_record(folder))
    with Room(channels=1) as room:
        for name, value in room.environment().items():
            monkeypatch.setenv(name, value)
        player.play(read_record(folder).lines[0].utterance)
        assert player._process is not None
        player._process.wait(60)
        assert (player.forget(), player.trouble) == ([(0, 2 * 8000 + 4000)], "")


def waiting(answers: list[str]) -> Callable[[str, str], str | None]:
    """Somebody who listens to the end before answering."""

    def ask(question: str, begin: str) -> str | None:
        time.sleep(0.3)
        return answers.pop(0) if answers else None

    return ask


def test_without_sound_the_reason_is_said_once_and_the_review_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.review_playback.sys.executable", "/bin/false")
    folder, said = a_session(tmp_path), list[str]()
    Walk.of(folder, Desk(said.append, waiting(["a", "a", "a"])), by="Test Operator", key=KEY, is_heard=True).run()
    assert len([line for line in said if line.startswith("No sound: ")]) == 1
    assert [mark.played for mark in review.read(folder)] == [(), (), ()]


# The command


def test_status_says_what_is_left_and_json_counts_it(tmp_path: Path, ew: Ew) -> None:
    folder = a_session(tmp_path)
    accept(folder, 1)
    done = ew("review", str(folder.path), "--status")
    assert done.code == 0
    assert "1 of 4 utterances reviewed (25.0 % of speech time)" in done.out
    data = ew("review", str(folder.path), "--json").data
    assert (data["level"], data["unreviewed"], data["reviewed"]) == ("R", [2, 3, 4], 1)


def test_the_verbatim_style_is_recorded(tmp_path: Path, ew: Ew) -> None:
    folder = a_session(tmp_path)
    assert "verbatim style: clean" in ew("review", str(folder.path), "--verbatim", "clean").out
    assert ew("review", str(folder.path), "--verbatim", "free").code == 2
    assert review.verbatim(folder) == "clean"


def test_a_session_without_transcript_cannot_be_reviewed(tmp_path: Path, ew: Ew) -> None:
    done = ew("review", str(imported(tmp_path).path))
    assert done.error is not None
    assert done.error.code == "not-transcribed"


def test_without_a_terminal_an_empty_line_leaves_the_text_as_it_is(tmp_path: Path, home: Path) -> None:
    folder = a_session(tmp_path)
    command = [sys.executable, "-P", "-m", "everyword", "review", str(folder.path), "--no-sound"]
    environment = {**os.environ, "EVERYWORD_HOME": str(home)}
    done = subprocess.run(command, input="c\n\n\nq\n", env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, read_record(folder).lines[0].text) == (0, TALKS[0].text)
    assert done.stdout.startswith("1 of 4 utterances reviewed")
    assert "text: (now: We discussed the exchange of prisoners.)" in done.stderr


def test_review_in_a_real_terminal_with_typing_editing_and_quitting(tmp_path: Path, home: Path) -> None:
    """A pseudo-terminal: the text to correct stands in the line already, and typing goes on behind it."""
    folder = a_session(tmp_path)
    screen = typed(home, folder, ["a\n", "c\n", " Усе.\n", "\n", "q\n"])
    lines = read_record(folder).lines
    assert lines[1].text == "Ми говорили про обмін полонених. Усе."
    assert coverage(folder).reviewed == 2
    assert "Anna Reed, utterance 1" in screen
    assert "2 of 4 utterances reviewed" in screen


def typed(home: Path, folder: SessionFolder, keys: Sequence[str]) -> str:
    """Run ``everyword review`` in a pseudo-terminal and type; returns what was on the screen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "everyword", "review", str(folder.path), "--no-sound"]
    environment = {**os.environ, "EVERYWORD_HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True) as process:
        os.close(theirs)
        screen = bytearray()
        for key in keys:
            wait_for(ours, screen, (b"?] ", b"text: ", b"why: "))
            os.write(ours, key.encode())
            screen.extend(b"\0")  # what was asked before does not count for the next key
        read_to_end(ours, screen)
        assert process.wait(30) == 0
    os.close(ours)
    return screen.replace(b"\0", b"").decode(errors="replace")


def wait_for(descriptor: int, screen: bytearray, prompts: tuple[bytes, ...]) -> None:
    """Read until the newest part of the screen holds a prompt."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(prompt in screen.rpartition(b"\0")[2] for prompt in prompts):
            time.sleep(0.1)  # the text to begin from follows the prompt
            return
        if select.select([descriptor], [], [], 1)[0]:
            screen.extend(os.read(descriptor, 65536))
    raise AssertionError(f"nothing was asked: {bytes(screen)!r}")


def read_to_end(descriptor: int, screen: bytearray) -> None:
    """Until the other side hangs up."""
    try:
        while data := os.read(descriptor, 65536):
            screen.extend(data)
    except OSError:  # Linux says so when the last process has closed the terminal
        pass
