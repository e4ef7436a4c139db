"""Folders → rows, in other processes where there is much to read: they look up the words while this one writes.

A helper is this Python running this module.  It is told folders on its standard input and answers with rows, in order; it ends
when its input does, so that it cannot outlive the process that started it.  Whatever a helper cannot do is done here.
"""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from sqlite_utils import Database

from archive.index.lexicon import Lexicon, Texts, differing
from archive.index.rows import SessionRows, read_rows
from archive.index.schema import reading
from everyword.errors import EverywordError
from everyword.folder import SessionFolder

MUCH_BYTES = 20_000_000
"""Of transcripts, from which on helpers are worth their start: they have to load the dictionaries."""

MOST_HELPERS = 4

AHEAD = 2
"""Folders that each helper is told of before the first is asked for."""

UNFIT = (EverywordError, OSError, ValueError, ArithmeticError, KeyError, TypeError, sqlite3.IntegrityError)
"""A folder may hold anything: whatever is wrong with one, the others must still be found."""

Result = SessionRows | str
"""The rows of a folder, or a sentence that says why there are none."""


class Readers:
    """Reads folders one after the other, in the order they were announced, several at a time if they are many.

    Args:
        folders: that will be asked for with `read`, which may be asked for others, too.
        db: where words are looked up before the dictionaries.
        lexicon: of this archive.
        on_session: told the name of each folder before it is read.
    """

    def __init__(
        self,
        folders: Sequence[SessionFolder],
        db: Database,
        lexicon: Lexicon,
        *,
        on_session: Callable[[str], None] | None = None,
    ) -> None:
        self._db = db
        self._texts = Texts(lexicon.differing)
        self._on_session = on_session
        self._helpers = [_Helper() for _ in range(_helpers(folders))]
        self._waiting = deque(folders if self._helpers else ())
        self._turn = cycle(self._helpers)
        self._asked: deque[tuple[SessionFolder, _Helper]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for helper in self._helpers:
            helper.close()

    def read(self, folder: SessionFolder) -> Result:
        """The rows of a folder, or what is wrong with it."""
        while self._waiting and len(self._asked) < AHEAD * len(self._helpers):
            helper = next(self._turn)
            helper.ask(self._waiting[0])
            self._asked.append((self._waiting.popleft(), helper))
        if self._on_session:
            self._on_session(folder.path.name)
        if self._asked and self._asked[0][0] == folder:
            result = self._asked.popleft()[1].answer()
            if result is not None:
                return result
        with reading(self._db):
            return attempt(folder, self._texts)


def attempt(folder: SessionFolder, texts: Texts) -> Result:
    """Read a folder, whatever may be in it."""
    try:
        return read_rows(folder, texts)
    except UNFIT as error:
        return str(error)


def _helpers(folders: Sequence[SessionFolder]) -> int:
    """How many are worth it: one processor is left for writing."""
    spare = min(MOST_HELPERS, len(os.sched_getaffinity(0)) - 1, len(folders) - 1)
    if spare < 1 or sum(map(_size, folders)) < MUCH_BYTES:
        return 0
    return spare


def _size(folder: SessionFolder) -> int:
    """Bytes of the utterances of all its runs; nothing for a folder that cannot be looked at."""
    try:
        return sum(path.stat().st_size for path in folder.transcripts.glob("*/utterances.jsonl"))
    except OSError:
        return 0


class _Helper:
    """One process that reads folders; `answer` gives nothing once it has died."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "archive.index.readers"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, folder: SessionFolder) -> None:
        assert self._process.stdin  # noqa: S101  (a pipe, see above)
        try:
            pickle.dump(folder.path.absolute(), self._process.stdin)
            self._process.stdin.flush()
        except OSError:  # it has died, and `answer` will find out
            return

    def answer(self) -> Result | None:
        assert self._process.stdout  # noqa: S101  (a pipe, see above)
        try:
            result: Result = pickle.load(self._process.stdout)  # noqa: S301  (written by our own child)
        except (EOFError, OSError, pickle.UnpicklingError):
            return None
        return result

    def close(self) -> None:
        self._process.kill()  # it has nothing to lose
        self._process.communicate()


def _serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """What a helper does all its life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started it
    texts = Texts(differing)
    while True:
        try:
            path: Path = pickle.load(asked)  # noqa: S301  (written by our own parent)
        except EOFError:
            return
        pickle.dump(attempt(SessionFolder(path), texts), answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
