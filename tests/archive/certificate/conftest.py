"""What the tests of this package tamper with."""

from pathlib import Path

import pytest

from tests.archive.certificate.issued import Issued


@pytest.fixture
def path(issued: Issued, tmp_path: Path) -> Path:
    """A copy of the certified session's bundle, to tamper with."""
    return issued.copy(tmp_path)
