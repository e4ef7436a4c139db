"""From a ring to a tape: every frame, in order, and every hole by name."""

import time
from dataclasses import dataclass, field, replace

from everyword.clock import clock_text
from everyword.errors import CorruptFolder
from everyword.model import Gap, Grade, Withheld
from recorder.clocks import clock_state
from recorder.detection.watch import Missing, Watch
from recorder.disk import gaps
from recorder.disk.record import Record
from recorder.disk.tape import Tape
from recorder.sound.ring import Overrun, Ring, Stamp
from recorder.sound.sources import Facts

SHORTEST_SLEEP_US = 100_000
"""CLOCK_BOOTTIME ran so far ahead of CLOCK_MONOTONIC: not read at the same instant, they differ by less."""

NOT_IN_THE_RING = ("upstream", "suspended")
"""Causes of gaps whose frames the ring has not counted; those of any other gap had been delivered, or lie between two rings.

So are withheld frames with a witness: they were lost while nobody wanted them anyway."""


@dataclass(slots=True)
class Feed:
    """One ring being written to one tape; the ring's next frame to be written is frame ``base`` + its number of the stream."""

    record: Record
    ring: Ring
    tape: Tape
    base: int
    watch: Watch
    limit: int | None = None
    peaks: tuple[int, ...] = ()
    withheld: list[Withheld] = field(default_factory=list)
    _is_first_piece: bool = True
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

        A new input gets `tracks`, by default the next free ones.  A hole between the two openings is measured with the clock that
        no sleep stops, and put on the tape.
        """
        first = _first_wanted(ring)
        if first is None:
            return None
        if after is not None:
            after.pull(at_once=True)
            after.end_withheld()
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
                start_utc_us=first.utc_us - (first.frame - ring.wanted_from) * 1_000_000 // facts.rate_hz,
            )
        base = tape.frame - ring.wanted_from
        record.append("ring", {"stream": tape.stream.stream, "path": str(ring.path), "first_frame": base})
        watch = Watch.begin(record, tape.stream)
        withheld = list(record.recording.withheld[tape.stream.stream])
        feed = cls(record, ring, tape, base, watch, _limit(duration_s, facts.rate_hz), withheld=withheld)
        feed.anchor(first)
        return feed

    @classmethod
    def again(cls, record: Record, stream: int, *, duration_s: float | None = None) -> "Feed | None":
        """Find the ring of a stream whose writer died; None when it is gone (a power cut takes it)."""
        path, first_frame = record.recording.rings.get(stream, ("", 0))
        try:
            ring = Ring.open(record.folder.path / path)
        except (OSError, CorruptFolder):
            return None
        tape = record.tapes[stream]
        if tape.is_closed:
            return None  # by a writer that had taken or given up what was in the ring
        found = [
            gap
            for gap in record.recording.gaps
            if gap.stream == stream and _is_not_in_the_ring(gap) and gap.first_frame >= first_frame
        ]
        watch, missing = Watch.again(record, tape.stream, ring)
        base = first_frame + sum(gap.frame_count for gap in found)
        withheld = list(record.recording.withheld.get(stream, ()))
        feed = cls(record, ring, tape, base, watch, _limit(duration_s, tape.stream.rate_hz), withheld=withheld)
        ends = {gap.first_frame + gap.frame_count for gap in found}
        for one in missing:
            # What lies before the tape's end, or is the gap right there, the writer before had already dealt with.
            if base + one.frame > tape.frame or (base + one.frame == tape.frame and tape.frame not in ends):
                feed._take_missing(one)
        return feed

    @property
    def is_full(self) -> bool:
        """True once the wanted duration is on the tape, to the frame."""
        return self.limit is not None and self.tape.frame >= self.limit

    @property
    def has_ended(self) -> bool:
        """True once nothing more can come: the duration is reached, or a file was played to its end."""
        return self.is_full or (self.ring.ended and self.tape.frame - self.base >= self.ring.written)

    def pull(self, *, at_once: bool = False) -> None:
        """Write everything that has been delivered and is certain to be in its place, or all of it `at_once`.

        Raises:
            OSError: the disk refuses.
        """
        self._is_first_piece = True
        for missing in self.watch.hear(self.ring, now_us=time.monotonic_ns() // 1000, base=self.base):
            self._take_missing(missing)
        self._write_to(self.watch.certain_frames(self.ring, at_once=at_once))
        for part in self.withheld:
            self.ring.wipe(part.first, self.ring.written if part.end is None else part.end)
        self._report_overflows()

    def withhold(self, delivered: int, *, cause: str, by: str) -> Withheld:
        """From the ring's frame `delivered` on, or the first that is not written yet, nothing is kept; `restore` ends that."""
        self.withheld.append(Withheld(max(delivered, self.tape.frame - self.base), None, cause, by))
        return self.withheld[-1]

    def restore(self, delivered: int) -> int:
        """What comes from the ring's frame `delivered` on is kept again; returns the frame that became the first."""
        part = self.withheld.pop()
        end = max(delivered, part.first)
        self.withheld.append(replace(part, end=end))
        return end

    def end_withheld(self) -> None:
        """Nothing more will come: what was withheld until now gets its place."""
        while self.withheld:
            part = self.withheld[0]
            if not self._pass_over(part, self.ring.written if part.end is None else part.end):
                return

    def skip(self, frame_count: int, *, cause: str, witnesses: tuple[str, ...] = ()) -> None:
        """Put a gap on the tape, as far as the wanted duration reaches, and say so."""
        if self.limit is not None:
            frame_count = min(frame_count, self.limit - self.tape.frame)
        if frame_count <= 0:
            return
        stream = self.tape.stream
        milliseconds = frame_count * 1000 // stream.rate_hz
        at = clock_text(self.tape.frame, stream.rate_hz)
        self.tape.skip(frame_count, cause=cause, witnesses=witnesses)
        self.record.alarm(
            "sound-missing", f"{milliseconds} ms of sound are missing at {at} ({cause}).", stream=stream.stream, loss=True
        )

    def put_withheld(self, frame_count: int, part: Withheld, *, witnesses: tuple[str, ...] = ()) -> None:
        """Put a gap on the tape that somebody wanted: no alarm."""
        if self.limit is not None:
            frame_count = min(frame_count, self.limit - self.tape.frame)
        if frame_count > 0:
            self.tape.skip(frame_count, cause=part.cause, by=part.by, witnesses=witnesses)

    def anchor(self, stamp: Stamp | None = None) -> None:
        """Journal which frame had been delivered when; by default the newest that came on time."""
        stamp = stamp or self.watch.on_time
        if stamp is None or stamp.frame <= self._anchored:
            return
        self._anchored = stamp.frame
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

    def states(self) -> list[tuple[int, str, Grade]]:
        """What is not well with the sound now, as (track, state, grade)."""
        return self.watch.states()

    @property
    def drift_ppm(self) -> int | None:
        """How much longer (+) or shorter (−) than nominal the input's frames last; None for a file."""
        return None if self.watch.cadence is None else round(self.watch.cadence.drift_ppm)

    def _take_missing(self, missing: Missing) -> None:
        if missing.frame < self.ring.wanted_from:
            return  # lost before the recording began
        self._write_to(missing.frame)
        part = self.withheld[0] if self.withheld else None
        if part is not None and part.first <= missing.frame < (part.end or missing.frame + 1):
            self.put_withheld(missing.frame - (self.tape.frame - self.base), part)
            self.put_withheld(missing.frame_count, part, witnesses=missing.witnesses or (missing.cause,))
        else:
            self.skip(missing.frame_count, cause=missing.cause, witnesses=missing.witnesses)
        self.base += missing.frame_count

    def _write_to(self, delivered: int) -> None:
        """Write what the ring has before its frame `delivered`, and pass over what is withheld of it."""
        while self.withheld and self.withheld[0].first < delivered and not self.is_full:
            part = self.withheld[0]
            self._write_sound(part.first)
            end = part.end
            if end is None and self.limit is not None and self.base + delivered >= self.limit:
                end = self.limit - self.base
            if end is None or end > delivered or not self._pass_over(part, end):
                return
        self._write_sound(delivered)

    def _pass_over(self, part: Withheld, end: int) -> bool:
        """Give a withheld part its place on the tape, as one gap; False when it does not end there."""
        self.ring.wipe(part.first, min(end, self.ring.written))
        self.put_withheld(self.base + end - self.tape.frame, part)
        if part.end is None:
            self.withheld[0] = replace(part, first=end)
            return False
        del self.withheld[0]
        return True

    def _write_sound(self, delivered: int) -> None:
        stream = self.tape.stream
        while not self.is_full and (wanted := min(self.base + delivered - self.tape.frame, stream.rate_hz)) > 0:
            if self.limit is not None:
                wanted = min(wanted, self.limit - self.tape.frame)
            first = self.tape.frame
            try:
                pcm = self.ring.read(first - self.base, wanted)
            except Overrun as overrun:
                self.skip(overrun.first_left - (first - self.base), cause="buffer-overrun")
                continue
            self.tape.write(pcm)
            self.watch.listen(pcm, first)
            peaks = self.watch.health.peaks_cdb
            self.peaks = peaks if self._is_first_piece else tuple(map(max, self.peaks, peaks))
            self._is_first_piece = False

    def _report_overflows(self) -> None:
        """The sound system's own word that it lost something: how much, it does not say."""
        if self.ring.overflows > self._overflows:
            self._overflows = self.ring.overflows
            text = f"The sound system reports lost input near frame {self.tape.frame} of stream {self.tape.stream.stream}."
            self.record.alarm("input-overflow", text, stream=self.tape.stream.stream, loss=True)


