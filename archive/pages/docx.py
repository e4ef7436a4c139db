"""Pages as a Word document: a convenience copy, each page one paragraph, so that no word processor can break a line elsewhere.

Line numbers and page numbers are written as text: a word processor that counted for itself would number what it has re-flowed.
"""

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archive.pages.layout import Layout, PageLine, PdfMissing, Sheet
from archive.pages.txt import MARGIN

if TYPE_CHECKING:
    from docx.document import Document
    from docx.section import Section
    from docx.text.paragraph import Paragraph

NOTICE = "Convenience copy - not the certified record"
_FONT = "Courier New"
"""Every word processor has it or draws it as another face of the same width."""


def draw(layout: Layout) -> bytes:
    """The document as .docx.  The same layout gives the same bytes.

    Raises:
        PdfMissing: python-docx is not installed.
    """
    try:
        from docx import Document  # noqa: PLC0415  (an extra)
        from docx.shared import Pt  # noqa: PLC0415
    except ImportError as error:
        raise PdfMissing("Making a DOCX needs python-docx, which is not installed.") from error
    document = Document()
    normal = document.styles["Normal"].font
    normal.name, normal.size = _FONT, Pt(layout.style.size_pt)
    _properties(document, layout)
    _paper(document.sections[0], layout)
    for sheet, lines in zip(layout.sheets, layout.of_sheet(), strict=True):
        _page(document, layout, sheet, lines)
    return _packed(document)


def _properties(document: "Document", layout: Layout) -> None:
    moment = datetime.fromtimestamp(layout.made_at_us // 1_000_000, UTC).replace(tzinfo=None)
    core = document.core_properties
    core.title, core.author, core.comments = layout.title[:255], "Everyword", NOTICE
    core.created = core.modified = moment
    core.last_modified_by, core.revision = "Everyword", 1


def _paper(section: "Section", layout: Layout) -> None:
    from docx.shared import Pt  # noqa: PLC0415

    style = layout.style
    section.page_width, section.page_height = Pt(style.width_pt), Pt(style.height_pt)
    section.left_margin = Pt(style.left_pt - MARGIN * style.column_pt)
    section.right_margin = Pt(18)  # room for a face that is a little wider: a line must never be broken
    section.top_margin, section.bottom_margin = Pt(style.top_pt - style.pitch_pt), Pt(36)
    section.footer_distance = Pt(18)
    paragraph = section.footer.paragraphs[0]
    for place, text in enumerate((*layout.footer, NOTICE)):
        run = paragraph.add_run(text)
        run.bold = place == 0
        if place < len(layout.footer):
            run.add_break()


def _page(document: "Document", layout: Layout, sheet: Sheet, lines: list[PageLine]) -> None:
    from docx.enum.text import WD_LINE_SPACING  # noqa: PLC0415
    from docx.shared import Pt  # noqa: PLC0415

    style = layout.style
    paragraph = document.add_paragraph()
    form = paragraph.paragraph_format
    form.page_break_before = sheet is not layout.sheets[0]
    form.space_before = form.space_after = Pt(0)
    form.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    form.line_spacing = Pt(style.pitch_pt if sheet.is_numbered or not style.is_double else style.pitch_pt / 2)
    _write(paragraph, _rows(layout, sheet, lines))


def _rows(layout: Layout, sheet: Sheet, lines: list[PageLine]) -> list[str]:
    """A page with its number, which is at the foot of a full page where the style wants it there."""
    rows, number = [_row(sheet, line) for line in lines], sheet.label.rjust(MARGIN + layout.style.columns)
    if layout.style.page_number == "top":
        return [number, *rows]
    most = layout.style.lines if sheet.is_numbered else layout.style.close_lines
    return [*rows, *[""] * (most - len(rows)), number]


def _row(sheet: Sheet, line: PageLine) -> str:
    return f"{line.line:>2}  {line.text}" if sheet.is_numbered else f"{'':{MARGIN}}{line.text}"


def _write(paragraph: "Paragraph", rows: list[str]) -> None:
    """One run: python-docx makes a line break of each line feed, and keeps spaces."""
    paragraph.add_run("\n".join(row.rstrip() for row in rows))


def _packed(document: "Document") -> bytes:
    """With the same dates in the zip whenever it is made."""
    import zipfile  # noqa: PLC0415  (only here)

    draft, packed = io.BytesIO(), io.BytesIO()
    document.save(draft)
    with zipfile.ZipFile(draft) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(name))
    return packed.getvalue()
