"""The real model is told names: it writes them where they are said, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from transcribe import glossary, models
from transcribe.whisper import WhisperEngine
from transcribe.windows import RATE_HZ, Floats

DATA = Path(__file__).parent.parent / "data"
TOLD = ("Tobias Wrenfield", "Ebenezer Ademesoye", "Adam Duguid")


@pytest.fixture(scope="module")
def told(base_home: Path) -> WhisperEngine:
    return WhisperEngine(models.locate("base", home=base_home), device="cpu", compute_type="default", workers=1, terms=TOLD)


def introduction() -> Floats:
    """A man introduces himself: "Oh, Ebenezer Ademesoye. Would you like me to spell that?"."""
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="float32")
    return np.asarray(soxr.resample(sound[int(17.3 * rate_hz) : int(21.4 * rate_hz), 0], rate_hz, RATE_HZ), np.float32)


def text(engine: WhisperEngine, clip: Floats) -> str:
    return engine.read([clip], languages=("en",))[0].text


def test_a_name_of_the_roster_is_spelt_as_the_roster_has_it(told: WhisperEngine, engine: WhisperEngine) -> None:
    assert "Ademesoye" in text(told, introduction())
    assert "Ademesoye" not in text(engine, introduction())


def test_where_nobody_speaks_no_name_is_written(told: WhisperEngine) -> None:
    sound, _ = soundfile.read(DATA / "transcribe" / "near_silent.flac", dtype="float32")
    noise = np.random.default_rng(3).normal(0, 0.02, 6 * RATE_HZ).astype(np.float32)
    hum = (0.05 * np.sin(np.arange(6 * RATE_HZ) * 2 * np.pi * 50 / RATE_HZ)).astype(np.float32)
    for clip in (sound[: 12 * RATE_HZ], noise, hum, np.zeros(6 * RATE_HZ, np.float32)):
        assert not {"tobias", "wrenfield", "ebenezer", "ademesoye", "adam", "duguid"} & set(text(told, clip).lower().split())


def test_the_prompt_is_in_the_runs_settings(told: WhisperEngine, engine: WhisperEngine) -> None:
    assert (" Tobias Wrenfield, Ebenezer Ademesoye, Adam Duguid.", "") == (told.settings()["prompt"], engine.settings()["prompt"])


def test_a_window_that_echoes_the_prompt_is_written_again_without_it(
    told: WhisperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    generate = told._generate

    def echoing(heard: Any, prompts: Any) -> Any:
        asked.append(list(prompts))
        results = generate(heard, [""] * len(heard))
        return [Echo(result, told) for result in results] if any(prompts) else results

    class Echo:
        """CTranslate2's results cannot be changed."""

        def __init__(self, result: Any, engine: WhisperEngine) -> None:
            self.sequences_ids = [engine._tokenizer("en").encode(" Tobias Wrenfield, Ebenezer Ademesoye.")]
            self.scores, self.no_speech_prob = result.scores[:1], result.no_speech_prob

    monkeypatch.setattr(told, "_generate", echoing)
    assert "Wrenfield" not in text(told, introduction())
    assert [[glossary.told("en", TOLD)], [""]] == asked