def _first_wanted(ring: Ring) -> Stamp | None:
    """The first block that may be kept, at least in part; None while none has come."""
    if not ring.wanted_from:
        return ring.first_stamp()
    return next((stamp for stamp in ring.stamps_since(0)[0] if stamp.frame > ring.wanted_from), None)


def _is_not_in_the_ring(gap: Gap) -> bool:
    return gap.cause in NOT_IN_THE_RING or (gap.is_withheld and bool(gap.witnesses))


def _limit(duration_s: float | None, rate_hz: int) -> int | None:
    return None if duration_s is None else round(duration_s * rate_hz)


def _same_format(tape: Tape, facts: Facts) -> bool:
    stream = tape.stream
    return (stream.rate_hz, stream.channels, stream.sample_format) == (facts.rate_hz, facts.channels, facts.sample_format)


def _bridge(old: Feed, first: Stamp) -> None:
    """Account for the time between the end of one opening and the beginning of the next."""
    last = old.ring.last_stamp()
    if last is None:
        return
    missing = gaps.hole_frames(
        last_frame=old.tape.frame - (old.base + last.frame),
        last_us=last.boottime_us,
        next_us=first.boottime_us,
        first_block=first.frame,
        rate_hz=old.tape.stream.rate_hz,
    )
    slept_us = (first.boottime_us - first.monotonic_us) - (last.boottime_us - last.monotonic_us)
    if slept_us > SHORTEST_SLEEP_US:
        text = f"The computer slept for {slept_us // 1_000_000} s; nothing was recorded meanwhile."
        old.record.alarm("suspended", text, stream=old.tape.stream.stream, loss=True)
    part = old.withheld[0] if old.withheld else None
    if part is not None:  # nobody wanted what was lost
        old.put_withheld(missing, part, witnesses=("input-reopened",))
    else:
        old.skip(missing, cause="input-reopened")
