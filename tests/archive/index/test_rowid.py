"""Row order is time order, newest first, whatever the order in which sessions arrive."""

import shutil
from pathlib import Path

import pytest
from sqlite_utils import Database

from archive.index import update
from archive.index import writing as writing_rows
from archive.index.rowid import began_ms, row_id
from archive.index.schema import open_archive
from tests.archive.builders import NOON_US, Said, transcribed
from tests.archive.index.rows import roots, texts


@pytest.mark.parametrize("at_ms", [0, 1, -1, NOON_US // 1000, -14_191_371_000])
def test_a_row_id_tells_its_millisecond_and_later_ones_are_smaller(at_ms: int) -> None:
    assert [at_ms, at_ms] == [began_ms(row_id(at_ms)), began_ms(row_id(at_ms, 65_535))]
    assert row_id(at_ms + 1) < row_id(at_ms, 65_535) < row_id(at_ms)


def test_rows_stand_in_the_order_of_time_whatever_the_order_of_arrival(tmp_path: Path, db: Database) -> None:
    transcribed(tmp_path, [Said("later")], started_at_us=NOON_US + 60_000_000)
    update.index(db, roots(tmp_path))
    transcribed(tmp_path, [Said("earlier")], started_at_us=NOON_US)
    update.index(db, roots(tmp_path))
    assert texts(db) == ["earlier", "later"]


def test_two_utterances_of_one_millisecond_both_have_a_row(tmp_path: Path, db: Database) -> None:
    transcribed(tmp_path, [Said("one", track=1), Said("two", track=2)])
    transcribed(tmp_path, [Said("three")], title="At the same time")
    update.index(db, roots(tmp_path))
    assert sorted(texts(db)) == ["one", "three", "two"]
    assert {NOON_US // 1000} == {began_ms(number) for (number,) in db.execute("SELECT id FROM utterances").fetchall()}


def test_utterances_of_one_millisecond_stand_as_in_their_transcript_whatever_was_indexed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sessions begin at the same moment, and two people speak at once in each."""
    made = [
        transcribed(tmp_path, [Said(f"{name} {number}", track=number) for number in (1, 2)] + [Said(f"{name} 3", at_s=1)])
        for name in ("either", "other")
    ]
    marks = {folder.read_session().id.encode(): number for number, folder in enumerate(made)}
    monkeypatch.setattr(writing_rows, "crc32", marks.__getitem__)  # one in four thousand pairs of sessions have the same
    found = []
    for number, first in enumerate(made):
        alone = tmp_path / f"alone-{number}"
        alone.mkdir()
        shutil.copytree(first.path, alone / first.path.name)
        with open_archive(tmp_path / f"{number}.db") as db:
            update.index(db, [alone])
            update.index(db, [alone, *roots(tmp_path)])
            found.append((texts(db), db.execute("SELECT id, text FROM utterances ORDER BY id").fetchall()))
    assert found[0] == found[1]
    for name in ("either", "other"):
        assert [f"{name} 1", f"{name} 2", f"{name} 3"] == [text for text in found[0][0] if text.startswith(name)]


def test_sessions_that_are_written_together_make_one_piece_of_the_index(tmp_path: Path, db: Database) -> None:
    """FTS5 begins another one whenever a row id is smaller than the one before it."""
    pieces = "SELECT count(DISTINCT segid) FROM utterances_fts_idx"
    transcribed(tmp_path, title="First of all")
    update.index(db, roots(tmp_path))
    assert (1,) == db.execute(pieces).fetchone()
    for number in (2, 1, 3):
        transcribed(tmp_path, title=f"Minus {9 - number}", started_at_us=NOON_US + number * 10**9)  # folders stand otherwise
    assert 3 == update.index(db, roots(tmp_path)).indexed
    assert (2,) == db.execute(pieces).fetchone()


def test_the_newest_folders_are_read_first(tmp_path: Path, db: Database) -> None:
    names = [transcribed(tmp_path, title=f"Session {number}").path.name for number in (1, 2, 3)]
    told: list[str] = []
    update.index(db, roots(tmp_path), on_session=told.append)
    assert sorted(names, reverse=True) == told


def test_a_recording_of_unknown_time_has_no_time_and_stands_where_its_session_was_made(tmp_path: Path, db: Database) -> None:
    folder = transcribed(tmp_path, [Said("when?")], started_at_us=None)
    update.index(db, roots(tmp_path))
    (row_id, started_at) = db.execute("SELECT id, started_at FROM transcript").fetchone()
    assert (began_ms(row_id), started_at) == (folder.read_session().created_at_us // 1000, None)


def test_a_recording_from_before_1970_stands_before_the_others(tmp_path: Path, db: Database) -> None:
    transcribed(tmp_path, [Said("one word")], started_at_us=1)
    transcribed(tmp_path, [Said("one small step")], started_at_us=-14_191_371_000_000)
    update.index(db, roots(tmp_path))
    newest_first = "SELECT rowid FROM utterances_fts WHERE utterances_fts MATCH 'one' ORDER BY rowid"
    assert [began_ms(row_id) for (row_id,) in db.execute(newest_first).fetchall()] == [0, -14_191_371_000]
    assert db.execute("SELECT started_at FROM transcript WHERE text = 'one small step'").fetchone() == (
        "1969-07-20T17:57:09.000Z",
    )
