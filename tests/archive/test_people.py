"""A person is renamed everywhere at once, and nothing is overwritten."""

import json
from pathlib import Path

import pytest

from archive import Archive
from everyword.errors import CorruptFolder, InvalidOption, InvalidText
from tests.archive.builders import NOON_US, TALKS, transcribed
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
