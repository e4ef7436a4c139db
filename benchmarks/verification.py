"""How long it takes to verify a long session, its bundle and an excerpt, beside what ``sha256sum`` needs for the same files.

Usage: python benchmarks/verification.py [--hours 8] [--rate-hz 16000] [--channels 1] [--folder DIR] [--repeat 3]

Makes a session of noise with an utterance every five seconds, certifies it (level M), and verifies the session folder, the
bundle as a folder and as a zip file with `everyword verify`, and the bundle with its own ``verify.py``.  Each is run `--repeat`
times with everything in the page cache, `sha256sum` before and behind it; the table has the medians of seconds and of the ratio,
and the largest resident set.  Then a 60 s excerpt: the bytes of its proof beyond the salts, and the time to verify it.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archive.certificate import bundle, certify
from archive.certificate.statement import Reviewer
from archive.disclosure import disclose
from archive.record import read_record
from everyword import __version__, checker, keyring, keys, ledger, run
from everyword.checker import Trust
from everyword.folder import SessionFolder
from everyword.model import Run, Span, Utterance, Word, to_json
from everyword.recording import read_recording
from recorder.imports import import_files

BLOCK = 1 << 20
MINUTE_S = 60


_STOPWATCH = """
import os, sys, time
started = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - started, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """One run of a command: seconds on the clock, largest resident set, exit code."""

    seconds: float
    resident_mb: float
    exit_code: int


def timed(command: Sequence[str], *, home: Path) -> Timing:
    """Run a command under a small process: a child's resident set begins with that of its parent."""
    environment = {**os.environ, "EVERYWORD_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _STOPWATCH, *command], env=environment, capture_output=True, text=True, check=True
    )
    seconds, resident_kb, exit_code = done.stdout.split()
    return Timing(float(seconds), int(resident_kb) / 1024, int(exit_code))


def a_session(folder: Path, *, hours: float, rate_hz: int, channels: int) -> SessionFolder:
    """Noise, imported; no second is like another."""
    path, home = folder / "noise.wav", folder / "home"
    chance, left = random.Random(1), int(hours * 3600 * rate_hz) * 2 * channels  # noqa: S311  (noise, no secret)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        while left > 0:
            file.writeframesraw(chance.randbytes(min(BLOCK, left)))
            left -= BLOCK
    session = import_files([path], parent=home / "sessions", home=home, title="Eight hours", operator="benchmark")
    path.unlink()
    add_run(session, home=home, rate_hz=rate_hz)
    return session


