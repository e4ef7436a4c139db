"""Time stamps: attached without touching a signed byte, and good when every certificate has expired."""

import hashlib
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from archive.certificate import bundle, certify, timestamp
from archive.certificate.timestamp import Query, TimestampFailed, Wanted
from everyword import checker, keys
from everyword.errors import InvalidOption
from everyword.folder import SessionFolder
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Authority, Issued, check, outcome

IN_2045 = 2_366_841_600.0


@pytest.fixture
def case(issued: Issued, tmp_path: Path) -> Issued:
    """The certified session with a second certificate that waits for its time stamp."""
    home = Path(shutil.copytree(issued.home, tmp_path / "home"))
    case = replace(issued, home=home, folder=SessionFolder(home / "sessions" / issued.folder.path.name))
    second = forge.certified(case.folder, case.entry, case.signer, home=home, has_authority=True)
    return replace(case, certificate=second)


def pending(case: Issued) -> Wanted:
    """The one that waits."""
    (one,) = forge.waiting(case.folder)
    return one


def attach(case: Issued, answer: bytes, query: Query | None = None) -> int:
    """As `everyword timestamp` does."""
    return timestamp.attach(pending(case), answer, key=keys.device_key(case.home), by="Test Operator", query=query)


def test_a_certificate_made_offline_waits(case: Issued) -> None:
    states = [(one.name, one.state) for one in timestamp.wanted(case.folder)]
    assert [("seal", "none"), ("c001", "attached"), ("c002", "pending")] == states


def test_no_certificate_needs_a_network(case: Issued, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    made = forge.certified(case.folder, case.entry, case.signer, home=case.home)
    path = bundle.write(case.folder, made, to=tmp_path / "out")
    assert 0 == outcome(check(path, case.trust))


def test_a_token_attached_later_changes_no_signed_byte(case: Issued, tmp_path: Path) -> None:
    before = bundle.write(case.folder, case.certificate, to=tmp_path / "before")
    one = pending(case)
    query = timestamp.request(one)
    attach(case, case.authority.answer(query.der), query)
    after = bundle.write(case.folder, case.certificate, to=tmp_path / "after")
    assert [3, 0] == [outcome(check(path, case.trust)) for path in (before, after)]
    new = {"certificate/manifest.sig.tsr", "certificate/tsa-chain.pem", "certificate/TIME.txt", "tagmanifest-sha256.txt"}
    files = {path.relative_to(after).as_posix(): path for path in after.rglob("*") if path.is_file()}
    assert [] == [name for name, path in files.items() if name not in new and path.read_bytes() != (before / name).read_bytes()]


def test_the_ledger_notes_the_token(case: Issued) -> None:
    from everyword import ledger

    query = timestamp.request(pending(case))
    seconds = attach(case, case.authority.answer(query.der), query)
    line = list(ledger.read(case.folder))[-1]
    assert ("timestamp.attach", "c002", seconds) == (line["kind"], line["object"], line["time_s"])


def test_nothing_but_a_digest_and_a_number_goes_to_the_authority(case: Issued) -> None:
    one = pending(case)
    query = timestamp.request(one)
    assert hashlib.sha256(one.signature.read_bytes()).digest() in query.der
    assert len(query.der) < 80


@pytest.mark.parametrize("drawn", [0, 1, (1 << 62) - 1])
def test_openssl_reads_the_query(case: Issued, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: int) -> None:
    """Whatever number was drawn: DER knows one form of each, and an authority refuses any other."""
    import secrets
    import subprocess

    monkeypatch.setattr(secrets, "randbits", lambda _: drawn)
    (tmp_path / "q.tsq").write_bytes(timestamp.request(pending(case)).der)
    done = subprocess.run(
        ["openssl", "ts", "-query", "-in", tmp_path / "q.tsq", "-text"], capture_output=True, text=True, check=True
    )
    assert "Hash Algorithm: sha256" in done.stdout
    assert "Certificate required: yes" in done.stdout


def test_an_answer_comes_over_http(case: Issued) -> None:
    with case.authority.served() as address:
        query = timestamp.request(pending(case))
        attach(case, timestamp.ask(address, query), query)
    assert [] == forge.waiting(case.folder)


def _other_signature(case: Issued) -> bytes:
    other = replace(pending(case), signature=case.folder.seal_signature)
    return case.authority.answer(timestamp.request(other).der)


def _flipped(case: Issued, query: Query) -> bytes:
    answer = bytearray(case.authority.answer(query.der))
    answer[-5] ^= 1
    return bytes(answer)


def _rejected(case: Issued) -> bytes:
    return case.authority.answer(b"rubbish")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda case, query: b"<html>Please log in</html>", "not a time-stamp token"),
        (lambda case, query: b"", "not a time-stamp token"),
        (lambda case, query: case.authority.answer(query.der)[:300], "not a time-stamp token"),
        (lambda case, query: case.authority.answer(timestamp.request(pending(case)).der), "another nonce"),
        (lambda case, query: _other_signature(case), "something else|another nonce"),
        (_flipped, "does not hold"),
        (lambda case, query: _rejected(case), "refused"),
    ],
    ids=["a web page", "nothing", "cut off", "another nonce", "another imprint", "a bit", "rejection"],
)
def test_a_bad_answer_is_refused_with_its_reason_and_the_certificate_waits_on(answer: object, why: str, case: Issued) -> None:
    query = timestamp.request(pending(case))
    files = sorted(case.certificate.path.rglob("*"))
    with pytest.raises(TimestampFailed, match=why):
        attach(case, answer(case, query), query)  # type: ignore[operator]
    assert files == sorted(case.certificate.path.rglob("*"))
    assert "pending" == pending(case).state


