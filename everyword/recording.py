"""What the journal says was recorded: streams, segments, gaps, notes, anchors, leaves."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from everyword import journal
from everyword.clock import Timeline
from everyword.digest import DIGEST
from everyword.errors import CorruptFolder, SessionNotFound
from everyword.folder import SessionFolder
from everyword.journal import Line
from everyword.model import (
    WITHHELD_CAUSES,
    Alarm,
    Anchor,
    AudioSegment,
    Condition,
    Gap,
    Note,
    Pause,
    Session,
    Stream,
    Track,
    Withheld,
    from_json,
)
from everyword.segment import SEGMENT_SECONDS


@dataclass(frozen=True, slots=True)
class _Leaf:
    stream: int
    index: int
    digests: tuple[str, ...]


@dataclass(slots=True)
class Recording:
    """A session's journal, read once.

    Leaves are tagged digests, one a channel, keyed by (stream, index).  ``rings`` says where the capture buffer of a stream
    lies, and which frame of the stream is the buffer's first; ``withheld`` what of its newest one nobody may keep.
    ``conditions`` holds the latest word on each state, and ``condition_alarms`` how often one became an alarm.  ``detectors``
    says how losses in a stream were looked for.
    """

    folder: SessionFolder
    session: Session
    streams: dict[int, Stream] = field(default_factory=dict)
    segments: list[AudioSegment] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    surplus: dict[int, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    conditions: dict[tuple[str, int | None, int | None], Condition] = field(default_factory=dict)
    condition_alarms: int = 0
    detectors: dict[int, Line] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    rings: dict[int, tuple[str, int]] = field(default_factory=dict)
    pauses: list[Pause] = field(default_factory=list)
    withheld: dict[int, list[Withheld]] = field(default_factory=dict)
    anchors: dict[int, list[Anchor]] = field(default_factory=lambda: defaultdict(list))
    leaves: dict[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)
    started_at_us: int | None = None
    stop: Line | None = None
    last: Line | None = None
    torn_bytes: int = 0
    lines: int = 0

    @property
    def pause(self) -> Pause | None:
        """The pause that lasts, if it does."""
        return self.pauses[-1] if self.pauses and self.pauses[-1].resumed_at_us is None else None

    @property
    def lost_gaps(self) -> int:
        """How many gaps nobody wanted."""
        return sum(not gap.is_withheld for gap in self.gaps)

    @property
    def tracks(self) -> list[Track]:
        """Every channel of every stream, under its track number."""
        return [
            Track(number, stream.stream, channel)
            for stream in self.streams.values()
            for channel, number in enumerate(stream.tracks)
        ]

    def end_frame(self, stream: int) -> int:
        """One past the last frame of the stream that a closed segment or a gap holds."""
        pieces: list[AudioSegment | Gap] = [*self.segments, *self.gaps]
        return max((piece.first_frame + piece.frame_count for piece in pieces if piece.stream == stream), default=0)

    def of_stream(self, stream: int) -> tuple[AudioSegment, ...]:
        """The closed segments of one stream, in order."""
        return tuple(segment for segment in self.segments if segment.stream == stream)

    def timeline(self, stream: int) -> Timeline:
        """Where the stream's frames lie in time."""
        return Timeline.fit(self.anchors.get(stream, []), rate_hz=self.streams[stream].rate_hz, start_utc_us=self.started_at_us)

    def timelines(self) -> dict[int, Timeline]:
        """`timeline` of every stream."""
        return {stream: self.timeline(stream) for stream in self.streams}


def read_recording(folder: SessionFolder) -> Recording:
    """Read and check a session's journal.

    Raises:
        SessionNotFound, UnsupportedFormat, CorruptFolder: see `SessionFolder.read_session`; also for a broken chain or a line
            that lacks something.
    """
    session = folder.read_session()
    if not folder.journal.exists():
        raise SessionNotFound(f"{folder.path.name} has no journal: nothing was recorded.")
    return from_lines(folder, session, journal.read(folder.journal, genesis=folder.genesis()))


def from_lines(folder: SessionFolder, session: Session, lines: Iterable[Line]) -> Recording:
    """Gather journal lines; kinds this version does not know are kept in the chain and passed over here."""
    recording = Recording(folder, session)
    for line in lines:
        take(recording, line)
    return recording


def take(recording: Recording, line: Line) -> None:
    """Add one journal line to what is known.  Raises `CorruptFolder` for a line that lacks something."""
    recording.lines += 1
    recording.last = line
    try:
        _take(recording, line)
    except (KeyError, TypeError, ValueError) as error:
        name = f"{recording.folder.path.name}/journal.jsonl"
        raise CorruptFolder(f"{name}, line {recording.lines}, lacks something or makes no sense: {error}.") from error


def _take(recording: Recording, line: Line) -> None:
    _take_sound(recording, line)
    _take_event(recording, line)


