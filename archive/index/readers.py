"""Folders → rows, in other processes where there is much to read: they look up the words while this one writes.

A helper is this Python running this module.  It is told folders on its standard input and answers with rows, in order; it ends
when its input does, so that it cannot outlive the process that started it.  Whatever a helper cannot do is done here.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from sqlite_utils import Database

from archive.index.collector import collecting_rarely
from archive.index.lexicon import Lexicon, Texts, differing
from archive.index.pipe import Inbox, send
from archive.index.rows import SessionRows, read_rows
from archive.index.schema import reading
from everyword.errors import EverywordError
from everyword.folder import SessionFolder

MUCH_BYTES = 20_000_000
"""Of transcripts, from which on helpers are worth their start: they have to load the dictionaries."""

MOST_HELPERS = 4

AHEAD_FOLDERS, AHEAD_BYTES = 2, 50_000_000
"""Folders that each helper is told of before the first is asked for, and more while their transcripts have fewer bytes: it is
to have work for as long as a transaction is being written."""

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
        self._asked: deque[tuple[SessionFolder, _Helper, int]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for helper in self._helpers:
            helper.close()

    def read(self, folder: SessionFolder) -> Result:
        """The rows of a folder, or what is wrong with it."""
        while self._waiting and self._is_little_asked():
            helper = next(self._turn)
            helper.ask(self._waiting[0])
            self._asked.append((self._waiting[0], helper, _size(self._waiting.popleft())))
        if self._on_session:
            self._on_session(folder.path.name)
        if self._asked and self._asked[0][0] == folder:
            result = self._asked.popleft()[1].answer()
            if result is not None:
                return result
        with reading(self._db):
            return attempt(folder, self._texts)

    def _is_little_asked(self) -> bool:
        ahead = sum(size for _, _, size in self._asked)
        return len(self._asked) < AHEAD_FOLDERS * len(self._helpers) or ahead < AHEAD_BYTES * len(self._helpers)


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
        assert self._process.stdin  # noqa: S101  (pipes, see above)
        assert self._process.stdout  # noqa: S101
        self._asks, self._answers = self._process.stdin, Inbox(self._process.stdout)

    def ask(self, folder: SessionFolder) -> None:
        with suppress(OSError):  # it has died, and `answer` will find out
            send(self._asks, folder.path.absolute())

    def answer(self) -> Result | None:
        result = self._answers.next()
        return result if isinstance(result, SessionRows | str) else None

    def close(self) -> None:
        self._process.kill()  # it has nothing to lose
        self._process.wait()
        self._answers.close()
        with suppress(OSError):
            self._asks.close()


def _serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """What a helper does all its life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started it
    texts = Texts(differing)
    asks = Inbox(asked)
    with collecting_rarely(), suppress(BrokenPipeError):  # nobody wants to know any more
        while isinstance(path := asks.next(), Path):
            send(answers, attempt(SessionFolder(path), texts))


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
