"""A session on several paths: made there, made equal again, and put together after a crash.

Equal means byte for byte.  Nothing is deleted for it: bytes that must give way are moved to a folder beside the session first.
"""

import contextlib
import errno
import itertools
import os
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from everyword import journal
from everyword.errors import EverywordError, InvalidOption
from everyword.folder import SessionFolder, created_like, disk_errors, sync_directory
from everyword.recording import Recording, take
from everyword.segment import HEADER_BYTES
from recorder.disk.destination import RESERVE_BYTES, Differs, digest_of
from recorder.disk.lane import Lane
from recorder.disk.paths import Paths

PIECE_BYTES = 1 << 20
ROUNDS = 20
NEARLY_THERE_BYTES = 4 << 20
"""A round of copying that moved less than this is the last but one: what came meanwhile waits in memory."""

LATER = ("inbox.jsonl",)
"""Grows without us: it is made equal when the recording ends."""

_OWN = (".reserve", ".session.json")
"""Files of one path, no part of the session."""


def aside(folder: SessionFolder) -> Path:
    """Where bytes go that are not those of the other path; beside the session, because the session must be equal."""
    return folder.path.with_name(f".{folder.path.name}.aside")


@dataclass(frozen=True, slots=True)
class Known:
    """What need not be found out by reading.

    Args:
        limits: how far files go that still grow; None when nothing grows any more.
        digests: what closed files must hold: a source that does not hold it is not copied.
        verified: closed files of the target that are right; those that turn out to be are added.
        doubtful: from where on the target may show bytes that its disk does not have: they are written in any case.
        later: files that are left out.
        is_wanted: asked before each file; when it says no, the work is given up.
    """

    limits: Mapping[str, int] | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    doubtful: Mapping[str, int] = field(default_factory=dict)
    later: Collection[str] = ()
    is_wanted: Callable[[], bool] = lambda: True


def make_equal(source: SessionFolder, target: SessionFolder, known: Known) -> int:
    """Give `target` the bytes of `source`, each changed stretch waited for and read back; returns how many had to be written.

    The signature comes last: what is sealed is complete.

    Raises:
        OSError: one of the disks refuses.
        Differs: the source itself is not what it should be.
    """
    written, names = 0, set(files(source))
    for name in sorted(names - known.verified - set(known.later), key=lambda name: (name == source.seal_signature.name, name)):
        is_closed = name in known.digests
        if not known.is_wanted():
            raise InterruptedError(errno.EINTR, "the recording ends")
        if known.limits is not None and not is_closed and name.endswith(".wav") and name not in known.limits:
            continue  # begun a moment ago: it comes by itself
        if is_closed and _digest(source.path / name) != known.digests[name]:
            raise Differs(name, 0, (source.path / name).stat().st_size)
        if not is_closed or name in known.doubtful or _digest(target.path / name) != known.digests[name]:
            limit = None if is_closed or known.limits is None else known.limits.get(name)
            try:
                written += _copy(source, target, name, limit=limit, doubtful=known.doubtful.get(name))
            except OSError:
                with contextlib.suppress(OSError):  # all its bytes may be there, but nobody knows for how long
                    target.seal_signature.unlink(missing_ok=True)
                raise
        if is_closed:
            known.verified.add(name)
    for name in sorted(set(files(target)) - names - set(known.later)):
        _move_aside(target, name)
    return written


def files(folder: SessionFolder) -> Iterator[str]:
    """Every file that belongs to the session, as its relative name."""
    for path in folder.path.rglob("*"):
        name = folder.relative(path)
        if path.is_file() and name not in _OWN and not name.endswith((".lock", ".ring")):
            yield name


def check_mirrors(mirrors: Sequence[Path], *, beside: Path) -> None:
    """Try every mirror's place before anything is made.

    Raises:
        InvalidOption: two of the places are one.
        DiskTrouble: one of them cannot be written to.
    """
    places = [beside, *mirrors]
    if len({os.path.realpath(place) for place in places}) < len(places):
        raise InvalidOption("A mirror in the same folder is none.", hint="Give --mirror a folder on another disk.")
    for parent in mirrors:
        with disk_errors(parent, option="--mirror"):
            parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=parent) as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)


@contextlib.contextmanager
def mirrored(folder: SessionFolder, mirrors: Sequence[Path]) -> Iterator[None]:
    """Make and hold the session in each of the mirrors' places too.  Raises `DiskTrouble`."""
    with contextlib.ExitStack() as stack:
        for parent in mirrors:
            stack.enter_context(created_like(folder, parent))
        yield


