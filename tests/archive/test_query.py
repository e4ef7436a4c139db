"""What a query means, and that nothing typed can break it."""

import contextlib
import sqlite3

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archive.query import MOST_TERMS, parse
from everyword.errors import InvalidQuery

LANGUAGES = ("en", "ru", "uk")


def an_index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE f USING fts5(text, spelling, forms)")
    connection.execute("INSERT INTO f VALUES ('we don''t exchange prisoners', NULL, 'do prisoner')")
    return connection


def finds(query: str) -> bool:
    expression = parse(query, languages=LANGUAGES).fts()
    return bool(an_index().execute("SELECT 1 FROM f WHERE f MATCH ?", [expression]).fetchall())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("exchange prisoner", True),
        ("exchange hostage", False),
        ("hostage OR prisoner", True),
        ("exchange hostage OR prisoner", True),
        ("absent hostage OR prisoner", False),
        ('"exchange prisoners"', True),
        ('"prisoners exchange"', False),
        ('"exchange prisoner"', False),
        ('="prisoners"', True),
        ('="prisoner"', False),
        ("=prisoner", False),
        ("exchange -prisoners", False),
        ('exchange -"prisoners exchange"', True),
        ("exch*", True),
        ("change*", False),
        ("don't", True),
        ("DON’T", True),
        ("(exchange) NEAR [prisoners]", False),
        ("(exchange), [prisoners]!", True),
        ("exchange - prisoners", True),
        ("exchanges-prisoner", True),
        ("exchange-hostage OR prisoner", True),
        ("prisoner OR exchange-hostage", True),
        ("absent OR exchange-hostage", False),
        ("exchange -prisoners-hostages", True),
        ("exchange -prisoners-exchanges", False),
    ],
)
def test_a_query_finds_what_it_says(query: str, expected: bool) -> None:
    assert finds(query) == expected


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ('exchange "of pri', "position 10"),
        ("OR exchange", "position 1"),
        ("exchange OR", "position 10"),
        ("a OR OR b", "position 6"),
    ],
)
def test_a_malformed_query_is_told_its_place(query: str, place: str) -> None:
    with pytest.raises(InvalidQuery, match=place):
        parse(query, languages=LANGUAGES)


@pytest.mark.parametrize("query", ["", "   ", "***", '""', "-exchange", "\0", "𝄞 ☎"])
def test_a_query_without_a_word_to_look_for_is_refused(query: str) -> None:
    with pytest.raises(InvalidQuery):
        parse(query, languages=LANGUAGES)


def test_too_many_words_are_refused_and_as_a_phrase_accepted() -> None:
    words = " ".join(["word"] * (MOST_TERMS + 1))
    with pytest.raises(InvalidQuery, match="more than"):
        parse(words, languages=LANGUAGES)
    assert not finds(f'"{words}"')


def test_the_most_words_allowed_do_not_exhaust_sqlite() -> None:
    letters = [f"w{number}" for number in range(MOST_TERMS)]
    assert not finds(" OR ".join(letters))
    assert not finds(" ".join(letters[:-1]) + " -prisoners")


def test_ten_kilobytes_of_anything_are_answered_or_refused() -> None:
    for query in ('"' * 10_000, "a" * 10_000, "a " * 5_000, "(" * 10_000, "x" * 10_001):
        with contextlib.suppress(InvalidQuery):
            finds(query)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.text(alphabet="abг\"*-=:^+(){}[]ORNTAE \0\ud800'", max_size=60)))
@example('text : "x" OR rowid:1')
@example("NEAR(a b, 5)")
@example("{text} : x")
@example('a"b"c')
def test_no_text_raises_anything_but_invalid_query(query: str) -> None:
    with contextlib.suppress(InvalidQuery):
        finds(query)


def marked(query: str, text: str, language: str = "en") -> list[str]:
    return [text[start:end] for start, end in parse(query, languages=LANGUAGES).matches(text, language)]


def test_every_form_of_a_word_is_marked() -> None:
    assert marked("prisoner", "A prisoner among prisoners.") == ["prisoner", "prisoners"]


def test_a_phrase_is_marked_as_a_whole_whatever_its_spelling() -> None:
    assert marked('"все еще"', "Мы всё, ещё ждём", "ru") == ["всё, ещё"]


def test_a_prefix_is_marked_to_the_end_of_its_word() -> None:
    assert marked("exch*", "We exchanged words") == ["exchanged"]


def test_what_is_left_out_is_not_marked() -> None:
    assert marked("exchange -prisoner", "an exchange") == ["exchange"]


def test_accents_of_latin_letters_do_not_matter() -> None:
    assert marked("cafe", "The Café, later") == ["Café"]
