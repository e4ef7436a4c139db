"""What a query means, and that nothing typed can break it."""

import contextlib
import sqlite3

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archive.index.lexicon import Dictionaries
from archive.query.language import MOST_TERMS, parse
from archive.query.match import Matcher
from everyword.errors import InvalidQuery

WORDS = Dictionaries()


def an_index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE f USING fts5(spelling, forms)")
    connection.execute("INSERT INTO f VALUES ('we don''t exchange prisoners', 'do prisoner')")
    return connection


def finds(query: str) -> bool:
    expression = parse(query, words=WORDS).fts()
    return bool(expression and an_index().execute("SELECT 1 FROM f WHERE f MATCH ?", [expression]).fetchall())


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
        ("(exchange) near [prisoners]", False),
        ("(exchange) NEAR [prisoners]", True),
        ("exchange NEAR prisoner OR absent", True),
        ("absent OR exchange NEAR prisoner", True),
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
        ("a NEAR", "position 3"),
        ("NEAR/3 a", "position 1"),
        ("a NEAR b NEAR c", "position 10"),
        ("a NEAR -b", "position 3"),
        ("a OR speaker:reed", "position 3"),
        ("speaker:reed OR a", "position 14"),
        ("a -speaker:reed", "position 3"),
        ('a speaker:"Anna Reed', "position 11"),
        ('a speaker:""', "position 3"),
    ],
)
def test_a_malformed_query_is_told_its_place(query: str, place: str) -> None:
    with pytest.raises(InvalidQuery, match=place):
        parse(query, words=WORDS)


@pytest.mark.parametrize("query", ["", "   ", "***", '""', "-exchange", "\0", "𝄞 ☎"])
def test_a_query_without_a_word_to_look_for_is_refused(query: str) -> None:
    with pytest.raises(InvalidQuery):
        parse(query, words=WORDS)


def test_too_many_words_are_refused_and_as_a_phrase_accepted() -> None:
    words = " ".join(["word"] * (MOST_TERMS + 1))
    with pytest.raises(InvalidQuery, match="more than"):
        parse(words, words=WORDS)
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


def test_fields_are_read_apart_from_words() -> None:
    query = parse('exchange speaker:"Anna Reed" lang:uk before:2026-11-22', words=WORDS)
    assert [("speaker", "Anna Reed", 10), ("lang", "uk", 30), ("before", "2026-11-22", 38)] == [
        (field.name, field.value, field.place) for field in query.fields
    ]


@pytest.mark.parametrize(
    "query", ["speaker: exchange", "loudspeaker:exchange", "Speaker:exchange", '"speaker:exchange"', "note:exchange"]
)
def test_a_pasted_sentence_with_a_colon_is_only_words(query: str) -> None:
    assert () == parse(query, words=WORDS).fields


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("exchange NEAR/1 prisoner", True),
        ("exchange NEAR/0 prisoner", False),
        ("prisoner NEAR/1 exchange", True),
        ('"fair exchange" NEAR/1 prisoner', True),
        ("exch* NEAR/0 prisoner", False),
        ("war-camp NEAR/0 prisoner", False),
        ("war-camp NEAR/1 prisoner", True),
        ("prisoner NEAR prisoner", False),
        ("exchange NEAR/0 prisoner OR camp", True),
    ],
)
def test_near_counts_the_words_between(query: str, expected: bool) -> None:
    """One word stands between *exchange* and *prisoners*."""
    text = "A fair exchange of prisoners of war, in camp."
    assert expected == met(query, text, "en")


def test_a_word_with_an_apostrophe_is_one_word_and_not_near_itself() -> None:
    query = "пам'ять NEAR/0 пам'ять"
    assert [False, True] == [met(query, text, "uk") for text in ("пам'ять", "пам'ять, пам'ять")]


def test_only_words_near_each_other_are_marked() -> None:
    assert ["exchange", "prisoner"] == marked("exchange NEAR/1 prisoner", "An exchange, a prisoner; later on, one more prisoner")


def marked(query: str, text: str, language: str = "en") -> list[str]:
    return [text[start:end] for start, end in Matcher(parse(query, words=WORDS), WORDS).matches(text, language)]


def met(query: str, text: str, language: str) -> bool:
    return Matcher(parse(query, words=WORDS), WORDS).is_met(text, language)


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
