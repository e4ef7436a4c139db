"""Words as the index keeps them: one spelling for each, and the dictionary forms beside it.

The index holds three texts for every utterance: ``text`` as it stands, ``spelling`` (the same in one spelling, only where that
differs) and ``forms`` (dictionary forms that do not stand in the text).  All of it is written at indexing time, so that plain
``sqlite3`` can search it.  English forms are simplemma's, Russian ones pymorphy3's, Ukrainian ones of both: benchmarks/forms.py
measures them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer
    from simplemma import Lemmatizer

FORMS_VERSION = 2
"""Grows when the same text would have other forms; what was indexed before is then given new ones."""

LANGUAGES = ("en", "ru", "uk")
"""Languages whose word forms are known; of others the spelling alone is indexed."""

_ALPHABETS = {
    "en": re.compile(r"[^\W\d\u0370-\U0010ffff]+(?:'[^\W\d\u0370-\U0010ffff]+)*"),
    "ru": re.compile("[а-я]+"),
    "uk": re.compile("(?:[а-щьюяєіїґ]+'?)+"),
}
"""In our spelling, which has neither capitals nor ё."""

_STRESS = "\u0300\u0301"
_LETTER = rf"[^\W_][{_STRESS}]*"
_WORD = re.compile(rf"(?:{_LETTER})+(?:['\u2019\u02bc](?:{_LETTER})+)*")
_SPELLINGS = str.maketrans({"ё": "е", "Ё": "Е", "\u2019": "'", "\u02bc": "'", "\u0300": None, "\u0301": None})


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text, ``text[start:end]``."""

    word: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """The words of `text`; an apostrophe between letters belongs to the word, a hyphen divides two."""
    for match in _WORD.finditer(text):
        yield Token(match.group(), match.start(), match.end())


def spelling(text: str) -> str:
    """`text` in one spelling: NFC, ё as е, one apostrophe, no stress marks, lower case."""
    # й, ї and é are single characters in NFC, so that what is dropped as a stress mark is nothing else
    return unicodedata.normalize("NFC", text).translate(_SPELLINGS).lower()


def index_columns(text: str, language: str) -> tuple[str | None, str | None]:
    """What stands beside `text` in the index: (spelling if it differs, the forms that are not in the text themselves)."""
    same = spelling(text)
    surfaces = {spelling(token.word) for token in tokens(text)}
    found = {form for word in surfaces for form in forms(word, language)} - surfaces
    differs = same != text.lower()
    return same if differs else None, " ".join(sorted(indexed(form) for form in found)) or None


@lru_cache(maxsize=65536)
def forms(word: str, language: str) -> frozenset[str]:
    """The dictionary forms of a word in one language; word and forms in our spelling.

    Empty for a language without dictionary and for a word that cannot be of that language.  A word that can be read in several
    ways has the form of every reading (Києві is the city, or of a stick).  Russian and Ukrainian words that stand in no
    dictionary, as surnames do, are inflected like the words they end like.
    """
    if language not in LANGUAGES or not _is_possible(word, language):
        return frozenset()
    readings = [reading.normal_form for reading in _analyzer(language).parse(word)] if language != "en" else []
    if language != "ru":
        readings += [_lemmatizer().lemmatize(form, language) for form in (word, word.capitalize())]
    return frozenset(spelling(reading) for reading in readings)


def query_forms(word: str, languages: Iterable[str]) -> frozenset[str]:
    """Everything an utterance may be indexed under if it holds some form of `word` in one of `languages`."""
    spelled = spelling(word)
    return frozenset({spelled}.union(*(forms(spelled, language) for language in languages)))


def indexed(form: str) -> str:
    """A dictionary form as the ``forms`` column has it: without apostrophe, so that it is one token of the index."""
    return form.replace("'", "")


def _is_possible(word: str, language: str) -> bool:
    """False for numbers, another script or another alphabet: spares loading dictionaries that cannot help."""
    return bool(_ALPHABETS[language].fullmatch(word))


@cache
def _lemmatizer() -> "Lemmatizer":
    from simplemma import Lemmatizer  # noqa: PLC0415  (commands that index nothing new need no dictionary)
    from simplemma.strategies import DefaultStrategy  # noqa: PLC0415
    from simplemma.strategies.dictionaries import LOW_MEMORY_DICTIONARY_FACTORY  # noqa: PLC0415

    # names stand in its dictionary with a capital, so `forms` asks for both: nobody types capitals into a search
    return Lemmatizer(lemmatization_strategy=DefaultStrategy(dictionary_factory=LOW_MEMORY_DICTIONARY_FACTORY))


@cache
def _analyzer(language: str) -> "MorphAnalyzer":
    from pymorphy3 import MorphAnalyzer  # noqa: PLC0415  (as above)

    return MorphAnalyzer(lang=language)
