"""A run in the making: what has been read reaches the disk batch by batch, and a run that was cut off is taken up again.

``manifest.json`` says what the run was begun with; a later call with the same takes it up.  ``unfinished.jsonl`` holds the
attempts at each window as they were made, in whatever order the workers were done, each line with its own digest; it goes when
``run.json`` lists the files made from it.
"""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from everyword import ledger
from everyword import run as runs
from everyword.digest import canonical, file_digest, parse_canonical
from everyword.errors import CorruptFolder, EverywordError
from everyword.folder import SessionFolder, disk_errors, sync_directory, write_new
from everyword.journal import now_us
from everyword.model import Run, Track, Transcript
from transcribe.reading.attempts import Attempt
from transcribe.record.lines import from_line, to_line
from transcribe.sound.windows import Window

MANIFEST = "manifest.json"
COMPLETE = -1


class Kept(NamedTuple):
    """A window that was read, and the bytes of ``unfinished.jsonl`` that hold the attempts at it."""

    window: Window
    offset: int
    size: int


Index = dict[tuple[int, int], dict[int, Kept]]
"""(stream, track) → number of the window → where it is kept."""


@dataclass(slots=True)
class Begun:
    """A run that this process holds; `keep` may be called from several threads.

    What was read is on the disk and nowhere else: a session of any length takes the memory of its words.
    """

    folder: SessionFolder
    name: str
    started_at_us: int
    index: Index
    descriptor: int
    """Of ``unfinished.jsonl``; `COMPLETE` where that is not needed any more."""

    size: int = 0
    lock: Lock = field(default_factory=Lock)

    @property
    def path(self) -> Path:
        """Where the files of the run are."""
        return runs.run_path(self.folder, self.name)

    @property
    def is_complete(self) -> bool:
        """True when an earlier process had written every file, and died before the run was signed or adopted."""
        return self.descriptor == COMPLETE

    def windows(self, track: Track) -> list[Window]:
        """Those that have been read, by this process or an earlier one."""
        return [one.window for one in self.index.get((track.stream, track.number), {}).values()]

    def attempts(self, track: Track, window: Window) -> list[Attempt]:
        """What was made of a window that has been read.

        Raises:
            CorruptFolder: the file is not what was written.
        """
        kept = self.index[track.stream, track.number][window.number]
        return from_line(os.pread(self.descriptor, kept.size, kept.offset))[2]

    def keep(self, track: Track, groups: Sequence[list[Attempt]]) -> None:
        """Append a batch and wait for the disk.  Raises `DiskTrouble` when it refuses."""
        lines = [to_line(track, group) for group in groups]
        with self.lock, disk_errors(self.path / runs.UNFINISHED):
            try:
                self._append(b"".join(lines))
            except BaseException:
                os.ftruncate(self.descriptor, self.size)  # or the half of a line would hide what other threads append
                raise
            for group, line in zip(groups, lines, strict=True):
                self.note(track.stream, track.number, Kept(group[0].window, self.size, len(line)))

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]
        os.fdatasync(self.descriptor)

    def note(self, stream: int, track: int, kept: Kept) -> None:
        """Remember where the next line is; a window that was read again is where it was written last."""
        self.index.setdefault((stream, track), {})[kept.window.number] = kept
        self.size += kept.size

    def complete(self) -> None:
        """Everything that was read stands in the files that ``run.json`` lists."""
        with disk_errors(self.path):
            (self.path / runs.UNFINISHED).unlink(missing_ok=True)
            sync_directory(self.path)

    def refuse_strange(self, own: Collection[str]) -> None:
        """Nothing that somebody put beside the files of a run may be signed with them.  Raises `CorruptFolder`."""
        strange = sorted({one.name for one in self.path.iterdir()} - {MANIFEST, runs.RUN_JSON, *runs.NOT_SIGNED, *own})
        if strange:
            raise CorruptFolder(
                f"transcripts/{self.name} holds {strange[0]!r}, which Everyword did not write.",
                hint="Move it out of there, then run the same command again: what was read is kept.",
            )


@contextmanager
def begin(
    folder: SessionFolder, manifest: Mapping[str, object], *, is_right: Callable[[Run, int], bool] = lambda *_: True
) -> Iterator[Begun]:
    """The newest unfinished run with this manifest that no other process holds, else a new one.

    A new one takes the place of one that ended before it had begun: killed before it could say with what.

    Args:
        folder: a sealed session.
        manifest: what decides the text.
        is_right: of what ``run.json`` says of a run that is not signed yet, and of when it was begun: whether it says what its
            files make it say.  A run of which it does not is made anew.

    Raises:
        DiskTrouble: the disk refuses.
    """
    with ExitStack() as stack:
        with disk_errors(folder.transcripts):
            begun = _begun(folder, manifest, is_right, stack)
        yield begun


