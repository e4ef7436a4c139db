"""Hearing a stretch while reviewing it, through a process of its own; reviewing goes on without sound when there is none."""

import subprocess
import sys
from dataclasses import dataclass, field

from archive.record import Record
from archive.review.marks import Reviewable
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
    _process: "subprocess.Popen[str] | None" = None
    _first: int = 0
    _count: int = 0

    def play(self, stretch: Reviewable) -> None:
        """Start to play, and return at once."""
        self.stop()
        if not self.is_wanted or self.trouble:
            return
        recording = self.record.recording
        lead = round(LEAD_S * recording.streams[stretch.stream].rate_hz)
        self._first = max(0, stretch.first_frame - lead)
        self._count = min(stretch.first_frame + stretch.frame_count + lead, recording.end_frame(stretch.stream)) - self._first
        channel = next(t.channel for t in recording.tracks if (t.stream, t.number) == (stretch.stream, stretch.track))
        place = (stretch.stream, channel, self._first, self._count)
        command = [sys.executable, "-P", "-m", "recorder.sound.playback", str(recording.folder.path), *map(str, place), "told"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def stop(self) -> None:
        """End what is being played, and note how much of it was heard."""
        process, self._process = self._process, None
        if process is None:
            return
        is_done = process.poll() is not None
        process.kill()
        played, said = process.communicate()
        if is_done and process.returncode:
            self.trouble = _sentence(said)
        counts = [int(line) for line in played.splitlines() if line.isdecimal()]
        if counts:
            self.heard.append((self._first, min(counts[-1], self._count)))

    def forget(self) -> list[tuple[int, int]]:
        """What was heard since the last time, and begin anew."""
        self.stop()
        heard, self.heard = self.heard, []
        return heard


def _sentence(said: str) -> str:
    """Our own sentence among what the sound libraries write."""
    ours = [line for line in said.splitlines() if line.startswith(_MARK)]
    return printable(ours[0].removeprefix(_MARK)) if ours else "The player ended without a word."
