"""An excerpt or a redacted copy as a document, drawn from what it discloses and from nothing else.

Every shown word stands on its certified page and line.  What is hidden is a mark of one length, whatever was there, and a line
without shown words is empty.  The same disclosure gives the same bytes with the same libraries, so `redraw` can prove a document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from typing import cast

from archive.pages import docx, pdf
from archive.pages.layout import Composer, Layout, PageLine, PdfMissing, Sheet, UndrawableText, shown, width
from archive.pages.styles import DEFAULT, Style, style
from archive.record import clock_face
from everyword import __version__, checker
from everyword.clock import iso
from everyword.errors import InvalidOption
from everyword.keyring import grouped
from everyword.model import from_json

LIBRARIES = {"pdf": "typst", "docx": "python-docx"}
"""Formats of documents, and what draws them."""

BANNERS = {"redaction": "REDACTED COPY - NOT THE WHOLE TRANSCRIPT", "clip": "EXCERPT - NOT THE WHOLE TRANSCRIPT"}
HIDDEN = "\N{FULL BLOCK}"
"""Where not even the mark of a redaction finds room."""

_EDGE_PT = 14.0
_CHECK = """\
This document is a drawing of data/transcript/words.json of the bundle it came with. `everyword verify BUNDLE` draws it anew and \
compares the bytes; `python3 verify.py` in the bundle needs nothing but Python, and proves the same words in \
data/transcript/transcript.txt.
A word that is shown stands on the page and line that it has in the certified transcript. A line without words holds a note, a \
gap, or what is not shown.
The mark of a redaction has nothing to do with the length of what it hides."""

Value = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the line map; ``word_count`` words of the utterance from ``first_word`` on begin or go on here."""

    page: int
    line: int
    utterance: int
    first_word: int
    word_count: int
    start_ms: int


@dataclass(frozen=True, slots=True)
class _Redaction:
    """``words`` are (utterance, first, how many); ``speakers`` the utterances of which it hides who spoke."""

    mark: str
    reason: str
    authority: str
    words: tuple[tuple[int, int, int], ...]
    leaves: tuple[tuple[int, int], ...]
    speakers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the signed statement says of its documents; ``libraries`` are the versions that decide about the bytes."""

    files: tuple[str, ...]
    style: str
    libraries: Mapping[str, str]


def describe(formats: Sequence[str], *, style_name: str) -> Drawn:
    """Documents of these formats as this computer would draw them.

    Raises:
        InvalidOption: there is no such format.
        PdfMissing: a library is not installed.
    """
    unknown = [name for name in formats if name not in LIBRARIES]
    if unknown:
        raise InvalidOption(f"There is no document of format {unknown[0][:80]!r}.", hint=f"Choose from {', '.join(LIBRARIES)}.")
    try:
        versions = {LIBRARIES[name]: version(LIBRARIES[name]) for name in formats} | {"everyword": __version__}
    except PackageNotFoundError as error:
        raise PdfMissing(f"Drawing {', '.join(formats)} needs {error.name}, which is not installed.") from error
    return Drawn(tuple(f"data/transcript/transcript.{name}" for name in formats), style_name, versions)


def draw(
    name: str, about: Mapping[str, object], manifest: Mapping[str, object], drawn: Drawn, *, linemap: bytes, words: bytes
) -> bytes:
    """One document.

    Args:
        name: its name in the bundle.
        about: ``disclosure.json``, or what is known of it before it is signed: kind, session, made_at_us, original, redactions.
        manifest: the certificate that the words come from.
        drawn: in which style.
        linemap: of the certificate.
        words: ``words.json`` of the disclosure.

    Raises:
        UndrawableText, PdfMissing: as documents do.
        InvalidOption: the style has fewer lines than the line map.
    """
    layout = _lay_out(about, manifest, style(drawn.style), linemap, words)
    return pdf.draw(layout) if name.endswith(".pdf") else docx.draw(layout)


def redraw(
    name: str, statement: Mapping[str, object], manifest: Mapping[str, object], linemap: bytes, words: bytes
) -> tuple[bytes, bool] | None:
    """(the document of that name as this computer draws it, whether the very same programs drew it before), or None.

    Other versions may break no line elsewhere and still write other bytes: then nothing can be said.  Raises ``ValueError`` for a
    statement that makes no sense.
    """
    said = from_json(Drawn, statement["documents"])
    try:
        here = describe([name.rpartition(".")[2]], style_name=said.style)
        drawn = draw(name, statement, manifest, said, linemap=linemap, words=words)
    except (PdfMissing, InvalidOption, UndrawableText):
        return None
    return drawn, here.libraries.items() <= said.libraries.items()


def style_of(manifest: Mapping[str, object], linemap: bytes) -> str:
    """The page style of a certificate; those of the first version do not say it, and only their line map tells."""
    tall = any(row.line > style(DEFAULT).lines for row in _rows(linemap))
    return str(manifest.get("style") or ("minutes-a4" if tall else DEFAULT))


def _lay_out(about: Mapping[str, object], manifest: Mapping[str, object], chosen: Style, linemap: bytes, words: bytes) -> Layout:
    leaves = {one["leaf"]: one["holds"] for one in checker.parse(words, checker.WORDS)["shown"]}
    redactions = [_redaction(one, leaves) for one in cast("list[Value]", about["redactions"])]
    rows, held = _rows(linemap), list(leaves.values())
    if any(row.line > chosen.lines for row in rows):
        raise InvalidOption(f"The style {chosen.name} has too few lines for this transcript.", hint="Name its own with --style.")
    banner, composer = BANNERS[str(about["kind"])], Composer(chosen)
    _front(composer, about, manifest, redactions, rows)
    body = _Body(chosen, held, redactions)
    for page, of_page in groupby(rows, key=lambda row: row.page):
        _add_page(composer, body, page, list(of_page), is_whole=about["kind"] == "redaction")
    level = f"Level {manifest['level']}  {about['session']}  revision {manifest['revision']}"
    return Layout(
        style=chosen,
        title=f"{banner.partition(' - ')[0].capitalize()} of {about['session']}",
        language=next((one["language"] for one in held if one["kind"] == "place"), "en"),
        made_at_us=int(str(about["made_at_us"])),
        footer=(banner, str(cast("Value", manifest["text"])["heading"]), level),
        sheets=tuple(composer.sheets),
        lines=tuple(composer.lines),
        source=words,
        source_name="words.json",
    )


def _redaction(described: Value, leaves: Mapping[int, Value]) -> _Redaction:
    """The leaf of a speaker stands behind that of the utterance's place, which is never hidden."""
    found = from_json(_Redaction, described)
    before = (leaves.get(first - 1, {}) for first, _ in found.leaves)
    speakers = tuple(int(str(place["utterance"])) for place in before if place.get("kind") == "place")
    return replace(found, speakers=speakers)


