"""A statement pack as Markdown, as pages (PDF, DOCX) and as data."""

import html
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from archive import export
from archive.export.text import one_line
from archive.pages import docx, pdf
from archive.pages.layout import Composer, Layout, shown
from archive.pages.styles import style as page_style
from archive.record import Record, iso
from archive.statement.pack import VERSION, CheckedClaim, Pack, Quotation
from everyword.digest import canonical
from everyword.errors import InvalidOption

_MARKUP = re.compile(r"([\\`*_\[\]|~]|^(?:[-+=#]|\d+(?=[.)])))")
"""What Markdown reads as markup in a line, or only at its beginning."""

_QUOTED = "“{}”"

_PROOF = """\
Each quotation stands in the sealed session at the frames named here. The digests are those of the seconds of sound that hold it,
as the recorder journalled them; the seal covers all of them. Whoever has the session folder checks it with `everyword verify`,
or with sha256sum and openssl as its README.txt says."""

FORMATS = ("md", "docx", "pdf")


def draw(pack: Pack, record: Record, format_: str, *, style: str) -> bytes:
    """The pack in one of `FORMATS`.  Raises `UndrawableText` and `PdfMissing` as documents do."""
    if format_ == "md":
        return as_markdown(pack).encode()
    layout = lay_out(pack, record, style=style)
    return pdf.draw(layout) if format_ == "pdf" else docx.draw(layout)


def write(pack: Pack, record: Record, formats: Sequence[str], *, to: Path, style: str, force: bool) -> list[Path]:
    """Write the pack under the name of the session folder; each file is complete or not there at all.

    Raises:
        InvalidOption: there is no such format, or `to` is inside the session folder.
        WouldOverwrite, DiskTrouble: see `archive.export.write`.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InvalidOption(f"{', '.join(unknown)} is no format of a statement.", hint=f"Choose from {', '.join(FORMATS)}.")
    paths = {to / f"{record.folder.path.name}.statement.{name}": name for name in formats}
    export.check_target(record, list(paths), to=to, force=force)
    export.write({path: draw(pack, record, name, style=style) for path, name in paths.items()}, to=to, force=force)
    return list(paths)


def as_data(pack: Pack) -> dict[str, object]:
    """The pack as JSON; the PDF embeds it."""
    data: dict[str, object] = {"everyword_statement": VERSION, **asdict(pack)}
    return json.loads(json.dumps(data))  # type: ignore[no-any-return]  # tuples become lists


def as_markdown(pack: Pack) -> str:
    """One Markdown text; its level stands at the top, under every heading and at the end."""
    banner = f"**Level {pack.standing.level}: {_md(pack.standing.heading)}**"
    blocks = [f"# Statement: {_md(pack.title) or pack.session}", banner, *(_md(text) for text in _facts(pack))]
    blocks += [_md(paragraph) for paragraph in pack.standing.paragraphs]
    for heading, parts in _sections(pack):
        blocks += [f"## {heading}", banner, *(_md_part(kind, text) for kind, text in parts)]
    return "\n\n".join([*blocks, banner]) + "\n"


def lay_out(pack: Pack, record: Record, *, style: str) -> Layout:
    """The pack on pages of that style, without line numbers."""
    composer = Composer(page_style(style))
    composer.begin()
    composer.heading(pack.standing.heading)
    composer.heading(f"STATEMENT: {one_line(pack.title) or pack.session}")
    for text in (*_facts(pack), *pack.standing.paragraphs):
        composer.paragraph(text)
        composer.blank()
    for heading, parts in _sections(pack):
        composer.blank()
        composer.heading(heading.upper())
        _compose(composer, parts)
    run = record.transcript.run.run if record.transcript else ""
    return Layout(
        style=composer.style,
        title=f"Statement: {one_line(pack.title) or pack.session}",
        language=next(iter(record.session.languages), "en"),
        made_at_us=_made_at_us(pack, record),
        footer=(pack.standing.heading, f"Level {pack.standing.level}  {pack.session}  {run}"),
        sheets=tuple(composer.sheets),
        lines=tuple(composer.lines),
        source=canonical(as_data(pack)),
        source_name="statement.json",
    )


Parts = list[tuple[str, str]]
"""(kind, text): ``quote`` is somebody's exact words, ``about`` where they stand, ``head`` a small heading, ``text`` the rest."""


