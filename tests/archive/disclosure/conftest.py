"""A redacted copy with pages, for the tests of this package: nobody writes into it."""

from pathlib import Path

import pytest

from archive.disclosure.selection import Hide, read_text, with_phrase
from archive.record import read_record
from tests.archive.certificate.issued import Issued
from tests.archive.disclosure.copies import redact


@pytest.fixture(scope="session")
def drawn(issued: Issued, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two phrases in two languages and one speaker are hidden."""
    text = read_text(read_record(issued.folder), issued.certificate)
    hides = [*with_phrase(text, "PROMISED to us, Minister"), *with_phrase(text, "обмін полонених"), Hide(2, is_speaker=True)]
    return redact(issued, hides, to=tmp_path_factory.mktemp("drawn"))
