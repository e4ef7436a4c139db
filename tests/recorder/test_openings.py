"""Inputs that stall, hang, break and go away, and come back: the recording goes on, and says what is missing."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ulid import ULID

from everyword.errors import InputLost
from everyword.folder import SessionFolder
from everyword.recording import read_recording
from everyword.verify import verdicts, verify_session
from recorder.processes.openings import Capture, open_all, open_for
from recorder.request import Request
from recorder.sound.ring import SHARED_MEMORY, find_rings
from tests.helpers import own_key
from tests.recorder.devices import FakeSound, end, lines, misplaced, the_session, until
from tests.recorder.sound import children_of, everyword, start_recorder

Recorder = "subprocess.Popen[bytes]"


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSound:
    return FakeSound(tmp_path / "fake-sound").in_test(monkeypatch)


@pytest.fixture
def recorder(home: Path, sound: FakeSound) -> Iterator["subprocess.Popen[bytes]"]:
    process = start_recorder(home)
    yield process
    end(process)


def seconds(folder: SessionFolder) -> float:
    """How much sound is on the disk."""
    return sum(max(0, segment.stat().st_size - 1024) for segment in (folder.path / "audio" / "s1").glob("*.wav")) / 4 / 8000


def stalls(folder: SessionFolder) -> list[dict[str, object]]:
    """What the journal says of the input's having stalled."""
    return [line for line in lines(folder, "state") if line["code"] == "stalled" and line["grade"] == "alarm"]


def capture_of(process: "subprocess.Popen[bytes]") -> int:
    """The capture child's process; 0 between two of them."""
    return children_of(process).get("recorder.processes.capture", 0)


def stop(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGINT)
    return process.wait(30)


def more_sound(folder: SessionFolder, process: "subprocess.Popen[bytes]", *, after: int) -> None:
    """Wait for an opening of the input after number `after`, and for some sound of it."""
    until(lambda: len(lines(folder, "ring")) > after)
    before = seconds(folder)
    until(lambda: seconds(folder) > before + 0.6 or process.poll() is not None)


def check(tmp_path: Path, folder: SessionFolder) -> None:
    assert folder.is_sealed
    assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0]
    assert [] == misplaced(folder)
    assert [] == find_rings(folder)


@pytest.mark.parametrize("trouble", ["break", *(pytest.param(word, marks=pytest.mark.slow) for word in ("stall", "gone", "end"))])
def test_an_input_that_comes_back_is_recorded_on_in_the_same_session(
    tmp_path: Path, home: Path, sound: FakeSound, recorder: "subprocess.Popen[bytes]", trouble: str
) -> None:
    folder = the_session(home)
    until(lambda: seconds(folder) > 1.5)
    first = capture_of(recorder)
    sound.tell(trouble)
    until(lambda: capture_of(recorder) not in (0, first))
    sound.untell(trouble)
    more_sound(folder, recorder, after=1)
    assert 3 == stop(recorder)
    check(tmp_path, folder)
    recording = read_recording(folder)
    assert ([1], ["input-reopened"]) == (list(recording.streams), [gap.cause for gap in recording.gaps][-1:])


def test_a_stall_that_is_over_soon_costs_no_more_than_itself(
    tmp_path: Path, home: Path, sound: FakeSound, recorder: "subprocess.Popen[bytes]"
) -> None:
    folder = the_session(home)
    until(lambda: seconds(folder) > 1.5)
    first = capture_of(recorder)
    sound.tell("stall")
    until(lambda: stalls(folder))
    sound.untell("stall")
    before = seconds(folder)
    until(lambda: seconds(folder) > before + 2.0)
    assert first == capture_of(recorder)
    assert 3 == stop(recorder)
    check(tmp_path, folder)
    assert ["upstream"] == [gap.cause for gap in read_recording(folder).gaps]


def test_a_stalled_input_is_told_within_half_a_second(home: Path, sound: FakeSound, recorder: "subprocess.Popen[bytes]") -> None:
    folder = the_session(home)
    until(lambda: seconds(folder) > 1.5)
    sound.tell("stall")
    until(lambda: stalls(folder))
    stop(recorder)
    state = stalls(folder)[0]
    last = [line for line in lines(folder, "anchor") if int(str(line["seq"])) < int(str(state["seq"]))][-1]
    assert int(str(state["at"])) - int(str(last["utc_us"])) < 3_000_000  # the anchor may be a second older than the last block


def test_a_driver_that_hangs_is_killed_and_nothing_else(
    tmp_path: Path, home: Path, sound: FakeSound, recorder: "subprocess.Popen[bytes]"
) -> None:
    folder = the_session(home)
    until(lambda: seconds(folder) > 1.5)
    before = children_of(recorder)
    for word in ("hang in start", "hang in stop", "hang in close", "stall"):
        sound.tell(word)
    until(lambda: capture_of(recorder) not in (0, before["recorder.processes.capture"]))
    for word in ("hang in start", "stall"):
        sound.untell(word)
    more_sound(folder, recorder, after=1)
    assert before["recorder.processes.writer"] == children_of(recorder)["recorder.processes.writer"]
    assert 3 == stop(recorder)
    check(tmp_path, folder)


