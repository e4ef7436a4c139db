"""A disk that refuses at every write in turn, and writers that die at every journal line."""

import contextlib
import errno
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from ulid import ULID

from everyword import keys
from everyword.errors import DiskTrouble, SessionBusy
from everyword.folder import FORMAT, SessionFolder, created
from everyword.model import Session
from everyword.recording import read_recording
from everyword.verify import verdicts, verify_session
from recorder.disk.record import Record
from recorder.processes.writer import Writer
from recorder.salvage import salvage, salvage_all
from recorder.sound.ring import Ring, find_rings, ring_path
from recorder.sound.sources import Facts
from tests.helpers import a_session, own_key
from tests.recorder.sound import counted, numbers_in, recorded
from tests.recorder.test_feed import FACTS, RATE_HZ

REFUSING = ("pwrite", "pread", "fsync", "fdatasync", "posix_fallocate")


def a_ring(folder: SessionFolder, *, number: int = 0, attempt: int = 1, facts: Facts = FACTS) -> Ring:
    path = ring_path(folder, number=number, attempt=attempt, ring_bytes=0)
    about: dict[str, object] = {
        "source": {"spec": facts.source.spec, "name": facts.source.name, "backend": facts.source.backend},
        "rate_hz": facts.rate_hz,
        "channels": facts.channels,
        "sample_format": facts.sample_format,
        "detail": {},
    }
    return Ring.create(path, rate_hz=facts.rate_hz, frame_bytes=facts.frame_bytes, about=about)


def a_folder(tmp_path: Path) -> SessionFolder:
    session = Session(FORMAT, str(ULID()), "Faults", "", (), (), (), "captured", "Test", 0, {})
    with created(tmp_path / "sessions", session) as folder:
        return folder


def verdict(tmp_path: Path, folder: SessionFolder) -> tuple[str, str]:
    return verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))


