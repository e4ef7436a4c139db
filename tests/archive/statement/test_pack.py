"""The statement pack: exact quotations with place and proof, terms, claims, and the level on every page."""

import io
import json
import re
import subprocess
from pathlib import Path

import docx
import pytest

from archive import pages
from archive.record import read_record
from archive.statement import documents as statement_documents
from archive.statement import marks as statement_marks
from archive.statement import pack as statement
from everyword import glossary, ledger
from everyword.errors import InvalidOption, NotTranscribed
from everyword.folder import SessionFolder
from everyword.model import Speaker
from everyword.recording import read_recording
from tests.archive.builders import KEY, TALKS, Said, accept, correct, imported, review_all, transcribed
from tests.archive.conftest import Ew
from tests.archive.papers import lines, pdf_pages

EVIL = "<script>alert(1)</script> **bold** [link](javascript:alert) `code` # head | cell"


def quoted(tmp_path: Path) -> SessionFolder:
    """A session with a quotation, two definitions of a term, and a claim that turned out false."""
    folder = transcribed(tmp_path, TALKS)
    record = read_record(folder)
    statement_marks.quote(record, 4, words=None, note="", by="Test Operator", key=KEY)
    for number, meaning in ((1, "the exchange of prisoners"), (2, "whoever is held")):
        glossary.define(folder, number, term="exchange", meaning=meaning, by="Test Operator", key=KEY)
    claim = statement_marks.claim(
        record, 4, words="not what was promised", says="A promise was broken", by="Test Operator", key=KEY
    )
    statement_marks.check(folder, claim, verdict="false", finding="It was kept.", source="UN 12", by="Test Operator", key=KEY)
    return folder


def pack_of(folder: SessionFolder) -> statement.Pack:
    return statement.gather(read_record(folder), style="intl-a4")


def test_a_quotation_has_its_speaker_time_page_and_line(tmp_path: Path) -> None:
    (one,) = pack_of(quoted(tmp_path)).quotations
    assert (one.text, one.speaker, one.delegation, one.role) == (TALKS[3].text, "Anna Reed", "UN", "mediator")
    assert (one.time, one.position, one.pages) == ("2026-11-22T12:00:06.000Z", "0:00:06", "1:5")


def test_the_proof_is_what_the_recorder_journalled(tmp_path: Path) -> None:
    folder = quoted(tmp_path)
    (one,) = pack_of(folder).quotations
    leaves = read_recording(folder).leaves
    assert one.leaves == ((6, leaves[1, 6][0]), (7, leaves[1, 7][0]))
    assert pack_of(folder).seal == read_record(folder).seal


def test_terms_stand_as_each_side_defined_them(tmp_path: Path) -> None:
    definitions = pack_of(quoted(tmp_path)).definitions
    assert [(one.term, one.quotation.delegation, one.quotation.text) for one in definitions] == [
        ("exchange", "UN", "the exchange of prisoners"),
        ("exchange", "Ukraine", TALKS[1].text),
    ]


def test_a_claim_carries_what_was_found(tmp_path: Path) -> None:
    folder = quoted(tmp_path)
    (claim,) = pack_of(folder).claims
    assert (claim.says, claim.quotation.text) == ("A promise was broken", "not what was promised")
    assert [(check.verdict, check.finding, check.source) for check in claim.checks] == [("false", "It was kept.", "UN 12")]


def test_words_that_were_corrected_since_are_left_out_and_told(tmp_path: Path) -> None:
    folder = quoted(tmp_path)
    correct(folder, 4, to="Something else.")
    pack = pack_of(folder)
    assert (pack.quotations, pack.claims, len(pack.dropped)) == ((), (), 2)
    assert "Left out" in statement_documents.as_markdown(pack)


def test_only_words_that_were_said_can_be_quoted(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path))
    for number, words in ((1, "We never discussed"), (9, None)):
        with pytest.raises(InvalidOption):
            statement_marks.quote(record, number, words=words, note="", by="Test Operator", key=KEY)


def test_a_verdict_needs_a_claim_and_a_known_word(tmp_path: Path) -> None:
    folder = quoted(tmp_path)
    for number, verdict in ((1, "false"), (7, "nonsense")):
        with pytest.raises(InvalidOption):
            statement_marks.check(folder, number, verdict=verdict, finding="", source="", by="Test Operator", key=KEY)


def test_an_empty_pack_and_a_session_without_transcript_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="Nothing is marked"):
        pack_of(transcribed(tmp_path))
    with pytest.raises(NotTranscribed):
        pack_of(imported(tmp_path))


