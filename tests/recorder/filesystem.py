"""A file system in memory that does as it is told: ``python -m tests.recorder.filesystem MOUNTPOINT``.

It takes orders as lines of JSON on stdin and answers each with one on stdout; see `tests.recorder.disk`.  Of every file and every
directory it keeps two states: what a program sees, and what a power cut would leave, which is what was there at the last
``fsync`` of that file or that directory.
"""

import errno
import json
import os
import random
import stat
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mfusepy  # type: ignore[import-untyped]

from tests.recorder.disk import let_go


@dataclass(slots=True)
class _File:
    mode: int
    data: bytearray = field(default_factory=bytearray)
    kept: bytes = b""
    since: list[tuple[int, bytes]] = field(default_factory=list)

    def sync(self) -> None:
        self.kept, self.since = bytes(self.data), []

    def forget(self) -> None:
        self.data, self.since = bytearray(self.kept), []

    def after_cut(self, chance: random.Random | None) -> bytes:
        left = bytearray(self.kept)
        for at, data in self.since:
            if chance is None or chance.random() < 0.5:
                continue
            part = data[: chance.randint(0, len(data))] if chance.random() < 0.3 else data
            left.extend(bytes(max(0, at + len(part) - len(left))))
            left[at : at + len(part)] = part
        return bytes(left)


@dataclass(slots=True)
class _Directory:
    mode: int
    entries: dict[str, "_File | _Directory"] = field(default_factory=dict)
    kept: dict[str, "_File | _Directory"] = field(default_factory=dict)

    def sync(self) -> None:
        self.kept = dict(self.entries)

    def leave(self, to: Path, chance: random.Random | None) -> None:
        to.mkdir(parents=True, exist_ok=True)
        for name, node in self.kept.items():
            if isinstance(node, _Directory):
                node.leave(to / name, chance)
            else:
                (to / name).write_bytes(node.after_cut(chance))
                (to / name).chmod(node.mode & 0o777)


