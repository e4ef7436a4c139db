"""The database is anybody's to read: no function of ours is needed, and nothing foreign is touched."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from archive import METADATA
from archive.index import update
from archive.index.schema import APPLICATION_ID, FILE_NAME, USER_VERSION, open_archive, writing
from archive.query.search import search
from everyword.errors import ArchiveError
from tests.archive.builders import NOON_US, Said, transcribed


def an_archive(tmp_path: Path) -> Path:
    transcribed(tmp_path)
    path = tmp_path / "home" / FILE_NAME
    with open_archive(path) as db:
        update.index(db, [tmp_path / "home" / "sessions"])
    return path


def test_an_archive_says_what_it_is(tmp_path: Path) -> None:
    connection = sqlite3.connect(an_archive(tmp_path))
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (USER_VERSION,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_plain_sqlite_reads_checks_and_writes_it(tmp_path: Path) -> None:
    connection = sqlite3.connect(an_archive(tmp_path))
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.execute("INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('integrity-check', 1)")
    found = "SELECT rowid FROM utterances_fts WHERE utterances_fts MATCH 'полонений'"
    assert len(connection.execute(found).fetchall()) == 1
    connection.execute("DELETE FROM sessions")
    for table in ("utterances", "seats", "tracks", "runs", "coverage", "utterances_fts"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    connection.execute("INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('integrity-check', 1)")


STRANGER = """
import sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for name, kind in connection.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')").fetchall():
    columns = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
    connection.execute(f'SELECT * FROM "{name}" LIMIT 50 OFFSET 0').fetchall()
    connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()
    connection.execute(f'SELECT * FROM "{name}" ORDER BY "{columns[0][1]}" DESC LIMIT 5').fetchall()
assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
ids = "SELECT rowid FROM utterances_fts WHERE utterances_fts MATCH ?"
for word in ("полонений", "prisoner", 'speaker : s1 NOT "promised"'):
    print(len(connection.execute(f"SELECT speaker, text FROM transcript WHERE id IN ({ids})", [word]).fetchall()))