def a_short_session(folder: SessionFolder, home: Path, delivered: list[int]) -> None:
    """63 s with a segment boundary, a gap and a second opening of the input; `delivered` counts the frames."""
    ring = a_ring(folder)
    writer = Writer(Record.begin(folder), home, None)
    writer.attach(0, ring.path)
    for first in range(1, 6100, 500):
        ring.write(counted(first, 500))
        delivered.append(500)
        writer.pull()
        writer.sync()
    again = a_ring(folder, attempt=2)
    writer.attach(0, again.path)
    again.write(counted(1, 130))
    delivered.append(130)
    writer.pull()
    writer.finish("test")


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSING)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_at_any_write_loses_no_whole_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    home = tmp_path / "home"
    keys.device_key(home)
    for limit in range(1000):
        folder, calls, delivered = a_folder(tmp_path), [0], list[int]()
        real = getattr(os, name)

        def refuse(*arguments: Any, real: Any = real, calls: list[int] = calls, limit: int = limit) -> Any:
            calls[0] += 1
            if calls[0] == limit + 1:
                raise OSError(code, os.strerror(code))
            return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(os, name, refuse)
            with contextlib.suppress(OSError, DiskTrouble):
                a_short_session(folder, home, delivered)
        if calls[0] <= limit:
            break
        if not folder.is_sealed:
            salvage(folder, home=home)
        assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0], limit
        recording = read_recording(folder)
        frames = sum(recording.end_frame(stream) for stream in recording.streams)
        assert sum(delivered) == frames - sum(gap.frame_count for gap in recording.gaps), limit
        assert frames == sum(len(recorded(folder, stream)) // 4 for stream in recording.streams)
        assert [] == find_rings(folder)
        shutil.rmtree(folder.path)
    assert limit > 0


def resumed(folder: SessionFolder, home: Path, *, duration_s: float | None = None) -> Writer:
    """The writer that follows one that was killed."""
    writer = Writer(Record.resume(folder), home, duration_s)
    writer.attach_again()
    return writer


def test_a_ring_whose_first_frame_came_after_the_death_of_its_writer_is_found(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    ring = a_ring(folder)
    Writer(Record.begin(folder), tmp_path / "home", None).attach(0, ring.path)  # and dies before the first frame
    ring.write(counted(1, 300))
    writer = resumed(folder, tmp_path / "home")
    writer.pull()
    writer.finish("test")
    assert counted(1, 300) == recorded(folder)
    assert [] == find_rings(folder)


def test_salvage_finds_the_ring_of_an_input_that_had_been_opened_again_at_the_last_moment(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    first, second = a_ring(folder), a_ring(folder, attempt=2)
    writer = Writer(Record.begin(folder), tmp_path / "home", None)
    writer.attach(0, first.path)
    first.write(counted(1, 100))
    writer.pull()
    first.write(counted(101, 50))
    second.write(counted(1, 70))
    salvage(folder, home=tmp_path / "home")
    numbers = numbers_in(recorded(folder)).tolist()
    assert (list(range(1, 151)), list(range(1, 71))) == (numbers[:150], numbers[-70:])
    assert [] == find_rings(folder)


def test_two_rings_that_come_while_the_disk_stalls_are_both_taken(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    first, second = a_ring(folder), a_ring(folder, attempt=2)
    writer = Writer(Record.begin(folder), tmp_path / "home", None)
    writer.attach(0, first.path)
    writer.pull()
    first.write(counted(1, 40))
    writer.attach(0, second.path)
    second.write(counted(1, 30))
    writer.pull()
    writer.finish("test")
    numbers = numbers_in(recorded(folder)).tolist()
    assert (list(range(1, 41)), list(range(1, 31))) == (numbers[:40], numbers[-30:])


def two_inputs(folder: SessionFolder, home: Path) -> Writer:
    """The first gives 20 frames, after the second has given 10."""
    slow, quick = a_ring(folder), a_ring(folder, number=1)
    writer = Writer(Record.begin(folder), home, None)
    writer.attach(0, slow.path)
    writer.attach(1, quick.path)
    quick.write(counted(1, 10))
    writer.pull()
    slow.write(counted(1, 20))
    writer.pull()
    return writer


def test_an_input_keeps_its_tracks_whichever_delivers_first(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    two_inputs(folder, tmp_path / "home").finish("test")
    streams = read_recording(folder).streams
    assert [((3, 4), 10), ((1, 2), 20)] == [(streams[n].tracks, read_recording(folder).end_frame(n)) for n in (1, 2)]


def test_after_the_death_of_a_writer_an_input_goes_on_behind_itself(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    two_inputs(folder, tmp_path / "home")  # and dies
    again = resumed(folder, tmp_path / "home")
    assert {1: 10, 0: 20} == {number: feed.tape.frame for number, feed in again.feeds.items()}
    again.finish("test")


def test_a_gap_does_not_reach_beyond_the_wanted_duration(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    ring = a_ring(folder)
    writer = Writer(Record.begin(folder), tmp_path / "home", 40.0)
    writer.attach(0, ring.path)
    ring.write(counted(1, 100))
    writer.pull()
    for first in range(101, 10_001, 100):
        ring.write(counted(first, 100))
    writer.pull()
    writer.finish("test")
    assert 40 * RATE_HZ == read_recording(folder).end_frame(1)


def test_a_jump_that_was_journalled_is_not_made_twice(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    ring = a_ring(folder)
    writer = Writer(Record.begin(folder), tmp_path / "home", None)
    writer.attach(0, ring.path)
    ring.write(counted(1, 150))
    writer.pull()
    writer.feeds[0].tape.skip(20_000, cause="test")
    again = resumed(folder, tmp_path / "home")
    assert 20_150 == again.feeds[0].tape.frame
    again.finish("test")
    assert "pass" == verdict(tmp_path, folder)[0]


@pytest.mark.parametrize("frames", [0, 1, 250, 5_999, 6_000, 6_001])
def test_a_writer_that_dies_at_any_line_of_its_end_is_followed_by_a_whole_session(tmp_path: Path, frames: int) -> None:
    for back in range(1, 7):
        folder = a_folder(tmp_path)
        rings = [a_ring(folder, number=number) for number in range(2)]
        writer = Writer(Record.begin(folder), tmp_path / "home", None)
        for number, ring in enumerate(rings):
            writer.attach(number, ring.path)
            for first in range(1, frames + 1, 1000):
                ring.write(counted(first, min(1000, frames + 1 - first)))
                writer.pull()
        writer.sync()
        writer.finish("test")
        for path in (folder.seal, folder.sums, folder.seal_key, folder.seal_signature):
            path.unlink()
        lines = folder.journal.read_bytes().splitlines(keepends=True)
        folder.journal.write_bytes(b"".join(lines[: max(1, len(lines) - back)]))
        if back > 5 and not frames:
            break
        salvage(folder, home=tmp_path / "home")
        assert "pass" == verdict(tmp_path, folder)[0], back
        for stream in read_recording(folder).streams:
            assert counted(1, frames) == recorded(folder, stream), back


def test_salvage_that_comes_a_moment_after_the_seal_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_folder(tmp_path)
    a_short_session(folder, tmp_path / "home", [])
    before = folder.journal.read_bytes()
    answers = iter([False])
    monkeypatch.setattr(SessionFolder, "is_sealed", property(lambda self: next(answers, self.seal_signature.exists())))
    assert [] == salvage_all([folder.path.parent], home=tmp_path / "home")
    assert before == folder.journal.read_bytes()


def test_a_session_is_held_from_the_moment_it_can_be_found(tmp_path: Path) -> None:
    session = Session(FORMAT, str(ULID()), "Held", "", (), (), (), "captured", "Test", 0, {})
    with created(tmp_path / "sessions", session) as folder, pytest.raises(SessionBusy):
        salvage(folder, home=tmp_path / "home")


def test_an_import_that_is_going_on_is_not_taken_for_a_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    real = Record.finish

    def finish(record: Record, **arguments: Any) -> None:
        seen.extend(salvage_all([record.folder.path.parent], home=tmp_path / "home"))
        real(record, **arguments)

    monkeypatch.setattr(Record, "finish", finish)
    a_session(tmp_path)
    assert [] == seen


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"id":"x","at_us":1e400,"text":"t","by":"b"}',
        b'{"id":"x","at_us":99999999999999999999999,"text":"t","by":"b"}',
        b'{"id":"x","at_us":1,"text":"\\ud800","by":"b"}',
        b"x" * 20_000_000,
    ],
)
def test_no_line_in_the_inbox_stops_a_recording(tmp_path: Path, line: bytes) -> None:
    folder = a_folder(tmp_path)
    writer = Writer(Record.begin(folder), tmp_path / "home", None)
    folder.inbox.write_bytes(line + b"\n")
    writer.finish("test")
    assert "pass" == verdict(tmp_path, folder)[0]
    assert sum(len(note.text) for note in read_recording(folder).notes) >= len(line)


def test_the_sleep_of_the_computer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_folder(tmp_path)
    ring = a_ring(folder)
    writer = Writer(Record.begin(folder), tmp_path / "home", None)
    writer.attach(0, ring.path)
    ring.write(counted(1, 100))
    writer.pull()
    real = time.clock_gettime_ns
    monkeypatch.setattr(time, "clock_gettime_ns", lambda clock: real(clock) + 3_600 * 10**9)
    for block in range(1, 4):  # three must agree: the clocks are not read at the same instant
        ring.write(counted(1 + block * 100, 100))
    writer.pull()
    writer.sync()
    recording = writer.record.recording
    assert [("suspended", True), ("sound-missing", True)] == [(alarm.code, alarm.loss) for alarm in recording.alarms]
    assert {"suspended"} == {gap.cause for gap in recording.gaps}
    # The clocks are not read at the same instant: a frame more or less.
    assert abs(3600 * recording.streams[1].rate_hz - sum(gap.frame_count for gap in recording.gaps)) <= 1
    writer.finish("test")


def test_an_hour_of_recording_leaves_nothing_in_memory_that_grows(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    ring = a_ring(folder)
    writer = Writer(Record.begin(folder), tmp_path / "home", None)
    writer.attach(0, ring.path)
    for first in range(1, 60_000, 100):
        ring.write(counted(first, 100))
        writer.pull()
        writer.feeds[0].anchor()
    writer.sync()
    recording = writer.record.recording
    assert (0, 0) == (len(recording.anchors), len(recording.leaves))
    writer.finish("test")


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_ring_that_was_found_before_its_order_came_is_not_taken_twice(tmp_path: Path, has_begun: bool) -> None:
    folder = a_folder(tmp_path)
    writer = Writer(Record.begin(folder), tmp_path / "home", None)
    ring = a_ring(folder)
    ring.write(counted(1, 83))
    writer.attach_again()
    if has_begun:
        writer.pull()
    writer.attach(0, ring.path)
    ring.write(counted(84, 117))
    writer.pull()
    writer.finish("test")
    assert counted(1, 200) == recorded(folder)
