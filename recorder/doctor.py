"""What recording depends on: PortAudio and its inputs, the clock, a computer that stays awake, a disk."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from everyword.config import Settings
from everyword.diagnosis import Diagnosis
from recorder.clocks import clock_state, clock_trouble
from recorder.disk.places import place_of
from recorder.sleep import keep_awake

ANSWER_S = 15.0
"""A sound system that says nothing for so long hangs."""

SMALL_BYTES = 10 << 30
"""Less than this is soon full: an hour of one microphone at 48 kHz and 24 bits is half a gigabyte."""

_ENCRYPTING = frozenset({"ecryptfs", "fuse.gocryptfs", "fuse.encfs", "fuse.cryfs"})


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """Microphones, clock, sleep, disk.  Nothing is opened for recording: that is what ``everyword record --check`` does."""
    yield _inputs()
    trouble = clock_trouble()
    states = {
        "synced": "The clock is kept right by a time service.",
        "unsynced": "No time service keeps the clock right.",
        "unknown": "The system does not say whether the clock is kept right.",
    }
    state = clock_state()
    hint = "" if state == "synced" else "Look at a watch before the session: timedatectl shows and sets the time."
    yield Diagnosis("clock", not trouble and state == "synced", trouble or states[state], hint)
    awake = keep_awake("doctor")
    is_kept, what = awake.is_held, awake.what.replace(":", ", ")
    awake.release()
    sentence = (
        f"While it records, this computer can be kept from: {what}." if is_kept else "Nothing can keep this computer awake."
    )
    yield Diagnosis("sleep", is_kept, sentence, "" if is_kept else "See to it that it does not sleep: lid, battery, settings.")
    yield from _disk(settings.sessions)


def encryption(path: Path, *, kind: str, system: Path = Path("/sys")) -> bool | None:
    """Whether what is written under `path` lies encrypted on its disk; None where that cannot be known.

    Args:
        path: a folder that is there.
        kind: its file system, as the kernel names it.
        system: where sysfs is mounted.
    """
    if kind in _ENCRYPTING:
        return True
    device = path.stat().st_dev
    block = system / "dev" / "block" / f"{os.major(device)}:{os.minor(device)}"
    if not block.exists():  # a network, memory, or a file system that spreads over several disks
        return None
    return _is_encrypted(block)


def _is_encrypted(block: Path) -> bool:
    """A device is encrypted when it, or everything that it is made of, is dm-crypt's (``dm/uuid`` begins with CRYPT-)."""
    uuid = block / "dm" / "uuid"
    if uuid.is_file() and uuid.read_text(encoding="ascii", errors="replace").startswith("CRYPT-"):
        return True
    parts = list((block / "slaves").glob("*"))
    return bool(parts) and all(_is_encrypted(part) for part in parts)


def _inputs() -> Diagnosis:
    """Asked in a process of its own, because a sound system can hang whoever asks it."""
    command = [sys.executable, "-P", "-m", "everyword", "inputs", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        hint = "Start the sound server again: systemctl --user restart pipewire pulseaudio"
        return Diagnosis("inputs", is_well=False, sentence="The sound system does not answer.", hint=hint)
    if "errors" in answer:
        (error,) = answer["errors"]
        return Diagnosis("inputs", is_well=False, sentence=error["message"], hint=error["hint"])
    names = [str(one["input"]) for one in answer["data"]]
    if not names:
        hint = "Connect a microphone, or record a file as if it were one: --input file:PATH"
        return Diagnosis("inputs", is_well=False, sentence="This computer has no sound input.", hint=hint)
    return Diagnosis("inputs", is_well=True, sentence=f"Sound inputs: {', '.join(names)}.")


def _disk(sessions: Path) -> Iterator[Diagnosis]:
    nearest = next(path for path in (sessions, *sessions.parents) if path.is_dir())
    space = os.statvfs(nearest)
    free = space.f_bavail * space.f_frsize
    sentence = f"Sessions are made in {sessions}, which has {free / 1e9:.0f} GB left."
    hint = "" if free >= SMALL_BYTES else "Free some space, or record elsewhere with --to FOLDER."
    yield Diagnosis("disk", free >= SMALL_BYTES, sentence, hint)
    place = place_of(nearest)
    if place.warning:
        yield Diagnosis("disk", is_well=False, sentence=place.warning, hint="Record on a disk of this computer.")
    secret = encryption(nearest, kind=place.kind)
    if secret is None:
        yield Diagnosis("encryption", is_well=False, sentence="Whether that disk is encrypted cannot be seen.", hint=_ENCRYPT)
    else:
        word = "is" if secret else "is not"
        yield Diagnosis("encryption", secret, f"That disk {word} encrypted.", "" if secret else _ENCRYPT)


_ENCRYPT = "Whoever takes the disk can hear the sessions: keep them on an encrypted one (LUKS)."
