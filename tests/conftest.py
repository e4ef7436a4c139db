"""No test touches the user's own data, settings or sound server."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty EVERYWORD_HOME for each test; every other EVERYWORD_* variable is gone."""
    import os

    for name in list(os.environ):
        if name.startswith("EVERYWORD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EVERYWORD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVERYWORD_OPERATOR", "Test Operator")
    return tmp_path / "home"
