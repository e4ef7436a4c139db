"""The real command with the real model, killed with SIGKILL at any moment, ends with the bytes of a run that was not."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from everyword.folder import SessionFolder
from everyword.recording import read_recording
from everyword.run import READINGS, RUN_JSON, UNFINISHED, read_lines, read_transcript, run_names, run_path, uncovered
from recorder.imports import import_files
from tests.transcribe.conftest import DATA
from transcribe.record.unfinished import MANIFEST

FEW, MANY = 2, 16
"""Windows decoded at once: what shares a batch must not change what is written."""


@pytest.fixture(scope="module")
def session(base_home: Path, tmp_path_factory: pytest.TempPathFactory) -> SessionFolder:
    """The first 40 s of one of two people, not transcribed yet."""
    place = tmp_path_factory.mktemp("killed")
    samples, rate_hz = soundfile.read(DATA / "demo.flac", dtype="int16", always_2d=True)
    soundfile.write(place / "one.wav", samples[: 40 * rate_hz, :1], rate_hz)
    return import_files([place / "one.wav"], parent=place, home=base_home, title="Demo", operator="Test Operator")


def started(folder: SessionFolder, home: Path, *, batch_size: int = MANY) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        "-m",
        "everyword",
        "transcribe",
        str(folder.path),
        "--batch-size",
        str(batch_size),
        "--speakers",
        "none",
    ]
    environment = {**os.environ, "EVERYWORD_HOME": str(home), "EVERYWORD_OPERATOR": "Test Operator"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def copy_of(folder: SessionFolder, place: Path) -> SessionFolder:
    return SessionFolder(Path(shutil.copytree(folder.path, place / folder.path.name)))


def kept(folder: SessionFolder) -> set[tuple[int, int]]:
    """(track, window) of what is safe on the disk."""
    path = run_path(folder, "r001") / UNFINISHED
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    whole = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return {(line["track"], line["window"]) for line in whole}


def text_files(folder: SessionFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run_path(folder, "r001").iterdir() if path.name not in (MANIFEST, RUN_JSON)}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_real_run_killed_again_and_again_ends_with_the_same_bytes(
    session: SessionFolder, base_home: Path, tmp_path: Path
) -> None:
    undisturbed, killed = copy_of(session, tmp_path / "one"), copy_of(session, tmp_path / "two")
    assert 0 == started(undisturbed, base_home).wait()
    kills, seen = 0, 0
    while True:
        process = started(killed, base_home, batch_size=FEW if kills < 2 else MANY)
        while process.poll() is None and len(kept(killed)) <= seen:
            time.sleep(0.05)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(kept(killed)) > seen
        kills, seen = kills + 1, len(kept(killed))
    assert kills >= 2
    assert (["r001"], text_files(undisturbed)) == (run_names(killed), text_files(killed))
    assert [] == uncovered(read_recording(killed), read_transcript(killed).coverage)
    assert len({(line["track"], line["window"]) for line in read_lines(run_path(killed, "r001") / READINGS)}) >= seen


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_real_run_killed_at_chance_instants_ends_with_the_same_bytes(
    session: SessionFolder, base_home: Path, tmp_path: Path
) -> None:
    chance, kills, place = random.Random(7), 0, tmp_path / "two"
    undisturbed, killed = copy_of(session, tmp_path / "one"), copy_of(session, place)
    began = time.monotonic()
    assert 0 == started(undisturbed, base_home).wait()
    longest_s = time.monotonic() - began
    seen: set[tuple[int, int]] = set()
    while kills < 4:
        process = started(killed, base_home, batch_size=FEW)
        time.sleep(chance.uniform(0, longest_s))
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0 or RUN_JSON in {path.name for path in run_path(killed, "r001").glob("*")}:
            place = place / "again"  # it was quicker than the kill
            killed, kills, seen, longest_s = copy_of(session, place), 0, set(), longest_s * 0.7
            continue
        kills += 1
        still = kept(killed) if (run_path(killed, "r001") / UNFINISHED).exists() else seen
        assert seen <= still
        seen = still
    assert 0 == started(killed, base_home).wait()
    assert text_files(undisturbed) == text_files(killed)
    assert [] == uncovered(read_recording(killed), read_transcript(killed).coverage)
