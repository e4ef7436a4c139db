"""What nobody wants recorded is nowhere, to the frame; everything else is where it was."""

from pathlib import Path

import pytest

from everyword.folder import SessionFolder
from everyword.journal import now_us
from everyword.model import Gap
from everyword.recording import read_recording
from everyword.seal import completeness
from everyword.verify import verdicts, verify_session
from recorder.disk.record import Record
from recorder.processes import pauses
from recorder.processes.writer import Writer
from recorder.salvage import salvage
from recorder.sound.ring import Ring
from tests.helpers import own_key
from tests.recorder.sound import counted, recorded
from tests.recorder.test_faults import a_folder, a_ring, resumed

RATE_HZ = 100


def an_order(kind: str, ring: Ring, *, at: int | None = None, cause: str = "paused", name: str = "P1") -> dict[str, object]:
    places = {str(ring.path): ring.written if at is None else at}
    return {kind: name, "cause": cause, "by": "Anna", "at_us": now_us(), "at": places}


class Room:
    """A writer and one ring, by hand."""

    def __init__(self, tmp_path: Path, *, duration_s: float | None = None) -> None:
        self.home = tmp_path / "home"
        self.folder: SessionFolder = a_folder(tmp_path)
        self.ring = a_ring(self.folder)
        self.writer = Writer(Record.begin(self.folder), self.home, duration_s)
        self.writer.attach(0, self.ring.path)
        self.next = 1

    def hear(self, count: int) -> None:
        self.ring.write(counted(self.next, count))
        self.next += count
        self.writer.pull()

    def order(self, kind: str, **more: object) -> None:
        pauses.obey(self.writer.record, self.writer.feeds.values(), an_order(kind, self.ring, **more))  # type: ignore[arg-type]

    def die(self) -> None:
        """The writer is killed; another one follows."""
        self.writer = resumed(self.folder, self.home)

    def end(self) -> bytes:
        self.writer.finish("test")
        return recorded(self.folder)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def gaps(folder: SessionFolder) -> list[tuple[int, int, str, str]]:
    return [(gap.first_frame, gap.frame_count, gap.cause, gap.by) for gap in read_recording(folder).gaps]


def kept(*parts: tuple[int, int], silent: int) -> bytes:
    """`counted` from the first part, `silent` frames of zeros, `counted` from the second."""
    (first, count), (second, rest) = parts
    return counted(first, count) + bytes(4 * silent) + counted(second, rest)


def test_a_pause_is_withheld_to_the_frame_and_names_who_wanted_it(room: Room, tmp_path: Path) -> None:
    room.hear(150)
    room.order("pause", cause="off-record")
    room.hear(77)
    room.order("resume")
    room.hear(40)
    assert kept((1, 150), (228, 40), silent=77) == room.end()
    assert [(150, 77, "off-record", "Anna")] == gaps(room.folder)
    assert "pass" == verdicts(verify_session(room.folder, trusted=[own_key(tmp_path)]))[0]


def test_what_counts_is_when_the_key_was_pressed_not_when_the_writer_heard_of_it(room: Room) -> None:
    room.hear(100)
    room.ring.write(counted(101, 60))
    room.order("pause", at=120)
    room.ring.write(counted(161, 40))
    room.order("resume", at=190)
    room.next = 201
    room.hear(10)
    assert kept((1, 120), (191, 20), silent=70) == room.end()


def test_a_pause_leaves_no_byte_of_it_in_the_folder_or_in_memory(room: Room) -> None:
    room.hear(100)
    room.order("pause")
    secret = counted(40_000, 50)
    room.ring.write(secret)
    room.writer.pull()
    assert secret not in room.ring.path.read_bytes()
    room.order("resume")
    room.next = 151
    room.hear(10)
    room.end()
    assert not [path for path in room.folder.path.rglob("*") if path.is_file() and secret[:40] in path.read_bytes()]


def test_a_long_pause_jumps_and_the_position_stays_true(room: Room) -> None:
    room.hear(150)
    room.order("pause")
    for _ in range(70):
        room.hear(100)
    room.order("resume")
    room.hear(30)
    room.writer.finish("test")
    assert 150 + 7000 + 30 == read_recording(room.folder).end_frame(1)
    assert [True, False, True] == [gap.filled for gap in read_recording(room.folder).gaps]


def test_a_writer_that_dies_during_a_pause_is_followed_by_one_that_is_paused(room: Room) -> None:
    room.hear(150)
    room.order("pause")
    room.hear(33)
    room.die()
    assert room.writer.record.recording.pause is not None
    room.hear(20)
    room.order("resume")
    room.hear(40)
    room.die()
    room.hear(5)
    assert kept((1, 150), (204, 45), silent=53) == room.end()


def test_after_the_death_of_everything_a_pause_is_withheld_to_the_last_frame(room: Room) -> None:
    room.hear(150)
    room.order("pause")
    room.ring.write(counted(151, 60))
    salvage(room.folder, home=room.home)
    assert counted(1, 150) + bytes(4 * 60) == recorded(room.folder)
    assert [(150, 60, "paused", "Anna")] == gaps(room.folder)


def test_an_order_that_comes_twice_is_obeyed_once(room: Room) -> None:
    room.hear(50)
    room.order("pause")
    room.order("pause")
    room.hear(20)
    room.order("resume")
    room.order("resume")
    room.order("pause")
    room.hear(10)
    assert kept((1, 50), (71, 10), silent=20) == room.end()


def test_an_input_that_is_opened_again_during_a_pause_stays_withheld(room: Room) -> None:
    room.hear(100)
    room.order("pause")
    room.hear(20)
    again = a_ring(room.folder, attempt=2)
    again.write(counted(5000, 30))
    room.writer.attach(0, again.path)
    room.writer.pull()
    room.ring = again
    room.order("resume")
    again.write(counted(1, 10))
    room.writer.pull()
    pcm = room.end()
    assert counted(1, 100) == pcm[:400]
    assert counted(1, 10) == pcm[-40:]
    assert not any(pcm[400:-40])
    assert {"paused"} == {gap.cause for gap in read_recording(room.folder).gaps}


def test_a_duration_that_ends_in_a_pause_ends_there(tmp_path: Path) -> None:
    room = Room(tmp_path, duration_s=2)
    room.hear(150)
    room.order("pause")
    room.hear(100)
    assert room.writer.is_full
    assert counted(1, 150) + bytes(4 * 50) == room.end()


def test_a_session_that_was_only_paused_is_complete_and_says_what_was_withheld(room: Room) -> None:
    room.hear(150)
    room.order("pause")
    room.hear(77)
    room.order("resume")
    room.hear(40)
    room.end()
    statement = completeness(read_recording(room.folder))
    stream = statement["streams"][0]  # type: ignore[index]
    assert (True, 0, 77) == (statement["complete"], stream["gap_frames"], stream["withheld_frames"])


def test_a_session_that_was_only_paused_is_verified_as_complete(room: Room, tmp_path: Path) -> None:
    room.hear(150)
    room.order("pause")
    room.hear(77)
    room.order("resume")
    room.hear(40)
    room.end()
    findings = list(verify_session(room.folder, trusted=[own_key(tmp_path)]))
    assert ("pass", "pass") == verdicts(findings)
    assert ["770 ms at 0:00:01 of stream 1 were withheld (paused, by 'Anna')."] == [
        one.sentence for one in findings if "withheld" in one.sentence
    ]


def test_the_gap_of_a_pause_is_no_loss() -> None:
    assert [True, True, False] == [Gap(1, 0, 1, True, cause).is_withheld for cause in ("paused", "off-record", "upstream")]
