"""``ledger.jsonl``: what people and tools do after the seal, as a chain of its own.

Its first line names the session and the digest of the seal, which is also the chain's genesis: a ledger fits one sealed session.
A chain shows that a line was changed, but anybody can chain the lines anew: so each line after the first is signed by the
computer that wrote it, and its signature covers `prev`.  Lines cut from the end leave no trace in the folder.
"""

from collections.abc import Iterator
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import journal, keys
from everyword.digest import canonical, digest
from everyword.errors import CorruptFolder, SessionBusy
from everyword.folder import SessionFolder, disk_errors, locked, sync_directory
from everyword.journal import Chain, Line


def seal_digest(folder: SessionFolder) -> str:
    """The digest of ``seal.json``.  Raises `SessionBusy` while there is none, `CorruptFolder` when it is gone."""
    if not folder.is_sealed:
        raise SessionBusy(f"{folder.path.name} is not sealed yet.")
    try:
        return digest(folder.seal.read_bytes())
    except OSError as error:
        raise CorruptFolder(f"{folder.path.name}/seal.json cannot be read: {error.strerror}.") from error


def append(folder: SessionFolder, kind: str, *, by: str, key: EllipticCurvePrivateKey, **fields: object) -> Line:
    """Add one line under the ledger's lock and wait for the disk; returns it.

    Args:
        folder: a sealed session.
        kind: what happened.
        by: who did it.
        key: of this computer, which signs the line.
        fields: what else the line says.

    Raises:
        SessionBusy: the session is not sealed, or the lock is held for too long.
        BrokenChain: the ledger is damaged; nothing is added to it.
        DiskTrouble: the disk refuses.
    """
    genesis = seal_digest(folder)
    with disk_errors(folder.ledger), locked(folder.ledger):
        if folder.ledger.exists():
            journal.move_unfinished_line(folder.ledger)
        start = Chain.resume if folder.ledger.exists() else Chain.create
        chain = start(folder.ledger, genesis=genesis)
        try:
            if not chain.count:
                sync_directory(folder.path)
                chain.append("ledger", {"session": folder.read_session().id, "seal": genesis})
            return chain.append(kind, {**fields, "by": by}, sign=partial(_signed, key))
        finally:
            chain.close()


def read(folder: SessionFolder, *, is_strict: bool = False) -> Iterator[Line]:
    """The ledger's lines in order, each checked; none when there is no ledger.

    A last line that a power cut left without its end is passed over, unless `is_strict`: then it is a `BrokenChain`.
    """
    if folder.ledger.exists():
        yield from (journal.read if is_strict else journal.read_finished)(folder.ledger, genesis=seal_digest(folder))


def signer(line: Line) -> str | None:
    """The fingerprint of the key that signed a line, or None.  Raises `CorruptFolder` when the signature does not fit."""
    if not line.keys() & {"public_key", "signature"}:
        return None
    pem, signature = str(line.get("public_key")).encode(), str(line.get("signature"))
    signed = {name: value for name, value in line.items() if name != "signature"}
    try:
        if bytes.fromhex(signature).hex() == signature and keys.is_signed(pem, bytes.fromhex(signature), canonical(signed)):
            return keys.fingerprint(pem)
    except ValueError:
        pass
    raise CorruptFolder(f"ledger.jsonl, line {_number(line)}: the signature does not fit.")


def current_run(folder: SessionFolder) -> str | None:
    """The run that the newest ``adopt`` line names, or None."""
    run: str | None = None
    for line in read(folder):
        if line["kind"] == "adopt":
            if not isinstance(line.get("run"), str):
                raise CorruptFolder(f"{folder.path.name}/ledger.jsonl, line {_number(line)}, adopts no run.")
            run = str(line["run"])
    return run


def _number(line: Line) -> int:
    """Of the line in its file, counted from 1 as editors do."""
    return int(str(line["seq"])) + 1


def _signed(key: EllipticCurvePrivateKey, line: Line) -> Line:
    """The signature covers everything else in the line, the public key too: no byte of it can have another spelling."""
    signed = {**line, "public_key": keys.public_pem(key).decode()}
    return {**signed, "signature": keys.sign(key, canonical(signed)).hex()}
