"""From the ring to the tape: what is lost on the way has a place and a length."""

from pathlib import Path

from everyword import keys
from everyword.folder import FORMAT, create
from everyword.model import Input, Session
from everyword.recording import read_recording
from recorder.disk.record import Record
from recorder.processes.feed import Feed
from recorder.sound.ring import Ring
from recorder.sound.sources import Facts
from tests.recorder.sound import counted, numbers_in, recorded

RATE_HZ = 100
SOURCE = Input("test", "test", "portaudio")
FACTS = Facts(SOURCE, RATE_HZ, 2, "s16", {})


def a_record(tmp_path: Path) -> Record:
    session = Session(FORMAT, "01J00000000000000000000000", "Feed", "", (), (), (), "captured", "Test", 0, {})
    return Record.begin(create(tmp_path / "sessions", session))


def a_feed(
    record: Record, ring: Ring, *, after: Feed | None = None, facts: Facts = FACTS, duration_s: float | None = None
) -> Feed:
    feed = Feed.begin(record, ring, facts, after=after, duration_s=duration_s)
    assert feed is not None
    return feed


def test_a_feed_begins_with_the_first_frames(tmp_path: Path) -> None:
    ring = Ring.create(tmp_path / "ring", rate_hz=RATE_HZ, frame_bytes=4)
    assert None is Feed.begin(a_record(tmp_path), ring, FACTS, after=None, duration_s=None)


def test_frames_the_ring_overwrote_become_a_gap_of_exactly_their_length(tmp_path: Path) -> None:
    record = a_record(tmp_path)
    ring = Ring.create(tmp_path / "ring", rate_hz=RATE_HZ, frame_bytes=4)
    ring.write(counted(1, 100))
    feed = a_feed(record, ring)
    feed.pull()
    for block in range(1, 60):  # a minute without a reader, in a ring of half a minute
        ring.write(counted(1 + block * 100, 100))
    feed.pull()
    record.finish(reason="test", origin="captured", key=keys.device_key(tmp_path / "home"))
    (gap,) = read_recording(record.folder).gaps
    numbers = numbers_in(recorded(record.folder)).tolist()
    assert 6000 == len(numbers)
    # Of 30 s the ring keeps 29: the block being written may already be over the oldest second.
    assert (100, 6000 - 2900 - 100, "buffer-overrun") == (gap.first_frame, gap.frame_count, gap.cause)
    expected = [n if not 100 <= n - 1 < 100 + gap.frame_count else 0 for n in range(1, 6001)]
    assert expected == numbers


def test_a_flag_of_the_sound_system_becomes_an_alarm_and_the_session_is_not_called_complete(tmp_path: Path) -> None:
    record = a_record(tmp_path)
    ring = Ring.create(tmp_path / "ring", rate_hz=RATE_HZ, frame_bytes=4)
    ring.write(counted(1, 100))
    ring.write(counted(101, 100), overflowed=True)
    a_feed(record, ring).pull()
    assert [("input-overflow", True)] == [(alarm.code, alarm.loss) for alarm in record.recording.alarms]


def test_an_input_that_comes_back_in_another_format_goes_on_the_same_track_in_a_second_stream(tmp_path: Path) -> None:
    record = a_record(tmp_path)
    first = Ring.create(tmp_path / "first", rate_hz=RATE_HZ, frame_bytes=4)
    first.write(counted(1, 100))
    feed = a_feed(record, first)
    second = Ring.create(tmp_path / "second", rate_hz=200, frame_bytes=4)
    second.write(counted(1, 100))
    a_feed(record, second, after=feed, facts=Facts(SOURCE, 200, 2, "s16", {})).pull()
    assert [(1, (1, 2), 100), (2, (1, 2), 200)] == [(s.stream, s.tracks, s.rate_hz) for s in record.recording.streams.values()]


def test_an_input_that_comes_back_leaves_no_frame_of_its_first_ring_behind(tmp_path: Path) -> None:
    record = a_record(tmp_path)
    first = Ring.create(tmp_path / "first", rate_hz=RATE_HZ, frame_bytes=4)
    first.write(counted(1, 100))
    feed = a_feed(record, first)
    first.write(counted(101, 50))  # delivered, not yet pulled, when the capture child died
    second = Ring.create(tmp_path / "second", rate_hz=RATE_HZ, frame_bytes=4)
    second.write(counted(1, 10))
    a_feed(record, second, after=feed).pull()
    record.finish(reason="test", origin="captured", key=keys.device_key(tmp_path / "home"))
    numbers = numbers_in(recorded(record.folder)).tolist()
    assert list(range(1, 151)) == numbers[:150]
    assert list(range(1, 11)) == numbers[-10:]


def test_the_wanted_duration_cuts_to_the_frame(tmp_path: Path) -> None:
    record = a_record(tmp_path)
    ring = Ring.create(tmp_path / "ring", rate_hz=RATE_HZ, frame_bytes=4)
    ring.write(counted(1, 1000))
    feed = a_feed(record, ring, duration_s=1.23)
    feed.pull()
    assert (123, True) == (feed.tape.frame, feed.is_full)


def test_a_new_writer_finds_the_ring_where_the_journal_says(tmp_path: Path) -> None:
    record = a_record(tmp_path)
    ring = Ring.create(tmp_path / "ring", rate_hz=RATE_HZ, frame_bytes=4)
    ring.write(counted(1, 100))
    a_feed(record, ring).pull()
    record.sync()
    ring.write(counted(101, 100))
    again = Record.resume(record.folder)
    feed = Feed.again(again, 1)
    assert feed is not None
    feed.pull()
    assert 200 == again.tapes[1].frame
