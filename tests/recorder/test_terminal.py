"""The recording as somebody at a terminal meets it: a real pseudo-terminal, real keys."""

import shlex
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from everyword.folder import scan
from everyword.recording import read_recording
from tests.recorder.sound import counted, counted_file, everyword, numbers_in, recorded
from tests.recorder.terminals import Terminal

Open = list[Terminal]


@pytest.fixture
def terminals() -> Iterator[Open]:
    """Terminals that are closed at the end."""
    opened: Open = []
    yield opened
    for one in opened:
        one.kill()


def record(terminals: Open, tmp_path: Path, home: Path, *arguments: str, colour: bool = True) -> Terminal:
    source = counted_file(tmp_path / "in.wav", seconds=120)
    terminals.append(Terminal.run(home, "record", "--input", f"file:{source}", *arguments, colour=colour))
    return terminals[-1]


def test_notes_pause_resume_and_the_end_by_key(tmp_path: Path, home: Path, terminals: Open) -> None:
    terminal = record(terminals, tmp_path, home, "--title", "Round three")
    terminal.wait_for("● REC", "Round three", "gaps 0", "notes 0", "min left")
    terminal.press("nОни отрицают\x7fт «протокол»")
    terminal.wait_for("Note: Они отрицают «протокол»", "● REC")
    terminal.press("\r")
    terminal.wait_for("notes 1", "The note is on disk.")
    terminal.press("o")
    terminal.wait_for("OFF THE RECORD", "NOTHING IS RECORDED")
    terminal.press("r")
    terminal.wait_for("● REC")
    terminal.press("q")
    terminal.wait_for("once more")
    terminal.press("q")
    assert terminal.wait() in (0, 3)
    (folder,) = scan([home / "sessions"])
    recording = read_recording(folder)
    assert ["Они отрицают «протокол»"] == [note.text for note in recording.notes]
    (gap,) = recording.gaps
    assert "off-record" == gap.cause
    numbers = numbers_in(recorded(folder)).tolist()
    end = gap.first_frame + gap.frame_count
    assert [*range(1, gap.first_frame + 1), *([0] * gap.frame_count), *range(end + 1, len(numbers) + 1)] == numbers


def test_a_control_c_while_a_note_is_typed_gives_up_the_note_and_not_the_recording(
    tmp_path: Path, home: Path, terminals: Open
) -> None:
    terminal = record(terminals, tmp_path, home)
    terminal.wait_for("● REC")
    terminal.press("nthis is wro")
    terminal.wait_for("Note: this is wro")
    terminal.press("\x03")
    terminal.wait_for("n note")
    terminal.press("\x03")
    assert terminal.wait() in (0, 3)
    assert "Sealed." in terminal.raw.decode()


def test_a_window_that_is_made_smaller_stays_readable_and_one_that_is_closed_costs_nothing(
    tmp_path: Path, home: Path, terminals: Open
) -> None:
    terminal = record(terminals, tmp_path, home, "--title", "A long title " * 9)
    terminal.wait_for("● REC")
    terminal.resize(40, 9)
    terminal.wait_for("● REC", "gaps 0")
    assert ["n note" in line for line in terminal.text.splitlines()].count(True) == 1
    terminal.hang_up()
    (folder,) = scan([home / "sessions"])
    viewer = Terminal.run(home, "record", "--attach", str(folder.path))
    terminals.append(viewer)
    viewer.wait_for("● REC", "d leaves")
    viewer.press("nseen from here\r")
    viewer.wait_for("notes 1")
    viewer.press("d")
    assert 0 == viewer.wait()
    assert everyword(home, "stop", str(folder.path)).returncode in (0, 3)
    assert counted(1, len(recorded(folder)) // 4) == recorded(folder)
    assert ["seen from here"] == [note.text for note in read_recording(folder).notes]


def test_without_colour_nothing_but_text_says_that_it_is_paused(tmp_path: Path, home: Path, terminals: Open) -> None:
    terminal = record(terminals, tmp_path, home, colour=False)
    terminal.wait_for("● REC")
    terminal.press("p")
    terminal.wait_for("PAUSED for", "NOTHING IS RECORDED")
    assert [] == [code for code in (b"\x1b[41m", b"\x1b[43m", b"\x1b[31m", b"\x1b[32m") if code in terminal.raw]
    terminal.press("qq")
    assert terminal.wait() in (0, 3)


def test_the_terminal_is_left_as_it_was(tmp_path: Path, home: Path, terminals: Open) -> None:
    terminal = record(terminals, tmp_path, home)
    before = termios.tcgetattr(terminal.master)
    terminal.wait_for("● REC")
    during = termios.tcgetattr(terminal.master)
    terminal.press("qq")
    terminal.wait()
    assert before[3] & termios.ICANON
    assert not during[3] & termios.ICANON
    assert b"\x1b[?1049l" in terminal.raw


def test_enter_starts_an_armed_recording_and_the_screen_says_which_is_which(tmp_path: Path, home: Path, terminals: Open) -> None:
    terminal = record(terminals, tmp_path, home, "--preroll", "5s")
    terminal.wait_for("PRE-ROLL", "of 5 s in memory", "Enter or s starts", "dB")
    assert [] == scan([home / "sessions"])
    terminal.press("\r")
    terminal.wait_for("● REC", "n note")
    terminal.press("qq")
    assert terminal.wait() in (0, 3)
    (folder,) = scan([home / "sessions"])
    numbers = numbers_in(recorded(folder)).tolist()
    assert list(range(numbers[0], numbers[0] + len(numbers))) == numbers


def test_a_recording_behind_another_program_leaves_the_screen_alone(tmp_path: Path, home: Path, terminals: Open) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=120)
    command = f"{shlex.quote(sys.executable)} -P -m everyword record --input file:{shlex.quote(str(source))} --duration 1 & wait"
    terminals.append(Terminal.shell(home, command))
    terminals[-1].wait_for("Sealed.")
    assert b"\x1b[?1049h" not in terminals[-1].raw