def _rows(linemap: bytes) -> list[_Row]:
    table = [[int(cell or 0) for cell in row.split(",")] for row in linemap.decode().splitlines()[1:]]
    return [_Row(*cells[:6]) for cells in table]


def _front(
    composer: Composer,
    about: Mapping[str, object],
    manifest: Mapping[str, object],
    redactions: Sequence[_Redaction],
    rows: Sequence[_Row],
) -> None:
    """What this is, what is hidden and why, and the certificate of the whole, word for word."""
    text, signer = cast("Value", manifest["text"]), cast("Value", manifest["signer"])
    original = cast("Value", about["original"])
    composer.front()
    composer.heading(BANNERS[str(about["kind"])])
    for fact in (
        f"Session {about['session']}, revision {manifest['revision']} of its certified text.",
        f"Made {iso(int(str(about['made_at_us'])))}.",
        f"Certificate of the whole: {original['manifest']}",
        f"Key that signed it: {grouped(str(signer['public_key']))}",
        f"Seal of the recording: {original['seal']}",
        *_CHECK.splitlines(),
    ):
        composer.paragraph(fact)
        composer.blank()
    if redactions:
        composer.heading("WHAT IS HIDDEN")
    for one in redactions:
        ordered = f", on the order of {one.authority}" if one.authority else ""
        composer.paragraph(f"[{one.mark}] {_places(one, rows, composer.style)}: {one.reason}{ordered}", hanging=4)
    composer.front()
    composer.heading("THE CERTIFICATE OF THE WHOLE")
    for paragraph in (str(text["heading"]), *cast("list[str]", text["paragraphs"])):
        composer.paragraph(paragraph)
        composer.blank()


def _places(redaction: _Redaction, rows: Sequence[_Row], chosen: Style) -> str:
    """The pages and lines on which something is hidden."""
    found = [
        row
        for number, first, count in redaction.words
        for row in rows
        if row.utterance == number and row.first_word < first + count and first < row.first_word + row.word_count
    ]
    found += [next(row for row in rows if row.utterance == number) for number in redaction.speakers]
    places = [f"{row.page}:{row.line}" if chosen.is_numbered else f"{row.page}" for row in found]
    return ", ".join(dict.fromkeys(places))


