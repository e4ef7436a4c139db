"""The whole chain in one test: real speech, a real sound server, PortAudio, Whisper, SQLite, and back to the words."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from everyword.room import Room
from tests.helpers import DATA
from tests.recorder.sound import everyword, wait_for_frames

pytestmark = pytest.mark.skipif(bool(Room.missing()), reason=f"not installed: {', '.join(Room.missing())}")


def record_in_a_room(home: Path, recording: Path) -> Path:
    """Play `recording` into a room and record it there with the command a user would type; returns the session's folder."""
    with Room(channels=1) as room:
        arguments = ["--input", "pulse", "--channels", "1", "--title", "The chain", "--language", "ru"]
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "everyword", "record", *arguments, "--speaker", "Диктор;track=1"],
            env={**room.environment(), "EVERYWORD_HOME": str(home)},
            stdout=subprocess.PIPE,
            text=True,
        ) as recorder:
            wait_for_frames(home, seconds=0.1)
            with room.play(recording) as player:
                assert 0 == player.wait(60)
            time.sleep(0.5)
            recorder.send_signal(signal.SIGINT)
            said, _ = recorder.communicate(timeout=30)
    assert 0 == recorder.returncode
    return Path(said.strip())


def test_what_is_said_in_a_room_is_recorded_transcribed_found_exported_and_verified(tmp_path: Path, home: Path) -> None:
    session = record_in_a_room(home, DATA / "short.wav")
    session_id = session.name[-26:]

    done = everyword(home, "transcribe", session_id, "--json", timeout_s=120)
    assert 0 == done.returncode, done.stderr

    # Recorded: «Недействительный номер конференции …»; asked for in another case and number.
    done = everyword(home, "search", "конференциями", "--json")
    (hit,) = json.loads(done.stdout)["data"]["hits"]
    assert "конференции" in hit["text"]
    assert "Диктор" == hit["speaker"]

    done = everyword(
        home, "correct", session_id, str(hit["utterance"]), "--to", "Исправлено человеком.", "--reason", "heard again"
    )
    assert 0 == done.returncode, done.stderr
    assert "Исправлено человеком." in everyword(home, "show", session_id).stdout
    assert "конференции" in everyword(home, "show", session_id, "--as-recorded").stdout

    formats = [part for name in ("txt", "srt", "vtt", "json") for part in ("--format", name)]
    done = everyword(home, "export", session_id, *formats, "--to", str(tmp_path / "out"))
    assert 0 == done.returncode, done.stderr
    assert {".txt", ".srt", ".vtt", ".json"} == {path.suffix for path in (tmp_path / "out").iterdir()}

    before = everyword(home, "search", "человек", "--json").stdout
    assert 0 == everyword(home, "rebuild").returncode
    assert before == everyword(home, "search", "человек", "--json").stdout
    with sqlite3.connect(home / "archive.db") as database:
        assert [("ok",)] == database.execute("PRAGMA integrity_check").fetchall()
    database.close()

    assert 0 == everyword(home, "verify", session_id).returncode
    segment = next((session / "audio" / "s1").glob("*.wav"))
    data = bytearray(segment.read_bytes())
    data[5000] ^= 1
    segment.write_bytes(data)
    done = everyword(home, "verify", session_id)
    assert 4 == done.returncode
    assert "0:00:00" in done.stdout
