"""The session folder, format 1: the only module that knows its file names.

docs/reference/session-format.md describes every byte.
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from everyword.digest import canonical, digest, parse_canonical
from everyword.errors import (
    CorruptFolder,
    DiskTrouble,
    SessionAmbiguous,
    SessionBusy,
    SessionNotFound,
    UnsupportedFormat,
)
from everyword.model import Session, from_json, to_json
from everyword.text import slug

if TYPE_CHECKING:  # every process of a recording loads this file, and only the first one reads settings
    from everyword.config import Settings

FORMAT = 1

_NOT_OFFERED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK})
"""What file systems answer that cannot lock a file or sync a directory: a recording is made there without."""

README = """This folder is the record of one session, written by Everyword (format {format}).

  session.json      what was recorded: title, people, languages (written before the first sound)
  journal.jsonl     what happened, line by line, each line carrying the digest of the one before
  audio/            the sound: one folder a stream, one plain WAV file a minute
  source/           imported files, unchanged (only in imported sessions)
  seal.json         what this folder held when the recording was closed; seal.sig is its signature, seal.pub.pem the key
  SHA256SUMS        the digest of every file that is older than the seal
  transcripts/      machine transcripts, one folder a run; ledger.jsonl: corrections and everything else that came later

To check with nothing but common tools that no byte has changed since the recording was closed, open a terminal in this folder:

  1.  sha256sum --check SHA256SUMS
      Every line must end in OK.
  2.  sha256sum SHA256SUMS
      The number must stand in seal.json, after "sha256sums":"sha256:
  3.  openssl dgst -sha256 -verify seal.pub.pem -signature seal.sig seal.json
      It must say: Verified OK
  4.  openssl pkey -pubin -in seal.pub.pem -outform DER | sha256sum
      This is the fingerprint of the recording computer's key.  Compare it with the one you were given by a way you trust:
      whoever can replace every file here could replace the key too.