def _add_page(composer: Composer, body: "_Body", page: int, rows: Sequence[_Row], *, is_whole: bool) -> None:
    """One page with all its line numbers; an excerpt leaves out pages of which it shows nothing."""
    texts = {row.line: body.text(row, is_top=place == 0) for place, row in enumerate(rows)}
    if not is_whole and not any(texts.values()):
        return
    sheet, chosen = len(composer.sheets), composer.style
    composer.sheets.append(Sheet(str(page), page, is_numbered=chosen.is_numbered))
    last = chosen.lines if chosen.is_numbered else max(texts)
    composer.lines += [PageLine(sheet, page, line, texts.get(line, "")) for line in range(1, last + 1)]


class _Body:
    """Rows of the line map → what is printed of them."""

    def __init__(self, chosen: Style, held: Sequence[Value], redactions: Sequence[_Redaction]) -> None:
        self._style = chosen
        self._words = {(one["utterance"], one["word"]): str(one["text"]).strip() for one in held if one["kind"] == "word"}
        self._speakers = {one["utterance"]: str(one["speaker"]) for one in held if one["kind"] == "speaker"}
        self._speakers |= {number: f"[{one.mark}]" for one in redactions for number in one.speakers}
        self._marks = {
            (number, word): one.mark
            for one in redactions
            for number, first, count in one.words
            for word in range(first, first + count)
        }
        self._before: object = None
        self._cut: dict[tuple[int, int], int] = {}

    def text(self, row: _Row, *, is_top: bool) -> str:
        """The printed row, without its line number; empty when nothing of it is shown."""
        pieces = [self._piece(row, row.first_word + place) for place in range(row.word_count)]
        if not any(mark or text != "..." for text, mark in pieces):
            return ""
        is_named = is_top or row.utterance != self._before
        self._before = row.utterance
        lead = self._lead(row, is_named=is_named)
        words = _fitted(pieces, self._style.columns - width(lead))
        room = self._style.columns + self._spare - width(words)
        return (lead if width(lead) <= self._style.columns - width(words) else _shortened(lead, room)) + words

    def _piece(self, row: _Row, word: int) -> tuple[str, str]:
        """(what is shown, the mark of what hides it)."""
        place = (row.utterance, word)
        if place in self._marks:
            return "", self._marks[place]
        text = self._words.get(place)
        if text is None:
            return "...", ""
        whole, start, used = shown(text), self._cut.pop(place, 0), 0
        room = self._style.columns - max(self._style.name_column, self._style.text_column, self._style.margin_column)
        end = start
        while end < len(whole) and used + width(whole[end]) <= room:
            used, end = used + width(whole[end]), end + 1
        if end < len(whole):
            self._cut[place] = end
        return whole[start:end], ""

    def _lead(self, row: _Row, *, is_named: bool) -> str:
        """What stands before the words: the speaker, or empty columns."""
        chosen, name = self._style, self._name(row)
        if not is_named:
            return " " * chosen.margin_column
        if not chosen.has_times:
            return f"{' ' * chosen.name_column}{name}: "
        label = _shortened(f"{clock_face(row.start_ms * 1000):>8}  {name}  ", chosen.margin_column - 1)
        return label + " " * (chosen.margin_column - width(label))

    @property
    def _spare(self) -> int:
        """Columns between the text and what stands right of it: a rule, or the edge of the paper."""
        right = (self._style.rules_pt or (self._style.width_pt - _EDGE_PT,))[-1]
        return int((right - self._style.left_pt) / self._style.column_pt) - self._style.columns

    def _name(self, row: _Row) -> str:
        name = shown(" ".join(self._speakers.get(row.utterance, "[not shown]").split()))
        return name.upper() if self._style.is_upper else name


def _fitted(pieces: Sequence[tuple[str, str]], room: int) -> str:
    """The words of a row, with the longest marks that leave it no wider than it may be."""
    words = ""
    for mark_of in ("[REDACTED {}]", "[{}]", "{}", HIDDEN):
        words = _joined([(mark_of.format(mark), True) if mark else (text, False) for text, mark in pieces])
        if width(words) <= room:
            break
    return words


def _shortened(lead: str, room: int) -> str:
    """What stands before the words, in less room: without its indentation, then with less of the name."""
    lead = lead.lstrip(" ")
    if width(lead) <= room or not lead:
        return lead
    name = lead.rstrip(": ")
    while name and width(name) > max(0, room - 3):
        name = name[:-1]
    return f"{name}…: " if lead.endswith(": ") else f"{name}… "


def _joined(pieces: Sequence[tuple[str, bool]]) -> str:
    """Marks that follow one another as one, and so the dots of what is not shown."""
    found: list[str] = []
    for text, is_mark in pieces:
        if not (found and found[-1] == text and (is_mark or text == "...")):
            found.append(text)
    return " ".join(found)
