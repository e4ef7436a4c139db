"""Frames to disk: every one, once, in order, whatever happens on the way."""

import contextlib
import errno
import hashlib
import hmac
import json
import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everyword import keys
from everyword.digest import file_digest
from everyword.errors import UnsupportedFormat
from everyword.folder import FORMAT, SessionFolder, create
from everyword.model import Input, Session
from everyword.recording import read_recording
from everyword.seal import read_sums
from everyword.segment import HEADER_BYTES, read_layout
from everyword.verify import verdicts, verify_session
from recorder.disk.record import Record
from recorder.salvage import salvage
from tests.helpers import failures, own_key
from tests.recorder.sound import counted, recorded

RATE_HZ = 100
FRAME_BYTES = 4


def begin(tmp_path: Path) -> Record:
    session = Session(FORMAT, "01J00000000000000000000000", "Tape", "", (), (), (), "captured", "Test", 0, {})
    return Record.begin(create(tmp_path / "sessions", session))


def open_tape(record: Record) -> None:
    source = Input("test", "test", "file")
    record.open_stream(source, rate_hz=RATE_HZ, channels=2, sample_format="s16", detail={}, start_utc_us=1_700_000_000_000_000)


def seal(record: Record, tmp_path: Path) -> SessionFolder:
    record.finish(reason="test", origin="captured", key=keys.device_key(tmp_path / "home"))
    return record.folder


def test_minutes_become_segments_that_lie_end_to_end(tmp_path: Path) -> None:
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(0, 150 * RATE_HZ))
    folder = seal(record, tmp_path)
    segments = [(s.first_frame, s.frame_count) for s in read_recording(folder).segments]
    assert [(0, 6000), (6000, 6000), (12000, 3000)] == segments
    assert counted(0, 15000) == recorded(folder)


@settings(max_examples=25, deadline=None)
@given(pieces=st.lists(st.tuples(st.integers(1, 900), st.integers(0, 9000)), min_size=1, max_size=6))
def test_any_mixture_of_sound_and_gaps_is_whole_and_verifies(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[int, int]]
) -> None:
    tmp_path = tmp_path_factory.mktemp("tape")
    record = begin(tmp_path)
    open_tape(record)
    frame = 0
    for sound, gap in pieces:
        record.tapes[1].write(counted(frame, sound))
        record.sync()
        frame += sound
        if gap:
            record.tapes[1].skip(gap, cause="test")
            frame += gap
    folder = seal(record, tmp_path)
    recording = read_recording(folder)
    assert frame == recording.end_frame(1)
    assert sum(gap for _, gap in pieces) == sum(gap.frame_count for gap in recording.gaps)
    integrity, completeness = verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))
    assert "pass" == integrity
    assert ("unknown" if recording.gaps else "pass") == completeness


def test_a_jumped_gap_leaves_no_file_behind_and_the_sound_after_it_in_its_place(tmp_path: Path) -> None:
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(0, 50))
    record.tapes[1].skip(20_000, cause="test")
    record.tapes[1].write(counted(20_050, 150))
    folder = seal(record, tmp_path)
    assert [(0, 100), (20_000, 200)] == [(s.first_frame, s.frame_count) for s in read_recording(folder).segments]
    assert counted(20_050, 150) == recorded(folder)[-150 * FRAME_BYTES :]


def test_sizes_in_the_header_follow_each_sync(tmp_path: Path) -> None:
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(0, 130))
    record.sync()
    assert 130 * FRAME_BYTES == read_layout(record.folder.segment(1, 0)).declared_bytes


def test_a_write_the_disk_cuts_short_leaves_whole_frames_and_nothing_behind_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(0, 10))
    real, room = os.pwrite, [407]

    def full(descriptor: int, data: bytes, at: int) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(descriptor, bytes(data[: room[0]]), at)
        room[0] -= written
        return written

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space left"):
            record.tapes[1].write(counted(10, 500))
    again = record.again()
    assert 10 + 101 == again.tapes[1].frame
    folder = seal(again, tmp_path)
    assert HEADER_BYTES + 111 * FRAME_BYTES == folder.segment(1, 0).stat().st_size
    assert 3 == folder.segment(1, 0).with_name("000000.wav.torn").stat().st_size  # three quarters of a frame, kept
    assert counted(0, 111) == recorded(folder)
    assert [] == failures(tmp_path, folder)


@pytest.mark.parametrize("cut", [0, 1, 3, 700, HEADER_BYTES, HEADER_BYTES + 1, HEADER_BYTES + 403, HEADER_BYTES + 1000])
def test_a_file_cut_anywhere_is_continued_from_its_last_whole_frame(tmp_path: Path, cut: int) -> None:
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(0, 250))
    path = record.folder.segment(1, 0)
    path.write_bytes(path.read_bytes()[:cut])  # before any leaf of it was journalled
    again = Record.resume(record.folder)
    whole = max(0, cut - HEADER_BYTES) // FRAME_BYTES
    assert whole == again.tapes[1].frame
    again.tapes[1].write(counted(whole, 500))
    folder = seal(again, tmp_path)
    assert counted(0, whole + 500) == recorded(folder)
    assert [] == failures(tmp_path, folder)


