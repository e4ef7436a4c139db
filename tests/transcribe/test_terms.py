"""The real model is told how people hesitate, and names: it writes what was said of it, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.whisper import glossary, models
from transcribe.whisper.decoding import WhisperEngine

DATA = Path(__file__).parent.parent / "data"
TOLD = ("Tobias Wrenfield", "Ebenezer Ademesoye", "Adam Duguid")


@pytest.fixture(scope="module")
def told(base_home: Path) -> WhisperEngine:
    return WhisperEngine(models.locate("base", home=base_home), device="cpu", compute_type="default", workers=1, terms=TOLD)


def demo(first_s: float, end_s: float) -> Floats:
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="float32")
    return np.asarray(soxr.resample(sound[int(first_s * rate_hz) : int(end_s * rate_hz), 0], rate_hz, RATE_HZ), np.float32)


def introduction() -> Floats:
    """A man introduces himself: "Oh, Ebenezer Ademesoye. Would you like me to spell that?"."""
    return demo(17.3, 21.4)


def text(engine: WhisperEngine, clip: Floats) -> str:
    return engine.read([clip], languages=("en",))[0].text


def test_a_name_of_the_roster_is_spelt_as_the_roster_has_it(told: WhisperEngine, engine: WhisperEngine) -> None:
    assert "Ademesoye" in text(told, introduction())
    assert "Ademesoye" not in text(engine, introduction())


def test_a_hesitation_stays_in_the_text(engine: WhisperEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = demo(5, 15)  # "We're here because of real reaction, um, we have in the group"
    assert "Um," in text(engine, clip)
    monkeypatch.setattr(glossary, "HESITATIONS", {})
    assert "um," not in text(engine, clip).lower()


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
    (reading,) = told.read([introduction()], languages=("en",))
    assert "Wrenfield" not in reading.text
    assert [" Tobias Wrenfield, Ebenezer Ademesoye."] == [one.text for one in reading.echo]
    assert [[glossary.told("en", TOLD)], [""]] == asked
