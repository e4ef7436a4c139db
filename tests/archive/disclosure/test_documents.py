"""Excerpts and redacted copies as PDF and DOCX: nothing hidden is in them, page and line stay, and a drawing can be proved."""

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import StreamObject

from archive.certificate import certify
from archive.disclosure import disclose, documents
from archive.disclosure.selection import Hide, numbered, read_text
from archive.pages.styles import STYLES
from archive.record import read_record
from everyword import checker, keys
from everyword.checker import Finding
from everyword.errors import InvalidOption
from tests.archive import builders
from tests.archive.builders import Said
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Issued, check, outcome
from tests.archive.disclosure.copies import redact, sign_again
from tests.archive.papers import PEOPLE, pdf_pages

SECRETS = ("promised", "Minister", "обмін", "полонених")
PDF, DOCX = "data/transcript/transcript.pdf", "data/transcript/transcript.docx"


def told(path: Path, issued: Issued) -> list[Finding]:
    """What `everyword verify` says, which can draw."""
    return list(checker.verify(path, issued.trust, fits=keys.is_signed, redraw=documents.redraw))


def test_drawn_anew_the_documents_are_the_same_byte_for_byte(drawn: Path, issued: Issued) -> None:
    findings = told(drawn, issued)
    assert (0, {PDF, DOCX}) == (outcome(findings), {one.subject for one in findings if "byte for byte" in one.sentence})


def test_who_cannot_draw_says_unknown_and_never_pass(drawn: Path, issued: Issued) -> None:
    findings = check(drawn, issued.trust)
    assert (3, {PDF, DOCX}) == (outcome(findings), {one.subject for one in findings if one.outcome != "pass"})


