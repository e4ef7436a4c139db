"""Small charts: bars of text in the terminal, SVG and PNG by typst.  No plot library."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log10
from pathlib import Path
from typing import Literal

from everyword.errors import EverywordError, InvalidOption

BLOCKS = " ▏▎▍▌▋▊▉█"
WIDTH, HEIGHT, MARGIN = 460, 220, 60
"""Points of a drawing, without and with room for its numbers."""

ROOM = 200
"""Points across that a word of a drawing may take."""

COLOURS = ("#1b5e9b", "#c2410c", "#3f7d20", "#7e22ce", "#0f766e", "#b91c1c", "#57534e", "#a16207")


class ChartsMissing(EverywordError):
    """The library that draws charts is not installed."""

    code = "charts-missing"
    default_hint = 'pip install "everyword[pdf]"'


def bar(value: float, most: float, *, width: int = 30) -> str:
    """A bar of eighths of a character, as long as `value` is of `most`."""
    eighths = round(width * 8 * value / most) if most > 0 else 0
    return BLOCKS[8] * (eighths // 8) + BLOCKS[eighths % 8].strip()


def write_bars(path: Path, values: Mapping[str, float], *, title: str, up: str) -> None:
    """A bar for each name, in their order.

    Raises:
        InvalidOption: the name ends neither with .svg nor with .png.
        ChartsMissing: typst is not installed.
    """
    most, apart = max(values.values(), default=0) or 1, WIDTH / max(1, len(values))
    every = -(-len(values) // 12)
    parts = []
    for number, (name, value) in enumerate(values.items()):
        height = HEIGHT * value / most
        parts.append(_rectangle(number * apart + apart * 0.15, HEIGHT - height, apart * 0.7, height))
        if number % every == 0:
            parts.append(_text(number * apart + apart / 2, HEIGHT + 6, name, at="top"))
    parts += [_text(-6, HEIGHT * (1 - part), f"{most * part:.4g}", at="right") for part in (0, 0.5, 1)]
    _write(path, parts, title=title, up=up)


def write_lines(
    path: Path, series: Mapping[str, Sequence[tuple[float, float]]], *, across: str, up: str, is_logarithmic: bool = False
) -> None:
    """A line for each name through its points (across, up); raises as `write_bars`."""
    scale = log10 if is_logarithmic else float
    points = [(scale(x), scale(y)) for line in series.values() for x, y in line]
    left, right = _ends([x for x, _ in points])
    low, high = _ends([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        return WIDTH * (scale(x) - left) / (right - left), HEIGHT * (1 - (scale(y) - low) / (high - low))

    parts = []
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [place(x, y) for x, y in line]
        parts += [_line(one, other, colour) for one, other in pairwise(places)]
        parts.append(_text(*places[-1], name, at="left", colour=colour))
    for x in sorted({x for line in series.values() for x, _ in line}):
        parts.append(_text(place(x, 1)[0], HEIGHT + 6, f"{x:,.0f}", at="top"))
    ticks = [10**low, 10 ** ((low + high) / 2), 10**high] if is_logarithmic else [low, (low + high) / 2, high]
    parts += [_text(-6, HEIGHT * (1 - part / 2), f"{tick:.3g}", at="right") for part, tick in enumerate(ticks)]
    _write(path, parts, title=f"{up}, by {across}", up=up)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0), max(values, default=1)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f'#place(dx: {x:.1f}pt, dy: {y:.1f}pt, rect(width: {width:.1f}pt, height: {height:.1f}pt, fill: rgb("{COLOURS[0]}")))'


def _line(one: tuple[float, float], other: tuple[float, float], colour: str) -> str:
    ends = f"start: ({one[0]:.1f}pt, {one[1]:.1f}pt), end: ({other[0]:.1f}pt, {other[1]:.1f}pt)"
    return f'#place(line({ends}, stroke: 1.2pt + rgb("{colour}")))'


def _text(x: float, y: float, text: str, *, at: str, colour: str = "#333333") -> str:
    """`text` goes in as a string of typst, so that nothing in it is obeyed."""
    left, side, lift = {"top": (-ROOM / 2, "center", 0), "right": (-ROOM, "right", 4), "left": (4, "left", 4)}[at]
    body = f'align({side}, text(size: 8pt, fill: rgb("{colour}"), {_string(text)}))'
    return f"#place(dx: {x + left:.1f}pt, dy: {y - lift:.1f}pt, box(width: {ROOM}pt, {body}))"


def _string(text: str) -> str:
    return json.dumps(" ".join(text.split())[:200], ensure_ascii=False).replace("\\u", "\\\\u")


def _write(path: Path, parts: Sequence[str], *, title: str, up: str) -> None:
    if path.suffix.lower() not in (".svg", ".png"):
        raise InvalidOption(f"{path.name} is neither .svg nor .png.", hint="Give the chart a name that ends with one of them.")
    try:
        import typst  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ChartsMissing("Charts need the library typst.") from error
    page = f"#set page(width: {WIDTH + 4 * MARGIN}pt, height: {HEIGHT + 2 * MARGIN}pt, margin: {MARGIN}pt, fill: white)\n"
    heading = f'#place(dy: -{MARGIN - 15}pt, text(size: 11pt, weight: "bold", {_string(title)}))\n'
    heading += f"#place(dy: -{MARGIN - 32}pt, text(size: 8pt, {_string(up)}))\n"
    axis = f'#place(line(start: (0pt, {HEIGHT}pt), end: ({WIDTH}pt, {HEIGHT}pt), stroke: 0.6pt + rgb("#333333")))\n'
    source = page + heading + axis + "\n".join(parts)
    kind: Literal["svg", "png"] = "svg" if path.suffix.lower() == ".svg" else "png"
    path.write_bytes(typst.compile(source.encode(), format=kind, ppi=144.0))
