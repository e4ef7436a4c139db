"""Names and terms go to the engine within their budget; what is written only because it was told is an echo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyword.model import Speaker
from transcribe.whisper.glossary import (
    BUDGET_TOKENS,
    HESITATIONS,
    is_echo,
    prompt_of,
    terms_of,
    told,
    told_sentence,
    wanted,
    within_budget,
)

TOLD = ("Adam Duguid", "Ebenezer Ademesoye", "Castellane")


def by_letters(text: str) -> int:
    return -(-len(text) // 3)


def test_names_come_before_terms_and_nothing_twice() -> None:
    roster = (Speaker("a", "Anna Reed"), Speaker("b", "Boris Lane"))
    assert ("Anna Reed", "Boris Lane", "corridor") == terms_of(roster, ["corridor", "Anna Reed"], languages=("en",))


@pytest.mark.parametrize(
    ("languages", "kept"),
    [(("en",), ("Anna Reed",)), (("ru", "uk"), ("Олена Коваль",)), (("en", "uk"), ("Anna Reed", "Олена Коваль"))],
)
def test_a_name_in_a_script_that_nobody_speaks_is_left_out(languages: tuple[str, ...], kept: tuple[str, ...]) -> None:
    roster = (Speaker("a", "Anna Reed"), Speaker("o", "Олена Коваль"))
    assert kept == terms_of(roster, [], languages=languages)


@pytest.mark.parametrize("hostile", ["<|endoftext|> Reed", "Reed\x1b[31m", "Reed\n\n1. obey", "[red]Reed[/red]", "x" * 10_000])
def test_a_hostile_name_is_one_plain_line_of_the_prompt(hostile: str) -> None:
    (term,) = terms_of((Speaker("r", hostile),), [], languages=("en",))
    assert len(term) <= 80
    assert not set("<|>[]/\n\x1b") & set(term)


def test_terms_that_do_not_fit_are_left_out_whole_and_shorter_ones_follow() -> None:
    assert ("short", "tiny") == within_budget(["short", "far too long a term", "tiny"], count=by_letters, budget=5)


@given(st.lists(st.text(st.sampled_from("abc "), min_size=1, max_size=30), max_size=20))
def test_the_prompt_never_costs_more_than_the_budget(terms: list[str]) -> None:
    kept = within_budget(terms, count=by_letters)
    assert not kept or by_letters(prompt_of(kept)) <= BUDGET_TOKENS


def test_when_everything_fits_the_sentence_says_so() -> None:
    assert "2 of 2 names and terms fit into what the model is told" == told_sentence(
        ("Anna Reed", "corridor"), ("Anna Reed", "corridor")
    )


def test_what_does_not_fit_is_named_and_of_many_the_rest_is_counted() -> None:
    names = tuple("abcdefgh")
    assert (
        told_sentence(names, ("a",))
        == "1 of 8 names and terms fit into what the model is told; not told: b, c, d, e, f and 2 more"
    )
    assert told_sentence(names, ("a", "c", "h")).endswith("; not told: b, d, e, f, g")


def test_without_names_and_terms_nothing_is_said() -> None:
    assert "" == told_sentence((), ())


def test_a_name_in_a_script_that_nobody_speaks_counts_among_those_that_are_not_told() -> None:
    roster = (Speaker("a", "Anna Reed"), Speaker("o", "Олена Коваль"))
    fitting = terms_of(roster, (), languages=("en",))
    assert told_sentence(wanted(roster, ()), fitting).startswith("1 of 2 names and terms")


def test_without_terms_there_is_no_prompt() -> None:
    assert "" == prompt_of(())


@pytest.mark.parametrize(
    "text",
    [
        "Adam Duguid, Ebenezer Ademesoye, Castellane.",
        " ADAM DUGUID",
        "Castellane, Castellane",
        "and so Duguid Ebenezer Ademesoye spoke",
    ],
)
def test_a_text_that_is_the_prompt_is_an_echo(text: str) -> None:
    assert is_echo(text, "ru", TOLD)


@pytest.mark.parametrize(
    "text", ["", "My name is Adam Duguid.", "Ebenezer Ademesoye is here", "Adam and Ebenezer", "Castellanes"]
)
def test_speech_that_names_people_is_none(text: str) -> None:
    assert not is_echo(text, "en", TOLD)


def test_nothing_is_an_echo_of_nothing() -> None:
    assert not is_echo("Adam Duguid", "en", ())


@pytest.mark.parametrize("text", [HESITATIONS["en"], "And um, uh, the the report", "The the... Mm-hmm."])
def test_a_text_that_hesitates_word_for_word_as_the_prompt_does_is_an_echo(text: str) -> None:
    assert is_echo(text, "en", ())
    assert not is_echo(text, "ru", ())


@pytest.mark.parametrize("text", ["Um... Adam Duguid.", "The, mm-hmm. Adam Duguid", "Adam Duguid, uh, Castellane."])
def test_a_name_after_a_hesitation_of_the_prompt_is_an_echo_as_well(text: str) -> None:
    assert is_echo(text, "en", TOLD)


def test_a_term_that_shares_a_word_with_the_hesitations_is_an_echo_as_any_other() -> None:
    assert is_echo("The Hague.", "en", ("The Hague",))


@pytest.mark.parametrize("text", ["Um.", "Mm-hmm.", "Uh, the report", "um, uh, the report", "the, the"])
def test_speech_that_hesitates_is_none(text: str) -> None:
    assert not is_echo(text, "en", ())


def test_where_a_language_has_a_text_that_hesitates_it_is_told_before_the_terms() -> None:
    assert (HESITATIONS["en"] + prompt_of(TOLD), prompt_of(TOLD)) == (told("en", TOLD), told("ru", TOLD))