def _take_sound(recording: Recording, line: Line) -> None:
    """What is on disk, or is not."""
    match line["kind"]:
        case "stream":
            stream = from_json(Stream, line)
            _check_stream(recording, stream)
            recording.streams[stream.stream] = stream
        case "leaf":
            leaf = from_json(_Leaf, line)
            _check_leaf(recording.streams[leaf.stream], leaf)
            recording.leaves[leaf.stream, leaf.index] = leaf.digests
        case "anchor":
            anchor = from_json(Anchor, line)
            recording.anchors[anchor.stream].append(anchor)
        case "segment":
            segment = from_json(AudioSegment, line)
            _check_piece(recording, segment)
            _check_path(recording, segment)
            recording.segments.append(segment)
        case "gap":
            gap = from_json(Gap, line)
            _check_piece(recording, gap)
            recording.gaps.append(gap)
        case "ring":
            recording.rings[line["stream"]] = (str(line["path"]), line["first_frame"])  # type: ignore[index, assignment]
            pause = recording.pause
            recording.withheld[_number(line["stream"])] = [Withheld(0, None, pause.cause, pause.by)] if pause else []
        case "paths":
            recording.paths = tuple(map(str, line["paths"]))  # type: ignore[call-overload]
        case "import":
            started = line.get("started_at_us")
            recording.started_at_us = started if isinstance(started, int) else None
        case "salvage":
            torn = line.get("torn_bytes")
            recording.torn_bytes += torn if isinstance(torn, int) else 0


def _take_event(recording: Recording, line: Line) -> None:
    """What happened, and who said what to it."""
    match line["kind"]:
        case "alarm":
            recording.alarms.append(from_json(Alarm, line))
        case "state":
            condition = from_json(Condition, line)
            recording.conditions[condition.code, condition.stream, condition.track] = condition
            recording.condition_alarms += condition.grade == "alarm"
        case "surplus":
            stream = _number(line["stream"])
            recording.surplus[stream] = recording.surplus.get(stream, 0) + _number(line["frame_count"])
        case "detectors":
            recording.detectors[_number(line["stream"])] = {
                name: value for name, value in line.items() if name in ("detectors", "limits")
            }
        case "pause":
            _take_pause(recording, line)
        case "resume":
            _take_resume(recording, line)
        case "note":
            recording.notes.append(from_json(Note, {**line, "at_us": line.get("written_at_us") or line["at"]}))
        case "stop":
            recording.stop = line


def _take_pause(recording: Recording, line: Line) -> None:
    if recording.pause is not None:
        raise ValueError("it is paused already")
    pause = from_json(Pause, {name: line[name] for name in ("id", "cause", "by", "at_us")})
    if pause.cause not in WITHHELD_CAUSES:
        raise ValueError(f"nothing is withheld because of {pause.cause!r}")
    recording.pauses.append(pause)
    for stream, delivered in _delivered(line):
        recording.withheld.setdefault(stream, []).append(Withheld(delivered, None, pause.cause, pause.by))


def _take_resume(recording: Recording, line: Line) -> None:
    pause = recording.pause
    if pause is None:
        raise ValueError("it is not paused")
    recording.pauses[-1] = replace(pause, resumed_by=str(line["by"]), resumed_at_us=_number(line["at_us"]))
    ends = dict(_delivered(line))
    for stream, parts in recording.withheld.items():
        if parts and parts[-1].end is None:
            parts[-1] = replace(parts[-1], end=ends.get(stream, parts[-1].first))


def _delivered(line: Line) -> list[tuple[int, int]]:
    """(stream, frames that its newest opening had delivered) of each."""
    return [(_number(one["stream"]), _number(one["delivered"])) for one in line["streams"]]  # type: ignore[attr-defined]


def _number(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r} is no number")
    return value


def _check_stream(recording: Recording, stream: Stream) -> None:
    """What all arithmetic on frames takes for granted, and what fits into the fields of a leaf and of a header."""
    whole = 0 < stream.stream < 1 << 16 and 0 < stream.channels < 1 << 16 and 0 < stream.rate_hz < 1 << 32
    if not whole or len(stream.tracks) != stream.channels or stream.stream in recording.streams:
        raise ValueError(f"stream {stream.stream} cannot be")


def _check_leaf(stream: Stream, leaf: _Leaf) -> None:
    if leaf.index < 0 or len(leaf.digests) != stream.channels or not all(map(DIGEST.fullmatch, leaf.digests)):
        raise ValueError(f"leaf {leaf.index} of stream {leaf.stream} cannot be")


def _check_piece(recording: Recording, piece: AudioSegment | Gap) -> None:
    if piece.stream not in recording.streams or piece.first_frame < 0 or piece.frame_count < 0:
        raise ValueError(f"frames {piece.first_frame} + {piece.frame_count} of stream {piece.stream} cannot be")


def _check_path(recording: Recording, segment: AudioSegment) -> None:
    """A segment lies where its frames say: a journal that was tampered with must not lead out of the folder."""
    index = segment.first_frame // (SEGMENT_SECONDS * recording.streams[segment.stream].rate_hz)
    if segment.path != recording.folder.relative(recording.folder.segment(segment.stream, index)):
        raise ValueError(f"a segment cannot lie at {segment.path!r}")
