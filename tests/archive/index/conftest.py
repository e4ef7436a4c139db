"""An archive of its own for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from archive.index.schema import FILE_NAME, open_archive


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_archive(tmp_path / "home" / FILE_NAME) as database:
        yield database
