"""The writer process: rings → session folder.  It owns the journal, and it is the one that seals.

Runs as ``python -P -m recorder.processes.writer FOLDER HOME DURATION HOLD new|resume [MIRROR…]``; takes orders as lines of JSON
on stdin, reports as lines of JSON on stdout.  When stdin ends, its supervisor is gone: it starts another one and goes on, or
seals when it cannot.
"""

import contextlib
import errno
import json
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from everyword import keys
from everyword.errors import CorruptFolder, DiskTrouble, EverywordError
from everyword.folder import SessionFolder, held
from everyword.model import Grade, Origin, from_json
from recorder.disk.mirror import answering, is_there
from recorder.disk.record import Record
from recorder.processes import pauses
from recorder.processes.feed import Feed
from recorder.processes.succession import Succession
from recorder.sound.ring import Ring, find_rings
from recorder.sound.sources import Facts

PULL_S = 0.05
SYNC_S = 1.0
SUPERVISOR_LOST = "supervisor lost"

MOST_REFUSALS = 5
"""So often within `REFUSALS_S` every disk may refuse and be tried again; then the recording is ended and sealed."""

REFUSALS_S = 30.0

Order = dict[str, object]

_GRADES: dict[str, Grade] = {"warning": "warning", "alarm": "alarm", "over": "over"}


@dataclass(slots=True)
class Writer:
    """What the process knows: the record, a feed an input, and rings whose first frame has not come yet."""

    record: Record
    home: Path
    duration_s: float | None
    feeds: dict[int, Feed] = field(default_factory=dict)
    arriving: dict[int, tuple[Ring, Facts, tuple[int, ...]]] = field(default_factory=dict)
    channels: dict[int, int] = field(default_factory=dict)
    refusals: list[float] = field(default_factory=list)

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

    def pull(self, *, at_once: bool = False) -> None:
        """Write what has been delivered on every input; see `Feed.pull`."""
        for number in list(self.arriving):
            self._begin(number)
        self.record.watch_paths()
        for feed in self.feeds.values():
            if at_once or self.record.paths.keeps_up:  # else it waits in the ring, which outlives us
                feed.pull(at_once=at_once)
        first = next(iter(self.feeds.values()), None)
        if first is not None:
            self.record.take_notes(stream=first.tape.stream.stream, frame=first.tape.frame)

    def report(self, order: Order) -> None:
        """Journal what another process has found out, at the newest frame of the input that it is about, if it is about one."""
        number = order.get("input")
        if isinstance(number, int) and number in self.arriving:
            self._begin(number)
        feed = self.feeds.get(number) if isinstance(number, int) else None
        stream, frame = (feed.tape.stream.stream, feed.tape.frame) if feed else (None, None)
        text = str(order.get("text", ""))
        if "alarm" in order:
            self.record.alarm(str(order["alarm"]), text, stream=stream, loss=order.get("loss") is not False)
        elif "state" in order:
            self.record.state(str(order["state"]), _GRADES[str(order["grade"])], text, stream=stream, frame=frame)
        elif "device" in order:
            names = {"from": str(order["from"]), "to": str(order["to"])}
            self.record.append("device", {"event": str(order["device"]), "stream": stream, "frame": frame, **names})
        elif isinstance(found := order.get("check"), dict):
            self.record.append("check", found)
        elif "inhibit" in order:
            self.record.append("inhibit", {"what": str(order["inhibit"]), "held": order["held"] is True})

    def sync(self) -> None:
        """Once a second: anchors, then everything to the disk."""
        for feed in self.feeds.values():
            feed.anchor()
        self.record.sync()

    def finish(self, reason: str, *, origin: Origin = "captured") -> None:
        """Seal.  The rings go when everything they held is in closed segments, and before the seal lists the folder's files.

        Raises:
            DiskTrouble, OSError: what was recorded is whole, and salvage will seal it.
        """
        key = keys.device_key(self.home)
        self.record.release_reserve()
        for feed in self.feeds.values():
            feed.end_withheld()
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
        recording, paths = self.record.recording, self.record.paths.status(self._bytes_per_s())
        return {
            "streams": [
                {
                    "frames": feed.tape.frame,
                    "rate_hz": feed.tape.stream.rate_hz,
                    "tracks": feed.tape.stream.tracks,
                    "peaks_cdb": feed.peaks,
                    "clips": feed.watch.health.clips,
                    "states": feed.states(),
                    "drift_ppm": feed.drift_ppm,
                    "name": feed.tape.stream.input.name,
                    "bytes_per_s": feed.tape.stream.rate_hz * feed.tape.stream.frame_bytes,
                }
                for feed in self.feeds.values()
            ],
            "gaps": recording.lost_gaps,
            "alarms": [alarm.text for alarm in recording.alarms[-3:]],
            "conditions": [
                {"code": one.code, "grade": one.grade, "text": one.text, "track": one.track}
                for one in recording.conditions.values()
                if one.grade != "over"
            ],
            "notes": len(recording.notes),
            **pauses.state(recording),
            "paths": paths,
            "free_bytes": min((path["free_bytes"] for path in paths if path["in_service"]), default=0),
        }

    def _bytes_per_s(self) -> int:
        return sum(feed.tape.stream.rate_hz * feed.tape.stream.frame_bytes for feed in self.feeds.values())

    def after_refusal(self, error: OSError) -> "tuple[Writer, str]":
        """Every path has refused: who goes on with what the disks have, and the reason to stop, if there is one.

        A full disk stays full; anything else is tried again, because the rings still have what was delivered meanwhile.

        Raises:
            OSError, EverywordError: there is no disk left that can be read; salvage will find the rings.
        """
        now = time.monotonic()
        refusals = [*(at for at in self.refusals if now - at < REFUSALS_S), now]
        writer = Writer(self.record.again(), self.home, self.duration_s, refusals=refusals)
        why = error.strerror or str(error)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG) and len(refusals) < MOST_REFUSALS:
            writer.record.alarm("disk-again", f"The disk refused once ({why}); what it has was read, and written on.", loss=False)
            writer.record.paths.start()
            writer.attach_again()
            return writer, ""
        text = f"The disk refused more sound: {why}. What was delivered after that is not recorded."
        writer.record.alarm("disk", text, loss=True)
        return writer, f"disk: {why}"

    @property
    def is_full(self) -> bool:
        """True once one input has given the wanted duration and no other has anything left to give."""
        feeds = self.feeds.values()
        return not self.arriving and any(feed.is_full for feed in feeds) and all(feed.has_ended for feed in feeds)


