"""Whether the microphones sound as if they worked: silence, clipping and doubled channels, as states.  Pure.

A recorder that is alive and hears nothing is a frequent loss, so each channel is watched for what no working microphone
delivers: exact zeros, or less than its own noise (`Limits.floor_cdb`).  A pause in speech is neither: a room hums some 20 dB
above the floor.
Two channels that are the same to the bit are one microphone twice, and somebody's voice is missing.

Each state begins and ends at a frame, and does not flicker: what would end it must last a while.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from everyword.model import Grade
from recorder.sound.meters import SILENCE_CDB, samples

State = Literal["silent", "clipping", "cloned"]

FULL_SCALE = {"s16": 1 - 2.0**-15, "s24": 1 - 2.0**-23, "s32": 1 - 2.0**-31, "f32": 1.0, "f64": 1.0}
"""From this absolute value on a sample is at the end of its scale."""

CLIP_SAMPLES = 3
"""So many in a row are a clip; a single one may be a peak that just fits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a state begins and ends.  Times in seconds, levels in hundredths of a decibel of full scale."""

    floor_cdb: int = -9_000
    silent_warning_s: float = 2.0
    silent_alarm_s: float = 5.0
    heard_s: float = 0.1
    """Silence ends when so much sound has followed it."""
    clipping_over_s: float = 5.0
    """Clipping ends when so long no clip has followed."""
    cloned_s: float = 3.0
    differing_s: float = 1.0
    """Channels are two again when they differ so long after each other."""


@dataclass(frozen=True, slots=True)
class Change:
    """A channel's state began, grew worse or is over.

    `first_frame` is where the cause began or, when it is over, where it ended; it may lie in a piece heard earlier.  `detail`:
    the channel that `channel` is the same as (cloned), clips so far in this state (clipping), else 0.
    """

    channel: int
    state: State
    grade: Grade
    first_frame: int
    detail: int = 0


@dataclass(slots=True)
class _Lasting:
    """Turns "it is so, it is not so" of consecutive spans of frames into a state with hysteresis."""

    over_after: int
    begun: int | None = None
    ended: int | None = None

    def hear(self, *, is_so: bool, first: int, end: int) -> tuple[int, int] | None:
        """One span.  Returns the beginning and the end of the state when it is over."""
        if is_so:
            self.begun = first if self.begun is None else self.begun
            self.ended = None
            return None
        if self.begun is None:
            return None
        self.ended = first if self.ended is None else self.ended
        if end - self.ended < self.over_after:
            return None
        over = self.begun, self.ended
        self.begun = self.ended = None
        return over

    def lasted(self, end: int) -> int:
        """Frames since it began, not counting those that may turn out to be its end."""
        return 0 if self.begun is None else (end if self.ended is None else self.ended) - self.begun


@dataclass(slots=True)
class _Channel:
    silence: _Lasting
    clipping: _Lasting
    cloning: _Lasting
    silent: Grade = "over"
    is_cloned: bool = False
    twin: int = 0
    alike: int = 0
    """Frames that were not silent and the same as the twin's since they last differed."""
    clips: int = 0
    total_clips: int = 0
    run: int = 0
    """Samples at full scale at the end of the last piece."""


