"""Hearing a stretch while reviewing it, through a process of its own; reviewing goes on without sound when there is none."""

import subprocess
from dataclasses import dataclass, field

from archive.record import Record
from archive.review.marks import Reviewable
from archive.stretch import Stretch, player, stretch_of
from everyword.text import printable

LEAD_S = 0.5
"""Heard before and after the stretch: words are cut off at its ends otherwise."""

_MARK = "everyword: "
"""Before the sentence of an error, as `everyword.terminal.complain` writes it."""


@dataclass(slots=True)
class Player:
    """Plays stretches of one session; ``trouble`` says why there is no sound, once that is known.

    ``heard`` gathers what was played since `forget`, as (first frame, frame count) of the stretch's stream.
    """

    record: Record
    is_wanted: bool = True
    trouble: str = ""
    heard: list[tuple[int, int]] = field(default_factory=list)
    _playing: "tuple[subprocess.Popen[str], Stretch] | None" = None

    def play(self, stretch: Reviewable) -> None:
        """Start to play, and return at once."""
        self.stop()
        if not self.is_wanted or self.trouble:
            return
        place = stretch_of(self.record, stretch, around_s=LEAD_S)
        command = player(self.record.folder, place, is_told=True)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._playing = process, place

    def stop(self) -> None:
        """End what is being played, and note how much of it was heard."""
        playing, self._playing = self._playing, None
        if playing is None:
            return
        process, place = playing
        is_done = process.poll() is not None
        process.kill()
        played, said = process.communicate()
        if is_done and process.returncode:
            self.trouble = _sentence(said)
        counts = [int(line) for line in played.splitlines() if line.isdecimal()]
        if counts:
            self.heard.append((place.first_frame, min(counts[-1], place.frame_count)))

    def forget(self) -> list[tuple[int, int]]:
        """What was heard since the last time, and begin anew."""
        self.stop()
        heard, self.heard = self.heard, []
        return heard


def _sentence(said: str) -> str:
    """Our own sentence among what the sound libraries write."""
    ours = [line for line in said.splitlines() if line.startswith(_MARK)]
    return printable(ours[0].removeprefix(_MARK)) if ours else "The player ended without a word."
