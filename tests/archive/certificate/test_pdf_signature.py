"""The signature inside a bundle's PDF, as the verifier that travels reads it, with nothing but Python's own library."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from archive import pages
from archive.certificate import bundle, timestamp
from archive.pages.signature import UnsignedPdf, check_pdf
from everyword import checker, keys
from everyword.checker import Finding
from everyword.keys import KeySigner
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Issued, check, outcome
from tests.archive.certificate.test_mutations import Mutated

PDF = "data/transcript/transcript.pdf"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    """A bundle with a PDF whose own signature is stamped, too."""
    tmp_path = tmp_path_factory.mktemp("printed")
    folder, home, authority = forge.a_session(tmp_path, seconds=9), tmp_path / "home", forge.Authority(tmp_path / "authority")
    entry, signer = forge.a_key(home)
    with authority.served() as address:
        made = forge.certified(
            folder,
            entry,
            signer,
            home=home,
            has_authority=True,
            formats=("pdf",),
            pdf_authority=timestamp.pdf_authority(address),
        )
    forge.stamp(folder, authority, home=home)
    return Issued(home, folder, entry, signer, made, bundle.write(folder, made, to=tmp_path / "out"), authority)


@pytest.fixture
def path(printed: Issued, tmp_path: Path) -> Path:
    """A copy of it, to tamper with."""
    return printed.copy(tmp_path)


def put(path: Path, printed: Issued, pdf: bytes) -> list[Finding]:
    """What is said of the bundle with another PDF, for which its signer has signed everything else anew."""
    (path / PDF).write_bytes(pdf)
    for name in ("manifest.sig.tsr", "TIME.txt", "tsa-chain.pem"):
        (path / "certificate" / name).unlink()
    assert isinstance(printed.signer, KeySigner)
    forge.resign(path, printed.signer, time="none")
    return [one for one in check(path, printed.trust) if one.subject == PDF]


def stranger(pdf: bytes) -> bytes:
    """The document signed by somebody else under the same name."""
    signer = KeySigner(ec.generate_private_key(ec.SECP256R1()))
    return pages.sign_pdf(pdf, signer=signer, certificate=keys.self_signed(signer, name="Anna Reed"), name="Anna Reed")


def unsigned(pdf: bytes) -> bytes:
    """The bytes before the signature was appended."""
    return pdf[: pdf.index(b"%%EOF") + 5] + b"\n"


def test_a_whole_bundle_says_that_signature_and_time_stamp_inside_are_good(printed: Issued) -> None:
    findings = check(printed.bundle, printed.trust)
    assert (0, ["pass", "pass"]) == (outcome(findings), [one.outcome for one in findings if one.subject == PDF])


def test_it_is_said_in_the_session_folder_too(printed: Issued) -> None:
    from everyword.verify import verify_session

    subject = f"certificates/c001/{PDF}"
    findings = verify_session(
        printed.folder, trusted=[printed.entry.holder.public_key], time_authorities=[printed.authority.root]
    )
    assert ["pass", "pass"] == [one.outcome for one in findings if one.subject == subject]


def test_changed_bytes_under_the_signature_fail_though_all_else_was_signed_anew(printed: Issued, path: Path) -> None:
    pdf = (path / PDF).read_bytes().replace(b"/Producer", b"/Qroducer", 1).replace(b"%PDF-1.7", b"%PDF-1.6", 1)
    assert pdf != (path / PDF).read_bytes()
    assert ["fail"] == [one.outcome for one in put(path, printed, pdf) if "changed" in one.sentence]


def test_a_pdf_signed_by_another_key_fails_though_all_else_was_signed_anew(printed: Issued, path: Path) -> None:
    (finding,) = put(path, printed, stranger(unsigned((path / PDF).read_bytes())))
    assert ("fail", "The signature inside is not by the key that signed the statement.") == (finding.outcome, finding.sentence)


def test_a_second_signature_by_a_stranger_fails(printed: Issued, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.pages.signature.FIELD", "Another")
    (finding,) = put(path, printed, stranger((path / PDF).read_bytes()))
    assert "fail" == finding.outcome


@pytest.mark.parametrize("more", [b"\n", b"\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"])
def test_bytes_behind_the_signature_fail(more: bytes, printed: Issued, path: Path) -> None:
    (finding,) = put(path, printed, (path / PDF).read_bytes() + more)
    assert ("fail", True) == (finding.outcome, "whole file" in finding.sentence)


def test_a_pdf_without_a_signature_is_said_to_have_none(printed: Issued, path: Path) -> None:
    (finding,) = put(path, printed, unsigned((path / PDF).read_bytes()))
    assert ("pass", True) == (finding.outcome, "no signature of its own" in finding.sentence)


def test_the_time_stamp_inside_of_something_else_fails(printed: Issued, path: Path) -> None:
    with printed.authority.served() as address:
        wrong = pages.sign_pdf(
            unsigned((path / PDF).read_bytes()),
            signer=printed.signer,
            certificate=keys.self_signed(printed.signer, name="Anna Reed"),
            name="Anna Reed",
            tsa=lambda _: timestamp.pdf_authority(address)(bytes(32)),
        )
    assert ["pass", "fail"] == [one.outcome for one in put(path, printed, wrong)]


def test_a_time_stamp_inside_by_an_unknown_authority_is_unknown(printed: Issued) -> None:
    findings = check(printed.bundle, printed.trust._replace(time_authorities=()))
    assert ["pass", "unknown"] == [one.outcome for one in findings if one.subject == PDF]


def test_whatever_is_flipped_under_the_signature_both_readers_notice(printed: Issued) -> None:
    """Pyhanko and ours share no code.  Some bits of the signature itself nothing signs: the bundle's list covers them."""
    whole = (printed.bundle / PDF).read_bytes()
    first, last = whole.rindex(b"/Contents <") + 10, whole.rindex(b"0>") + 2
    store, accepted = Mutated(printed.bundle), []
    made = checker.Bundle(store, printed.trust, keys.is_signed, {}, b"", {PDF: ""})
    for place in random.Random(1).sample([*range(first), *range(last, len(whole))], 150):
        store.files[PDF] = bytes([*whole[:place], whole[place] ^ 1, *whole[place + 1 :]])
        ours = all(one.outcome == "pass" and "no signature" not in one.sentence for one in checker.check_pdfs(made))
        accepted += [place] if ours or is_accepted(store.files[PDF]) else []
    assert [] == accepted


