"""Pages as PDF/A-3b, drawn by typst: every line where the layout has put it, the transcript as data inside.

The same layout gives the same bytes.  Typst refuses, in PDF/A, to draw a character that its font does not have; that refusal is
passed on with the place of the character, and never becomes an empty box.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from archive.pages.layout import Layout, PageLine, PdfMissing, UndrawableText, width

FONT = "DejaVu Sans Mono"
"""Typst carries it: Latin, Cyrillic, Greek, Armenian, Georgian, Arabic."""

Standard = Literal["a-1b", "a-2b", "a-3b"]
STANDARD: Standard = "a-3b"
_FOOTER_GAP_PT = 18.0
_NUMBER_GAP_PT = 28.0
"""From the left of the line number to the left of the text."""

_Item = tuple[float, float, str]


def draw(layout: Layout, *, font: Path | None = None, standard: Standard = STANDARD) -> bytes:
    """The document as an unsigned PDF.

    Args:
        layout: what to draw.
        font: file of a monospaced font for what `FONT` does not have.
        standard: a PDF standard as typst names it; another than PDF/A-3 cannot carry the data and is for validators.

    Raises:
        UndrawableText: a character has no picture in the fonts; the sentence names it and where it stands.
        PdfMissing: typst is not installed.
    """
    try:
        import typst  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise PdfMissing("Making a PDF needs typst, which is not installed.") from error
    families = _families(font)
    moment = datetime.fromtimestamp(layout.made_at_us // 1_000_000, UTC)
    pages = json.dumps(_data(layout, moment, [FONT, *families]), ensure_ascii=False)
    template = _template() if standard.startswith("a-3") else _template().partition(b"#pdf.attach")[0] + _drawing()
    try:
        pdf = typst.compile(
            template,
            format="pdf",
            font_paths=typst.Fonts(include_system_fonts=False, font_paths=[str(font.parent)] if font else []),
            sys_inputs={"pages": pages, "source": layout.source.decode()},
            pdf_standards=[standard],
            timestamp=int(moment.timestamp()),
            pdf_tags=False,
        )
    except typst.TypstError as error:
        raise _explained(layout, error.message) from error
    return pdf


def _data(layout: Layout, moment: datetime, fonts: list[str]) -> dict[str, object]:
    style = layout.style
    return {
        "title": layout.title,
        "date": {name: getattr(moment, name) for name in ("year", "month", "day", "hour", "minute", "second")},
        "language": layout.language,
        "source": layout.source_name,
        "fonts": fonts,
        "size": style.size_pt,
        "width": style.width_pt,
        "height": style.height_pt,
        "rules": style.rules_pt,
        "sheets": [_sheet(layout, number, lines) for number, lines in enumerate(layout.of_sheet())],
    }


def _sheet(layout: Layout, number: int, lines: list[PageLine]) -> dict[str, list[_Item]]:
    style, sheet = layout.style, layout.sheets[number]
    pitch_pt = style.pitch_pt if sheet.is_numbered or not style.is_double else style.pitch_pt / 2
    plain: list[_Item] = []
    bold: list[_Item] = []
    for line in lines:
        y = round(style.top_pt + (line.line - 1) * pitch_pt, 2)
        if sheet.is_numbered:
            plain.append((style.left_pt - _NUMBER_GAP_PT, y, f"{line.line:>2}"))
        (bold if line.is_heading else plain).extend(_item(layout, line.text, y))
    bottom_pt = style.top_pt + style.lines * style.pitch_pt + _FOOTER_GAP_PT
    banner, *others = layout.footer
    bold.append(_centred(layout, banner, bottom_pt))
    plain.extend(_centred(layout, text, bottom_pt + (place + 1) * 14) for place, text in enumerate(others))
    y = style.top_pt - 30 if style.page_number == "top" else bottom_pt + len(layout.footer) * 14
    plain.append((round(style.left_pt + (style.columns - len(sheet.label)) * style.column_pt, 2), y, sheet.label))
    return {"plain": plain, "bold": bold}


def _item(layout: Layout, text: str, y: float) -> Iterator[_Item]:
    """A line without its indent: typst would drop spaces at the beginning."""
    words = text.lstrip(" ")
    if words:
        yield round(layout.style.left_pt + (len(text) - len(words)) * layout.style.column_pt, 2), y, words


def _centred(layout: Layout, text: str, y: float) -> _Item:
    style = layout.style
    return round(style.left_pt + (style.columns - width(text)) * style.column_pt / 2, 2), round(y, 2), text


def _explained(layout: Layout, message: str) -> UndrawableText:
    """Typst names the text it could not draw; where that stands is looked up here."""
    _, _, rest = message.partition('the text `"')
    text = rest.partition('"`')[0]
    if not text or "could not be displayed" not in message:
        return UndrawableText(f"The PDF cannot be made: {message}.", hint="This is a fault of Everyword: please report it.")
    char = next((char for char in text if not char.isascii()), text[0])
    for line in layout.lines:
        if char in line.text:
            where = f"utterance {line.utterance}" if line.utterance is not None else "the document's own pages"
            page = layout.sheets[line.sheet].label
            return UndrawableText(f"{FONT} has no {char!r} (U+{ord(char):04X}), which stands in {where}, {page}:{line.line}.")
    return UndrawableText(f"{FONT} has no {char!r} (U+{ord(char):04X}), which stands in the title or the names.")


def _families(font: Path | None) -> list[str]:
    if font is None:
        return []
    import typst  # noqa: PLC0415  (an extra)

    found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(font.parent)]).fonts()
    return sorted({one.family for one in found if one.path and Path(one.path).name == font.name})


@cache
def _template() -> bytes:
    return files("archive.pages").joinpath("pdf.typ").read_bytes()


def _drawing() -> bytes:
    return b"#for sheet" + _template().partition(b"#for sheet")[2]
