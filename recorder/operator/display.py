"""What the operator sees while recording: state, time, a meter a track, disks, gaps, alarms.  Status in, lines out.

Nothing in a name or title is obeyed by the terminal, and no line is wider than it is.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from rich.cells import set_cell_size
from rich.console import Group
from rich.text import Text

from everyword.text import printable

HOLD_S = 2.0
"""How long a peak stays marked."""

CLIP_S = 5.0
"""How long a clip stays lit; the count stays to the end."""

_NAME_CELLS, _BAR_CELLS = 14, 32
_FLOOR_CDB = -6000
_SILENT_CDB = -15_000

_KEYS = {
    "armed": "Enter or s starts the recording; q or Ctrl-C gives it up.",
    "running": "n note   p pause   o off the record   r resume   q q or Ctrl-C ends and seals",
    "attached": "n note   p pause   o off the record   r resume   q q ends and seals   d leaves",
}


@dataclass(slots=True)
class Levels:
    """What a meter remembers: of each track its highest peak of late, and when it was last clipped."""

    peaks: dict[int, tuple[int, float]] = field(default_factory=dict)
    clips: dict[int, tuple[int, float]] = field(default_factory=dict)

    def hear(self, status: dict[str, Any], now: float) -> None:
        """Take in the levels of a status."""
        for stream in status["streams"]:
            counts = stream.get("clips") or [0] * len(stream["tracks"])
            for track, peak, count in zip(stream["tracks"], stream["peaks_cdb"], counts, strict=False):
                held, since = self.peaks.get(track, (_SILENT_CDB, -HOLD_S))
                if peak >= held or now - since > HOLD_S:
                    self.peaks[track] = peak, now
                if count > self.clips.get(track, (0, 0.0))[0]:
                    self.clips[track] = count, now


@dataclass(slots=True)
class Prompt:
    """The lowest lines: what is being typed, the last answer, whether one more key ends the recording."""

    mode: str = "running"
    line: str | None = None
    told: str = ""
    is_ending: bool = False
    has_keys: bool = True


def picture(status: dict[str, Any], *, levels: Levels, prompt: Prompt, width: int = 80, height: int = 24) -> Group:
    """The whole screen.  What is urgent stays however small it is; of many meters those that do not fit are counted."""
    now = time.monotonic()
    head = _head(status, width)
    tail = [*_troubles(status), *_foot(prompt, width)]
    disks = _disks(status)
    room = max(1, height - len(head) - len(disks) - len(tail) - 1)
    meters = _meters(status, levels, now, room=room)
    lines = [*head, *meters, *disks, *tail][: max(1, height)]
    for line in lines:
        line.no_wrap, line.overflow = True, "crop"
        line.truncate(width)
    return Group(*lines)


def state_of(status: dict[str, Any]) -> str:
    """One word or two: what is being done with the sound now."""
    if "preroll" in status:
        return "PRE-ROLL"
    if status.get("pause"):
        return "PAUSED" if status["pause"]["cause"] == "paused" else "OFF THE RECORD"
    return "REC" if any(stream["frames"] for stream in status["streams"]) else "waiting for the first frame"


def elapsed(status: dict[str, Any]) -> str:
    """Recorded time of the first stream: it begins with the first delivered frame."""
    streams = status["streams"]
    return _clock(streams[0]["frames"] // streams[0]["rate_hz"] if streams else 0)


def disk_left(seconds: int | None) -> str:
    """How long a disk lasts at this rate."""
    return "?" if seconds is None else f"{seconds // 3600} h {seconds // 60 % 60:02} min left"


def meter(
    track: int, name: str, peak_cdb: int, *, held_cdb: int = _SILENT_CDB, clips: int = 0, is_clipping: bool = False
) -> Text:
    """One track's level from −60 dB to full scale, with its highest peak of late."""
    filled, held = _cells(peak_cdb), _cells(held_cdb)
    colour = "red" if peak_cdb > -100 else "yellow" if peak_cdb > -900 else "green"
    bar = ["·"] * _BAR_CELLS
    bar[:filled] = "█" * filled
    if held > filled:
        bar[held - 1] = "▌"
    line = Text(f"{track:>3} {set_cell_size(printable(name), _NAME_CELLS)} ")
    line.append("".join(bar), style=colour)
    line.append(" silent  " if peak_cdb <= _SILENT_CDB else f"{peak_cdb / 100:6.1f} dB")
    line.append(f" ▲{held_cdb / 100:.0f}" if held_cdb > _SILENT_CDB else "")
    if clips:
        line.append(f" CLIP {clips}", style="bold white on red" if is_clipping else "red")
    return line


