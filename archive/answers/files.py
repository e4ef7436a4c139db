"""Hits as CSV and JSON Lines, for spreadsheets and programs."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

from archive.query.hits import Hit, passage_data

COLUMNS = (
    "session", "title", "revision", "utterance", "time", "position", "position_us", "duration_us", "track", "speaker", "person",
    "role", "delegation", "language", "flags", "is_corrected", "text",
)  # fmt: skip
"""Of the CSV file; `docs/reference/search.md` says what each holds."""

_OBEYED = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def csv_lines(hits: Iterable[Hit]) -> Iterator[str]:
    """A head and a line for each hit, RFC 4180 but for line ends; cells a spreadsheet would compute begin with an apostrophe."""
    yield _line(COLUMNS)
    for hit in hits:
        data = passage_data(hit.passage)
        yield _line(_cell(data[name]) for name in COLUMNS)


def json_lines(hits: Iterable[Hit]) -> Iterator[str]:
    """An object for each hit, with the fields of `search --json`."""
    for hit in hits:
        yield json.dumps(hit_data(hit), ensure_ascii=False)


def hit_data(hit: Hit) -> dict[str, object]:
    """A hit as ``--json`` gives it: offsets are characters of ``text``."""
    return {
        **passage_data(hit.passage),
        "matches": [list(match) for match in hit.matches],
        "before": [passage_data(one) for one in hit.before],
        "after": [passage_data(one) for one in hit.after],
    }


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)


def _line(cells: Iterable[str]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="").writerow([f"'{cell}" if cell.startswith(_OBEYED) else cell for cell in cells])
    return file.getvalue()
