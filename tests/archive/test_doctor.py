"""What `everyword doctor` says of the archive."""

from pathlib import Path

import pytest

from archive import doctor
from archive.index.schema import open_archive
from everyword import config, folder
from everyword.config import Settings
from everyword.diagnosis import Diagnosis


@pytest.fixture
def settings(home: Path) -> Settings:
    home.mkdir()
    return config.load({"EVERYWORD_HOME": str(home)}).settings


def found(settings: Settings, part: str) -> list[Diagnosis]:
    return [one for one in doctor.examine(settings) if one.part == part]


def test_no_archive_yet_is_no_fault_and_none_is_made(settings: Settings) -> None:
    assert [True] == [one.is_well for one in found(settings, "archive")]
    assert [] == list(settings.home.iterdir())


def test_the_sessions_of_an_archive_are_counted(settings: Settings) -> None:
    with open_archive(settings.home / "archive.db"):
        pass
    (one,) = found(settings, "archive")
    assert f"The archive {settings.home}/archive.db holds 0 session(s)." == one.sentence


def test_a_damaged_archive_comes_with_the_way_out(settings: Settings) -> None:
    (settings.home / "archive.db").write_bytes(b"no database at all, but long enough to be read" * 10)
    (one,) = found(settings, "archive")
    assert not one.is_well
    assert one.hint


def test_a_disk_with_sessions_that_is_not_connected_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    folder.remember_root(settings.home, tmp_path / "stick")
    (tmp_path / "stick").rmdir()
    (one,) = found(settings, "sessions")
    assert (False, f"{tmp_path}/stick, where sessions were recorded, is not there.") == (one.is_well, one.sentence)
