"""What reaches the terminal: data on stdout, words on stderr.  Nothing else prints."""

import getpass
import json
import os
import sys
from functools import cache
from typing import TYPE_CHECKING

from everyword.errors import InvalidOption
from everyword.text import printable

if TYPE_CHECKING:
    from rich.console import Console

ENVELOPE = 1
"""The version in every JSON answer: ``{"everyword": 1, "data": …}``."""


class _State:
    quiet = False


def set_quiet(quiet: bool) -> None:
    """With ``--quiet`` only data and errors are written."""
    _State.quiet = quiet


def is_quiet() -> bool:
    """Whether ``--quiet`` was given."""
    return _State.quiet


@cache
def console() -> "Console":
    """The rich console on stderr; obeys NO_COLOR, FORCE_COLOR and TERM."""
    from rich.console import Console  # noqa: PLC0415  (a tenth of the start-up time)

    class Unread(Console):
        def on_broken_pipe(self) -> None:
            """Nobody reads (``| tee`` has died): say nothing more.  Rich would end the process, and with it a recording."""
            self.quiet = True

    return Unread(stderr=True, highlight=False, markup=False, soft_wrap=True)


def say(sentence: str, *, style: str | None = None, is_needed: bool = False) -> None:
    """A line for the person at the terminal; silent with ``--quiet``, unless a question follows that cannot be answered without.

    Escape sequences in it are shown, never obeyed.
    """
    if is_needed or not _State.quiet:
        console().print(printable(sentence), style=style)


def complain(sentence: str, *, hint: str = "") -> None:
    """An error, and the next step; never silent."""
    console().print(f"everyword: {printable(sentence)}", style="red")
    if hint:
        console().print(f"  → {printable(hint)}")


def ask(question: str) -> str:
    """What the person answers; asked on stderr, even with ``--quiet``.  A program may answer on stdin, a line a question.

    Raises:
        InvalidOption: nobody is there to answer.
    """
    sys.stderr.write(_prompt(question))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise InvalidOption("There was no answer.", hint="Run the command in a terminal, or give the answers on its input.")
    return line.rstrip("\n")


def ask_secret(question: str) -> str:
    """`ask` for a passphrase or a PIN, which a terminal does not show."""
    return getpass.getpass(_prompt(question), stream=sys.stderr) if sys.stdin.isatty() else ask(question)


def _prompt(question: str) -> str:
    return f"{printable(question)}: "


def put(line: str) -> None:
    """A line of data on stdout."""
    _write(printable(line))


def put_prepared(line: str) -> None:
    """A line of data with codes of ours in it (bold): everything else in it must have been through `printable`."""
    _write(line)


def put_json(data: object) -> None:
    """An answer in the versioned envelope, on stdout."""
    _write_json({"data": data})


def put_json_error(sentence: str, *, code: str, hint: str, exit_code: int) -> None:
    """An error in the envelope, for a command that was asked for JSON."""
    error = {"code": code, "message": sentence, "hint": hint, "exit_code": exit_code}
    _write_json({"errors": [error]})


def _write_json(answer: dict[str, object]) -> None:
    """With what a terminal would obey and JSON lets through (U+009B begins an escape sequence) written as a ``u`` escape."""
    _write(printable(json.dumps({"everyword": ENVELOPE, **answer}, ensure_ascii=False)))


def _write(line: str) -> None:
    """A reader that has seen enough (``| head``) ends the output, not the command."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
