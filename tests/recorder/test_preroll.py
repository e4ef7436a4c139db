"""Sound from before the start: in memory until somebody starts, then joined to the rest to the frame."""

import contextlib
import signal
import time
from pathlib import Path

import pytest

from everyword.errors import CorruptFolder, DiskTrouble
from everyword.folder import scan
from everyword.model import Input
from everyword.recording import read_recording
from recorder.processes import preroll
from recorder.processes.adoption import Foundling
from recorder.processes.children import Child
from recorder.processes.openings import Capture
from recorder.request import Request, Unattended
from recorder.sound import ring
from recorder.sound.ring import SHARED_MEMORY, Ring
from recorder.sound.sources import Facts
from tests.recorder.sound import (
    children_of,
    counted_file,
    everyword,
    kill_at_once,
    numbers_in,
    recorded,
    start_recorder,
    wait_for_frames,
)
from tests.recorder.test_running import eventually


def wait_for_memory(tmp_path: Path, *, seconds: float) -> Path:
    """Wait until the ring of a file in this folder holds so much sound (8 kHz)."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for path in SHARED_MEMORY.glob("everyword-*.ring"):
            with contextlib.suppress(OSError, CorruptFolder):  # of another test, just being made or unmade
                found = Ring.open(path)
                if str(tmp_path) in str(found.about) and found.written >= seconds * 8000:
                    return path
        time.sleep(0.02)
    raise AssertionError("nothing was heard")


def test_the_recording_begins_with_the_preroll_and_nothing_is_on_disk_before_it(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=60)
    process = start_recorder(home, "--input", f"file:{source}", "--preroll", "1s", "--duration", "2")
    memory = wait_for_memory(tmp_path, seconds=1.5)
    assert [] == [path for path in home.rglob("*") if path.is_file()] if home.exists() else True
    process.send_signal(signal.SIGUSR1)
    folder = wait_for_frames(home, seconds=0.2)
    assert process.wait(30) in (0, 3)
    numbers = numbers_in(recorded(folder)).tolist()
    _, first_frame = read_recording(folder).rings[1]
    assert 1 < numbers[0] == 1 - first_frame
    assert list(range(numbers[0], numbers[0] + 16_000)) == numbers
    assert not memory.exists()


def test_a_recording_that_began_with_preroll_survives_its_supervisor_and_writer(tmp_path: Path, home: Path) -> None:
    """When its inputs were opened, there was no session that they could have been told of."""
    source = counted_file(tmp_path / "in.wav", seconds=120)
    process = start_recorder(home, "--input", f"file:{source}", "--preroll", "1s")
    wait_for_memory(tmp_path, seconds=0.5)
    process.send_signal(signal.SIGUSR1)
    folder = wait_for_frames(home, seconds=0.2)
    kill_at_once([process.pid, children_of(process)["recorder.processes.writer"]])
    process.wait()
    eventually(lambda: '"supervisor-lost"' in folder.journal.read_text())
    eventually(lambda: everyword(home, "stop", str(folder.path)).returncode in (0, 3))
    numbers = numbers_in(recorded(folder)).tolist()
    assert list(range(numbers[0], numbers[0] + len(numbers))) == numbers
    assert [] == read_recording(folder).gaps


def test_a_start_before_the_preroll_is_full_keeps_what_there_is(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=60)
    process = start_recorder(home, "--input", f"file:{source}", "--preroll", "60s", "--duration", "1")
    wait_for_memory(tmp_path, seconds=0.2)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(30) in (0, 3)
    (folder,) = scan([home / "sessions"])
    assert list(range(1, 8001)) == numbers_in(recorded(folder)).tolist()


def test_a_preroll_that_is_given_up_leaves_nothing(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=60)
    process = start_recorder(home, "--input", f"file:{source}", "--preroll", "5s")
    memory = wait_for_memory(tmp_path, seconds=0.2)
    process.send_signal(signal.SIGINT)
    assert 130 == process.wait(30)
    assert not (home / "sessions").exists()
    assert not memory.exists()


def test_a_killed_preroll_leaves_nothing_either(tmp_path: Path, home: Path) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=60)
    process = start_recorder(home, "--input", f"file:{source}", "--preroll", "5s")
    memory = wait_for_memory(tmp_path, seconds=0.2)
    process.kill()
    process.wait()
    eventually(lambda: not memory.exists())
    assert not (home / "sessions").exists()


@pytest.mark.parametrize(
    ("preroll", "code", "words"), [("700s", 2, "at most 600 s"), ("0s", 2, "no length"), ("soon", 2, "no duration")]
)
def test_a_preroll_that_cannot_be_is_refused(tmp_path: Path, home: Path, preroll: str, code: int, words: str) -> None:
    source = counted_file(tmp_path / "in.wav", seconds=1)
    done = everyword(home, "record", "--input", f"file:{source}", "--preroll", preroll)
    assert (code, True) == (done.returncode, words in done.stderr), done.stderr
    assert not (home / "sessions").exists()


def test_sound_from_before_the_start_never_goes_to_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "SHARED_MEMORY", tmp_path / "full")
    facts = Facts(Input("mic", "mic", "portaudio"), 48_000, 2, "s24", {})
    capture = Capture(0, "mic", (0, 0), Child.of("nobody", Foundling(None, lambda: False)), facts)
    request = Request(("mic",), tmp_path, tmp_path, "T", "", "Anna", (), (), preroll_s=30)
    with pytest.raises(DiskTrouble, match="no room for 61 s of mic"):
        preroll.arm(request, "01J00000000000000000000000", [capture], panel=Unattended(), received=[])
    assert [] == list(tmp_path.iterdir())
