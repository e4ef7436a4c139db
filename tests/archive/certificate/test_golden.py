"""Bundles of every format ever released are verified for ever: by the newest program and by the one that travels in them."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from everyword import checker
from everyword.checker import Trust
from tests.archive.certificate.issued import check, outcome
from tests.helpers import DATA

BUNDLES = sorted((DATA / "bundles").glob("*/*.zip"))
IN_2045 = 2_366_841_600.0


def given(path: Path) -> Trust:
    """What a stranger was given beside the bundle."""
    fingerprint = json.loads((path.parent / "given.json").read_bytes())["fingerprint"]
    return Trust(frozenset([fingerprint]), time_authorities=(path.parent / "authority.pem",))


def name(path: Path) -> str:
    """For the test's name."""
    return f"{path.parent.name}-{path.stem}"


def test_there_are_bundles_of_every_kind() -> None:
    assert {"certificate", "excerpt", "redacted"} <= {path.stem for path in BUNDLES}


@pytest.mark.parametrize("path", BUNDLES, ids=name)
def test_the_newest_program_verifies_it(path: Path) -> None:
    findings = check(path, given(path))
    assert (0, []) == (outcome(findings), [one for one in findings if one.outcome != "pass"])


@pytest.mark.parametrize("path", BUNDLES, ids=name)
def test_the_program_in_it_verifies_it(path: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(path, tmp_path)
    (bundle,) = tmp_path.iterdir()
    arguments = ["--fingerprint", *given(path).fingerprints, "--tsa-ca", str(path.parent / "authority.pem")]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(bundle / "verify.py"), *arguments], capture_output=True, text=True, check=False
    )
    assert (0, "VERIFIED") == (done.returncode, done.stdout.splitlines()[-1]), done.stdout


@pytest.mark.parametrize("path", BUNDLES, ids=name)
def test_it_verifies_in_2045(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: IN_2045)
    assert 0 == outcome(check(path, given(path)))


@pytest.mark.parametrize("path", BUNDLES, ids=name)
def test_one_changed_byte_in_the_middle_is_noticed(path: Path, tmp_path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / path.name).write_bytes(data)
    assert outcome(list(checker.verify(tmp_path / path.name, given(path)))) in (3, 4)
