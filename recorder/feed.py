"""From a ring to a tape: every frame, in order, and every hole by name."""

from dataclasses import dataclass

from everyword.errors import CorruptFolder
from recorder import gaps
from recorder.clocks import clock_state
from recorder.meters import peaks_cdb
from recorder.record import Record
from recorder.ring import Overrun, Ring, Stamp
from recorder.sources import Facts
from recorder.tape import Tape

SHORTEST_SLEEP_US = 100_000
"""CLOCK_BOOTTIME ran so far ahead of CLOCK_MONOTONIC: not read at the same instant, they differ by less."""


@dataclass(slots=True)
class Feed:
    """One ring being written to one tape; ring frame 0 is frame ``base`` of the stream."""

    record: Record
    ring: Ring
    tape: Tape
    base: int
    limit: int | None = None
    peaks: tuple[int, ...] = ()
    asleep_us: int | None = None
    _overflows: int = 0
    _anchored: int = -1

    @classmethod
    def begin(
        cls,
        record: Record,
        ring: Ring,
        facts: Facts,
        *,
        after: "Feed | None",
        duration_s: float | None,
        tracks: tuple[int, ...] | None = None,
    ) -> "Feed | None":
        """Start once the first frames are there (None before): on a new stream, or behind `after` if the format is the same.

        A new input gets `tracks`, by default the next free ones.  A hole between the two openings is measured with the monotonic
        clock and put on the tape.
        """
        first = ring.first_stamp()
        if first is None:
            return None
        if after is not None:
            after.pull()
        if after is not None and _same_format(after.tape, facts):
            tape = after.tape
            _bridge(after, first)
        else:
            tape = record.open_stream(
                facts.source,
                rate_hz=facts.rate_hz,
                channels=facts.channels,
                sample_format=facts.sample_format,
                tracks=after.tape.stream.tracks if after and len(after.tape.stream.tracks) == facts.channels else tracks,
                detail=facts.detail,
                start_utc_us=first.utc_us - first.frame * 1_000_000 // facts.rate_hz,
            )
        record.append("ring", {"stream": tape.stream.stream, "path": str(ring.path), "first_frame": tape.frame})
        asleep_us = None if after is None else after.asleep_us
        feed = cls(record, ring, tape, tape.frame, _limit(duration_s, facts.rate_hz), asleep_us=asleep_us)
        feed.anchor(first)
        return feed

    @classmethod
    def again(cls, record: Record, stream: int, *, duration_s: float | None = None) -> "Feed | None":
        """Find the ring of a stream whose writer died; None when it is gone (a power cut takes it)."""
        path, base = record.recording.rings.get(stream, ("", 0))
        try:
            ring = Ring.open(record.folder.path / path)
        except (OSError, CorruptFolder):
            return None
        tape = record.tapes[stream]
        if tape.is_closed:
            return None  # by a writer that had taken or given up what was in the ring
        return cls(record, ring, tape, base, _limit(duration_s, tape.stream.rate_hz))

    @property
    def is_full(self) -> bool:
        """True once the wanted duration is on the tape, to the frame."""
        return self.limit is not None and self.tape.frame >= self.limit

    @property
    def has_ended(self) -> bool:
        """True once nothing more can come: the duration is reached, or a file was played to its end."""
        return self.is_full or (self.ring.ended and not self._waiting())

    def pull(self) -> None:
        """Write everything that has been delivered.  Raises ``OSError`` when the disk refuses."""
        stream = self.tape.stream
        newest = b""
        while not self.is_full and (wanted := min(self._waiting(), stream.rate_hz)):
            try:
                newest = self.ring.read(self.tape.frame - self.base, wanted)
            except Overrun as overrun:
                lost = overrun.first_left - (self.tape.frame - self.base)
                self.skip(lost, cause="buffer-overrun")
                continue
            self.tape.write(newest)
        if newest:
            tail = newest[-stream.rate_hz // 10 * stream.frame_bytes :]
            self.peaks = tuple(peaks_cdb(tail, channels=stream.channels, sample_format=stream.sample_format))
        self._report_overflows()

    def skip(self, frame_count: int, *, cause: str) -> None:
        """Put a gap on the tape, as far as the wanted duration reaches."""
        if self.limit is not None:
            frame_count = min(frame_count, self.limit - self.tape.frame)
        if frame_count > 0:
            self.tape.skip(frame_count, cause=cause)

    def anchor(self, stamp: Stamp | None = None) -> None:
        """Journal which frame had been delivered when; by default the newest."""
        stamp = stamp or self.ring.last_stamp()
        if stamp is None or stamp.frame == self._anchored:
            return
        self._anchored = stamp.frame
        self._report_sleep(stamp)
        self.record.append(
            "anchor",
            {
                "stream": self.tape.stream.stream,
                "frame": self.base + stamp.frame,
                "boottime_us": stamp.boottime_us,
                "monotonic_us": stamp.monotonic_us,
                "utc_us": stamp.utc_us,
                "clock": clock_state(),
            },
        )

    def _waiting(self) -> int:
        delivered = self.base + self.ring.written
        return max(0, (delivered if self.limit is None else min(delivered, self.limit)) - self.tape.frame)

    def _report_sleep(self, stamp: Stamp) -> None:
        """While the computer sleeps nothing is captured, and the clock that measures holes stands still: only these two tell."""
        asleep_us = stamp.boottime_us - stamp.monotonic_us
        slept_us = asleep_us - (asleep_us if self.asleep_us is None else self.asleep_us)
        self.asleep_us = asleep_us
        if slept_us > SHORTEST_SLEEP_US:
            text = (
                f"The computer slept for {slept_us // 1_000_000} s before frame {self.base + stamp.frame} "
                f"of stream {self.tape.stream.stream}; nothing was recorded meanwhile."
            )
            self.record.append("alarm", {"code": "suspended", "text": text, "stream": self.tape.stream.stream, "loss": True})

    def _report_overflows(self) -> None:
        """The sound system's own word that it lost something: how much, it does not say."""
        if self.ring.overflows > self._overflows:
            self._overflows = self.ring.overflows
            text = f"The sound system reports lost input near frame {self.tape.frame} of stream {self.tape.stream.stream}."
            self.record.append("alarm", {"code": "input-overflow", "text": text, "stream": self.tape.stream.stream, "loss": True})


def _limit(duration_s: float | None, rate_hz: int) -> int | None:
    return None if duration_s is None else round(duration_s * rate_hz)


def _same_format(tape: Tape, facts: Facts) -> bool:
    stream = tape.stream
    return (stream.rate_hz, stream.channels, stream.sample_format) == (facts.rate_hz, facts.channels, facts.sample_format)


def _bridge(old: Feed, first: Stamp) -> None:
    last = old.ring.last_stamp()
    if last is None:
        return
    missing = gaps.hole_frames(
        last_frame=old.tape.frame - (old.base + last.frame),
        last_us=last.monotonic_us,
        next_us=first.monotonic_us,
        first_block=first.frame,
        rate_hz=old.tape.stream.rate_hz,
    )
    old.skip(missing, cause="input-reopened")
