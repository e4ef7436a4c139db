"""The buffer between capture and disk."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everyword.errors import CorruptFolder
from recorder.sound.ring import Overrun, Ring
from tests.recorder.sound import counted


def a_ring(path: Path, *, seconds: int = 30) -> Ring:
    return Ring.create(path, rate_hz=100, frame_bytes=4, seconds=seconds)


def test_what_goes_in_comes_out_through_another_mapping(tmp_path: Path) -> None:
    writing = a_ring(tmp_path / "r")
    writing.write(counted(0, 250))
    assert counted(10, 200) == Ring.open(tmp_path / "r").read(10, 200)


def test_frames_that_were_overwritten_are_refused_with_the_oldest_left(tmp_path: Path) -> None:
    ring = a_ring(tmp_path / "r")
    for block in range(50):
        ring.write(counted(block * 100, 100))
    with pytest.raises(Overrun) as caught:
        ring.read(0, 100)
    left = caught.value.first_left
    assert counted(left, 100) == ring.read(left, 100)


@settings(max_examples=50, deadline=None)
@given(blocks=st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_blocks_of_any_size_arrive_whole_when_the_reader_keeps_up(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[int]
) -> None:
    ring = a_ring(tmp_path_factory.mktemp("ring") / "r")
    first, read = 0, b""
    for count in blocks:
        ring.write(counted(first, count))
        read += ring.read(first, count)
        first += count
    assert counted(0, first) == read


def test_stamps_tell_when_the_first_and_the_newest_block_had_come(tmp_path: Path) -> None:
    ring = a_ring(tmp_path / "r")
    assert None is ring.first_stamp()
    for block in range(1100):  # more than there are slots
        ring.write(counted(block, 1))
    first, last = ring.first_stamp(), ring.last_stamp()
    assert first is not None
    assert last is not None
    assert (1, 1100) == (first.frame, last.frame)
    assert first.monotonic_us <= last.monotonic_us


def test_flags_of_the_sound_system_are_counted(tmp_path: Path) -> None:
    ring = a_ring(tmp_path / "r")
    ring.write(counted(0, 1))
    ring.write(counted(1, 1), overflowed=True)
    assert 1 == ring.overflows


def test_another_file_is_not_taken_for_a_ring(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(bytes(100_000))
    with pytest.raises(CorruptFolder):
        Ring.open(tmp_path / "r")
