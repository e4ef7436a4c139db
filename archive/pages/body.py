"""What was said, as numbered lines: speeches, and in square brackets what cannot be read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from archive.export.text import STRUCK, missing, note_line
from archive.pages.layout import Composer, Row, broken, shown, width, wrapped
from archive.pages.styles import Style
from archive.record import Line, Record, clock_face, iso

WORDS = re.compile(r"\S+")
_NAME_COLUMNS = 18
"""Of a name in a column of its own; a longer one is cut there, and stands whole among the persons."""


@dataclass(frozen=True, slots=True)
class _Entry:
    position_us: int
    line: Line | None
    remark: str


def compose(composer: Composer, record: Record) -> None:
    """Put the whole body on pages of its own, in the order of the session axis."""
    composer.begin(is_numbered=True)
    _remark(composer, f"[The recording begins: {iso(record.started_at_us) or 'nobody knows when'}.]")
    before: str | None = None
    for entry in _entries(record):
        if entry.line is None:
            _remark(composer, entry.remark)
            before = None
        else:
            speaker = entry.line.speaker
            _utterance(composer, entry.line, is_named=speaker != before or composer.is_at_top or composer.style.has_times)
            before = speaker
    _remark(composer, f"[The recording ends at {clock_face(record.duration_us)}.]")


def _entries(record: Record) -> list[_Entry]:
    entries = [_Entry(line.moment.position_us, line, "") for line in record.lines]
    spans = record.missing("inaudible", "gap", "withheld", "failed")
    entries += [_Entry(record.of_span(span).position_us, None, missing(record, span)) for span in spans]
    for note in record.recording.notes:
        position_us = record.axis.moment(note.stream, first_frame=note.frame, frame_count=0).position_us
        entries.append(_Entry(position_us, None, f"[{note_line(note)}]"))
    return sorted(entries, key=lambda entry: (entry.position_us, entry.line is None))


def _utterance(composer: Composer, line: Line, *, is_named: bool) -> None:
    start_ms, end_ms = line.moment.position_us // 1000, line.moment.end_us // 1000
    for row in _rows(composer.style, line, is_named=is_named):
        composer.put(row, utterance=line.utterance.id, start_ms=start_ms, end_ms=end_ms)


def _rows(style: Style, line: Line, *, is_named: bool) -> Iterator[Row]:
    words: list[tuple[int | None, str]] = list(enumerate(shown(word) for word in WORDS.findall(line.text)))
    if not words:
        words = [(None, word) for word in STRUCK.split()]
    if style.has_times:
        yield from _beside(style, line, words)
        return
    name: list[tuple[int | None, str]] = []
    if is_named:
        spoken = f"{line.speaker.upper() if style.is_upper else line.speaker}:"
        name = [(None, shown(word)) for word in spoken.split()]
    first = style.name_column if is_named else style.text_column
    yield from broken([*name, *words], columns=style.columns, first=first, later=style.margin_column)


def _beside(style: Style, line: Line, words: list[tuple[int | None, str]]) -> Iterator[Row]:
    """The time and the name in columns before the text."""
    name = shown(" ".join(line.speaker.split()))
    while width(name) > _NAME_COLUMNS:
        name = name.rstrip("…")[:-1] + "…"
    label = f"{clock_face(line.moment.position_us):>8}  {name}"
    label += " " * (style.margin_column - width(label))
    rows = broken(words, columns=style.columns, first=style.margin_column, later=style.margin_column)
    for place, row in enumerate(rows):
        yield Row(label + row.text[style.margin_column :], row.first_word, row.word_count) if place == 0 else row


def _remark(composer: Composer, text: str) -> None:
    column = composer.style.parenthesis_column
    for row in wrapped(text, columns=composer.style.columns, first=column, later=column):
        composer.put(row)