"""
"""A program that browses every table and view, as DB Browser for SQLite does, and has nothing of ours."""


def browsed(path: Path) -> list[str]:
    command = [sys.executable, "-I", "-S", "-c", STRANGER, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()


def test_a_program_that_has_nothing_of_ours_can_browse_and_search_it(tmp_path: Path) -> None:
    assert ["1", "1", "2"] == browsed(an_archive(tmp_path))


def test_it_can_be_browsed_while_a_session_is_being_written(tmp_path: Path) -> None:
    path = an_archive(tmp_path)
    with open_archive(path) as db, writing(db):
        db.execute("DELETE FROM sessions")
        assert ["1", "1", "2"] == browsed(path)
    connection = sqlite3.connect(path)
    assert (0,) == connection.execute("SELECT count(*) FROM utterances").fetchone()


def test_the_flat_view_reads_like_a_transcript(tmp_path: Path) -> None:
    connection = sqlite3.connect(an_archive(tmp_path))
    row = connection.execute("SELECT started_at, position, speaker, language, text FROM transcript WHERE number = 2").fetchone()
    assert row == ("2026-11-22T12:00:02.000Z", "0:00:02", "Олена Коваль", "uk", "Ми говорили про обмін полонених.")


def test_every_table_has_an_integer_primary_key(tmp_path: Path) -> None:
    connection = sqlite3.connect(an_archive(tmp_path))
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'utterances_fts%' AND name <> 'vocabulary'"
    ).fetchall()
    for (table,) in tables:
        keys = connection.execute("SELECT name, type FROM pragma_table_info(?) WHERE pk", [table]).fetchall()
        assert [(name, kind.upper()) for name, kind in keys] == [("id", "INTEGER")], table


def test_datasette_opens_it_and_its_search_works(tmp_path: Path) -> None:
    path = an_archive(tmp_path)
    url = "/archive/utterances.json?_search=prisoner&_shape=array"
    command = [sys.executable, "-m", "datasette", str(path), "--get", url]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert [row["text"] for row in json.loads(answer.stdout)] == ["We discussed the exchange of prisoners."]


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match="another program"), open_archive(path):
        pass
    assert path.read_bytes() == before


def test_a_newer_archive_is_left_as_it_is(tmp_path: Path) -> None:
    path = an_archive(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {USER_VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match="knows versions up to"), open_archive(path):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage", [b"this is no database at all, only text" * 100, b"SQLite format 3\0" + bytes(range(256)) * 40]
)
def test_a_damaged_archive_is_told_in_a_sentence(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(damage)
    with pytest.raises(ArchiveError), open_archive(path) as db:
        update.index(db, [])
    assert path.read_bytes() == damage


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArchiveError, match="cannot be made"), open_archive(tmp_path / "file" / FILE_NAME):
        pass


def test_every_table_and_column_is_in_the_reference(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "archive-schema.md").read_text(encoding="utf-8")
    connection = sqlite3.connect(an_archive(tmp_path))
    names = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    for table in [name for (name,) in names if not name.startswith(("utterances_fts_", "_sqlite_migrations"))]:
        _, _, rest = page.partition(f"\n### `{table}`")
        section = rest.partition("\n### ")[0]
        assert section, table
        columns = [column for (column,) in connection.execute("SELECT name FROM pragma_table_info(?)", [table])]
        assert [] == [column for column in columns if f"`{column}`" not in section], table


def test_the_reference_names_the_version_of_the_schema() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "archive-schema.md").read_text(encoding="utf-8")
    assert f"| `user_version` | `{USER_VERSION}`;" in page
    assert f"`{APPLICATION_ID:#x}`" in page


def test_sqlite_utils_finds_the_index_of_the_utterances(tmp_path: Path) -> None:
    path = an_archive(tmp_path)
    command = [sys.executable, "-m", "sqlite_utils", "search", str(path), "utterances", "prisoner", "-c", "text"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert [{"text": "We discussed the exchange of prisoners."}] == json.loads(answer.stdout)


def test_datasette_searches_the_flat_view_with_the_metadata_that_is_shipped(tmp_path: Path) -> None:
    path = an_archive(tmp_path)
    found = {}
    for name, url in (
        ("transcript", "/archive/transcript.json?_search=полонений&_shape=array"),
        ("newest", "/archive/newest.json?word=prisoner&_shape=array"),
    ):
        command = [sys.executable, "-m", "datasette", str(path), "--metadata", str(METADATA), "--get", url]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        found[name] = [(row["speaker"], row["text"]) for row in json.loads(answer.stdout)]
    assert [("Олена Коваль", "Ми говорили про обмін полонених.")] == found["transcript"]
    assert [("Anna Reed", "We discussed the exchange of prisoners.")] == found["newest"]


def test_datasette_turns_the_pages_from_the_newest_utterance_to_the_oldest(tmp_path: Path) -> None:
    path = an_archive(tmp_path)

    def page(after: str) -> dict[str, object]:
        command = [sys.executable, "-m", "datasette", str(path), "--metadata", str(METADATA), "--get"]
        command += [f"/archive/utterances.json?_shape=objects&_size=3{after}"]
        answer: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
        return answer

    first = page("")
    second = page(f"&_next={first['next']}")
    assert [4, 3, 2, 1] == [row["number"] for one in (first, second) for row in one["rows"]]  # type: ignore[attr-defined]


def test_plain_sqlite_makes_the_very_same_index_from_the_tables(tmp_path: Path) -> None:
    transcribed(tmp_path, [Said("Ещё пам’ять, ё, і сло́во", "uk"), Said("don't", at_s=2, person="anna-reed", flags=("echo",))])
    connection = sqlite3.connect(an_archive(tmp_path))
    connection.execute("INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('integrity-check', 1)")
    words = ("еще", "слово", "flags : echo", "language : uk", "forms : prisoner")

    def found() -> list[int]:
        asked = "SELECT count(*) FROM utterances_fts WHERE utterances_fts MATCH ?"
        return [connection.execute(asked, [word]).fetchone()[0] for word in words]

    before = found()
    connection.execute("INSERT INTO utterances_fts (utterances_fts) VALUES ('rebuild')")
    assert [2, 1, 2, 2, 1] == before == found()


def test_an_archive_of_version_one_is_filled_again_from_the_folders(tmp_path: Path) -> None:
    path = an_archive(tmp_path)
    path.unlink()
    connection = sqlite3.connect(path)
    connection.executescript(f"""
        CREATE TABLE utterances (id INTEGER PRIMARY KEY, text TEXT, spelling TEXT, forms TEXT);
        CREATE TABLE words (id INTEGER PRIMARY KEY, utterance_id INTEGER REFERENCES utterances(id));
        CREATE VIRTUAL TABLE utterances_fts USING fts5 (text, spelling, forms, content="utterances", content_rowid="id");
        CREATE VIEW transcript AS SELECT * FROM utterances;
        CREATE TRIGGER utterances_ad AFTER DELETE ON utterances BEGIN SELECT 1; END;
        PRAGMA application_id = {APPLICATION_ID};
        PRAGMA user_version = 1;
    """)
    connection.close()
    with open_archive(path) as db:
        assert 1 == update.index(db, [tmp_path / "home" / "sessions"]).indexed
        assert (4,) == db.execute("SELECT count(*) FROM transcript").fetchone()
        assert (USER_VERSION,) == db.execute("PRAGMA user_version").fetchone()
        assert [] == db.execute("SELECT name FROM sqlite_master WHERE name = 'words'").fetchall()


def make_version_3(path: Path) -> None:
    """Turn an archive of now into one of version 3, in which the newest row had the largest id."""
    connection = sqlite3.connect(path)
    (view,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'transcript'").fetchone()
    assert "(-utterances.id >> 16)" in view
    connection.executescript(f"""
        UPDATE utterances SET id = -id;
        UPDATE sessions SET first_id = -last_id, last_id = -first_id;
        DROP VIEW transcript;
        {view.replace("(-utterances.id >> 16)", "(utterances.id >> 16)")};
        INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('pgsz', 4050);
        INSERT INTO utterances_fts (utterances_fts) VALUES ('rebuild');
        UPDATE _sqlite_migrations SET name = 'm003_joined_people';
        PRAGMA user_version = 3;
    """)
    connection.close()


def test_an_archive_of_version_three_is_turned_round_and_answers_the_same(tmp_path: Path) -> None:
    transcribed(tmp_path, title="An hour later", started_at_us=NOON_US + 3_600_000_000)
    path = an_archive(tmp_path)
    tables = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"

    def answers() -> list[object]:
        with open_archive(path) as db:
            report = update.index(db, [tmp_path / "home" / "sessions"])
            said = [hit.passage for query in ("prisoner", "полонений", "we OR ми") for hit in search(db, query).hits]
            return [said, db.execute("SELECT * FROM transcript ORDER BY id").fetchall(), db.execute(tables).fetchall(), report]

    expected = answers()
    make_version_3(path)
    *turned, report = answers()
    assert expected[:-1] == turned
    assert update.Report(2, ()) == report
    with open_archive(path) as db:
        assert (USER_VERSION, 1000) == (
            db.execute("PRAGMA user_version").fetchone()[0],
            db.execute("SELECT v FROM utterances_fts_config WHERE k = 'pgsz'").fetchone()[0],
        )