@pytest.mark.parametrize("what", ["version", "__version__"])
def test_other_programs_that_draw_otherwise_say_unknown(
    what: str, drawn: Path, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later version must not call an honest drawing forged."""
    monkeypatch.setattr(documents, what, (lambda name: "0.0.1") if what == "version" else "0.0.1")
    assert 0 == outcome(told(drawn, issued))
    monkeypatch.setattr(documents, "BANNERS", {"redaction": "ANOTHER BANNER"})
    assert {PDF, DOCX} == {one.subject for one in told(drawn, issued) if one.outcome == "unknown"}


@pytest.mark.parametrize("name", [PDF, DOCX])
def test_another_drawing_fails_though_its_maker_has_signed_it(name: str, drawn: Path, issued: Issued, tmp_path: Path) -> None:
    """Whoever discloses could draw other words: nobody has to believe the drawing."""
    path = Path(shutil.copytree(drawn, tmp_path / drawn.name))
    data = (path / name).read_bytes()
    (path / name).write_bytes(data.replace(b"Everyword", b"Everyward", 1) if name == PDF else data + b"\0")
    sign_again(path, issued)
    failed = [one.subject for one in told(path, issued) if one.outcome == "fail"]
    assert [name] == failed


# Nothing hidden is there


def inside(data: bytes, tmp_path: Path) -> Iterator[bytes]:
    """Everything that can be got out of a document: streams, objects, text as it is read, attachments, parts of a zip file."""
    yield data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            yield from (packed.read(name) for name in packed.namelist())
            yield "\n".join(packed.namelist()).encode()
        return
    reader = PdfReader(io.BytesIO(data))
    for number in range(1, int(str(reader.trailer["/Size"]))):
        found = reader.get_object(number)
        yield repr(found).encode()
        if isinstance(found, StreamObject):
            yield found.get_data()
    path = tmp_path / "read.pdf"
    path.write_bytes(data)
    subprocess.run(["pdfdetach", "-saveall", "-o", tmp_path, path], check=True, capture_output=True)
    yield from (one.read_bytes() for one in tmp_path.iterdir() if one != path)
    for command in (["pdftotext", "-raw", str(path), "-"], ["pdfinfo", str(path)], ["pdfinfo", "-meta", str(path)]):
        yield subprocess.run(command, check=True, capture_output=True).stdout


def leaks(path: Path, secret: str, tmp_path: Path) -> list[str]:
    """Where a word stands."""
    codes = [secret.lower().encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
    return [
        name
        for name in (PDF, DOCX)
        for data in inside((path / name).read_bytes(), tmp_path)
        if any(c in data.lower() for c in codes)
    ]


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_hidden_is_in_any_stream_attachment_or_part(secret: str, drawn: Path, tmp_path: Path) -> None:
    assert [] == leaks(drawn, secret, tmp_path)


@pytest.mark.parametrize("secret", ["prisoners", "гарантий"])
def test_the_search_finds_what_is_shown_as_text_and_as_data(secret: str, drawn: Path, tmp_path: Path) -> None:
    """A test of the test above."""
    found = leaks(drawn, secret, tmp_path)
    assert (True, True) == (found.count(PDF) >= 3, found.count(DOCX) >= 1)


def test_a_mark_has_nothing_to_do_with_the_length_of_what_it_hides(tmp_path: Path) -> None:
    """The row of a short name and that of a long one are the same."""
    rows = []
    for place, name in enumerate(("Li", "Konstantinopolskaya")):
        folder, home = (
            builders.transcribed(tmp_path / str(place), [Said(f"We met {name} there.")]),
            tmp_path / str(place) / "home",
        )
        entry, signer = forge.a_key(home)
        made = forge.certified(folder, entry, signer, home=home, formats=("txt",))
        case = Issued(home, folder, entry, signer, made, tmp_path, forge.Authority(tmp_path / "authority"))
        path = redact(case, [Hide(1, (2,))], to=tmp_path / str(place))
        rows.append([line for line in printed(path, tmp_path).splitlines() if "We met" in line])
    assert rows[0] == rows[1] == ["2 Track 1: We met [REDACTED R-01] there."]


def printed(path: Path, tmp_path: Path) -> str:
    """What poppler reads."""
    return "\n".join("\n".join(page) for page in pdf_pages((path / PDF).read_bytes(), tmp_path))


def test_what_is_hidden_and_why_stands_on_the_first_pages(drawn: Path, tmp_path: Path) -> None:
    text = " ".join(printed(drawn, tmp_path).split())
    assert "REDACTED COPY - NOT THE WHOLE TRANSCRIPT" in text
    assert "safety of a witness, on the order of the chair" in text
    assert text.count("[R-0") >= 3


# Page and line stay


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Issued]:
    """Some pages of talk, certified in every style."""
    from tests.archive.papers import long_session

    tmp_path = tmp_path_factory.mktemp("styles")
    folder, home = long_session(tmp_path, 60), tmp_path / "home"
    entry, signer = forge.a_key(home)
    made = {}
    for name in STYLES:
        reviewer = forge.REVIEWER
        draft = certify.prepare(folder, reviewer, entry, home=home, style=name, formats=("txt",), signer=signer)
        one = certify.sign(folder, draft, signer, entry=entry, home=home, by="Test Operator")
        made[name] = Issued(home, folder, entry, signer, one, tmp_path, forge.Authority(tmp_path / "authority"))
    return made


@pytest.mark.parametrize("name", STYLES)
def test_every_word_stands_where_the_certified_transcript_has_it(name: str, long: dict[str, Issued], tmp_path: Path) -> None:
    case = long[name]
    hides = [Hide(number, tuple(range(number % 5 + 1))) for number in range(1, 60, 3)]
    hides += [Hide(number, is_speaker=True) for number in range(2, 60, 7)]
    path = disclose.redact(
        read_record(case.folder),
        case.certificate,
        numbered(hides, reason="safety"),
        with_sound=False,
        entry=case.entry,
        signer=case.signer,
        to=tmp_path,
        formats=("pdf",),
    )
    assert ["pass"] == [one.outcome for one in told(path, case) if one.subject == PDF]
    shown = {(one["utterance"], one["word"]): one["text"].strip() for one in words_of(path)}
    pages = pdf_pages((path / PDF).read_bytes(), tmp_path)
    labelled = {label(page, STYLES[name].page_number): without_label(page, STYLES[name].page_number) for page in pages}
    for page, line, number, first, count in rows_of(path):
        row = labelled[str(page)]
        text = next(one for one in row if one.split(" ")[0] == str(line)) if STYLES[name].is_numbered else "\n".join(row)
        expected = [shown[number, word] for word in range(first, first + count) if (number, word) in shown]
        assert [] == [word for word in expected if word not in text.split()], (page, line, text)


def label(page: list[str], where: str) -> str:
    """The printed number of a page."""
    return page[0 if where == "top" else -1]


def without_label(page: list[str], where: str) -> list[str]:
    """The rows of a page."""
    return page[1:] if where == "top" else page[:-1]


def words_of(path: Path) -> list[dict[str, Any]]:
    """The words shown."""
    shown = checker.parse((path / checker.WORDS).read_bytes(), "words")["shown"]
    return [one["holds"] for one in shown if one["holds"]["kind"] == "word"]


def rows_of(path: Path) -> Iterator[list[int]]:
    """Page, line, utterance, first word, how many."""
    for row in (path / checker.LINEMAP).read_text().splitlines()[1:]:
        yield [int(cell or 0) for cell in row.split(",")[:5]]


@pytest.mark.parametrize("name", STYLES)
def test_no_row_is_wider_than_the_paper(name: str, long: dict[str, Issued], tmp_path: Path) -> None:
    """One-letter words hidden one by one, and speakers of one letter who have no room."""
    case = long[name]
    text = read_text(read_record(case.folder), case.certificate)
    hides = [Hide(int(str(one["number"])), tuple(range(0, 40, 2))) for one in text.utterances]
    hides = [Hide(one.utterance, tuple(w for w in one.words or () if w < count(text.utterances, one))) for one in hides]
    path = disclose.redact(
        read_record(case.folder),
        case.certificate,
        numbered([*hides, Hide(1, is_speaker=True)], reason="safety"),
        with_sound=False,
        entry=case.entry,
        signer=case.signer,
        to=tmp_path,
        formats=("pdf",),
    )
    box = subprocess.run(["pdftotext", "-bbox", path / PDF, "-"], check=True, capture_output=True).stdout.decode()
    ends = [float(end) for end in re.findall(r'<word [^>]*xMax="([0-9.]+)"', box)]
    right = (STYLES[name].rules_pt or (STYLES[name].width_pt,))[-1]
    assert max(ends) <= right


def count(utterances: Sequence[object], hide: Hide) -> int:
    """The words of an utterance."""
    (said,) = [one for one in utterances if isinstance(one, dict) and one["number"] == hide.utterance]
    return len(checker.words_of(str(said["text"])))


def test_an_excerpt_is_drawn_with_its_own_pages_alone(issued: Issued, tmp_path: Path) -> None:
    path = disclose.clip(
        read_record(issued.folder),
        issued.certificate,
        start_us=0,
        end_us=2_000_000,
        entry=issued.entry,
        signer=issued.signer,
        to=tmp_path,
        formats=("pdf",),
    )
    text = printed(path, tmp_path)
    assert (0, True, False) == (outcome(told(path, issued)), "prisoners" in text, "гарантий" in text)


def test_sound_alone_has_no_document(issued: Issued, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="no words to draw"):
        disclose.clip(
            read_record(issued.folder),
            None,
            start_us=0,
            end_us=1_000_000,
            entry=issued.entry,
            signer=issued.signer,
            to=tmp_path,
            formats=("pdf",),
        )
    assert [] == list(tmp_path.iterdir())


def test_an_unknown_format_is_refused(issued: Issued, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="odt"):
        redact(issued, [Hide(1)], to=tmp_path, formats=("odt",))


def test_hostile_words_names_and_reasons_are_no_markup(tmp_path: Path) -> None:
    evil = "#pdf.attach <script> [red] $x$ ` \\ *bold*"
    folder, home = (
        builders.transcribed(tmp_path, [Said(f"{evil} {'w' * 300}", person="anna-reed")], roster=PEOPLE),
        tmp_path / "home",
    )
    entry, signer = forge.a_key(home)
    made = forge.certified(folder, entry, signer, home=home, formats=("txt",))
    path = disclose.redact(
        read_record(folder),
        made,
        numbered([Hide(1, (0,))], reason=evil, authority=evil),
        with_sound=False,
        entry=entry,
        signer=signer,
        to=tmp_path,
        formats=("pdf", "docx"),
    )
    text = " ".join(printed(path, tmp_path).split())
    assert f"{evil}, on the order of {evil}" in text
    assert "<script> [red] $x$ ` \\ *bold*" in text.rpartition("[REDACTED R-01]")[2]
    assert 300 == text.count("w" * 10) * 10 or text.count("www") >= 90
