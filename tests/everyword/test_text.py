"""Words of people, kept as they are and shown as they are."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyword.errors import InvalidText
from everyword.text import LONGEST, checked, printable, slug


@pytest.mark.parametrize(
    "value",
    [
        "Раунд третий",
        "第三轮",
        "<script>alert(1)</script>",
        "[red]x[/red]",
        "../../etc",
        'O\'Brien & "Sons"',
        "👩‍👩‍👧",
        "ไทย",
        "שלום",
    ],
)
def test_any_script_and_any_punctuation_stays_as_it_is(value: str) -> None:
    assert value == checked(value, what="title")


def test_text_is_composed_and_stripped() -> None:
    assert "Ё й" == checked(f"  {unicodedata.normalize('NFD', 'Ё й')}\t", what="name")


@pytest.mark.parametrize(
    "char",
    [
        "\0",
        "\x07",
        "\x1b",
        "\x7f",
        "\x85",
        "\x9b",
        "\u2028",
        "\u2029",
        "\u202e",
        "\u2066",
        "\u200f",
        "\u061c",
        "\ufeff",
        "\ud800",
    ],
)
@pytest.mark.parametrize("what", sorted(LONGEST))
def test_what_could_mislead_a_reader_is_refused_with_its_place(char: str, what: str) -> None:
    with pytest.raises(
        InvalidText, match=rf"The {what} has a character that cannot be shown \(U\+{ord(char):04X}\) at position 3\."
    ):
        checked(f"ab{char}c", what=what)


@pytest.mark.parametrize(("what", "allowed"), [(what, what in ("note", "text")) for what in LONGEST])
def test_only_longer_texts_have_lines(what: str, *, allowed: bool) -> None:
    if allowed:
        assert "a\nb" == checked("a\nb", what=what)
    else:
        with pytest.raises(InvalidText):
            checked("a\nb", what=what)


@pytest.mark.parametrize(("what", "longest"), sorted(LONGEST.items()))
def test_the_longest_text_is_allowed_and_one_more_is_not(what: str, longest: int) -> None:
    assert longest == len(checked("ы" * longest, what=what))
    with pytest.raises(InvalidText, match=f"has {longest + 1} characters; {longest} are allowed"):
        checked("ы" * (longest + 1), what=what)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Round three", "round-three"),
        ("Раунд №3: газ/нефть", "раунд-3-газ-нефть"),
        ("../../etc/passwd", "etc-passwd"),
        ("", ""),
        ("...", ""),
        ("a_b", "a-b"),
        ("ÅNGSTRÖM", "ångström"),
    ],
)
def test_a_slug_keeps_letters_and_digits(value: str, name: str) -> None:
    assert name == slug(value)


@given(st.text(max_size=200))
def test_what_is_printable_holds_nothing_a_terminal_obeys(value: str) -> None:
    shown = printable(value)
    assert [] == [char for char in shown if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"]
    assert shown == printable(shown)


@given(st.text(st.characters(categories=["L", "N", "P", "Z"], exclude_characters="\u2028\u2029")))
def test_ordinary_text_is_printed_as_it_is(value: str) -> None:
    assert value == printable(value)
