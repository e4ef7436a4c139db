"""One sealed and transcribed session for all tests of the vocabulary; each test gets its own copy."""

from pathlib import Path

import pytest

from tests.everyword.sessions import Case, a_case


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Not to be changed."""
    return a_case(tmp_path_factory.mktemp("original"))


@pytest.fixture
def case(original: Case, tmp_path: Path) -> Case:
    """A copy to do anything to."""
    return original.copy(tmp_path / "copy")
