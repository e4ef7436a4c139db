"""A window, or a turn of one, while it is being read: the attempts at it so far, and what stands for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from transcribe.engine import Reading, Shares
from transcribe.evidence import checks
from transcribe.evidence.account import unaccounted_s
from transcribe.reading import turns
from transcribe.reading.attempts import Ask, Attempt, Clip, Part, attempt_of


@dataclass(slots=True)
class Case:
    """A window or a turn, its language, and the attempts at it; where it was parted by language, `parts` stand for it."""

    clip: Clip
    part: Part
    language: str
    shares: Shares
    attempts: list[Attempt] = field(default_factory=list)
    parts: list["Case"] = field(default_factory=list)

    def ask(self, *, full_context: bool = False) -> Ask:
        """For the whole of it."""
        return Ask(self.clip.samples, self.language, full_context)

    def attempt(self, part: Part, found: Reading | Exception) -> Attempt:
        """A reading of the whole of it, or that it failed; of its language the engine was not asked again."""
        return attempt_of(self.clip.window, part, found, self.shares)

    def add(self, others: Sequence[Attempt], *, is_used: bool) -> None:
        """Other attempts at the whole of it, used instead of those before or not at all."""
        before = [replace(one, used=one.used and not is_used) for one in self.attempts]
        self.attempts = [*before, *(replace(one, used=is_used) for one in others)]

    def flag(self, flag: str) -> None:
        """Flag every attempt at it and at its parts."""
        self.attempts = [replace(one, flags=(*one.flags, flag)) for one in self.attempts]
        for part in self.parts:
            part.flag(flag)

    def left_s(self, attempts: Sequence[Attempt]) -> float:
        """Seconds of voice that no word of these attempts at it accounts for."""
        return sum(unaccounted_s(one.reading, one.window, self.clip.profile) for one in attempts if one.reading)

    @property
    def may_hold_voice(self) -> bool:
        """True when the detector finds a voice anywhere in it likelier than not."""
        return checks.may_hold_voice(self.clip.window, self.clip.profile)

    @property
    def likely(self) -> dict[str, float]:
        """How likely each language is, by what the engine and the roster say."""
        return dict(turns.weighed(self.shares, self.clip.expected))

    @property
    def used(self) -> list[Attempt]:
        """What stands for the case at present."""
        return [attempt for attempt in self.attempts if attempt.used]

    @property
    def every_attempt(self) -> list[Attempt]:
        """Its own and those of its parts."""
        return [*self.attempts, *(attempt for part in self.parts for attempt in part.every_attempt)]


def is_sound(attempt: Attempt) -> bool:
    """True when it has a reading, and that is sound."""
    return attempt.reading is not None and checks.is_sound(attempt.reading)