def is_accepted(pdf: bytes) -> bool:
    """What pyhanko says."""
    try:
        found = check_pdf(pdf)
    except UnsignedPdf:
        return False
    return found.is_intact and found.covers_file


@pytest.mark.parametrize(
    ("written", "instead"), [(b"/SigFlags 3", b"/SigFlags ."), (b"/Fields [", b"/Fields <"), (b"%PDF", b"%PDX")]
)
def test_a_pdf_that_cannot_be_parsed_has_no_signature_that_could_be_read(printed: Issued, written: bytes, instead: bytes) -> None:
    whole = (printed.bundle / PDF).read_bytes()
    assert written in whole
    with pytest.raises(UnsignedPdf):
        check_pdf(whole.replace(written, instead))


@pytest.mark.parametrize("place", ["in the token", "in the signature", "in the padding"])
def test_a_flipped_bit_of_the_signature_itself_is_noticed(place: str, printed: Issued, path: Path) -> None:
    pdf = (path / PDF).read_bytes()
    first, last = pdf.rindex(b"/Contents <") + 11, pdf.rindex(b"0>")
    at = {"in the token": first + 5000, "in the signature": first + 1200, "in the padding": last - 40}[place]
    changed = pdf[:at] + (b"1" if pdf[at : at + 1] != b"1" else b"2") + pdf[at + 1 :]
    assert {"pass"} != {one.outcome for one in put(path, printed, changed)}


@pytest.mark.parametrize(
    "change",
    [
        lambda pdf: bytes([*pdf[:2000], pdf[2000] ^ 1, *pdf[2001:]]),
        unsigned,
        stranger,
        lambda pdf: pdf + b"\n",
        lambda pdf: pdf[: len(pdf) // 2],
        lambda pdf: b"",
        lambda pdf: b"<html>Not found</html>",
    ],
    ids=["a bit", "unsigned", "signed by a stranger", "bytes behind it", "cut off", "empty", "a web page"],
)
def test_a_pdf_that_was_changed_is_named(change: Callable[[bytes], bytes], printed: Issued, path: Path) -> None:
    pdf = (path / PDF).read_bytes()
    (path / PDF).write_bytes(change(pdf if change is not stranger else unsigned(pdf)))
    forge.relist(path)
    findings = check(path, printed.trust)
    assert 4 == outcome(findings)
    assert [one for one in findings if one.outcome == "fail" and one.subject in (PDF, "manifest-sha256.txt")]
