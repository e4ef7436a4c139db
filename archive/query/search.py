"""Find utterances.

Newest first by default: that costs the same for the commonest and the rarest word, however large the archive.  By relevance the
newest `MOST_CANDIDATES` are compared, and the answer says if there were more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from heapq import merge
from itertools import islice

from sqlite_utils import Database

from archive.index.lexicon import Lexicon
from archive.index.schema import reading
from archive.query.filters import NO_FILTERS, Filters, narrowing
from archive.query.hits import Answer, Hit, Order, Row, select
from archive.query.labels import Labels
from archive.query.language import parse
from archive.query.loose import Vocabulary
from archive.query.match import Matcher
from archive.query.relevance import ranked

MOST_CANDIDATES = 200
"""That an order by relevance compares: so many in which the words stand as typed, and so many with any form of them."""


class Memory:
    """What a search has read of an archive and the next one need not read again; belongs to one connection."""

    def __init__(self, db: Database) -> None:
        self.lexicon = Lexicon(db)
        self.labels = Labels(db)
        self.vocabulary = Vocabulary(db, self.lexicon)
        self._db = db
        self._state = (-1, -1)

    def begin(self) -> None:
        """Drop what anybody may have changed since; needed at the beginning of a transaction."""
        (version,) = self._db.conn.execute("PRAGMA data_version").fetchone()
        state = (version, self._db.conn.total_changes)
        if state != self._state:
            self._state = state
            self.labels.forget()
            self.vocabulary.forget()
            self.lexicon.begin()


class Search:
    """One query against an archive: understood once, answered from as many sides as needed.

    Args:
        db: from `archive.index.schema.open_archive`, indexed.
        query: see `archive.query.language`.
        filters: what to narrow the answer by.
        is_loose: look for words like those typed, too, in either script; see `archive.query.loose`.
        as_recorded: look into the machine's own words, without corrections.
        memory: of this connection; one that is used again makes the next search quicker.

    Raises:
        InvalidQuery: see `parse`.
        InvalidOption: no session has a speaker of that name, or nobody that role.
    """

    def __init__(
        self,
        db: Database,
        query: str,
        *,
        filters: Filters = NO_FILTERS,
        is_loose: bool = False,
        as_recorded: bool = False,
        memory: Memory | None = None,
    ) -> None:
        self.db = db
        self.as_recorded = as_recorded
        self._memory = memory or Memory(db)
        self._memory.begin()
        self.lexicon, self.labels, self.vocabulary = self._memory.lexicon, self._memory.labels, self._memory.vocabulary
        self.query = parse(query, words=self.lexicon, widen=self.vocabulary.near if is_loose else None)
        self._narrowing = narrowing(db, filters, self.query.fields)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Rows that are read inside, and hits that are made of them, are of one moment."""
        with reading(self.db):
            self._memory.begin()
            yield

    @cached_property
    def matcher(self) -> Matcher:
        """The query held against a text."""
        return Matcher(self.query, self.lexicon)

    def rows(self, *, is_exact: bool = False, is_oldest_first: bool = False) -> Iterator[Row]:
        """Every utterance that answers, newest first; SQLite finds them one by one as they are asked for.

        Args:
            is_exact: only those in which each word stands as it was typed.
            is_oldest_first: the other way round.
        """
        found = self._found(self.query.fts(is_exact=is_exact), is_oldest_first=is_oldest_first)
        if self.query.is_checked:
            found = (row for row in found if self.matcher.is_met(row.text, row.language))
        if self.as_recorded:
            machine = self._corrected(is_oldest_first=is_oldest_first)
            untouched = (row for row in found if row.recorded is None)
            return merge(untouched, machine, key=lambda row: row.id, reverse=is_oldest_first)
        return found

    def suggestions(self) -> tuple[str, ...]:
        """Three words like each word that nobody ever said; a word that was said is no misspelling."""
        found = "SELECT 1 FROM utterances_fts WHERE utterances_fts MATCH ? LIMIT 1"
        unknown = [word for word, term in self.query.words.items() if not self.db.execute(found, [term.fts()]).fetchone()]
        return tuple(dict.fromkeys(near for word in unknown for near in self.vocabulary.near(word)[:3]))

    def _found(self, expression: str, *, is_oldest_first: bool) -> Iterator[Row]:
        together = " AND ".join(part for part in (f"({expression})" if expression else "", *self._narrowing.expressions) if part)
        source, key = "utterances_fts CROSS JOIN utterances ON utterances.id = utterances_fts.rowid", "utterances_fts.rowid"
        conditions, values = self._narrowing.where(key)
        if together:
            conditions, values = ["utterances_fts MATCH ?", *conditions], [together, *values]
        else:  # a broad prefix alone: what many words begin with is found soon by looking through the newest texts
            source, key = "utterances", "utterances.id"
            conditions, values = self._narrowing.where(key)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return select(self.db, f"{source} {where} {_order(key, is_oldest_first=is_oldest_first)}", values)

    def _corrected(self, *, is_oldest_first: bool) -> Iterator[Row]:
        """Utterances whose machine's text answers; they are few, and not in the index."""
        conditions, values = self._narrowing.where("utterances.id")
        where = " AND ".join(["utterances.recorded IS NOT NULL", *conditions])
        order = _order("utterances.id", is_oldest_first=is_oldest_first)
        rows = select(self.db, f"utterances WHERE {where} {order}", values)
        return (row for row in rows if self.matcher.is_all_met(row.recorded or "", row.language))


