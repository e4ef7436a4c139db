"""One session being written: its journal, its tapes, and the seal at the end.

Recording, import and salvage differ only in where the sound comes from; this is what they share.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import journal
from everyword.digest import TAG, digest
from everyword.errors import DiskTrouble
from everyword.folder import SessionFolder, disk_errors, sync_directory
from everyword.journal import Line
from everyword.merkle import Tree
from everyword.model import Grade, Input, Origin, SampleFormat, Stream, to_json
from everyword.recording import Recording, take
from everyword.seal import describe_roots, write_seal
from everyword.segment import HEADER_BYTES
from recorder.disk import inbox, mirror
from recorder.disk.lane import Joining, Lane, Trouble
from recorder.disk.paths import Paths
from recorder.disk.tape import Tape

SLOW_S = 2.0
"""A path that has been busy with one order for so long is reported."""

LONGEST_SILENCE_S = 30.0
"""And after so long it is out of service, if there is another."""

JOURNAL = "journal.jsonl"


@dataclass(slots=True)
class Record:
    """The one writer of a session's journal, on every path of it."""

    paths: Paths
    recording: Recording
    seed: bytes
    head: str
    tapes: dict[int, Tape] = field(default_factory=dict)
    _journal_bytes: int = 0
    _journal_sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _grades: dict[int, Grade] = field(default_factory=dict)
    _rewritten: dict[int, int] = field(default_factory=dict)
    _sealed: list[Lane] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: SessionFolder, mirrors: Sequence[SessionFolder] = ()) -> "Record":
        """Start the journal of a folder that has just been created, and of its mirrors.

        Raises:
            OSError: one of the disks refuses.
        """
        paths = Paths.of([folder, *mirrors])
        for lane in paths.lanes:
            lane.destination.reserve()
        record = cls(paths, Recording(folder, folder.read_session()), folder.read_seed(), folder.genesis())
        paths.create(JOURNAL, b"")
        record.append("begin", {"session": record.recording.session.id})
        if mirrors:
            # A path need not be text in any encoding; one that is not will not be found again by its name here.
            places = [os.fsencode(one.path.absolute()).decode("utf-8", "backslashreplace") for one in (folder, *mirrors)]
            record.append("paths", {"paths": places})
            if len({one.path.stat().st_dev for one in (folder, *mirrors)}) <= len(mirrors):
                record.state("same-disk", "warning", "Two of the places are on one disk: what breaks the one breaks the other.")
        paths.sync(JOURNAL)
        return record

    @classmethod
    def resume(cls, folder: SessionFolder, mirrors: Sequence[SessionFolder] = ()) -> "Record":
        """Go on with a session whose writer died: repair the journal's tail, find every whole frame on any of its disks.

        The path that knows most is gone on with; the others are made equal to it by `watch_paths` or by `finish`.

        Raises:
            CorruptFolder: ``session.json`` or the salts are damaged.
            SessionNotFound: none of the folders is there.
        """
        folders = [one for one in mirror.answering([folder, *mirrors]) if mirror.is_there(one)] or [folder]
        best, *rest = mirror.put_together(folders)
        torn = journal.move_torn_tail(best.folder.journal, intact=best.intact.size) if best.folder.journal.exists() else 0
        paths = Paths.of([folder, *mirrors], joining=[one for one in (folder, *mirrors) if one.path != best.folder.path])
        for lane in paths.lanes:
            for other in rest:
                if other.folder.path == lane.folder.path:
                    lane.destination.verified |= mirror.confirmed(best, other)
        record = cls(paths, best.recording, best.folder.read_seed(), best.intact.head)
        record._resume_journal(best.intact.size)
        record.append("salvage", {"torn_bytes": torn})
        leaves = dict(record.recording.leaves)
        for stream in list(record.recording.streams.values()):
            record._resume_tape(
                stream, {index: leaves[number, index] for number, index in sorted(leaves) if number == stream.stream}
            )
        return record

    def again(self) -> "Record":
        """After every path has refused: begin anew with what the disks have, their reserves given back.

        Raises:
            OSError, EverywordError: there is no path left that can be read.
        """
        self.paths.stop()  # whatever was being mended must not go on beside the new record
        answering = [lane for lane in self.paths.lanes if lane.busy_since is None]
        for lane in answering:
            with contextlib.suppress(OSError):
                lane.destination.forget()
                lane.destination.release_reserve()
        folders = [lane.folder for lane in answering] or [self.paths.lanes[0].folder]
        return Record.resume(folders[0], folders[1:])

    @property
    def folder(self) -> SessionFolder:
        """The session on a path that is in service."""
        return self.paths.folder

    def append(self, kind: str, fields: Line) -> Line:
        """Write a journal line and take note of it."""
        line, data = journal.link(kind, fields, seq=self.recording.lines, prev=self.head)
        self.paths.append(JOURNAL, self._journal_bytes, data + b"\n")
        self._journal_bytes += len(data) + 1
        self._journal_sha256.update(data + b"\n")
        self.head = digest(data)
        take(self.recording, line)
        # The tapes keep their trees, and nobody asks the recorder for times: hours of these in memory would be for nothing.
        if kind == "leaf":
            self.recording.leaves.clear()
        if kind == "anchor":
            self.recording.anchors.clear()
        return line

    def alarm(self, code: str, text: str, *, stream: int | None = None, loss: bool) -> None:
        """Journal an event that the operator must know of; `loss` when sound may be missing or altered."""
        self.append("alarm", {"code": code, "text": text, "stream": stream, "loss": loss})

    def state(
        self,
        code: str,
        grade: Grade,
        text: str,
        *,
        stream: int | None = None,
        track: int | None = None,
        frame: int | None = None,
    ) -> None:
        """Journal that a state has begun, grown worse, or is over; see `everyword.model.Condition`."""
        self.append("state", {"code": code, "grade": grade, "text": text, "stream": stream, "track": track, "frame": frame})

    def open_stream(
        self,
        source: Input,
        *,
        rate_hz: int,
        channels: int,
        sample_format: SampleFormat,
        tracks: tuple[int, ...] | None = None,
        detail: dict[str, str],
        start_utc_us: int | None = None,
    ) -> Tape:
        """Open the next stream and journal its format and tracks; by default its channels get the next free track numbers."""
        number = 1 + max(self.recording.streams, default=0)
        first = 1 + max((track.number for track in self.recording.tracks), default=0)
        tracks = tracks or tuple(range(first, first + channels))
        stream = Stream(number, rate_hz, channels, sample_format, tracks, source, detail)
        self.append("stream", to_json(stream))
        self.paths.sync(JOURNAL)  # without its format, what comes is only bytes
        self.tapes[number] = Tape(self.paths, stream, self.recording.session.id, self.seed, self.append, start_utc_us)
        return self.tapes[number]

    def take_notes(self, *, stream: int, frame: int) -> None:
        """Journal the notes that other processes have left in the inbox since the last look."""
        for entry in self.paths.notes():
            # By a writer that died, or from the inbox of another path.
            if not entry["id"] or entry["id"] not in {note.id for note in self.recording.notes}:
                self.append("note", {**entry, "stream": stream, "frame": frame})

    def sync(self) -> None:
        """Everything written so far survives a power cut, on every path that answers, once it has done what is ordered here."""
        for tape in self.tapes.values():
            tape.sync()
        self.paths.sync(JOURNAL, whole=self._journal_sha256.digest())

    def watch_paths(self) -> None:
        """Journal what has become of the paths, and begin to mend one that was out of service and answers again."""
        for trouble in list(self.paths.troubles()):
            self._tell(trouble)
        for number, lane in enumerate(self.paths.lanes, 1):
            if lane.destination.rewritten > self._rewritten.get(number, 0):
                self._rewritten[number] = lane.destination.rewritten
                text = f"{lane.folder.path.parent} did not confirm what it was given; it was written again and read back."
                self.alarm("written-again", text, loss=False)
            if lane.silent_s() > LONGEST_SILENCE_S and any(other.silent_s() < SLOW_S for other in self.paths.well):
                lane.take_ill(TimeoutError(f"it has not answered for {LONGEST_SILENCE_S:.0f} s"))
            grade = _grade(lane)
            if grade != self._grades.get(number, "over"):
                self._grades[number] = grade
                self.state(f"path-{number}", grade, self._describe(lane, grade))
        for lane in self.paths.lanes_to_mend():
            lane.recover(partial(mirror.catch_up, self.paths, lane, self.paths.well[0]))

    def finish(self, *, reason: str, origin: Origin, key: EllipticCurvePrivateKey) -> None:
        """Close the tapes, write the last line and seal, on every path that is in service.

        Raises:
            DiskTrouble: not even the reserve was enough; nothing recorded is lost, and salvage will seal it.
        """
        with disk_errors(self.folder.path, option="--to"):
            self.close_tapes()
            with self._inbox_held():
                self.take_notes(stream=1, frame=self.tapes[1].frame if 1 in self.tapes else 0)
                self.append("stop", {"reason": reason})
                self.paths.sync(JOURNAL)
                self.paths.close(JOURNAL, TAG + self._journal_sha256.hexdigest())
                self.paths.settle()
                self._seal(origin, key)

    def close_tapes(self) -> None:
        """End every stream, and wait until every path has it; done again by `finish` it changes nothing."""
        self.release_reserve()
        for tape in self.tapes.values():
            tape.close()
        self.paths.settle()

    def complete_mirrors(self) -> list[tuple[SessionFolder, OSError]]:
        """After `finish`: make every path equal to the sealed one; returns those where that was not possible.

        May take as long as copying what is missing takes.
        """
        self.paths.stop()
        sealed, left = self.recording.folder, list[tuple[SessionFolder, OSError]]()
        for lane in self.paths.lanes:
            if lane in self._sealed:
                continue
            try:
                if lane.busy_since is not None or not mirror.is_there(lane.folder):
                    raise lane.error or TimeoutError("it does not answer")
                lane.destination.release_reserve()
                mirror.make_equal(sealed, lane.folder, self._known(lane))
            except OSError as error:
                left.append((lane.folder, error))
        return left

    def release_reserve(self) -> None:
        """Give the reserved space back: the session is about to end."""
        for lane in self.paths.well:
            lane.put(lane.destination.release_reserve)

    def _seal(self, origin: Origin, key: EllipticCurvePrivateKey) -> None:
        """On the first path that takes it; the other paths in service get the same bytes."""
        roots = [root for tape in self.tapes.values() for root in describe_roots(tape.stream, tape.trees)]
        for lane in self.paths.well:
            self.recording.folder = lane.folder
            try:
                write_seal(
                    self.recording,
                    origin=origin,
                    roots=roots,
                    journal_head=self.head,
                    key=key,
                    known_digests=self.paths.digests,
                )
            except DiskTrouble as error:
                lane.take_ill(OSError(str(error)))
                with contextlib.suppress(OSError):  # it may have failed after its last byte: there shall be one seal
                    lane.folder.seal_signature.unlink(missing_ok=True)
                continue
            self._sealed.append(lane)
            break
        else:
            raise DiskTrouble("No path of the session takes its seal.", hint="Free some space, then run: everyword salvage")
        for lane in self.paths.well:
            if lane.folder.path != self.recording.folder.path:
                try:
                    mirror.make_equal(self.recording.folder, lane.folder, self._known(lane))
                    self._sealed.append(lane)
                except OSError as error:
                    lane.take_ill(error)

    def _known(self, lane: Lane) -> mirror.Known:
        return mirror.Known(digests=self.paths.digests, verified=lane.destination.verified)

    @contextlib.contextmanager
    def _inbox_held(self) -> Iterator[None]:
        """Nobody adds a note while the seal is made."""
        with contextlib.ExitStack() as stack:
            for lane in self.paths.well:
                try:
                    stack.enter_context(inbox.held(lane.folder))
                except OSError as error:
                    lane.take_ill(error)
            yield

    def _tell(self, trouble: Trouble) -> None:
        """Bytes that have changed are told at once; that a path is out of service is a state."""
        if not trouble.changed:
            return
        can_mend = any(lane is not trouble.lane for lane in self.paths.well)
        text = f"{trouble.lane.folder.path.parent}: {trouble.error.strerror}."
        text += " They are taken from the other path." if can_mend else " There is no other path to take them from."
        self.alarm("changed-on-disk", text, loss=not can_mend)
        if can_mend:
            trouble.lane.take_ill(trouble.error)

    def _describe(self, lane: Lane, grade: Grade) -> str:
        place = lane.folder.path.parent
        if grade == "over":
            return f"{place} is in service again and holds everything."
        if grade == "warning":
            return f"{place} has not answered for {SLOW_S:.0f} s; what is delivered waits in memory."
        why = lane.error.strerror or str(lane.error) if lane.error else "it failed"
        return f"{place} is out of service ({why}); the recording goes on at {self.folder.path.parent}."

    def _resume_journal(self, size: int) -> None:
        """Go on behind `size` good bytes.  Their end is written once more, the same: see `Tape.resume_segment`."""
        path = self.folder.journal
        if not path.exists():
            self.paths.create(JOURNAL, b"")
            sync_directory(path.parent)
            return
        data = path.read_bytes()[:size]
        self._journal_sha256.update(data)
        self.paths.found(JOURNAL, size)
        self._journal_bytes = max(0, size - (1 << 16))
        self.paths.append(JOURNAL, self._journal_bytes, data[self._journal_bytes :])
        self._journal_bytes = size

    def _resume_tape(self, stream: Stream, leaves: dict[int, tuple[str, ...]]) -> None:
        recording = self.recording
        tape = Tape(self.paths, stream, recording.session.id, self.seed, self.append)
        tape.start_utc_us = recording.timeline(stream.stream).start_utc_us
        gaps = sorted((gap for gap in recording.gaps if gap.stream == stream.stream), key=lambda gap: gap.first_frame)
        closed = recording.of_stream(stream.stream)
        self.paths.digests.update({segment.path: segment.digest for segment in closed})
        tape.frame = max((segment.first_frame + segment.frame_count for segment in closed), default=0)
        tape.is_closed = bool(tape.frame % tape.segment_frames) and all(gap.first_frame < tape.frame for gap in gaps)
        self.tapes[stream.stream] = tape
        files = self._segment_files(tape)
        disk_end = max([tape.frame, *(first + _frames_in(path, stream) for first, path in files)])
        indexes = sorted(index for index in leaves if tape.is_closed or (index + 1) * stream.rate_hz <= disk_end)
        for index in indexes:
            _grow(tape.trees, leaves[index])
        leaf_start = (indexes[-1] + 1) * stream.rate_hz if indexes else 0
        for first, path in files:
            if first >= tape.frame and not tape.is_closed:
                _cut_half_frame(path, stream)
                tape.resume_segment(path, first_frame=first, leaf_start=leaf_start)
        for gap in gaps:
            tape.resume_gap(gap)

    def _segment_files(self, tape: Tape) -> list[tuple[int, Path]]:
        """(first frame, file) of every segment on the path that is gone on with."""
        parent = self.folder.segment(tape.stream.stream, 0).parent
        return [(self._first_frame(tape, int(path.stem)), path) for path in sorted(parent.glob("*.wav"))]

    def _first_frame(self, tape: Tape, index: int) -> int:
        """Of segment `index`: its place in the grid, unless a jumped gap ends inside it."""
        start = index * tape.segment_frames
        jumps = (g.first_frame + g.frame_count for g in self.recording.gaps if g.stream == tape.stream.stream and not g.filled)
        return max([start, *(end for end in jumps if start <= end < start + tape.segment_frames)])


def _grade(lane: Lane) -> Grade:
    if not lane.is_well:
        return "over" if isinstance(lane.error, Joining) else "alarm"
    return "warning" if lane.silent_s() > SLOW_S else "over"


def _frames_in(path: Path, stream: Stream) -> int:
    """Whole frames that a segment file holds, whatever its header says."""
    return max(0, path.stat().st_size - HEADER_BYTES) // stream.frame_bytes


def _cut_half_frame(path: Path, stream: Stream) -> None:
    """Part of a frame at the end of a file that was being written is no sound; its bytes are kept beside the file."""
    whole = HEADER_BYTES + _frames_in(path, stream) * stream.frame_bytes
    if path.stat().st_size > whole:
        journal.move_torn_tail(path, intact=whole)


def _grow(trees: list[Tree], digests: tuple[str, ...]) -> None:
    for tree, leaf in zip(trees, digests, strict=True):
        tree.append(bytes.fromhex(leaf.removeprefix("sha256:")))
