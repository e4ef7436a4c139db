"""The recorder's commands as a user meets them: real processes, real signals, real disks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from everyword.folder import SessionFolder, scan
from everyword.recording import read_recording
from everyword.verify import verdicts, verify_session
from recorder.sound.ring import find_rings
from tests.helpers import own_key, small_disk
from tests.recorder.sound import (
    children_of,
    counted,
    counted_file,
    everyword,
    journal_kinds,
    kill_all,
    numbers_in,
    recorded,
    start_recorder,
    wait_for_frames,
)


def only(home: Path) -> SessionFolder:
    (folder,) = scan([home / "sessions"])
    return folder


def test_the_wanted_duration_is_recorded_to_the_frame(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=5)
    done = everyword(home, "record", "--input", f"file:{source}", "--duration", "1.5", "--title", "Short")
    assert (0, "") == (done.returncode, done.stdout.replace(str(only(home).path) + "\n", ""))
    assert counted(1, 12_000) == recorded(only(home))


def test_an_input_that_ends_early_does_not_keep_the_others_from_their_duration(tmp_path: Path, home: Path) -> None:
    long, short = counted_file(tmp_path / "long.wav", seconds=60), counted_file(tmp_path / "short.wav", seconds=0.5)
    everyword(home, "record", "--input", f"file:{long}", "--input", f"file:{short}", "--duration", "1.5", timeout_s=30)
    assert (counted(1, 12_000), counted(1, 4_000)) == (recorded(only(home)), recorded(only(home), 2))


def test_a_file_is_recorded_to_its_end(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=1.2)
    assert 0 == everyword(home, "record", "--input", f"file:{source}").returncode
    assert counted(1, 9_600) == recorded(only(home))
    assert ("pass", "pass") == verdicts(verify_session(only(home), trusted=[own_key(tmp_path)]))


def test_control_c_ends_a_recording_sealed_with_exit_0(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=30)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=1)
    process.send_signal(signal.SIGINT)
    assert 0 == process.wait(20)
    assert folder.is_sealed
    pcm = recorded(folder)
    assert counted(1, len(pcm) // 4) == pcm


def test_a_hang_up_does_not_stop_a_recording(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=2.5)
    process = start_recorder(home, "--input", f"file:{source}")
    wait_for_frames(home, seconds=0.5)
    process.send_signal(signal.SIGHUP)
    assert 0 == process.wait(20)
    assert counted(1, 20_000) == recorded(only(home))


def test_a_note_from_another_terminal_is_journalled_while_recording(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=30)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=0.5)
    done = everyword(home, "note", folder.path.name[-26:], "Они отрицают «протокол».\nSecond line", "--json")
    process.send_signal(signal.SIGINT)
    process.wait(20)
    (note,) = read_recording(folder).notes
    assert (0, note.seq) == (done.returncode, json.loads(done.stdout)["data"]["seq"])
    assert "Они отрицают «протокол».\nSecond line" == note.text
    assert 0 < note.frame <= read_recording(folder).end_frame(1)


def test_a_note_to_a_sealed_session_is_refused(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=0.3)
    everyword(home, "import", str(source))
    done = everyword(home, "note", str(only(home).path), "too late")
    assert 1 == done.returncode
    assert "sealed" in done.stderr


def test_killing_the_writer_costs_no_frame(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=4)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=1)
    os.kill(children_of(process)["recorder.processes.writer"], signal.SIGKILL)
    assert 0 == process.wait(30)
    assert counted(1, 32_000) == recorded(folder)
    assert "salvage" in journal_kinds(folder)


def test_killing_the_capture_child_costs_a_hole_of_recorded_length(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=30)
    process = start_recorder(home, "--input", f"file:{source}", "--duration", "4")
    folder = wait_for_frames(home, seconds=1)
    os.kill(children_of(process)["recorder.processes.capture"], signal.SIGKILL)
    assert 3 == process.wait(30)
    (gap,) = read_recording(folder).gaps
    numbers = numbers_in(recorded(folder))
    assert {0} == set(numbers[gap.first_frame : gap.first_frame + gap.frame_count].tolist())
    assert list(range(1, gap.first_frame + 1)) == numbers[: gap.first_frame].tolist()
    assert 32_000 == len(numbers)
    assert 0 < gap.frame_count < 3 * 8000


@pytest.mark.parametrize("seconds", [0.0, 0.7, 1.6])
def test_after_the_death_of_everything_the_next_command_makes_the_session_whole(
    tmp_path: Path, home: Path, seconds: float
) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=30)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=seconds)
    kill_all(process)
    done = everyword(home, "sessions")
    assert "Made whole" in done.stderr
    assert folder.is_sealed
    pcm = recorded(folder)
    assert counted(1, len(pcm) // 4) == pcm
    assert len(pcm) // 4 >= seconds * 8000
    assert ("pass", "unknown") == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))


def test_salvage_leaves_a_running_recording_alone(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=120)
    process = start_recorder(home, "--input", f"file:{source}")
    folder = wait_for_frames(home, seconds=0.5)
    assert 1 == everyword(home, "salvage", str(folder.path)).returncode
    assert 0 == everyword(home, "sessions").returncode
    process.send_signal(signal.SIGINT)
    process.wait(30)
    pcm = recorded(folder)
    assert counted(1, len(pcm) // 4) == pcm
    assert "salvage" not in journal_kinds(folder)


def test_when_the_supervisor_dies_the_recording_goes_on_without_a_hole_and_says_so(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=30)
    process = start_recorder(home, "--input", f"file:{source}", "--duration", "3")
    folder = wait_for_frames(home, seconds=0.5)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while not folder.is_sealed and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [("supervisor-lost", False)] == [(alarm.code, alarm.loss) for alarm in read_recording(folder).alarms]
    assert counted(1, 24_000) == recorded(folder)


def test_a_full_disk_ends_the_recording_sealed_with_exit_6(tmp_path: Path, home: Path) -> None:
    with small_disk(tmp_path / "disk", "size=1300k") as disk:
        source = counted_file(tmp_path / "in.wav", seconds=30, rate_hz=32_000)
        done = everyword(home, "record", "--input", f"file:{source}", "--to", str(disk))
        (folder,) = scan([disk])
        assert 6 == done.returncode
        assert "No space left" in done.stderr
        assert folder.is_sealed
        pcm = recorded(folder)
        assert counted(1, len(pcm) // 4) == pcm
        assert len(pcm) > 100_000
        assert ("pass", "unknown") == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))


def test_a_disk_without_room_for_anything_is_refused_with_exit_6(tmp_path: Path, home: Path) -> None:
    with small_disk(tmp_path / "disk", "size=64k") as disk:
        source = counted_file(tmp_path / "in.wav", seconds=1)
        done = everyword(home, "record", "--input", f"file:{source}", "--to", str(disk))
        assert 6 == done.returncode
        assert "--to" in done.stderr
        assert [] == [ring for folder in scan([disk]) for ring in find_rings(folder)]


def test_an_import_that_fills_the_disk_exits_6(tmp_path: Path, home: Path) -> None:
    with small_disk(tmp_path / "disk", "size=1300k") as disk:
        source = counted_file(tmp_path / "in.wav", seconds=30)
        done = everyword(home, "import", str(source), "--to", str(disk))
        assert (6, True) == (done.returncode, "No space left" in done.stderr)


def test_a_missing_portaudio_is_named_with_the_package_to_install(tmp_path: Path, home: Path) -> None:
    script = (
        "import ctypes.util, sys; ctypes.util.find_library = lambda name: None; "
        "sys.argv = ['everyword', 'inputs']; from everyword.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert 5 == done.returncode
    assert "libportaudio2" in done.stderr


def test_an_input_that_is_not_there_exits_5_and_makes_nothing(home: Path) -> None:
    done = everyword(home, "record", "--input", "no such microphone")
    assert 5 == done.returncode
    assert not (home / "sessions").exists()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--duration", "soon"], "1h30m"),
        (["--language", "Klingon"], "two letters"),
        (["--speaker", "Ann;seat=3"], "Known keys"),
        (["--speaker", "Ann", "--speaker", "Ann"], "person=KEY"),
        (["--title", "\x1b]0;evil\a"], "without that character"),
        (["--input", "file:/no/such/file.wav"], "Check the name"),
        (["--rate", "44100"], "--rate"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_with_the_next_step(
    tmp_path: Path, home: Path, arguments: list[str], hint: str
) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=0.5)
    done = everyword(home, "record", "--input", f"file:{source}", *arguments)
    assert done.returncode in (1, 2)
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "sessions").exists()


def test_a_json_error_comes_in_the_envelope(home: Path) -> None:
    done = everyword(home, "import", "/no/such/file", "--json")
    assert "unreadable-audio" == json.loads(done.stdout)["errors"][0]["code"]


def test_the_roster_reaches_the_session(tmp_path: Path, home: Path) -> None:
    roster = tmp_path / "roster.toml"
    roster.write_text('[[speaker]]\nname = "Олена Коваль"\nrole = "interpreter"\ntrack = 2\n', encoding="utf-8")
    source = counted_file(tmp_path / "in.wav", seconds=0.3)
    everyword(home, "import", str(source), "--roster", str(roster), "--speaker", "Ann Lee;delegation=North;language=en;track=1")
    people = [(p.person, p.name, p.role, p.delegation, p.language, p.track) for p in only(home).read_session().roster]
    assert [("олена-коваль", "Олена Коваль", "interpreter", "", "", 2), ("ann-lee", "Ann Lee", "", "North", "en", 1)] == people


def test_a_folder_named_with_to_is_remembered(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=0.3)
    everyword(home, "import", str(source), "--to", str(tmp_path / "elsewhere"))
    shutil.rmtree(home / "sessions", ignore_errors=True)
    assert str(tmp_path / "elsewhere") in (home / "roots").read_text()
