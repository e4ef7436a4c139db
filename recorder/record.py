"""One session being written: its journal, its tapes, and the seal at the end.

Recording, import and salvage differ only in where the sound comes from; this is what they share.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import journal
from everyword.folder import SessionFolder, sync_directory
from everyword.journal import Chain, Line
from everyword.merkle import Tree
from everyword.model import Input, Origin, SampleFormat, Stream, to_json
from everyword.recording import Recording, from_lines, take
from everyword.seal import describe_roots, write_seal
from recorder import inbox
from recorder.tape import Tape

RESERVE_BYTES = 1 << 20
"""Set aside at the start, given back when the disk is full: the end of the journal and the seal always fit."""


@dataclass(slots=True)
class Record:
    """The one writer of a session's journal."""

    folder: SessionFolder
    recording: Recording
    chain: Chain
    seed: bytes
    tapes: dict[int, Tape] = field(default_factory=dict)
    inbox_bytes: int = 0

    @classmethod
    def begin(cls, folder: SessionFolder) -> "Record":
        """Start the journal of a folder that has just been created.  Raises ``OSError`` when the disk refuses."""
        recording = Recording(folder, folder.read_session())
        reserve = os.open(_reserve(folder), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(reserve, 0, RESERVE_BYTES)
        finally:
            os.close(reserve)
        record = cls(folder, recording, Chain.create(folder.journal, genesis=folder.genesis()), folder.read_seed())
        record.append("begin", {"session": recording.session.id})
        sync_directory(folder.path)
        return record

    @classmethod
    def resume(cls, folder: SessionFolder) -> "Record":
        """Go on with a session whose writer died: repair the journal's tail, find every whole frame on disk.

        Raises:
            CorruptFolder: ``session.json`` or the salts are damaged.
        """
        genesis, session, seed = folder.genesis(), folder.read_session(), folder.read_seed()
        if not folder.journal.exists():
            Chain.create(folder.journal, genesis=genesis).close()
        torn = journal.move_torn_tail(folder.journal, genesis=genesis)
        recording = from_lines(folder, session, journal.read(folder.journal, genesis=genesis))
        record = cls(folder, recording, Chain.resume(folder.journal, genesis=genesis), seed)
        record.append("salvage", {"torn_bytes": torn})
        leaves = dict(recording.leaves)
        for stream in list(recording.streams.values()):
            record._resume_tape(
                stream, {index: leaves[number, index] for number, index in sorted(leaves) if number == stream.stream}
            )
        return record

    def append(self, kind: str, fields: Line) -> Line:
        """Write a journal line and take note of it."""
        line = self.chain.append(kind, fields)
        take(self.recording, line)
        # The tapes keep their trees, and nobody asks the recorder for times: hours of these in memory would be for nothing.
        if kind == "leaf":
            self.recording.leaves.clear()
        if kind == "anchor":
            self.recording.anchors.clear()
        return line

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
        self.tapes[number] = Tape(self.folder, stream, self.recording.session.id, self.seed, self.append, start_utc_us)
        return self.tapes[number]

    def take_notes(self, *, stream: int, frame: int) -> None:
        """Journal the notes that other processes have left in the inbox since the last look."""
        journalled = {note.id for note in self.recording.notes if note.id}
        for entry, end in inbox.read_new(self.folder, self.inbox_bytes):
            self.inbox_bytes = end
            if entry["id"] not in journalled:  # by a writer that died
                self.append("note", {**entry, "stream": stream, "frame": frame})

    def sync(self) -> None:
        """Everything written so far survives a power cut once this returns."""
        for tape in self.tapes.values():
            tape.sync()
        self.chain.sync()

    def finish(self, *, reason: str, origin: Origin, key: EllipticCurvePrivateKey) -> None:
        """Close the tapes, write the last line and seal.

        Raises:
            DiskTrouble: not even the reserve was enough; nothing recorded is lost, and salvage will seal it.
        """
        self.close_tapes()
        with inbox.held(self.folder):
            self.take_notes(stream=1, frame=self.tapes[1].frame if 1 in self.tapes else 0)
            self.append("stop", {"reason": reason})
            self.chain.close()
            write_seal(
                self.recording,
                origin=origin,
                roots=[root for tape in self.tapes.values() for root in describe_roots(tape.stream, tape.trees)],
                journal_head=self.chain.head,
                key=key,
                known_digests={name: value for tape in self.tapes.values() for name, value in tape.digests.items()},
            )

    def close_tapes(self) -> None:
        """End every stream; done again by `finish` it changes nothing."""
        self.release_reserve()
        for tape in self.tapes.values():
            tape.close()

    def release_reserve(self) -> None:
        """Give the reserved space back: the disk is full and the session must end."""
        _reserve(self.folder).unlink(missing_ok=True)

    def _resume_tape(self, stream: Stream, leaves: dict[int, tuple[str, ...]]) -> None:
        recording = self.recording
        tape = Tape(self.folder, stream, recording.session.id, self.seed, self.append)
        tape.start_utc_us = recording.timeline(stream.stream).start_utc_us
        gaps = sorted((gap for gap in recording.gaps if gap.stream == stream.stream), key=lambda gap: gap.first_frame)
        closed = recording.of_stream(stream.stream)
        tape.frame = max((segment.first_frame + segment.frame_count for segment in closed), default=0)
        tape.is_closed = bool(tape.frame % tape.segment_frames) and all(gap.first_frame < tape.frame for gap in gaps)
        self.tapes[stream.stream] = tape
        files = [(self._first_frame(tape, int(path.stem)), path) for path in sorted(tape.path.glob("*.wav"))]
        disk_end = max([tape.frame, *(first + tape.frames_in(path) for first, path in files)])
        indexes = sorted(index for index in leaves if tape.is_closed or (index + 1) * stream.rate_hz <= disk_end)
        for index in indexes:
            _grow(tape.trees, leaves[index])
        leaf_start = (indexes[-1] + 1) * stream.rate_hz if indexes else 0
        for first, _ in files:
            if first >= tape.frame and not tape.is_closed:
                tape.resume_segment(first_frame=first, leaf_start=leaf_start)
        for gap in gaps:
            tape.resume_gap(gap)

    def _first_frame(self, tape: Tape, index: int) -> int:
        """Of segment `index`: its place in the grid, unless a jumped gap ends inside it."""
        start = index * tape.segment_frames
        jumps = (g.first_frame + g.frame_count for g in self.recording.gaps if g.stream == tape.stream.stream and not g.filled)
        return max([start, *(end for end in jumps if start <= end < start + tape.segment_frames)])


def _reserve(folder: SessionFolder) -> Path:
    return folder.path / ".reserve"


def _grow(trees: list[Tree], digests: tuple[str, ...]) -> None:
    for tree, leaf in zip(trees, digests, strict=True):
        tree.append(bytes.fromhex(leaf.removeprefix("sha256:")))
