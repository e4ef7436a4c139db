"""Numbers as words, and words divided as the reference divides them: another spelling of the same sounds has lost nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import jiwer
from num2words import num2words  # type: ignore[import-untyped]
from rapidfuzz.distance import Levenshtein

from benchmarks.alignment import Heard
from benchmarks.normaliser import normalise

MOST_PARTS = 4
"""Of a word that somebody else writes as several."""

_NUMBER = re.compile(r"(\d{1,12})(st|nd|rd|th)?")
_PERCENT = {"en": ("percent", "per cent"), "ru": ("процентов", "процента", "процент"), "uk": ("відсотків", "відсоток")}


def spelled(found: Sequence[Heard], reference: str, *, language: str) -> list[Heard]:
    """The words with each number in that spelling which leaves the fewest errors, and divided as in the reference.

    The same is done for everybody's transcript.  A spelling keeps the bounds and the mark of the word in digits.
    """
    return divided(_with_numbers(found, reference, language=language), reference)


def divided(found: Sequence[Heard], reference: str) -> list[Heard]:
    """Words of the same letters as in the reference, there otherwise divided, with its division (wood cutters, woodcutters).

    Nobody hears where a writer puts the space.  Only at the same place: where the alignment has both beside each other.
    """
    words, expected = list(found), normalise(reference).split()
    if not words or not expected:
        return words
    chunks = jiwer.process_words(" ".join(expected), " ".join(word.text for word in words)).alignments[0]
    for is_same, group in reversed([(same, list(run)) for same, run in groupby(chunks, key=lambda one: one.type == "equal")]):
        if not is_same:
            first, end = group[0].hyp_start_idx, group[-1].hyp_end_idx
            words[first:end] = _as_divided(words[first:end], expected[group[0].ref_start_idx : group[-1].ref_end_idx])
    return words


def _as_divided(words: list[Heard], expected: Sequence[str]) -> list[Heard]:
    """From the end, so that earlier places stay where they are."""
    for first in reversed(range(len(words))):
        for end in range(first + 1, min(len(words), first + MOST_PARTS) + 1):
            parts = _parts("".join(word.text for word in words[first:end]), expected)
            if parts and len(parts) != end - first:
                last, is_flagged = words[end - 1], any(word.is_flagged for word in words[first:end])
                words[first:end] = [Heard(text, words[first].start_s, last.end_s, is_flagged) for text in parts]
                break
    return words


def _parts(letters: str, expected: Sequence[str]) -> list[str]:
    """The words in a row that make up these letters, or none."""
    for first in range(len(expected)):
        for end in range(first + 1, min(len(expected), first + MOST_PARTS) + 1):
            if "".join(expected[first:end]) == letters:
                return list(expected[first:end])
    return []


def _with_numbers(found: Sequence[Heard], reference: str, *, language: str) -> list[Heard]:
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
