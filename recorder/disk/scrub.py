"""Closed files of one path, looked at again as long as the recording lasts: nothing may change them any more.

Two looks, because all of it cannot be read every few seconds.  What a program changes through the file system changes the file's
times or size, and asking for those of every file costs nothing: such a file is read at once.  What a disk spoils by itself shows
only in what it gives back: a few megabytes a look are read from the disk itself, round and round.
"""

import contextlib
import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from everyword.digest import TAG
from everyword.folder import SessionFolder

PIECE_BYTES = 6 << 20
"""Read from the disk at each look, which comes every three seconds: 2 MiB a second keep no disk busy that can record."""

Mark = tuple[int, int, int, int]


@dataclass(slots=True)
class Scrub:
    """Finds a closed file that holds other bytes than it should, or is gone.

    Args:
        folder: the session here.
        digests: what each closed file must hold.
    """

    folder: SessionFolder
    digests: Mapping[str, str]
    _marks: dict[str, Mark] = field(default_factory=dict)
    _name: str = ""
    _at: int = 0
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def look(self, names: Collection[str]) -> str:
        """One look at the files `names`; the name of one that is not what it should be, or nothing.

        Raises:
            OSError: the disk refuses to be read.
        """
        for gone in self._marks.keys() - set(names):
            del self._marks[gone]
        for name in sorted(names):
            mark = self._mark(name)
            if mark is None or (mark != self._marks.get(name, mark) and self._digest(name) != self.digests[name]):
                return name
            self._marks[name] = mark
        return self._read_on(sorted(names))

    def expect(self, name: str) -> None:
        """This file is about to be read and found right: what changes it from now on is seen at the next look."""
        if mark := self._mark(name):
            self._marks[name] = mark

    def _mark(self, name: str) -> Mark | None:
        """None when the file is gone, and not its whole disk."""
        try:
            found = (self.folder.path / name).stat()
        except FileNotFoundError:
            if not self.folder.session_json.exists():
                raise
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _digest(self, name: str) -> str:
        with (self.folder.path / name).open("rb") as file:
            return TAG + hashlib.file_digest(file, "sha256").hexdigest()

    def _read_on(self, names: list[str]) -> str:
        """The next piece; at the end of a file its digest is compared, and the next one is begun."""
        if self._name not in names:
            following = [name for name in names if name > self._name]
            self._name, self._at, self._sha256 = (following or names or [""])[0], 0, hashlib.sha256()
        if not self._name:
            return ""
        descriptor = os.open(self.folder.path / self._name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):  # a file system that has no such memory
                os.posix_fadvise(descriptor, self._at, PIECE_BYTES, os.POSIX_FADV_DONTNEED)
            piece = os.pread(descriptor, PIECE_BYTES, self._at)
        finally:
            os.close(descriptor)
        self._sha256.update(piece)
        self._at += len(piece)
        if len(piece) == PIECE_BYTES:
            return ""
        name, is_right = self._name, TAG + self._sha256.hexdigest() == self.digests[self._name]
        self._name, self._at, self._sha256 = self._after(names), 0, hashlib.sha256()
        return "" if is_right else name

    def _after(self, names: list[str]) -> str:
        return next((name for name in names if name > self._name), names[0])
