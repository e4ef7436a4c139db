"""What was said, as numbered lines: speeches, and in square brackets what cannot be read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from archive.export.text import STRUCK, missing, note_line
from archive.pages.layout import Composer, Row, broken, shown, width, wrapped
from archive.pages.styles import Style
from archive.record import Line, Record, clock_face, iso

WORDS = re.compile(r"\S+")
_LETTERS = {"examiner": "Q", "witness": "A"}
"""Roles of the roster that make an examination, and what stands before the words of whoever has one."""

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
    before, letters = None, _letters(composer.style, record)
    announced: dict[str, str] = {}
    for entry in _entries(record):
        if entry.line is None:
            _remark(composer, entry.remark)
            before = None
            continue
        speaker, letter = entry.line.speaker, letters.get(entry.line.utterance.person or "", "")
        _announce(composer, letter, speaker, announced)
        is_named = speaker != before or composer.is_at_top or composer.style.has_times
        _utterance(composer, entry.line, is_named=is_named, letter=letter)
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


def _letters(style: Style, record: Record) -> dict[str, str]:
    """Person → ``Q`` or ``A``, by their roles in the roster; nobody has one unless somebody asks and somebody answers."""
    if style.letter_column is None:
        return {}
    roles = {speaker.person: speaker.role.strip().casefold() for speaker in reversed(record.session.roster)}
    letters = {person: _LETTERS[role] for person, role in roles.items() if role in _LETTERS}
    return letters if set(letters.values()) == set(_LETTERS.values()) else {}


def _announce(composer: Composer, letter: str, speaker: str, announced: dict[str, str]) -> None:
    """A line with the name of whoever begins to ask or to answer: the letter alone does not say it.

    After somebody else has spoken, who asks is named again.
    """
    if not letter:
        announced.pop("Q", None)
    elif announced.get(letter) != speaker:
        announced[letter] = speaker
        by = "BY" if letter == "Q" else "ANSWERS BY"
        for row in wrapped(f"{by} {speaker.upper()}:", columns=composer.style.columns, later=composer.style.answer_column):
            composer.put(row)


def _utterance(composer: Composer, line: Line, *, is_named: bool, letter: str) -> None:
    start_ms, end_ms = line.moment.position_us // 1000, line.moment.end_us // 1000
    for row in _rows(composer.style, line, is_named=is_named, letter=letter):
        composer.put(row, utterance=line.utterance.id, start_ms=start_ms, end_ms=end_ms)


def _rows(style: Style, line: Line, *, is_named: bool, letter: str) -> Iterator[Row]:
    words: list[tuple[int | None, str]] = list(enumerate(shown(word) for word in WORDS.findall(line.text)))
    if not words:
        words = [(None, word) for word in STRUCK.split()]
    if style.has_times:
        yield from _beside(style, line, words)
        return
    if letter:
        yield from _lettered(style, words, letter=letter if is_named else " ")
        return
    name: list[tuple[int | None, str]] = []
    if is_named:
        spoken = f"{line.speaker.upper() if style.is_upper else line.speaker}:"
        name = [(None, shown(word)) for word in spoken.split()]
    first = style.name_column if is_named else style.text_column
    yield from broken([*name, *words], columns=style.columns, first=first, later=style.margin_column)


def _lettered(style: Style, words: list[tuple[int | None, str]], *, letter: str) -> Iterator[Row]:
    """A question or an answer: its letter, then the words; later rows begin at the margin."""
    lead = f"{' ' * (style.letter_column or 0)}{letter}".ljust(style.answer_column)
    rows = broken(words, columns=style.columns, first=style.answer_column, later=style.margin_column)
    for place, row in enumerate(rows):
        yield replace(row, text=lead + row.text[len(lead) :]) if place == 0 else row


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
