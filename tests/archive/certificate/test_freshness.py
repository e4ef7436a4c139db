"""What was seen before, and what no program can see: the limits, as facts."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from archive.certificate import bundle, certify
from everyword import checker
from everyword.checker import Trust
from everyword.keys import KeySigner
from tests.archive import builders
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Issued, check, outcome


def test_an_older_certificate_is_told_from_the_newest_that_was_seen(issued: Issued, tmp_path: Path) -> None:
    old = forge.issue(tmp_path / "case")
    seen = old.trust._replace(seen=tmp_path / "seen.json")
    builders.correct(old.folder, 1, to="We discussed it.")
    builders.review_all(old.folder)
    new = forge.certified(old.folder, old.entry, old.signer, home=old.home)
    path = bundle.write(old.folder, new, to=tmp_path / "out")
    assert [0, 0, 4] == [outcome(check(one, seen)) for one in (old.bundle, path, old.bundle)]
    assert 0 == outcome(check(old.bundle, old.trust))


def test_two_certificates_with_one_revision_are_noticed(issued: Issued, path: Path, tmp_path: Path) -> None:
    seen = issued.trust._replace(seen=tmp_path / "seen.json")
    assert 0 == outcome(check(issued.bundle, seen))
    assert isinstance(issued.signer, KeySigner)
    for name in ("manifest.sig.tsr", "TIME.txt", "tsa-chain.pem"):
        (path / "certificate" / name).unlink()
    forge.resign(path, issued.signer, time="none", certified_at_us=1)
    assert 0 == outcome(check(path, issued.trust))
    assert any("made two" in one.sentence for one in check(path, seen) if one.outcome == "fail")


def test_an_archive_that_was_set_back_is_noticed(issued: Issued, tmp_path: Path) -> None:
    case = forge.issue(tmp_path / "case")
    backup = shutil.copytree(case.home, tmp_path / "backup")
    seen = case.trust._replace(seen=tmp_path / "seen.json")
    for _ in range(2):
        forge.certified(case.folder, case.entry, case.signer, home=case.home)
    newest = bundle.write(case.folder, _newest(case), to=tmp_path / "new")
    assert 0 == outcome(check(newest, seen))
    shutil.rmtree(case.home)
    shutil.copytree(backup, case.home)
    other = forge.a_session(tmp_path / "other", seconds=9)
    shutil.copytree(other.path, case.home / "sessions" / other.path.name)
    forked = forge.certified(other, case.entry, case.signer, home=case.home)
    path = bundle.write(other, forked, to=tmp_path / "forked")
    assert any("set back" in one.sentence for one in check(path, seen) if one.outcome == "fail")


def test_a_ledger_that_forked_after_a_restored_backup_is_noticed(issued: Issued, tmp_path: Path) -> None:
    case = forge.issue(tmp_path / "case")
    backup = case.folder.ledger.read_bytes()
    seen = case.trust._replace(seen=tmp_path / "seen.json")
    builders.correct(case.folder, 1, to="We discussed nothing.")
    newest = forge.certified(case.folder, case.entry, case.signer, home=case.home)
    assert 0 == outcome(check(bundle.write(case.folder, newest, to=tmp_path / "new"), seen))
    case.folder.ledger.write_bytes(backup)
    builders.correct(case.folder, 1, to="We discussed everything.")
    builders.correct(case.folder, 2, to="…")
    forked = forge.certified(case.folder, case.entry, case.signer, home=case.home)
    path = bundle.write(case.folder, forked, to=tmp_path / "forked")
    assert 0 == outcome(check(path, case.trust))
    assert any("removed or exchanged" in one.sentence for one in check(path, seen) if one.outcome == "fail")


# What no program can see: tested as documentation


def test_whoever_holds_the_key_and_asked_for_no_time_stamp_can_sign_something_else(issued: Issued, path: Path) -> None:
    assert isinstance(issued.signer, KeySigner)
    for name in ("manifest.sig.tsr", "TIME.txt", "tsa-chain.pem"):
        (path / "certificate" / name).unlink()
    forge.resign(path, issued.signer, time="none", certified_at_us=1)
    assert 0 == outcome(check(path, issued.trust))


def test_without_a_memory_an_old_certificate_passes_and_says_that_freshness_was_not_checked(issued: Issued, path: Path) -> None:
    findings = check(path, issued.trust)
    assert 0 == outcome(findings)
    assert any("Freshness was not checked" in one.sentence for one in findings)


def test_a_trusted_time_authority_is_needed_for_a_time_stamp_to_pass(issued: Issued, path: Path) -> None:
    findings = check(path, Trust(issued.trust.fingerprints))
    assert [("unknown", "certificate/manifest.sig.tsr")] == [one[1:3] for one in findings if one.outcome != "pass"]


def _newest(case: Issued) -> certify.Certificate:
    return certify.read(case.folder)


def test_the_certificate_of_another_revision_does_not_fit(tmp_path: Path) -> None:
    """Both are good, each for its own text."""
    case = forge.issue(tmp_path / "case")
    builders.correct(case.folder, 1, to="We discussed nothing.")
    newest = forge.certified(case.folder, case.entry, case.signer, home=case.home)
    path = bundle.write(case.folder, newest, to=tmp_path / "new")
    shutil.rmtree(path / "certificate")
    shutil.copytree(case.bundle / "certificate", path / "certificate")
    forge.retag(path)
    assert 4 == outcome(check(path, case.trust))


def test_a_forgery_is_not_remembered(issued: Issued, path: Path, tmp_path: Path) -> None:
    """Otherwise a stranger's revision 99 would make the true certificate look out of date ever after."""
    seen = issued.trust._replace(seen=tmp_path / "seen.json")
    for name in ("manifest.sig.tsr", "TIME.txt", "tsa-chain.pem"):
        (path / "certificate" / name).unlink()
    forge.resign(path, KeySigner(ec.generate_private_key(ec.SECP256R1())), time="none", revision=99)
    assert 0 != outcome(check(path, seen))
    assert 0 == outcome(check(issued.bundle, seen))


def test_a_changed_bundle_is_not_remembered(issued: Issued, path: Path, tmp_path: Path) -> None:
    (path / "data/transcript/transcript.txt").write_bytes(b"else")
    assert 4 == outcome(check(path, issued.trust._replace(seen=tmp_path / "seen.json")))
    assert not (tmp_path / "seen.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b'{"a":1}', None])
def test_a_memory_that_is_none_is_the_readers_slip_and_no_failure(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / ("missing/seen.json" if content is None else "seen.json")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        checker.check_trust(checker.Trust(seen=path))


def test_an_authority_that_is_no_file_is_the_readers_slip(issued: Issued, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(FileNotFoundError):
        checker.check_trust(checker.Trust(time_authorities=(tmp_path / "none.pem",)))
    with pytest.raises(ValueError, match="no certificate"):
        checker.check_trust(checker.Trust(authorities=(tmp_path / "empty.pem",)))
    assert 1 == checker.main([str(issued.bundle), "--tsa-ca", str(tmp_path / "none.pem"), "--quiet"])


def test_what_cannot_be_remembered_is_unknown(issued: Issued, tmp_path: Path) -> None:
    (tmp_path / ".seen.json.new").mkdir()
    findings = check(issued.bundle, issued.trust._replace(seen=tmp_path / "seen.json"))
    assert (3, ["seen.json"]) == (outcome(findings), [one.subject for one in findings if one.outcome != "pass"])
