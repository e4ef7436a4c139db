"""Tables about pages: where each line of the speeches comes from, and the errata."""

import csv
import io
from collections.abc import Iterable, Sequence

from archive.pages.annexes import Erratum
from archive.pages.layout import Layout

COLUMNS = ("page", "line", "utterance", "first_word", "word_count", "start_ms", "end_ms")


def draw(layout: Layout) -> str:
    """CSV with one row a printed line that belongs to an utterance; words are counted from 0, between white space."""
    return _table(
        COLUMNS,
        (
            (line.page, line.line, line.utterance, line.first_word, line.word_count, line.start_ms, line.end_ms)
            for line in layout.lines
            if line.utterance is not None
        ),
    )


def errata(found: Iterable[Erratum]) -> str:
    """CSV with one row a correction.  What a spreadsheet would take for a formula has an apostrophe before it."""
    rows = ((one.place, one.before, one.after, one.reason, one.by, one.at) for one in found)
    return _table(("place", "from", "to", "reason", "by", "at"), ([_inert(cell) for cell in row] for row in rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue()


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