def _order(key: str, *, is_oldest_first: bool) -> str:
    """What was said last has the smallest row id."""
    return f"ORDER BY {key} {'DESC' if is_oldest_first else 'ASC'}"


def search(
    db: Database,
    query: str,
    *,
    filters: Filters = NO_FILTERS,
    context: int = 0,
    limit: int = 20,
    order: Order = "time",
    is_loose: bool = False,
    as_recorded: bool = False,
    memory: Memory | None = None,
) -> Answer:
    """Look for `query` in the current text of every session.

    Args:
        db: from `archive.index.schema.open_archive`, indexed.
        query: see `archive.query.language`.
        filters: what to narrow the hits by.
        context: utterances of the same session to show before and after each hit.
        limit: of hits.
        order: ``time`` is newest first, recordings of unknown time at the time their session was made; ``relevance`` puts
            utterances that say the words as typed before those with other forms of them, see `archive.query.relevance`.
        is_loose: see `Search`, as the others.
        as_recorded: the machine's own words.
        memory: see `Search`.

    Raises:
        InvalidQuery, InvalidOption: see `Search`.
    """
    with reading(db):
        asked = Search(db, query, filters=filters, is_loose=is_loose, as_recorded=as_recorded, memory=memory)
        if order == "relevance":
            return _by_relevance(asked, context=context, limit=limit)
        found = list(islice(asked.rows(), limit + 1))
        hits = tuple([Hit(asked, row, context=context) for row in found[:limit]])
        return Answer(hits, more=len(found) > limit, suggestions=() if hits else asked.suggestions())


def _by_relevance(asked: Search, *, context: int, limit: int) -> Answer:
    any_form = list(islice(asked.rows(), MOST_CANDIDATES + 1))
    has_forms = asked.query.fts(is_exact=True) != asked.query.fts()
    exact = list(islice(asked.rows(is_exact=True), MOST_CANDIDATES + 1)) if has_forms else any_form
    as_typed = {row.id for row in exact}
    candidates = {row.id: row for row in (*exact[:MOST_CANDIDATES], *any_form[:MOST_CANDIDATES])}
    order = ranked(list(candidates.values()), asked.matcher, as_typed)
    hits = tuple([Hit(asked, row, context=context) for row in order[:limit]])
    is_capped = len(any_form) > MOST_CANDIDATES
    return Answer(
        hits,
        more=is_capped or len(order) > limit,
        suggestions=() if hits else asked.suggestions(),
        candidates=len(candidates),
        is_capped=is_capped,
    )
