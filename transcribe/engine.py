"""What a speech engine is: a batch of windows' sound in, one `Reading` each out.

Positions inside a reading are 16 kHz samples from the start of its window; the pipeline turns them into frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from transcribe.sound.windows import Floats

Stretch: TypeAlias = tuple[int, int]
"""First sample of a part of a clip and one past the last."""

Shares: TypeAlias = tuple[tuple[str, float], ...]
"""Languages with their probabilities, which add up to 1."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A word with its spacing as the engine wrote it, where it lies, and how likely it is (0 to 1)."""

    text: str
    first_sample: int
    sample_count: int
    probability: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One of the n best texts; ``logprob`` is the mean natural logarithm of its tokens' probabilities."""

    text: str
    tokens: tuple[int, ...]
    logprob: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the engine made of one window: hypotheses best first, the words of the best one, probability of no speech.

    ``languages`` are the probabilities of the languages that it chose among.  ``token_limit`` is how many tokens the engine could
    have written.  ``is_second_best`` says that the likeliest text went round in circles, and another hypothesis stands first.
    ``echo`` is what it wrote first, n best, where that only repeated what it had been told.
    """

    language: str
    languages: Shares
    hypotheses: tuple[Hypothesis, ...]
    words: tuple[Heard, ...]
    no_speech: float
    context_samples: int
    token_limit: int
    is_second_best: bool = False
    echo: tuple[Hypothesis, ...] = ()

    @property
    def text(self) -> str:
        """The best hypothesis, or nothing."""
        return self.hypotheses[0].text if self.hypotheses else ""

    @property
    def logprob(self) -> float:
        """Of the best hypothesis; minus infinity when there is none."""
        return self.hypotheses[0].logprob if self.hypotheses else -float("inf")


class Engine(Protocol):
    """A speech engine.  `read` is called from `workers` threads at once, with at most `batch_size` windows of one context."""

    workers: int
    batch_size: int

    def describe(self) -> dict[str, str]:
        """Versions, arithmetic and device, for ``run.json``."""

    def model(self) -> dict[str, str]:
        """Name and digest of the model, for ``run.json``."""

    def settings(self) -> dict[str, int | str]:
        """Everything that decides what is written, for ``run.json``."""

    def knows(self, language: str) -> bool:
        """True when it can read that language, an ISO 639-1 code."""

    def context_samples(self, sample_count: int) -> int:
        """The context a window of that length gets; depends on nothing else, and only equal contexts share a batch."""

    def shares(self, clip: Floats, *, stretches: Sequence[Stretch], languages: Sequence[str]) -> list[Shares]:
        """How likely each of `languages` is in each stretch of a clip, whatever is spoken beside it."""

    def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
        """The readings of `clips` (float32, 16 kHz, shape (samples,)), in their order, each in its language of `languages`.

        A reading must not depend on the other clips of the batch.  `full_context` asks for the slowest and best reading.
        """
