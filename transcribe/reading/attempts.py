"""What is asked of an engine about a window, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, TypeAlias

from transcribe.engine import Engine, Reading, Shares
from transcribe.evidence.checks import flags_of
from transcribe.sound.windows import Floats, Profile, Window

Part: TypeAlias = Literal[
    "whole", "whole, full context", "first half", "second half", "as far as it went", "the rest", "turn", "other language"
]


@dataclass(frozen=True, slots=True)
class Clip:
    """A window with its sound, the profile of the piece it lies in, and the languages of those who sit at the track."""

    window: Window
    samples: Floats
    profile: Profile
    expected: tuple[str, ...] = ()

    def within(self, window: Window) -> "Clip":
        """The part of it that a window inside its own holds."""
        piece = self.profile.piece
        start = piece.sample_of(self.window.first_frame)
        first, end = piece.sample_of(window.first_frame) - start, piece.sample_of(window.end_frame) - start
        return replace(self, window=window, samples=self.samples[first:end])


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reading of a window or of a part of it.  Exactly the attempts that are `used` tile the track.

    ``reading`` is None when the engine failed (then ``error`` says how) or was not asked (then ``skipped`` says why).
    """

    window: Window
    part: Part
    reading: Reading | None
    flags: tuple[str, ...] = ()
    used: bool = True
    error: str = ""
    skipped: str = ""

    @property
    def text(self) -> str:
        """What it says, without white space around it; nothing where the engine failed or was not asked."""
        return self.reading.text.strip() if self.reading else ""


def attempt_of(window: Window, part: Part, found: Reading | Exception, shares: Shares) -> Attempt:
    """What came of asking the engine, in use for now; `shares` are how likely each language was before."""
    if isinstance(found, Reading):
        reading = _writable(replace(found, languages=shares))
        return Attempt(window, part, reading, flags_of(reading))
    return Attempt(window, part, None, error=_text(f"{type(found).__name__}: {found}"))


def _writable(reading: Reading) -> Reading:
    """The reading without what no file can hold."""
    return replace(
        reading,
        hypotheses=tuple(replace(one, text=_text(one.text)) for one in reading.hypotheses),
        words=tuple(replace(one, text=_text(one.text)) for one in reading.words),
        echo=tuple(replace(one, text=_text(one.text)) for one in reading.echo),
    )


def _text(text: str) -> str:
    """With a question mark for each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Ask:
    """Read this sound in this language."""

    samples: Floats
    language: str
    full_context: bool = False


def ask(engine: Engine, asked: Sequence[Ask]) -> list[Reading | Exception]:
    """The readings in the order of `asked`, or what the engine raised instead.

    What has the same context is read together; what fails together is tried alone before it counts as failed.
    """

    def context(number: int) -> tuple[bool, int]:
        one = asked[number]
        return one.full_context, 0 if one.full_context else engine.context_samples(len(one.samples))

    found: dict[int, Reading | Exception] = {}
    for _, numbers in groupby(sorted(range(len(asked)), key=context), key=context):
        alike = list(numbers)
        for first in range(0, len(alike), engine.batch_size):
            batch = alike[first : first + engine.batch_size]
            found.update(zip(batch, _together(engine, [asked[number] for number in batch]), strict=True))
    return [found[number] for number in range(len(asked))]


def _together(engine: Engine, batch: Sequence[Ask]) -> list[Reading | Exception]:
    try:
        languages = [one.language for one in batch]
        return list(engine.read([one.samples for one in batch], languages=languages, full_context=batch[0].full_context))
    except Exception as error:  # noqa: BLE001  (whatever the engine raises concerns these windows only: the others must be read)
        return [error] if len(batch) == 1 else [found for one in batch for found in _together(engine, [one])]
