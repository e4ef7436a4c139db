"""Before the session: is every microphone heard, is every disk fast and large enough, is the clock right?

The result is kept in ``checks.jsonl`` under ``EVERYWORD_HOME``; the next recording of the same inputs copies it into its journal.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from ulid import ULID

from everyword.digest import canonical
from everyword.errors import DiskTrouble, InputLost
from everyword.folder import SessionFolder, disk_errors, locked
from everyword.journal import now_us
from recorder.clocks import clock_state, clock_trouble
from recorder.disk.places import place_of
from recorder.processes.openings import Capture, open_all
from recorder.processes.routing import differences_now
from recorder.request import Request
from recorder.sleep import keep_awake
from recorder.sound.meters import SILENCE_CDB, samples

RECENT_S = 12 * 3600
"""A check this old says nothing about today."""

LISTEN_S = 5.0
PATIENCE_S = 15.0
BLOCK_S = 0.05
HEARD_BLOCKS = 6
PROBE_BYTES = 16 << 20
SPARE = 4
"""A disk must be so many times faster than the sound."""

SLOWEST_SYNC_US = 2_000_000
SHORTEST_LEFT_S = 3600
LOUD_CDB, QUIET_CDB, NOISY_CDB = -4500, -3500, -4000

SLEEPY = "Nothing can keep this computer awake: see to it that it does not sleep (lid, battery)."

Listen = Callable[["TrackCheck", bool], None]
"""Told when a track's turn begins (False) and ends (True)."""


