"""The capture child: opens one input and copies what it delivers into a ring.  Nothing else.

A hung sound driver is cured by killing this process; nothing but the frames it still held is lost.  Runs as
``python -P -m recorder.processes.capture SPEC RATE CHANNELS PINNED``; speaks lines of JSON on stdout, is told on stdin
``start ["RING", SECONDS]``, once there is a session ``will {"copies": […], "home": …, "request": …}``, and later ``stop``.  When
its supervisor dies it goes on, see `recorder.processes.orphan`: the next supervisor ends it with SIGTERM.
"""

import contextlib
import ctypes
import gc
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from everyword.errors import EverywordError
from recorder.processes.orphan import Orphan
from recorder.sound.ring import Ring
from recorder.sound.sources import Source, open_source

CLOSE_S = 5.0
"""An input that takes longer to close hangs; with nobody left to kill this process, it must end by itself."""

ALIVE_S = 0.25
"""How often the supervisor hears that this process runs, whatever the sound system does."""

NICE = -11
"""What sound servers ask for themselves; given to root and to whom ``limits.conf`` allows it."""

_LOCK_WHAT_IS_USED = 1 | 2 | 4
"""``MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT``: no page that was needed once is ever fetched from a disk again."""


def main() -> int:
    """Open, wait for the order to start, capture until told to stop."""
    spec, rate_hz, channels, pinned = sys.argv[1:]
    supervisor = os.getppid()
    try:
        source = open_source(spec, rate_hz=int(rate_hz), channels=int(channels), pinned=pinned)
        _tell("ready", asdict(source.facts))
        order, _, place = sys.stdin.readline().rstrip("\n").partition(" ")
        if order != "start":
            return 0
        facts, (path, seconds) = source.facts, json.loads(place)
        about = asdict(facts) | {"pid": os.getpid()}
        ring = Ring.create(Path(path), rate_hz=facts.rate_hz, frame_bytes=facts.frame_bytes, seconds=seconds, about=about)
        if os.getppid() != supervisor:  # nobody will ever look for this ring
            ring.path.unlink()
            return 0
        _capture(source, ring)
    except EverywordError as error:
        _tell("error", {"code": error.code, "sentence": error.sentence, "hint": error.hint})
        return error.exit_code
    except OSError as error:
        _tell("error", {"code": "disk", "sentence": f"There is no room for the capture buffer: {error}.", "hint": ""})
        return 6
    return 0


def _capture(source: Source, ring: Ring) -> None:
    _come_first()
    signal.signal(signal.SIGTERM, lambda _number, _frame: source.finished.set())
    source.start(lambda pcm, overflowed: ring.write(pcm, overflowed=overflowed))
    _tell("started", {})
    threading.Thread(target=_end_with_stdin, args=(source.finished, ring), daemon=True).start()
    while not source.finished.wait(ALIVE_S):
        with contextlib.suppress(OSError):  # the supervisor is gone: stdin says so, too
            _tell("alive", {})
    source.stop()
    if source.trouble is not None:
        raise source.trouble
    ring.end()


def _come_first() -> None:
    """Whatever keeps the callback from waiting, as far as this user may: nothing here is needed for the recording to go on."""
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection in the callback's process is a pause in the callback
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)  # threads made from here on have it too
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mlockall(_LOCK_WHAT_IS_USED)  # refused, and nothing changed, to whom may not lock so much


def _end_with_stdin(finished: threading.Event, ring: Ring) -> None:
    """The supervisor says ``stop``; or it is gone, and nobody else wants the sound either."""
    orphan = None
    while (line := sys.stdin.readline()).startswith("will "):
        orphan = Orphan.from_will(line.removeprefix("will "))
    if not line and orphan is not None:
        orphan.outlive(ring, finished)
    elif not line:  # what was heard before the start of a recording that never began
        ring.path.unlink(missing_ok=True)
    finished.set()
    time.sleep(CLOSE_S)
    os._exit(1)


def _tell(kind: str, value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps({kind: value}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
