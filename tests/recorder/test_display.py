"""What the operator sees, and what the keys mean."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from everyword.model import Speaker
from recorder.operator.display import HOLD_S, Levels, Prompt, disk_left, elapsed, meter, picture, state_of
from recorder.operator.keys import Typing
from recorder.request import Request

STATUS: dict[str, Any] = {
    "session": "20261122T093000Z-round-01J",
    "title": "Round three",
    "streams": [
        {
            "frames": 48_000 * 3_725,
            "rate_hz": 48_000,
            "tracks": [1, 2],
            "peaks_cdb": [-1200, -15_000],
            "clips": [3, 0],
            "name": "USB Table Mic",
            "bytes_per_s": 288_000,
        }
    ],
    "gaps": 1,
    "alarms": ["The sound system reports lost input near frame 12."],
    "conditions": [{"code": "silent", "grade": "alarm", "text": "Track 2 is still silent.", "track": 2}],
    "notes": 4,
    "pause": None,
    "paths": [{"path": "/media/one", "in_service": True, "seconds_left": 5 * 3600}],
}


def shown(status: dict[str, Any], *, prompt: Prompt | None = None, width: int = 80, height: int = 24) -> str:
    console = Console(width=width, height=height, force_terminal=False, no_color=True)
    levels = Levels()
    levels.hear(status, 0.0)
    with console.capture() as capture:
        console.print(picture(status, levels=levels, prompt=prompt or Prompt(), width=width, height=height))
    return capture.get()


def eight_tracks(name: str) -> dict[str, Any]:
    stream = STATUS["streams"][0] | {"tracks": list(range(1, 9)), "peaks_cdb": [-600] * 8, "clips": [0] * 8, "name": name}
    return STATUS | {"streams": [stream]}


def test_state_time_levels_gaps_alarms_notes_and_disks_are_on_the_screen() -> None:
    text = shown(STATUS)
    parts = (
        "● REC",
        "1:02:05",
        "Round three",
        "-12.0 dB",
        "silent",
        "CLIP 3",
        "gaps 1",
        "notes 4",
        "5 h 00 min left",
        "/media/one",
    )
    assert [] == [part for part in (*parts, "lost input", "Track 2 is still silent.", "n note") if part not in text]


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (40, 9), (20, 5)])
def test_eight_tracks_with_long_names_fit_into_any_window(size: tuple[int, int]) -> None:
    width, height = size
    lines = shown(eight_tracks("Очень длинное название 会議用マイク " * 5), width=width, height=height).splitlines()
    assert height >= len(lines)
    assert width >= max(len(line.rstrip()) for line in lines)
    assert " ● REC" == lines[0][:6]


def test_at_80_by_24_eight_meters_and_everything_else_are_there() -> None:
    text = shown(eight_tracks("Mic"))
    assert [True] * 8 == [f"\n{track:>3} Mic" in text for track in range(1, 9)]
    assert [] == [part for part in ("gaps 1", "min left", "silent.", "n note") if part not in text]


def test_a_track_has_the_name_of_who_sits_there() -> None:
    roster = (Speaker("a", "Anna Lee", track=2), Speaker("b", "Bo", track=2), Speaker("c", "Nobody"))
    request = Request(("mic",), Path(), Path(), "T", "", "Op", (), roster)
    assert {"2": "Anna Lee / Bo"} == request.seats
    text = shown(STATUS | {"names": request.seats})
    assert ("  1 USB Table Mic" in text, "  2 Anna Lee / Bo" in text) == (True, True)


def test_meters_that_do_not_fit_are_counted() -> None:
    assert "more tracks" in shown(eight_tracks("Mic"), height=12)


@pytest.mark.parametrize("evil", ["\x1b[2J[red]gone", "a\u009b31mb", "\u202eesrever", "x" * 10_000])
def test_no_name_or_title_can_steer_the_terminal(evil: str) -> None:
    status = eight_tracks(evil) | {"title": evil, "session": evil, "alarms": [evil]}
    status["paths"] = [{"path": evil, "in_service": False, "seconds_left": None}]
    text = shown(status, prompt=Prompt(line=evil, told=evil))
    assert [] == [character for character in ("\x1b", "\u009b", "\u202e") if character in text]


def test_a_pause_cannot_be_overlooked() -> None:
    paused = STATUS | {"pause": {"id": "1", "cause": "paused", "by": "Anna", "at_us": 0}}
    text = shown(paused)
    assert "● REC" not in text
    assert [] == [part for part in ("PAUSED", "NOTHING IS RECORDED", "Anna", "1:02:05") if part not in text]


def test_off_the_record_before_the_start_and_waiting_have_names_of_their_own() -> None:
    off = STATUS | {"pause": {"id": "1", "cause": "off-record", "by": "Anna", "at_us": 0}}
    preroll = STATUS | {"preroll": {"filled_s": 3, "wanted_s": 30}}
    states = [state_of(one) for one in (off, preroll, STATUS | {"streams": []}, STATUS)]
    assert ["OFF THE RECORD", "PRE-ROLL", "waiting for the first frame", "REC"] == states
    assert "3 of 30 s" in shown(preroll)


def test_a_writer_that_hangs_is_told_with_what_is_left() -> None:
    text = shown(STATUS | {"silent_s": 4, "kept_s": 24})
    assert "has not answered for 4 s" in text
    assert "24 s more" in text


def test_a_disk_that_is_out_of_service_is_said_so() -> None:
    paths = [*STATUS["paths"], {"path": "/media/two", "in_service": False, "seconds_left": None}]
    assert "NOT IN SERVICE   /media/two" in shown(STATUS | {"paths": paths})


def test_a_peak_is_held_for_a_while() -> None:
    levels, quiet = Levels(), STATUS["streams"][0] | {"peaks_cdb": [-4000, -4000]}
    levels.hear(STATUS, 0.0)
    levels.hear(STATUS | {"streams": [quiet]}, HOLD_S / 2)
    held = levels.peaks[1][0]
    levels.hear(STATUS | {"streams": [quiet]}, HOLD_S * 2)
    assert (-1200, -4000) == (held, levels.peaks[1][0])


def test_a_meter_shows_level_held_peak_and_clips() -> None:
    assert "CLIP 2" in meter(1, "A", -600, held_cdb=-100, clips=2).plain
    assert "▲-1" in meter(1, "A", -600, held_cdb=-100).plain


def test_time_and_disk_without_a_stream() -> None:
    assert ("0:00:00", "?") == (elapsed(STATUS | {"streams": []}), disk_left(None))


def typed(text: str, *, mode: str = "running", at: float = 0.0) -> tuple[list[dict[str, object]], Typing]:
    typing = Typing(mode, "Anna")  # type: ignore[arg-type]
    orders = [order for key in text for order in typing.press(key, at)]
    return orders, typing


@pytest.mark.parametrize(
    ("keys", "orders"),
    [
        ("p", [{"pause": "paused", "by": "Anna"}]),
        ("o", [{"pause": "off-record", "by": "Anna"}]),
        ("r", [{"resume": True, "by": "Anna"}]),
        ("q", []),
        ("qq", [{"stop": True, "by": "Anna"}]),
        ("npause qq\r", [{"note": "pause qq", "by": "Anna"}]),
        ("nab\x7fc\r", [{"note": "ac", "by": "Anna"}]),
        ("nab\x15", []),
        ("n \r", []),
        ("xyz\t\n", []),
    ],
)
def test_keys_become_orders(keys: str, orders: list[dict[str, object]]) -> None:
    assert orders == typed(keys)[0]


def test_a_second_q_much_later_ends_nothing() -> None:
    typing = Typing("running", "Anna")
    assert ([], []) == (typing.press("q", 0.0), typing.press("q", 100.0))


@pytest.mark.parametrize("keys", ["\x1b[A", "\x1bOP", "\x1b[200~"])
def test_arrow_and_function_keys_are_no_text_and_no_orders(keys: str) -> None:
    typing = Typing("running", "Anna")
    typing.press("n", 0.0)
    assert ([], "") == (typing.press(keys, 0.0), typing.line)


def test_only_an_attached_terminal_can_leave() -> None:
    assert (False, True) == (typed("d")[1].wants_to_leave, typed("d", mode="attached")[1].wants_to_leave)


def test_before_the_start_enter_starts_and_nothing_else_does() -> None:
    assert [{"start": True, "by": "Anna"}] == typed("npo\r", mode="armed")[0]
