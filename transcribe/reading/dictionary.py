"""How many words of a text are words of its language: what an engine makes of another language mostly are not."""

import re
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymorphy3 import MorphAnalyzer

DICTIONARIES = ("pymorphy3", "pymorphy3-dicts-ru", "pymorphy3-dicts-uk")
"""Packages whose versions decide what a word is."""

_WORD = re.compile("[а-яёіїєґ]+(?:['-][а-яёіїєґ]+)*")
_LOCK = Lock()
_APOSTROPHES = str.maketrans("\u2019\u02bc", "''")


def known_share(text: str, language: str) -> float | None:
    """The share of the words of a Russian or Ukrainian text that pymorphy3's dictionary has, 0 to 1; None when it has no words.

    What is in Latin letters does not count.
    """
    words = _WORD.findall(text.lower().translate(_APOSTROPHES))
    with _LOCK:  # two threads that come first at once would each load it
        dictionary = _dictionary(language)
    return sum(dictionary.word_is_known(word) for word in words) / len(words) if words else None


@cache
def _dictionary(language: str) -> "MorphAnalyzer":
    from pymorphy3 import MorphAnalyzer  # noqa: PLC0415  (20 MB a language, of use only where both may be spoken)

    return MorphAnalyzer(lang=language)
