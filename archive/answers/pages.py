"""Counts, uses, drift, definitions and briefs as lines for the terminal, as data for ``--json`` and as files."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from archive.answers.brief import Chapter, Format, lines
from archive.answers.chart import bar
from archive.answers.counts import Count, Use
from archive.answers.definitions import Definition, changes
from archive.answers.drift import Period
from archive.query.hits import Passage, passage_data
from everyword.errors import WouldOverwrite
from everyword.folder import disk_errors

MARKS = {"same": "", "gone": "-", "new": "+"}
FILES: tuple[tuple[str, Format], ...] = (("brief.md", "markdown"), ("brief.txt", "text"))


def count_lines(found: Sequence[Count]) -> Iterator[str]:
    """A line and a bar for each."""
    most = max((one.utterances for one in found), default=0)
    for one in found:
        label = one.label if one.label == one.key else f"{one.label} ({one.key})"
        yield f"{one.utterances:>8}  {bar(one.utterances, most):30}  {_flat(label)}"


def terms_lines(uses: Sequence[Use], periods: Sequence[Period]) -> Iterator[str]:
    """First and last use by each speaker, then a bar for each month."""
    for use in uses:
        yield f"{_flat(use.speaker)}: {use.utterances} utterance{'s' * (use.utterances != 1)}"
        yield f"    first  {_place(use.first)}  {_flat(use.first.text)}"
        yield f"    last   {_place(use.last)}  {_flat(use.last.text)}"
    most = max((one.per_thousand for one in periods), default=0)
    for one in periods:
        beside = f"  beside: {', '.join(one.beside)}" if one.beside else ""
        yield f"{one.month}  {bar(one.per_thousand, most):30}  {one.uses} of {one.utterances}{beside}"


def terms_data(uses: Sequence[Use], periods: Sequence[Period]) -> dict[str, object]:
    """The same for ``--json``."""
    return {"uses": [_use_data(one) for one in uses], "months": [dataclasses.asdict(one) for one in periods]}


def definition_lines(found: Sequence[Definition]) -> Iterator[str]:
    """What each session said, and the words that went (``-``) and came (``+``)."""
    for one in found:
        said = "defined" if one.is_said else "used, but not defined," if one.passages else "not used"
        yield f"{_flat(one.title) or one.session}: {said} in {one.session}"
        for passage in one.passages:
            yield f"    {_place(passage)}  {_flat(passage.speaker)}: {_flat(passage.text)}"
    yield ""
    for change in changes(found[0].text, found[1].text):
        yield f"{MARKS[change.kind] or ' '} {_flat(' '.join(change.words))}"


def definitions_data(found: Sequence[Definition]) -> dict[str, object]:
    """The same for ``--json``."""
    shown = [
        {"session": one.session, "title": one.title, "is_said": one.is_said, "passages": [*map(passage_data, one.passages)]}
        for one in found
    ]
    different = [{"kind": one.kind, "words": list(one.words)} for one in changes(found[0].text, found[1].text)]
    return {"definitions": shown, "changes": different}


def brief_data(chapters: Sequence[Chapter]) -> list[dict[str, object]]:
    """A brief for ``--json``."""
    return [
        {
            "term": one.term,
            "utterances": one.utterances,
            "uses": [_use_data(use) for use in one.uses],
            "quotations": [passage_data(quotation) for quotation in one.quotations],
            "suggestions": list(one.suggestions),
        }
        for one in chapters
    ]


def write_brief(chapters: Sequence[Chapter], to: Path, *, force: bool) -> list[Path]:
    """``brief.md`` and ``brief.txt``.

    Raises:
        WouldOverwrite: one of them is there already, and `force` was not given; nothing is written.
        DiskTrouble: see `disk_errors`.
    """
    paths = [to / name for name, _ in FILES]
    for path in paths:
        if path.exists() and not force:
            raise WouldOverwrite(f"{path} is there already.")
    with disk_errors(to, option="--to"):
        to.mkdir(parents=True, exist_ok=True)
        for path, (_, form) in zip(paths, FILES, strict=True):
            path.write_text("".join(f"{line}\n" for line in lines(chapters, form)), encoding="utf-8")
    return paths


def _use_data(use: Use) -> dict[str, object]:
    facts: dict[str, object] = {"speaker": use.speaker, "person": use.person, "utterances": use.utterances}
    return {**facts, "first": passage_data(use.first), "last": passage_data(use.last)}


def _place(passage: Passage) -> str:
    return f"{(passage.time or 'time unknown')[:16].replace('T', ' ')}  {passage.session} #{passage.utterance}"


def _flat(text: str) -> str:
    return " ".join(text.split())
