"""The writer process: rings → session folder.  It owns the journal, and it is the one that seals.

Runs as ``python -P -m recorder.writer FOLDER HOME DURATION new|resume``; takes orders as lines of JSON on stdin, reports as lines
of JSON on stdout.  When stdin ends, its supervisor is gone: it writes what is in the rings and seals.
"""

import contextlib
import json
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from everyword import keys
from everyword.errors import DiskTrouble, EverywordError
from everyword.folder import SessionFolder, held
from everyword.model import from_json
from recorder.feed import Feed
from recorder.record import Record
from recorder.ring import Ring
from recorder.sources import Facts

PULL_S = 0.05
SYNC_S = 1.0
SUPERVISOR_LOST = "supervisor lost"

Order = dict[str, object]


@dataclass(slots=True)
class Writer:
    """What the process knows: the record, a feed an input, and rings whose first frame has not come yet."""

    record: Record
    home: Path
    duration_s: float | None
    feeds: dict[int, Feed] = field(default_factory=dict)
    arriving: dict[int, tuple[Ring, Facts]] = field(default_factory=dict)

    def attach(self, number: int, path: str, facts: Facts) -> None:
        """Take the ring of input `number`; a second one for the same input means that its capture child was restarted."""
        self.arriving[number] = (Ring.open(Path(path)), facts)

    def attach_again(self) -> None:
        """After the death of an earlier writer: go on with the rings the journal names."""
        for number, stream in enumerate(self.record.tapes):
            feed = Feed.again(self.record, stream, duration_s=self.duration_s)
            if feed is not None:
                self.feeds[number] = feed

    def pull(self) -> None:
        """Write what has been delivered on every input."""
        for number, (ring, facts) in list(self.arriving.items()):
            feed = Feed.begin(self.record, ring, facts, after=self.feeds.get(number), duration_s=self.duration_s)
            if feed is not None:
                self.feeds[number] = feed
                del self.arriving[number]
        for feed in self.feeds.values():
            feed.pull()
        first = next(iter(self.feeds.values()), None)
        if first is not None:
            self.record.take_notes(stream=first.tape.stream.stream, frame=first.tape.frame)

    def sync(self) -> None:
        """Once a second: anchors, then everything to the disk."""
        for feed in self.feeds.values():
            feed.anchor()
        self.record.sync()

    def finish(self, reason: str) -> None:
        """Seal.  Raises `DiskTrouble`."""
        for feed in self.feeds.values():
            feed.anchor()
            feed.ring.path.unlink(missing_ok=True)
        self.record.finish(reason=reason, origin="captured", key=keys.device_key(self.home))

    def status(self) -> dict[str, object]:
        """What the terminal shows."""
        recording = self.record.recording
        disk = os.statvfs(self.record.folder.path)
        return {
            "streams": [
                {
                    "frames": feed.tape.frame,
                    "rate_hz": feed.tape.stream.rate_hz,
                    "tracks": feed.tape.stream.tracks,
                    "peaks_cdb": feed.peaks,
                    "name": feed.tape.stream.input.name,
                    "bytes_per_s": feed.tape.stream.rate_hz * feed.tape.stream.frame_bytes,
                }
                for feed in self.feeds.values()
            ],
            "gaps": len(recording.gaps),
            "alarms": [alarm.text for alarm in recording.alarms[-3:]],
            "notes": len(recording.notes),
            "free_bytes": disk.f_bavail * disk.f_frsize,
        }

    @property
    def is_full(self) -> bool:
        """True once one input has given the wanted duration and no other has anything left to give."""
        feeds = self.feeds.values()
        return not self.arriving and any(feed.is_full for feed in feeds) and all(feed.has_ended for feed in feeds)


def main() -> int:
    """Run until told to stop; the exit code is one of the documented ones."""
    path, home, duration, resume = sys.argv[1:]
    os.set_blocking(sys.stdout.fileno(), False)
    folder = SessionFolder(Path(path))
    try:
        with held(folder, exclusive=False):
            record = Record.resume(folder) if resume == "resume" else Record.begin(folder)
            writer = Writer(record, Path(home), float(duration) or None)
            writer.attach_again()
            _tell("open", {})
            return _run(writer)
    except EverywordError as error:
        return _report(error)
    except OSError as error:
        return _report(DiskTrouble(f"{path} cannot be written: {error.strerror}.", hint="Choose another disk with --to."))


def _run(writer: Writer) -> int:
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    reason, synced, refused = "", time.monotonic(), None
    try:
        while not reason:
            reason = _obey(writer, orders)
            writer.pull()
            if time.monotonic() - synced >= SYNC_S:
                writer.sync()
                synced = time.monotonic()
            _tell("status", writer.status() | {"is_full": writer.is_full})
        if reason == SUPERVISOR_LOST:
            _alarm(writer.record, "supervisor-lost", "The recording ended here because the process that controls it died.")
    except OSError as error:
        refused = error
        writer.record.release_reserve()
        text = f"The disk refused more sound: {error.strerror}. What was delivered after that is not recorded."
        _alarm(writer.record, "disk", text)
        reason = f"disk: {error.strerror}"
    writer.finish(reason)
    _tell("sealed", {"gaps": len(writer.record.recording.gaps), "alarms": len(writer.record.recording.alarms)})
    if refused is not None:
        sentence = f"The disk refused more sound ({refused.strerror}); everything before is sealed."
        return _report(DiskTrouble(sentence, hint="Free some space, or record to another disk with --to."))
    return 0


def _alarm(record: Record, code: str, text: str) -> None:
    record.append("alarm", {"code": code, "text": text, "stream": None, "loss": True})


def _obey(writer: Writer, orders: "queue.SimpleQueue[Order]") -> str:
    """Carry out what has been ordered; wait a moment for more.  Returns the reason to stop, or nothing."""
    try:
        order = orders.get(timeout=PULL_S)
    except queue.Empty:
        return ""
    if "stop" in order:
        return str(order["stop"])
    writer.attach(int(str(order["attach"])), str(order["ring"]), from_json(Facts, order["facts"]))
    return ""


def _listen(orders: "queue.SimpleQueue[Order]") -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    orders.put({"stop": SUPERVISOR_LOST})


def _tell(kind: str, value: object) -> None:
    """Report, unless the supervisor does not read: nothing may wait for it."""
    with contextlib.suppress(BlockingIOError, BrokenPipeError):
        os.write(sys.stdout.fileno(), json.dumps({kind: value}).encode() + b"\n")


def _report(error: EverywordError) -> int:
    _tell("error", {"code": error.code, "sentence": error.sentence, "hint": error.hint})
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