def is_there(folder: SessionFolder) -> bool:
    """True when there is a session, and a disk that says so."""
    try:
        return folder.session_json.is_file()
    except OSError:
        return False


def answering(folders: Sequence[SessionFolder], *, timeout_s: float = 5.0) -> list[SessionFolder]:
    """Those whose disks answer: to look at one that hangs would hang whoever looks."""
    found: dict[int, SessionFolder] = {}

    def look(number: int) -> None:
        with contextlib.suppress(OSError):
            folders[number].path.stat()
            found[number] = folders[number]

    threads = [threading.Thread(target=look, args=(number,), daemon=True) for number in range(len(folders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout_s)
    return [found[number] for number in sorted(found)]


def catch_up(paths: Paths, lane: Lane, source: Lane) -> None:
    """Make a lane that was ill equal to one in service while the recording goes on, and put it into service again.

    A round of copying after another, each shorter, until what is left can wait in memory.
    """
    target = lane.destination
    if not is_there(target.folder):
        raise FileNotFoundError(errno.ENOENT, "it is not there", str(target.folder.path))
    doubtful = {name: target.confirmed_bytes(name) for name in target.lengths if name not in target.verified}
    target.forget()
    limits = dict(source.destination.lengths)
    known = Known(limits, paths.digests, target.verified, doubtful, LATER, lambda: not lane.is_ending)
    for _ in range(ROUNDS):
        if make_equal(source.folder, target.folder, known) < NEARLY_THERE_BYTES:
            break
        known = replace(known, limits=dict(source.destination.lengths), doubtful={})
    with _joined(paths, lane) as limits:
        source.call(source.destination.look_again, timeout_s=10)  # by now it has done all that was ordered before
        make_equal(source.folder, target.folder, replace(known, limits=limits, doubtful={}))
        target.lengths.update(limits)


@contextlib.contextmanager
def _joined(paths: Paths, lane: Lane) -> Iterator[dict[str, int]]:
    with contextlib.ExitStack() as stack:
        with paths.lock:
            stack.enter_context(lane.return_to_service())
            limits = dict(paths.lengths)
        yield limits


@dataclass(frozen=True, slots=True)
class Copy:
    """One path after a crash: the journal as far as it can be believed, and how much sound there is."""

    folder: SessionFolder
    recording: Recording
    intact: journal.Intact
    sound_bytes: int


def others(folder: SessionFolder) -> list[SessionFolder]:
    """The same session on its other paths, as far as they are there now; the journal names them."""
    found = []
    for name in _named(folder):
        other = SessionFolder(Path(name))
        with contextlib.suppress(EverywordError, OSError):
            is_same = other.path.samefile(folder.path)
            if not is_same and other.genesis() == folder.genesis() and other.read_seed() == folder.read_seed():
                found.append(other)
    return found


def _named(folder: SessionFolder) -> list[str]:
    """What the journal's ``paths`` line says, which is its second; nothing when it is not there."""
    with contextlib.suppress(EverywordError, OSError):
        for line in itertools.islice(journal.read(folder.journal, genesis=folder.genesis()), 2):
            names = line.get("paths")
            if line["kind"] == "paths" and isinstance(names, list):
                return [str(name) for name in names]
    return []


def put_together(folders: Sequence[SessionFolder]) -> list[Copy]:
    """After a crash: the copies, the one that knows most first, with all sound that any of them has.

    The longest valid journal wins.  A file of sound that is longer elsewhere, and begins with the same bytes, is continued from
    there.  The other paths are not touched.
    """
    copies = sorted(map(read_copy, folders), key=lambda copy: (copy.intact.size, copy.sound_bytes), reverse=True)
    best = copies[0]
    closed = {segment.path for segment in best.recording.segments}
    for other in copies[1:]:
        for name in sorted(name for name in files(other.folder) if name.endswith(".wav") and name not in closed):
            _continue(best.folder, other.folder, name)
    return copies


def confirmed(best: Copy, other: Copy) -> set[str]:
    """Closed files that are the same on both: a path's own journal names one only after its disk had confirmed it."""
    return {
        segment.path
        for segment in set(best.recording.segments) & set(other.recording.segments)
        if (other.folder.path / segment.path).exists()
        and (other.folder.path / segment.path).stat().st_size == (best.folder.path / segment.path).stat().st_size
    }


def read_copy(folder: SessionFolder) -> Copy:
    """What is there.  Raises `CorruptFolder` when ``session.json`` is damaged."""
    recording = Recording(folder, folder.read_session())
    intact = journal.read_intact(folder.journal, genesis=folder.genesis(), take=partial(take, recording))
    sound = sum(path.stat().st_size for path in folder.path.glob("audio/*/*.wav"))
    return Copy(folder, recording, intact, sound)


def _continue(best: SessionFolder, other: SessionFolder, name: str) -> None:
    """Append what only the other path has of a file."""
    ours, theirs = best.path / name, other.path / name
    size = ours.stat().st_size if ours.exists() else 0
    if theirs.stat().st_size <= size or not _is_beginning(ours, theirs):
        return
    ours.parent.mkdir(parents=True, exist_ok=True)
    with ours.open("ab") as out, theirs.open("rb") as more:
        more.seek(size)
        while piece := more.read(PIECE_BYTES):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    for directory in ours.parents[: len(Path(name).parts)]:
        sync_directory(directory)


def _is_beginning(ours: Path, theirs: Path) -> bool:
    """Whether one file is how the other begins; the sizes in a header grow, and do not count."""
    if not ours.exists():
        return True
    with ours.open("rb") as one, theirs.open("rb") as other:
        one.seek(HEADER_BYTES)
        other.seek(HEADER_BYTES)
        while piece := one.read(PIECE_BYTES):
            if other.read(len(piece)) != piece:
                return False
    return True


def _copy(source: SessionFolder, target: SessionFolder, name: str, *, limit: int | None, doubtful: int | None) -> int:
    """One file, only where it differs (and from `doubtful` on in any case); what it held there is kept aside."""
    there, here = source.path / name, target.path / name
    here.parent.mkdir(parents=True, exist_ok=True)
    is_new, total = not here.exists(), 0
    descriptor = os.open(here, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, there.stat().st_mode & 0o777)
    try:
        for at, piece in _pieces(there, limit):
            old = os.pread(descriptor, len(piece), at)
            first = _first_difference(old, piece)
            news = first
            if name.endswith(".wav") and at + first < HEADER_BYTES <= len(old):  # a header's sizes follow from the rest
                news = HEADER_BYTES + _first_difference(old[HEADER_BYTES:], piece[HEADER_BYTES:])
            if news < len(old):
                _keep(target, name, at + news, old[news:])
            if doubtful is not None and at + len(piece) > doubtful:
                first = 0
            _write_whole(descriptor, piece[first:], at + first)
            total += len(piece) - first
        end = _end(there, limit)
        size = os.fstat(descriptor).st_size
        if size > end:
            _keep(target, name, end, os.pread(descriptor, size - end, end))
            os.ftruncate(descriptor, end)
        if is_new or size != end or total:
            _confirm(descriptor, there, end, name)
    finally:
        os.close(descriptor)
    if is_new:
        for directory in here.parents[: len(Path(name).parts)]:
            sync_directory(directory)
    return total


def _pieces(path: Path, limit: int | None) -> Iterator[tuple[int, bytes]]:
    at = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES if limit is None else min(PIECE_BYTES, limit - at)):
            yield at, piece
            at += len(piece)


def _end(path: Path, limit: int | None) -> int:
    size = path.stat().st_size
    return size if limit is None else min(size, limit)


def _confirm(descriptor: int, source: Path, end: int, name: str) -> None:
    """Wait for the disk, and read back from it."""
    os.fsync(descriptor)
    with contextlib.suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    for at, piece in _pieces(source, end):
        if os.pread(descriptor, len(piece), at)[HEADER_BYTES if not at else 0 :] != piece[HEADER_BYTES if not at else 0 :]:
            raise Differs(name, at, len(piece))


def _first_difference(old: bytes, new: bytes) -> int:
    """How many bytes are the same at the beginning of both."""
    same, rest = 0, min(len(old), len(new))
    if old[:rest] == new[:rest]:
        return rest
    while rest > 1:
        half = rest // 2
        if old[same : same + half] == new[same : same + half]:
            same, rest = same + half, rest - half
        else:
            rest = half
    return same


def _keep(target: SessionFolder, name: str, at: int, data: bytes) -> None:
    if not data:
        return
    path = _free_name(aside(target) / f"{name}.at-{at}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def _move_aside(target: SessionFolder, name: str) -> None:
    path = _free_name(aside(target) / name)
    path.parent.mkdir(parents=True, exist_ok=True)
    (target.path / name).rename(path)
    sync_directory(path.parent)
    sync_directory((target.path / name).parent)


def _free_name(path: Path) -> Path:
    candidates = (path if not number else path.with_name(f"{path.name}.{number}") for number in range(10_000))
    return next(candidate for candidate in candidates if not candidate.exists())


def _digest(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return digest_of(file.fileno())


def _write_whole(descriptor: int, data: bytes, at: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], at + done)
