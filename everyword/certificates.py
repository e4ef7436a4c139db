"""Certificates where they were made: in ``certificates/`` of their session's folder.

Each is a bundle without the session itself.  `SessionStore` puts the two together, so that `everyword.checker` sees the whole.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from everyword import checker, keys
from everyword.checker import Trust
from everyword.digest import parse_canonical
from everyword.errors import EverywordError
from everyword.folder import SessionFolder
from everyword.model import Finding


class NoBundle(EverywordError):
    """There is nothing that could be checked."""

    code = "no-bundle"
    default_hint = "Give the folder or zip file that holds bagit.txt and certificate/."


class SessionStore:
    """A certificate's files, and those of its session as they were certified: of the ledger only the lines it covers."""

    def __init__(self, folder: SessionFolder, path: Path) -> None:
        own = checker.Folder(path)
        self.path = path
        self.sizes = dict(own.sizes)
        self._session: dict[str, Path] = {}
        manifest = parse_canonical((path / "certificate" / "manifest.json").read_bytes(), what=f"{path.name}/manifest.json")
        covered = manifest.get("ledger")
        self._ledger_bytes = covered["bytes"] if isinstance(covered, dict) and isinstance(covered.get("bytes"), int) else 0
        for name in checker.read_listing((path / "manifest-sha256.txt").read_bytes()):
            short = Path(name.removeprefix(checker.SESSION))
            place = folder.path / short
            if name.startswith(checker.SESSION) and ".." not in short.parts and place.is_file() and not place.is_symlink():
                size = place.stat().st_size
                self._session[name] = place
                self.sizes[name] = min(size, self._ledger_bytes) if place == folder.ledger else size
        listing = {name: checker.digest((path / name).read_bytes()) for name in own.sizes if not name.startswith("data/")}
        self._tagmanifest = checker.write_listing(listing)
        self.sizes["tagmanifest-sha256.txt"] = len(self._tagmanifest)

    def open(self, name: str) -> BinaryIO:
        """A file, for reading in pieces."""
        if name == "tagmanifest-sha256.txt":
            return BytesIO(self._tagmanifest)
        if name == f"{checker.SESSION}ledger.jsonl" and name in self._session:
            return BytesIO(self._session[name].read_bytes()[: self._ledger_bytes])
        return self._session.get(name, self.path / name).open("rb")

    def strangeness(self) -> str:
        """What a folder cannot have: bytes that no file shows."""
        return ""


def verify_certificates(folder: SessionFolder, trust: Trust) -> Iterator[Finding]:
    """Every certificate of a session, whose seal, journal and sound have been checked; the subjects begin with its name."""
    place = folder.path / "certificates"
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        subject = f"certificates/{path.name}"
        if path.name.startswith("."):
            yield Finding("integrity", "unknown", subject, "A certificate was not finished: it is no part of the record.")
        elif not re.fullmatch(r"c\d{3,}", path.name) or not path.is_dir():
            yield Finding("integrity", "fail", subject, "It is no certificate: nothing vouches for it.")
        else:
            yield from _verify(folder, path, trust)


def is_bundle(path: Path) -> bool:
    """Whether a path leads to a bundle rather than to a session; an empty bag or a broken zip file is one, too."""
    if path.is_dir():
        return not (path / "session.json").exists() and ((path / "bagit.txt").exists() or (path / "certificate").is_dir())
    return path.is_file() and path.suffix == ".zip"


def verify_bundle(path: Path, trust: Trust, *, redraw: "checker.Redraw | None" = None) -> Iterator[Finding]:
    """`checker.verify` with the quicker signatures of ``cryptography``.  Raises `NoBundle`."""
    try:
        for finding in checker.verify(path, trust, fits=keys.is_signed, redraw=redraw):
            yield converted(finding)
    except checker.NotABundle as error:
        raise NoBundle(f"{path} holds nothing that could be checked.") from error


def converted(finding: checker.Finding, *, under: str = "") -> Finding:
    """The finding as the rest of Everyword knows it."""
    verdict, outcome, subject, sentence = finding
    return Finding(
        "completeness" if verdict == "completeness" else "integrity",
        "pass" if outcome == "pass" else "unknown" if outcome == "unknown" else "fail",
        f"{under}{subject}",
        sentence,
    )


def _verify(folder: SessionFolder, path: Path, trust: Trust) -> Iterator[Finding]:
    try:
        store = SessionStore(folder, path)
    except checker.Malformed as error:
        yield Finding("integrity", "fail", f"certificates/{path.name}/{error.subject}", error.sentence)
        return
    except (EverywordError, OSError, ValueError) as error:
        yield Finding("integrity", "fail", f"certificates/{path.name}", str(error))
        return
    for finding in checker.verify_beside_session(store, trust, fits=keys.is_signed):
        if finding.verdict == "integrity":
            yield converted(finding, under=f"certificates/{path.name}/")