A change of one byte in any file that is older than the seal makes step 1, 2 or 3 fail.  `everyword verify` checks the same and
more: it says which second of which microphone differs, whether a file was added, whether what came later is what was written,
and whether anything is missing (an intact folder can still be incomplete; those are two questions).
"""


@dataclass(frozen=True, slots=True)
class SessionFolder:
    """The paths of one session.  Making one reads nothing."""

    path: Path

    @property
    def session_json(self) -> Path:
        """What is recorded; the genesis of the journal."""
        return self.path / "session.json"

    @property
    def journal(self) -> Path:
        """The chain the recorder writes."""
        return self.path / "journal.jsonl"

    @property
    def inbox(self) -> Path:
        """Notes from other processes, waiting for the recorder."""
        return self.path / "inbox.jsonl"

    @property
    def source(self) -> Path:
        """Imported bytes, unchanged."""
        return self.path / "source"

    @property
    def salts(self) -> Path:
        """The seed of the leaves' salts."""
        return self.path / "salts.key"

    @property
    def seal(self) -> Path:
        """The signed statement made at stop."""
        return self.path / "seal.json"

    @property
    def seal_signature(self) -> Path:
        """The signature over the bytes of the seal."""
        return self.path / "seal.sig"

    @property
    def seal_key(self) -> Path:
        """The public key the signature was made with."""
        return self.path / "seal.pub.pem"

    @property
    def sums(self) -> Path:
        """Digests for people with nothing but ``sha256sum``."""
        return self.path / "SHA256SUMS"

    @property
    def transcripts(self) -> Path:
        """One folder a run."""
        return self.path / "transcripts"

    @property
    def ledger(self) -> Path:
        """The chain of what people and tools do afterwards."""
        return self.path / "ledger.jsonl"

    @property
    def is_sealed(self) -> bool:
        """True once the seal and its signature are complete; a disk that cannot be asked has none."""
        return os.path.exists(self.seal_signature)  # noqa: PTH110  (``Path.exists`` raises for a disk that is gone)

    def segment(self, stream: int, index: int) -> Path:
        """The audio file number `index` of a stream."""
        return self.path / "audio" / f"s{stream}" / f"{index:06}.wav"

    def relative(self, path: Path) -> str:
        """`path` as the journal names it."""
        return path.relative_to(self.path).as_posix()

    def read_session(self) -> Session:
        """What ``session.json`` says.

        Raises:
            SessionNotFound: there is no such file.
            UnsupportedFormat: it was written by a version this one does not know.
            CorruptFolder: it is damaged.
        """
        try:
            data = self.session_json.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SessionNotFound(f"{self.path} is not a session folder: it has no session.json.") from error
        except OSError as error:
            raise CorruptFolder(f"{self.path.name}/session.json cannot be read: {error.strerror}.") from error
        values = parse_canonical(data, what=f"{self.path.name}/session.json")
        if values.get("format") != FORMAT:
            raise UnsupportedFormat(
                f"{self.path.name} has format {values.get('format')!r}; this Everyword knows format {FORMAT}."
            )
        try:
            return from_json(Session, values)
        except ValueError as error:
            raise CorruptFolder(f"{self.path.name}/session.json lacks something: {error}.") from error

    def entries(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Everything in the folder, by name, with what the system says of it; links are not followed.

        Raises:
            OSError: a folder in it cannot be read.
        """
        for parent, directories, files in os.walk(self.path, onerror=_raise):
            for name in sorted(directories + files):
                path = Path(parent, name)
                try:
                    found = path.lstat()
                except FileNotFoundError:  # a lock comes and goes
                    continue
                yield path, found

    def genesis(self) -> str:
        """What the journal's first line follows: the digest of ``session.json``."""
        return digest(self.session_json.read_bytes())

    def read_seed(self) -> bytes:
        """The 32 bytes every salt is made from.  Raises `CorruptFolder` when they are missing or of another length."""
        try:
            seed = self.salts.read_bytes()
        except OSError as error:
            raise CorruptFolder(f"{self.path.name}/salts.key cannot be read: {error.strerror}.") from error
        if len(seed) != 32:
            raise CorruptFolder(f"{self.path.name}/salts.key has {len(seed)} bytes, not 32.")
        return seed


def is_plain(found: os.stat_result) -> bool:
    """True for files and folders; to read a link, a pipe or a device could lead out of the folder or never end."""
    return stat.S_IFMT(found.st_mode) in (stat.S_IFREG, stat.S_IFDIR)


def _raise(error: OSError) -> None:
    raise error


def create(parent: Path, session: Session) -> SessionFolder:
    """Make a session folder and let go of it; see `created`."""
    with created(parent, session) as folder:
        return folder


@contextmanager
def created(parent: Path, session: Session) -> Iterator[SessionFolder]:
    """Make the folder with README, salts and ``session.json``, all on disk, and hold it (shared) as `held` does.

    ``session.json`` gets its name when it is held already: nobody can find the session and take it for a dead recorder's.

    Raises:
        DiskTrouble: the disk is full, read-only or the folder may not be written.
    """
    moment = datetime.fromtimestamp(session.created_at_us // 1_000_000, UTC)
    name = "-".join(part for part in (f"{moment:%Y%m%dT%H%M%SZ}", slug(session.title), session.id) if part)
    readme = README.format(format=FORMAT).encode()
    with _made(SessionFolder(parent / name), secrets.token_bytes(32), readme, canonical(to_json(session))) as folder:
        yield folder


@contextmanager
def created_like(other: SessionFolder, parent: Path) -> Iterator[SessionFolder]:
    """Make the same session, with nothing recorded yet, in another place as well, and hold it too.

    Raises:
        DiskTrouble: see `created`.
    """
    readme = (other.path / "README.txt").read_bytes()
    with _made(SessionFolder(parent / other.path.name), other.read_seed(), readme, other.session_json.read_bytes()) as folder:
        yield folder


@contextmanager
def _made(folder: SessionFolder, seed: bytes, readme: bytes, session: bytes) -> Iterator[SessionFolder]:
    parent = folder.path.parent
    with disk_errors(parent, option="--to"):
        for missing in [place for place in (*reversed(parent.parents), parent) if not place.exists()]:
            missing.mkdir(exist_ok=True)
            sync_directory(missing.parent)
        folder.path.mkdir()
        write_new(folder.salts, seed, mode=0o600)
        write_new(folder.path / "README.txt", readme)
        unnamed = folder.path / ".session.json"
        write_new(unnamed, session)
    with _flocked(unnamed, folder, exclusive=False):
        with disk_errors(parent, option="--to"):
            unnamed.rename(folder.session_json)
            sync_directory(folder.path)
            sync_directory(parent)
        yield folder


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Create a file and wait until the disk has its bytes; the caller syncs the directory."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def give_name(draft: Path, path: Path) -> None:
    """Make the finished file `draft` be found as `path` too; the caller removes the draft's own name, if it is still there.

    Raises:
        FileExistsError: somebody else was first, and the file is theirs.
    """
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links: FAT, exFAT, some network shares
        with locked(path):
            if os.path.lexists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
            draft.rename(path)


def sync_directory(path: Path) -> None:
    """Make new names in a directory survive a power cut; some file systems (FAT, network shares) cannot be asked for it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(path: Path, *, option: str = "") -> Iterator[None]:
    """Turn the operating system's refusals into a `DiskTrouble` that names the place and the next step.

    `option` is the one with which the command can be given another place, if it has one.
    """
    try:
        yield
    except OSError as error:
        is_full, is_barred = error.errno == errno.ENOSPC, error.errno in (errno.EROFS, errno.EACCES)
        if option:
            step = "Free some space, or choose another disk" if is_full else "Choose another folder"
            hint = f"{'Choose a folder that can be written' if is_barred else step} with {option}."
        else:
            step = "Free some space" if is_full else "Make it writable" if is_barred else "See to the disk"
            hint = f"{step}, then run the same command again."
        raise DiskTrouble(f"{error.filename or path} cannot be written: {error.strerror or error}.", hint=hint) from error


@contextmanager
def locked(path: Path, *, timeout_s: float = 10) -> Iterator[None]:
    """Hold the lock that goes with `path` (a file ``.NAME.lock`` beside it).  Raises `SessionBusy` after `timeout_s`."""
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=timeout_s)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise SessionBusy(f"{path.name} is in use by another process.") from error
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
    try:
        yield
    finally:
        lock.release()


@contextmanager
def held(folder: SessionFolder, *, exclusive: bool) -> Iterator[int]:
    """Say that this session is being recorded (shared) or made whole (exclusive); the system lets go when the process dies.

    What is given is a descriptor: a process that inherits it holds the session from its first moment, and after our death.

    Raises:
        SessionBusy: somebody holds it in a way that does not go together with this.
    """
    with _flocked(folder.session_json, folder, exclusive=exclusive) as descriptor:
        yield descriptor


@contextmanager
def _flocked(path: Path, folder: SessionFolder, *, exclusive: bool) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SessionBusy(f"{folder.path.name} is being recorded or made whole by another process.") from error
        except OSError as error:
            if error.errno not in _NOT_OFFERED:
                raise
        yield descriptor
    finally:
        os.close(descriptor)


def roots(home: Path, sessions: Path) -> list[Path]:
    """The folders that hold sessions: `sessions` and every folder ever named with ``--to``."""
    return list(dict.fromkeys([sessions, *_remembered(home / "roots")]))


def remember_root(home: Path, root: Path) -> None:
    """Append `root` to the list `roots` reads, once."""
    listed = home / "roots"
    home.mkdir(parents=True, exist_ok=True)
    with locked(listed):
        if root not in _remembered(listed):
            with listed.open("ab") as file:
                file.write(os.fsencode(root) + b"\n")


def scan(under: Iterable[Path]) -> list[SessionFolder]:
    """The session folders directly below each root, oldest name first; a root that is not there now is passed over."""
    found = [SessionFolder(path) for root in under if root.is_dir() for path in root.iterdir() if _is_session(path)]
    return sorted(found, key=lambda folder: folder.path.name)


def find(name: str, under: Iterable[Path]) -> SessionFolder:
    """The one session that is `name`: a path, an id, or the beginning of an id or of a folder's name.

    Raises:
        SessionNotFound: there is none.
        SessionAmbiguous: there are several; the sentence names them.
    """
    path = Path(name)
    if _is_session(path):
        return SessionFolder(path.resolve())
    matches: dict[str, SessionFolder] = {}
    for folder in scan(under):
        session_id = folder.path.name.rpartition("-")[2]
        if session_id.lower().startswith(name.lower()) or folder.path.name.startswith(name):
            matches.setdefault(session_id, folder)
        if name.lower() == session_id.lower():
            return folder
    if not name or not matches:
        raise SessionNotFound(f"No session has the id or path {name[:80]!r}.")
    if len(matches) > 1:
        names = ", ".join(folder.path.name for folder in matches.values())
        raise SessionAmbiguous(f"{name!r} fits {len(matches)} sessions: {names}.")
    return next(iter(matches.values()))


def find_session(name: str, settings: "Settings") -> SessionFolder:
    """The session that a command is about, see `find`, under every folder that these settings know of."""
    return find(name, roots(settings.home, settings.sessions))


def _remembered(listed: Path) -> list[Path]:
    """As bytes: a path need not be text in any encoding."""
    names = listed.read_bytes().split(b"\n") if listed.exists() else []
    return [Path(os.fsdecode(name)) for name in names if name]


def _is_session(path: Path) -> bool:
    try:
        return (path / "session.json").is_file()
    except OSError:  # a name too long to be one, or a folder of somebody else (``lost+found`` on a stick)
        return False
