"""What the operator sees."""

from pathlib import Path
from typing import Any

from rich.console import Console

from everyword.folder import SessionFolder
from recorder.display import disk_left, elapsed, picture

STATUS: dict[str, Any] = {
    "streams": [
        {
            "frames": 48_000 * 3_725,
            "rate_hz": 48_000,
            "tracks": [1, 2],
            "peaks_cdb": [-1200, -15_000],
            "name": "USB Table Mic",
            "bytes_per_s": 288_000,
        }
    ],
    "gaps": 1,
    "alarms": ["The sound system reports lost input near frame 12."],
    "notes": 4,
    "free_bytes": 288_000 * 3600 * 5,
}


def shown(title: str, status: dict[str, Any]) -> str:
    console = Console(width=80, record=True, file=None, force_terminal=False, quiet=False, no_color=True)
    with console.capture() as capture:
        console.print(picture(title, SessionFolder(Path("/x/20261122T093000Z-round-01J")), status))
    return capture.get()


def test_state_time_levels_gaps_alarms_notes_and_disk_are_on_the_screen() -> None:
    text = shown("Round three", STATUS)
    for part in ("● REC", "1:02:05", "-12.0 dB", "silent", "gaps 1", "notes 4", "5 h 00 min left", "lost input"):
        assert part in text


def test_the_picture_is_at_most_eighty_columns_wide() -> None:
    assert 80 >= max(len(line.rstrip()) for line in shown("Очень длинное название " * 10, STATUS).splitlines())


def test_a_title_cannot_steer_the_terminal() -> None:
    assert "\x1b[2J" not in shown("\x1b[2J[red]gone", STATUS)


def test_before_the_first_frame_it_says_that_it_waits() -> None:
    assert "waiting for the first frame" in shown("T", {**STATUS, "streams": []})


def test_time_and_disk_without_a_stream() -> None:
    nothing = {**STATUS, "streams": []}
    assert ("0:00:00", "?") == (elapsed(nothing), disk_left(nothing))
