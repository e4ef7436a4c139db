"""One stream on disk: segments, leaves and gaps, each frame exactly once and in order."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from everyword import __version__
from everyword.digest import TAG, file_digest
from everyword.folder import SessionFolder, sync_directory
from everyword.journal import Line
from everyword.merkle import Tree, leaf_digest, leaf_salt
from everyword.model import Gap, Stream
from everyword.segment import HEADER_BYTES, SEGMENT_SECONDS, header, patch_sizes, split_channels
from recorder import gaps

Append = Callable[[str, Line], Line]


@dataclass(slots=True)
class Tape:
    """Writes one stream.  ``frame`` is the position of the next frame; nothing before it ever changes.

    Args:
        folder: where the segments go.
        stream: format and number.
        session_id: goes into every leaf.
        seed: the salts' seed.
        append: writes a journal line.
        start_utc_us: wall clock of frame 0, for the ``bext`` chunk; None when nobody knows.
    """

    folder: SessionFolder
    stream: Stream
    session_id: str
    seed: bytes
    append: Append
    start_utc_us: int | None = None
    frame: int = 0
    trees: list[Tree] = field(init=False)
    digests: dict[str, str] = field(default_factory=dict)
    is_closed: bool = False
    _descriptor: int = -1
    _segment_first: int = 0
    _leaf: bytearray = field(default_factory=bytearray)
    _pending: list[Line] = field(default_factory=list)
    _dirty: bool = False

    def __post_init__(self) -> None:
        """One tree a channel."""
        self.trees = [Tree() for _ in range(self.stream.channels)]

    @property
    def segment_frames(self) -> int:
        """Frames of a full segment; segment n holds frames from n times this."""
        return SEGMENT_SECONDS * self.stream.rate_hz

    @property
    def path(self) -> Path:
        """The folder of the segments."""
        return self.folder.segment(self.stream.stream, 0).parent

    def frames_in(self, path: Path) -> int:
        """Whole frames that a segment file holds, whatever its header says."""
        return max(0, path.stat().st_size - HEADER_BYTES) // self.stream.frame_bytes

    def write(self, pcm: bytes | memoryview) -> None:
        """Append whole frames.  Raises ``OSError`` with every whole frame that fitted kept and counted."""
        view = memoryview(pcm)
        while view:
            if self._descriptor < 0:
                self._open_segment()
            room = self.segment_frames - self.frame % self.segment_frames
            piece = view[: room * self.stream.frame_bytes]
            self._write_piece(piece)
            view = view[len(piece) :]
            if self.frame % self.segment_frames == 0:
                self.close_segment()

    def skip(self, frame_count: int, *, cause: str) -> None:
        """Account for frames that were never delivered: journal the gap, then fill or jump it."""
        for piece in gaps.plan(self.frame, frame_count, rate_hz=self.stream.rate_hz):
            self.append(
                "gap",
                {
                    "stream": self.stream.stream,
                    "first_frame": piece.first_frame,
                    "frame_count": piece.frame_count,
                    "filled": piece.filled,
                    "cause": cause,
                },
            )
            if piece.filled:
                self.write_zeros(piece.frame_count)
            else:
                self.close_segment()
                self.frame += piece.frame_count

    def resume_gap(self, gap: Gap) -> None:
        """Do what is left to do for a gap that the journal has.  Sound that should lie before it, and does not, is a gap too."""
        end = gap.first_frame + gap.frame_count
        if end <= self.frame:
            return
        if gap.first_frame > self.frame:
            self.skip(gap.first_frame - self.frame, cause="not-on-disk")
        if gap.filled:
            self.write_zeros(end - self.frame)
        else:
            self.close_segment()
            self.frame = end

    def write_zeros(self, frame_count: int) -> None:
        """Digital silence, a second at a time."""
        second = bytes(self.stream.rate_hz * self.stream.frame_bytes)
        while frame_count:
            count = min(frame_count, self.stream.rate_hz)
            self.write(second[: count * self.stream.frame_bytes])
            frame_count -= count

    def sync(self) -> None:
        """Wait until the disk has every frame, then say so in the header and journal the leaves that are whole."""
        if self._dirty:
            os.fdatasync(self._descriptor)
            patch_sizes(self._descriptor, self._data_bytes)
            self._dirty = False
        self._journal_leaves()

    def close_segment(self) -> None:
        """End the open segment, if any: it never changes again.  Its digest goes into the journal."""
        if self._descriptor < 0:
            return
        if self._data_bytes % 2:
            os.pwrite(self._descriptor, b"\0", HEADER_BYTES + self._data_bytes)
        patch_sizes(self._descriptor, self._data_bytes)
        os.fsync(self._descriptor)
        self._journal_leaves()
        path = self.folder.segment(self.stream.stream, self._segment_first // self.segment_frames)
        name = self.folder.relative(path)
        self.digests[name] = file_digest(path)
        self.append(
            "segment",
            {
                "stream": self.stream.stream,
                "first_frame": self._segment_first,
                "frame_count": self.frame - self._segment_first,
                "path": name,
                "digest": self.digests[name],
            },
        )
        os.close(self._descriptor)  # not before its line is in the journal: what a full disk cut short is done again
        self._descriptor, self._dirty = -1, False

    def close(self) -> None:
        """End the stream: the last leaf may be shorter than a second."""
        if self._leaf:
            self._end_leaf(self.frame // self.stream.rate_hz)
        self.close_segment()
        self.is_closed = True

    def resume_segment(self, *, first_frame: int, leaf_start: int) -> None:
        """Go on with the segment file a dead process left open, keeping every whole frame that is in it.

        Args:
            first_frame: the segment's first frame.
            leaf_start: the first frame no journalled leaf covers; leaves from there on are made again from the file.
        """
        path = self.folder.segment(self.stream.stream, first_frame // self.segment_frames)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._segment_first, self._dirty = first_frame, True
        size = os.fstat(self._descriptor).st_size
        if size < HEADER_BYTES:
            _write_whole(self._descriptor, self._header(), 0)
        count = min(
            max(0, size - HEADER_BYTES) // self.stream.frame_bytes, self.segment_frames - first_frame % self.segment_frames
        )
        self.frame = max(first_frame, leaf_start)
        while self.frame < first_frame + count:
            frames = min(self.stream.rate_hz, first_frame + count - self.frame)
            at = HEADER_BYTES + (self.frame - first_frame) * self.stream.frame_bytes
            self._add_to_leaf(os.pread(self._descriptor, frames * self.stream.frame_bytes, at), self.frame)
            self.frame += frames
        if self.frame % self.segment_frames == 0 and self.frame > first_frame:
            self.close_segment()

    @property
    def _data_bytes(self) -> int:
        return (self.frame - self._segment_first) * self.stream.frame_bytes

    def _header(self) -> bytes:
        start = None if self.start_utc_us is None else self.start_utc_us + self._segment_first * 1_000_000 // self.stream.rate_hz
        index = self._segment_first // self.segment_frames
        return header(
            self.stream,
            session_id=self.session_id,
            index=index,
            first_frame=self._segment_first,
            utc_us=start,
            version=__version__,
        )

    def _open_segment(self) -> None:
        path = self.folder.segment(self.stream.stream, self.frame // self.segment_frames)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._segment_first = self.frame
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            _write_whole(descriptor, self._header(), 0)
            sync_directory(path.parent)
            sync_directory(path.parent.parent)
        except OSError:
            path.unlink()  # half a header is not a segment
            os.close(descriptor)
            raise
        self._descriptor, self._dirty = descriptor, True

    def _write_piece(self, piece: memoryview) -> None:
        done, start = 0, HEADER_BYTES + self._data_bytes
        try:
            while done < len(piece):
                done += os.pwrite(self._descriptor, piece[done:], start + done)
        finally:
            whole = done - done % self.stream.frame_bytes
            self._dirty = True
            self._add_to_leaf(piece[:whole], self.frame)
            self.frame += whole // self.stream.frame_bytes
            if done != len(piece):
                os.ftruncate(self._descriptor, start + whole)

    def _add_to_leaf(self, pcm: bytes | memoryview, first_frame: int) -> None:
        view = memoryview(pcm)
        while view:
            index = first_frame // self.stream.rate_hz
            room = (index + 1) * self.stream.rate_hz - first_frame
            piece = view[: room * self.stream.frame_bytes]
            self._leaf += piece
            view = view[len(piece) :]
            first_frame += len(piece) // self.stream.frame_bytes
            if first_frame % self.stream.rate_hz == 0:
                self._end_leaf(index)

    def _end_leaf(self, index: int) -> None:
        digests = []
        for channel, pcm in enumerate(
            split_channels(bytes(self._leaf), channels=self.stream.channels, sample_format=self.stream.sample_format)
        ):
            salt = leaf_salt(self.seed, stream=self.stream.stream, channel=channel, index=index)
            leaf = leaf_digest(self.session_id, pcm, salt=salt, stream=self.stream.stream, channel=channel, index=index)
            self.trees[channel].append(leaf)
            digests.append(TAG + leaf.hex())
        self._pending.append({"stream": self.stream.stream, "index": index, "digests": digests})
        self._leaf.clear()

    def _journal_leaves(self) -> None:
        while self._pending:
            self.append("leaf", self._pending[0])
            del self._pending[0]


def _write_whole(descriptor: int, data: bytes, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], at + done)