def main() -> int:
    """Run until told to stop; the exit code is one of the documented ones."""
    path, home, duration, hold, resume, *mirrors = sys.argv[1:]
    os.set_blocking(sys.stdout.fileno(), False)
    folders = [SessionFolder(Path(one)) for one in (path, *mirrors)]
    try:
        with contextlib.ExitStack() as stack:
            there = [folder for folder in answering(folders) if is_there(folder)] or folders[:1]
            holds = [stack.enter_context(held(folder, exclusive=False)) for folder in there]
            os.close(int(hold))
            if any(folder.is_sealed for folder in there):
                return 0  # by the writer before, which died when it had nothing left to do
            record = Record.resume(*_first(folders)) if resume == "resume" else Record.begin(*_first(folders))
            writer = Writer(record, Path(home), float(duration) or None)
            record.paths.start()
            if resume == "resume":
                writer.attach_again()
            _tell("open", {})
            return _run(writer, Succession(folders[0].path, writer.home, holds[0]))
    except EverywordError as error:
        return _report(error)
    except OSError as error:
        return _report(DiskTrouble(f"{path} cannot be written: {error.strerror}.", hint="Choose another disk with --to."))


def _first(folders: list[SessionFolder]) -> tuple[SessionFolder, list[SessionFolder]]:
    return folders[0], folders[1:]


def _run(writer: Writer, succession: Succession) -> int:
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, orders), daemon=True).start()
    reason, refused = "", None
    if any(tape.is_closed for tape in writer.record.tapes.values()):
        reason = "the writer died while it was sealing"
    while not reason:
        try:
            reason = _until_stopped(writer, orders, succession)
        except OSError as error:
            writer, reason = writer.after_refusal(error)
            refused = error if reason else None
    try:
        writer.finish(reason)
    except OSError as error:
        refused = error
        writer, reason = writer.after_refusal(error)
        writer.finish(reason or "the disk refused while the session was sealed")
    recording = writer.record.recording
    _tell("sealed", {"gaps": recording.lost_gaps, "alarms": len(recording.alarms) + recording.condition_alarms})
    for folder, why in writer.record.complete_mirrors():
        _tell("unequal", {"path": str(folder.path), "why": why.strerror or str(why)})
    if refused is not None:
        sentence = f"The disk refused more sound ({refused.strerror}); everything before is sealed."
        return _report(DiskTrouble(sentence, hint="Free some space, or record to another disk with --to."))
    return 0


def _until_stopped(writer: Writer, orders: "queue.SimpleQueue[Order]", succession: Succession) -> str:
    """Write what comes until somebody orders a stop; returns the reason.  Raises ``OSError`` when no path takes any more."""
    reason, synced = "", time.monotonic()
    while not reason:
        reason = _obey(writer, orders, succession)
        if succession.tend():
            text = "The process that controls the recording has not answered for 10 s; it was ended."
            writer.record.alarm("supervisor-lost", text, loss=False)
        writer.pull()
        if time.monotonic() - synced >= SYNC_S:
            writer.sync()
            synced = time.monotonic()
        _tell("status", writer.status() | {"is_full": writer.is_full})
    if reason == SUPERVISOR_LOST:
        writer.attach_again()
    writer.pull(at_once=True)
    if reason == SUPERVISOR_LOST:
        text = "The recording ended here because the process that controls it died."
        writer.record.alarm("supervisor-lost", text, loss=True)
    return reason


def _obey(writer: Writer, orders: "queue.SimpleQueue[Order]", succession: Succession) -> str:
    """Carry out what has been ordered; wait a moment for more.  Returns the reason to stop, or nothing."""
    try:
        order = orders.get(timeout=PULL_S)
    except queue.Empty:
        return ""
    succession.heard()
    if order.get("stop") == SUPERVISOR_LOST and (next_orders := succession.start()) is not None:
        threading.Thread(target=_listen, args=(os.fdopen(next_orders, encoding="utf-8"), orders), daemon=True).start()
        text = "The process that controls the recording died; another one has taken its place."
        writer.record.alarm("supervisor-lost", text, loss=False)
    elif "stop" in order:
        return str(order["stop"])
    elif "request" in order:
        succession.begin(order["request"], order.get("supervisor"))
    elif "pause" in order or "resume" in order:
        pauses.obey(writer.record, writer.feeds.values(), order)
    elif "attach" in order:
        writer.attach(int(str(order["attach"])), Path(str(order["ring"])))
    else:
        writer.report(order)
    return ""


def _attempt(path: Path) -> int:
    """How often the input had been opened when this ring was made; 0 for a ring that was not named by us."""
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _listen(said: IO[str], orders: "queue.SimpleQueue[Order]") -> None:
    for line in said:
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
