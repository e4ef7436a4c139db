"""Real voices for the tests of who said it: the demo recording on one shared microphone, and an engine with words everywhere."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

from everyword import keys
from everyword.folder import SessionFolder
from everyword.model import Speaker
from recorder.imports import import_files
from tests.transcribe.builders import write_wav
from transcribe import pipeline
from transcribe.engine import Heard, Hypothesis, Reading, ScriptedEngine
from transcribe.pipeline import Outcome
from transcribe.windows import RATE_HZ, Floats

DATA = Path(__file__).parent.parent / "data"


def three_people() -> Floats:
    """54 s of two Englishmen and a Russian voice, in turn, as one microphone between them hears them; 16 kHz."""
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="float32")
    mixed: Floats = soxr.resample(sound.sum(axis=1), rate_hz, RATE_HZ).astype(np.float32)
    return mixed


def turns() -> list[tuple[float, float, str]]:
    """(start, end, who) of `three_people`, in seconds."""
    demo = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))
    rate_hz = demo["rate_hz"]
    return [
        (one["first_frame"] / rate_hz, (one["first_frame"] + one["frame_count"]) / rate_hz, one["speaker"])
        for one in demo["turns"]
    ]


def people(*names: str, consent: bool = False) -> tuple[Speaker, ...]:
    return tuple(Speaker(name.lower(), name, voice_consent=consent) for name in names)


def a_session_of(tmp_path: Path, sound: Floats, *, roster: tuple[Speaker, ...] = (), title: str = "Voices") -> SessionFolder:
    path = write_wav(tmp_path / f"{title}.wav", np.clip(sound, -0.99, 0.99))
    return import_files(
        [path], parent=tmp_path / "sessions", home=tmp_path / "home", title=title, operator="Test Operator", roster=roster
    )


class SteadyEngine(ScriptedEngine):
    """Writes a word every half second of every window, named after its sample, whatever is heard."""

    workers = 1

    def __init__(self) -> None:
        super().__init__({})

    def read(
        self,
        clips: Sequence[Floats],
        *,
        languages: Sequence[str],
        full_context: bool = False,
        stretches: Sequence[Sequence[tuple[int, int]]] = (),
    ) -> list[Reading]:
        return [self._steady(clip, languages[0]) for clip in clips]

    def _steady(self, clip: Floats, language: str) -> Reading:
        step = RATE_HZ // 2
        words = tuple(Heard(f" w{n}", n * step, step * 4 // 5, 0.9) for n in range(len(clip) // step))
        text = "".join(word.text for word in words)
        return Reading(
            language, ((language, 1.0),), (Hypothesis(text, tuple(range(len(words))), -0.1),), words, 0.0, len(clip), 224
        )


def transcribe(folder: SessionFolder, tmp_path: Path, *, people: str = "roster") -> Outcome:
    return pipeline.transcribe(
        pipeline.open_recording(folder),
        SteadyEngine(),
        languages=("en",),
        key=keys.device_key(tmp_path / "home"),
        by="Test Operator",
        people=people,
    )
