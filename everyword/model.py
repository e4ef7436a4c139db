"""The types that travel between the packages: frozen, slotted, without I/O.

Positions are integer frames of one stream (see docs/reference/session-format.md); names carry their units.  Chained and signed
JSON holds no floats, so probabilities are parts per million (``_ppm``), times microseconds (``_us``) and levels hundredths of a
decibel (``_cdb``).
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Origin = Literal["captured", "imported", "salvaged"]
SampleFormat = Literal["s16", "s24", "s32", "f32", "f64"]
Grade = Literal["warning", "alarm", "over"]
State = Literal["spoken", "silent", "inaudible", "gap", "uncertain", "withheld", "failed"]
Outcome = Literal["pass", "fail", "unknown"]
Verdict = Literal["integrity", "completeness"]

WITHHELD_CAUSES = ("paused", "off-record")
"""Causes of gaps that somebody wanted: the recording was paused, or went off the record."""

BYTES_PER_SAMPLE: dict[str, int] = {"s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8}


@dataclass(frozen=True, slots=True)
class Speaker:
    """One entry of the roster; ``person`` is the key that stays the same in every session, ``name`` only a label.

    ``voice_consent``: this person allows that their voice is compared with voices of other sessions.
    """

    person: str
    name: str
    role: str = ""
    delegation: str = ""
    language: str = ""
    track: int | None = None
    voice_consent: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """What the operator asked to record: ``spec`` as typed, ``name`` as the system calls it."""

    spec: str
    name: str
    backend: Literal["portaudio", "file", "import"]


@dataclass(frozen=True, slots=True)
class Session:
    """What ``session.json`` holds, written before the first frame."""

    format: int
    id: str
    title: str
    place: str
    languages: tuple[str, ...]
    roster: tuple[Speaker, ...]
    inputs: tuple[Input, ...]
    origin: Origin
    operator: str
    created_at_us: int
    software: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stream:
    """One opening of one input in one format; channel ``i`` is heard on the session's track ``tracks[i]``."""

    stream: int
    rate_hz: int
    channels: int
    sample_format: SampleFormat
    tracks: tuple[int, ...]
    input: Input
    detail: dict[str, str]

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: all channels of one instant."""
        return self.channels * BYTES_PER_SAMPLE[self.sample_format]


@dataclass(frozen=True, slots=True)
class Track:
    """One microphone of the session: a channel of a stream, under the number the roster uses."""

    number: int
    stream: int
    channel: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """By these clocks, ``frame`` frames of the stream had been delivered."""

    stream: int
    frame: int
    boottime_us: int
    monotonic_us: int
    utc_us: int
    clock: Literal["synced", "unsynced", "unknown"]


@dataclass(frozen=True, slots=True)
class AudioSegment:
    """One closed file of audio; ``path`` is relative to the session folder."""

    stream: int
    first_frame: int
    frame_count: int
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames that were never delivered; ``filled`` gaps hold zeros in the file, others jump the frame number.

    ``witnesses``: what found a loss (clock, cadence, backend).  ``by``: who wanted it, for the causes in `WITHHELD_CAUSES`.
    """

    stream: int
    first_frame: int
    frame_count: int
    filled: bool
    cause: str
    witnesses: tuple[str, ...] = ()
    by: str = ""

    @property
    def is_withheld(self) -> bool:
        """True when nothing was lost: the operator had paused the recording."""
        return self.cause in WITHHELD_CAUSES


@dataclass(frozen=True, slots=True)
class Withheld:
    """Frames that one opening of an input delivered, from its frame `first` to `end` (None while it lasts), and nobody keeps."""

    first: int
    end: int | None
    cause: str
    by: str


@dataclass(frozen=True, slots=True)
class Pause:
    """The recording was paused or went off the record (`cause`, see `WITHHELD_CAUSES`); the last two are None while it lasts."""

    id: str
    cause: str
    by: str
    at_us: int
    resumed_by: str | None = None
    resumed_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something the operator was told; ``loss`` when sound may have been lost or altered by it."""

    code: str
    text: str
    stream: int | None
    loss: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that was not well for a while: it began (``warning`` or ``alarm``), grew worse, or is ``over``.

    The latest line about a (code, stream, track) is what holds.
    """

    code: str
    grade: Grade
    text: str
    stream: int | None
    track: int | None
    frame: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """What the operator wrote down, at the frame of stream 1 that had been delivered by then."""

    id: str
    seq: int
    at_us: int
    stream: int
    frame: int
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class Word:
    """One word as heard, with its own bounds."""

    text: str
    first_frame: int
    frame_count: int
    probability_ppm: int
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words of one track in one language, uninterrupted.  ``text`` keeps the spacing the engine wrote.

    ``label``: which of the voices that share the track, as ``1A``; empty where nobody told voices apart.
    """

    id: int
    stream: int
    track: int
    first_frame: int
    frame_count: int
    language: str
    language_ppm: int
    person: str | None
    text: str
    words: tuple[Word, ...]
    window: int
    flags: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A line of the coverage ledger: these frames of this track are in exactly this state."""

    stream: int
    track: int
    first_frame: int
    frame_count: int
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What ``run.json`` holds: one transcription, what made it and the digests of its files."""

    run: str
    session: str
    seal: str
    started_at_us: int
    engine: dict[str, str]
    model: dict[str, str]
    settings: dict[str, int | str]
    files: dict[str, str]
    windows: int
    flagged_windows: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """A run with its utterances and coverage, as read from the folder."""

    run: Run
    utterances: tuple[Utterance, ...]
    coverage: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """What every line of the ledger says that a person has added: its number, when, and who."""

    seq: int
    at_us: int
    by: str


@dataclass(frozen=True, slots=True)
class Anchored(Signed):
    """A line of the ledger about a stretch of one run."""

    run: str
    stream: int
    track: int
    first_frame: int
    frame_count: int


@dataclass(frozen=True, slots=True)
class Correction(Anchored):
    """A person's change to the text of an utterance; anchored on frames and the text before, never on row ids."""

    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of a verification; ``verdict`` says which of the two questions it answers."""

    verdict: Verdict
    outcome: Outcome
    subject: str
    sentence: str


_adapters: dict[type, Any] = {}


def _adapter(kind: type) -> Any:
    """Made once a type: building one takes as long as thousands of uses."""
    if kind not in _adapters:
        from pydantic import TypeAdapter  # noqa: PLC0415  (a quarter of the start-up time of every command)

        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_json(value: object) -> dict[str, Any]:
    """One of the types above as JSON objects, lists, strings, integers, booleans and null."""
    data: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json")
    return data


def from_json(kind: type[T], data: object) -> T:
    """The reverse of `to_json`.  Raises ``ValueError`` with the place of the first fault."""
    from pydantic import ValidationError  # noqa: PLC0415  (see `_adapter`)

    try:
        value: T = _adapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from error
    return value
