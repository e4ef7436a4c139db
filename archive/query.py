"""What people type into a search, and what SQLite and the screen make of it.

A query is words (all of them, in any form), ``"phrases"`` (as they stand), ``="exact"``, ``-without``, ``begin*``, and ``OR`` or
``NEAR`` between two of them.  ``NEAR`` binds closest, ``OR`` closer than the space: ``a b OR c`` is *a, and b or c*.
``speaker:reed`` and the like narrow the answer.  Whatever else is typed divides words, as in the text itself; nothing reaches
SQLite but words of letters and digits in quotation marks.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from itertools import groupby
from typing import Literal

from archive.forms import Token, forms, indexed, query_forms, spelling, tokens
from everyword.errors import InvalidQuery

LONGEST_CHARACTERS = 10_000
MOST_TERMS = 100
"""Of one query; SQLite's own limits lie above."""

FIELDS = ("speaker", "session", "role", "lang", "before", "after", "flag")
"""What may stand before a colon, in lower case."""

NEAR_WORDS = 10
"""Words that may stand between two that are ``NEAR`` each other, unless ``NEAR/n`` says how many."""

Kind = Literal["word", "phrase", "prefix", "all", "near"]

_PIECE = re.compile(
    rf"""(?<!\S)(?P<not>-?)(?P<field>{"|".join(FIELDS)}):(?:"(?P<name>[^"]*)(?P<name_end>"?)|(?P<value>[^\s"]+))"""
    r"""|(?P<sign>-?)(?P<exact>=?)"(?P<quoted>[^"]*)(?P<end>"?)|(?P<bare>[^\s"]+)""",
    re.DOTALL,
)
_OPERATOR = re.compile(r"OR|NEAR(?:/[0-9]{1,3})?")
_APOSTROPHE = re.compile("['\u2019\u02bc]")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to look for.

    ``parts`` are the words of the index in order, ``alternatives`` the forms of a single word, ``members`` the words of something
    typed as one, such as ``Івано-Франківськ`` (all of them, each in any form), or the two that are ``NEAR`` each other with at
    most `between` words between them.
    """

    kind: Kind
    parts: tuple[str, ...] = ()
    alternatives: frozenset[str] = frozenset()
    members: tuple["Term", ...] = ()
    between: int = 0

    def fts(self) -> str:
        """This term in the language of FTS5; of ``near`` only that both are there, as word forms have no place in the index."""
        if self.members:
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
class Field:
    """``speaker:reed``: `name` is one of `FIELDS`, `place` where it stands in the query, from 1."""

    name: str
    value: str
    place: int


@dataclass(frozen=True, slots=True)
class Query:
    """All of ``required`` (each a choice of terms) and none of ``excluded``, narrowed by ``fields``."""

    required: tuple[tuple[Term, ...], ...]
    excluded: tuple[Term, ...]
    fields: tuple[Field, ...] = ()

    def fts(self) -> str:
        """The whole query in the language of FTS5."""
        groups = ["(" + " OR ".join(term.fts() for term in choice) + ")" for choice in self.required]
        expression = " AND ".join(groups)
        if self.excluded:
            without = " OR ".join(term.fts() for term in self.excluded)
            return f"({expression}) NOT ({without})"
        return expression

    @property
    def has_near(self) -> bool:
        """True if FTS5 finds more than is meant, so that `is_met` has to look at each text."""
        return any(term.kind == "near" for choice in self.required for term in choice)

    def is_met(self, text: str, language: str) -> bool:
        """Whether a text that FTS5 found has the words near each other that must be."""
        said = Said(text, language)
        choices = [choice for choice in self.required if any(term.kind == "near" for term in choice)]
        return all(any(said.holds(term) for term in choice) for choice in choices)

    @property
    def words(self) -> dict[str, Term]:
        """The words looked for in any form, as typed but for their spelling."""
        terms = [term for choice in self.required for term in choice]
        inner = [member for term in terms for member in (term.members or (term,))]
        return {"'".join(term.parts): term for term in inner if term.kind == "word"}

    def matches(self, text: str, language: str) -> list[tuple[int, int]]:
        """Where `text` holds what was looked for: (start, end) in characters, in order, not overlapping."""
        said = Said(text, language)
        return said.characters(place for choice in self.required for term in choice for place in said.places(term))


def parse(query: str, *, languages: Iterable[str], widen: Callable[[str], Iterable[str]] | None = None) -> Query:
    """Understand a query.

    Args:
        query: as typed; any text at all.
        languages: whose word forms are looked for.
        widen: gives other words to look for beside one, in any of their forms.

    Raises:
        InvalidQuery: it is too long, looks for nothing, or is broken at a place the sentence names.
    """
    if len(query) > LONGEST_CHARACTERS:
        raise InvalidQuery(f"The query has {len(query)} characters; {LONGEST_CHARACTERS} are allowed.", hint="Use fewer words.")
    spoken = tuple(languages)

    def alternatives(word: str) -> frozenset[str]:
        others = widen(word) if widen else ()
        return frozenset().union(*(query_forms(one, spoken) for one in (word, *others)))

    reader = _Reader()
    for piece in _PIECE.finditer(unicodedata.normalize("NFC", query)):
        if piece["field"]:
            reader.add_field(piece)
        elif piece["bare"] and _OPERATOR.fullmatch(piece["bare"]):
            reader.add_operator(piece["bare"], piece.start() + 1)
        else:
            reader.add_term(*_term(piece, alternatives))
    reader.expect_no_operator()
    return _checked(Query(tuple(tuple(choice) for choice in reader.required), tuple(reader.excluded), tuple(reader.fields)))


@dataclass(slots=True)
class _Reader:
    """What was understood of a query so far; `operator` is the one that waits for what comes after it."""

    required: list[list[Term]] = dataclass_field(default_factory=list)
    excluded: list[Term] = dataclass_field(default_factory=list)
    fields: list[Field] = dataclass_field(default_factory=list)
    operator: str = ""
    place: int = 0
    can_join: bool = False

    def add_operator(self, operator: str, place: int) -> None:
        if self.operator or not self.can_join:
            raise InvalidQuery(
                f"{operator} at position {place} has nothing before it.", hint="Write it between two words, or in lower case."
            )
        self.operator, self.place = operator, place

    def add_field(self, piece: re.Match[str]) -> None:
        self.expect_no_operator()
        place, name = piece.start() + 1, piece["field"]
        if piece["name"] is not None and not piece["name_end"]:
            raise InvalidQuery(f"The quotation mark at position {piece.end() - len(piece['name'])} is never closed.")
        if piece["not"]:
            raise InvalidQuery(
                f"-{name}: at position {place} cannot be left out.", hint="Only words can; name those who are meant instead."
            )
        value = (piece["value"] or piece["name"] or "").strip()
        if not value:
            raise InvalidQuery(f"{name}: at position {place} says nothing.", hint=f"Write {name}:… or leave it out.")
        self.fields.append(Field(name, value, place))
        self.can_join = False

    def add_term(self, is_excluded: bool, term: Term | None) -> None:
        if is_excluded or not term:
            self.expect_no_operator()
        if term and is_excluded:
            self.excluded.append(term)
            self.can_join = False
        elif term:
            self._join(term)
            self.can_join = True

    def expect_no_operator(self) -> None:
        if self.operator:
            raise InvalidQuery(
                f"{self.operator} at position {self.place} has no word after it.",
                hint="Write it between two words, or in lower case.",
            )

    def _join(self, term: Term) -> None:
        if self.operator.startswith("NEAR"):
            before = self.required[-1].pop()
            if before.kind == "near":
                raise InvalidQuery(
                    f"{self.operator} at position {self.place} would join three words.", hint="NEAR stands between two words."
                )
            between = int(self.operator.partition("/")[2] or NEAR_WORDS)
            self.required[-1].append(Term("near", members=(before, term), between=between))
        elif self.operator:
            self.required[-1].append(term)
        else:
            self.required.append([term])
        self.operator = ""


def _checked(query: Query) -> Query:
    if not query.required:
        reason = "only says what to leave out" if query.excluded else "has no word in it"
        raise InvalidQuery(f"The query {reason}.", hint="Give at least one word to look for.")
    terms = [*(term for choice in query.required for term in choice), *query.excluded]
    if sum(_word_count(term) for term in terms) > MOST_TERMS:
        raise InvalidQuery(
            f"The query has more than {MOST_TERMS} words.", hint='Look for a sentence as a phrase: "…", in quotation marks.'
        )
    return query


def _term(piece: re.Match[str], alternatives: Callable[[str], frozenset[str]]) -> tuple[bool, Term | None]:
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
    terms = [Term("word", parts, alternatives("'".join(parts))) for parts in words]
    if bare.endswith("*"):
        terms[-1] = Term("prefix", words[-1])
    return is_excluded, terms[0] if len(terms) == 1 else Term("all", members=tuple(terms))


def _word_count(term: Term) -> int:
    return sum(_word_count(member) for member in term.members) or 1


@dataclass(frozen=True, slots=True)
class _Part:
    """A word as FTS5 divides the text: there an apostrophe divides too, so `token` may have several."""

    word: str
    token: Token


class Said:
    """A text that a query is held against; places are (first, last) parts of it."""

    def __init__(self, text: str, language: str) -> None:
        self._parts = [_Part(_folded(part), token) for token in tokens(text) for part in _index_words(token.word)]
        self._language = language

    def places(self, term: Term) -> set[tuple[int, int]]:
        """Wherever `term`, or something that belongs to it, is."""
        if term.kind == "near":
            return {place for pair in self._near(term) for place in pair}
        if term.kind == "all":
            return {place for member in term.members for place in self.places(member)}
        return set(self._forms(term) if term.kind == "word" else self._runs(term))

    def holds(self, term: Term) -> bool:
        """Whether the whole of `term` is there."""
        if term.kind == "all":
            return all(self.holds(member) for member in term.members)
        return bool(self.places(term))

    def characters(self, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Places as (start, end) in characters, in order; those that overlap are one."""
        result: list[tuple[int, int]] = []
        spans = {(self._parts[first].token.start, self._parts[last].token.end) for first, last in places}
        for start, end in sorted(spans):
            if result and start < result[-1][1]:
                result[-1] = (result[-1][0], max(end, result[-1][1]))
            else:
                result.append((start, end))
        return result

    def _near(self, term: Term) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        one, other = (self.places(member) if self.holds(member) else set() for member in term.members)
        for before in one:
            for after in other:
                if 0 < max(after[0] - before[1], before[0] - after[1]) <= term.between + 1:
                    yield before, after

    def _forms(self, term: Term) -> Iterator[tuple[int, int]]:
        wanted = {_folded(form) for form in term.alternatives}
        first = 0
        for token, parts in groupby(self._parts, key=lambda part: part.token):
            after = first + len(list(parts))
            spelled = spelling(token.word)
            if any(_folded(form) in wanted for form in (spelled, *forms(spelled, self._language))):
                yield first, after - 1
            first = after

    def _runs(self, term: Term) -> Iterator[tuple[int, int]]:
        wanted = [_folded(part) for part in term.parts]
        last = len(wanted) - 1
        for first in range(len(self._parts) - last):
            here = [part.word for part in self._parts[first : first + last + 1]]
            ends = here[last].startswith(wanted[last]) if term.kind == "prefix" else here[last] == wanted[last]
            if here[:last] == wanted[:last] and ends:
                yield first, first + last


def _index_words(text: str) -> Iterator[str]:
    """The words of a text as FTS5 divides it: there an apostrophe divides too."""
    for token in tokens(spelling(text)):
        yield from _APOSTROPHE.split(token.word)


def _folded(word: str) -> str:
    """`word` as the index compares it: Latin letters without their accents."""
    if word.isascii():
        return word
    return "".join(unicodedata.normalize("NFD", char)[0] if "\u00c0" <= char <= "\u024f" else char for char in word)