class Tree(mfusepy.Operations):  # type: ignore[misc]
    """Single-threaded: while one operation waits, everything does, as with a disk."""

    use_ns = True

    def __init__(self) -> None:
        self.root = _Directory(stat.S_IFDIR | 0o755)
        self.handles: dict[int, _File] = {}
        self.counts: dict[str, int] = {}
        self.faults: dict[str, tuple[int, int, bool]] = {}
        self.stalled_until = 0.0
        self.limit = 1 << 40
        self.guard = threading.RLock()

    def _pass(self, operation: str) -> None:
        while (left := self.stalled_until - time.monotonic()) > 0:
            time.sleep(min(left, 0.02))
        self.counts[operation] = self.counts.get(operation, 0) + 1
        after, code, lasting = self.faults.get(operation, (-1, 0, False))
        if after == 0:
            if not lasting:
                del self.faults[operation]
            raise mfusepy.FuseOSError(code)
        if after > 0:
            self.faults[operation] = (after - 1, code, lasting)

    def _find(self, path: str) -> "_File | _Directory":
        node: _File | _Directory = self.root
        for name in [part for part in path.split("/") if part]:
            if not isinstance(node, _Directory) or name not in node.entries:
                raise mfusepy.FuseOSError(errno.ENOENT)
            node = node.entries[name]
        return node

    def _parent(self, path: str) -> tuple[_Directory, str]:
        parent, _, name = path.rpartition("/")
        node = self._find(parent)
        assert isinstance(node, _Directory)
        return node, name

    def _used(self) -> int:
        def size(node: _File | _Directory) -> int:
            return len(node.data) if isinstance(node, _File) else sum(map(size, node.entries.values()))

        return size(self.root)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        self._pass("getattr")
        with self.guard:
            node = self.handles[fh] if fh in self.handles else self._find(path)
            size = len(node.data) if isinstance(node, _File) else 0
            return {"st_mode": node.mode, "st_size": size, "st_nlink": 1, "st_uid": os.getuid(), "st_gid": os.getgid()}

    def readdir(self, path: str, fh: int) -> list[str]:
        with self.guard:
            node = self._find(path)
            assert isinstance(node, _Directory)
            return [".", "..", *node.entries]

    def mkdir(self, path: str, mode: int) -> int:
        self._pass("write")
        with self.guard:
            parent, name = self._parent(path)
            parent.entries[name] = _Directory(stat.S_IFDIR | mode)
        return 0

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        self._pass("write")
        with self.guard:
            parent, name = self._parent(path)
            parent.entries[name] = _File(stat.S_IFREG | mode)
        return self._opened(parent.entries[name])

    def open(self, path: str, flags: int) -> int:
        with self.guard:
            return self._opened(self._find(path))

    def _opened(self, node: "_File | _Directory") -> int:
        assert isinstance(node, _File)
        number = max(self.handles, default=0) + 1
        self.handles[number] = node
        return number

    def release(self, path: str, fh: int) -> int:
        self.handles.pop(fh, None)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._pass("read")
        with self.guard:
            return bytes(self.handles[fh].data[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._pass("write")
        with self.guard:
            node = self.handles[fh]
            grown = max(0, offset + len(data) - len(node.data))
            if grown and self._used() + grown > self.limit:
                raise mfusepy.FuseOSError(errno.ENOSPC)
            node.data.extend(bytes(grown))
            node.data[offset : offset + len(data)] = data
            node.since.append((offset, bytes(data)))
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        self._pass("write")
        with self.guard:
            node = self.handles[fh] if fh in self.handles else self._find(path)
            assert isinstance(node, _File)
            del node.data[length:]
            node.data.extend(bytes(length - len(node.data)))
        return 0

    def unlink(self, path: str) -> int:
        with self.guard:
            parent, name = self._parent(path)
            del parent.entries[name]
        return 0

    rmdir = unlink

    def rename(self, old: str, new: str) -> int:
        self._pass("write")
        with self.guard:
            parent, name = self._parent(old)
            target, new_name = self._parent(new)
            target.entries[new_name] = parent.entries.pop(name)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        try:
            self._pass("fsync")
        except mfusepy.FuseOSError:
            with self.guard:  # what could not be written is forgotten, and a second fsync will succeed: so some systems do it
                self.handles[fh].forget()
            raise
        with self.guard:
            self.handles[fh].sync()
        return 0

    def opendir(self, path: str) -> int:
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._pass("fsync")
        with self.guard:
            self._find(path).sync()
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        left = max(0, self.limit - self._used()) // 4096
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": self.limit // 4096, "f_bfree": left, "f_bavail": left}

    def fallocate(self, path: str, mode: int, offset: int, length: int, fh: int) -> int:
        self._pass("write")
        with self.guard:
            node = self.handles[fh]
            if self._used() + max(0, offset + length - len(node.data)) > self.limit:
                raise mfusepy.FuseOSError(errno.ENOSPC)
            node.data.extend(bytes(max(0, offset + length - len(node.data))))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        self._find(path).mode = mode
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        return 0


def main() -> None:
    """Serve until unmounted or killed."""
    tree = Tree()
    threading.Thread(target=_obey, args=(tree,), daemon=True).start()
    mfusepy.FUSE(tree, sys.argv[1], foreground=True, nothreads=True, attr_timeout=0, entry_timeout=0)


def _obey(tree: Tree) -> None:
    for line in sys.stdin:
        order, answer = json.loads(line), {}
        if order["do"] == "stall":
            tree.stalled_until = time.monotonic() + order["seconds"]
        else:
            with tree.guard:
                answer = _carry_out(tree, order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    let_go(Path(sys.argv[1]))  # the test is gone
    os._exit(0)


def _carry_out(tree: Tree, order: dict[str, Any]) -> dict[str, int]:
    match order["do"]:
        case "fail":
            tree.faults[order["operation"]] = (order["after"], order["code"], order["lasting"])
        case "heal":
            tree.faults.clear()
            tree.stalled_until = 0.0
        case "limit":
            tree.limit = order["bytes"]
        case "flip":
            node = tree._find(order["path"])
            assert isinstance(node, _File)
            node.data[order["at"]] ^= 1
        case "cut":
            chance = None if order["seed"] is None else random.Random(order["seed"])
            tree.root.leave(Path(order["to"]), chance)
        case "count":
            return dict(tree.counts)
    return {}


if __name__ == "__main__":
    main()
