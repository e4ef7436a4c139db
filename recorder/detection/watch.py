"""What the detectors find out about one opening of an input, put down in the journal for people and machines.

`cadence` judges the time of the blocks, `health` their sound; both are pure.  Here their findings become lines: a *state* begins,
may grow worse, and is over; a loss becomes frames that the feed accounts for.
"""

from dataclasses import dataclass
from typing import assert_never

from everyword.clock import clock_text
from everyword.model import Grade, Stream
from recorder.detection.cadence import (
    LATE_US,
    SETTLING_US,
    Cadence,
    ClockStepped,
    Event,
    Loss,
    Resumed,
    Stalled,
    Surplus,
    Suspended,
)
from recorder.detection.health import Change, Health
from recorder.disk.record import Record
from recorder.sound.ring import Ring, Stamp

LATE_WARNING_US = 700_000
"""An input that has been late for so long is reported before it is certain that sound is missing."""

DRIFT_EVERY_S = 60

LONGEST_HOLD_S = 3
"""Sound waits so long in the capture buffer, at most, for the certainty that nothing is missing before it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """`frame_count` frames were captured by nobody, before delivered frame `frame`."""

    frame: int
    frame_count: int
    cause: str
    witnesses: tuple[str, ...] = ()


@dataclass(slots=True)
class Watch:
    """The detectors of one opening; ``cadence`` is None for a file, which has no clock of its own.

    What a sound server plays (a "monitor") has none either: it is made ahead of its time, by more or less as others ask for it.
    Stalls and clocks are watched there too, but lateness says nothing: it is not ``is_timed``.

    ``on_time`` is the newest block that came when it should have: what may be said of it will not change any more.
    """

    record: Record
    stream: Stream
    health: Health
    cadence: Cadence | None = None
    is_timed: bool = False
    on_time: Stamp | None = None
    _next_block: int = 0
    _is_late: bool = False
    _drift_at: int = 0

    @staticmethod
    def begin(record: Record, stream: Stream) -> "Watch":
        """Start listening; the journal says with which detectors, and what they cannot find."""
        watch = _watch(record, stream)
        detectors = ["clock", "cadence", "backend"] if watch.is_timed else ["frames-delivered"]
        buffer_us = int(stream.detail.get("latency_ms", "0")) * 1000
        limits = {"shortest_loss_us": LATE_US, "settling_us": SETTLING_US, "buffer_us": buffer_us} if watch.is_timed else {}
        record.append("detectors", {"stream": stream.stream, "detectors": detectors, "limits": limits})
        return watch

    @staticmethod
    def again(record: Record, stream: Stream, ring: Ring) -> tuple["Watch", list[Missing]]:
        """Go on for a writer that died: hear again what is known of all its blocks, without another word in the journal."""
        watch = _watch(record, stream)
        return watch, [watch.missing(event) for event in watch.hear_blocks(ring) if isinstance(event, Loss | Suspended)]

    def hear(self, ring: Ring, *, now_us: int, base: int) -> list[Missing]:
        """Judge the blocks that have come since the last call; what is missing is returned, everything else journalled.

        Args:
            ring: where the blocks are.
            now_us: the monotonic clock.
            base: frame of the stream that the first delivered frame is.
        """
        events = self.hear_blocks(ring)
        if self.cadence is not None and not ring.ended:
            events += self.cadence.tick(now_us)
        if self.is_timed:
            self._report_lateness(base)
            self._report_drift(base)
        missing = []
        for event in events:
            if isinstance(event, Loss | Suspended):
                missing.append(self.missing(event))
            if not isinstance(event, Loss):
                self._report(event, base)
        return missing

    def listen(self, pcm: bytes, first_frame: int) -> None:
        """Hear delivered sound that begins at frame `first_frame` of the stream."""
        for change in self.health.hear(pcm, first_frame):
            self._report_change(change)

    def certain_frames(self, ring: Ring, *, at_once: bool) -> int:
        """Delivered frames before which nothing more can turn out to be missing; all of them if it must be `at_once`."""
        written = ring.written
        if self.cadence is None or not self.is_timed or at_once or ring.ended:
            return written
        return max(min(written, self.cadence.settled_frame), written - LONGEST_HOLD_S * self.stream.rate_hz)

    def states(self) -> list[tuple[int, str, Grade]]:
        """What is not well with the sound now, as (track, state, grade)."""
        return [(self.stream.tracks[channel], state, grade) for channel, state, grade in self.health.states()]

    def hear_blocks(self, ring: Ring) -> list[Event]:
        """What the blocks say that have come since the last call."""
        stamps, self._next_block = ring.stamps_since(self._next_block)
        if self.cadence is None:
            self.on_time = stamps[-1] if stamps else self.on_time
            return []
        events: list[Event] = []
        for stamp in stamps:
            events += self.cadence.hear(stamp, overflows=ring.overflows)
            if self.cadence.doubted_us is None:
                self.on_time = stamp
        if not self.is_timed:
            return [event for event in events if not isinstance(event, Loss | Surplus)]
        return events

    def missing(self, event: Loss | Suspended) -> Missing:
        """What such an event means for the tape."""
        if isinstance(event, Loss):
            return Missing(event.frame, event.frame_count, "upstream", event.witnesses)
        return Missing(event.frame, event.asleep_us * self.stream.rate_hz // 1_000_000, "suspended")

    def _report(self, event: Surplus | Stalled | Resumed | Suspended | ClockStepped, base: int) -> None:
        number, frame = self.stream.stream, base + event.frame
        match event:
            case Stalled():
                self._state("stalled", "alarm", f"{self._name} delivers nothing.", frame)
            case Resumed():
                self._state("stalled", "over", f"{self._name} delivers again after {event.stalled_us // 1000} ms.", frame)
            case Suspended():
                text = f"The computer slept for {event.asleep_us // 1_000_000} s; nothing was recorded meanwhile."
                self.record.alarm("suspended", text, stream=number, loss=True)
            case ClockStepped():
                self.record.append("clock", {"stream": number, "frame": frame, "step_us": event.step_us})
            case Surplus():
                self.record.append("surplus", {"stream": number, "frame": frame, "frame_count": event.frame_count})
                late_ms, at = event.frame_count * 1000 // self.stream.rate_hz, clock_text(frame, self.stream.rate_hz)
                text = f"{self._name} was {late_ms} ms late until {at}: so much of the gaps before is no loss, it came after all."
                self.record.alarm("gap-was-delay", text, stream=number, loss=False)
            case _:
                assert_never(event)

    def _report_lateness(self, base: int) -> None:
        assert self.cadence is not None  # noqa: S101  (for mypy: the caller has looked)
        doubted_us = self.cadence.doubted_us
        if self._is_late and doubted_us is None:
            self._is_late = False
            self._state("late", "over", f"{self._name} is on time again.", base + self.cadence.settled_frame)
        elif not self._is_late and (doubted_us or 0) >= LATE_WARNING_US:
            self._is_late = True
            text = f"{self._name} delivers late: sound may be missing."
            self._state("late", "warning", text, base + self.cadence.settled_frame)

    def _report_drift(self, base: int) -> None:
        assert self.cadence is not None  # noqa: S101  (for mypy: the caller has looked)
        frame = self.cadence.settled_frame
        if frame - self._drift_at < DRIFT_EVERY_S * self.stream.rate_hz:
            return
        self._drift_at = frame
        found = {"drift_ppm": round(self.cadence.drift_ppm), "deviation_ppm": round(self.cadence.drift_deviation_ppm)}
        self.record.append("drift", {"stream": self.stream.stream, "frame": base + frame, **found})

    def _report_change(self, change: Change) -> None:
        track = self.stream.tracks[change.channel]
        twin = self.stream.tracks[change.detail] if change.state == "cloned" else 0
        at = clock_text(change.first_frame, self.stream.rate_hz)
        texts = {
            ("silent", "warning"): f"Track {track} has been silent since {at}.",
            ("silent", "alarm"): f"Track {track} is still silent, since {at}: is its microphone on?",
            ("silent", "over"): f"Track {track} is heard again from {at}.",
            ("clipping", "warning"): f"Track {track} is too loud: at {at} its sound was cut off.",
            ("clipping", "over"): f"Track {track} is no longer cut off ({change.detail} times).",
            ("cloned", "alarm"): f"Tracks {twin} and {track} have carried the same sound since {at}: one microphone twice.",
            ("cloned", "over"): f"Tracks {twin} and {track} differ again from {at}.",
        }
        self._state(change.state, change.grade, texts[change.state, change.grade], change.first_frame, track=track)

    def _state(self, code: str, grade: Grade, text: str, frame: int, *, track: int | None = None) -> None:
        self.record.state(code, grade, text, stream=self.stream.stream, track=track, frame=frame)

    @property
    def _name(self) -> str:
        return f"Input {self.stream.input.name!r}"


def _watch(record: Record, stream: Stream) -> Watch:
    cadence = Cadence(stream.rate_hz) if stream.input.backend == "portaudio" else None
    health = Health(stream.rate_hz, stream.channels, stream.sample_format)
    return Watch(record, stream, health, cadence, is_timed=cadence is not None and not _is_monitor(stream))


def _is_monitor(stream: Stream) -> bool:
    """True for what a sound server plays; PulseAudio and PipeWire name such a source after the output."""
    return stream.detail.get("source", "").endswith(".monitor")
