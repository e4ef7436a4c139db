"""The feed tells everything once, and goes on where a browser left off."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from archive.corrections import correct
from desk.feed import Position, since
from everyword import keys
from everyword.folder import SessionFolder
from tests.archive.builders import TALKS, transcribed
from tests.helpers import a_session


def _kinds(folder: SessionFolder, position: Position) -> list[str]:
    return [event.kind for event in since(folder, position)]


def _end(folder: SessionFolder, position: Position | None = None) -> Position:
    return [event.position for event in since(folder, position or Position())][-1]


def test_a_sealed_session_tells_its_streams_and_that_it_has_ended(tmp_path: Path) -> None:
    events = list(since(a_session(tmp_path), Position()))
    assert {event.kind for event in events} == {"state"}
    assert [event.data["kind"] for event in events][-1] == "stop"


def test_of_the_anchors_of_an_hour_only_the_last_before_something_happens_is_told(tmp_path: Path) -> None:
    lines = [{"kind": "anchor", "frame": frame} for frame in range(3)] + [{"kind": "note"}, {"kind": "anchor", "frame": 3}]
    (tmp_path / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = [event.data for event in since(SessionFolder(tmp_path), Position())]
    assert [{"kind": "anchor", "frame": 2}, {"kind": "note"}, {"kind": "anchor", "frame": 3}] == told


def test_what_has_been_told_is_not_told_again(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    assert list(since(folder, _end(folder))) == []


def test_the_transcript_is_told_with_speakers_and_text(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    told = [event.data for event in since(folder, Position()) if event.kind == "utterance"]
    assert [said.text for said in TALKS] == [data["text"] for data in told]
    assert told[0]["speaker"] == "Anna Reed"


def test_a_correction_is_told_with_the_text_as_corrected(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    before = _end(folder)
    correct(
        folder,
        1,
        to="We discussed the release of prisoners.",
        reason="misheard",
        by="Anna",
        key=keys.device_key(tmp_path / "home"),
    )
    told = [event.data for event in since(folder, before) if event.kind == "utterance"]
    assert ("We discussed the release of prisoners.", True) == (told[0]["text"], told[0]["corrected"])


def test_a_connection_lost_half_way_through_the_transcript_is_told_all_of_it_again(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    events = list(since(folder, Position()))
    half_way = next(event.position for event in events if event.kind == "utterance")
    assert [event.kind for event in since(folder, half_way)].count("utterance") == len(TALKS)


def test_a_line_that_is_still_being_written_waits_for_its_end(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    live, position = folder.path / "live.jsonl", _end(folder)
    live.write_bytes(b'{"text": "half a')
    assert _kinds(folder, position) == []
    live.write_bytes(b'{"text": "half a line"}\n')
    assert [event.data for event in since(folder, position)] == [{"text": "half a line"}]


def test_every_position_on_the_way_leads_to_the_same_end(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    (folder.path / "live.jsonl").write_text("".join(json.dumps({"n": n}) + "\n" for n in range(5)))
    events = list(since(folder, Position()))
    for told, event in enumerate(events, 1):
        assert events[told:] == list(since(folder, Position.parse(str(event.position))))


def test_a_damaged_line_is_a_sentence_and_not_a_crash(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    position = _end(folder)
    (folder.path / "live.jsonl").write_bytes(b"\xff\xfe nonsense\n")
    (event,) = since(folder, position)
    assert ("error", position) == (event.kind, event.position)
    assert "live.jsonl" in str(event.data["text"])


def test_a_session_that_has_only_begun_tells_nothing(tmp_path: Path) -> None:
    assert list(since(SessionFolder(tmp_path), Position())) == []


@given(st.integers(0, 10**14), st.integers(0, 10**14), st.integers(0, 10**14))
def test_a_position_survives_the_way_to_the_browser_and_back(journal: int, live: int, ledger: int) -> None:
    position = Position(journal, live, ledger)
    assert position == Position.parse(str(position))


@given(st.text())
def test_an_id_of_somebodys_own_making_is_the_beginning_or_a_position(text: str) -> None:
    assert Position.parse(text) == Position() or str(Position.parse(text)).count(".") == 2


def test_a_position_beyond_the_end_tells_nothing_of_that_file(tmp_path: Path) -> None:
    folder = a_session(tmp_path)
    assert _kinds(folder, Position(journal=10**9)) == []
