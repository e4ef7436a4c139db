"""The index at the end: speakers, terms and names by page:line.

A term is found in any form of its words.  Names are words that are written with a capital inside a sentence and never without
one; that is a guess, good for en, ru and uk, and it is called one in the index.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from archive.export.text import one_line
from archive.index.forms import forms, spelling, tokens
from archive.pages.body import WORDS
from archive.pages.layout import Composer, PageLine
from archive.record import Line, Record

_SENTENCE_END = re.compile(r"[.!?…:;\"»”)\]]$")
_LEAST_NAME = 3

Places = dict[str, list[str]]
"""Entry → places, each once, in order."""


def compose(composer: Composer, record: Record, terms: Iterable[str]) -> None:
    """Put the index on pages of its own, behind the body that `composer` already holds."""
    finder = _Finder(composer)
    speakers, found, names = _speakers(record, finder), _terms(record, finder, terms), _names(record, finder)
    composer.begin()
    composer.heading("INDEX")
    for heading, entries in (
        ("Speakers, where each begins to speak", speakers),
        ("Terms, in any form", found),
        ("Names (a guess: always written with a capital)", names),
    ):
        if entries:
            composer.blank()
            composer.paragraph(heading)
            for entry, places in entries.items():
                composer.paragraph(f"{entry}  {', '.join(places) or 'nowhere'}", indent=2, hanging=4)


class _Finder:
    """Where a word of an utterance was printed."""

    def __init__(self, composer: Composer) -> None:
        self._style = composer.style
        self._lines: dict[int, list[PageLine]] = defaultdict(list)
        for line in composer.lines:
            if line.utterance is not None:
                self._lines[line.utterance].append(line)

    def place(self, utterance: int, word: int = 0) -> str:
        """As page:line, or the page alone in a style without line numbers."""
        lines = self._lines[utterance]
        line = lines[max(0, bisect_right([one.first_word for one in lines], word) - 1)]
        return f"{line.page}:{line.line}" if self._style.is_numbered else str(line.page)


def _speakers(record: Record, finder: _Finder) -> Places:
    places: Places = defaultdict(list)
    before = None
    for line in record.lines:
        if line.speaker != before:
            places[one_line(line.speaker)].append(finder.place(line.utterance.id))
        before = line.speaker
    return _tidy(places)


def _terms(record: Record, finder: _Finder, terms: Iterable[str]) -> Places:
    places: Places = {}
    for term in terms:
        wanted = [_forms(token.word, record.session.languages) for token in tokens(term)]
        places[one_line(term)] = list(dict.fromkeys(_occurrences(record, finder, wanted))) if wanted else []
    return places


def _occurrences(record: Record, finder: _Finder, wanted: Sequence[frozenset[str]]) -> Iterator[str]:
    """Places where words that have one of the wanted forms each follow one another."""
    for line in record.lines:
        words = list(_words(line))
        languages = {*record.session.languages, line.utterance.language}
        fits = [[not _forms(word, languages).isdisjoint(some) for some in wanted] for _, word in words]
        for start in range(len(words) - len(wanted) + 1):
            if all(fits[start + offset][offset] for offset in range(len(wanted))):
                yield finder.place(line.utterance.id, words[start][0])


def _forms(word: str, languages: Iterable[str]) -> frozenset[str]:
    spelled = spelling(word)
    return frozenset({spelled}.union(*(forms(spelled, language) for language in languages)))


def _names(record: Record, finder: _Finder) -> Places:
    places: Places = defaultdict(list)
    small: set[str] = set()
    for line in record.lines:
        begins = True
        for number, chunk in enumerate(WORDS.findall(line.text)):
            for word in _within(chunk):
                if word[0].islower():
                    small.add(word)
                elif not begins and len(word) >= _LEAST_NAME and not word[0].isdigit():
                    places[word].append(finder.place(line.utterance.id, number))
                begins = False
            begins = begins or bool(_SENTENCE_END.search(chunk))
    return _tidy({word: found for word, found in places.items() if word.lower() not in small})


def _words(line: Line) -> Iterator[tuple[int, str]]:
    """(number of the printed word, a word in it): «по-русски» is one printed word and two words."""
    for number, chunk in enumerate(WORDS.findall(line.text)):
        for word in _within(chunk):
            yield number, word


@lru_cache(maxsize=65_536)
def _within(chunk: str) -> tuple[str, ...]:
    return tuple(token.word for token in tokens(chunk))


def _tidy(places: Mapping[str, Sequence[str]]) -> Places:
    return {entry: list(dict.fromkeys(places[entry])) for entry in sorted(places, key=spelling)}
