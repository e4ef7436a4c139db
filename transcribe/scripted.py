"""An engine that writes what it is told to: for tests, and for measuring everything but the model."""

from collections.abc import Mapping, Sequence

from transcribe.engine import Heard, Hypothesis, Reading, Shares, Stretch
from transcribe.sound.windows import RATE_HZ, Floats

FULL_CONTEXT = 10_000
"""What a `ScriptedEngine` adds to the mark of a window that is read in full context."""


class ScriptedEngine:
    """The fault source of this package.

    It hears nothing but a mark: the level of a window's first 10 ms, in steps of 1/1024 above 1/4 (see `mark_of`).  `script` maps
    marks to a text, a whole reading or an exception; a window with any other mark is read as silence.
    """

    workers = 2
    batch_size = 4
    told: tuple[str, ...] = ()

    def __init__(self, script: Mapping[int, str | Reading | Exception], *, language: str = "en", word_s: float = 0.4) -> None:
        self.script = dict(script)
        self.language = language
        self.word_s = word_s
        self.calls: list[tuple[int, ...]] = []

    def describe(self) -> dict[str, str]:
        """Says that it is not a real engine."""
        return {"engine": "scripted"}

    def model(self) -> dict[str, str]:
        """Has no model."""
        return {"name": "scripted", "sha256": ""}

    def settings(self) -> dict[str, int | str]:
        """Has no settings."""
        return {}

    def knows(self, language: str) -> bool:  # noqa: ARG002
        """Any."""
        return True

    def context_samples(self, sample_count: int) -> int:
        """Whole seconds."""
        return -(-sample_count // RATE_HZ) * RATE_HZ

    def shares(self, clip: Floats, *, stretches: Sequence[Stretch], languages: Sequence[str]) -> list[Shares]:  # noqa: ARG002
        """Its own language for certain, or the first one where that is not allowed."""
        language = self.language if self.language in languages else languages[0]
        return [tuple((name, float(name == language)) for name in languages)] * len(stretches)

    def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
        """What the script says for each clip's mark; clips without one are read as silence."""
        marks = tuple(mark_of(clip) + FULL_CONTEXT * full_context for clip in clips)
        self.calls.append(marks)
        entries = [self.script.get(mark, "") for mark in marks]
        return [self._read(*one) for one in zip(entries, clips, languages, strict=True)]

    def _read(self, entry: str | Reading | Exception, clip: Floats, language: str) -> Reading:
        if isinstance(entry, Exception):
            raise entry
        if isinstance(entry, Reading):
            return entry
        step = int(self.word_s * RATE_HZ)
        words = tuple(Heard(f" {word}", n * step, step, 0.9) for n, word in enumerate(entry.split()))
        hypothesis = Hypothesis("".join(word.text for word in words), tuple(range(len(words))), -0.2)
        return Reading(language, ((language, 1.0),), (hypothesis,), words, 0.0 if words else 0.9, len(clip), 224)


def mark_of(clip: Floats) -> int:
    """The number a test wrote as a level over the beginning of a window."""
    return round((float(clip[: RATE_HZ // 100].mean()) - 0.25) * 1024) if len(clip) else -1
