"""``archive-log.jsonl``: every certificate this computer has issued, as a chain.

Each certificate carries the head of this chain as it was before: who has seen a later head sees that an archive was set back.
"""

from pathlib import Path

from everyword import journal
from everyword.digest import digest
from everyword.folder import disk_errors, locked
from everyword.journal import Chain

FILE_NAME = "archive-log.jsonl"


def checkpoint(home: Path, *, device: str) -> dict[str, object]:
    """Who keeps the log (the computer's key), how many lines it has and the digest of the last.

    Raises:
        BrokenChain: the log is damaged.
    """
    path, head, count = home / FILE_NAME, _genesis(device), 0
    if path.exists():
        with disk_errors(path), locked(path):
            chain = Chain.resume(path, genesis=head)
            head, count = chain.head, chain.count
            chain.close()
    return {"id": device, "count": count, "head": head}


def append(home: Path, *, device: str, session: str, revision: int, manifest: str) -> None:
    """Note a certificate and wait for the disk.  Raises `BrokenChain`, `DiskTrouble`, `SessionBusy`."""
    path = home / FILE_NAME
    with disk_errors(path):
        home.mkdir(parents=True, exist_ok=True)
    with disk_errors(path), locked(path):
        if path.exists():
            journal.move_unfinished_line(path)
            chain = Chain.resume(path, genesis=_genesis(device))
        else:
            chain = Chain.create(path, genesis=_genesis(device))
        try:
            chain.append("certificate", {"session": session, "revision": revision, "manifest": manifest})
        finally:
            chain.close()


def _genesis(device: str) -> str:
    return digest(device.encode())
