"""Certificates to check and to tamper with, a time-stamp authority of our own, and what a forger does."""

import random
import shutil
import subprocess
import threading
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from archive.certificate import bundle, certify, timestamp
from archive.certificate.certify import Certificate
from archive.certificate.statement import Reviewer
from archive.certificate.timestamp import Wanted
from archive.review.coverage import Level
from everyword import checker, keyring, keys
from everyword.checker import Finding, Trust
from everyword.digest import canonical, digest, parse_canonical
from everyword.folder import SessionFolder
from everyword.keyring import Entry
from everyword.keys import KeySigner, Signer
from recorder.imports import import_files
from tests.archive import builders
from tests.archive.builders import RATE_HZ, TALKS

SECONDS = 62
PASSPHRASE = "correct horse"
REVIEWER = Reviewer("Anna Reed", "court reporter")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certified session, its bundle (a folder) and the key it is signed with."""

    home: Path
    folder: SessionFolder
    entry: Entry
    signer: Signer
    certificate: Certificate
    bundle: Path
    authority: "Authority"

    @property
    def trust(self) -> Trust:
        """Of somebody who was given the fingerprint, and knows the time-stamp authority."""
        return Trust(frozenset([self.entry.holder.public_key]), time_authorities=(self.authority.root,))

    def copy(self, to: Path) -> Path:
        """Another copy of the bundle."""
        return Path(shutil.copytree(self.bundle, to / self.bundle.name))


class Authority:
    """A complete time-stamp authority: a root and ``openssl ts``."""

    def __init__(self, folder: Path, *, name: str = "Test Authority") -> None:
        self.folder = folder
        self.root = folder / "ca.pem"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ts.cnf").write_text(_CONFIGURATION)
        (folder / "serial").write_text("01\n")
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self._run("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", f"/CN={name}")
        self._run("req", "-new", *new, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", f"/CN={name} Stamps")
        signed = [
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "365",
            "-extfile",
            "ts.cnf",
            "-extensions",
            "ext",
        ]
        self._run("x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", *signed)

    def answer(self, query: bytes) -> bytes:
        """The reply to one query."""
        (self.folder / "query.tsq").write_bytes(query)
        self._run("ts", "-reply", "-config", "ts.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
        return (self.folder / "reply.tsr").read_bytes()

    def vouch(self, request: bytes) -> bytes:
        """A certificate for somebody's key, and the authority's own."""
        (self.folder / "person.csr").write_bytes(request)
        self._run(
            "x509", "-req", "-in", "person.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "person.pem"
        )
        return (self.folder / "person.pem").read_bytes()

    @contextmanager
    def served(self, *, wrong: bytes | None = None) -> Iterator[str]:
        """Its address; `wrong` is what it answers instead of a token."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(authority.answer(query) if wrong is None else wrong)

            def log_message(self, *arguments: object) -> None:
                """Tests are quiet."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/"
            finally:
                server.shutdown()
                thread.join()

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


_CONFIGURATION = """[ tsa ]
default_tsa = one
[ one ]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
certs = ca.pem
ess_cert_id_alg = sha256
[ ext ]
extendedKeyUsage = critical,timeStamping
"""


def noise(path: Path, *, seconds: float = SECONDS, channels: int = 2, seed: int = 7) -> Path:
    """A file in which no second is like another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(random.Random(seed).randbytes(int(seconds * RATE_HZ) * 2 * channels))
    return path


def a_session(tmp_path: Path, *, seconds: float = SECONDS, title: str = "Round three") -> SessionFolder:
    """Two channels, two segments, four utterances, nothing reviewed."""
    home = tmp_path / "home"
    folder = import_files(
        [noise(tmp_path / "talks.wav", seconds=seconds)],
        parent=home / "sessions",
        home=home,
        title=title,
        operator="Test Operator",
        languages=("en", "ru", "uk"),
        roster=builders.DELEGATES,
        started_at_us=builders.NOON_US,
    )
    builders.add_run(folder, TALKS, home=home)
    return folder


def a_key(home: Path, name: str = "anna", holder: str = REVIEWER.name) -> tuple[Entry, Signer]:
    """A key of the ring, unlocked."""
    entry = keyring.create(home, name, holder=holder, passphrase=PASSPHRASE, made_at_us=1)
    return entry, keyring.unlock(home, name, PASSPHRASE)


