"""A query held against a text: where its words stand, and whether all is there that FTS5 cannot tell."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from archive.index.forms import WORD, folded, spelling
from archive.index.lexicon import Reading, Words
from archive.query.language import Query, Term


class Matcher:
    """One query, and what gives the words of a text their forms."""

    def __init__(self, query: Query, words: Words) -> None:
        self._query = query
        self._words = words
        self._looked_for = [term for choice in query.required for term in choice]
        self._wanted = [_Wanted.of(term) for term in self._looked_for]
        self._is_simple = not any(map(_has_runs, self._looked_for))
        self._keys = frozenset(key for wanted in self._wanted for key in wanted.keys)
        self._is_words = self._is_simple and not any(wanted.pieces or wanted.prefixes for wanted in self._wanted)

    def matches(self, text: str, language: str) -> list[tuple[int, int]]:
        """Where `text` holds what was looked for: (start, end) in characters, in order, not overlapping."""
        reading = self._words.readings(language)
        if self._is_words:
            keys = self._keys
            return [one.span() for one in WORD.finditer(text) if not keys.isdisjoint(reading[one[0]].keys)]
        if self._is_simple:
            wanted = self._wanted
            return [one.span() for one in WORD.finditer(text) if any(term.is_in(reading[one[0]]) for term in wanted)]
        said = Said(text, language, self._words)
        return said.characters(place for term in self._looked_for for place in said.places(term))

    def counts(self, text: str, language: str) -> Counter[int]:
        """Number of each term looked for → how often it stands in `text`."""
        result: Counter[int] = Counter()
        if self._is_simple:
            for reading in map(self._words.readings(language).__getitem__, WORD.findall(text)):
                for place, wanted in enumerate(self._wanted):
                    if wanted.is_in(reading):
                        result[place] += 1
        else:
            said = Said(text, language, self._words)
            result.update({place: len(said.places(term)) for place, term in enumerate(self._looked_for)})
        return +result

    def is_met(self, text: str, language: str) -> bool:
        """Whether a text that FTS5 found has what FTS5 cannot tell: words near each other, and broad prefixes."""
        return self._is_answered(text, language, *self._unanswered)

    @cached_property
    def _unanswered(self) -> tuple[list[tuple[Term, ...]], list[Term]]:
        """The part of the query that FTS5 cannot answer."""
        choices = [choice for choice in self._query.required if any(term.is_checked for term in choice)]
        is_asked = bool(self._query.fts())  # without anything to look for it leaves nothing out, either
        return choices, [term for term in self._query.excluded if term.is_checked or not is_asked]

    def is_all_met(self, text: str, language: str) -> bool:
        """Whether a text that was not looked up at all answers the query."""
        return self._is_answered(text, language, self._query.required, self._query.excluded)

    def _is_answered(self, text: str, language: str, choices: Iterable[tuple[Term, ...]], excluded: Iterable[Term]) -> bool:
        said = Said(text, language, self._words)
        return all(any(said.holds(term) for term in choice) for choice in choices) and not any(map(said.holds, excluded))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a word may be found by, for a term whose words are looked for one by one."""

    keys: frozenset[str]
    pieces: frozenset[str]
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, term: Term) -> "_Wanted":
        single = term.members or (term,)
        return cls(
            frozenset(folded(form) for one in single if one.kind == "word" for form in one.alternatives),
            frozenset(folded(part) for one in single if one.kind == "phrase" for part in one.parts),
            tuple(folded(part) for one in single if one.kind == "prefix" for part in one.parts),
        )

    def is_in(self, reading: Reading) -> bool:
        """Whether a word is meant."""
        if not self.keys.isdisjoint(reading.keys) or not self.pieces.isdisjoint(reading.pieces):
            return True
        return bool(self.prefixes) and any(piece.startswith(self.prefixes) for piece in reading.pieces)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of a word as FTS5 divides the text; ``first`` and ``last`` are those of its word, ``span`` its characters."""

    text: str
    first: int
    last: int
    keys: frozenset[str]
    span: tuple[int, int]


class Said:
    """A text that a query is held against; places are (first, last) pieces of it."""

    def __init__(self, text: str, language: str, words: Words) -> None:
        self._text = text
        self._language = language
        self._words = words
        self._divided: list[_Piece] | None = None

    @property
    def _pieces(self) -> list[_Piece]:
        if self._divided is None:
            self._divided = list(self._divide())
        return self._divided

    def _divide(self) -> Iterator[_Piece]:
        first, readings = 0, self._words.readings(self._language)
        for found in WORD.finditer(self._text):
            reading = readings[found[0]]
            last = first + len(reading.pieces) - 1
            for piece in reading.pieces:
                yield _Piece(piece, first, last, reading.keys, found.span())
            first = last + 1

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
        if term.is_broad:  # looked for in many texts, one after the other
            return bool(re.search(rf"(?<![^\W_]){re.escape(folded(term.parts[0]))}", folded(spelling(self._text))))
        return bool(self.places(term))

    def characters(self, places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Places as (start, end) in characters, in order; those that overlap are one."""
        result: list[tuple[int, int]] = []
        spans = {(self._pieces[first].span[0], self._pieces[last].span[1]) for first, last in places}
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
        wanted = _Wanted.of(term).keys
        return ((piece.first, piece.last) for piece in self._pieces if not piece.keys.isdisjoint(wanted))

    def _runs(self, term: Term) -> Iterator[tuple[int, int]]:
        wanted = [folded(part) for part in term.parts]
        last = len(wanted) - 1
        for first in range(len(self._pieces) - last):
            here = [piece.text for piece in self._pieces[first : first + last + 1]]
            ends = here[last].startswith(wanted[last]) if term.kind == "prefix" else here[last] == wanted[last]
            if here[:last] == wanted[:last] and ends:
                yield first, first + last


def _has_runs(term: Term) -> bool:
    """Whether `term` is about more than one word at a time."""
    return term.kind == "near" or any(one.kind != "word" and len(one.parts) > 1 for one in (term.members or (term,)))
