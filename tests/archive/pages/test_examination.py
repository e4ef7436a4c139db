"""Questions and answers in the American styles: who asks and who answers is decided by the roles of the roster."""

from dataclasses import replace
from pathlib import Path

import pytest

from archive import pages
from archive.pages.layout import Layout
from archive.record import read_record
from everyword.model import Speaker
from tests.archive.builders import Said, transcribed

ASKS = Speaker("jo-hale", "Jo Hale", role="Examiner", track=1)
ANSWERS = Speaker("ivan-petrov", "Иван Петров", role="witness", track=2)
CHAIR = Speaker("ann-lee", "Ann Lee", role="chair", track=1)
LONG = "and then we went on to the bridge where nobody waited for us that night"
TALK = (
    Said("Where were you?", at_s=0, person="jo-hale"),
    Said(f"At home, {LONG}.", at_s=1, track=2, person="ivan-petrov"),
    Said("With my brother.", at_s=2, track=2, person="ivan-petrov"),
    Said("Let us take a break.", at_s=3, person="ann-lee"),
    Said("Thank you.", at_s=4, person="jo-hale"),
)


def laid_out(tmp_path: Path, name: str = "us-federal", roster: tuple[Speaker, ...] = (ASKS, ANSWERS, CHAIR)) -> Layout:
    """The examination on pages of that style."""
    return pages.lay_out(read_record(transcribed(tmp_path, TALK, roster=roster, seconds=6)), style=name)


def body(layout: Layout) -> list[str]:
    """The rows of the speeches, without the remarks that the recording begins and ends."""
    rows = [line.text for line in layout.lines if layout.sheets[line.sheet].is_numbered]
    return rows[rows.index("BY JO HALE:") if "BY JO HALE:" in rows else 0 : -1]


@pytest.mark.parametrize("name", ["us-federal", "us-ny108", "us-utah"])
def test_letters_stand_at_column_5_words_at_10_and_later_rows_at_the_margin(tmp_path: Path, name: str) -> None:
    rows = body(laid_out(tmp_path, name))
    assert rows[:4] == [
        "BY JO HALE:",
        "     Q    Where were you?",
        "ANSWERS BY ИВАН ПЕТРОВ:",
        "     A    At home, and then we went on to the bridge where",
    ]
    assert rows[4:6] == ["nobody waited for us that night.", "          With my brother."]


def test_who_asks_is_named_again_after_somebody_else_has_spoken(tmp_path: Path) -> None:
    assert body(laid_out(tmp_path))[-3:] == [f"{'':15}ANN LEE: Let us take a break.", "BY JO HALE:", "     Q    Thank you."]


@pytest.mark.parametrize("name", ["intl-a4", "minutes-a4"])
def test_other_styles_name_everybody(tmp_path: Path, name: str) -> None:
    text = "\n".join(line.text for line in laid_out(tmp_path, name).lines)
    assert ("BY JO HALE" in text, "Q    Where" in text) == (False, False)


def test_without_a_witness_nobody_is_examined(tmp_path: Path) -> None:
    layout = laid_out(tmp_path, roster=(ASKS, replace(ANSWERS, role="delegate"), CHAIR))
    assert f"{'':15}JO HALE: Where were you?" in body(layout)


def test_the_line_map_has_every_word_of_questions_and_answers(tmp_path: Path) -> None:
    layout = laid_out(tmp_path)
    found = {
        (line.utterance, word) for line in layout.lines for word in range(line.first_word, line.first_word + line.word_count)
    }
    expected = {(number, word) for number, said in enumerate(TALK, 1) for word in range(len(said.text.split()))}
    assert expected == {place for place in found if place[0] is not None}


def test_text_pdf_and_layout_agree(tmp_path: Path) -> None:
    from tests.archive.papers import lines, pdf_pages

    layout = laid_out(tmp_path)
    text = [lines(page) for page in pages.draw(layout, "txt").decode().split("\f")]
    assert text == pdf_pages(pages.draw(layout, "pdf"), tmp_path)
