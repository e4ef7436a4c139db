"""Text → numbered lines on pages, once: every drawing of a document shows exactly these."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from archive.pages.styles import Style
from everyword.errors import EverywordError
from everyword.text import printable

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
"""Unicode categories that show nothing, or that a reader's eye is misled by."""


class UndrawableText(EverywordError):
    """A document cannot show a character: it is not made, rather than made with a hole."""

    code = "undrawable-text"
    default_hint = "Name a font that has it with --font FILE, or export another format."


class PdfMissing(EverywordError):
    """The libraries that make PDF and DOCX files are not installed."""

    code = "pdf-missing"
    default_hint = "pip install 'everyword[pdf]'"


@dataclass(frozen=True, slots=True)
class PageLine:
    """One printed line.  ``sheet`` counts from 0; ``page`` is the printed number, 0 in front matter; ``line`` counts from 1.

    Lines of an utterance carry its number, its times and which of its words (what stands between spaces) begin or go on here.
    """

    sheet: int
    page: int
    line: int
    text: str
    utterance: int | None = None
    first_word: int = 0
    word_count: int = 0
    start_ms: int = 0
    end_ms: int = 0
    is_heading: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page; numbered ones are double-spaced and carry line numbers."""

    label: str
    page: int
    is_numbered: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A document, ready to draw.  ``source`` is the transcript as JSON, for the PDF to embed; ``made_at_us`` its date.

    ``footer`` are the lines under every page: the banner, then which text this is.
    """

    style: Style
    title: str
    language: str
    made_at_us: int
    footer: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    lines: tuple[PageLine, ...]
    source: bytes
    source_name: str = "transcript.json"

    def of_sheet(self) -> list[list[PageLine]]:
        """The lines of every sheet, in order."""
        result: list[list[PageLine]] = [[] for _ in self.sheets]
        for line in self.lines:
            result[line.sheet].append(line)
        return result


@dataclass(frozen=True, slots=True)
class Row:
    """A line before it has a page: its text, and which words of an utterance it holds."""

    text: str
    first_word: int = 0
    word_count: int = 0


@dataclass(slots=True)
class Composer:
    """Puts rows on sheets one after another."""

    style: Style
    sheets: list[Sheet] = field(default_factory=list)
    lines: list[PageLine] = field(default_factory=list)
    used: int = 0
    page: int = 0

    @property
    def is_at_top(self) -> bool:
        """Whether the next row is the first of its page."""
        return not self.sheets or self.used >= self._room

    @property
    def _room(self) -> int:
        return self.style.lines if self.sheets[-1].is_numbered else self.style.close_lines

    def front(self) -> None:
        """Begin a page of front matter, numbered i, ii, iii."""
        self.sheets.append(Sheet(roman(len(self.sheets) + 1), 0, is_numbered=False))
        self.used = 0

    def begin(self, *, is_numbered: bool = False) -> None:
        """Begin a page, numbered 1, 2, 3."""
        self.page += 1
        self.sheets.append(Sheet(str(self.page), self.page, is_numbered=is_numbered and self.style.is_numbered))
        self.used = 0

    def put(
        self, row: Row, *, utterance: int | None = None, start_ms: int = 0, end_ms: int = 0, is_heading: bool = False
    ) -> PageLine:
        """Add a row, on a new page of the same kind when this one is full."""
        if self.used >= self._room:
            self._turn()
        self.used += 1
        sheet = self.sheets[-1]
        line = PageLine(
            len(self.sheets) - 1,
            sheet.page,
            self.used,
            row.text,
            utterance,
            row.first_word,
            row.word_count,
            start_ms,
            end_ms,
            is_heading,
        )
        self.lines.append(line)
        return line

    def _turn(self) -> None:
        if self.sheets[-1].page:
            self.begin(is_numbered=self.sheets[-1].is_numbered)
        else:
            self.front()

    def heading(self, text: str) -> None:
        """A heading in the middle of the line, with an empty line under it."""
        for row in wrapped(text, columns=self.style.columns):
            self.put(Row(" " * ((self.style.columns - width(row.text)) // 2) + row.text), is_heading=True)
        self.blank()

    def paragraph(self, text: str, *, indent: int = 0, hanging: int = 0, is_heading: bool = False) -> None:
        """Text over the whole width; later lines begin `hanging` columns further right."""
        for row in wrapped(text, columns=self.style.columns, first=indent, later=indent + hanging):
            self.put(row, is_heading=is_heading)

    def blank(self) -> None:
        """An empty line, but not at the top of a page."""
        if self.used and self.used < self._room:
            self.put(Row(""))


def wrapped(text: str, *, columns: int, first: int = 0, later: int = 0) -> list[Row]:
    """Break a text of ours, or one that people typed, between words; see `broken`."""
    return broken([(None, shown(word)) for word in text.split()], columns=columns, first=first, later=later)


def broken(items: Sequence[tuple[int | None, str]], *, columns: int, first: int = 0, later: int = 0) -> list[Row]:
    """Words → rows of at most `columns`, the first one indented by `first`, the others by `later`.

    Args:
        items: (number of the word in its utterance, or None for a word of ours; the word).
        columns: the width, in which a word that does not fit is cut.
        first: columns before the first row.
        later: columns before the others.
    """
    rows: list[Row] = []
    text, used, numbers = " " * first, first, set[int]()
    is_empty = True
    for number, word, wide in _cut(items, columns - max(first, later)):
        if not is_empty and used + 1 + wide > columns:
            rows.append(_row(text, numbers))
            text, used, numbers, is_empty = " " * later, later, set(), True
        text += word if is_empty else f" {word}"
        used += wide if is_empty else wide + 1
        is_empty = False
        if number is not None:
            numbers.add(number)
    return [*rows, _row(text, numbers)] if not is_empty else rows


def _row(text: str, numbers: set[int]) -> Row:
    return Row(text, min(numbers), len(numbers)) if numbers else Row(text)


def _cut(items: Iterable[tuple[int | None, str]], longest: int) -> Iterator[tuple[int | None, str, int]]:
    """(number, word, columns) of words no wider than `longest`: a longer one comes in pieces."""
    for number, word in items:
        wide = width(word)
        if wide <= longest:
            yield number, word, wide
            continue
        piece = ""
        for char in word:
            if piece and width(piece) + width(char) > longest:
                yield number, piece, width(piece)
                piece = ""
            piece += char
        yield number, piece, width(piece)


@lru_cache(maxsize=65_536)
def width(text: str) -> int:
    """Columns that `text` takes: none for marks over the letter before, two for wide East Asian characters."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


@lru_cache(maxsize=65_536)
def shown(text: str) -> str:
    """`text` with every character that cannot be seen, or that turns the writing around, as its code (U+202E as ``u202e``)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_code(char) if unicodedata.category(char) in _INVISIBLE else char for char in printable(text))


def _code(char: str) -> str:
    return f"\\u{ord(char):04x}"


def roman(number: int) -> str:
    """A page of front matter: 4 is ``iv``."""
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


_VALUES = (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1)
_ROMAN = tuple(zip(_VALUES, ("m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i"), strict=True))
