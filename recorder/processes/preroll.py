"""Sound from before the start: the inputs fill their rings in memory, and the start reaches back into them.

Until then nothing is on a disk: no folder, no sound.  What is older than the pre-roll is never kept.
"""

import contextlib
import signal
import time

from everyword.errors import DiskTrouble, InvalidOption
from everyword.folder import SessionFolder
from recorder.operator.control import Control
from recorder.processes.openings import Capture
from recorder.request import Panel, Request
from recorder.sound.meters import peaks_cdb
from recorder.sound.ring import SECONDS, SHARED_MEMORY, Overrun, ring_path

LONGEST_S = 600
TICK_S = 0.1


def arm(request: Request, session_id: str, captures: list[Capture], *, panel: Panel, received: list[int]) -> bool:
    """Listen until the operator starts (a key, SIGUSR1) or gives up (Ctrl-C); True when the recording is to begin.

    Raises:
        InvalidOption: so much sound does not fit into memory.
        InputLost: an input cannot be started, or is gone for good.
    """
    if request.preroll_s > LONGEST_S:
        raise InvalidOption(f"A pre-roll is at most {LONGEST_S} s long.")
    place = SessionFolder(request.parent / session_id)  # only its name is used: the rings are in memory
    for capture in captures:
        capture.seconds = SECONDS + round(request.preroll_s) + 1
        _check_room(capture, place)
        capture.start(place)
    sleeper = Control()
    while True:
        sleeper.wait(TICK_S, also=panel.descriptors())
        wanted = {name for order in panel.take() for name in order}
        if {signal.SIGINT, signal.SIGTERM} & set(received) or "stop" in wanted:
            return False
        if signal.SIGUSR1 in received or "start" in wanted:
            break
        for capture in captures:
            _tend(capture, place)
        panel.show(_status(request, captures))
    for capture in captures:
        if capture.ring is not None:
            capture.ring.want_from(max(0, capture.ring.written - round(request.preroll_s * capture.facts.rate_hz)))
    panel.tell("The recording begins.")
    return True


def _check_room(capture: Capture, place: SessionFolder) -> None:
    """On a disk, sound from before the start has no business."""
    ring_bytes = capture.facts.rate_hz * capture.facts.frame_bytes * capture.seconds
    if ring_path(place, number=capture.number, attempt=1, ring_bytes=ring_bytes).parent != SHARED_MEMORY:
        sentence = f"{SHARED_MEMORY} has no room for {capture.seconds} s of {capture.spec}."
        raise DiskTrouble(sentence, hint="Take a shorter --preroll, or fewer channels.")


def _tend(capture: Capture, place: SessionFolder) -> None:
    """Keep it delivering; of an input that went and came back, only what came since is kept."""
    capture.tend(place, time.monotonic())
    if capture.is_given_up:
        raise capture.lost()
    for path in capture.rings[:-1]:
        path.unlink(missing_ok=True)
    del capture.rings[:-1]


def _status(request: Request, captures: list[Capture]) -> dict[str, object]:
    """What the screen shows of a recording that has not begun."""
    streams, track, filled_s = [], 1, []
    for capture in captures:
        facts = capture.facts
        tracks = list(range(track, track + facts.channels))
        streams.append(
            {"frames": 0, "rate_hz": facts.rate_hz, "tracks": tracks, "peaks_cdb": levels(capture), "name": facts.source.name}
        )
        filled_s.append(capture.ring.written / facts.rate_hz if capture.ring is not None and capture.is_running else 0.0)
        track += facts.channels
    filled = round(min([request.preroll_s, *filled_s]))
    return {
        "streams": streams,
        "title": request.title,
        "names": request.seats,
        "preroll": {"filled_s": filled, "wanted_s": round(request.preroll_s)},
    }


def levels(capture: Capture) -> list[int]:
    """The peaks of the last moment, a channel each."""
    facts, pcm = capture.facts, b""
    if capture.ring is not None:
        count = min(capture.ring.written, facts.rate_hz // 5)
        with contextlib.suppress(Overrun):
            pcm = capture.ring.read(capture.ring.written - count, count)
    return peaks_cdb(pcm, channels=facts.channels, sample_format=facts.sample_format)
