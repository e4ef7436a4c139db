"""Real voices for the tests of who said it: the demo recording on one shared microphone, and an engine with words everywhere."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from everyword import keys
from everyword import run as runs
from everyword.folder import SessionFolder
from everyword.model import Speaker
from recorder.imports import import_files
from tests.transcribe.builders import write_wav
from transcribe import pipeline
from transcribe.engine import Heard, Hypothesis, Reading
from transcribe.pipeline import Outcome
from transcribe.scripted import ScriptedEngine
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.speakers.voices import CHUNK_SAMPLES, FRAME_SAMPLES, LOCAL_VOICES

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


def text_files(folder: SessionFolder, run: str) -> dict[str, bytes]:
    """Everything of a run but who said it: two runs of one sound have the same bytes."""
    names = (runs.READINGS, runs.UTTERANCES, runs.COVERAGE, runs.QUARANTINE)
    return {name: (runs.run_path(folder, run) / name).read_bytes() for name in names}


TONE_HZ = 200
"""A voice of `ToneModels` is a tone: so many Hz apart from the next one."""


def in_tones(*voices: int, seconds: float = 2.5, pause_s: float = 0.4) -> Floats:
    """Each of the voices in turn, as a tone with a pause after it."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    pause = np.zeros(round(pause_s * RATE_HZ))
    turns = [0.2 * np.sin(2 * np.pi * TONE_HZ * (voice + 1) * time_s) for voice in voices]
    return np.concatenate([part for turn in turns for part in (turn, pause)]).astype(np.float32)


class ToneModels:
    """Hears tones in the place of people, without a model; raises `error` when it has heard `good` chunks."""

    def __init__(self, *, good: int = 1_000_000, error: Exception | None = None) -> None:
        self.good, self.error = good, error

    def segment(self, samples: Floats) -> NDArray[np.bool_]:
        self.good -= 1
        if self.good < 0 and self.error:
            raise self.error
        found = np.zeros((CHUNK_SAMPLES // FRAME_SAMPLES, LOCAL_VOICES), np.bool_)
        local: list[int] = []
        for frame in range(len(samples) // FRAME_SAMPLES):
            part = samples[frame * FRAME_SAMPLES : (frame + 1) * FRAME_SAMPLES]
            if np.abs(part).max() < 0.05:
                continue
            voice = self._voice(part)
            local += [voice] if voice not in local and len(local) < LOCAL_VOICES else []
            found[frame, local.index(voice) if voice in local else 0] = True
        return found

    def embed(self, samples: Floats) -> Floats:
        print_: Floats = np.eye(30, dtype=np.float32)[self._voice(samples)]
        return print_

    @staticmethod
    def _voice(samples: Floats) -> int:
        loudest_hz = int(np.argmax(np.abs(np.fft.rfft(samples, RATE_HZ))))
        return max(0, round(loudest_hz / TONE_HZ) - 1)