def add_run(session: SessionFolder, *, home: Path, rate_hz: int) -> None:
    """Invented words: an utterance of ten words every five seconds."""
    name, recording = run.start_run(session), read_recording(session)
    path, end = run.run_path(session, name), recording.end_frame(1)
    text = " the quick brown fox jumps over the lazy old dog"
    said, spans, frames = [], [], 5 * rate_hz
    for number, first in enumerate(range(0, end - frames, frames), 1):
        words = tuple(Word(word, first + place * frames // 10, frames // 10, 900_000) for place, word in enumerate(text.split()))
        said.append(Utterance(number, 1, 1, first, frames, "en", 990_000, None, text, words, 0))
    done = said[-1].first_frame + frames
    spans = [Span(1, 1, 0, done, "spoken"), Span(1, 1, done, end - done, "silent")]
    spans += [Span(1, track.number, 0, end, "silent") for track in recording.tracks[1:]]
    for file, values in ((run.READINGS, []), (run.UTTERANCES, said), (run.COVERAGE, spans), (run.QUARANTINE, [])):
        run.write_lines(path / file, [to_json(value) for value in values])
    seal = ledger.seal_digest(session)
    made = Run(name, recording.session.id, seal, 1, {"name": "nobody"}, {"name": "none"}, {"seed": 0}, run.list_files(path), 1, 0)
    run.write_run(session, made)
    run.sign_run(session, name, key=keys.device_key(home), by="benchmark")


def an_excerpt(session: SessionFolder, made: certify.Certificate, entry: keyring.Entry, *, home: Path, to: Path) -> Path:
    """A minute from the middle."""
    record = read_record(session)
    middle_us = record.duration_us // 2 // 1_000_000 * 1_000_000
    return disclose.clip(
        record,
        made,
        start_us=middle_us,
        end_us=middle_us + MINUTE_S * 1_000_000,
        entry=entry,
        signer=keyring.unlock(home, "bench", "benchmarks"),
        to=to,
    )


def report_excerpt(path: Path, entry: keyring.Entry) -> None:
    """Bytes of the proof, and the time to check it once the file is in the memory."""
    proof = json.loads((path / "data/audio/s1-c0.json").read_bytes())
    trust = Trust(frozenset([entry.holder.public_key]))
    times, code = [], -1
    for _ in range(9):
        started = time.perf_counter()
        code = checker.exit_code(list(checker.verify(path, trust, fits=keys.is_signed)))
        times.append(time.perf_counter() - started)
    size = 32 * len(proof["hidden"])
    sys.stdout.write(f"\n60 s excerpt: {size} bytes of proof, {len(proof['salts']) // 2} of salts; ")
    sys.stdout.write(f"verified in {1000 * statistics.median(times):.0f} ms (exit code {code})\n")


def files_of(path: Path) -> list[str]:
    """What ``sha256sum`` is to read: every file, or the zip file."""
    return [str(path)] if path.is_file() else [str(one) for one in sorted(path.rglob("*")) if one.is_file()]


def main() -> None:
    """Make everything, time everything, print a table."""
    reader = argparse.ArgumentParser()
    reader.add_argument("--hours", type=float, default=8)
    reader.add_argument("--rate-hz", type=int, default=16_000)
    reader.add_argument("--channels", type=int, default=1)
    reader.add_argument("--repeat", type=int, default=3)
    reader.add_argument("--folder", type=Path, help="where to make the session (removed afterwards)")
    options = reader.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        home = folder / "home"
        session = a_session(folder, hours=options.hours, rate_hz=options.rate_hz, channels=options.channels)
        entry = keyring.create(home, "bench", holder="Bench Mark", passphrase="benchmarks", made_at_us=1)  # noqa: S106
        signer = keyring.unlock(home, "bench", "benchmarks")
        reviewer = Reviewer("Bench Mark", "benchmark")
        draft = certify.prepare(session, reviewer, entry, home=home, formats=("txt",), signer=signer)
        made = certify.sign(session, draft, signer, entry=entry, home=home, by="benchmark")
        paths = [bundle.write(session, made, to=folder, as_zip=as_zip) for as_zip in (False, True)]
        excerpt = an_excerpt(session, made, entry, home=home, to=folder / "excerpt")
        ours = [sys.executable, "-m", "everyword", "--quiet", "verify"]
        fingerprint = ["--fingerprint", entry.holder.public_key]
        cases = {
            "everyword verify SESSION": (session.path, [*ours, str(session.path)]),
            "everyword verify BUNDLE/": (paths[0], [*ours, str(paths[0])]),
            "everyword verify BUNDLE.zip": (paths[1], [*ours, str(paths[1])]),
            "python3 BUNDLE/verify.py": (paths[0], [sys.executable, "-I", "-S", str(paths[0] / "verify.py"), *fingerprint]),
        }
        sys.stdout.write(
            f"{options.hours:g} h, {options.channels} channels, {options.rate_hz} Hz, 16 bits; everyword {__version__}, "
        )
        sys.stdout.write(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n")
        sys.stdout.write(f"{'':30}{'seconds':>9}{'sha256sum':>11}{'ratio':>8}{'MB':>7}  exit code\n")
        for what, (path, command) in cases.items():
            report(what, path, command, home=home, repeat=options.repeat)
        report_excerpt(excerpt, entry)


def report(what: str, path: Path, command: Sequence[str], *, home: Path, repeat: int) -> None:
    """One line of the table."""
    plain = ["sha256sum", *files_of(path)]
    timed(plain, home=home)
    rows = []
    for _ in range(repeat):
        before, found, behind = timed(plain, home=home), timed(command, home=home), timed(plain, home=home)
        rows.append((found, (before.seconds + behind.seconds) / 2))
    seconds = statistics.median(found.seconds for found, _ in rows)
    sums = statistics.median(sums for _, sums in rows)
    ratio = statistics.median(found.seconds / sums for found, sums in rows)
    resident = max(found.resident_mb for found, _ in rows)
    sys.stdout.write(f"{what:30}{seconds:9.2f}{sums:11.2f}{ratio:8.2f}{resident:7.0f}  {rows[0][0].exit_code}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
