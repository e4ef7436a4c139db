"""The capture child: opens one input and copies what it delivers into a ring.  Nothing else.

A hung sound driver is cured by killing this process; nothing but the frames it still held is lost.  Runs as
``python -P -m recorder.capture SPEC RATE CHANNELS PINNED``; speaks lines of JSON on stdout, is told
``start ["RING", "SESSION.JSON", SECONDS]`` and later ``stop`` on stdin.  When its supervisor dies it goes on as long as somebody
holds the session: the next supervisor ends it with SIGTERM.
"""

import contextlib
import ctypes
import fcntl
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
from recorder.ring import Ring
from recorder.sources import Source, open_source

CLOSE_S = 5.0
"""An input that takes longer to close hangs; with nobody left to kill this process, it must end by itself."""

ALIVE_S = 0.25
"""How often the supervisor hears that this process runs, whatever the sound system does."""

MOST_UNWANTED = 20
"""Looks in a row that find nobody who wants the sound, before an orphan ends: a writer may just be starting."""

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
        order, _, places = sys.stdin.readline().rstrip("\n").partition(" ")
        if order != "start":
            return 0
        facts, (path, session, seconds) = source.facts, json.loads(places)
        about = asdict(facts) | {"pid": os.getpid()}
        ring = Ring.create(Path(path), rate_hz=facts.rate_hz, frame_bytes=facts.frame_bytes, seconds=seconds, about=about)
        if os.getppid() != supervisor:  # nobody will ever look for this ring
            ring.path.unlink()
            return 0
        _capture(source, ring, Path(session))
    except EverywordError as error:
        _tell("error", {"code": error.code, "sentence": error.sentence, "hint": error.hint})
        return error.exit_code
    except OSError as error:
        _tell("error", {"code": "disk", "sentence": f"There is no room for the capture buffer: {error}.", "hint": ""})
        return 6
    return 0


def _capture(source: Source, ring: Ring, session: Path) -> None:
    _come_first()
    signal.signal(signal.SIGTERM, lambda _number, _frame: source.finished.set())
    source.start(lambda pcm, overflowed: ring.write(pcm, overflowed=overflowed))
    _tell("started", {})
    threading.Thread(target=_end_with_stdin, args=(source.finished, ring, session), daemon=True).start()
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


def _end_with_stdin(finished: threading.Event, ring: Ring, session: Path) -> None:
    """The supervisor says ``stop``; or it is gone, and nobody else wants the sound either."""
    if not sys.stdin.readline():
        unwanted = 0
        while unwanted < MOST_UNWANTED and session.exists() and not finished.wait(ALIVE_S):
            unwanted = 0 if _is_wanted(ring, session) else unwanted + 1
        if not session.exists():  # what was heard before the start of a recording that never began
            ring.path.unlink(missing_ok=True)
    finished.set()
    time.sleep(CLOSE_S)
    os._exit(1)


def _is_wanted(ring: Ring, session: Path) -> bool:
    """True while somebody holds the session, and the ring still has its name."""
    if not ring.path.exists():
        return False
    try:
        descriptor = os.open(session, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _tell(kind: str, value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps({kind: value}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
