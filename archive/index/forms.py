"""Words as the index keeps them: one spelling for each, and the dictionary forms beside it.

The index holds two texts for every utterance: the text in one ``spelling``, and the dictionary ``forms`` of its words where they
are other than the words.  Both are written at indexing time, so that plain ``sqlite3`` can search them.  English forms are
simplemma's, Russian ones pymorphy3's, Ukrainian ones of both: benchmarks/forms.py measures them.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer
    from simplemma import Lemmatizer

FORMS_VERSION = 3
"""Grows when the same text would have other forms; what was indexed before is then given new ones."""

LANGUAGES = ("en", "ru", "uk")
"""Languages whose word forms are known; of others the spelling alone is indexed."""

_ALPHABETS = {
    "en": re.compile(r"[^\W\d\u0370-\U0010ffff]+(?:'[^\W\d\u0370-\U0010ffff]+)*"),
    "ru": re.compile("[а-я]+"),
    "uk": re.compile("(?:[а-щьюяєіїґ]+'?)+"),
}
"""In our spelling, which has neither capitals nor ё."""

WORD = re.compile("[^\\W_]+(?:[\u0300\u0301]+[^\\W_]*|['\u2019\u02bc][^\\W_]+)*")
"""A word of a text."""
SPELLINGS = (("ё", "е"), ("Ё", "Е"), ("\u2019", "'"), ("\u02bc", "'"), ("\u0300", ""), ("\u0301", ""))
"""What is replaced by what, so that a word has one spelling: ё, two of the three apostrophes, stress marks."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text, ``text[start:end]``."""

    word: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """The words of `text`; an apostrophe between letters belongs to the word, a hyphen divides two."""
    for match in WORD.finditer(text):
        yield Token(match.group(), match.start(), match.end())


def spelling(text: str) -> str:
    """`text` in one spelling: NFC, ё as е, one apostrophe, no stress marks, lower case."""
    # й, ї and é are single characters in NFC, so that what is dropped as a stress mark is nothing else
    return respelled(unicodedata.normalize("NFC", text)).lower()


def respelled(text: str) -> str:
    """`spelling` of a text in NFC, but for upper and lower case: what the index holds."""
    for letter, instead in SPELLINGS:
        text = text.replace(letter, instead)
    return text


def forms(word: str, language: str) -> frozenset[str]:
    """The dictionary forms of a word in one language; word and forms in our spelling.

    Empty for a language without dictionary and for a word that cannot be of that language.  A word that can be read in several
    ways has the form of every reading (Києві is the city, or of a stick).  Russian and Ukrainian words that stand in no
    dictionary, as surnames do, are inflected like the words they end like.
    """
    if language not in LANGUAGES or not _ALPHABETS[language].fullmatch(word):
        return frozenset()
    readings = [reading[2] for reading in _analyzer(language).parse(word)] if language != "en" else []
    if language == "en" and word.endswith("'s"):
        word = word[:-2]
        readings.append(word)
    if language != "ru":
        readings += [_lemmatizer().lemmatize(form, language) for form in (word, word.capitalize())]
    return frozenset(map(respelled, {reading.lower() for reading in readings}))


def indexed(form: str) -> str:
    """A dictionary form as the ``forms`` column has it: without apostrophe, so that it is one token of the index."""
    return form.replace("'", "")


@cache
def _lemmatizer() -> "Lemmatizer":
    from simplemma import Lemmatizer  # noqa: PLC0415  (commands that index nothing new need no dictionary)
    from simplemma.strategies import DefaultStrategy  # noqa: PLC0415

    # names stand in its dictionary with a capital, so `forms` asks for both: nobody types capitals into a search
    return Lemmatizer(lemmatization_strategy=DefaultStrategy())  # the dictionaries that spare memory are four times as slow


@cache
def _analyzer(language: str) -> "MorphAnalyzer":
    from pymorphy3 import MorphAnalyzer  # noqa: PLC0415  (as above)

    # which reading is the likeliest does not matter here: plain tuples without a score come twice as fast
    return MorphAnalyzer(lang=language, probability_estimator_cls=None, result_type=None)


def pieces(word: str) -> tuple[str, ...]:
    """A word in our spelling as FTS5 divides and folds it: an apostrophe divides it, Latin letters lose their accents."""
    return tuple(folded(piece) for piece in word.split("'"))


def folded(word: str) -> str:
    """`word` as the index compares it."""
    if not _ACCENTED.search(word):
        return word
    return _ACCENTED.sub(lambda found: unicodedata.normalize("NFD", found[0])[0], word)


_ACCENTED = re.compile("[\u00c0-\u024f]")