def _head(status: dict[str, Any], width: int) -> list[Text]:
    state, title = state_of(status), printable(str(status.get("title", "")))
    if state == "PRE-ROLL":
        filled = status["preroll"]
        words = f" ◌ PRE-ROLL {filled['filled_s']} of {filled['wanted_s']} s in memory: not recording yet "
        return [Text(words.ljust(width), style="bold black on cyan"), Text(f"  {title}", style="bold")]
    where = Text(f"  {printable(str(status.get('session', '')))}", style="dim")
    if status.get("pause"):
        pause = status["pause"]
        lasts = _clock(max(0, time.time_ns() // 1000 - pause["at_us"]) // 1_000_000)
        style = "bold black on yellow"
        words = f" ‖ {state} for {lasts}: NOTHING IS RECORDED. r resumes. "
        by = f"   recorded so far {elapsed(status)}, {printable(str(pause['by']))} wanted this "
        return [
            Text(words.ljust(width), style=style),
            Text(by.ljust(width), style=style),
            Text(f"  {title}", style="bold"),
            where,
        ]
    head = Text(
        " ● REC " if state == "REC" else " … waiting for the first frame ",
        style="bold white on red" if state == "REC" else "bold",
    )
    head.append(f"  {elapsed(status)}  {title}", style="bold")
    return [head, where]


def _meters(status: dict[str, Any], levels: Levels, now: float, *, room: int) -> list[Text]:
    names, lines = status.get("names") or {}, []
    for stream in status["streams"]:
        for track, peak in zip(stream["tracks"], stream["peaks_cdb"], strict=False):
            held, since = levels.peaks.get(track, (_SILENT_CDB, 0.0))
            clips, clipped = levels.clips.get(track, (0, 0.0))
            name = str(names.get(str(track)) or stream["name"])
            held = held if now - since <= HOLD_S else peak
            lines.append(meter(track, name, peak, held_cdb=held, clips=clips, is_clipping=now - clipped < CLIP_S))
    if len(lines) > room:
        hidden = len(lines) - room + 1
        lines = [*lines[: room - 1], Text(f"    … {hidden} more tracks; a higher window shows them", style="dim")]
    return lines


def _disks(status: dict[str, Any]) -> list[Text]:
    if "preroll" in status:
        return []
    gaps = status["gaps"]
    more = {"pauses": status.get("pause_count"), "viewers": status.get("viewers")}
    words = "".join(f"   {name} {count}" for name, count in more.items() if count)
    counts = Text(f"  gaps {gaps}   notes {status['notes']}{words}", style="bold red" if gaps else "")
    lines = [counts]
    for path in status.get("paths") or []:
        if path["in_service"]:
            lines.append(Text(f"  disk {disk_left(path['seconds_left'])}   {printable(path['path'])}"))
        else:
            lines.append(Text(f"  disk NOT IN SERVICE   {printable(path['path'])}", style="bold red"))
    return lines


def _troubles(status: dict[str, Any]) -> list[Text]:
    """What is wrong now, worst first, then what has happened."""
    lines = []
    if "silent_s" in status:
        style = "bold white on red"
        lines.append(Text(f"  ! The disk or the writer has not answered for {status['silent_s']} s.", style=style))
        lines.append(Text(f"    Sound is kept in memory for {status['kept_s']} s more.", style=style))
    if "unanswered_s" in status:
        words = f"  ! The process that controls the recording has not answered for {status['unanswered_s']} s."
        lines.append(Text(words, style="bold white on red"))
    conditions = sorted(status.get("conditions") or [], key=lambda one: one["grade"] != "alarm")
    styles = {"alarm": "bold red"}
    lines += [Text(f"  ! {printable(one['text'])}", style=styles.get(one["grade"], "yellow")) for one in conditions[:3]]
    lines += [Text(f"  ! {printable(alarm)}", style="red") for alarm in (status.get("alarms") or [])[-3:]]
    return lines


def _foot(prompt: Prompt, width: int) -> list[Text]:
    lines = [Text(f"  {printable(prompt.told)}", style="italic")] if prompt.told else []
    if prompt.line is not None:
        shown = printable(prompt.line)[-(width - 10) :]
        lines += [Text(f"  Note: {shown}▏", style="bold"), Text("  Enter keeps it, Esc does not.", style="dim")]
    elif prompt.is_ending:
        lines.append(Text("  Press q once more to end and seal the recording.", style="bold red"))
    else:
        words = _KEYS[prompt.mode] if prompt.has_keys else "Ctrl-C ends and seals the recording."
        lines.append(Text(f"  {words}", style="dim"))
    return lines


def _cells(peak_cdb: int) -> int:
    return max(0, min(_BAR_CELLS, round((peak_cdb - _FLOOR_CDB) * _BAR_CELLS / -_FLOOR_CDB)))


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
