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
from typing import Literal

from archive.index.forms import indexed, pieces, spelling, tokens
from archive.index.lexicon import Words
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


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to look for.

    ``parts`` are the words of the index in order, ``alternatives`` the forms of a single word: those ``anywhere`` may
    stand both in a text and beside it, ``standing`` only in a text, ``listed`` only beside it.  ``beginning`` are the words that
    begin like a prefix, None if they are too many.  ``members`` are the words of something typed as one, such as
    ``Івано-Франківськ`` (all of them, each in any form), or the two that are ``NEAR`` each other with at most `between` words
    between them.
    """

    kind: Kind
    parts: tuple[str, ...] = ()
    alternatives: frozenset[str] = frozenset()
    anywhere: tuple[str, ...] = ()
    standing: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    beginning: tuple[str, ...] | None = None
    members: tuple["Term", ...] = ()
    between: int = 0

    @property
    def is_broad(self) -> bool:
        """True for a prefix of one piece that too many words begin with for the index to be of help."""
        return self.kind == "prefix" and len(self.parts) == 1 and self.beginning is None

    @property
    def is_checked(self) -> bool:
        """True if what FTS5 finds has to be looked at: a word form has no place in the index, a broad prefix no entry."""
        return self.kind == "near" or self.is_broad or any(member.is_checked for member in self.members)

    def fts(self, *, is_exact: bool = False) -> str:
        """This term in the language of FTS5; of ``near`` only that both are there.

        Nothing for a broad prefix.  With `is_exact` a word is only looked for as it was typed.
        """
        if self.members:
            return _all_of(member.fts(is_exact=is_exact) for member in self.members)
        quoted = _quoted(self.parts)
        if self.kind == "phrase" or (is_exact and self.kind == "word"):
            return f"(spelling : {quoted})"
        if self.is_broad:
            return ""
        if self.kind == "prefix" and self.beginning:
            return f"(spelling : ({' OR '.join(_quoted((word,)) for word in self.beginning)}))"
        if self.kind == "prefix":
            return f"(spelling : {quoted}*)"
        places = (
            ("{spelling forms}", self.anywhere),
            ("spelling", [" ".join(pieces(word)) for word in self.standing]),
            ("forms", [indexed(form) for form in self.listed]),
        )
        known = [f"{column} : ({' OR '.join([_quoted((one,)) for one in found])})" for column, found in places if found]
        return f"({' OR '.join(known)})"


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

    def fts(self, *, is_exact: bool = False) -> str:
        """The whole query in the language of FTS5, but for its `is_checked` terms; empty if that leaves nothing to look for."""
        groups = [
            "(" + " OR ".join(parts) + ")"
            for choice in self.required
            if all(parts := [one.fts(is_exact=is_exact) for one in choice])
        ]
        expression = " AND ".join(groups)
        without = " OR ".join(part for term in self.excluded if not term.is_checked and (part := term.fts()))
        return f"({expression}) NOT ({without})" if expression and without else expression

    @property
    def is_checked(self) -> bool:
        """True if FTS5 finds more than is meant, so that each text has to be looked at."""
        return any(term.is_checked for term in self.terms)

    @property
    def terms(self) -> list[Term]:
        """Everything looked for, and everything left out."""
        return [*(term for choice in self.required for term in choice), *self.excluded]

    @property
    def words(self) -> dict[str, Term]:
        """The words looked for in any form, as typed but for their spelling."""
        terms = [term for choice in self.required for term in choice]
        inner = [member for term in terms for member in (term.members or (term,))]
        return {"'".join(term.parts): term for term in inner if term.kind == "word"}


def parse(query: str, *, words: Words, widen: Callable[[str], Iterable[str]] | None = None) -> Query:
    """Understand a query.

    Args:
        query: as typed; any text at all.
        words: gives their forms, and those that are in the archive at all.
        widen: gives other words to look for beside one, in any of their forms.

    Raises:
        InvalidQuery: it is too long, looks for nothing, or is broken at a place the sentence names.
    """
    if len(query) > LONGEST_CHARACTERS:
        raise InvalidQuery(f"The query has {len(query)} characters; {LONGEST_CHARACTERS} are allowed.", hint="Use fewer words.")

    def word_term(word: str) -> Term:
        meant = [word, *(widen(word) if widen else ())]
        forms = frozenset[str]().union(*(words.alternatives(spelling(one)) for one in meant))
        standing = {form for form in forms if form == word or words.has_word(form)}
        listed = {form for form in forms if words.has_form(form)}
        anywhere = {form for form in standing & listed if pieces(form) == (form,)}  # one list of places is read instead of two
        return Term(
            "word",
            pieces(word),
            forms,
            anywhere=tuple(sorted(anywhere)),
            standing=tuple(sorted(standing - anywhere)),
            listed=tuple(sorted(listed - anywhere)),
        )

    def prefix_term(parts: tuple[str, ...]) -> Term:
        return Term("prefix", parts, beginning=words.beginning(parts[0]) if len(parts) == 1 else None)

    reader = _Reader()
    for piece in _PIECE.finditer(unicodedata.normalize("NFC", query)):
        if piece["field"]:
            reader.add_field(piece)
        elif piece["bare"] and _OPERATOR.fullmatch(piece["bare"]):
            reader.add_operator(piece["bare"], piece.start() + 1)
        else:
            reader.add_term(*_term(piece, word_term, prefix_term))
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


def _term(
    piece: re.Match[str], word_term: Callable[[str], Term], prefix_term: Callable[[tuple[str, ...]], Term]
) -> tuple[bool, Term | None]:
    """Whether a piece excludes, and what it looks for: nothing if there is no word in it."""
    if piece["bare"] is None:
        if not piece["end"]:
            raise InvalidQuery(f"The quotation mark at position {piece.end() - len(piece['quoted'])} is never closed.")
        parts = tuple(_index_words(piece["quoted"]))
        return bool(piece["sign"]), Term("phrase", parts) if parts else None
    bare = piece["bare"]
    is_excluded, is_exact = bare.startswith("-"), bare.startswith(("=", "-="))
    words = [spelling(token.word) for token in tokens(bare)]
    if not words:
        return is_excluded, None
    if is_exact:
        return is_excluded, Term("phrase", tuple(_index_words(bare)))
    begun = [prefix_term(pieces(words.pop()))] if bare.endswith("*") else []
    terms = [*map(word_term, words), *begun]
    return is_excluded, terms[0] if len(terms) == 1 else Term("all", members=tuple(terms))


def _word_count(term: Term) -> int:
    return sum(_word_count(member) for member in term.members) or 1


def _index_words(text: str) -> Iterator[str]:
    """The words of a text as FTS5 divides it."""
    for token in tokens(text):
        yield from pieces(spelling(token.word))


def _quoted(parts: Iterable[str]) -> str:
    return '"' + " ".join(parts) + '"'


def _all_of(expressions: Iterable[str]) -> str:
    known = [expression for expression in expressions if expression]
    return "(" + " AND ".join(known) + ")" if known else ""
