"""The demo: the whole chain by its own commands, without touching anything of the user's."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from everyword import config, demo
from everyword.errors import EverywordError
from everyword.room import Room
from tests.helpers import DATA, tone

needs_sound_server = pytest.mark.skipif(bool(Room.missing()), reason=f"not installed: {', '.join(Room.missing())}")


@pytest.fixture
def settings(home: Path) -> config.Settings:
    return config.load({"EVERYWORD_HOME": str(home), "EVERYWORD_OPERATOR": "Test Operator"}).settings


@pytest.fixture
def excerpt(tmp_path: Path) -> Path:
    """The 26 seconds of the demo recording that hold what it searches for."""
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="int16")
    path = tmp_path / "excerpt.flac"
    soundfile.write(path, sound[21 * rate_hz : 47 * rate_hz], rate_hz, subtype="PCM_16")
    return path


@needs_sound_server
@pytest.mark.timeout(300)
def test_the_demo_records_from_the_room_and_finds_what_was_said(
    settings: config.Settings, excerpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "demo_recording", lambda: excerpt)
    exit_code = demo.run_demo(settings, out=tmp_path / "out")
    told = capfd.readouterr()
    assert exit_code == 0, told.out + told.err
    assert "excerpt.flac is played into the room" in told.err
    assert "голосов" in told.out.lower()
    for step in ("record", "transcribe", "search", "export", "verify", "total"):
        assert [line for line in told.out.splitlines() if line.startswith(step) and line.endswith(" s")], step
    assert {"txt", "srt", "vtt", "json"} == {path.suffix[1:] for path in (tmp_path / "out" / "exports").iterdir()}
    assert not settings.home.exists(), "the demo has touched the user's home"


@pytest.mark.timeout(300)
def test_without_a_sound_server_the_file_is_the_input_and_the_demo_says_so_and_a_search_that_fails_fails_the_demo(
    settings: config.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two ideas in one run, because a run costs seconds: a tone holds none of the words searched for."""
    sound = tone(tmp_path / "tone.wav", seconds=3, rate_hz=48000, channels=2)
    monkeypatch.setattr(demo, "demo_recording", lambda: sound)
    monkeypatch.setattr(Room, "missing", staticmethod(lambda: ["pulseaudio"]))
    exit_code = demo.run_demo(settings, out=tmp_path / "out")
    told = capfd.readouterr()
    assert "No sound server: A room needs packages that are not installed: pulseaudio. The file is played" in told.err
    assert f"--input file:{sound}" in told.err
    assert exit_code == 1, told.out + told.err
    assert "did not find 'почт'" in told.err


def test_a_command_that_fails_ends_the_demo_with_its_exit_code_and_the_account(
    settings: config.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "demo_recording", lambda: tmp_path / "missing.flac")
    monkeypatch.setattr(Room, "missing", staticmethod(lambda: ["pulseaudio"]))
    assert demo.run_demo(settings, out=tmp_path / "out") not in (0, 3)
    told = capfd.readouterr()
    assert "`everyword record` ended with exit code" in told.err
    assert "failed (" in told.out


def test_the_demo_lives_in_its_own_home_whatever_the_user_has_set(settings: config.Settings, tmp_path: Path) -> None:
    own = demo.Demo(tmp_path, settings.operator).environment(
        {"EVERYWORD_HOME": "/mine", "EVERYWORD_SESSIONS": "/mine", "LANG": "C"}
    )
    assert own == {"EVERYWORD_HOME": str(tmp_path), "EVERYWORD_OPERATOR": "Test Operator", "LANG": "C"}


def test_short_command_lines_stay_on_one_line() -> None:
    assert demo.command_line(["search", "голосовая почта"]) == "search 'голосовая почта'"


def test_long_command_lines_are_folded_before_options() -> None:
    folded = demo.command_line(["export", "X" * 90, "--format", "txt", "--to", "a b"])
    assert folded == f"export {'X' * 90} \\\n      --format txt \\\n      --to 'a b'"


def test_the_recording_is_found_in_the_checkout() -> None:
    assert DATA / "demo.flac" == demo.demo_recording()


def test_a_wheel_without_the_recording_is_an_error_with_a_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "files", lambda _: tmp_path)
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "everyword" / "demo.py"))
    with pytest.raises(EverywordError, match="recording of the demo is missing"):
        demo.demo_recording()


def test_the_recording_is_what_its_description_says() -> None:
    description = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="int16")
    assert (description["frame_count"], 2) == sound.shape
    assert description["rate_hz"] == rate_hz
    assert all(
        0 <= turn["first_frame"] < turn["first_frame"] + turn["frame_count"] <= len(sound) for turn in description["turns"]
    )


def test_each_turn_is_louder_on_its_own_channel_than_on_the_other() -> None:
    description = json.loads((DATA / "demo.json").read_text(encoding="utf-8"))
    sound, _ = soundfile.read(DATA / "demo.flac", dtype="float64")
    for turn in description["turns"]:
        power = np.mean(sound[turn["first_frame"] : turn["first_frame"] + turn["frame_count"]] ** 2, axis=0)
        assert power[turn["channel"]] > 100 * power[1 - turn["channel"]], turn["text"]


def test_the_silent_channel_has_the_noise_of_a_room_and_no_digital_silence() -> None:
    sound, rate_hz = soundfile.read(DATA / "demo.flac", dtype="int16")
    seconds = sound.reshape(-1, rate_hz, 2)
    assert np.all(np.any(seconds != 0, axis=1))


def test_the_recording_stays_small_and_names_its_licences() -> None:
    assert (DATA / "demo.flac").stat().st_size < 2_000_000
    licence = (DATA / "LICENCE.md").read_text(encoding="utf-8")
    assert "CC BY 4.0" in licence
    assert "CC BY 3.0" in licence
