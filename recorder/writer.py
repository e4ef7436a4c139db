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
from everyword.errors import CorruptFolder, DiskTrouble, EverywordError
from everyword.folder import SessionFolder, held
from everyword.model import Origin, from_json
from recorder.feed import Feed
from recorder.record import Record
from recorder.ring import Ring, find_rings
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
    arriving: dict[int, tuple[Ring, Facts, tuple[int, ...]]] = field(default_factory=dict)
    channels: dict[int, int] = field(default_factory=dict)

    def attach(self, number: int, path: Path) -> None:
        """Take the ring of input `number`; a second one for the same input means that its capture child was restarted.

        A ring that is known already (`attach_again` may have found it first) is not taken twice: its frames would be, too.
        """
        if path in self._known():
            return
        self._begin(number)  # whatever the ring before has got, nothing more will come
        ring = Ring.open(path)
        facts = from_json(Facts, ring.about)
        first_track = 1 + sum(self.channels[lower] for lower in sorted(self.channels) if lower < number)
        self.channels.setdefault(number, facts.channels)
        self.arriving[number] = (ring, facts, tuple(range(first_track, first_track + facts.channels)))

    def attach_again(self) -> None:
        """After the death of an earlier writer, or of the supervisor: go on with every ring that is still there.

        The journal names those it has begun with; the others are found by their names.
        """
        known = self._known()
        rings = [(number, path) for number, path in find_rings(self.record.folder) if path not in known]
        numbers = {path: number for number, path in rings}
        begun = {Path(path): stream for stream, (path, _) in self.record.recording.rings.items()}
        last = {numbers.get(path, stream - 1): path for path, stream in begun.items()}
        for path, stream in begun.items():
            feed = None if path in known else Feed.again(self.record, stream, duration_s=self.duration_s)
            if feed is not None:
                feed.pull()  # of an input that came back in another format, only the last is gone on with
                self.feeds[numbers.get(path, stream - 1)] = feed
        for number, path in rings:
            if number not in last or _attempt(path) > _attempt(last[number]):
                with contextlib.suppress(CorruptFolder, ValueError, OSError):  # its maker died before it was whole
                    self.attach(number, path)

    def pull(self) -> None:
        """Write what has been delivered on every input."""
        for number in list(self.arriving):
            self._begin(number)
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

    def finish(self, reason: str, *, origin: Origin = "captured") -> None:
        """Seal.  The rings go when everything they held is in closed segments, and before the seal lists the folder's files.

        Raises:
            DiskTrouble: what was recorded is whole, and salvage will seal it.
        """
        key = keys.device_key(self.home)
        self.record.release_reserve()
        for feed in self.feeds.values():
            feed.anchor()
        self.record.close_tapes()
        rings = {path for _, path in find_rings(self.record.folder)} | {feed.ring.path for feed in self.feeds.values()}
        for path in rings:
            path.unlink(missing_ok=True)
        self.record.finish(reason=reason, origin=origin, key=key)

    def _known(self) -> set[Path]:
        return {feed.ring.path for feed in self.feeds.values()} | {ring.path for ring, _, _ in self.arriving.values()}

    def _begin(self, number: int) -> None:
        if number not in self.arriving:
            return
        ring, facts, tracks = self.arriving[number]
        after = self.feeds.get(number)
        feed = Feed.begin(self.record, ring, facts, after=after, duration_s=self.duration_s, tracks=tracks)
        if feed is not None:
            self.feeds[number] = feed
            del self.arriving[number]
            if after is not None:
                after.ring.path.unlink(missing_ok=True)

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
            if folder.is_sealed:
                return 0  # by the writer before, which died when it had nothing left to do
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
    if any(tape.is_closed for tape in writer.record.tapes.values()):
        reason = "the writer died while it was sealing"
    try:
        while not reason:
            reason = _obey(writer, orders)
            writer.pull()
            if time.monotonic() - synced >= SYNC_S:
                writer.sync()
                synced = time.monotonic()
            _tell("status", writer.status() | {"is_full": writer.is_full})
        if reason == SUPERVISOR_LOST:
            writer.attach_again()
            writer.pull()
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
    if "alarm" in order:
        _alarm(writer.record, str(order["alarm"]), str(order["text"]))
    else:
        writer.attach(int(str(order["attach"])), Path(str(order["ring"])))
    return ""


def _attempt(path: Path) -> int:
    """How often the input had been opened when this ring was made; 0 for a ring that was not named by us."""
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


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