def test_a_writer_that_died_between_two_segments_is_followed_by_one_that_misses_nothing(tmp_path: Path) -> None:
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(0, 6500))
    lines = record.folder.journal.read_bytes().splitlines(keepends=True)
    kept = next(number for number, line in enumerate(lines) if b'"segment"' in line)
    record.folder.journal.write_bytes(b"".join(lines[:kept]) + lines[kept][:40])  # the segment's line was torn
    again = Record.resume(record.folder)
    assert 6500 == again.tapes[1].frame
    folder = seal(again, tmp_path)
    assert counted(0, 6500) == recorded(folder)
    assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0]
    assert 40 == read_recording(folder).torn_bytes


def test_zeros_of_a_gap_that_a_crash_cut_short_are_written_to_its_end(tmp_path: Path) -> None:
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(0, 120))
    record.tapes[1].skip(300, cause="test")
    path = record.folder.segment(1, 0)
    path.write_bytes(path.read_bytes()[: HEADER_BYTES + 200 * FRAME_BYTES])
    again = Record.resume(record.folder)
    assert 420 == again.tapes[1].frame


def test_stop_and_salvage_read_no_closed_segment_again(tmp_path: Path) -> None:
    for is_salvaged in (False, True):
        record = begin(tmp_path / str(is_salvaged))
        open_tape(record)
        record.tapes[1].write(counted(0, 130 * RATE_HZ))
        record.sync()
        path = record.folder.segment(1, 0)
        right = file_digest(path)
        path.write_bytes(b"nobody may look at this")
        if is_salvaged:
            salvage(record.folder, home=tmp_path / "home")
        else:
            seal(record, tmp_path)
        assert right == read_sums(record.folder)["audio/s1/000000.wav"]


def test_the_roots_of_the_seal_are_those_that_anybody_computes_from_the_files(tmp_path: Path) -> None:
    """By the words of docs/reference/session-format.md alone: nothing of ours but the reading of JSON and of the samples."""
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(0, 6_000 + 777))
    folder = seal(record, tmp_path)
    pcm = b"".join(path.read_bytes()[1024:] for path in sorted((folder.path / "audio/s1").iterdir()))
    session = hashlib.sha256(b"01J00000000000000000000000").digest()
    seed = (folder.path / "salts.key").read_bytes()
    for channel, root in enumerate(json.loads((folder.path / "seal.json").read_bytes())["roots"]):
        samples = b"".join(pcm[at + 2 * channel : at + 2 * channel + 2] for at in range(0, len(pcm), FRAME_BYTES))
        seconds = [samples[at : at + 2 * RATE_HZ] for at in range(0, len(samples), 2 * RATE_HZ)]
        leaves = []
        for index, second in enumerate(seconds):
            place = struct.pack(">HHQ", 1, channel, index)
            salt = hmac.digest(seed, b"a" + place, "sha256")[:16]
            leaves.append(hashlib.sha256(b"\x00ewA1" + session + place + struct.pack(">I", len(second)) + salt + second).digest())
        assert (len(leaves), "sha256:" + root_of(leaves).hex()) == (root["leaves"], root["root"])


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 6962: the tree over n leaves is split at the largest power of two below n."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SessionFolder]:
    tmp_path = tmp_path_factory.mktemp("flips")
    record = begin(tmp_path)
    open_tape(record)
    record.tapes[1].write(counted(1, 6_250))
    record.tapes[1].skip(30, cause="test")
    return tmp_path, seal(record, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "session.json",
        "salts.key",
        "README.txt",
        "journal.jsonl",
        "audio/s1/000000.wav",
        "audio/s1/000001.wav",
        "SHA256SUMS",
        "seal.json",
        "seal.sig",
        "seal.pub.pem",
    ],
)
def test_any_flipped_bit_of_any_file_is_found(sealed: tuple[Path, SessionFolder], name: str) -> None:
    tmp_path, folder = sealed
    path = folder.path / name
    whole = path.read_bytes()
    chance = random.Random(name)
    header = [4, 20, 300, 630, 996, 1006, 1020, 1024, 1025] if name.endswith(".wav") else []
    places = [0, len(whole) - 1, *(at for at in header if at < len(whole)), *(chance.randrange(len(whole)) for _ in range(4))]
    try:
        for at in places:
            flipped = bytearray(whole)
            flipped[at] ^= 1 << chance.randrange(8)
            path.write_bytes(flipped)
            with contextlib.suppress(UnsupportedFormat):  # of ``session.json``: refused as a whole
                assert "pass" != verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0], (name, at)
    finally:
        path.write_bytes(whole)
    assert "pass" == verdicts(verify_session(folder, trusted=[own_key(tmp_path)]))[0]
