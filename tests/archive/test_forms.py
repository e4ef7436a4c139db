"""One spelling for each word, and its dictionary forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.forms import forms, index_columns, query_forms, spelling, tokens


@pytest.mark.parametrize("word", ["м'ята", "м\u2019ята", "м\u02bcята", "М'ЯТА", "м'я\u0301та"])
def test_every_way_to_write_a_word_is_one_spelling(word: str) -> None:
    assert spelling(word) == "м'ята"


def test_yo_is_ye_but_short_i_and_yi_stay_themselves() -> None:
    assert spelling("Ещё мой їжак") == "еще мой їжак"


def test_decomposed_letters_are_composed_first() -> None:
    assert spelling("и\u0306од") == "йод"


def test_an_apostrophe_stays_in_a_word_and_a_hyphen_divides_two() -> None:
    assert [token.word for token in tokens("don't «по-русски», об’єкт_2")] == ["don't", "по", "русски", "об’єкт", "2"]


@pytest.mark.parametrize(
    ("word", "language", "form"),
    [
        ("prisoners", "en", "prisoner"),
        ("пленных", "ru", "пленный"),
        ("все", "ru", "весь"),
        ("полонених", "uk", "полонений"),
        ("обміну", "uk", "обмін"),
        ("києві", "uk", "київ"),
        ("лаврову", "ru", "лавров"),
        ("зеленскому", "ru", "зеленский"),
        ("лаврову", "uk", "лавров"),
        ("ковалем", "uk", "коваль"),
    ],
)
def test_inflected_words_have_their_dictionary_form(word: str, language: str, form: str) -> None:
    assert form in forms(word, language)


def test_a_language_without_dictionary_has_no_forms() -> None:
    assert forms("Häuser", "xx") == frozenset()


def test_a_latin_word_in_russian_speech_is_not_looked_up_among_russian_words() -> None:
    assert forms("nato", "ru") == frozenset()


@pytest.mark.parametrize(("word", "language"), [("обмінів", "ru"), ("выборы", "uk"), ("2026", "en"), ("обмен2", "ru")])
def test_a_word_with_a_letter_no_word_of_the_language_has_is_not_looked_up(word: str, language: str) -> None:
    assert forms(word, language) == frozenset()


def test_a_query_word_stands_for_itself_and_its_forms_in_every_language() -> None:
    assert query_forms("обміну", ["en", "ru", "uk"]) >= {"обміну", "обмін"}


def test_only_what_differs_from_the_text_is_stored_beside_it() -> None:
    assert index_columns("a fair exchange", "en") == (None, None)
    assert index_columns("Fair exchanges", "en") == (None, "exchange")
    assert index_columns("Ещё", "ru")[0] == "еще"


@given(st.text())
def test_any_text_can_be_spelled_and_divided(text: str) -> None:
    for token in tokens(text):
        assert text[token.start : token.end] == token.word
    spelling(text)