def test_a_token_of_another_imprint_is_refused_without_a_nonce_too(case: Issued) -> None:
    with pytest.raises(TimestampFailed, match="something else"):
        attach(case, _other_signature(case))


def test_a_second_token_is_refused(case: Issued) -> None:
    one = pending(case)
    query = timestamp.request(one)
    answer = case.authority.answer(query.der)
    attach(case, answer, query)
    with pytest.raises(InvalidOption, match="already"):
        timestamp.attach(one, answer, key=keys.device_key(case.home), by="x", query=query)


def test_no_network_is_a_reason(case: Issued) -> None:
    with pytest.raises(TimestampFailed, match="cannot be reached"):
        timestamp.ask("http://127.0.0.1:9/", timestamp.request(pending(case)))


def test_an_address_of_another_kind_is_refused(case: Issued) -> None:
    with pytest.raises(InvalidOption):
        timestamp.ask("file:///etc/passwd", timestamp.request(pending(case)))


def test_the_seal_can_be_stamped_and_is_checked_with_the_session(case: Issued) -> None:
    from everyword.verify import verify_session

    (seal,) = [one for one in timestamp.wanted(case.folder) if one.name == "seal"]
    query = timestamp.request(seal)
    timestamp.attach(seal, case.authority.answer(query.der), key=keys.device_key(case.home), by="x", query=query)
    findings = [
        [one.outcome for one in verify_session(case.folder, trusted=[], time_authorities=roots) if one.subject == "seal.sig.tsr"]
        for roots in ([case.authority.root], [])
    ]
    assert [["pass"], ["unknown"]] == findings


def test_what_became_of_a_request_is_written_down(case: Issued) -> None:
    timestamp.note(case.home, pending(case), "failed", authority="http://x", reason="no network")
    (line,) = timestamp.notes(case.home)
    assert ("c002", "failed", "no network") == (line["object"], line["state"], line["reason"])


# Later