def _sections(pack: Pack) -> Iterator[tuple[str, Parts]]:
    numbers = {quotation: number for number, quotation in enumerate(_all(pack), 1)}
    if pack.quotations:
        yield "What was said", [part for one in pack.quotations for part in _quotation(one, numbers[one])]
    if pack.definitions:
        yield "Terms, as each side defined them", _terms(pack, numbers)
    if pack.claims:
        yield "Claims, and what we found", [part for claim in pack.claims for part in _claim(claim, numbers)]
    if pack.dropped:
        yield "Left out", [("text", text) for text in pack.dropped]
    yield "Proof", _proofs(numbers)


def _all(pack: Pack) -> list[Quotation]:
    """Every quotation once, in the order of its number."""
    found = [*pack.quotations, *(one.quotation for one in pack.definitions), *(one.quotation for one in pack.claims)]
    return list(dict.fromkeys(found))


def _facts(pack: Pack) -> list[str]:
    place = f", {one_line(pack.place)}" if pack.place else ""
    return [
        f"Session {pack.session}, recorded {pack.recorded or 'at a time nobody wrote down'}{place}.",
        f"Seal of the recording: {pack.seal}",
    ]


def _quotation(quotation: Quotation, number: int) -> Parts:
    return [("quote", _QUOTED.format(one_line(quotation.text))), ("about", _where(quotation, number))]


def _where(quotation: Quotation, number: int) -> str:
    who = ", ".join(one_line(fact) for fact in (quotation.speaker, quotation.role, quotation.delegation) if fact)
    when = f"{quotation.time}, " if quotation.time else ""
    reviewed = (
        f"compared with the sound by {one_line(quotation.reviewed_by)}"
        if quotation.reviewed_by
        else "NOT compared with the sound"
    )
    return f"[{number}] {who}; {when}{quotation.position} in the recording; page {quotation.pages}; {reviewed}"


def _terms(pack: Pack, numbers: dict[Quotation, int]) -> Parts:
    parts: Parts = []
    for term, definitions in groupby(pack.definitions, key=lambda one: one.term):
        parts.append(("head", one_line(term)))
        for definition in definitions:
            side = definition.quotation.delegation or definition.quotation.speaker
            is_said = definition.meaning in definition.quotation.text
            parts.append(("text", f"{one_line(side)}:" if is_said else f"{one_line(side)}: {one_line(definition.meaning)}"))
            parts += _quotation(definition.quotation, numbers[definition.quotation])
    return parts


def _claim(claim: CheckedClaim, numbers: dict[Quotation, int]) -> Parts:
    parts: Parts = [
        ("head", one_line(claim.says) or f"Claim {claim.number}"),
        *_quotation(claim.quotation, numbers[claim.quotation]),
    ]
    for check in claim.checks:
        source = f" Source: {one_line(check.source)}." if check.source else ""
        parts.append(
            ("text", f"{check.verdict.upper()}: {one_line(check.finding)}{source} ({one_line(check.by)}, {iso(check.at_us)})")
        )
    return parts if claim.checks else [*parts, ("text", "Not checked yet.")]


def _proofs(numbers: dict[Quotation, int]) -> Parts:
    parts: Parts = [("text", _PROOF)]
    for quotation, number in numbers.items():
        last = quotation.first_frame + quotation.frame_count - 1
        corrected = ", corrected by a person" if quotation.is_corrected else ""
        frames = f"frames {quotation.first_frame} to {last}"
        parts.append(("text", f"[{number}] utterance {quotation.utterance}, track {quotation.track}, {frames}{corrected}"))
        parts += [("about", f"second {second}: {digest}") for second, digest in quotation.leaves]
    return parts


def _compose(composer: Composer, parts: Parts) -> None:
    for kind, text in parts:
        if kind in ("head", "quote"):
            composer.blank()
        if kind == "head":
            composer.paragraph(text, is_heading=True)
        else:
            composer.paragraph(text, indent={"text": 0}.get(kind, 4))


def _md_part(kind: str, text: str) -> str:
    frames: dict[str, Callable[[str], str]] = {"quote": "> {}".format, "head": "### {}".format, "about": "{}".format}
    return frames.get(kind, "{}".format)(_md(text))


def _md(text: str) -> str:
    """Text that no Markdown reader takes for markup or HTML."""
    return html.escape(_MARKUP.sub(_escaped, shown(one_line(text))), quote=False)


def _escaped(match: re.Match[str]) -> str:
    """A list's number is escaped behind it, everything else before it."""
    return f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}"


def _made_at_us(pack: Pack, record: Record) -> int:
    run = record.transcript.run.started_at_us if record.transcript else 0
    checks = [check.at_us for claim in pack.claims for check in claim.checks]
    return max([run, *checks, *(mark.at_us for mark in record.marks.values())])
