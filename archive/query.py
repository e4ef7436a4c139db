"""What people type into a search, and what SQLite and the screen make of it.

A query is words (all of them, in any form), ``"phrases"`` (as they stand), ``="exact"``, ``-without``, ``OR`` between two of
them and ``begin*``.  ``OR`` binds closer than the space: ``a b OR c`` is *a, and b or c*.  Whatever else is typed divides words,
as in the text itself; nothing reaches SQLite but words of letters and digits in quotation marks.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from archive.forms import forms, indexed, query_forms, spelling, tokens
from everyword.errors import InvalidQuery

LONGEST_CHARACTERS = 10_000
MOST_TERMS = 100
"""Of one query; SQLite's own limits lie above."""

Kind = Literal["word", "phrase", "prefix", "all"]

_PIECE = re.compile(r'(?P<sign>-?)(?P<exact>=?)"(?P<quoted>[^"]*)(?P<end>"?)|(?P<bare>[^\s"]+)', re.DOTALL)
_APOSTROPHE = re.compile("['\u2019\u02bc]")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to look for.

    ``parts`` are the words of the index in order, ``alternatives`` the forms of a single word, ``members`` the words of something
    typed as one, such as ``Івано-Франківськ``: all of them, each in any form.
    """

    kind: Kind
    parts: tuple[str, ...] = ()
    alternatives: frozenset[str] = frozenset()
    members: tuple["Term", ...] = ()

    def fts(self) -> str:
        """This term in the language of FTS5."""
        if self.kind == "all":
            return "(" + " AND ".join(member.fts() for member in self.members) + ")"
        quoted = '"' + " ".join(self.parts) + '"'
        if self.kind == "phrase":
            return f"({{text spelling}} : {quoted})"
        if self.kind == "prefix":
            return f"({{text spelling}} : {quoted}*)"
        standing = [f'"{" ".join(_index_words(form))}"' for form in sorted(self.alternatives)]
        listed = [f'"{indexed(form)}"' for form in sorted(self.alternatives)]
        return f"({{text spelling}} : ({' OR '.join(standing)}) OR forms : ({' OR '.join(listed)}))"


@dataclass(frozen=True, slots=True)
class Query:
    """All of ``required`` (each a choice of terms) and none of ``excluded``."""

    required: tuple[tuple[Term, ...], ...]
    excluded: tuple[Term, ...]

    def fts(self) -> str:
        """The whole query in the language of FTS5."""
        groups = ["(" + " OR ".join(term.fts() for term in choice) + ")" for choice in self.required]
        expression = " AND ".join(groups)
        if self.excluded:
            without = " OR ".join(term.fts() for term in self.excluded)
            return f"({expression}) NOT ({without})"
        return expression

    def matches(self, text: str, language: str) -> list[tuple[int, int]]:
        """Where `text` holds what was looked for: (start, end) in characters, in order, not overlapping."""
        words = list(tokens(text))
        parts = [(part, token.start, token.end) for token in words for part in _index_words(token.word)]
        found: set[tuple[int, int]] = set()
        terms = [term for choice in self.required for term in choice]
        for term in [member for whole in terms for member in whole.members or (whole,)]:
            if term.kind == "word":
                found.update((token.start, token.end) for token in words if _is_form(term, token.word, language))
            else:
                found.update(_runs(term, parts))
        return _merged(found)


def parse(query: str, *, languages: Iterable[str]) -> Query:
    """Understand a query.

    Args:
        query: as typed; any text at all.
        languages: whose word forms are looked for.

    Raises:
        InvalidQuery: it is too long, looks for nothing, or is broken at a place the sentence names.
    """
    if len(query) > LONGEST_CHARACTERS:
        raise InvalidQuery(f"The query has {len(query)} characters; {LONGEST_CHARACTERS} are allowed.", hint="Use fewer words.")
    required: list[list[Term]] = []
    excluded: list[Term] = []
    pending_or = 0
    for piece in _PIECE.finditer(unicodedata.normalize("NFC", query)):
        place = piece.start() + 1
        if piece["bare"] == "OR":
            if not required or pending_or:
                raise InvalidQuery(
                    f"OR at position {place} has nothing before it.", hint="Write it between two words, or in lower case."
                )
            pending_or = place
            continue
        is_excluded, term = _term(piece, tuple(languages))
        if pending_or and (is_excluded or not term):
            raise InvalidQuery(
                f"OR at position {pending_or} has no word after it.", hint="Write it between two words, or in lower case."
            )
        if term and is_excluded:
            excluded.append(term)
        elif term and pending_or:
            required[-1].append(term)
        elif term:
            required.append([term])
        pending_or = 0
    if pending_or:
        raise InvalidQuery(
            f"OR at position {pending_or} has no word after it.", hint="Write it between two words, or in lower case."
        )
    return _checked(Query(tuple(tuple(choice) for choice in required), tuple(excluded)))


def _checked(query: Query) -> Query:
    if not query.required:
        reason = "only says what to leave out" if query.excluded else "has no word in it"
        raise InvalidQuery(f"The query {reason}.", hint="Give at least one word to look for.")
    terms = [*(term for choice in query.required for term in choice), *query.excluded]
    if sum(len(term.members) or 1 for term in terms) > MOST_TERMS:
        raise InvalidQuery(
            f"The query has more than {MOST_TERMS} words.", hint='Look for a sentence as a phrase: "…", in quotation marks.'
        )
    return query


def _term(piece: re.Match[str], languages: tuple[str, ...]) -> tuple[bool, Term | None]:
    """Whether a piece excludes, and what it looks for: nothing if there is no word in it."""
    if piece["bare"] is None:
        if not piece["end"]:
            raise InvalidQuery(f"The quotation mark at position {piece.end() - len(piece['quoted'])} is never closed.")
        parts = tuple(_index_words(piece["quoted"]))
        return bool(piece["sign"]), Term("phrase", parts) if parts else None
    bare = piece["bare"]
    is_excluded, is_exact = bare.startswith("-"), bare.startswith(("=", "-="))
    words = [tuple(_index_words(token.word)) for token in tokens(bare)]
    if not words:
        return is_excluded, None
    if is_exact:
        return is_excluded, Term("phrase", tuple(part for parts in words for part in parts))
    terms = [Term("word", parts, query_forms("'".join(parts), languages)) for parts in words]
    if bare.endswith("*"):
        terms[-1] = Term("prefix", words[-1])
    return is_excluded, terms[0] if len(terms) == 1 else Term("all", members=tuple(terms))


def _is_form(term: Term, word: str, language: str) -> bool:
    spelled = spelling(word)
    wanted = {_folded(form) for form in term.alternatives}
    return any(_folded(form) in wanted for form in (spelled, *forms(spelled, language)))


def _index_words(text: str) -> Iterator[str]:
    """The words of a text as FTS5 divides it: there an apostrophe divides too."""
    for token in tokens(spelling(text)):
        yield from _APOSTROPHE.split(token.word)


def _folded(word: str) -> str:
    """`word` as the index compares it: Latin letters without their accents."""
    if word.isascii():
        return word
    return "".join(unicodedata.normalize("NFD", char)[0] if "\u00c0" <= char <= "\u024f" else char for char in word)


def _runs(term: Term, parts: list[tuple[str, int, int]]) -> Iterator[tuple[int, int]]:
    wanted = [_folded(part) for part in term.parts]
    folded = [_folded(part) for part, _, _ in parts]
    last = len(wanted) - 1
    for first in range(len(folded) - last):
        here = folded[first : first + last + 1]
        ends = here[last].startswith(wanted[last]) if term.kind == "prefix" else here[last] == wanted[last]
        if here[:last] == wanted[:last] and ends:
            yield parts[first][1], parts[first + last][2]


def _merged(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if result and start < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
