"""Page styles: paper, lines to the page, columns and where a speech begins.

Everything is set in one monospaced face, so a column is `COLUMN_EM` of the type size wide and the layout needs no font file.
The numbers of ``us-ny108`` are those of 22 NYCRR 108.3, of ``us-utah`` those of UCJA 5-203.  ``us-federal`` only looks like the
format of the Judicial Conference, whose exact numbers were not at hand.
"""

from dataclasses import dataclass, replace
from typing import Literal

from everyword.errors import InvalidOption

COLUMN_EM = 0.602051
"""Width of a column of DejaVu Sans Mono: 1233 units of 2048."""

POINTS_PER_MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Style:
    """How a transcript is laid out.  Lengths in points (``_pt``), indents in columns, rules as distances from the left edge.

    A speech begins at ``name_column`` with the speaker's name; a paragraph without a name begins at ``text_column``; later lines
    begin at ``margin_column``, remarks such as ``[inaudible …]`` at ``parenthesis_column``.  Where there is a ``letter_column``,
    an examination is printed as questions (Q) and answers (A), whose words begin at ``answer_column``.
    """

    name: str
    width_pt: float
    height_pt: float
    left_pt: float
    top_pt: float
    pitch_pt: float
    size_pt: float
    columns: int
    lines: int
    is_numbered: bool
    name_column: int
    text_column: int
    margin_column: int
    parenthesis_column: int
    is_upper: bool = False
    has_times: bool = False
    rules_pt: tuple[float, ...] = ()
    page_number: Literal["top", "bottom"] = "top"
    letter_column: int | None = None
    answer_column: int = 10

    @property
    def column_pt(self) -> float:
        """Width of one column."""
        return self.size_pt * COLUMN_EM

    @property
    def close_lines(self) -> int:
        """Lines of a page without line numbers, which are set at half the pitch where the body is double-spaced."""
        return self.lines * 2 if self.is_double else self.lines

    @property
    def is_double(self) -> bool:
        """Whether the numbered lines stand so far apart that two lines of type would fit."""
        return self.pitch_pt >= 2 * self.size_pt


_LETTER = (612.0, 792.0)
_A4 = (595.276, 841.89)

_INTERNATIONAL = Style(
    name="intl-a4",
    width_pt=_A4[0],
    height_pt=_A4[1],
    left_pt=38 * POINTS_PER_MM,
    top_pt=80.0,
    pitch_pt=26.0,
    size_pt=12.0,
    columns=59,
    lines=25,
    is_numbered=True,
    name_column=0,
    text_column=4,
    margin_column=0,
    parenthesis_column=4,
)
_NEW_YORK = replace(
    _INTERNATIONAL,
    name="us-ny108",
    width_pt=_LETTER[0],
    height_pt=_LETTER[1],
    left_pt=130.5,
    top_pt=72.0,
    pitch_pt=25.92,
    columns=62,
    name_column=10,
    text_column=10,
    parenthesis_column=10,
    is_upper=True,
    rules_pt=(121.5, 126.0, 585.0),
    letter_column=5,
)
_FEDERAL = replace(
    _NEW_YORK,
    name="us-federal",
    left_pt=126.0,
    columns=63,
    name_column=15,
    text_column=15,
    parenthesis_column=15,
    rules_pt=(122.0, 585.0),
)
_UTAH = replace(
    _NEW_YORK,
    name="us-utah",
    left_pt=118.0,
    top_pt=64.0,
    pitch_pt=24.0,
    columns=63,
    rules_pt=(),
    page_number="bottom",
)
_MINUTES = replace(
    _INTERNATIONAL,
    name="minutes-a4",
    left_pt=25 * POINTS_PER_MM,
    pitch_pt=14.0,
    size_pt=10.0,
    columns=75,
    lines=46,
    is_numbered=False,
    text_column=29,
    margin_column=29,
    parenthesis_column=29,
    has_times=True,
)

STYLES: dict[str, Style] = {style.name: style for style in (_INTERNATIONAL, _FEDERAL, _NEW_YORK, _UTAH, _MINUTES)}
"""Every style by its name."""

DEFAULT = "intl-a4"


def style(name: str) -> Style:
    """The style of that name.  Raises `InvalidOption` when there is none."""
    if name not in STYLES:
        raise InvalidOption(f"There is no page style {name[:80]!r}.", hint=f"Choose from {', '.join(STYLES)}.")
    return STYLES[name]
