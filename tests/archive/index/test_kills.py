"""A process that is killed at any moment leaves a sound archive, which the next one completes."""

import random
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from archive.index import update
from archive.index.schema import APPLICATION_ID, FILE_NAME, is_scattered, open_archive
from tests.archive.builders import NOON_US, Said, transcribed

SESSIONS = 4

PROGRAM = """
import os, signal, sys
from pathlib import Path
from archive.index import schema, update
home, mode, wanted, times = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
seen = []

def at_statement(statement):
    if wanted and wanted in statement:
        seen.append(statement)
        if len(seen) == times:
            os.kill(os.getpid(), signal.SIGKILL)

def connect(path):
    connection = real(path)
    connection.set_trace_callback(at_statement)
    return connection

real, schema._connect = schema._connect, connect
update.MOST_TOGETHER, schema.JOINED_PAGES = 1, 4
print("begins", flush=True)
if mode == "rebuild":
    update.rebuild(home, [home / "sessions"])
else:
    with schema.open_archive(home / schema.FILE_NAME) as db:
        update.index(db, [home / "sessions"])
"""


def start(home: Path, mode: str = "index", wanted: str = "", times: int = 0) -> subprocess.Popen[bytes]:
    """A process that indexes, and kills itself before it runs a statement for the `times`-th time in which `wanted` stands."""
    command = [sys.executable, "-P", "-c", PROGRAM, str(home), mode, wanted, str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def ending(home: Path, mode: str, wanted: str, times: int) -> int:
    """How such a process ends."""
    with start(home, mode, wanted, times) as process:
        return process.wait(60)


def made(folder: Path, said: int) -> Path:
    """A home with sessions of so many utterances that nobody has indexed yet."""
    words = ("prisoners", "обміну", "гарантий", "corridors", "полонених")
    for number in range(SESSIONS):
        talk = [Said(f"{words[one % 5]} {words[one * 3 % 5]} {one}", "uk", at_s=one / 100, length_s=0.01) for one in range(said)]
        seconds = said / 100 + 1
        transcribed(folder, talk, title=f"Session {number}", started_at_us=NOON_US + number * 10**9, seconds=seconds)
    return folder / "home"


def check_sound(path: Path) -> int:
    """Whatever there is, is whole; how many utterances there are."""
    connection = sqlite3.connect(path)
    try:
        assert ("ok",) == connection.execute("PRAGMA integrity_check").fetchone()
        assert [] == connection.execute("PRAGMA foreign_key_check").fetchall()
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'utterances_fts'").fetchone():
            connection.execute("INSERT INTO utterances_fts (utterances_fts, rank) VALUES ('integrity-check', 1)")
            return int(connection.execute("SELECT count(*) FROM utterances").fetchone()[0])
        return 0
    finally:
        connection.close()


def complete(home: Path) -> list[tuple[object, ...]]:
    """Everything that is found once the next command has run."""
    with open_archive(home / FILE_NAME) as db:
        report = update.index(db, [home / "sessions"])
        assert () == report.problems
        assert not is_scattered(db)
        found = db.execute("SELECT * FROM transcript ORDER BY id").fetchall()
        for word in ("полонений", "corridor"):
            asked = "SELECT rowid FROM utterances_fts WHERE utterances_fts MATCH ? ORDER BY rowid"
            found += db.execute(asked, [word]).fetchall()
    check_sound(home / FILE_NAME)
    return list(found)


def make_old(path: Path) -> None:
    """An archive of an earlier version, with a table of its own."""
    connection = sqlite3.connect(path)
    connection.executescript(f"""
        CREATE TABLE utterances (id INTEGER PRIMARY KEY, text TEXT);
        CREATE VIRTUAL TABLE utterances_fts USING fts5 (text, content="utterances", content_rowid="id");
        INSERT INTO utterances VALUES (1, 'old');
        INSERT INTO utterances_fts (rowid, text) VALUES (1, 'old');
        PRAGMA application_id = {APPLICATION_ID};
        PRAGMA user_version = 1;
    """)
    connection.close()


AIMED = (
    ("CREATE VIRTUAL TABLE", 1),  # an archive that is being made
    ("INSERT INTO sessions", 2),
    ("INSERT INTO utterances (", 3),
    ("INSERT INTO utterances_fts (rowid", 5),
    ("COMMIT", 4),
    ("'merge'", 2),
    ("wal_checkpoint", 1),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("kills"), said=3)


@pytest.fixture(scope="module")
def expected(home: Path) -> list[tuple[object, ...]]:
    update.rebuild(home, [home / "sessions"])
    return complete(home)


@pytest.mark.parametrize(("wanted", "times"), AIMED)
def test_a_kill_before_any_statement_leaves_whole_sessions(
    home: Path, expected: Sequence[object], wanted: str, times: int
) -> None:
    update.remove(home / FILE_NAME)
    assert -signal.SIGKILL == ending(home, "index", wanted, times)
    assert 0 == check_sound(home / FILE_NAME) % 3
    assert expected == complete(home)


@pytest.mark.parametrize(("wanted", "times"), [("DROP", 2), ("user_version =", 1)])
def test_a_kill_during_migration_leaves_the_old_archive_or_the_new(
    home: Path, expected: Sequence[object], wanted: str, times: int
) -> None:
    update.remove(home / FILE_NAME)
    make_old(home / FILE_NAME)
    assert -signal.SIGKILL == ending(home, "index", wanted, times)
    check_sound(home / FILE_NAME)
    assert expected == complete(home)


def test_a_kill_during_rebuild_leaves_the_old_archive_and_the_next_clears_up(home: Path, expected: Sequence[object]) -> None:
    assert expected == complete(home)
    assert -signal.SIGKILL == ending(home, "rebuild", "'merge'", 1)
    assert [] != list(home.glob(f".{FILE_NAME}.*"))
    assert SESSIONS * 3 == check_sound(home / FILE_NAME)
    update.rebuild(home, [home / "sessions"])
    assert [] == list(home.glob(f".{FILE_NAME}.*"))
    assert expected == complete(home)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sixty_kills_at_random_moments_leave_a_sound_archive_each_time(tmp_path: Path) -> None:
    home = made(tmp_path, said=600)
    path = home / FILE_NAME
    began = time.monotonic()
    update.rebuild(home, [home / "sessions"])
    took_s = time.monotonic() - began
    expected = complete(home)
    chance = random.Random(11)
    killed = 0
    for number in range(60):
        mode = ("index", "old", "rebuild")[number % 3]
        if mode != "rebuild":
            update.remove(path)
        if mode == "old":
            make_old(path)
        with start(home, mode) as process:
            assert process.stdout
            select.select([process.stdout], [], [], 60)
            time.sleep(chance.uniform(0, 1.2 * took_s))
            process.kill()
            killed += process.wait(60) == -signal.SIGKILL
        if path.exists():
            check_sound(path)
        assert expected == complete(home), (number, mode)
    assert killed > 30
