"""Pages as plain text, in the order that transcript software reads: page number, numbered lines, footer, form feed."""

from archive.pages.layout import Layout, PageLine, Sheet, UndrawableText, width

MARGIN = 4
"""Columns before the text: two of the line number, two empty."""

FORM_FEED = "\f"
_USE_PAGES = "Export the format `pages` instead: the same in UTF-8."


def draw(layout: Layout) -> str:
    """The document as text; every page but the last ends in a form feed."""
    pages = [_page(layout, sheet, lines) for sheet, lines in zip(layout.sheets, layout.of_sheet(), strict=True)]
    return FORM_FEED.join(pages)


def draw_ascii(layout: Layout) -> str:
    """The document in ASCII alone.  Nothing is transliterated: a character that ASCII lacks is an error.

    Raises:
        UndrawableText: there is one; the sentence says where.
    """
    for line in layout.lines:
        char = next((char for char in line.text if not char.isascii()), None)
        if char is not None:
            where = f"{layout.sheets[line.sheet].label}:{line.line}"
            raise UndrawableText(f"ASCII has no {char!r} (U+{ord(char):04X}), which stands at {where}.", hint=_USE_PAGES)
    return draw(layout)


def _page(layout: Layout, sheet: Sheet, lines: list[PageLine]) -> str:
    right = MARGIN + layout.style.columns
    number = sheet.label.rjust(right)
    rows = [f"{line.line:>2}  {line.text}" if sheet.is_numbered else f"{'':{MARGIN}}{line.text}" for line in lines]
    footer = [" " * (MARGIN + max(0, layout.style.columns - width(text)) // 2) + text for text in layout.footer]
    top, bottom = ([number], []) if layout.style.page_number == "top" else ([], [number])
    return "".join(f"{row.rstrip()}\n" for row in (*top, *rows, "", *footer, *bottom))
