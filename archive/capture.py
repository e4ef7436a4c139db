"""What the capture seal lets one say of a recording, in sentences: how it came here, what is missing, which clock it had.

The seal is the recording computer's, not the reviewer's: a certificate repeats it and adds nothing to it.
"""

from collections.abc import Iterator
from itertools import pairwise

from archive.export.text import one_line
from archive.record import Record, clock_face
from everyword.clock import MICROSECONDS
from everyword.model import Anchor
from everyword.seal import completeness, read_seal

MOST_LISTED = 20
CLOCK_STEP_US = 100_000
"""A wall clock that goes this much further than the computer's own between two seconds was set by somebody."""

_ORIGINS = {
    "captured": "recorded by this program from its inputs",
    "imported": "imported from files that were made elsewhere: what may be missing from them nobody here can tell",
    "salvaged": "recorded by this program, cut off, and made whole from what was on the disk",
}
_CLOCKS = {
    "synced": "kept right by a time service",
    "unsynced": "kept right by no time service",
    "unknown": "of a computer that does not say whether anything keeps it right",
}


def origin(record: Record) -> str:
    """``captured``, ``imported`` or ``salvaged``."""
    return str(read_seal(record.folder)["origin"])


def continuity(record: Record) -> str:
    """How whole the recording is, as the end of "the recording was …"."""
    said = {"imported": [_ORIGINS["imported"]], "salvaged": ["cut off and made whole afterwards"]}.get(origin(record), [])
    gaps = record.recording.gaps
    if gaps:
        shown = [f"{clock_face(record.of_gap(gap).position_us)} ({gap.cause})" for gap in gaps[:MOST_LISTED]]
        more = f" and {len(gaps) - MOST_LISTED} more" if len(gaps) > MOST_LISTED else ""
        said.append(f"interrupted {len(gaps)} time{'s' * (len(gaps) != 1)}, at {', '.join(shown)}{more}")
    losses = [alarm for alarm in record.recording.alarms if alarm.loss]
    if losses:
        said.append(f"in doubt in {len(losses)} place{'s' * (len(losses) != 1)}, of which Annex G tells")
    return "; ".join(said) or "continuous"


def facts(record: Record) -> Iterator[str]:
    """Who recorded it, with what, and what the program noticed."""
    session, seal = record.session, read_seal(record.folder)
    yield f"It was {_ORIGINS[str(seal['origin'])]}. Operator: {one_line(session.operator) or 'nobody was named'}."
    for used in session.inputs:
        yield f"Input: {one_line(used.name)}"
    yield f"Program: Everyword {one_line(session.software.get('everyword', 'of a version that is not named'))}."
    yield f"Key of the recording computer: {_signer(seal)}"
    gaps = record.recording.lost_gaps
    looked = completeness(record.recording)["detectors"]
    by = f" It looked by: {', '.join(map(str, looked))}." if isinstance(looked, list) and looked else ""
    yield f"The software detected {gaps} interruption{'s' * (gaps != 1)}.{by}"
    if record.recording.torn_bytes:
        yield f"{record.recording.torn_bytes} bytes at the end of the journal were torn when it was cut off."
    yield from _clock(record)


def _signer(seal: dict[str, object]) -> str:
    signer = seal["signer"]
    return str(signer["public_key"]) if isinstance(signer, dict) else "not named"


def _clock(record: Record) -> Iterator[str]:
    """What is known of the wall clock: evidence about it, not only what it showed."""
    anchors = record.recording.anchors
    states = [anchor.clock for of_stream in anchors.values() for anchor in of_stream]
    if not states:
        yield "The times come with the sound: no clock was read while it was made."
        return
    for state, words in _CLOCKS.items():
        if state in states:
            share = "" if states.count(state) == len(states) else f" in {states.count(state)} of {len(states)} readings"
            yield f"The wall clock was {words}{share}."
    steps = [step for stream in sorted(anchors) for step in _steps(record, anchors[stream])]
    for position_us, step_us in steps[:MOST_LISTED]:
        yield f"The wall clock was set by {step_us / MICROSECONDS:+.1f} s at {clock_face(position_us)}; no frame depends on it."


def _steps(record: Record, anchors: list[Anchor]) -> Iterator[tuple[int, int]]:
    """(position on the session axis, how much) of each time the wall clock was set."""
    for before, after in pairwise(anchors):
        step_us = (after.utc_us - after.boottime_us) - (before.utc_us - before.boottime_us)
        if abs(step_us) >= CLOCK_STEP_US:
            yield record.axis.moment(after.stream, first_frame=after.frame, frame_count=0).position_us, step_us