def test_in_2045_with_every_certificate_expired_the_verdict_is_the_same(issued: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root lives ten years, the authority's certificate one: the token is checked as of the moment it was made."""
    today = check(issued.bundle, issued.trust)
    monkeypatch.setattr(time, "time", lambda: IN_2045)
    then = check(issued.bundle, issued.trust._replace(now=IN_2045))
    assert (0, today) == (outcome(then), then)
    (stamp,) = [one.sentence for one in then if one.subject.endswith("manifest.sig.tsr")]
    assert "says that the signature existed at 20" in stamp


def test_the_certificates_would_be_expired_in_2045(issued: Issued) -> None:
    """A test of the test above: without the moment of the token, openssl refuses them."""
    store = checker.open_store(issued.bundle)
    token, signature, chain = (
        checker.read_whole(store, f"certificate/{name}") for name in ("manifest.sig.tsr", "manifest.sig", "tsa-chain.pem")
    )
    root = issued.authority.root.read_bytes()
    assert not checker.token_holds(token, signature, root, chain, int(IN_2045))


def test_a_token_from_the_future_is_unknown(issued: Issued) -> None:
    findings = check(issued.bundle, issued.trust._replace(now=946_684_800.0))
    assert 3 == outcome(findings)
    assert any("future of this computer's clock" in one.sentence for one in findings)


def test_an_authority_nobody_named_is_unknown(issued: Issued, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", name="Another Authority")
    findings = check(issued.bundle, issued.trust._replace(time_authorities=(other.root,)))
    assert (3, ["unknown"]) == (outcome(findings), [one.outcome for one in findings if one.outcome != "pass"])


# Somebody else vouches for the signer


def test_a_signer_is_known_through_an_authority(issued: Issued, tmp_path: Path) -> None:
    from everyword import keyring

    home = Path(shutil.copytree(issued.home, tmp_path / "home"))
    folder = SessionFolder(home / "sessions" / issued.folder.path.name)
    chain = issued.authority.vouch(keyring.request(issued.signer, holder="Anna Reed"))
    entry = keyring.attach(home, "anna", chain)
    assert "vouched for by CN=Test Authority" == entry.identity
    made = forge.certified(folder, entry, issued.signer, home=home)
    path = bundle.write(folder, made, to=tmp_path / "out")
    known, stranger = checker.Trust(authorities=(issued.authority.root,)), checker.Trust()
    assert [0, 3] == [outcome(check(path, trust)) for trust in (known, stranger)]
    other = Authority(tmp_path / "other", name="Another Authority")
    assert 3 == outcome(check(path, checker.Trust(authorities=(other.root,))))
    assert 3 == outcome(check(path, known._replace(now=IN_2045)))


def test_a_vouched_signer_is_still_known_in_2045_if_the_signature_was_stamped(issued: Issued, tmp_path: Path) -> None:
    from everyword import keyring

    home = Path(shutil.copytree(issued.home, tmp_path / "home"))
    folder = SessionFolder(home / "sessions" / issued.folder.path.name)
    entry = keyring.attach(home, "anna", issued.authority.vouch(keyring.request(issued.signer, holder="Anna Reed")))
    made = forge.certified(folder, entry, issued.signer, home=home, has_authority=True)
    forge.stamp(folder, issued.authority, home=home)
    path = bundle.write(folder, made, to=tmp_path / "out")
    root = (issued.authority.root,)
    assert 0 == outcome(check(path, checker.Trust(authorities=root, time_authorities=root, now=IN_2045)))


def test_the_newest_certificate_is_read_by_default(case: Issued) -> None:
    assert "c002" == certify.read(case.folder).name


def test_another_time_in_the_unsigned_status_text_of_a_token_is_not_believed(issued: Issued, tmp_path: Path) -> None:
    """Anybody may add that text to a token, and openssl accepts it: the time must be read where the signature covers it."""
    path = issued.copy(tmp_path)
    place, chain = (path / "certificate" / name for name in ("manifest.sig.tsr", "tsa-chain.pem"))
    reply = place.read_bytes()
    (_, body, _), (_, _, token) = checker.values(checker.values(reply)[0][1])
    told = checker.token_body(reply)
    seconds = checker.token_info(reply)[1]
    year = time.strftime("%Y%m%d", time.gmtime(seconds)).encode()
    info = keys.tagged(0x30, told.replace(year, b"20010101"))
    hidden = bytes.fromhex("060b2a864886f70d0109100104") + keys.tagged(0xA0, keys.tagged(0x04, info))
    status = keys.tagged(0x30, body + keys.tagged(0x30, keys.tagged(0x0C, hidden)))
    forged = keys.tagged(0x30, status + token)
    place.write_bytes(forged)
    forge.retag(path)
    signature = (path / "certificate/manifest.sig").read_bytes()
    assert checker.token_holds(forged, signature, issued.authority.root.read_bytes(), chain.read_bytes(), seconds)
    assert (checker.token_info(reply), b"20010101" in forged) == (checker.token_info(forged), True)
    assert not any("2001-01-01" in one.sentence for one in check(path, issued.trust))
