"""Builders that several test packages share."""

import contextlib
import math
import struct
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from everyword import keys
from everyword.folder import SessionFolder
from everyword.model import Finding, Speaker
from everyword.verify import verify_session
from recorder.imports import import_files

DATA = Path(__file__).parent / "data"


def tone(path: Path, *, seconds: float = 2.5, rate_hz: int = 8000, channels: int = 1) -> Path:
    """A 16-bit WAV file in which each channel sings its own note."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = [
        int(8000 * math.sin(2 * math.pi * 220 * (channel + 1) * frame / rate_hz))
        for frame in range(round(seconds * rate_hz))
        for channel in range(channels)
    ]
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(struct.pack(f"<{len(frames)}h", *frames))
    return path


def a_session(tmp_path: Path, *sources: Path, title: str = "Round three", roster: tuple[Speaker, ...] = ()) -> SessionFolder:
    """A sealed session of the given files (by default 2.5 s of tone), in ``tmp_path/sessions``."""
    files = sources or (tone(tmp_path / "tone.wav"),)
    return import_files(
        files, parent=tmp_path / "sessions", home=tmp_path / "home", title=title, operator="Test Operator", roster=roster
    )


def own_key(tmp_path: Path) -> str:
    """The fingerprint of the key `a_session` seals with."""
    return keys.fingerprint(keys.public_pem(keys.device_key(tmp_path / "home")))


def failures(tmp_path: Path, folder: SessionFolder) -> list[Finding]:
    """Everything `verify` does not pass, on the computer that recorded."""
    return [finding for finding in verify_session(folder, trusted=[own_key(tmp_path)]) if finding.outcome != "pass"]


@contextlib.contextmanager
def small_disk(path: Path, options: str) -> Iterator[Path]:
    """A real disk of its own at `path`, as `mount -o` has it (``size=64k``, ``ro``); skips the test of who may not mount."""
    path.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield path
    finally:
        # Lazily: a process that is still on its way out must not leave the disk behind.
        subprocess.run(["umount", "--lazy", path], check=True)
