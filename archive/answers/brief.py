"""A page to take into a meeting: who said a term when, and the exact words with their citations."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from sqlite_utils import Database

from archive.answers.counts import Use, uses
from archive.query.filters import NO_FILTERS, Filters
from archive.query.hits import Passage, passage, passage_data
from archive.query.search import Search
from everyword.text import printable

Format = Literal["markdown", "text"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One term: everybody's first and last use, the newest quotations, and how many utterances there are in all."""

    term: str
    utterances: int
    uses: tuple[Use, ...]
    quotations: tuple[Passage, ...]
    suggestions: tuple[str, ...]


def brief(
    db: Database,
    terms: Sequence[str],
    *,
    filters: Filters = NO_FILTERS,
    limit: int = 20,
    is_loose: bool = False,
    as_recorded: bool = False,
) -> tuple[Chapter, ...]:
    """A chapter for each term, which may be any query; raises as `Search`."""
    result = []
    for term in terms:
        asked = Search(db, term, filters=filters, is_loose=is_loose, as_recorded=as_recorded)
        with asked.snapshot():
            said = uses(asked)
            newest = tuple(passage(asked, row) for row in islice(asked.rows(), limit))
        total = sum(one.utterances for one in said)
        result.append(Chapter(term, total, said, newest, () if newest else asked.suggestions()))
    return tuple(result)


def lines(chapters: Sequence[Chapter], form: Format) -> Iterator[str]:
    """The page.  In Markdown nothing that was said is obeyed: signs that mean something are escaped."""
    for number, chapter in enumerate(chapters):
        if number:
            yield ""
        yield from _chapter(chapter, form)


def citation(passage: Passage) -> str:
    """What finds the place again: speaker, title, session, revision, utterance, time and position."""
    when = passage.time or "time unknown"
    data = passage_data(passage)
    facts = [passage.speaker, passage.title, f"{passage.session} {passage.revision} #{passage.utterance}", when]
    facts += [f"at {data['position']}", f"track {passage.track}"]
    facts += [f"flags: {' '.join(passage.flags)}"] if passage.flags else []
    return ", ".join(facts)


def _chapter(chapter: Chapter, form: Format) -> Iterator[str]:
    is_markdown = form == "markdown"
    shown = _escaped if is_markdown else _flat
    yield f"# {shown(chapter.term)}" if is_markdown else shown(chapter.term).upper()
    yield ""
    if not chapter.quotations:
        meant = f" Did you mean {', '.join(chapter.suggestions)}?" if chapter.suggestions else ""
        yield shown(f"Nobody said this in the archive.{meant}")
        return
    speakers = f"{len(chapter.uses)} speaker{'s' * (len(chapter.uses) != 1)}"
    yield f"{chapter.utterances} utterance{'s' * (chapter.utterances != 1)} by {speakers}."
    yield ""
    for use in chapter.uses:
        seen = f"first {_when(use.first)}, last {_when(use.last)}, {use.utterances} in all"
        yield f"{'-' if is_markdown else '  '} {shown(use.speaker)}: {shown(seen)}"
    left = chapter.utterances - len(chapter.quotations)
    for one in chapter.quotations:
        yield ""
        yield f"> {shown(one.text)}" if is_markdown else f"    “{shown(one.text)}”"
        yield ">" if is_markdown else ""
        yield f"> — {shown(citation(one))}" if is_markdown else f"    — {shown(citation(one))}"
    if left > 0:
        yield ""
        yield f"{left} more, older."


def _when(passage: Passage) -> str:
    return f"{passage.time[:10] if passage.time else 'time unknown'} ({passage.session} #{passage.utterance})"


def _flat(text: str) -> str:
    return printable(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Plain text for Markdown: no heading, link, code, image, table or HTML comes out of it."""
    plain = re.sub(r"([\\`*_{}\[\]()#+!|~>$-])", r"\\\1", _flat(text))
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", plain.replace("&", "&amp;").replace("<", "&lt;"))
