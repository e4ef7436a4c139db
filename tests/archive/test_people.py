"""A person is renamed everywhere at once, and nothing is overwritten."""

import json
from pathlib import Path

import pytest

from archive import Archive
from everyword.errors import CorruptFolder, InvalidOption, InvalidText
from everyword.model import Speaker
from tests.archive.builders import NOON_US, TALKS, Said, transcribed
from tests.archive.conftest import Ew


def speakers(ew: Ew) -> set[str]:
    return {hit["speaker"] for hit in ew("search", "prisoner", "--json").data["hits"]}


def test_a_new_name_is_shown_in_every_session_and_after_a_rebuild(ew: Ew, tmp_path: Path) -> None:
    transcribed(tmp_path)
    transcribed(tmp_path, title="Second", started_at_us=NOON_US + 10**9)
    assert 0 == ew("rename", "anna-reed", "--to", "Anna Koval", "--reason", "married").code
    assert {"Anna Koval"} == speakers(ew)
    assert 0 == ew("rebuild").code
    transcribed(tmp_path, TALKS[:1], title="Third", started_at_us=NOON_US + 2 * 10**9)
    assert {"Anna Koval"} == speakers(ew)


def test_the_old_and_the_new_name_find_the_person(ew: Ew, tmp_path: Path) -> None:
    transcribed(tmp_path)
    ew("rename", "anna-reed", "--to", "Anna Koval", "--reason", "married")
    for name in ("Anna Reed", "Anna Koval", "anna-reed", "reed"):
        assert 1 == len(ew("search", "prisoner", "--speaker", name, "--json").data["hits"]), name


def test_every_renaming_stays_in_the_history(ew: Ew, home: Path, tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    for name in ("A", "B"):
        ew("rename", "anna-reed", "--to", name, "--reason", f"because {name}")
    lines = [json.loads(line) for line in (home / "people.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [("A", "Test Operator", "because A"), ("B", "Test Operator", "because B")] == [
        (line["name"], line["by"], line["reason"]) for line in lines
    ]
    assert before == {path: path.read_bytes() for path in before}


def test_somebody_nobody_knows_and_a_name_that_misleads_are_refused(ew: Ew, tmp_path: Path) -> None:
    transcribed(tmp_path)
    assert isinstance(ew("rename", "nobody", "--to", "X", "--reason", "r").error, InvalidOption)
    assert isinstance(ew("rename", "anna-reed", "--to", "\u202eX", "--reason", "r").error, InvalidText)


def test_a_broken_line_is_told(home: Path, tmp_path: Path) -> None:
    transcribed(tmp_path)
    (home / "people.jsonl").write_text('{"person": "x"}\n')
    with pytest.raises(CorruptFolder, match=r"people.jsonl, line 1"):
        Archive(home)


def two_keys(tmp_path: Path) -> None:
    """One woman, whom two operators gave two keys."""
    transcribed(tmp_path)
    other = Speaker("a-reed", "A. Reed", role="mediator", language="en", track=1)
    said = [Said("More prisoners were exchanged.", person="a-reed")]
    transcribed(tmp_path, said, title="Second", roster=(other,), started_at_us=NOON_US + 10**9)


def found(ew: Ew, speaker: str) -> list[str]:
    """Titles of what somebody said of prisoners."""
    return [hit["title"] for hit in ew("search", "prisoner", "--speaker", speaker, "--json").data["hits"]]


def test_two_keys_of_one_person_are_joined_and_parted_again(ew: Ew, tmp_path: Path) -> None:
    two_keys(tmp_path)
    assert 0 == ew("rename", "a-reed", "--same-as", "anna-reed", "--reason", "one woman").code
    for name in ("anna-reed", "a-reed", "Anna Reed", "A. Reed"):
        assert ["Second", "Round three"] == found(ew, name), name
    (line,) = ew("search", "prisoner", "--count-by", "speaker", "--json").data["counts"]
    assert ("anna-reed", "Anna Reed", 2) == (line["key"], line["label"], line["utterances"])
    ew("rename", "anna-reed", "--to", "Anna Koval", "--reason", "married")
    assert {"Anna Koval"} == speakers(ew)
    assert 0 == ew("rebuild").code
    assert ["Second", "Round three"] == found(ew, "a-reed")
    assert 0 == ew("rename", "a-reed", "--same-as", "a-reed", "--reason", "two sisters").code
    assert (["Second"], ["Round three"]) == (found(ew, "a-reed"), found(ew, "anna-reed"))
    assert {"Anna Koval", "A. Reed"} == speakers(ew)


def test_the_name_of_another_finds_both_and_joins_nobody(ew: Ew, tmp_path: Path) -> None:
    two_keys(tmp_path)
    ew("rename", "a-reed", "--to", "Anna Reed", "--reason", "as everybody calls her")
    assert ["Second", "Round three"] == found(ew, "Anna Reed")
    assert 2 == len(ew("search", "prisoner", "--count-by", "speaker", "--json").data["counts"])


def test_keys_are_not_joined_in_a_circle_nor_to_nobody(ew: Ew, tmp_path: Path) -> None:
    two_keys(tmp_path)
    ew("rename", "a-reed", "--same-as", "anna-reed", "--reason", "one woman")
    for person, other in (("anna-reed", "a-reed"), ("anna-reed", "nobody"), ("nobody", "anna-reed")):
        error = ew("rename", person, "--same-as", other, "--reason", "r").error
        assert isinstance(error, InvalidOption)
        assert other in str(error) or person in str(error)
    assert isinstance(ew("rename", "a-reed", "--reason", "neither").error, InvalidOption)


def test_a_circle_written_by_hand_harms_nobody(ew: Ew, home: Path, tmp_path: Path) -> None:
    two_keys(tmp_path)
    line = {"at": "2026-11-22T12:00:00.000Z", "by": "hand", "reason": "r"}
    pairs = (("a-reed", "anna-reed"), ("anna-reed", "a-reed"), ("olena-koval", "gone"))
    lines = [json.dumps({**line, "person": person, "same_as": other}) for person, other in pairs]
    (home / "people.jsonl").write_text("\n".join(lines) + "\n")
    assert 2 == len(ew("search", "prisoner", "--json").data["hits"])
    assert 1 == len(ew("search", "полонених", "--speaker", "olena-koval", "--json").data["hits"])
