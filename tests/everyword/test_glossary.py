"""Terms are agreed in advance or defined in a session; neither is ever overwritten."""

from pathlib import Path

import pytest

from everyword import glossary, keys
from everyword.errors import CorruptFolder, InvalidOption, InvalidText
from tests.helpers import failures
from tests.transcribe.builders import a_marked_session
from transcribe import pipeline
from transcribe.scripted import ScriptedEngine


def test_a_sessions_own_terms_come_first_and_those_of_other_sessions_are_left_out(tmp_path: Path) -> None:
    for term, session in (("protocol", ""), ("corridor B", "01A"), ("annex", "01B")):
        glossary.add(tmp_path, term, session=session, by="Test Operator")
    assert ["corridor B", "protocol"] == [one.term for one in glossary.read(tmp_path, session="01A")]
    assert ["protocol"] == [one.term for one in glossary.read(tmp_path)]


def test_a_later_meaning_stands_beside_the_earlier_one(tmp_path: Path) -> None:
    for meaning in ("to the line of 1991", "to the line of contact"):
        glossary.add(tmp_path, "withdrawal", meaning=meaning, by="Test Operator")
    assert ["to the line of 1991", "to the line of contact"] == [one.meaning for one in glossary.read(tmp_path)]


@pytest.mark.parametrize(("term", "error"), [("", InvalidOption), ("a\x1b[31mb", InvalidText), ("x" * 300, InvalidText)])
def test_a_term_that_cannot_be_shown_is_refused(tmp_path: Path, term: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        glossary.add(tmp_path, term, by="Test Operator")
    assert [] == list(glossary.read(tmp_path))


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    (tmp_path / glossary.FILE).write_bytes(b'{"term":"a"}\n')
    with pytest.raises(CorruptFolder, match="line 1"):
        list(glossary.read(tmp_path))


def test_a_term_added_after_a_line_that_was_torn_off_is_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / glossary.FILE
    path.write_bytes(b'{"at_us":1,"by":"x"')
    glossary.add(tmp_path, "Duguid", by="me")
    with pytest.raises(CorruptFolder, match="line 1, makes no sense") as caught:
        list(glossary.read(tmp_path))
    assert "delete that line" in caught.value.hint
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    assert ["Duguid"] == [one.term for one in glossary.read(tmp_path)]


def test_a_folder_in_the_place_of_the_glossary_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / glossary.FILE).mkdir()
    with pytest.raises(CorruptFolder, match="cannot be read: Is a directory"):
        list(glossary.read(tmp_path))


def test_a_definition_stands_on_the_frames_where_it_was_said_under_its_speakers_name(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=20)
    key = keys.device_key(tmp_path / "home")
    pipeline.transcribe(
        pipeline.open_recording(folder),
        ScriptedEngine({0: "by peace we mean quiet"}),
        languages=("en",),
        key=key,
        by="Test Operator",
    )
    made = glossary.define(folder, 1, term="peace", meaning="quiet", speaker="Anna", by="Test Operator", key=key)
    assert (made,) == glossary.definitions(folder)
    assert (1, 0, "Anna", "peace", "quiet") == (made.track, made.first_frame, made.speaker, made.term, made.meaning)
    assert [] == [one for one in failures(tmp_path, folder) if one.verdict == "integrity"]
    for number, meaning in ((9, "quiet"), (1, " ")):
        with pytest.raises(InvalidOption):
            glossary.define(folder, number, term="peace", meaning=meaning, by="Test Operator", key=key)
