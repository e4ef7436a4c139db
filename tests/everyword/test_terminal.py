"""What reaches the terminal is shown, never obeyed."""

import json
import subprocess
import sys

import pytest

from everyword import terminal

EVIL = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202egnp.exe[red]x[/red]"
SEEN = "\\u001b]0;owned\\u0007\\u001b[31m\\u009b2J\\u202egnp.exe[red]x[/red]"


@pytest.fixture(autouse=True)
def fresh() -> None:
    terminal.console.cache_clear()
    terminal.set_quiet(False)


def test_data_goes_to_stdout_and_words_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.put("data")
    terminal.say("words")
    terminal.complain("trouble.", hint="next step")
    assert ("data\n", "words\neveryword: trouble.\n  → next step\n") == capsys.readouterr()


def test_escape_sequences_and_markup_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.put(EVIL)
    terminal.say(EVIL)
    terminal.complain(EVIL, hint=EVIL)
    assert (f"{SEEN}\n", f"{SEEN}\neveryword: {SEEN}\n  → {SEEN}\n") == capsys.readouterr()


def test_json_holds_the_same_text_and_nothing_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.put_json({"title": EVIL, "слово": "ё\ud800"})
    out = capsys.readouterr().out
    assert {"everyword": 1, "data": {"title": EVIL, "слово": "ё\ud800"}} == json.loads(out)
    assert [] == [char for char in out[:-1] if not char.isprintable()]
    assert "слово" in out


def test_an_error_has_its_envelope(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.put_json_error("No.", code="no", hint="Go.", exit_code=3)
    error = {"code": "no", "message": "No.", "hint": "Go.", "exit_code": 3}
    assert {"everyword": 1, "errors": [error]} == json.loads(capsys.readouterr().out)


def test_quiet_silences_words_but_neither_data_nor_errors(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.set_quiet(True)
    terminal.say("words")
    terminal.put("data")
    terminal.complain("trouble.")
    assert ("data\n", "everyword: trouble.\n") == capsys.readouterr()


def test_a_long_line_is_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("word " * 100)
    assert 1 == capsys.readouterr().err.count("\n")


def test_a_reader_that_has_seen_enough_ends_the_output_and_not_the_command() -> None:
    code = "from everyword import terminal\nfor _ in range(20000): terminal.put('x' * 50)\nterminal.say('done')"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert ("done\n", 0) == (process.stderr.read(), process.wait(60))
    process.stderr.close()
