"""Which input a name means."""

import os
from pathlib import Path

import pytest

from everyword.errors import InputLost, InvalidOption
from recorder.sound import inputs
from recorder.sound.inputs import FoundInput, choose

FOUND = [
    FoundInput(0, "HDA Intel PCH: ALC257 (hw:0,0)", "ALSA", 2, 48_000, False),
    FoundInput(3, "USB Table Mic (hw:1,0)", "ALSA", 8, 48_000, False),
    FoundInput(7, "pulse", "ALSA", 32, 44_100, True),
]


@pytest.mark.parametrize(("spec", "index"), [("default", 7), ("3", 3), ("pulse", 7), ("usb table", 3), ("ALC257", 0)])
def test_an_input_is_found_by_index_name_or_part_of_its_name(spec: str, index: int) -> None:
    assert index == choose(spec, FOUND).index


def test_a_part_that_fits_several_inputs_is_refused() -> None:
    with pytest.raises(InvalidOption):
        choose("hw:", FOUND)


@pytest.mark.parametrize("spec", ["9", "wireless"])
def test_a_missing_input_is_told_with_those_that_are_there(spec: str) -> None:
    with pytest.raises(InputLost) as caught:
        choose(spec, FOUND)
    assert "USB Table Mic" in caught.value.hint


def test_a_computer_without_inputs_is_told_how_to_record_a_file() -> None:
    with pytest.raises(InputLost) as caught:
        choose("default", [])
    assert "file:PATH" in caught.value.hint


def test_inputs_that_this_user_may_not_use_are_no_missing_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pcmC0D0c").touch()
    monkeypatch.setattr(inputs, "DEVICES", tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputLost) as caught:
        choose("default", [])
    assert ("may not use" in caught.value.sentence, "audio" in caught.value.hint) == (True, True)


def test_a_sound_server_is_known_as_one() -> None:
    assert [False, False, True] == [one.is_server for one in FOUND]
