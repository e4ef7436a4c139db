"""Consent to the comparison of voices is said in the roster, in so many words."""

from pathlib import Path

import pytest

from everyword.errors import InvalidOption
from recorder.operator.roster import parse_speaker, read_roster


@pytest.mark.parametrize(
    ("text", "consent"), [("Anna;voice=yes", True), ("Anna;voice=no", False), ("Anna", False), ("Anna;voice=TRUE", True)]
)
def test_consent_is_yes_or_no_and_no_unless_said(text: str, consent: bool) -> None:
    assert consent == parse_speaker(text).voice_consent


@pytest.mark.parametrize("answer", ["", "perhaps", "1", "ja"])
def test_consent_is_never_guessed(answer: str) -> None:
    with pytest.raises(InvalidOption):
        parse_speaker(f"Anna;voice={answer}")


def test_a_roster_file_says_it_as_toml_does(tmp_path: Path) -> None:
    (tmp_path / "roster.toml").write_text('[[speaker]]\nname = "Anna"\nvoice = true\n\n[[speaker]]\nname = "Boris"\n')
    assert [True, False] == [speaker.voice_consent for speaker in read_roster(tmp_path / "roster.toml")]
