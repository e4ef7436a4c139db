"""The seal, and what a stranger with a bare shell makes of it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from everyword import keys
from everyword.digest import digest, file_digest, parse_canonical
from everyword.errors import DiskTrouble
from everyword.folder import SessionFolder
from everyword.recording import read_recording
from everyword.seal import completeness, read_sums, roots_of, sealed_files, write_seal, write_sums
from tests.everyword.sessions import Case
from tests.helpers import a_session, tone

needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("sha256sum", "openssl", "sh")), reason="sha256sum or openssl is not installed"
)


def _follow_the_readme(case: Case) -> bool:
    """Do the four steps of README.txt in a shell that has nothing but common tools; True when a reader would be satisfied."""
    steps = re.findall(r"^  \d\.  (.+)$", (case.path / "README.txt").read_text(), re.MULTILINE)
    assert 4 == len(steps)
    done = [
        subprocess.run(
            ["sh", "-c", step], cwd=case.path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
        )
        for step in steps
    ]
    every_line_is_ok = done[0].returncode == 0 and all(line.endswith(": OK") for line in done[0].stdout.splitlines())
    number_is_in_the_seal = f'"sha256sums":"sha256:{done[1].stdout.split()[0]}"' in case.folder.seal.read_text()
    fingerprint = keys.fingerprint(keys.public_pem(case.key)).removeprefix("sha256:")
    return (
        every_line_is_ok
        and number_is_in_the_seal
        and "Verified OK\n" == done[2].stdout
        and [fingerprint] == done[3].stdout.split()[:1]
    )


@needs_tools
def test_a_bare_shell_is_satisfied_by_an_intact_session(case: Case) -> None:
    assert _follow_the_readme(case)


def _flip_sound(case: Case) -> None:
    path = case.folder.segment(1, 0)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)


def _flip_sound_and_regenerate_sums(case: Case) -> None:
    _flip_sound(case)
    case.folder.sums.unlink()
    write_sums(case.folder, {})


def _edit_the_seal_too(case: Case) -> None:
    before = digest(case.folder.sums.read_bytes())
    _flip_sound_and_regenerate_sums(case)
    after = digest(case.folder.sums.read_bytes())
    case.folder.seal.write_text(case.folder.seal.read_text().replace(before, after))


def _sign_that_with_another_key(case: Case) -> None:
    _edit_the_seal_too(case)
    key = ec.generate_private_key(ec.SECP256R1())
    case.folder.seal_key.write_bytes(keys.public_pem(key))
    case.folder.seal_signature.write_bytes(keys.sign(key, case.folder.seal.read_bytes()))


def _remove_a_segment(case: Case) -> None:
    case.folder.segment(1, 1).unlink()


def _swap_segments(case: Case) -> None:
    one, other = case.folder.segment(1, 0), case.folder.segment(1, 1)
    one.rename(case.path / "x")
    other.rename(one)
    (case.path / "x").rename(other)


def _edit_the_journal(case: Case) -> None:
    case.folder.journal.write_bytes(case.folder.journal.read_bytes().replace(b"imported", b"recorded"))


@needs_tools
@pytest.mark.parametrize(
    "tamper",
    [
        _flip_sound,
        _flip_sound_and_regenerate_sums,
        _edit_the_seal_too,
        _sign_that_with_another_key,
        _remove_a_segment,
        _swap_segments,
        _edit_the_journal,
    ],
)
def test_a_bare_shell_is_not_satisfied_by_a_tampered_session(case: Case, tamper: Callable[[Case], None]) -> None:
    tamper(case)
    assert not _follow_the_readme(case)


@needs_tools
def test_sha256sum_reads_names_with_line_breaks_and_backslashes_as_we_do(tmp_path: Path) -> None:
    names = ["a\nb", "c\\d", "e\\nf", "g\rh", "  i", "Ё", "\\"]
    for name in names:
        (tmp_path / name).write_text(name)
    folder = SessionFolder(tmp_path)
    write_sums(folder, {})
    assert {name: file_digest(tmp_path / name) for name in names} == read_sums(folder)
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False)
    assert 0 == done.returncode, done.stderr


def test_a_seal_says_what_the_format_says(case: Case) -> None:
    seal = parse_canonical(case.folder.seal.read_bytes(), what="seal.json")
    recording = read_recording(case.folder)
    assert [
        "completeness",
        "everyword_seal",
        "journal",
        "origin",
        "roots",
        "salts",
        "sealed_at_us",
        "session",
        "session_json",
        "sha256sums",
        "signer",
        "software",
    ] == sorted(seal)
    assert (roots_of(recording), completeness(recording)) == (seal["roots"], seal["completeness"])
    assert (case.folder.genesis(), "imported") == (seal["session_json"], seal["origin"])


def test_roots_have_their_counts_of_leaves(case: Case) -> None:
    found = [(root["stream"], root["channel"], root["track"], root["leaves"]) for root in roots_of(read_recording(case.folder))]
    assert [(1, 0, 1, 62), (1, 1, 2, 62)] == found


def test_every_file_older_than_the_seal_is_listed_with_its_digest(case: Case) -> None:
    listed = read_sums(case.folder)
    assert {"README.txt", "session.json", "journal.jsonl", "salts.key", "seal.pub.pem", "source/001-talks.wav"} < listed.keys()
    assert {name: file_digest(case.path / name) for name in sealed_files(case.path)} == listed


def test_what_an_attempt_left_behind_is_replaced(tmp_path: Path) -> None:
    folder = a_session(tmp_path, tone(tmp_path / "t.wav", seconds=1, rate_hz=1000))
    folder.seal_signature.unlink()
    recording, key = read_recording(folder), keys.device_key(tmp_path / "home")
    assert recording.last is not None
    head = digest(folder.journal.read_bytes().splitlines()[-1])
    write_seal(recording, origin="imported", roots=roots_of(recording), journal_head=head, key=key, known_digests={})
    assert ("pass", "pass") == Case(tmp_path / "home", folder).verdicts()


def test_a_sealed_session_is_not_sealed_again(case: Case) -> None:
    recording = read_recording(case.folder)
    with pytest.raises(DiskTrouble, match=r"seal\.sig cannot be written: File exists"):
        write_seal(recording, origin="imported", roots=[], journal_head="", key=case.key, known_digests={})