@dataclass(slots=True)
class TrackCheck:
    """One microphone: hundredths of a decibel relative to full scale; `noise_cdb` is the level that one block in ten is below."""

    track: int
    input: str
    heard: bool = False
    peak_cdb: int = SILENCE_CDB
    level_cdb: int = SILENCE_CDB
    noise_cdb: int = SILENCE_CDB
    clips: int = 0
    _blocks: list[int] = field(default_factory=list)

    def hear(self, values: np.ndarray, *, block_frames: int) -> None:
        """Take in samples of this channel in [−1, 1), shape (frames,)."""
        for first in range(0, len(values) - block_frames + 1, block_frames):
            block = values[first : first + block_frames]
            self._blocks.append(_cdb(float(np.sqrt(np.mean(block**2)))))
        if len(values):
            self.peak_cdb = max(self.peak_cdb, _cdb(float(np.abs(values).max())))
            self.clips += int(np.count_nonzero(np.abs(values) >= 1 - 2**-15))
        if self._blocks:
            self.noise_cdb = sorted(self._blocks)[len(self._blocks) // 10]
            loudest = sorted(self._blocks)[-HEARD_BLOCKS:]
            self.level_cdb = loudest[0]
            self.heard = len(loudest) == HEARD_BLOCKS and _is_voice(loudest[0], self.noise_cdb)

    def warnings(self) -> list[str]:
        """What is wrong with it."""
        name = f"Track {self.track} ({self.input})"
        if self.peak_cdb <= SILENCE_CDB:
            return [f"{name} delivers nothing but zeros: is its microphone connected and switched on?"]
        found = []
        if not self.heard:
            found.append(f"{name} was not heard: speak into it, and look at its switch and its gain.")
        elif self.peak_cdb < QUIET_CDB:
            found.append(f"{name} is quiet ({self.peak_cdb / 100:.0f} dB at most): turn it up, or move it closer.")
        if self.noise_cdb > NOISY_CDB and self.heard is False:
            found.append(f"{name} is noisy ({self.noise_cdb / 100:.0f} dB while nobody speaks).")
        if self.clips:
            found.append(f"{name} is too loud: {self.clips} samples at full scale. Turn it down.")
        return found


@dataclass(frozen=True, slots=True)
class DiskCheck:
    """One path: bytes a second that really reached it, the slowest wait for it, and how long its space lasts."""

    path: str
    bytes_per_s: int
    slowest_sync_us: int
    seconds_left: int
    needed_bytes_per_s: int
    place: str

    def warnings(self) -> list[str]:
        """What is wrong with it."""
        found = [self.place] if self.place else []
        if self.bytes_per_s < SPARE * self.needed_bytes_per_s:
            rates = f"{self.bytes_per_s // 1000} kB/s, the sound needs {self.needed_bytes_per_s // 1000}"
            found.append(f"{self.path} is slow ({rates}): use another disk.")
        if self.slowest_sync_us > SLOWEST_SYNC_US:
            found.append(f"{self.path} once took {self.slowest_sync_us // 1000} ms to answer: use another disk.")
        if self.seconds_left < SHORTEST_LEFT_S:
            found.append(f"{self.path} has room for {self.seconds_left // 60} minutes only.")
        return found


@dataclass(frozen=True, slots=True)
class Result:
    """What was found; the numbers are integers, as in the journal."""

    at_us: int
    by: str
    inputs: tuple[str, ...]
    tracks: tuple[TrackCheck, ...]
    disks: tuple[DiskCheck, ...]
    clock: str
    clock_trouble: str
    silent_inputs: tuple[str, ...] = ()
    changed_on_the_way: tuple[str, ...] = ()
    """What the sound server does to the sound, see `recorder.processes.routing`."""
    stays_awake: bool = True

    @property
    def warnings(self) -> list[str]:
        """Every sentence that the operator should act upon."""
        return [
            *self.silent_inputs,
            *self.changed_on_the_way,
            *(sentence for track in self.tracks for sentence in track.warnings()),
            *(sentence for disk in self.disks for sentence in disk.warnings()),
            *([self.clock_trouble] if self.clock_trouble else []),
            *([] if self.stays_awake else [SLEEPY]),
        ]

    def fields(self) -> dict[str, object]:
        """As it is kept and journalled."""
        return {
            "checked_at_us": self.at_us,
            "by": self.by,
            "inputs": list(self.inputs),
            "tracks": [{name: value for name, value in asdict(one).items() if name != "_blocks"} for one in self.tracks],
            "disks": [asdict(one) for one in self.disks],
            "clock": self.clock,
            "warnings": self.warnings,
        }


def check(request: Request, *, listen_s: float, patience_s: float, listen: Listen) -> Result:
    """Look at everything.

    Args:
        request: inputs and folders, as they will be recorded.
        listen_s: how long to listen to all tracks at once; 0 asks for one after the other.
        patience_s: how long to wait for each track when one is asked for after the other.
        listen: told whose turn it is.

    Raises:
        InputLost, InvalidOption, UnreadableAudio: an input cannot be opened.
    """
    captures = open_all(request.inputs, rate_hz=request.rate_hz, channels=request.channels)
    silent: list[str] = []
    try:
        tracks = _listen(request, captures, silent, listen_s=listen_s, patience_s=patience_s, listen=listen)
        changed = differences_now(capture.child.process.pid for capture in captures if capture.is_routed)
    finally:
        for capture in captures:
            capture.end(grace_s=1)
            for path in capture.rings:
                path.unlink(missing_ok=True)
    needed = sum(capture.facts.rate_hz * capture.facts.frame_bytes for capture in captures)
    disks = [check_disk(path, needed_bytes_per_s=needed) for path in (request.parent, *request.mirrors)]
    trouble = clock_trouble() or ""
    awake = keep_awake("check")
    awake.release()
    return Result(
        now_us(),
        request.operator,
        request.inputs,
        tuple(tracks),
        tuple(disks),
        clock_state(),
        trouble,
        tuple(silent),
        tuple(changed),
        stays_awake=bool(awake.what),
    )


def check_disk(path: Path, *, needed_bytes_per_s: int) -> DiskCheck:
    """Write as a recording does, and wait for the disk after each mebibyte.  Raises `DiskTrouble` when it cannot be written."""
    probe = path / f".everyword-check-{ULID()}"
    piece, slowest_us = os.urandom(1 << 20), 0
    with disk_errors(path, option="--to"):
        path.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(PROBE_BYTES // len(piece)):
                if os.write(descriptor, piece) != len(piece):
                    raise DiskTrouble(f"{path} has no room for {PROBE_BYTES >> 20} MiB.")
                before = time.monotonic_ns()
                os.fdatasync(descriptor)
                slowest_us = max(slowest_us, (time.monotonic_ns() - before) // 1000)
        finally:
            os.close(descriptor)
            probe.unlink()
        elapsed_s = max(1e-3, time.monotonic() - started)
        space = os.statvfs(path)
    left_s = space.f_bavail * space.f_frsize // max(1, needed_bytes_per_s)
    return DiskCheck(
        str(path), round(PROBE_BYTES / elapsed_s), slowest_us, left_s, needed_bytes_per_s, place_of(path).warning or ""
    )


def keep(home: Path, result: Result) -> None:
    """Add a result to ``checks.jsonl``.  Raises `DiskTrouble`."""
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        with locked(_kept(home)), _kept(home).open("ab") as file:
            file.write(json.dumps(result.fields(), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def recent(home: Path, inputs: Iterable[str]) -> dict[str, object] | None:
    """The newest check of these inputs, if it is recent."""
    wanted = list(inputs)
    try:
        lines = _kept(home).read_bytes().splitlines()
    except OSError:
        return None
    for line in reversed(lines[-100:]):
        try:
            found = json.loads(line)
            canonical(found)  # what has no place in a journal is not copied into one
            if found["inputs"] == wanted:
                age_us = now_us() - int(found["checked_at_us"])
                return found if 0 <= age_us < RECENT_S * 1_000_000 else None
        except (ValueError, KeyError, TypeError):
            continue
    return None


def _listen(
    request: Request, captures: list[Capture], silent: list[str], *, listen_s: float, patience_s: float, listen: Listen
) -> list[TrackCheck]:
    place = SessionFolder(request.parent / str(ULID()))
    for capture in captures:
        capture.start(place)
    tracks: list[tuple[Capture, int, TrackCheck]] = []
    for capture in captures:
        for channel in range(capture.facts.channels):
            tracks.append((capture, channel, TrackCheck(len(tracks) + 1, capture.facts.source.name)))
    heard: dict[int, int] = {}
    turns = [[one for _, _, one in tracks]] if listen_s else [[one] for _, _, one in tracks]
    for turn in turns:
        listen(turn[0], False)
        deadline = time.monotonic() + (listen_s or patience_s)
        while time.monotonic() < deadline and (listen_s or not all(one.heard for one in turn)):
            time.sleep(2 * BLOCK_S)
            for capture in captures:
                _hear(capture, heard, [(channel, one) for owner, channel, one in tracks if owner is capture and one in turn])
        listen(turn[0], True)
    silent += [f"{capture.spec} has delivered no sound at all." for capture in captures if not heard.get(capture.number)]
    return [one for _, _, one in tracks]


def _hear(capture: Capture, heard: dict[int, int], tracks: list[tuple[int, TrackCheck]]) -> None:
    """Give what has been delivered since the last look, in whole blocks, to the tracks whose turn it is."""
    if capture.ring is None:
        raise InputLost(f"{capture.spec} cannot be started.")
    facts = capture.facts
    block = max(1, round(BLOCK_S * facts.rate_hz))
    first = heard.get(capture.number, 0)
    count = (capture.ring.written - first) // block * block
    if count <= 0:
        return
    heard[capture.number] = first + count
    pcm = capture.ring.read(first, count)
    values = samples(pcm, channels=facts.channels, sample_format=facts.sample_format)
    for channel, track in tracks:
        track.hear(values[:, channel], block_frames=block)


def _is_voice(level_cdb: int, noise_cdb: int) -> bool:
    return level_cdb >= LOUD_CDB or (level_cdb >= noise_cdb + 1200 and level_cdb >= LOUD_CDB - 2000)


def _cdb(value: float) -> int:
    return max(SILENCE_CDB, round(2000 * math.log10(value))) if value > 0 else SILENCE_CDB


def _kept(home: Path) -> Path:
    return home / "checks.jsonl"
