"""Words are counted as a dictionary of their language has them."""

import pytest

from transcribe.reading.dictionary import known_share


@pytest.mark.parametrize(
    ("text", "language", "share"),
    [
        ("Для прослушивания следующего сообщения нажмите шесть.", "ru", 1.0),
        ("Сім'я, сім\u2019я, сім\u02bcя", "uk", 1.0),
        ("ЕЩЁ РАЗ по-русски", "ru", 1.0),
        ("щось щось рпвщ кжхз", "uk", 0.5),
        ("используйте 7 для Q и 9 для Z", "ru", 1.0),
        ("4-2-4-2, OK", "ru", None),
        ("", "uk", None),
    ],
)
def test_the_share_of_words_that_the_dictionary_has(text: str, language: str, share: float | None) -> None:
    assert share == known_share(text, language)


def test_what_is_made_of_another_language_is_mostly_not_in_the_dictionary() -> None:
    wrong, right = known_share("и запыв долгим кофтком пыва", "ru"), known_share("і запив довгим ковтком пива", "uk")
    assert wrong is not None
    assert right is not None
    assert wrong < right
