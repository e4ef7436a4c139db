"""Before the session: what is wrong with microphones, disks and clock is said, kept, and taken into the record."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from everyword.folder import scan
from everyword.journal import now_us
from everyword.room import Room
from recorder.processes import check
from recorder.processes.check import DiskCheck, Result, TrackCheck, check_disk, keep, recent
from tests.recorder.sound import everyword
from tests.recorder.terminals import Terminal

RATE_HZ = 8000
BLOCK = RATE_HZ // 20


def noise(seconds: float, level_db: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 10 ** (level_db / 20), round(seconds * RATE_HZ)).clip(-1, 1 - 2**-15)


def voice(seconds: float, level_db: float) -> np.ndarray:
    """Half of the time a voice, half of the time the room."""
    sound = noise(seconds, -70)
    sound[len(sound) // 2 :] = noise(seconds, level_db)[len(sound) // 2 :]
    return sound


def heard(values: np.ndarray) -> TrackCheck:
    track = TrackCheck(1, "Mic")
    for first in range(0, len(values), BLOCK):
        track.hear(values[first : first + BLOCK], block_frames=BLOCK)
    return track


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (voice(4, -25), []),
        (np.zeros(4 * RATE_HZ), ["nothing but zeros"]),
        (noise(4, -75), ["was not heard"]),
        (voice(4, -55), ["is quiet"]),
        (voice(4, 3), ["too loud"]),
    ],
)
def test_a_microphone_is_judged_by_what_is_heard(values: np.ndarray, words: list[str]) -> None:
    warnings = heard(values).warnings()
    assert len(words) == len(warnings), warnings
    assert [] == [word for word, warning in zip(words, warnings, strict=True) if word not in warning]


def test_level_and_noise_are_told_apart() -> None:
    track = heard(voice(4, -25))
    assert track.heard
    assert pytest.approx(-2500, abs=150) == track.level_cdb
    assert pytest.approx(-7000, abs=150) == track.noise_cdb


@pytest.mark.parametrize(
    ("rate", "sync", "left", "words"),
    [
        (10**8, 1000, 10**5, []),
        (10**6, 1000, 10**5, ["is slow"]),
        (10**8, 3_000_000, 10**5, ["3000 ms to answer"]),
        (10**8, 1000, 600, ["10 minutes only"]),
    ],
)
def test_a_disk_is_judged_by_speed_patience_and_space(rate: int, sync: int, left: int, words: list[str]) -> None:
    warnings = DiskCheck("/d", rate, sync, left, 300_000, "").warnings()
    assert len(words) == len(warnings)
    assert all(word in warning for word, warning in zip(words, warnings, strict=True))


def test_trying_a_disk_leaves_nothing_on_it(tmp_path: Path) -> None:
    found = check_disk(tmp_path / "new", needed_bytes_per_s=1)
    assert found.bytes_per_s > 0
    assert [] == list((tmp_path / "new").iterdir())


def a_result(*, at_us: int, inputs: tuple[str, ...] = ("mic",)) -> Result:
    return Result(at_us, "Anna", inputs, (heard(voice(1, -25)),), (), "synced", "")


def test_the_newest_check_of_the_same_inputs_is_taken_while_it_is_recent(tmp_path: Path) -> None:
    keep(tmp_path, a_result(at_us=now_us() - 10**6))
    newest = a_result(at_us=now_us())
    keep(tmp_path, newest)
    keep(tmp_path, a_result(at_us=now_us(), inputs=("other",)))
    assert newest.fields() == recent(tmp_path, ["mic"])


@pytest.mark.parametrize("age_s", [check.RECENT_S + 60, -60])
def test_a_check_of_another_day_says_nothing_about_today(tmp_path: Path, age_s: int) -> None:
    keep(tmp_path, a_result(at_us=now_us() - age_s * 10**6))
    assert recent(tmp_path, ["mic"]) is None


@pytest.mark.parametrize("line", ["{", "[]", '{"inputs": ["mic"], "checked_at_us": 1e300}', '{"inputs": ["mic"]}'])
def test_a_damaged_line_in_the_kept_checks_is_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / "checks.jsonl").write_text(line + "\n")
    assert recent(tmp_path, ["mic"]) is None


def test_a_check_from_the_command_line_is_kept_and_copied_into_the_next_recording(tmp_path: Path, home: Path) -> None:
    source = tmp_path / "in.wav"
    with wave.open(str(source), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        both = np.stack([voice(6, -25), np.zeros(6 * RATE_HZ)], axis=1)
        file.writeframes((both * 32767).astype("<i2").tobytes())
    done = everyword(home, "record", "--input", f"file:{source}", "--check", "--duration", "4", "--json")
    found = json.loads(done.stdout)["data"]
    assert (3, [True, False]) == (done.returncode, [track["heard"] for track in found["tracks"]])
    assert any("Track 2 (in.wav) delivers nothing but zeros" in warning for warning in found["warnings"])
    assert [] == scan([home / "sessions"])
    everyword(home, "record", "--input", f"file:{source}", "--duration", "1")
    (folder,) = scan([home / "sessions"])
    lines = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    (copied,) = [{name: line[name] for name in found} for line in lines if line["kind"] == "check"]
    assert found == copied


def test_at_a_terminal_each_microphone_is_asked_for_in_turn(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody speaks into the left one when it is asked for, and into the right one when that is."""
    with Room(rate_hz=RATE_HZ) as room:
        for name, value in room.environment().items():
            monkeypatch.setenv(name, value)
        terminal = Terminal.run(home, "record", "--input", "pulse", "--check", columns=160)
        try:
            for number in (1, 2):
                terminal.wait_for(f"Track {number} (", *["  heard, -"] * (number > 1))
                player = room.play(spoken(tmp_path / f"{number}.wav", channel=number - 1))
                terminal.wait_for("  heard, -" if number == 1 else "track 2  heard")
                player.kill()
                player.wait()
            assert terminal.wait() in (0, 3)
        finally:
            terminal.kill()
    terminal.read()
    assert "NOT HEARD" not in terminal.text
    (kept,) = (home / "checks.jsonl").read_text().splitlines()
    found = json.loads(kept)
    assert [True, True] == [track["heard"] for track in found["tracks"]]
    assert (terminal.status == 3) == bool(found["warnings"])


def spoken(path: Path, *, channel: int) -> Path:
    """Six seconds of a voice on one of two channels."""
    both = np.zeros((6 * RATE_HZ, 2))
    both[:, channel] = voice(6, -20)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes((both * 32767).astype("<i2").tobytes())
    return path