@dataclass(slots=True)
class Health:
    """The state of every channel of one stream; call `hear` with each piece, in order.

    Pieces are looked at in slices of `SLICE_S`: states begin and end on them.
    """

    rate_hz: int
    channels: int
    sample_format: str
    limits: Limits = field(default_factory=Limits)
    peaks_cdb: tuple[int, ...] = ()
    """Of the last piece."""
    levels_cdb: tuple[int, ...] = ()
    """Root mean square of the last slice without its constant part: a dead input may sit beside zero."""
    _states: list[_Channel] = field(default_factory=list)

    SLICE_S = 0.05

    def __post_init__(self) -> None:
        limits = self.limits

        def lasting(seconds: float) -> _Lasting:
            return _Lasting(round(seconds * self.rate_hz))

        self._states = [
            _Channel(lasting(limits.heard_s), lasting(limits.clipping_over_s), lasting(limits.differing_s))
            for _ in range(self.channels)
        ]

    @property
    def clips(self) -> tuple[int, ...]:
        """Runs of `CLIP_SAMPLES` or more samples at full scale, a channel, since the beginning."""
        return tuple(state.total_clips for state in self._states)

    def states(self) -> list[tuple[int, State, Grade]]:
        """What is not well now, as (channel, state, grade)."""
        found: list[tuple[int, State, Grade]] = []
        for channel, state in enumerate(self._states):
            if state.silent != "over":
                found.append((channel, "silent", state.silent))
            if state.clipping.begun is not None:
                found.append((channel, "clipping", "warning"))
            if state.is_cloned:
                found.append((channel, "cloned", "alarm"))
        return found

    def hear(self, pcm: bytes, first_frame: int) -> list[Change]:
        """Whole frames of interleaved PCM that begin at stream frame `first_frame`; returns changes as they are found."""
        if not pcm:
            return []
        heard = np.ascontiguousarray(samples(pcm, channels=self.channels, sample_format=self.sample_format).T)
        step = max(1, round(self.SLICE_S * self.rate_hz))
        starts = np.arange(0, heard.shape[1], step)
        ends = np.minimum(starts + step, heard.shape[1])
        size = np.abs(heard)
        peaks = np.maximum.reduceat(size, starts, axis=1)
        mean = np.add.reduceat(heard, starts, axis=1) / (ends - starts)
        power = np.add.reduceat(heard * heard, starts, axis=1) / (ends - starts) - mean * mean
        levels = _cdb(np.sqrt(np.maximum(0.0, power)))
        self.peaks_cdb, self.levels_cdb = tuple(_cdb(peaks.max(axis=1)).tolist()), tuple(levels[:, -1].tolist())
        clips = self._clips(size, peaks, starts)
        twins = _twins(heard, peaks, starts)
        changes: list[Change] = []
        for slot, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            span = first_frame + start, first_frame + end
            for channel in range(self.channels):
                is_silent = levels[channel, slot] < self.limits.floor_cdb
                changes += self._silent(channel, *span, is_silent=bool(is_silent))
                changes += self._clipping(channel, *span, count=int(clips[channel, slot]))
                changes += self._cloned(channel, *span, twin=int(twins[channel, slot]), is_silent=bool(is_silent))
        return changes

    def _silent(self, channel: int, first: int, end: int, *, is_silent: bool) -> list[Change]:
        state = self._states[channel]
        over = state.silence.hear(is_so=is_silent, first=first, end=end)
        if over is not None:
            was, state.silent = state.silent, "over"
            return [] if was == "over" else [Change(channel, "silent", "over", over[1])]
        lasted, begun = state.silence.lasted(end) / self.rate_hz, state.silence.begun
        grade: Grade = "over"
        if lasted >= self.limits.silent_warning_s:
            grade = "alarm" if lasted >= self.limits.silent_alarm_s else "warning"
        if grade in ("over", state.silent) or begun is None:
            return []
        state.silent = grade
        return [Change(channel, "silent", grade, begun)]

    def _clipping(self, channel: int, first: int, end: int, *, count: int) -> list[Change]:
        state = self._states[channel]
        was_clipping = state.clipping.begun is not None
        over = state.clipping.hear(is_so=count > 0, first=first, end=end)
        state.total_clips += count
        state.clips += count
        if over is not None:
            clips, state.clips = state.clips, 0
            return [Change(channel, "clipping", "over", over[1], clips)]
        return [] if was_clipping or not count else [Change(channel, "clipping", "warning", first, count)]

    def _cloned(self, channel: int, first: int, end: int, *, twin: int, is_silent: bool) -> list[Change]:
        """Silence says nothing about it: neither begins, nor ends, nor counts against."""
        state = self._states[channel]
        if is_silent:
            return []
        if twin >= 0:
            state.twin = twin
        state.alike = state.alike + end - first if twin >= 0 else 0
        over = state.cloning.hear(is_so=twin >= 0, first=first, end=end)
        if over is not None:
            was, state.is_cloned = state.is_cloned, False
            return [Change(channel, "cloned", "over", over[1], state.twin)] if was else []
        begun = state.cloning.begun
        if state.is_cloned or begun is None or state.alike < self.limits.cloned_s * self.rate_hz:
            return []
        state.is_cloned = True
        return [Change(channel, "cloned", "alarm", begun, state.twin)]

    def _clips(self, size: np.ndarray, peaks: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Clips that become certain in each slice, shape (channels, slices); runs go on across pieces."""
        counts = np.zeros(peaks.shape, np.int64)
        full = FULL_SCALE[self.sample_format]
        for channel, state in enumerate(self._states):
            if peaks[channel].max() < full:
                state.run = 0
                continue
            at_end = np.concatenate([np.ones(state.run, np.bool_), size[channel] >= full])
            edges = np.flatnonzero(np.diff(np.concatenate([[False], at_end, [False]]).astype(np.int8)))
            begins, lengths = edges[::2], edges[1::2] - edges[::2]
            certain = begins + CLIP_SAMPLES - 1 - state.run
            certain = certain[(lengths >= CLIP_SAMPLES) & (certain >= 0)]  # one from before has been counted
            np.add.at(counts[channel], np.searchsorted(starts, certain, side="right") - 1, 1)
            # A longer run need not be remembered: what matters is whether it has been counted.
            state.run = min(CLIP_SAMPLES, int(lengths[-1])) if at_end[-1] else 0
        return counts


def _twins(heard: np.ndarray, peaks: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The lowest other channel that is the same in each slice, or −1; shape (channels, slices)."""
    twins = np.full(peaks.shape, -1, np.int64)
    for later in range(1, len(heard)):
        for earlier in range(later):
            # Most channels differ in their peaks already, which costs nothing to see.
            alike = peaks[later] == peaks[earlier]
            if not alike.any():
                continue
            same = alike & ~np.logical_or.reduceat(heard[later] != heard[earlier], starts)
            twins[later, same & (twins[later] < 0)] = earlier
    return twins


def _cdb(values: np.ndarray) -> np.ndarray:
    """Amplitudes as hundredths of a decibel, never below `SILENCE_CDB`."""
    with np.errstate(divide="ignore"):
        decibels: np.ndarray = np.maximum(SILENCE_CDB, np.round(2000 * np.log10(values))).astype(np.int64)
    return decibels
