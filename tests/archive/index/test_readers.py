"""Much to read is read by helpers; what they answer, and what happens when they do not, is the same."""

import pickle
from pathlib import Path

import pytest
from sqlite_utils import Database

from archive.index import readers, update
from archive.index.lexicon import Texts, differing
from archive.index.rows import read_rows
from archive.index.schema import FILE_NAME, open_archive
from everyword.folder import SessionFolder
from tests.archive.builders import NOON_US, TALKS, Said, transcribed


def sessions(tmp_path: Path) -> list[SessionFolder]:
    made = [transcribed(tmp_path, title=f"Number {number}", started_at_us=NOON_US + number * 10**9) for number in range(2)]
    made.append(transcribed(tmp_path, [Said("prisoners of another day", person="anna-reed")], title="Other words"))
    return made


def rows(tmp_path: Path, name: str) -> list[tuple[object, ...]]:
    """Every row of an archive made anew, but for those numbers of forms, which depend on the order of reading."""
    with open_archive(tmp_path / name / FILE_NAME) as db:
        report = update.index(db, [tmp_path / "home" / "sessions"])
        db.execute("INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('integrity-check', 1)")
        found = list(db.execute("SELECT * FROM transcript ORDER BY id").fetchall())
        return [*found, *_searched(db), (report.indexed, *(problem.sentence for problem in report.problems))]


def _searched(db: Database) -> list[tuple[object, ...]]:
    vocabulary = db.execute("SELECT word, language FROM vocabulary ORDER BY word, language").fetchall()
    return [*db.execute("SELECT * FROM searched ORDER BY id").fetchall(), *vocabulary]


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Two helpers, however little there is to read."""
    monkeypatch.setattr(readers, "_helpers", lambda folders: 2)
    return monkeypatch


def test_helpers_give_the_same_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = sessions(tmp_path)[1]
    (broken.path / "transcripts" / "r001" / "utterances.jsonl").write_text("{}\n")
    alone = rows(tmp_path, "alone")
    monkeypatch.setattr(readers, "_helpers", lambda folders: 2)
    assert alone == rows(tmp_path, "helped")
    assert (2, alone[-1][1]) == alone[-1]


def test_what_a_dead_helper_was_asked_is_read_here(tmp_path: Path, helped: pytest.MonkeyPatch) -> None:
    sessions(tmp_path)
    real = readers._Helper.ask

    def killed(helper: readers._Helper, folder: SessionFolder) -> None:
        real(helper, folder)
        helper._process.kill()

    helped.setattr(readers._Helper, "ask", killed)
    assert (3,) == rows(tmp_path, "helped")[-1]


def test_little_is_read_without_help(tmp_path: Path) -> None:
    assert 0 == readers._helpers(sessions(tmp_path))


def test_much_is_read_with_the_processors_but_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MUCH_BYTES", 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2})
    assert 2 == readers._helpers(sessions(tmp_path))
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    assert 0 == readers._helpers(sessions(tmp_path))


def test_rows_of_a_session_travel_whole(tmp_path: Path) -> None:
    found = read_rows(transcribed(tmp_path, TALKS), Texts(differing))
    assert found == pickle.loads(pickle.dumps(found))  # noqa: S301  (our own)
    empty = read_rows(transcribed(tmp_path, [], title="Nothing said"), Texts(differing))
    assert empty == pickle.loads(pickle.dumps(empty))  # noqa: S301  (our own)
