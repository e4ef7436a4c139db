"""Numbers as words: a transcript that says 1975 where the reference spells it out has lost nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from num2words import num2words  # type: ignore[import-untyped]
from rapidfuzz.distance import Levenshtein

from benchmarks.alignment import Heard
from benchmarks.normaliser import normalise

_NUMBER = re.compile(r"(\d{1,12})(st|nd|rd|th)?")
_PERCENT = {"en": ("percent", "per cent"), "ru": ("процентов", "процента", "процент"), "uk": ("відсотків", "відсоток")}


def spelled(found: Sequence[Heard], reference: str, *, language: str) -> list[Heard]:
    """The words with each number in that spelling which leaves the fewest errors.

    The same is done for everybody's transcript.  A spelling keeps the bounds and the mark of the word in digits.
    """
    words, expected = list(found), normalise(reference).split()
    places = [place for place, word in enumerate(words) if word.text == "%" or _NUMBER.fullmatch(word.text)]
    for place in reversed(places):  # from the end, so that earlier places stay where they are
        number = words[place]
        ways = [[replace(number, text=text) for text in way.split()] for way in _spellings(number.text, language)]
        around = [[*words[max(0, place - 40) : place], *way, *words[place + 1 : place + 41]] for way in ways]
        near = expected if len(expected) < 400 else _near(expected, words, place)
        best = min(range(len(ways)), key=lambda n: Levenshtein.distance([one.text for one in around[n]], near))
        words[place : place + 1] = ways[best]
    return words


def _near(expected: Sequence[str], words: Sequence[Heard], place: int) -> Sequence[str]:
    """The stretch of a long reference that lies about where the place is."""
    middle = place * len(expected) // max(1, len(words))
    return expected[max(0, middle - 120) : middle + 120]


def _spellings(token: str, language: str) -> list[str]:
    """At least one; normalised."""
    return list(dict.fromkeys(normalise(way.replace(",", "")) for way in _said(token, language)))


def _said(token: str, language: str) -> Iterator[str]:
    match = _NUMBER.fullmatch(token)
    if not match:
        yield from _PERCENT[language]
        return
    digits, is_ordinal = match[1], bool(match[2])
    yield token  # some references have digits themselves
    if not is_ordinal:
        yield num2words(int(digits), lang=language)
        yield " ".join(num2words(int(digit), lang=language) for digit in digits)
    yield num2words(int(digits), lang=language, to="ordinal")
    if language == "en" and len(digits) == 4:
        yield num2words(int(digits), lang=language, to="year")
    if language == "en" and digits in ("100", "1000"):
        yield "a hundred" if digits == "100" else "a thousand"
