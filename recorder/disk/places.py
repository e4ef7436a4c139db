"""Which kind of file system a recording is to be made on, and what it cannot do."""

from dataclasses import dataclass
from pathlib import Path

_FAT = frozenset({"vfat", "msdos", "exfat", "fat", "fuseblk", "ntfs", "ntfs3"})
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "glusterfs", "fuse.sshfs", "fuse.davfs", "davfs"}
)
_MEMORY = frozenset({"tmpfs", "ramfs"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder lies: the kind of file system as the kernel names it, and where it is mounted."""

    path: Path
    kind: str
    mounted_at: Path

    @property
    def warning(self) -> str:
        """One sentence when recording there has a catch; empty for a disk of this computer."""
        if self.kind in _FAT:
            return (
                f"{self.mounted_at} is {_name(self.kind)}: whoever has the disk can read everything on it, the salts too, "
                "and a power cut can damage more than the last second."
            )
        if self.kind in _NETWORK:
            return f"{self.mounted_at} is on the network ({self.kind}): when the connection breaks, so does the recording there."
        if self.kind in _MEMORY:
            return f"{self.mounted_at} is memory, not a disk ({self.kind}): what is recorded there is gone with the power."
        return ""


def place_of(path: Path, *, mountinfo: Path = Path("/proc/self/mountinfo")) -> Place:
    """The file system that `path` is on, or will be once it is made; of unknown kind where the system does not say.

    Args:
        path: need not exist.
        mountinfo: see proc(5).
    """
    absolute = path.absolute().resolve()
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return Place(path, "unknown", Path(absolute.anchor))
    best = Place(path, "unknown", Path(absolute.anchor))
    for line in lines:  # of two on the same point, the later one covers the earlier
        before, _, after = line.partition(" - ")
        point = Path(_unescaped(before.split(" ")[4]))
        if absolute.is_relative_to(point) and len(point.parts) >= len(best.mounted_at.parts):
            best = Place(path, after.split(" ")[0], point)
    return best


def _name(kind: str) -> str:
    return {"vfat": "FAT", "msdos": "FAT", "exfat": "exFAT", "fuseblk": "NTFS or exFAT", "ntfs3": "NTFS"}.get(kind, kind.upper())


def _unescaped(text: str) -> str:
    """Spaces and the like stand as octal numbers in mountinfo."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
