"""What the journal says was recorded."""

from pathlib import Path

import pytest

from everyword.errors import CorruptFolder, SessionNotFound
from everyword.model import Track
from everyword.recording import read_recording
from tests.everyword import sessions
from tests.everyword.sessions import Case
from tests.helpers import a_session, tone


def test_streams_tracks_segments_and_leaves_are_gathered(case: Case) -> None:
    recording = read_recording(case.folder)
    assert [Track(1, 1, 0), Track(2, 1, 1)] == recording.tracks
    assert [(0, 60_000), (60_000, 1500)] == [(s.first_frame, s.frame_count) for s in recording.of_stream(1)]
    assert [(1, index) for index in range(62)] == sorted(recording.leaves)
    assert (61_500, 0, True) == (recording.end_frame(1), recording.end_frame(2), recording.stop is not None)


def test_files_side_by_side_get_streams_and_tracks_of_their_own(tmp_path: Path) -> None:
    files = [tone(tmp_path / f"{number}.wav", seconds=1, rate_hz=1000 * number, channels=number) for number in (1, 2)]
    recording = read_recording(a_session(tmp_path, *files))
    assert [Track(1, 1, 0), Track(2, 2, 0), Track(3, 2, 1)] == recording.tracks
    assert {1: 1000, 2: 2000} == {number: line.rate_hz for number, line in recording.timelines().items()}


def test_a_folder_without_a_journal_has_no_recording(case: Case) -> None:
    case.folder.journal.unlink()
    with pytest.raises(SessionNotFound, match="nothing was recorded"):
        read_recording(case.folder)


def _with(case: Case, line: dict[str, object]) -> None:
    lines = sessions.lines_of(case.folder.journal)
    sessions.rechain(case.folder.journal, [*lines, {"at": 1, **line}], genesis=case.folder.genesis())


def test_a_kind_of_the_future_is_kept_in_the_chain_and_passed_over(case: Case) -> None:
    before = read_recording(case.folder)
    _with(case, {"kind": "weather", "text": "rain"})
    after = read_recording(case.folder)
    assert (before.lines + 1, before.segments) == (after.lines, after.segments)


def test_a_gap_reaches_as_far_as_its_last_frame(case: Case) -> None:
    _with(case, {"kind": "gap", "stream": 1, "first_frame": 70_000, "frame_count": 5, "filled": False, "cause": "x"})
    assert 70_005 == read_recording(case.folder).end_frame(1)


def test_a_note_has_the_time_at_which_it_was_written(case: Case) -> None:
    note = {"kind": "note", "id": "x", "stream": 1, "frame": 5, "text": "Перерыв", "by": "Anna"}
    _with(case, {**note, "written_at_us": 7})
    _with(case, {**note, "written_at_us": 0})
    assert [7, 1] == [note.at_us for note in read_recording(case.folder).notes]


def test_the_sum_of_what_was_torn_is_known(case: Case) -> None:
    _with(case, {"kind": "salvage", "torn_bytes": 3})
    _with(case, {"kind": "salvage", "torn_bytes": 4})
    assert 7 == read_recording(case.folder).torn_bytes


def test_a_line_that_lacks_something_is_named_with_what_it_lacks(case: Case) -> None:
    _with(case, {"kind": "anchor", "stream": 1})
    number = len(sessions.lines_of(case.folder.journal))
    with pytest.raises(CorruptFolder, match=rf"journal\.jsonl, line {number}, .* frame: Field required\."):
        read_recording(case.folder)
