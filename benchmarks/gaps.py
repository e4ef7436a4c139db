"""Recall, exactness and false alarms of the gap detector, on a virtual clock.

Usage: python benchmarks/gaps.py [--hours 8] [--losses 120]

A virtual microphone delivers blocks to `recorder.detection.cadence.Cadence` as fast as it takes them: for each drift and kind of
jitter once with losses of 10 ms to 3 s at random places, once without any.  The kinds are modelled on what was measured with
PulseAudio 16 through ALSA and PortAudio on two cores (blocks of 125 ms): ``idle`` and ``busy`` (four busy processes beside);
``rough`` is a callback with exponential jitter of 20 ms mean, ``small`` has blocks of 10 ms and stalls of up to 4 s that end
in a burst.
"""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from recorder.detection.cadence import LATE_US, Cadence, Loss, Surplus
from recorder.sound.ring import Stamp

RATE_HZ = 48_000


@dataclass(frozen=True, slots=True)
class Jitter:
    """Blocks of `block` frames, so late on average (exponential), some of them much later, and now and then a stall."""

    block: int
    mean_us: float
    seldom_us: float = 0.0
    seldom: float = 0.0
    stall_s: float = 0.0


KINDS = {
    "idle": Jitter(block=6000, mean_us=200, seldom_us=15_000, seldom=0.01),
    "busy": Jitter(block=6000, mean_us=4_000, seldom_us=20_000, seldom=0.05, stall_s=1.0),
    "rough": Jitter(block=1200, mean_us=20_000, stall_s=2.0),
    "small": Jitter(block=480, mean_us=1_500, seldom_us=30_000, seldom=0.02, stall_s=4.0),
}
STALL_EVERY_S = 300


@dataclass(frozen=True, slots=True)
class Hole:
    """Frames the device captured and nobody delivered: `count`, behind delivered frame `frame`."""

    frame: int
    count: int


def holes(count: int, *, hours: float, chance: random.Random) -> list[Hole]:
    """Holes of 10 ms to 3 s (as many short as long ones), at least 12 s apart, none in the first 30 s."""
    length = int((hours * 3600 - 60) * RATE_HZ / count) if count else 0
    return [
        Hole(
            30 * RATE_HZ + index * length + chance.randrange(max(1, length - 12 * RATE_HZ)),
            int(0.01 * RATE_HZ * 300 ** chance.random()) + 1,
        )
        for index in range(count)
    ]


def stamps(jitter: Jitter, *, ppm: float, hours: float, missing: list[Hole], chance: random.Random) -> Iterator[Stamp]:
    """What the capture child would write down."""
    frame = lost = 0
    delivered_us, stalled_us, todo = 0.0, 0.0, [*missing, Hole(1 << 62, 0)][::-1]
    next_stall_us = STALL_EVERY_S * 1e6 if jitter.stall_s else float("inf")
    while (frame + lost) / RATE_HZ < hours * 3600:
        frame += jitter.block
        while todo[-1].frame < frame:
            lost += todo.pop().count
        captured_us = (frame + lost) * 1e6 / RATE_HZ * (1 + ppm / 1e6)
        late_us = chance.expovariate(1 / jitter.mean_us)
        if chance.random() < jitter.seldom:
            late_us += chance.expovariate(1 / jitter.seldom_us)
        if captured_us >= next_stall_us:
            stalled_us = captured_us + chance.random() * jitter.stall_s * 1e6
            next_stall_us += STALL_EVERY_S * 1e6
        # Blocks keep their order; what a stall held back comes in a burst.
        delivered_us = max(delivered_us + 50, captured_us + late_us, stalled_us)
        now_us = 1_000_000_000 + round(delivered_us)
        yield Stamp(frame, now_us, now_us, now_us)


@dataclass(slots=True)
class Result:
    """What became of one run."""

    injected: int
    found: int
    position_blocks: list[float]
    length_ms: list[float]
    delay_s: list[float]
    false: int
    surplus: int
    timeline_ms: float
    drift_error_ppm: float
    cpu_s: float


def run(jitter: Jitter, *, ppm: float, hours: float, losses: int, seed: int = 1) -> Result:
    """One virtual session; a hole counts as found when a loss is reported within a second of its place."""
    chance = random.Random(seed)  # noqa: S311  (a simulation)
    missing = holes(losses, hours=hours, chance=chance)
    cadence, began = Cadence(RATE_HZ), time.process_time()
    reported: list[tuple[Loss, int]] = []
    passed, surplus, filled = [hole.frame for hole in missing], 0, 0
    for stamp in stamps(jitter, ppm=ppm, hours=hours, missing=missing, chance=chance):
        for event in cadence.hear(stamp):
            if isinstance(event, Loss):
                reported.append((event, stamp.frame))
                filled += event.frame_count
            elif isinstance(event, Surplus):
                surplus += 1
    found = {}
    for loss, at in reported:
        near = [index for index, frame in enumerate(passed) if index not in found and abs(frame - loss.frame) < RATE_HZ]
        if near:
            found[near[0]] = (loss, at)
    pairs = [(missing[index], loss, at) for index, (loss, at) in found.items()]
    return Result(
        injected=len(missing),
        found=len(pairs),
        position_blocks=[(loss.frame - hole.frame) / jitter.block for hole, loss, _ in pairs],
        length_ms=[(loss.frame_count - hole.count) * 1000 / RATE_HZ for hole, loss, _ in pairs],
        delay_s=[(at - hole.frame) / RATE_HZ for hole, _, at in pairs],
        false=len(reported) - len(pairs),
        surplus=surplus,
        timeline_ms=(filled - sum(hole.count for hole in missing)) * 1000 / RATE_HZ,
        drift_error_ppm=cadence.drift_ppm - ppm,
        cpu_s=time.process_time() - began,
    )


def main() -> None:
    """Print one line for each drift and jitter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=8, help="virtual length of a session")
    parser.add_argument("--losses", type=int, default=120, help="holes in a session that has any")
    parser.add_argument("--kind", choices=[*KINDS, "all"], default="all")
    options = parser.parse_args()
    print(f"{options.hours:g} virtual hours each; losses of 10 ms to 3 s; a block is late from {LATE_US // 1000} ms on")
    print(
        "jitter  drift    recall  place: worst   length error ms       found after s  false  surplus  timeline  drift off  CPU\n"
        "         ppm               blocks     median   p95   worst    median  worst                    ms        ppm      s"
    )
    for name, jitter in KINDS.items():
        if options.kind not in (name, "all"):
            continue
        for ppm in (-200, 0, 200):
            for losses in (options.losses, 0):
                _print(name, ppm, run(jitter, ppm=ppm, hours=options.hours, losses=losses))


def _print(name: str, ppm: int, result: Result) -> None:
    off = sorted(abs(error) for error in result.length_ms) or [0.0]
    late = sorted(result.delay_s) or [0.0]
    place = max((abs(error) for error in result.position_blocks), default=0.0)
    print(
        f"{name:7}{ppm:+5}  {result.found:4}/{result.injected:<4}{place:10.2f}"
        f"  {off[len(off) // 2]:9.2f}{off[int(len(off) * 0.95)]:7.2f}{off[-1]:7.2f}"
        f"  {late[len(late) // 2]:8.2f}{late[-1]:8.2f}{result.false:7}{result.surplus:8}"
        f"{result.timeline_ms:+10.2f}{result.drift_error_ppm:+10.2f}{result.cpu_s:7.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
