"""Latin and Cyrillic: in which of them a language is written, and a text.  Pure."""

import unicodedata

LATIN, CYRILLIC = "LATIN", "CYRILLIC"

_IN_CYRILLIC = frozenset({"ru", "uk", "be", "bg", "mk", "sr", "kk", "mn", "tg", "tt", "ba"})
_IN_BOTH = frozenset({"sr", "az", "uz"})


def script_of(language: str) -> str:
    """The script of a language as far as names and terms are concerned: Cyrillic or else Latin."""
    return CYRILLIC if language in _IN_CYRILLIC else LATIN


def scripts(text: str) -> list[str]:
    """The script of each letter, by the first word of its name in Unicode."""
    return [unicodedata.name(mark, "").split(" ")[0] for mark in text if mark.isalpha()]


def is_in_other_script(text: str, language: str) -> bool:
    """True when most letters are Latin in a language of Cyrillic letters, or Cyrillic in another: translated, or mere names."""
    found = scripts(text)
    other = LATIN if script_of(language) == CYRILLIC else CYRILLIC
    return language not in _IN_BOTH and 2 * found.count(other) > len(found)
