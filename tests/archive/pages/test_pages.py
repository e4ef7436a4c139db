"""Pages and lines: laid out once, drawn the same everywhere."""

import csv
import io
import itertools
import re
from pathlib import Path

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import export, pages
from archive.certificate import wording
from archive.certificate.statement import Reviewer, Statement
from archive.pages.layout import UndrawableText, broken, roman, shown, width, wrapped
from archive.pages.linemap import COLUMNS
from archive.pages.styles import STYLES
from archive.record import Record, read_record
from archive.review import coverage as review_coverage
from everyword import checker, glossary
from everyword.errors import InvalidOption, NotTranscribed
from everyword.model import Speaker
from tests.archive.builders import KEY, NOON_US, TALKS, Said, accept, correct, imported, review_all, transcribed
from tests.archive.conftest import Ew
from tests.archive.papers import lines, long_record, pdf_pages

WHOLE = "".join(map(chr, (0x202E, 0x2066, 0x200B, 0x00AD, 0x1B)))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Some dozens of pages in three languages; its folder must not change."""
    return long_record(tmp_path_factory.mktemp("long"), 400)


@pytest.mark.parametrize("name", STYLES)
def test_every_line_is_the_same_in_text_pdf_and_docx(long: Record, tmp_path: Path, name: str) -> None:
    layout = pages.lay_out(long, style=name, terms=["полонений"])
    text = pages.draw(layout, "txt").decode().split("\f")
    assert [lines(page) for page in text] == pdf_in_order(layout, tmp_path)
    document = docx.Document(io.BytesIO(pages.draw(layout, "docx")))
    footer = lines("\n".join(layout.footer))
    assert [without(footer, lines(page)) for page in text] == [without(footer, lines(p.text)) for p in document.paragraphs]


def without(footer: list[str], page: list[str]) -> list[str]:
    """A page without the lines that Word keeps in a footer of its own."""
    return [line for line in page if line not in footer]


def pdf_in_order(layout: pages.Layout, tmp_path: Path) -> list[list[str]]:
    """What poppler reads of the PDF of a layout."""
    return pdf_pages(pages.draw(layout, "pdf"), tmp_path)


@pytest.mark.slow
def test_three_hundred_pages_are_the_same_in_text_and_pdf(tmp_path: Path) -> None:
    layout = pages.lay_out(long_record(tmp_path, 2_600))
    assert len(layout.sheets) >= 300
    assert [lines(page) for page in pages.draw(layout, "txt").decode().split("\f")] == pdf_in_order(layout, tmp_path)


@pytest.mark.parametrize("name", [name for name in STYLES if STYLES[name].is_numbered])
def test_the_line_map_rebuilds_every_printed_line_of_an_utterance(long: Record, name: str) -> None:
    layout = pages.lay_out(long, style=name)
    words = {line.utterance.id: line.text.split() for line in long.lines}
    printed: dict[tuple[str, str], str] = {}
    for page in pages.draw(layout, "txt").decode().split("\f"):
        label, *rest = lines(page)
        if STYLES[name].page_number == "bottom":
            label, rest = rest[-1], [label, *rest[:-1]]
        printed |= {(label, number): text for row in rest for number, _, text in [row.partition(" ")]}
    rows = list(csv.DictReader(io.StringIO(pages.linemap_csv(layout).decode())))
    assert tuple(rows[0]) == COLUMNS
    for row in rows:
        first = int(row["first_word"])
        expected = " ".join(words[int(row["utterance"])][first : first + int(row["word_count"])])
        assert printed[row["page"], row["line"]].endswith(expected)
    assert sum(int(row["word_count"]) for row in rows) == sum(map(len, words.values()))


def test_lines_are_numbered_from_1_to_25_on_every_page_of_speeches(long: Record) -> None:
    layout = pages.lay_out(long)
    for number, sheet in enumerate(layout.sheets):
        if sheet.is_numbered and layout.sheets[number + 1].is_numbered:
            assert [line.line for line in layout.lines if line.sheet == number] == list(range(1, 26))


def test_page_and_line_do_not_depend_on_level_terms_or_annexes(long: Record) -> None:
    bare = pages.lay_out(long, is_bare=True)
    full = pages.lay_out(long, terms=["prisoners"])
    assert pages.linemap_csv(bare) == pages.linemap_csv(full)


def test_a_page_begins_with_the_name_of_who_goes_on_speaking(tmp_path: Path) -> None:
    said = [Said("And then we said the same again, at length.", at_s=at, person="anna-reed") for at in range(60)]
    layout = pages.lay_out(read_record(transcribed(tmp_path, said, seconds=61)))
    tops = [line.text for line in layout.lines if line.page and line.line == 1 and line.utterance is not None]
    assert tops
    assert all(text.startswith("Anna Reed: ") for text in tops)


@pytest.mark.parametrize(("name", "first"), [("us-utah", " " * 10), ("us-federal", " " * 15), ("us-ny108", " " * 10)])
def test_american_styles_begin_a_speech_with_the_name_in_capitals_at_its_column(tmp_path: Path, name: str, first: str) -> None:
    layout = pages.lay_out(read_record(transcribed(tmp_path)), style=name)
    speech = next(line.text for line in layout.lines if line.utterance == 1)
    assert speech.startswith(f"{first}ANNA REED: We discussed")


def test_minutes_have_the_time_and_the_name_beside_each_utterance(tmp_path: Path) -> None:
    layout = pages.lay_out(read_record(transcribed(tmp_path)), style="minutes-a4")
    assert " 0:00:02  Олена Коваль       Ми говорили про обмін полонених." in [line.text for line in layout.lines]
    assert not any(sheet.is_numbered for sheet in layout.sheets)


def test_the_text_has_page_number_form_feeds_and_no_heading_on_line_one(long: Record) -> None:
    text = pages.draw(pages.lay_out(long), "txt").decode()
    body = [page for page in text.split("\f") if re.match(r"\s{45,}\d+\n 1  ", page)]
    assert len(body) > 20
    assert all(page.endswith("\n") for page in body)


def test_ascii_refuses_rather_than_transliterates(tmp_path: Path) -> None:
    with pytest.raises(UndrawableText, match=r"U\+041E"):
        pages.draw(pages.lay_out(read_record(transcribed(tmp_path))), "ascii")
    plain = read_record(transcribed(tmp_path, [Said("All of this is plain.")], title="Plain", roster=()))
    assert pages.draw(pages.lay_out(plain), "ascii").decode("ascii").count("All of this is plain.") == 1


def test_level_and_banner_stand_on_every_page(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, states=[(8, 9.5, "inaudible")])
    for level, banner in (
        ("M", "MACHINE-GENERATED DRAFT - NOT REVIEWED - NOT CERTIFIED"),
        ("R", "REVIEWED TRANSCRIPT (PARTIAL)"),
        ("R", "REVIEWED TRANSCRIPT - NOT CERTIFIED"),
    ):
        layout = pages.lay_out(read_record(folder))
        for drawn in ([lines(page) for page in pages.draw(layout, "txt").decode().split("\f")], pdf_in_order(layout, tmp_path)):
            assert all(banner in page for page in drawn)
            assert all(any(line.startswith(f"Level {level} ") for line in page) for page in drawn)
        accept(folder, 1) if level == "M" else review_all(folder)


def test_the_index_finds_speakers_and_terms_in_any_form(tmp_path: Path) -> None:
    layout = pages.lay_out(read_record(transcribed(tmp_path)), terms=["полонений", "exchange of prisoner", "nobody"])
    text = [" ".join(line.text.split()) for line in layout.lines]
    assert "Anna Reed 1:2, 1:5" in text
    assert "полонений 1:3" in text
    assert "exchange of prisoner 1:2" in text
    assert "nobody nowhere" in text
    assert "Minister 1:5" in text


def test_terms_that_were_defined_in_the_session_are_in_the_index(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    glossary.define(folder, 1, term="prisoner", meaning="whoever is held", by="Test Operator", key=KEY)
    text = [" ".join(line.text.split()) for line in pages.lay_out(read_record(folder), terms=["prisoner"]).lines]
    assert text.count("prisoner 1:2") == 1


def test_errata_are_told_with_place_reason_and_person(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    correct(folder, 2, to="=Ми говорили про обмін заручниками.", reason="heard again")
    record = read_record(folder)
    layout = pages.lay_out(record)
    text = "\n".join(line.text.strip() for line in layout.lines)
    assert "ERRATA" in text
    assert "from: Ми говорили про обмін полонених." in text
    (row,) = csv.DictReader(io.StringIO(pages.errata_csv(record, layout).decode()))
    assert (row["place"], row["to"]) == ("1:3", "'=Ми говорили про обмін заручниками.")
    assert row["by"] == "Test Operator"


def test_annexes_list_what_is_not_reviewed_and_where_sound_is_missing(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, states=[(8, 9.5, "inaudible"), (9.5, 10, "gap")])
    accept(folder, 1)
    text = " ".join(line.text.strip() for line in pages.lay_out(read_record(folder)).lines)
    assert "ANNEX U: NOT REVIEWED  3 of 4 utterances: 1:3 to 1:5" in text
    assert "ANNEX G: GAPS  [no sound recorded 0:00:09–0:00:10, track 1: by hand]" in text
    assert "ANNEX K: HOW TO CHECK THIS DOCUMENT" in text


def test_a_session_without_a_transcript_and_an_unknown_style_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotTranscribed):
        pages.lay_out(read_record(imported(tmp_path)))
    with pytest.raises(InvalidOption, match="page style"):
        pages.lay_out(read_record(transcribed(tmp_path)), style="us-texas")


def test_what_cannot_be_seen_is_printed_as_a_code_and_counted(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path, [Said(f"left{WHOLE}right")]))
    layout = pages.lay_out(record)
    (text,) = [line.text for line in layout.lines if line.utterance == 1]
    assert r"left\u202e\u2066\u200b\u00ad\u001bright" in text
    assert pages.coded(record) == [1]


def test_markup_in_names_titles_and_words_is_inert(tmp_path: Path) -> None:
    evil = '#let x = read("/etc/passwd") $x$ <script>alert(1)</script> =cmd| *b* _i_ @ref [red] \\n'
    roster = (Speaker("evil", evil[:150], track=1),)
    record = read_record(transcribed(tmp_path, [Said(evil, person="evil")], title=evil, roster=roster))
    layout = pages.lay_out(record)
    assert [lines(page) for page in pages.draw(layout, "txt").decode().split("\f")] == pdf_in_order(layout, tmp_path)
    document = docx.Document(io.BytesIO(pages.draw(layout, "docx")))
    assert "<script>alert(1)</script>" in " ".join(" ".join(p.text for p in document.paragraphs).split())


def test_a_word_wider_than_the_page_is_cut_and_stays_whole_in_the_line_map(tmp_path: Path) -> None:
    layout = pages.lay_out(read_record(transcribed(tmp_path, [Said("x" * 5000)])))
    rows = [line for line in layout.lines if line.utterance == 1]
    assert all(width(row.text) <= 59 for row in rows)
    assert "".join(row.text.strip() for row in rows).removeprefix("Track1:").removeprefix("Track 1:") == "x" * 5000
    assert {(row.first_word, row.word_count) for row in rows if "x" in row.text} == {(0, 1)}


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(st.text(min_size=1, max_size=90).filter(lambda word: word.split() == [word]), max_size=30),
    first=st.integers(0, 15),
)
def test_no_row_is_too_wide_and_no_word_is_lost(words: list[str], first: int) -> None:
    items = [(number, shown(word)) for number, word in enumerate(words)]
    rows = broken(items, columns=40, first=first, later=0)
    assert all(width(row.text) <= 40 for row in rows)
    assert "".join("".join(row.text.split(" ")) for row in rows) == "".join(word for _, word in items)


def test_wide_characters_take_two_columns_and_marks_none() -> None:
    assert [width(text) for text in ("abc", "漢字", "é", "a\u0301", "жё")] == [3, 4, 1, 1, 2]


def test_pages_of_front_matter_have_roman_numbers() -> None:
    assert [roman(number) for number in (1, 4, 9, 14, 40, 49, 90, 444)] == ["i", "iv", "ix", "xiv", "xl", "xlix", "xc", "cdxliv"]


def test_text_of_ours_is_broken_between_words() -> None:
    assert [row.text for row in wrapped("one two three", columns=8, later=2)] == ["one two", "  three"]


def test_all_paged_formats_of_one_export_are_written(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path, TALKS))
    paths = export.export(record, export.PAGED[:1] + export.PAGED[2:], to=tmp_path / "out")
    name = record.folder.path.name
    endings = ("pages.txt", "pdf", "docx", "linemap.csv", "errata.csv")
    assert [path.name for path in paths] == [f"{name}.{ending}" for ending in endings]


def test_a_character_that_cannot_be_drawn_leaves_no_file_behind(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path, [Said("ok 漢 ok")]))
    with pytest.raises(UndrawableText, match=r"'漢' \(U\+6F22\), which stands in utterance 1, 1:2"):
        export.export(record, ["txt", "pdf"], to=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_neighbouring_pages_share_no_line(long: Record) -> None:
    keys = [(line.sheet, line.line) for line in pages.lay_out(long).lines]
    assert all(first < second for first, second in itertools.pairwise(keys))


def certified(record: Record) -> Statement:
    """A certificate of the whole text, not signed by anybody."""
    return wording.certificate(
        record,
        review_coverage.of(record),
        Reviewer("Anna Reed", "sworn translator"),
        level="C",
        revision=1,
        transcript="sha256:" + 64 * "0",
        transcript_root="sha256:" + 64 * "1",
        ledger_head="sha256:" + 64 * "2",
        fingerprint="sha256:" + 64 * "3",
        identity="self-asserted",
        has_authority=False,
        made_at_us=NOON_US,
    )


def test_a_certified_transcript_has_the_lines_of_its_draft_and_the_certificate_behind_them(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, states=[(8, 9.5, "inaudible")])
    review_all(folder)
    record = read_record(folder)
    statement = certified(record)
    draft, final = pages.lay_out(record), pages.lay_out(record, statement)
    assert pages.linemap_csv(draft) == pages.linemap_csv(final)
    text = [lines(page) for page in pages.draw(final, "txt").decode().split("\f")]
    assert all(checker.HEADINGS["C"] in page for page in text)
    assert ["CERTIFICATE" in page for page in text].count(True) == 1
    assert not any("STATUS OF THIS TRANSCRIPT" in page for page in text)
    printed = " ".join(" ".join(page[:-2]) for page in text)
    for paragraph in statement.paragraphs:
        assert " ".join(paragraph.split())[:60] in printed


def test_no_document_promises_what_no_program_can_keep(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, states=[(8, 9.5, "inaudible")])
    for _ in range(2):
        record = read_record(folder)
        texts = [pages.lay_out(record)] + ([pages.lay_out(record, certified(record))] if record.is_reviewed else [])
        for layout in texts:
            assert wording.forbidden(" ".join(line.text for line in layout.lines)) == []
        review_all(folder)


def test_the_export_tells_which_utterances_have_characters_that_cannot_be_seen(tmp_path: Path, ew: Ew) -> None:
    folder = transcribed(tmp_path, [Said("fine"), Said("zero\u200bwidth", at_s=1)])
    done = ew("export", str(folder.path), "--format", "pages", "--to", str(tmp_path / "out"))
    assert done.code == 0
    assert "written as codes in utterance 2." in done.err


@pytest.mark.parametrize("name", STYLES)
def test_the_longest_title_place_and_names_leave_the_conventions_on_page_ii(tmp_path: Path, name: str) -> None:
    longest = "W" * 200
    roster = tuple(Speaker(f"p{number}", longest, longest, longest, track=1) for number in range(40))
    folder = transcribed(tmp_path, [Said("Yes.", person="p1")], title="M " * 250, roster=roster)
    layout = pages.lay_out(read_record(folder), style=name)
    text = [lines(page) for page in pages.draw(layout, "txt").decode().split("\f")]
    assert [page for page in text if "CONVENTIONS" in page] == [text[1]]
    assert text == pdf_in_order(layout, tmp_path)
    assert all(width(line.text) <= layout.style.columns for line in layout.lines)