def certified(
    folder: SessionFolder,
    entry: Entry,
    signer: Signer,
    *,
    home: Path,
    level: Level | None = None,
    has_authority: bool = False,
    reviewer: Reviewer = REVIEWER,
    formats: Sequence[str] = ("txt", "vtt"),
    pdf_authority: Callable[[bytes], bytes] | None = None,
) -> Certificate:
    """A certificate of the session as it is; without the formats that take a moment."""
    draft = certify.prepare(
        folder,
        reviewer,
        entry,
        home=home,
        level=level,
        formats=formats,
        has_authority=has_authority,
        signer=signer,
        pdf_authority=pdf_authority,
    )
    return certify.sign(folder, draft, signer, entry=entry, home=home, by="Test Operator")


def issue(tmp_path: Path) -> Issued:
    """Corrected, reviewed as a whole, certified at level C, stamped, and written as a bundle."""
    folder, home, authority = a_session(tmp_path), tmp_path / "home", Authority(tmp_path / "authority")
    builders.correct(folder, 4, to="That is not what was promised to us, Minister.")
    builders.review_all(folder)
    entry, signer = a_key(home)
    certificate = certified(folder, entry, signer, home=home, has_authority=True)
    stamp(folder, authority, home=home)
    path = bundle.write(folder, certificate, to=tmp_path / "out")
    return Issued(home, folder, entry, signer, certificate, path, authority)


def waiting(folder: SessionFolder) -> list[Wanted]:
    """What waits for a time stamp."""
    return [one for one in timestamp.wanted(folder) if one.state == "pending"]


def stamp(folder: SessionFolder, authority: Authority, *, home: Path) -> None:
    """Attach a token to whatever waits for one."""
    for one in waiting(folder):
        query = timestamp.request(one)
        key = keys.device_key(home)
        timestamp.attach(one, authority.answer(query.der), key=key, by="Test Operator", query=query)


def check(path: Path, trust: Trust | None = None) -> list[Finding]:
    """All findings, with the quicker signatures."""
    return list(checker.verify(path, trust, fits=keys.is_signed))


def outcome(findings: list[Finding]) -> int:
    """What `everyword verify` ends with."""
    return checker.exit_code(findings)


def relist(path: Path) -> None:
    """Both lists of a bundle as they would be for its files as they are: what anybody can do."""
    files = sorted(one for one in path.rglob("*") if one.is_file() and not one.is_symlink())
    names = {one.relative_to(path).as_posix(): digest(one.read_bytes()) for one in files}
    payload = {name: value for name, value in names.items() if name.startswith("data/")}
    (path / "manifest-sha256.txt").write_bytes(checker.write_listing(payload))
    retag(path)


def retag(path: Path) -> None:
    """``tagmanifest-sha256.txt`` as it would be for the files as they are."""
    files = [one for one in path.rglob("*") if one.is_file() and not one.is_relative_to(path / "data")]
    tags = {one.relative_to(path).as_posix(): digest(one.read_bytes()) for one in files}
    tags.pop("tagmanifest-sha256.txt", None)
    (path / "tagmanifest-sha256.txt").write_bytes(checker.write_listing(tags))


def restate(path: Path, **changes: object) -> None:
    """The statement with `changes`, its digests of payload and tags made to fit; the signature is left as it was."""
    relist(path)
    place = path / "certificate" / "manifest.json"
    listing = (path / "manifest-sha256.txt").read_bytes()
    names = checker.read_listing(listing)
    payload = {"digest": digest(listing), "files": len(names), "bytes": sum((path / name).stat().st_size for name in names)}
    tags = {name: digest((path / name).read_bytes()) for name in checker.SIGNED_TAGS}
    manifest = parse_canonical(place.read_bytes(), what="manifest") | {"payload": payload, "tags": tags} | changes
    place.write_bytes(canonical(manifest))
    retag(path)


def resign(path: Path, key: KeySigner, **changes: object) -> None:
    """As `restate`, then signed with a key: what only its holder can do."""
    signer = parse_canonical((path / "certificate" / "manifest.json").read_bytes(), what="manifest")["signer"]
    assert isinstance(signer, dict)
    (path / "certificate" / "signer.pub.pem").write_bytes(key.pem)
    restate(path, **{"signer": {**signer, "public_key": keys.fingerprint(key.pem)}, **changes})
    (path / "certificate" / "manifest.sig").write_bytes(key.sign((path / "certificate" / "manifest.json").read_bytes()))
    retag(path)