def _begun(
    folder: SessionFolder, manifest: Mapping[str, object], is_right: Callable[[Run, int], bool], stack: ExitStack
) -> Begun:
    open_runs = _open_runs(folder)
    for name in open_runs:
        started = _take(folder, name, manifest, stack)
        if started is None or name not in _open_runs(folder):  # another process has finished it before it was ours
            continue
        whole = _whole(folder, name)
        if whole is not None and (name in runs.signed_runs(folder) or is_right(whole.run, started)):
            return Begun(folder, name, started, {}, COMPLETE)
        return _opened(folder, name, started, stack)
    name, started = _new_run(folder, open_runs, stack), now_us()
    path = runs.run_path(folder, name)
    write_new(path / runs.UNFINISHED, b"")
    write_new(path / MANIFEST, canonical({**manifest, "started_at_us": started}))
    sync_directory(path)
    return _opened(folder, name, started, stack)


def _opened(folder: SessionFolder, name: str, started_at_us: int, stack: ExitStack) -> Begun:
    """Files are made from ``unfinished.jsonl``, or from the sound if that is gone; what said that they are whole goes."""
    path = runs.run_path(folder, name) / runs.UNFINISHED
    (path.parent / runs.RUN_JSON).unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    stack.callback(os.close, descriptor)
    begun = Begun(folder, name, started_at_us, {}, descriptor)
    _find(path, begun)
    os.ftruncate(descriptor, begun.size)
    return begun


def _open_runs(folder: SessionFolder) -> list[str]:
    """Those that are not done, the newest first.

    A process that dies between the last two lines of the ledger leaves one that is signed and whole, and that nobody adopted.
    """
    names, signed, current = runs.run_names(folder), runs.signed_runs(folder), ledger.current_run(folder)
    return [name for name in reversed(names) if name not in signed or (current is None and _waits_for_adoption(folder, name))]


def _waits_for_adoption(folder: SessionFolder, name: str) -> bool:
    found = _whole(folder, name)
    return found is not None and runs.is_adoptable(found)


def _whole(folder: SessionFolder, name: str) -> Transcript | None:
    """What a run holds, if ``run.json`` is there and lists its files as they are, and is not another than was signed."""
    try:
        found = runs.read_transcript(folder, name)
    except (EverywordError, ValueError):
        return None
    written = file_digest(runs.run_path(folder, name) / runs.RUN_JSON)
    return found if runs.signed_runs(folder).get(name, written) == written else None


def _take(folder: SessionFolder, name: str, manifest: Mapping[str, object], stack: ExitStack) -> int | None:
    """When the run was begun, if it was begun with this manifest and is now ours."""
    path = runs.run_path(folder, name) / MANIFEST
    try:
        found = parse_canonical(path.read_bytes(), what=f"{name}/{MANIFEST}")
    except (OSError, CorruptFolder):  # of an older version, or cut off before it was whole: nothing was read yet
        return None
    started = found.pop("started_at_us", None)
    same = canonical(found) == canonical(dict(manifest)) and isinstance(started, int)
    return int(str(started)) if same and _lock(path.parent, stack) else None


def _new_run(folder: SessionFolder, open_runs: Sequence[str], stack: ExitStack) -> str:
    """An empty run folder that is ours: one that a process left before it had begun, or a new one."""
    for name in open_runs:
        path = runs.run_path(folder, name)
        with ExitStack() as held:
            if _is_stillborn(path) and _lock(path, held) and _is_stillborn(path):
                for left in path.iterdir():
                    left.unlink()
                stack.enter_context(held.pop_all())
                return name
    while True:
        name = runs.start_run(folder)
        if _lock(runs.run_path(folder, name), stack):  # else another process took it for one that was left
            return name


def _is_stillborn(path: Path) -> bool:
    """True when the run has no whole manifest, and nothing was read for it.  Another process may be at it meanwhile."""
    try:
        sizes = {one.name: one.stat().st_size for one in path.iterdir()}
        manifest = (path / MANIFEST).read_bytes() if MANIFEST in sizes else b""
    except OSError:  # a file is gone since
        return False
    try:
        parse_canonical(manifest, what=MANIFEST)
    except CorruptFolder:
        return sizes.keys() <= {MANIFEST, runs.UNFINISHED} and not sizes.get(runs.UNFINISHED)
    return False


def _lock(path: Path, stack: ExitStack) -> bool:
    """The system's own lock, of the folder of a run: it ends with its process."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _find(path: Path, begun: Begun) -> None:
    """All whole lines.  One that is damaged, and the rest of one that was torn off in writing, are read anew from the sound."""
    with path.open("rb") as file:
        for raw in file:
            try:
                stream, track, attempts = from_line(raw)
            except CorruptFolder:
                begun.size += len(raw) if raw.endswith(b"\n") else 0
            else:
                begun.note(stream, track, Kept(attempts[0].window, begun.size, len(raw)))
