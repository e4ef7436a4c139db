"""``ledger.jsonl``: what people and tools do after the seal, as a chain of its own.

Its first line names the session and the digest of the seal, which is also the chain's genesis: a ledger fits one sealed session.
"""

from collections.abc import Iterator

from everyword import journal
from everyword.digest import digest
from everyword.errors import CorruptFolder, SessionBusy
from everyword.folder import SessionFolder, disk_errors, locked
from everyword.journal import Chain, Line


def seal_digest(folder: SessionFolder) -> str:
    """The digest of ``seal.json``.  Raises `SessionBusy` while there is none."""
    if not folder.is_sealed:
        raise SessionBusy(f"{folder.path.name} is not sealed yet.")
    return digest(folder.seal.read_bytes())


def append(folder: SessionFolder, kind: str, *, by: str, **fields: object) -> Line:
    """Add one line under the ledger's lock and wait for the disk; returns it.

    Raises:
        SessionBusy: the session is not sealed, or the lock is held for too long.
        BrokenChain: the ledger is damaged; nothing is added to it.
        DiskTrouble: the disk refuses.
    """
    genesis = seal_digest(folder)
    with locked(folder.ledger), disk_errors(folder.ledger):
        if folder.ledger.exists():
            chain = Chain.resume(folder.ledger, genesis=genesis)
        else:
            chain = Chain.create(folder.ledger, genesis=genesis)
            chain.append("ledger", {"session": folder.read_session().id, "seal": genesis})
        line = chain.append(kind, {**fields, "by": by})
        chain.close()
    return line


def read(folder: SessionFolder) -> Iterator[Line]:
    """The ledger's lines in order, each checked; none when there is no ledger."""
    if folder.ledger.exists():
        yield from journal.read(folder.ledger, genesis=seal_digest(folder))


def current_run(folder: SessionFolder) -> str | None:
    """The run that the newest ``adopt`` line names, or None."""
    run: str | None = None
    for line in read(folder):
        if line["kind"] == "adopt":
            if not isinstance(line.get("run"), str):
                raise CorruptFolder(f"{folder.path.name}/ledger.jsonl, line {line['seq']}, adopts no run.")
            run = str(line["run"])
    return run
