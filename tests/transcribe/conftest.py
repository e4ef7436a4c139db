"""One joined model, and one real transcription, for all tests of this package."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from everyword import config, keys
from everyword.folder import SessionFolder
from recorder.imports import import_files
from transcribe import commands, pipeline
from transcribe.pipeline import Outcome
from transcribe.scripted import ScriptedEngine
from transcribe.whisper import decoding, models
from transcribe.whisper.decoding import WhisperEngine

DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True, slots=True)
class RealRun:
    """Two people, one in English and one in Russian, each on a track, read by the embedded model."""

    folder: SessionFolder
    outcome: Outcome
    engine: WhisperEngine
    home: Path


Invoke = Callable[..., Result]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[int, object]:
    """The scripted engine in the place of the model, and what it says."""
    lines: dict[int, object] = {0: "good morning", 14: "[red]x[/red] \x1b[31m<script>"}

    def scripted(*_: object, **__: object) -> ScriptedEngine:
        return ScriptedEngine(lines)  # type: ignore[arg-type]

    monkeypatch.setattr(decoding, "WhisperEngine", scripted)
    monkeypatch.setattr(models, "locate", lambda *_, **__: None)
    return lines


@pytest.fixture
def invoke(home: Path) -> Invoke:
    """Run a command with the settings of an empty home; stdout and stderr apart."""
    settings = config.load({"EVERYWORD_HOME": str(home), "EVERYWORD_OPERATOR": "Test Operator"}).settings

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(commands.app, arguments, obj=settings)

    return run


@pytest.fixture(scope="session")
def base_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the embedded model."""
    home = tmp_path_factory.mktemp("home")
    models.locate("base", home=home)
    return home


@pytest.fixture(scope="session")
def engine(base_home: Path) -> WhisperEngine:
    """The embedded model, loaded."""
    return WhisperEngine(models.locate("base", home=base_home), device="cpu", compute_type="default")


@pytest.fixture(scope="session")
def real_run(base_home: Path, engine: WhisperEngine, tmp_path_factory: pytest.TempPathFactory) -> RealRun:
    """The one transcription of ``demo.flac`` that the tests look at."""
    folder = import_files(
        [DATA / "demo.flac"],
        parent=tmp_path_factory.mktemp("real"),
        home=base_home,
        title="Demo",
        operator="Test Operator",
        languages=("en", "ru"),
    )
    outcome = pipeline.transcribe(
        pipeline.open_recording(folder), engine, languages=("en", "ru"), key=keys.device_key(base_home), by="Test Operator"
    )
    return RealRun(folder, outcome, engine, base_home)
