"""What the operator sees while recording: state, time, a meter a track, gaps, alarms, disk time left."""

import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from everyword import terminal
from everyword.folder import SessionFolder
from everyword.text import printable
from recorder.supervisor import Show

PLAIN_EVERY_S = 10.0
_WIDTH = 40
_FLOOR_CDB = -6000


@contextmanager
def display(title: str) -> Iterator[Show]:
    """A live picture on a terminal, a plain line every `PLAIN_EVERY_S` elsewhere; a terminal that goes away stops nothing."""
    if not sys.stderr.isatty():
        yield _plain()
        return
    live = Live(console=terminal.console(), auto_refresh=False, transient=True)

    def show(folder: SessionFolder, status: dict[str, Any]) -> None:
        if _is_read():
            with suppress(OSError):  # the terminal is gone; the recording goes on
                live.update(picture(title, folder, status), refresh=True)

    try:
        live.start()
        yield show
    finally:
        with suppress(OSError):
            live.stop()


def _is_read() -> bool:
    """False while a write to stderr would wait: a pipe that nobody reads must not stop who watches the recording."""
    try:
        return bool(select.select([], [sys.stderr], [], 0)[1])
    except (OSError, ValueError):
        return False


def picture(title: str, folder: SessionFolder, status: dict[str, Any]) -> Group:
    """The lines of the live picture, at most 80 columns wide."""
    streams = status["streams"]
    frames = streams[0]["frames"] if streams else 0
    head = Text()
    head.append(" ● REC " if frames else " … waiting for the first frame ", style="bold white on red" if frames else "bold")
    head.append(f"  {elapsed(status)}  {printable(title)[:40]}", style="bold")
    lines = [head, Text(f"  {folder.path.name[:76]}", style="dim")]
    for stream in streams:
        for track, peak in zip(stream["tracks"], stream["peaks_cdb"], strict=False):
            lines.append(meter(track, peak))
    gaps, notes = status["gaps"], status["notes"]
    lines.append(Text(f"  gaps {gaps}   notes {notes}   disk {disk_left(status)}", style="red" if gaps else ""))
    lines += [Text(f"  ! {printable(alarm)[:76]}", style="bold red") for alarm in status["alarms"]]
    lines.append(Text("  Ctrl-C ends and seals the recording.", style="dim"))
    return Group(*lines)


def meter(track: int, peak_cdb: int) -> Text:
    """One track's level from −60 dB to full scale."""
    filled = max(0, min(_WIDTH, round((peak_cdb - _FLOOR_CDB) * _WIDTH / -_FLOOR_CDB)))
    colour = "red" if peak_cdb > -100 else "yellow" if peak_cdb > -900 else "green"
    line = Text(f"  {track:>3} ")
    line.append("█" * filled, style=colour)
    line.append("·" * (_WIDTH - filled), style="dim")
    level = "silent" if peak_cdb <= -15000 else f"{peak_cdb / 100:6.1f} dB"
    line.append(f" {level}")
    return line


def elapsed(status: dict[str, Any]) -> str:
    """Recorded time of the first stream: it begins with the first delivered frame."""
    streams = status["streams"]
    seconds = streams[0]["frames"] // streams[0]["rate_hz"] if streams else 0
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def disk_left(status: dict[str, Any]) -> str:
    """How long the disk lasts at this rate."""
    rate = sum(stream["bytes_per_s"] for stream in status["streams"])
    if not rate:
        return "?"
    minutes = status["free_bytes"] // rate // 60
    return f"{minutes // 60} h {minutes % 60:02} min left"


def _plain() -> Show:
    told = 0.0

    def show(_folder: SessionFolder, status: dict[str, Any]) -> None:
        nonlocal told
        streams = status["streams"]
        if not streams or not _is_read() or time.monotonic() - told < PLAIN_EVERY_S:
            return
        told = time.monotonic()
        levels = " ".join(f"{peak / 100:.0f}" for stream in streams for peak in stream["peaks_cdb"])
        with suppress(OSError):  # nobody reads; the recording goes on
            terminal.say(f"REC {elapsed(status)}  levels {levels} dB  gaps {status['gaps']}  disk {disk_left(status)}")

    return show
