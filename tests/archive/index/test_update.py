"""Rows follow from folders alone, whatever the order and however often."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database

from archive.index import update
from archive.index.lexicon import Lexicon
from archive.index.schema import FILE_NAME, is_scattered, open_archive, writing
from everyword.digest import canonical, file_digest
from everyword.errors import ArchiveError
from everyword.model import Speaker
from tests.archive.builders import NOON_US, Said, add_run, adopt, correct, imported, transcribed
from tests.archive.index.rows import roots, texts


def dump(path: Path) -> list[str]:
    """Everything the archive says, without the numbers of rows that nobody sees."""
    connection = sqlite3.connect(path)
    tables = ("sessions", "speakers", "seats", "tracks", "runs", "coverage", "notes", "corrections", "folders")
    result = [str(row) for row in connection.execute("SELECT * FROM transcript ORDER BY id")]
    for table in tables:
        columns = [
            name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", [table]) if not name.endswith("id")
        ]
        result += sorted(str(row) for row in connection.execute(f"SELECT {', '.join(columns)} FROM {table}"))
    connection.close()
    return result


def test_a_session_becomes_rows(tmp_path: Path, db: Database) -> None:
    transcribed(tmp_path, states=[(8, 9, "inaudible")])
    assert update.index(db, roots(tmp_path)) == update.Report(1, ())
    counts = {
        table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("sessions", "speakers", "tracks", "runs")
    }
    assert counts == {"sessions": 1, "speakers": 2, "tracks": 2, "runs": 1}
    assert len(texts(db)) == 4
    assert db.execute("SELECT track, spans, duration_us FROM coverage WHERE state = 'inaudible'").fetchone() == (1, 1, 1_000_000)


def test_a_first_indexing_leaves_one_piece_of_the_index_and_no_space_that_nobody_uses(
    tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "MOST_TOGETHER", 1)
    for number in range(6):
        transcribed(tmp_path, title=f"Session {number}", started_at_us=NOON_US + number * 10**9)
    assert update.index(db, roots(tmp_path)) == update.Report(6, ())
    assert not is_scattered(db)
    (pieces,) = db.execute("SELECT count(DISTINCT segid) FROM utterances_fts_idx").fetchone()
    assert (1, 0) == (pieces, db.execute("PRAGMA freelist_count").fetchone()[0])
    settings = dict(db.execute("SELECT k, v FROM utterances_fts_config WHERE k LIKE '%merge'").fetchall())
    assert {"automerge": 4, "crisismerge": 16} == settings


def test_indexing_twice_reads_nothing_twice_and_changes_nothing(tmp_path: Path, db: Database) -> None:
    transcribed(tmp_path)
    update.index(db, roots(tmp_path))
    before = dump(tmp_path / "home" / FILE_NAME)
    assert update.index(db, roots(tmp_path)) == update.Report(0, ())
    assert dump(tmp_path / "home" / FILE_NAME) == before


def test_a_sealed_session_without_transcript_is_there(tmp_path: Path, db: Database) -> None:
    imported(tmp_path)
    update.index(db, roots(tmp_path))
    assert db.execute("SELECT title, run, is_sealed, duration_us FROM sessions").fetchone() == (
        "Round three",
        None,
        1,
        10_000_000,
    )


def test_a_session_still_being_recorded_is_there(tmp_path: Path, db: Database) -> None:
    imported(tmp_path).seal_signature.unlink()
    update.index(db, roots(tmp_path))
    assert db.execute("SELECT is_sealed, duration_us FROM sessions").fetchone() == (0, None)


def test_a_correction_is_indexed_and_the_machines_text_stays(tmp_path: Path, db: Database) -> None:
    folder = transcribed(tmp_path, [Said("a bitter word")])
    update.index(db, roots(tmp_path))
    correct(folder, 1, to="a better word", reason="heard again")
    assert update.index(db, roots(tmp_path)).indexed == 1
    assert db.execute("SELECT text, recorded FROM utterances").fetchone() == ("a better word", "a bitter word")
    assert db.execute("SELECT before, after, is_applied FROM corrections").fetchone() == ("a bitter word", "a better word", 1)
    found = "SELECT count(*) FROM utterances_fts WHERE utterances_fts MATCH ?"
    assert [db.execute(found, [word]).fetchone()[0] for word in ("bitter", "better")] == [0, 1]


def test_another_run_is_indexed_when_it_is_adopted(tmp_path: Path, db: Database) -> None:
    folder = transcribed(tmp_path, [Said("first run")])
    second = add_run(folder, [Said("second run")], home=tmp_path / "home")
    update.index(db, roots(tmp_path))
    assert texts(db) == ["first run"]
    adopt(folder, second)
    update.index(db, roots(tmp_path))
    assert texts(db) == ["second run"]
    assert db.execute("SELECT run, is_current FROM runs ORDER BY run").fetchall() == [("r001", 0), ("r002", 1)]


def test_a_mirror_is_not_indexed_twice_and_stands_in_when_the_first_is_gone(tmp_path: Path, db: Database) -> None:
    folder = transcribed(tmp_path, [Said("only once")])
    mirror = tmp_path / "mirror" / folder.path.name
    shutil.copytree(folder.path, mirror)
    both = [*roots(tmp_path), mirror.parent]
    assert update.index(db, both).indexed == 1
    assert update.index(db, both).indexed == 0
    shutil.rmtree(folder.path)
    assert update.index(db, both).indexed == 1
    assert (texts(db), db.execute("SELECT path FROM sessions").fetchone()) == (["only once"], (str(mirror),))


def test_a_session_whose_disk_is_away_keeps_its_rows(tmp_path: Path, db: Database) -> None:
    folder = transcribed(tmp_path, [Said("still here")])
    update.index(db, roots(tmp_path))
    shutil.move(folder.path, tmp_path / "away")
    assert update.index(db, roots(tmp_path)) == update.Report(0, ())
    assert texts(db) == ["still here"]


def test_a_session_whose_disk_is_away_gets_the_forms_of_this_version(
    tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = transcribed(tmp_path, [Said("prisoners")])
    with monkeypatch.context() as patch:
        patch.setattr(update, "_VERSIONS", "1.1")
        patch.setattr("archive.index.lexicon.forms", lambda word, language: frozenset({"oldform"}))
        update.index(db, roots(tmp_path))
    shutil.move(folder.path, tmp_path / "away")
    assert update.index(db, roots(tmp_path)) == update.Report(0, ())
    found = "SELECT count(*) FROM utterances_fts WHERE utterances_fts MATCH ?"
    assert [0, 1] == [db.execute(found, [word]).fetchone()[0] for word in ("oldform", "prisoner")]
    shutil.move(tmp_path / "away", folder.path)
    assert [1, 0] == [update.index(db, roots(tmp_path)).indexed for _ in range(2)]


def break_ledger(path: Path) -> None:
    data = (path / "ledger.jsonl").read_bytes()
    (path / "ledger.jsonl").write_bytes(data.replace(b"asr.run", b"asr.ran"))


def break_session(path: Path) -> None:
    (path / "session.json").write_bytes(b"{}")


def break_transcript(path: Path) -> None:
    file = path / "transcripts" / "r001" / "utterances.jsonl"
    file.write_bytes(file.read_bytes().replace(b"broken", b"spoken"))
    os.utime(path / "ledger.jsonl")


def break_journal(path: Path) -> None:
    (path / "journal.jsonl").unlink()


@pytest.mark.parametrize("damage", [break_ledger, break_session, break_transcript, break_journal])
def test_a_broken_folder_is_told_and_does_not_stop_the_others(tmp_path: Path, db: Database, damage: object) -> None:
    broken = transcribed(tmp_path, [Said("broken")], title="Broken")
    assert callable(damage)
    damage(broken.path)
    transcribed(tmp_path, [Said("whole")])
    for _ in range(2):  # it is told every time, and read again as soon as it is mended
        report = update.index(db, roots(tmp_path))
        assert [problem.folder for problem in report.problems] == [broken]
    assert texts(db) == ["whole"]


def test_a_folder_that_breaks_later_is_no_longer_answered_from(tmp_path: Path, db: Database) -> None:
    folder = transcribed(tmp_path, [Said("word")])
    update.index(db, roots(tmp_path))
    break_ledger(folder.path)
    assert len(update.index(db, roots(tmp_path)).problems) == 1
    assert texts(db) == []


@pytest.mark.parametrize("at_s", [1e11, 1e12, 1e30])
def test_an_utterance_at_an_impossible_time_is_a_problem_of_its_folder(tmp_path: Path, db: Database, at_s: float) -> None:
    transcribed(tmp_path, [Said("far away")])
    strange = transcribed(tmp_path, title="Strange", started_at_us=NOON_US)
    name = add_run(strange, [Said("near")], home=tmp_path / "home")
    adopt(strange, name)
    update.index(db, roots(tmp_path))
    file = strange.transcripts / name / "utterances.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"first_frame":0', b'"first_frame":%d' % (8000 * at_s)))
    run_json = file.with_name("run.json")
    lines = json.loads(run_json.read_bytes())
    lines["files"]["utterances.jsonl"] = file_digest(file)
    run_json.write_bytes(canonical(lines))
    os.utime(strange.ledger)
    assert [problem.folder for problem in update.index(db, roots(tmp_path)).problems] == [strange]
    assert texts(db) == ["far away"]


def test_two_entries_of_one_person_are_one_speaker(tmp_path: Path, db: Database) -> None:
    roster = (Speaker("a", "First", track=1), Speaker("a", "Second", track=2))
    transcribed(tmp_path, [Said("hello", person="a")], roster=roster)
    update.index(db, roots(tmp_path))
    assert db.execute("SELECT speaker FROM transcript").fetchone() == ("First",)


def test_a_folder_name_that_is_not_utf_8_is_indexed(tmp_path: Path, db: Database) -> None:
    folder = transcribed(tmp_path, [Said("hello")])
    name = os.fsencode(folder.path.parent) + b"/\xff-" + os.fsencode(folder.path.name)
    folder.path.rename(os.fsdecode(name))
    assert update.index(db, roots(tmp_path)) == update.Report(1, ())
    assert update.index(db, roots(tmp_path)) == update.Report(0, ())


def test_rebuild_from_folders_gives_the_same_rows(tmp_path: Path) -> None:
    first = transcribed(tmp_path)
    correct(first, 2, to="Ми говорили про обмін.", reason="r")
    path = tmp_path / "home" / FILE_NAME
    with open_archive(path) as db:
        update.index(db, roots(tmp_path))
        transcribed(tmp_path, title="Earlier", started_at_us=NOON_US - 10**12)
        transcribed(tmp_path, title="Unknown", started_at_us=None)
        update.index(db, roots(tmp_path))
        correct(first, 1, to="Something else.", reason="r")
        update.index(db, roots(tmp_path))
    before = dump(path)
    update.rebuild(tmp_path / "home", roots(tmp_path))
    assert dump(path) == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["archive.db", "keys", "sessions"]


def test_rebuild_replaces_a_damaged_archive(tmp_path: Path) -> None:
    transcribed(tmp_path)
    path = tmp_path / "home" / FILE_NAME
    path.write_bytes(b"rubbish" * 1000)
    path.with_name(FILE_NAME + "-wal").write_bytes(b"rubbish")
    assert update.rebuild(tmp_path / "home", roots(tmp_path)).indexed == 1
    with open_archive(path) as db:
        assert len(texts(db)) == 4


def test_two_processes_may_index_at_once(tmp_path: Path) -> None:
    transcribed(tmp_path)
    path = tmp_path / "home" / FILE_NAME
    with open_archive(path) as one, open_archive(path) as other:
        assert update.index(one, roots(tmp_path)).indexed == 1
        assert update.index(other, roots(tmp_path)).indexed == 0
        assert texts(one) == texts(other)


def test_an_interrupted_pass_leaves_whole_sessions_and_is_completed_by_the_next(
    tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcribed(tmp_path, [Said("whole")])
    update.index(db, roots(tmp_path))
    second = transcribed(tmp_path, [Said("half"), Said("done", at_s=2)])
    real = Lexicon.numbers

    def interrupted(lexicon: Lexicon, forms: str) -> str | None:
        if forms == "do":
            raise KeyboardInterrupt
        return real(lexicon, forms)

    with monkeypatch.context() as patch:
        patch.setattr(Lexicon, "numbers", interrupted)
        with pytest.raises(KeyboardInterrupt):
            update.index(db, roots(tmp_path))

    assert texts(db) == ["whole"]
    db.execute("INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('integrity-check', 1)")
    db.conn.commit()
    assert update.index(db, roots(tmp_path)) == update.Report(1, ())
    assert sorted(texts(db)) == ["done", "half", "whole"]
    assert second.is_sealed


def test_a_full_disk_is_told_and_costs_nothing_that_was_there(tmp_path: Path) -> None:
    transcribed(tmp_path, [Said("first")])
    path = tmp_path / "home" / FILE_NAME
    with open_archive(path) as db:
        update.index(db, roots(tmp_path))
    transcribed(tmp_path, [Said(f"word{number} " * 200, at_s=number / 10, length_s=0.1) for number in range(90)], title="Large")
    caught = None
    try:
        with open_archive(path) as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages + 2}")
            update.index(db, roots(tmp_path))
    except ArchiveError as error:
        caught = error
    assert caught is not None
    assert "full" in str(caught)
    assert "Free some space" in caught.hint
    with open_archive(path) as db:
        assert texts(db) == ["first"]
        assert update.index(db, roots(tmp_path)).indexed == 1


def test_processes_that_start_together_make_one_archive(tmp_path: Path) -> None:
    transcribed(tmp_path)
    home = tmp_path / "home"
    program = (
        "import sys; from pathlib import Path; from archive.index import schema, update\n"
        "home = Path(sys.argv[1])\n"
        "with schema.open_archive(home / schema.FILE_NAME) as db: update.index(db, [home / 'sessions'])"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(home)]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0, 0]
    with open_archive(home / FILE_NAME) as db:
        assert len(texts(db)) == 4
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_readers_see_the_archive_while_a_session_is_written(tmp_path: Path, db: Database) -> None:
    transcribed(tmp_path, [Said("first")])
    update.index(db, roots(tmp_path))
    with open_archive(tmp_path / "home" / FILE_NAME) as reader, writing(db):
        db.execute("DELETE FROM sessions")
        assert ["first"] == texts(reader)
