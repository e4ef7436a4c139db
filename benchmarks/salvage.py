"""How long it takes to make a session whole after its recorder died, and to seal one that ends in order.

Usage: python benchmarks/salvage.py [--hours 1] [--channels 2] [--rate 48000] [--to DIR]

Writes that much 24-bit sound (noise: nothing compresses it, nothing is sparse) with an anchor and a leaf a second, as a recording
does, drops it from the system's memory, and lets a new process find it: once abandoned in the middle of a segment, once with a
torn journal.  Then it writes the same again and measures the time from stop to seal.  ``read`` is what the process has read, of
every file, by the system's own count.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ulid import ULID

from everyword import keys
from everyword.folder import FORMAT, SessionFolder, create
from everyword.model import Input, Session
from everyword.verify import verdicts, verify_session
from recorder.disk.record import Record
from recorder.salvage import salvage

START_US = 1_700_000_000_000_000


def main() -> None:
    """Write, abandon, salvage, seal, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--channels", type=int, default=2)
    parser.add_argument("--rate", type=int, default=48_000)
    parser.add_argument("--to", type=Path, default=None, help="a folder on the disk to measure")
    parser.add_argument("--salvage", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.salvage:
        print(json.dumps(measured(SessionFolder(options.salvage))))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=options.to) as name:
        home, seconds = Path(name), round(options.hours * 3600) - 17  # the last segment is not full
        record = written(home, seconds=seconds, channels=options.channels, rate_hz=options.rate)
        size = sum(path.stat().st_size for path in record.folder.path.rglob("*.wav"))
        print(f"{options.hours:g} h, {options.channels} channels, {options.rate} Hz, 24 bit: {size / 1e9:.2f} GB of sound")
        before = sound(record.folder)
        for what in ("abandoned", "with a torn journal"):
            if what != "abandoned":
                os.truncate(record.folder.journal, record.folder.journal.stat().st_size - 100)
                for path in (record.folder.seal, record.folder.seal_signature):
                    path.unlink()
            forget(record.folder)
            command = [sys.executable, "-m", "benchmarks.salvage", "--salvage", str(record.folder.path)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(f"salvage, {what:<20} {found['s']:6.2f} s, {found['read_bytes'] / 1e6:8.1f} MB read")
        trusted = [keys.fingerprint(keys.public_pem(keys.device_key(home)))]
        print(f"bytes of sound changed: {sum(value != before[name] for name, value in sound(record.folder).items())}")
        print(f"integrity: {verdicts(verify_session(record.folder, trusted=trusted))[0]}")
        record = written(home, seconds=seconds, channels=options.channels, rate_hz=options.rate)
        read, started = bytes_read(), time.perf_counter()
        record.finish(reason="benchmark", origin="captured", key=keys.device_key(home))
        took = time.perf_counter() - started
        print(f"stop → sealed                 {took:6.2f} s, {(bytes_read() - read) / 1e6:8.1f} MB read")


def written(home: Path, *, seconds: int, channels: int, rate_hz: int) -> Record:
    """A session whose writer says nothing more."""
    session = Session(FORMAT, str(ULID()), "Benchmark", "", (), (), (), "captured", "", START_US, {})
    record = Record.begin(create(home / "sessions", session))
    source = Input("noise", "noise", "portaudio")
    tape = record.open_stream(source, rate_hz=rate_hz, channels=channels, sample_format="s24", detail={}, start_utc_us=START_US)
    second = os.urandom(rate_hz * channels * 3)
    for number in range(seconds):
        tape.write(second)
        at = {"boottime_us": number * 1_000_000, "monotonic_us": number * 1_000_000, "utc_us": START_US + number * 1_000_000}
        record.append("anchor", {"stream": 1, "frame": tape.frame, "clock": "synced", **at})
        record.sync()
    return record


def measured(folder: SessionFolder) -> dict[str, float]:
    """Salvage in this process."""
    read, started = bytes_read(), time.perf_counter()
    salvage(folder, home=folder.path.parent.parent)
    return {"s": time.perf_counter() - started, "read_bytes": bytes_read() - read}


def bytes_read() -> int:
    """What this process has read so far, of files and everything else."""
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


def forget(folder: SessionFolder) -> None:
    """Make the system drop the files from its memory."""
    os.sync()
    for path in folder.path.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sound(folder: SessionFolder) -> dict[str, str]:
    """Digest of the samples of every file."""
    return {path.name: hashlib.sha256(path.read_bytes()[1024:]).hexdigest() for path in folder.path.rglob("*.wav")}


if __name__ == "__main__":
    main()
