"""Time stamps (RFC 3161) over signatures: asked for when there is a network, attached beside what was signed.

A token says that a signature existed at its time or before; it never changes a signed byte.  What still wants one follows from
the folders; what became of each request stands in ``timestamps.jsonl`` under ``EVERYWORD_HOME``.
"""

import base64
import hashlib
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from archive.certificate import certify
from everyword import checker, ledger
from everyword.digest import canonical, digest
from everyword.errors import EverywordError, InvalidOption
from everyword.folder import SessionFolder, disk_errors, locked, sync_directory, write_new
from everyword.journal import now_us
from everyword.keys import tagged

State = Literal["none", "pending", "attached", "failed"]
LONGEST_ANSWER = 1 << 20
PATIENCE_S = 30
FILE_NAME = "timestamps.jsonl"


class TimestampFailed(EverywordError):
    """The authority gave no token that holds; the certificate stays without one and can be stamped later."""

    code = "timestamp-failed"
    default_hint = "Nothing was changed. `everyword timestamp` tries again."


@dataclass(frozen=True, slots=True)
class Wanted:
    """A signature that can carry a token: the session's seal, or a certificate; ``signature`` is its file."""

    folder: SessionFolder
    name: str
    signature: Path
    is_required: bool

    @property
    def token(self) -> Path:
        """Where the token goes."""
        return self.signature.with_name(f"{self.signature.name}.tsr")

    @property
    def state(self) -> State:
        """``none`` when nobody asked for one, ``pending`` or ``attached``; failures stand in the log."""
        return "attached" if self.token.exists() else "pending" if self.is_required else "none"


def wanted(folder: SessionFolder) -> list[Wanted]:
    """Every signature of a sealed session; the seal's needs no token, but may have one."""
    found = [Wanted(folder, "seal", folder.seal_signature, is_required=False)]
    for name in certify.names(folder):
        certificate = certify.read(folder, name)
        path = certificate.path / "certificate" / "manifest.sig"
        found.append(Wanted(folder, name, path, is_required=certificate.manifest["time"] == "required"))
    return found


@dataclass(frozen=True, slots=True)
class Query:
    """A request (DER) for one digest, and the number that its answer must repeat."""

    der: bytes
    nonce: int


def request(one: Wanted) -> Query:
    """A query for the signature's digest alone: nothing of the session leaves the computer.  It asks for certificates, too."""
    return _query(hashlib.sha256(one.signature.read_bytes()).digest())


def pdf_authority(url: str) -> Callable[[bytes], bytes]:
    """What `pages.sign_pdf` asks for a token over its signature: digest → token.  Raises `TimestampFailed` when asked."""

    def token(imprint: bytes) -> bytes:
        query = _query(imprint)
        answer, _ = _read_answer(ask(url, query), query)
        return checker.values(checker.values(answer)[0][1])[1][2]

    return token


def _query(imprint: bytes) -> Query:
    nonce = 1 << 62 | secrets.randbits(62)  # eight bytes, of which none may be left out: DER has one form
    algorithm = tagged(0x30, bytes.fromhex("0609608648016503040201") + b"\x05\x00")  # SHA-256
    stated = tagged(0x30, algorithm + tagged(0x04, imprint))
    number = tagged(0x02, nonce.to_bytes(8, "big"))
    return Query(tagged(0x30, b"\x02\x01\x01" + stated + number + b"\x01\x01\xff"), nonce)


def check_address(url: str) -> None:
    """Raises `InvalidOption` for what can be no address of an authority: said before anything is signed."""
    if not url.startswith(("http://", "https://")):
        raise InvalidOption(f"{url!r} is no address of a time-stamp authority.", hint="Such as https://…, with --tsa.")


def ask(url: str, query: Query) -> bytes:
    """Send a query.  Raises `TimestampFailed` when there is no network, or no answer that could be one."""
    check_address(url)
    sent = urllib.request.Request(url, data=query.der, headers={"Content-Type": "application/timestamp-query"})  # noqa: S310  (checked)
    try:
        with urllib.request.urlopen(sent, timeout=PATIENCE_S) as answer:  # noqa: S310  (checked above)
            data: bytes = answer.read(LONGEST_ANSWER)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise TimestampFailed(f"{url} cannot be reached: {getattr(error, 'reason', error)}.") from error
    return data


