"""The capture child: opens one input and copies what it delivers into a ring.  Nothing else.

A hung sound driver is cured by killing this process; nothing but the frames it still held is lost.  Runs as
``python -P -m recorder.capture SPEC RATE CHANNELS``; speaks lines of JSON on stdout, is told ``start RING`` on stdin
and ends when stdin does.
"""

import gc
import json
import os
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


def main() -> int:
    """Open, wait for the order to start, capture until told to stop."""
    spec, rate_hz, channels = sys.argv[1:]
    supervisor = os.getppid()
    try:
        source = open_source(spec, rate_hz=int(rate_hz), channels=int(channels))
        _tell("ready", asdict(source.facts))
        order, _, path = sys.stdin.readline().rstrip("\n").partition(" ")
        if order != "start":
            return 0
        facts = source.facts
        ring = Ring.create(Path(path), rate_hz=facts.rate_hz, frame_bytes=facts.frame_bytes, about=asdict(facts))
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
    gc.disable()  # a collection in the callback's process is a pause in the callback
    source.start(lambda pcm, overflowed: ring.write(pcm, overflowed=overflowed))
    _tell("started", {})
    threading.Thread(target=_end_with_stdin, args=(source.finished,), daemon=True).start()
    source.finished.wait()
    source.stop()
    ring.end()


def _end_with_stdin(finished: threading.Event) -> None:
    """The supervisor says ``stop``, or is gone."""
    sys.stdin.readline()
    finished.set()
    time.sleep(CLOSE_S)
    os._exit(1)


def _tell(kind: str, value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps({kind: value}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
