"""What the operator wants recorded, and how it ended."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from everyword.errors import EverywordError
from everyword.folder import SessionFolder
from everyword.model import Speaker


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator wants recorded; rate and channels 0 mean the input's own."""

    inputs: tuple[str, ...]
    parent: Path
    home: Path
    title: str
    place: str
    operator: str
    languages: tuple[str, ...]
    roster: tuple[Speaker, ...]
    rate_hz: int = 0
    channels: int = 0
    duration_s: float | None = None
    preroll_s: float = 0
    monitor: str | None = None
    mirrors: tuple[Path, ...] = ()

    def copies(self, folder: SessionFolder) -> list[SessionFolder]:
        """The session on every path it is written to, the main one first."""
        return [folder, *(SessionFolder(parent / folder.path.name) for parent in self.mirrors)]

    @property
    def seats(self) -> dict[str, str]:
        """Track number (as JSON wants it, in digits) → who sits there; several share a microphone with a slash between them."""
        found: dict[str, list[str]] = {}
        for speaker in self.roster:
            if speaker.track is not None:
                found.setdefault(str(speaker.track), []).append(speaker.name)
        return {track: " / ".join(names) for track, names in found.items()}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: the folder is sealed unless `sealed` is False, and then salvage will seal it."""

    folder: SessionFolder
    sealed: bool
    gaps: int
    alarms: int
    error: EverywordError | None
    unequal: tuple[str, ...] = ()


Order = dict[str, object]
"""What somebody at a terminal wants: ``{"note": text, "by": …}``, ``{"pause": cause, "by": …}``, ``{"resume": true, "by": …}``,
``{"stop": true, "by": …}``, and before the start ``{"start": true}``."""


class Panel(Protocol):
    """Where somebody sees the recording and steers it; nothing in here may wait or fail for want of a terminal."""

    def show(self, status: dict[str, object]) -> None:
        """Show how it stands."""

    def tell(self, sentence: str) -> None:
        """Answer the operator."""

    def take(self) -> list[Order]:
        """What the operator has ordered since the last look."""

    def descriptors(self) -> list[int]:
        """Whose input is worth waking up for."""

    @property
    def wants_to_leave(self) -> bool:
        """True once the operator has seen enough; asked only where leaving does not end the recording."""


class Unattended:
    """The panel of a recording that nobody looks at."""

    def show(self, status: dict[str, object]) -> None:
        """Nobody looks."""

    def tell(self, sentence: str) -> None:
        """Nobody listens."""

    def take(self) -> list[Order]:
        """Nobody orders anything."""
        return []

    def descriptors(self) -> list[int]:
        """There is nothing to wait for."""
        return []

    @property
    def wants_to_leave(self) -> bool:
        """Nobody is there."""
        return False
