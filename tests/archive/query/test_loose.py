"""Words alike across scripts, and what was meant when nothing is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from archive.index import update
from archive.index.schema import FILE_NAME, open_archive
from archive.query.loose import distance, skeleton
from archive.query.search import search
from tests.archive.builders import Said, transcribed
from tests.archive.conftest import Ew

TEXTS = (
    ("Ми поїдемо до Києва.", "uk"),
    ("Нас ждут в Киеве.", "ru"),
    ("Передайте это Лаврову.", "ru"),
    ("Пан Зеленський приїде.", "uk"),
    ("We spoke with Shoigu.", "en"),
    ("The corridor is open.", "en"),
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    transcribed(tmp_path, [Said(text, language, at_s=place) for place, (text, language) in enumerate(TEXTS)])
    with open_archive(tmp_path / "home" / FILE_NAME) as database:
        update.index(database, [tmp_path / "home" / "sessions"])
        yield database


def found(db: Database, query: str) -> set[str]:
    return {hit.passage.text for hit in search(db, query, is_loose=True).hits}


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("Lavrov", {"Передайте это Лаврову."}),
        ("Kyiv", {"Ми поїдемо до Києва.", "Нас ждут в Киеве."}),
        ("Киев", {"Ми поїдемо до Києва.", "Нас ждут в Киеве."}),
        ("Zelensky", {"Пан Зеленський приїде."}),
        ("Шойгу", {"We spoke with Shoigu."}),
        ("coridor", {"The corridor is open."}),
        ('"Lavrov"', set()),
    ],
)
def test_a_loose_search_finds_words_alike_in_either_script(db: Database, query: str, texts: set[str]) -> None:
    assert texts == found(db, query)


def test_what_is_found_loosely_is_marked(db: Database) -> None:
    (hit,) = search(db, "Lavrov", is_loose=True).hits
    assert ["Лаврову"] == [hit.passage.text[start:end] for start, end in hit.matches]


def test_without_loose_nothing_is_widened_but_what_is_near_is_proposed(db: Database) -> None:
    answer = search(db, "Lavrov")
    assert () == answer.hits
    assert "лавров" in answer.suggestions
    assert () == search(db, "corridor").suggestions
    assert () == search(db, "corridor Киев").suggestions


@pytest.mark.parametrize("said", [("zelenka", "zelenko"), ("zelenko", "zelenka")])
def test_of_equally_near_words_the_one_said_last_is_proposed_first(db: Database, tmp_path: Path, said: tuple[str, str]) -> None:
    transcribed(tmp_path, [Said(f"To {word} now", at_s=2 * place) for place, word in enumerate(said)], title="Names")
    update.index(db, [tmp_path / "home" / "sessions"])
    assert said[::-1] == search(db, "zelenki").suggestions[:2]


def test_an_archive_that_can_only_be_read_is_searched_loosely(db: Database) -> None:
    db.conn.execute("PRAGMA query_only = ON")
    assert {"Передайте это Лаврову."} == found(db, "Lavrov")
    assert (1,) == db.execute("PRAGMA query_only").fetchone()


def test_the_command_asks_what_was_meant_and_finds_it_loosely(tmp_path: Path, ew: Ew) -> None:
    transcribed(tmp_path, [Said("Передайте это Лаврову.", "ru")])
    assert "Did you mean лавров" in ew("search", "Lavrov").err
    assert "лавров" in ew("search", "Lavrov", "--json").data["suggestions"]
    assert "Лаврову" in ew("search", "Lavrov", "--loose").out


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kyiv", "київ"),
        ("lavrov", "лавров"),
        ("kharkhiv", "хархів"),
        ("shoihu", "шойгу"),
        ("zhytomyr", "житомир"),
        ("yalta", "ялта"),
    ],
)
def test_spellings_of_one_sound_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


words = st.text(alphabet="aeikv", max_size=6)


@given(words, words, words)
def test_distance_is_one(one: str, other: str, third: str) -> None:
    assert distance(one, other, 99) == distance(other, one, 99)
    assert (distance(one, other, 99) == 0) == (one == other)
    assert distance(one, third, 99) <= distance(one, other, 99) + distance(other, third, 99)


@given(st.text(max_size=20))
def test_any_text_has_a_skeleton(text: str) -> None:
    assert skeleton(text) == "" or skeleton(text).isascii()
