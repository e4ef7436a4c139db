"""Redacted copies, and what their maker can do to one afterwards."""

from collections.abc import Sequence
from pathlib import Path

from archive.certificate import certify
from archive.disclosure import disclose
from archive.disclosure.selection import Hide, numbered
from archive.record import read_record
from everyword import checker
from everyword.digest import canonical, parse_canonical
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Issued


def redact(issued: Issued, hides: Sequence[Hide], *, to: Path, formats: Sequence[str] = ("pdf", "docx")) -> Path:
    """A redacted copy without sound."""
    return disclose.redact(
        read_record(issued.folder),
        certify.read(issued.folder),
        numbered(hides, reason="safety of a witness", authority="the chair"),
        with_sound=False,
        entry=issued.entry,
        signer=issued.signer,
        to=to,
        formats=formats,
    )


def sign_again(path: Path, issued: Issued) -> None:
    """What the discloser can do."""
    forge.relist(path)
    place, listing = path / "certificate" / "disclosure.json", (path / "manifest-sha256.txt").read_bytes()
    names = checker.read_listing(listing)
    size = sum((path / name).stat().st_size for name in names)
    payload = {"digest": checker.digest(listing), "files": len(names), "bytes": size}
    raw = canonical({**parse_canonical(place.read_bytes(), what="x"), "payload": payload})
    place.write_bytes(raw)
    (path / "certificate" / "disclosure.sig").write_bytes(issued.signer.sign(raw))
    forge.retag(path)