def attach(
    one: Wanted,
    answer: bytes,
    *,
    key: EllipticCurvePrivateKey,
    by: str,
    query: Query | None = None,
    roots: bytes = b"",
) -> int:
    """Check an answer and put it beside the signature; returns its time in seconds since 1970.

    Args:
        one: the signature.
        answer: what the authority sent.
        key: of this computer, for the line in the ledger.
        by: who attaches it.
        query: the request, whose nonce the answer must carry; None when it was asked for on another computer.
        roots: certificates (PEM) of authorities that are trusted; without any, the token must hold by itself.

    Raises:
        TimestampFailed: it is no token, not about this signature, refused, or does not hold.
    """
    if one.token.exists():
        raise InvalidOption(f"{one.name} has a time stamp already.")
    token, certificates = _read_answer(answer, query)
    signature = one.signature.read_bytes()
    try:
        imprint, seconds = checker.token_info(token)
    except (ValueError, IndexError) as error:
        raise TimestampFailed("The answer is not a time-stamp token.") from error
    if imprint != hashlib.sha256(signature).digest():
        raise TimestampFailed("The token is about something else than this signature.")
    if not checker.token_holds(token, signature, roots or certificates, certificates + roots, seconds):
        raise TimestampFailed("The token does not hold: its signature or its authority's certificate is not good.")
    beside = [] if one.name == "seal" else [("tsa-chain.pem", certificates + roots)]
    beside += [] if one.name == "seal" else [("TIME.txt", checker.time_text("manifest", seconds))]
    with disk_errors(one.token):
        for name, data in beside:
            (one.token.parent / name).unlink(missing_ok=True)  # of an attempt that was cut short
            write_new(one.token.parent / name, data)
        write_new(one.token, token)
        sync_directory(one.token.parent)
    ledger.append(one.folder, "timestamp.attach", by=by, key=key, object=one.name, token=digest(token), time_s=seconds)
    return seconds


def note(home: Path, one: Wanted, state: State, *, authority: str = "", reason: str = "") -> None:
    """Write down what became of a request."""
    line = {
        "at": now_us(),
        "session": one.folder.path.name.rpartition("-")[2],
        "object": one.name,
        "state": state,
        "authority": authority,
        "reason": reason,
    }
    path = home / FILE_NAME
    with disk_errors(path):
        home.mkdir(parents=True, exist_ok=True)
        with locked(path), path.open("ab") as file:
            file.write(canonical(line) + b"\n")


def notes(home: Path) -> Iterator[dict[str, Any]]:
    """What `note` wrote, oldest first; a last line without its end is passed over."""
    path = home / FILE_NAME
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        yield json.loads(line)


def _read_answer(answer: bytes, query: Query | None) -> tuple[bytes, bytes]:
    """(the answer, the certificates in it as PEM).  Raises `TimestampFailed`."""
    try:
        (_, status, _), *rest = checker.values(checker.values(answer)[0][1])
        _, number, _ = checker.values(status)[0]
        if number not in (b"\0", b"\1"):
            raise TimestampFailed(f"The authority refused (status {int.from_bytes(number, 'big')}).")
        signed = checker.values(checker.values(checker.values(rest[0][1])[1][1])[0][1])
        certificates = [whole for kind, bodies, _ in signed if kind == 0xA0 for _, _, whole in checker.values(bodies)]
        nonces = [body for tag, body, _ in checker.values(checker.token_body(answer))[5:] if tag == 0x02]
    except (ValueError, IndexError) as error:
        raise TimestampFailed("The answer is not a time-stamp token.") from error
    if query is not None and [int.from_bytes(nonce, "big") for nonce in nonces] != [query.nonce]:
        raise TimestampFailed("The answer carries another nonce: it is not the answer to this question.")
    return answer, b"".join(_pem(one) for one in certificates)


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
