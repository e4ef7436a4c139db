"""One spelling for each word, and its dictionary forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.index.forms import folded, forms, pieces, respelled, spelling, tokens


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


def test_an_english_possessive_has_the_form_of_whom_it_belongs_to() -> None:
    assert "lavrov" in forms("lavrov's", "en")
    assert "minister" in forms("ministers", "en") | forms("minister's", "en")


def test_pieces_are_what_fts5_makes_of_a_word() -> None:
    assert (("пам", "ять"), ("cafe",)) == (pieces("пам'ять"), pieces("café"))
    assert "йод" == folded("йод")


@given(st.text())
def test_a_spelling_is_what_the_index_holds_in_lower_case(text: str) -> None:
    import unicodedata

    assert spelling(text) == respelled(unicodedata.normalize("NFC", text)).lower()


@given(st.text())
def test_any_text_can_be_spelled_and_divided(text: str) -> None:
    for token in tokens(text):
        assert text[token.start : token.end] == token.word
    spelling(text)
