"""Parts of a session that nobody wants recorded: paused, or off the record.

The writer withholds them: from the frame that had been delivered when the operator gave the word, to the frame that had been
delivered when he took it back, nothing is written, and the capture buffer is wiped as it fills.  What remains is a gap that names
its cause and who wanted it.
"""

from collections.abc import Iterable, Mapping

from everyword.journal import Line
from everyword.recording import Recording
from recorder.disk.record import Record
from recorder.processes.feed import Feed

Order = Mapping[str, object]
"""``{"pause" | "resume": id, "by": …, "at_us": …, "at": {ring path: frames delivered}}``; a pause also has its ``cause``.

An order may come twice (a writer may die before it says that it has obeyed): the id, that of the pause in both, tells.
"""


def obey(record: Record, feeds: Iterable[Feed], order: Order) -> None:
    """Pause or resume every feed, and say so in the journal; an order that makes no sense now is passed over."""
    if "pause" in order:
        _pause(record, list(feeds), order)
    else:
        _resume(record, list(feeds), order)


def state(recording: Recording) -> dict[str, object]:
    """For the screen: the pause that lasts, and the last orders that were carried out."""
    pause = recording.pause
    return {
        "pause": None if pause is None else {"id": pause.id, "cause": pause.cause, "by": pause.by, "at_us": pause.at_us},
        "pauses": [[one.id, one.resumed_at_us is not None] for one in recording.pauses[-8:]],
        "pause_count": len(recording.pauses),
    }


def _pause(record: Record, feeds: list[Feed], order: Order) -> None:
    recording = record.recording
    if recording.pause is not None or order["pause"] in [one.id for one in recording.pauses]:
        return
    cause, by = str(order["cause"]), str(order["by"])
    places = []
    for feed in feeds:
        first = feed.withhold(_delivered(feed, order), cause=cause, by=by).first
        places.append(_place(feed, first))
    record.append("pause", {"id": str(order["pause"]), "cause": cause, "by": by, "at_us": order["at_us"], "streams": places})


def _resume(record: Record, feeds: list[Feed], order: Order) -> None:
    pause = record.recording.pause
    if pause is None or pause.id != order["resume"]:
        return
    places = [_place(feed, feed.restore(_delivered(feed, order))) for feed in feeds]
    record.append("resume", {"id": pause.id, "by": str(order["by"]), "at_us": order["at_us"], "streams": places})


def _delivered(feed: Feed, order: Order) -> int:
    """Frames that the feed's input had delivered when the operator gave the word; the writer may hear of it late."""
    known = order["at"]
    assert isinstance(known, Mapping)  # noqa: S101  (see `Order`)
    frames = known.get(str(feed.ring.path))
    return min(frames, feed.ring.written) if isinstance(frames, int) else feed.ring.written


def _place(feed: Feed, delivered: int) -> Line:
    return {"stream": feed.tape.stream.stream, "frame": feed.base + delivered, "delivered": delivered}
