"""Every word is looked up once, and what is stored of it is only what differs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from archive.index import lexicon as module
from archive.index.lexicon import Lexicon, Texts
from archive.index.schema import FILE_NAME, open_archive, writing


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_archive(tmp_path / FILE_NAME) as database:
        yield database


def columns(lexicon: Lexicon, text: str, language: str = "en") -> tuple[str | None, str]:
    """The numbers of the forms of a text's words and the forms, as they are written."""
    texts = Texts(lexicon.differing)
    found = texts.forms(text, language)
    lexicon.meet(texts.take())
    lexicon.flush()
    return lexicon.numbers(found), found


def learnt(db: Database, *texts: str, language: str = "en") -> list[tuple[str | None, str]]:
    lexicon = Lexicon(db)
    with writing(db):
        lexicon.begin()
        return [columns(lexicon, text, language) for text in texts]


def test_only_forms_that_differ_from_their_word_are_stored(db: Database) -> None:
    assert [(None, ""), ("1", "exchange")] == learnt(db, "a fair exchange", "Fair exchanges!")


def test_a_form_has_one_number_whatever_its_words(db: Database) -> None:
    learnt(db, "exchanges")
    assert [("1", "exchange"), ("1,2", "exchange prisoner")] == learnt(db, "exchanged", "exchanged prisoners")


def test_a_word_is_looked_up_in_the_dictionaries_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt(db, "prisoners of war")
    monkeypatch.setattr(module, "forms", None)
    assert [("1", "prisoner")] == learnt(db, "(prisoners)")


def test_a_form_with_an_apostrophe_keeps_it_and_its_word_is_known_in_pieces(db: Database) -> None:
    assert [("1", "пам'ять")] == learnt(db, "пам'яті", language="uk")
    assert [("пам'ять",)] == db.execute("SELECT form FROM forms").fetchall()
    assert {"пам", "яті"} == {word for (word,) in db.execute("SELECT word FROM vocabulary WHERE language = ''").fetchall()}


def test_what_another_process_wrote_is_seen_before_numbers_are_given(tmp_path: Path, db: Database) -> None:
    one, lexicon = db, Lexicon(db)
    with open_archive(tmp_path / FILE_NAME) as other:
        for database, words, text in ((one, lexicon, "prisoners"), (other, Lexicon(other), "talks"), (one, lexicon, "guards")):
            with writing(database):
                words.begin()
                columns(words, text)
    assert ["prisoner", "talk", "guard"] == [form for (form,) in db.execute("SELECT form FROM forms ORDER BY id").fetchall()]


def test_what_a_broken_transaction_wrote_is_written_again_by_the_next(db: Database) -> None:
    lexicon = Lexicon(db)
    db.conn.execute("BEGIN")
    lexicon.begin()
    columns(lexicon, "prisoners")
    db.conn.rollback()
    lexicon.forget()
    with writing(db):
        lexicon.begin()
        assert ("2", "talk") == columns(lexicon, "talks")
    assert ["prisoner", "talk"] == [form for (form,) in db.execute("SELECT form FROM forms ORDER BY id").fetchall()]
    assert ["prisoners", "talks"] == [word for (word,) in db.execute("SELECT word FROM vocabulary ORDER BY word").fetchall()]


def test_words_that_begin_alike_are_listed_unless_they_are_too_many(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt(db, "prisoner prisoners prison pride")
    lexicon = Lexicon(db)
    assert ("prison", "prisoner", "prisoners") == lexicon.beginning("priso")
    monkeypatch.setattr(module, "MOST_BEGINNING", 2)
    assert None is lexicon.beginning("pri")