@pytest.mark.parametrize(
    ("level", "banner"),
    [
        ("M", "MACHINE-GENERATED DRAFT - NOT REVIEWED - NOT CERTIFIED"),
        ("R", "REVIEWED TRANSCRIPT (PARTIAL)"),
        ("C", "TRANSCRIPT CERTIFIED BY THE NAMED REVIEWER"),
    ],
)
def test_the_level_stands_on_every_page(tmp_path: Path, level: str, banner: str) -> None:
    folder = quoted(tmp_path)
    if level == "R":
        accept(folder, 1)
    if level == "C":
        review_all(folder)
        certified(folder)
    record = read_record(folder)
    pack = pack_of(folder)
    assert pack.standing.level == level
    drawn = pdf_pages(statement_documents.draw(pack, record, "pdf", style="us-ny108"), tmp_path)
    assert all(banner in page and any(line.startswith(f"Level {level} ") for line in page) for page in drawn)
    document = docx.Document(io.BytesIO(statement_documents.draw(pack, record, "docx", style="us-ny108")))
    assert banner in document.sections[0].footer.paragraphs[0].text
    headings = statement_documents.as_markdown(pack).split("\n## ")
    assert all(f"**Level {level}: {banner}**" in part for part in headings)


def certified(folder: SessionFolder) -> None:
    """The line that certifying leaves in the ledger."""
    ledger.append(
        folder, "certify", by="Test Operator", key=KEY, certificate="c001", revision=1, level="C", run="r001", name="Anna Reed"
    )


def test_a_certificate_of_an_older_text_counts_no_more(tmp_path: Path) -> None:
    folder = quoted(tmp_path)
    review_all(folder)
    certified(folder)
    assert statement.standing(read_record(folder)).level == "C"
    correct(folder, 1, to="Something else.")
    assert statement.standing(read_record(folder)).level == "R"


def test_quotations_say_whether_they_were_compared_with_the_sound(tmp_path: Path) -> None:
    folder = quoted(tmp_path)
    assert "NOT compared with the sound" in statement_documents.as_markdown(pack_of(folder))
    accept(folder, by="Olga Hearer")
    assert "compared with the sound by Olga Hearer" in statement_documents.as_markdown(pack_of(folder))


def test_hostile_words_are_no_markup_in_markdown_and_stay_letter_by_letter_in_pdf(tmp_path: Path) -> None:
    roster = (Speaker("evil", EVIL, track=1),)
    folder = transcribed(tmp_path, [Said(EVIL, person="evil")], roster=roster, title=EVIL)
    record = read_record(folder)
    statement_marks.quote(record, 1, words=None, note="", by=EVIL, key=KEY)
    pack = pack_of(folder)
    markdown = statement_documents.as_markdown(pack)
    assert "<script>" not in markdown
    assert "**bold**" not in markdown
    assert not re.search(r"(?<!\\)(?:\]\(|\[link|`)", markdown)
    text = " ".join(
        line for page in pdf_pages(statement_documents.draw(pack, record, "pdf", style="intl-a4"), tmp_path) for line in page
    )
    assert "<script>alert(1)</script> **bold** [link](javascript:alert) `code` # head | cell" in text


def test_the_pdf_carries_the_pack_as_data(tmp_path: Path) -> None:
    folder = quoted(tmp_path)
    record, pack = read_record(folder), pack_of(folder)
    (tmp_path / "pack.pdf").write_bytes(statement_documents.draw(pack, record, "pdf", style="intl-a4"))
    subprocess.run(["pdfdetach", "-saveall", "-o", tmp_path, tmp_path / "pack.pdf"], check=True, capture_output=True)
    data = json.loads((tmp_path / "statement.json").read_text())
    assert data["everyword_statement"] == 1
    assert data == statement_documents.as_data(pack)


def test_the_commands_mark_and_write_the_pack(tmp_path: Path, ew: Ew) -> None:
    session = str(transcribed(tmp_path).path)
    assert ew("quote", session, "1", "--words", "the exchange of prisoners").code == 0
    number = ew("claim", session, "4", "--says", "A promise was broken").out.strip()
    done = ew("claim", session, "4", "--claim", number, "--verdict", "misleading", "--finding", "Half of it.", "--json")
    assert done.data == {"claim": int(number), "verdict": "misleading"}
    done = ew("statement", session, "--to", str(tmp_path / "out"))
    assert [Path(line).suffix for line in done.out.splitlines()] == [".md", ".docx", ".pdf"]
    assert "MISLEADING: Half of it." in (tmp_path / "out" / done.out.splitlines()[0]).read_text(encoding="utf-8")
    assert ew("statement", session, "--to", str(tmp_path / "out")).code == 1
    assert ew("statement", session, "--to", str(tmp_path / "out"), "--force", "--format", "md").code == 0
    assert ew("statement", session, "--format", "odt", "--to", str(tmp_path / "out")).code == 2


def test_a_pack_from_which_something_was_left_out_is_finished_with_warnings(tmp_path: Path, ew: Ew) -> None:
    folder = quoted(tmp_path)
    correct(folder, 4, to="Something else.")
    done = ew("statement", str(folder.path), "--to", str(tmp_path / "out"), "--format", "md")
    assert done.code == 3
    assert "does not have any more" in done.err


def test_lines_of_text_and_pdf_agree(tmp_path: Path) -> None:
    folder = quoted(tmp_path)
    record, pack = read_record(folder), pack_of(folder)
    layout = statement_documents.lay_out(pack, record, style="intl-a4")
    drawn = [lines(page) for page in pages.draw(layout, "txt").decode().split("\f")]
    assert drawn == pdf_pages(pages.draw(layout, "pdf"), tmp_path)