def test_a_child_that_is_kept_from_running_is_not_killed_at_once(
    tmp_path: Path, home: Path, sound: FakeSound, recorder: "subprocess.Popen[bytes]"
) -> None:
    """Its sound waits in the sound system: two seconds of a stopped process are no reason to throw that away."""
    folder = the_session(home)
    until(lambda: seconds(folder) > 1.5)
    capture = capture_of(recorder)
    os.kill(capture, signal.SIGSTOP)
    until(lambda: stalls(folder))
    os.kill(capture, signal.SIGCONT)
    before = seconds(folder)
    until(lambda: seconds(folder) > before + 0.5)
    assert capture == capture_of(recorder)


def test_other_inputs_go_on_while_one_hangs(home: Path, sound: FakeSound, tmp_path: Path) -> None:
    from tests.recorder.sound import counted_file

    source = counted_file(tmp_path / "in.wav", seconds=60)
    process = start_recorder(home, "--input", "default", "--input", f"file:{source}")
    try:
        folder = the_session(home)
        until(lambda: len(lines(folder, "stream")) == 2 and seconds(folder) > 1.0)
        sound.tell("hang in start")
        sound.tell("stall")
        until(lambda: stalls(folder))
        stream = next(line["stream"] for line in lines(folder, "stream") if dict(line["input"])["backend"] == "file")  # type: ignore[call-overload]
        segment = folder.segment(int(str(stream)), 0)
        before = segment.stat().st_size
        until(lambda: segment.stat().st_size > before + 5 * 8000 * 4)
        assert 3 == stop(process)
    finally:
        end(process)
    frames = [read_recording(folder).end_frame(number) for number in (1, 2)]
    assert min(frames) > 0
    assert [] == [gap for gap in read_recording(folder).gaps if gap.stream == stream]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_cycles_leave_nothing_behind(
    tmp_path: Path, home: Path, sound: FakeSound, recorder: "subprocess.Popen[bytes]"
) -> None:
    cycles(tmp_path, home, sound, recorder, 50)


def test_three_cycles_leave_nothing_behind(
    tmp_path: Path, home: Path, sound: FakeSound, recorder: "subprocess.Popen[bytes]"
) -> None:
    cycles(tmp_path, home, sound, recorder, 3)


def cycles(tmp_path: Path, home: Path, sound: FakeSound, recorder: "subprocess.Popen[bytes]", count: int) -> None:
    folder = the_session(home)
    until(lambda: seconds(folder) > 1.5)
    open_files = Path(f"/proc/{recorder.pid}/fd")
    before = 0
    for cycle in range(1, count + 1):
        word = ("gone", "stall", "end")[cycle % 3]
        first = capture_of(recorder)
        sound.tell(word)
        until(lambda: capture_of(recorder) not in (0, first))  # noqa: B023  (`until` is done with it)
        sound.untell(word)
        more_sound(folder, recorder, after=cycle)
        before = before or len(list(open_files.iterdir()))
    assert len(list(open_files.iterdir())) <= before + 1
    assert 3 == len(children_of(recorder)) + (0 if "recorder.processes.routing" in children_of(recorder) else 1)
    assert 3 == stop(recorder)
    check(tmp_path, folder)


@pytest.mark.parametrize(
    ("word", "arguments", "told"),
    [
        ("busy", (), (5, "in use by another program")),
        ("busy at start", (), (5, "in use by another program")),
        ("gone", (), (5, "no sound input")),
        ("", ("--rate", "44100"), (2, "offers up to 2 channels, at 8000, 16000 Hz")),
        ("", ("--channels", "5"), (2, "has 2 channels, not 5")),
        ("", ("--input", "pulse:nobody"), (5, "no sound input 'pulse'")),
    ],
)
def test_an_input_that_cannot_be_recorded_is_refused_in_one_sentence(
    home: Path, sound: FakeSound, word: str, arguments: tuple[str, ...], told: tuple[int, str]
) -> None:
    code, sentence = told
    if word:
        sound.tell(word)
    done = everyword(home, "record", *arguments)
    assert code == done.returncode
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.fixture
def opened(sound: FakeSound, tmp_path: Path) -> Iterator[Capture]:
    """An input that listens, and no session yet."""
    request = Request(("default",), tmp_path / "sessions", tmp_path, "T", "", "Anna", (), ())
    (capture,) = open_for(request).captures
    capture.begun()
    yield capture
    capture.end(grace_s=5)
    capture.child.close()
    for path in capture.rings:
        path.unlink(missing_ok=True)


def test_what_is_said_before_there_is_a_folder_is_heard(opened: Capture, tmp_path: Path) -> None:
    until(lambda: opened.ring is not None and opened.ring.written)
    assert not (tmp_path / "sessions").exists()


@pytest.mark.parametrize("has_session", [False, True])
def test_a_child_that_is_left_alone_ends_and_keeps_sound_only_of_a_session(
    opened: Capture, tmp_path: Path, has_session: bool
) -> None:
    """The folder it is told of is not there: a disk that was pulled out, and may come back to be salvaged."""
    until(lambda: opened.ring is not None and opened.ring.written)
    if has_session:
        opened.bequeath({"copies": [str(tmp_path / "away")], "home": str(tmp_path), "request": {}})
    assert opened.child.process.stdin is not None
    opened.child.process.stdin.close()
    opened.child.process.wait(30)
    assert has_session == opened.rings[0].exists()


def test_of_several_inputs_none_stays_open_when_one_cannot_be(sound: FakeSound, tmp_path: Path) -> None:
    session_id = str(ULID())
    with pytest.raises(InputLost, match="nobody"):
        open_all(["default", "nobody"], rate_hz=0, channels=0, begin_in=SessionFolder(tmp_path / session_id))
    assert [] == list(SHARED_MEMORY.glob(f"everyword-{session_id}*"))
