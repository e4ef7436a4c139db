"""The walk through a transcript, and the command that begins it."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from archive.record import read_record
from archive.review import marks as review
from archive.review.playback import Player
from archive.review.walk import INAUDIBLE, Desk, Walk, items
from everyword.folder import SessionFolder
from everyword.room import Room
from tests.archive.builders import KEY, TALKS, Said, accept, imported, transcribed
from tests.archive.conftest import Ew
from tests.archive.review.sessions import a_session, coverage


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
    monkeypatch.setattr("archive.stretch.sys.executable", str(player))
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
        assert player._playing is not None
        player._playing[0].wait(60)
        assert (player.forget(), player.trouble) == ([(0, 2 * 8000 + 4000)], "")


def waiting(answers: list[str]) -> Callable[[str, str], str | None]:
    """Somebody who listens to the end before answering."""

    def ask(question: str, begin: str) -> str | None:
        time.sleep(0.3)
        return answers.pop(0) if answers else None

    return ask


def test_without_sound_the_reason_is_said_once_and_the_review_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.stretch.sys.executable", "/bin/false")
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
