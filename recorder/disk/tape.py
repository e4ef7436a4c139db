"""One stream on disk: segments, leaves and gaps, each frame exactly once and in order."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from everyword import __version__
from everyword.digest import TAG
from everyword.journal import Line
from everyword.merkle import Tree, leaf_digest, leaf_salt
from everyword.model import Gap, Stream
from everyword.segment import HEADER_BYTES, SEGMENT_SECONDS, header, sizes, split_channels, with_sizes
from recorder.disk import gaps
from recorder.disk.paths import Paths

Append = Callable[[str, Line], Line]


@dataclass(slots=True)
class Tape:
    """Writes one stream.  ``frame`` is the position of the next frame; nothing before it ever changes.

    ``unconfirmed_from``: the first frame that a dead process left on the disk without a journalled leaf.

    Args:
        paths: where the segments go.
        stream: format and number.
        session_id: goes into every leaf.
        seed: the salts' seed.
        append: writes a journal line.
        start_utc_us: wall clock of frame 0, for the ``bext`` chunk; None when nobody knows.
    """

    paths: Paths
    stream: Stream
    session_id: str
    seed: bytes
    append: Append
    start_utc_us: int | None = None
    frame: int = 0
    trees: list[Tree] = field(init=False)
    is_closed: bool = False
    unconfirmed_from: int | None = None
    _name: str = ""
    _segment_first: int = 0
    _sha256: "hashlib._Hash | None" = None
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

    def segment(self, index: int) -> str:
        """The name of segment `index` in the session folder."""
        folder = self.paths.folder
        return folder.relative(folder.segment(self.stream.stream, index))

    def write(self, pcm: bytes | memoryview) -> None:
        """Append whole frames.  Raises ``OSError`` when no path takes them: this tape is then of no use, see `Record.again`."""
        view = memoryview(pcm)
        while view:
            if not self._name:
                self._open_segment()
            room = self.segment_frames - self.frame % self.segment_frames
            piece = view[: room * self.stream.frame_bytes]
            self._write_piece(piece)
            view = view[len(piece) :]
            if self.frame % self.segment_frames == 0:
                self.close_segment()

    def skip(self, frame_count: int, *, cause: str, witnesses: tuple[str, ...] = (), by: str = "") -> None:
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
                    **({"witnesses": list(witnesses)} if witnesses else {}),
                    **({"by": by} if by else {}),
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
        """Every path waits until its disk has every frame, then says so in the header; whole leaves are journalled."""
        if self._dirty:
            self.paths.sync(self._name)
            self._patch_sizes()
            self._dirty = False
        self._journal_leaves()

    def close_segment(self) -> None:
        """End the open segment, if any: it never changes again.  Its digest goes into the journal."""
        if not self._name:
            return
        if self._data_bytes % 2:
            self.paths.patch(self._name, HEADER_BYTES + self._data_bytes, b"\0")
            if self._sha256 is not None:
                self._sha256.update(b"\0")
        self.paths.sync(self._name)
        self._patch_sizes()
        self.paths.sync(self._name)
        self._journal_leaves()
        count = self.frame - self._segment_first
        is_full = self.frame % self.segment_frames == 0
        digest = TAG + self._sha256.hexdigest() if self._sha256 and is_full else self.paths.digest(self._name)
        self.append(
            "segment",
            {
                "stream": self.stream.stream,
                "first_frame": self._segment_first,
                "frame_count": count,
                "path": self._name,
                "digest": digest,
            },
        )
        self.paths.close(self._name, digest)
        self._name, self._sha256, self._dirty = "", None, False

    def close(self) -> None:
        """End the stream: the last leaf may be shorter than a second."""
        if self._leaf:
            self._end_leaf(self.frame // self.stream.rate_hz)
        self.close_segment()
        self.is_closed = True

    def resume_segment(self, path: Path, *, first_frame: int, leaf_start: int) -> None:
        """Go on with the segment file a dead process left open, keeping every whole frame that is in it.

        What no journalled leaf covers is written into its place once more, byte for byte the same: after a disk's refusal the
        system may show bytes that the disk does not have.

        Args:
            path: the file.
            first_frame: the segment's first frame.
            leaf_start: the first frame no journalled leaf covers; leaves from there on are made again from the file.
        """
        self._name, self._segment_first, self._dirty = self.paths.folder.relative(path), first_frame, True
        size = path.stat().st_size
        self.paths.found(self._name, size)
        with path.open("rb") as file:
            if file.read(4) != b"RIFF" or size < HEADER_BYTES:
                self.paths.patch(self._name, 0, self._header())
        room = self.segment_frames - first_frame % self.segment_frames
        count = min(max(0, size - HEADER_BYTES) // self.stream.frame_bytes, room)
        self.frame = max(first_frame, leaf_start)
        if self.frame < first_frame + count and self.unconfirmed_from is None:
            self.unconfirmed_from = self.frame
        with path.open("rb") as file:
            file.seek(HEADER_BYTES + (self.frame - first_frame) * self.stream.frame_bytes)
            while self.frame < first_frame + count:
                self._write_piece(file.read(min(self.stream.rate_hz, first_frame + count - self.frame) * self.stream.frame_bytes))
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
        self._name = self.segment(self.frame // self.segment_frames)
        self._segment_first, self._dirty = self.frame, True
        head = self._header()
        self.paths.create(self._name, head)
        room = self.segment_frames - self.frame % self.segment_frames
        self._sha256 = hashlib.sha256(with_sizes(head, room * self.stream.frame_bytes))  # as it will be when it is full

    def _patch_sizes(self) -> None:
        for at, data in sizes(self._data_bytes):
            self.paths.patch(self._name, at, data)

    def _write_piece(self, piece: bytes | memoryview) -> None:
        self.paths.append(self._name, HEADER_BYTES + self._data_bytes, piece)
        if self._sha256 is not None:
            self._sha256.update(piece)
        self._dirty = True
        self._add_to_leaf(piece, self.frame)
        self.frame += len(piece) // self.stream.frame_bytes

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
