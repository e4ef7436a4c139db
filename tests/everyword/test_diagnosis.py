"""What `everyword doctor` says of Everyword itself, and how it says it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from everyword import config, diagnosis, keys
from everyword.diagnosis import Diagnosis


def found(home: Path, part: str) -> Diagnosis:
    settings = config.load({"EVERYWORD_HOME": str(home)}).settings
    return next(one for one in diagnosis.examine(settings) if one.part == part)


def test_a_folder_that_is_not_there_yet_is_no_fault_and_is_not_made(home: Path) -> None:
    assert found(home, "home").is_well
    assert not home.exists()


def test_a_folder_that_cannot_be_written_comes_with_the_way_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("everyword.diagnosis.os.access", lambda path, mode: False)
    one = found(home, "home")
    assert (False, "Set EVERYWORD_HOME to a folder that you may write to.") == (one.is_well, one.hint)


def test_the_key_is_named_by_its_fingerprint(home: Path) -> None:
    fingerprint = keys.fingerprint(keys.public_pem(keys.device_key(home)))
    assert f"This computer signs with the key {fingerprint}." == found(home, "key").sentence


def test_a_damaged_key_is_told_and_left_as_it_is(home: Path) -> None:
    path = keys.device_key_path(home)
    path.parent.mkdir(parents=True)
    path.write_text("no key")
    assert not found(home, "key").is_well
    assert "no key" == path.read_text()


def test_an_extra_that_is_absent_is_no_fault_and_has_a_hint(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "find_spec", lambda module: None)
    one = found(home, "pdf")
    assert (True, "pip install 'everyword[pdf]'") == (one.is_well, one.hint)


def test_doctor_answers_in_json_and_ends_with_3_when_something_is_not_well(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERYWORD_MODEL", str(tmp_path))  # or the embedded one would be unpacked
    path = keys.device_key_path(home)
    path.parent.mkdir(parents=True)
    path.write_text("no key")
    command = [sys.executable, "-P", "-m", "everyword", "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    states = {one["part"]: one["is_well"] for one in json.loads(done.stdout)["data"]}
    assert (3, False, True) == (done.returncode, states["key"], states["home"])
    assert {"inputs", "clock", "disk", "speech model", "sqlite", "archive"} <= states.keys()
