"""Text that people type or machines write, made safe to keep, to name files with and to show."""

import re
import unicodedata

from everyword.errors import InvalidText

LONGEST = {"title": 500, "place": 500, "name": 200, "note": 10_000, "text": 20_000, "reason": 2_000}
_MISLEADING = {0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF}
"""Bidirectional controls make a reader see other words than the ones that were signed; U+2028 and U+2029 begin a line."""


def checked(value: str, *, what: str) -> str:
    """`value` in Unicode form NFC, without white space around it.

    Path separators, quotes, ``<script>`` and any script of the world are fine: nothing here is ever used as a path or as markup.

    Raises:
        InvalidText: control characters, bidirectional overrides, lone surrogates, or longer than `LONGEST` of its kind.
    """
    text = unicodedata.normalize("NFC", value).strip()
    for place, char in enumerate(text, 1):
        if _is_misleading(char) and not (char == "\n" and what in ("note", "text")):
            raise InvalidText(
                f"The {what} has a character that cannot be shown (U+{ord(char):04X}) at position {place}.",
                hint="Type it again without that character.",
            )
    if len(text) > LONGEST[what]:
        raise InvalidText(
            f"The {what} has {len(text)} characters; {LONGEST[what]} are allowed.",
            hint="Shorten it; longer text can go into notes.",
        )
    return text


def slug(value: str, *, longest: int = 40) -> str:
    """A piece of a file name: letters and digits of any script in lower case, everything else a hyphen; may be empty."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", value).lower())
    name = "-".join(words)[:longest]
    while len(name.encode()) > 2 * longest:
        name = name[:-1]
    return name.strip("-")


def printable(value: str) -> str:
    """`value` with what a terminal would obey (escape sequences, bidirectional controls) shown as visible codes."""
    return "".join(f"\\u{ord(char):04x}" if _is_misleading(char) and char != "\n" else char for char in value)


def _is_misleading(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or ord(char) in _MISLEADING
