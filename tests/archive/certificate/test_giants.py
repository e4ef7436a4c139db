"""Files that are much too large, and JSON that is much too deep: refused before they are read, never a hang."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import IO

import pytest

from everyword import checker
from everyword.digest import digest
from tests.archive.certificate.issued import Issued, check, outcome, restate
from tests.archive.certificate.test_mutations import LONGEST_S, Mutated, no_longer_than
from tests.everyword.sessions import lines_of, rechain

WHOLE = (
    "certificate/manifest.json",
    "certificate/manifest.sig",
    "certificate/manifest.sig.tsr",
    "certificate/signer.pub.pem",
    "data/session/seal.json",
    "data/transcript/transcript.json",
    "data/transcript/linemap.csv",
    "manifest-sha256.txt",
)


class Giant(Mutated):
    """One of the files says that it has a hundred gigabytes; whoever reads it fails the test."""

    def __init__(self, issued: Issued, name: str) -> None:
        super().__init__(issued.bundle)
        self.name = name

    @property
    def sizes(self) -> dict[str, int]:
        """As `checker.Folder` would have them."""
        return super().sizes | {self.name: 100_000_000_000}

    def open(self, name: str) -> IO[bytes]:
        """Anything but the giant."""
        if name == self.name:
            return Endless()
        return BytesIO(self.files[name])


class Endless(BytesIO):
    """Gives no end of zeros in pieces, and refuses to be read at once."""

    def read(self, size: int | None = -1) -> bytes:
        """No more than a piece."""
        assert size is not None
        assert 0 <= size <= checker.PIECE
        return b""


@pytest.mark.parametrize("name", WHOLE)
def test_a_giant_is_refused_and_not_read_into_memory(name: str, issued: Issued) -> None:
    findings = list(checker.verify_store(Giant(issued, name), issued.trust))
    assert 4 == outcome(findings)


def test_a_line_without_end_is_refused(issued: Issued) -> None:
    store = Mutated(issued.bundle)
    store.files["data/session/ledger.jsonl"] = b"{" * (checker.LARGEST_LINE + 5)
    assert 4 == outcome(list(checker.verify_store(store, issued.trust)))


def of_streams(**lie: object) -> Callable[[Path], None]:
    """The journal with another stream, chained anew as anybody can."""

    def tamper(path: Path) -> None:
        journal = path / "data/session/journal.jsonl"
        lines = [{**line, **(lie if line["kind"] == "stream" else {})} for line in lines_of(journal)]
        rechain(journal, lines, genesis=digest((path / "data/session/session.json").read_bytes()))

    return tamper


def of_segments(**lie: object) -> Callable[[Path], None]:
    """The journal with other segments."""

    def tamper(path: Path) -> None:
        journal = path / "data/session/journal.jsonl"
        lines = [{**line, **(lie if line["kind"] == "segment" else {})} for line in lines_of(journal)]
        rechain(journal, lines, genesis=digest((path / "data/session/session.json").read_bytes()))

    return tamper


@pytest.mark.parametrize(
    "tamper",
    [
        of_streams(channels=10**12),
        of_streams(channels=0),
        of_streams(channels=-1),
        of_streams(rate_hz=0),
        of_streams(rate_hz=10**15),
        of_streams(channels="2"),
        of_segments(frame_count=10**15),
        of_segments(frame_count=-5),
        of_segments(first_frame=10**15),
    ],
)
def test_a_journal_of_impossible_numbers_fails_at_once(tamper: Callable[[Path], None], path: Path, issued: Issued) -> None:
    tamper(path)
    restate(path)
    with no_longer_than(LONGEST_S):
        assert 4 == outcome(check(path, issued.trust))
