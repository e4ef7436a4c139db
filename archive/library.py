"""The archive as an object: open it, ask it, close it.  ``from archive import Archive``."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlite_utils import Database

from archive import people
from archive.answers.brief import Chapter, brief
from archive.answers.concordance import KeywordLine, concordance
from archive.answers.counts import Count, Side, Use, counts, uses
from archive.answers.drift import Period, drift
from archive.index.schema import FILE_NAME, open_archive
from archive.index.update import Problem, index
from archive.query.filters import NO_FILTERS, Filters
from archive.query.hits import Answer, Order
from archive.query.search import Memory, Search, search
from everyword import config, folder


class Archive:
    """Every session of a computer, searchable; use it as a context manager.

    Args:
        home: `EVERYWORD_HOME`; that of the environment unless said otherwise.
        is_current: read new and changed session folders first.

    ``problems`` are folders that could not be read.  One object belongs to one thread; several processes may have their own.

    Raises:
        ArchiveError: see `archive.index.schema.open_archive`.
    """

    def __init__(self, home: Path | None = None, *, is_current: bool = True) -> None:
        environ = {**os.environ, **({"EVERYWORD_HOME": str(home)} if home else {})}
        self._settings = config.load(environ).settings
        self._stack = ExitStack()
        self.db: Database = self._stack.enter_context(open_archive(self._settings.home / FILE_NAME))
        self.problems: tuple[Problem, ...] = ()
        self._memory = Memory(self.db)
        if is_current:
            self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def close(self) -> None:
        """Let go of the database; hits can no longer be read then."""
        self._stack.close()

    def refresh(self) -> None:
        """Read new and changed session folders."""
        report = index(self.db, folder.roots(self._settings.home, self._settings.sessions))
        self.problems = report.problems
        if not report.is_frozen:
            people.apply(self.db, self._settings.home)
        self._memory = Memory(self.db)

    def search(
        self,
        query: str,
        *,
        filters: Filters = NO_FILTERS,
        context: int = 0,
        limit: int = 20,
        order: Order = "time",
        is_loose: bool = False,
        as_recorded: bool = False,
    ) -> Answer:
        """See `archive.query.search.search`."""
        return search(
            self.db,
            query,
            filters=filters,
            context=context,
            limit=limit,
            order=order,
            is_loose=is_loose,
            as_recorded=as_recorded,
            memory=self._memory,
        )

    def concordance(self, query: str, *, filters: Filters = NO_FILTERS, limit: int = 20) -> tuple[KeywordLine, ...]:
        """The newest hits with the keyword in the middle."""
        return tuple(concordance(self.search(query, filters=filters, limit=limit).hits))

    def counts(self, query: str, side: Side, *, filters: Filters = NO_FILTERS) -> tuple[Count, ...]:
        """How many utterances answer, by ``session``, ``speaker``, ``month`` or ``language``."""
        return counts(self._asked(query, filters), side)

    def uses(self, query: str, *, filters: Filters = NO_FILTERS) -> tuple[Use, ...]:
        """Everybody's first and last use."""
        return uses(self._asked(query, filters))

    def drift(self, query: str, *, filters: Filters = NO_FILTERS) -> tuple[Period, ...]:
        """How often it was said each month, and beside which words."""
        return drift(self._asked(query, filters))

    def brief(self, terms: Sequence[str], *, filters: Filters = NO_FILTERS, limit: int = 20) -> tuple[Chapter, ...]:
        """A chapter for each term; `archive.answers.brief.lines` writes them."""
        return brief(self.db, terms, filters=filters, limit=limit)

    def _asked(self, query: str, filters: Filters) -> Search:
        return Search(self.db, query, filters=filters, memory=self._memory)
