"""One certified session for all tests of this package: nobody writes into it."""

from pathlib import Path

import pytest

from tests.archive.certificate.issued import Issued, issue


@pytest.fixture(scope="session")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    """Level C, two segments of two channels, one correction, a time stamp."""
    return issue(tmp_path_factory.mktemp("issued"))


@pytest.fixture
def path(issued: Issued, tmp_path: Path) -> Path:
    """A copy of its bundle, to tamper with."""
    return issued.copy(tmp_path)
