"""The archive's commands, as the command line runs them."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from archive import commands
from everyword import config
from everyword.errors import EverywordError
from tests.archive.certificate.issued import Issued, issue


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind; `error` is what ``cli.py`` would have printed."""

    code: int
    out: str
    err: str
    error: EverywordError | None

    @property
    def data(self) -> Any:
        """What ``--json`` answered, out of its envelope."""
        return json.loads(self.out)["data"]


Ew = Callable[..., Outcome]


@pytest.fixture
def ew(home: Path) -> Ew:
    """Run ``everyword …`` against this test's home."""
    app = typer.Typer()

    @app.callback()
    def settings(ctx: typer.Context, *, quiet: bool = False) -> None:
        ctx.obj = config.load(os.environ).settings

    app.add_typer(commands.app)
    assert home.name == "home"

    def run(*arguments: str) -> Outcome:
        result = CliRunner().invoke(app, list(arguments))
        error = result.exception
        if error is not None and not isinstance(error, SystemExit | EverywordError):
            raise error
        known = error if isinstance(error, EverywordError) else None
        return Outcome(known.exit_code if known else result.exit_code, result.stdout, result.stderr, known)

    return run


@pytest.fixture(scope="session")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    """Level C, two segments of two channels, one correction, a time stamp: nobody writes into it."""
    return issue(tmp_path_factory.mktemp("issued"))
