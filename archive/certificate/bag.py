"""BagIt (RFC 8493): the files beside the payload, and how a bundle is written as a folder or a zip file.

`everyword.checker` reads what is written here; the forms they share are defined there, once, because that file travels alone.
"""

import shutil
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from everyword import checker
from everyword.digest import TAG, digest, file_digest
from everyword.errors import InvalidOption, WouldOverwrite
from everyword.folder import disk_errors, sync_directory, write_new

BAGIT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PIECE = 1 << 20

HOW_TO_VERIFY = """This folder holds {what}
of session {session}, and all that is needed to check it.

What it proves: these bytes are what the key below signed; that key was named as that of {name} by its holder;
the sound is what the recording computer sealed when the recording stopped; the text is revision {revision}; the corrections
were recorded in this order.
What it does not prove: that what was said is true, who spoke, that each word is right, when the recording began, that no other
recording exists, that {name} is who the name says (unless an authority vouches for it), or what a court will make of it.

With common tools alone (sha256sum, jq, openssl), in this folder:

{commands}
1, 2, 3 and 7 must say OK for every file; 4 and 6 must say Verified OK; 8 prints {prints}.
The number that 5 prints is the fingerprint of the signer's key.  Compare it with the one you were given by a way you trust:
whoever can replace every file here could replace the key too.

If there is a certificate/TIME.txt, a time-stamp authority has confirmed when the signature existed; that file holds the command.

These commands do not see a file that was added under data/ beside those listed, and do not say which second of the sound
differs.  For that, and for everything else, there is verify.py: one file that needs nothing but Python, to read and to run.

    python3 verify.py --fingerprint {fingerprint}

That program came with this folder, from whoever made the folder: a forger could change it to say what they like.  Read it before
you run it, or run a copy that you trust on this folder: it is the file everyword/checker.py of every Everyword.
"""

_COMMON = (
    "sha256sum --check --strict manifest-sha256.txt",
    "sha256sum --check --strict tagmanifest-sha256.txt",
    (
        """jq -r '(.payload.digest[7:] + "  manifest-sha256.txt"), (.tags | to_entries[] | .value[7:] + "  " + .key)' """
        "certificate/{kind}.json | sha256sum --check --strict"
    ),
    "openssl dgst -sha256 -verify certificate/signer.pub.pem -signature certificate/{kind}.sig certificate/{kind}.json",
    "openssl pkey -pubin -in certificate/signer.pub.pem -outform DER | sha256sum",
    "openssl dgst -sha256 -verify {seal}/seal.pub.pem -signature {seal}/seal.sig {seal}/seal.json",
)
_CERTIFICATE = (
    """jq -r '.seal[7:] + "  data/session/seal.json"' certificate/manifest.json | sha256sum --check --strict""",
    "jq -r '.text.heading, .text.paragraphs[]' certificate/manifest.json",
)
_DISCLOSURE = (
    """jq -r '.original.seal[7:] + "  data/original/seal.json"' certificate/disclosure.json | sha256sum --check --strict""",
    "jq -r '.redactions[] | .mark + \"  \" + .reason' certificate/disclosure.json",
)


@dataclass(slots=True)
class Payload:
    """Files of a bundle's ``data/`` before they are there: either bytes, or a file of which the first so many bytes count."""

    made: dict[str, bytes] = field(default_factory=dict)
    copied: dict[str, tuple[Path, int]] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def copy(self, name: str, path: Path, *, size: int | None = None) -> None:
        """List a file; `size` is how many of its first bytes belong, by default all."""
        self.copied[name] = (path, path.stat().st_size if size is None else size)

    def listing(self) -> bytes:
        """``manifest-sha256.txt``.  Reads every file whose digest is not known."""
        digests = {name: digest(data) for name, data in self.made.items()}
        for name, (path, size) in self.copied.items():
            digests[name] = self.known.get(name) or _digest_of(path, size)
        return checker.write_listing(digests)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.made.values())) + sum(size for _, size in self.copied.values())

    def describe(self) -> dict[str, object]:
        """What the signed statement says of the payload."""
        return {"digest": digest(self.listing()), "files": len(self.made) + len(self.copied), "bytes": self.size}


def tag_files(payload: Payload, *, session: str, what: str, made_at_us: int, verify_text: bytes) -> dict[str, bytes]:
    """The files beside the payload that are signed one by one."""
    day = datetime.fromtimestamp(made_at_us // 1_000_000, UTC)
    lines = [
        f"Bagging-Date: {day:%Y-%m-%d}",
        f"External-Description: {what} of an Everyword session",
        f"External-Identifier: {session}",
        f"Payload-Oxum: {payload.size}.{len(payload.made) + len(payload.copied)}",
    ]
    return {
        "bagit.txt": BAGIT,
        "bag-info.txt": "".join(f"{line}\n" for line in lines).encode(),
        "VERIFY.txt": verify_text,
        "verify.py": Path(checker.__file__).read_bytes(),
    }


def verify_text(kind: str, *, what: str, session: str, fingerprint: str, name: str, revision: object) -> bytes:
    """``VERIFY.txt`` for a ``manifest`` (a certificate) or a ``disclosure``."""
    seal = "data/session" if kind == "manifest" else "data/original"
    extra = _CERTIFICATE if kind == "manifest" else _DISCLOSURE
    commands = [command.replace("{kind}", kind).replace("{seal}", seal) for command in _COMMON + extra]
    numbered = "\n".join(f"{number}.  {command}\n" for number, command in enumerate(commands, 1))
    plain = fingerprint.removeprefix(TAG)
    prints = "what was certified" if kind == "manifest" else "what was left out, and why"
    filled = {
        "what": what,
        "prints": prints,
        "session": session,
        "fingerprint": plain,
        "name": name,
        "revision": revision,
        "commands": numbered,
    }
    return HOW_TO_VERIFY.format(**filled).encode()


def commands(text: bytes) -> list[str]:
    """The commands of a ``VERIFY.txt``, as they stand."""
    lines = text.decode().splitlines()
    return [line.partition(".  ")[2] for line in lines if line.partition(".  ")[0].isdigit()]


def write(to: Path, payload: Payload, tags: Mapping[str, bytes], *, as_zip: bool) -> Path:
    """Write a bundle; ``tagmanifest-sha256.txt`` is made here.  Returns the folder or file.

    Raises:
        WouldOverwrite: there is something of that name.
        InvalidOption: a name of the payload would not survive on another computer.
        DiskTrouble: the disk refuses.
    """
    listing = payload.listing()
    beside = {**tags, "manifest-sha256.txt": listing}
    beside["tagmanifest-sha256.txt"] = checker.write_listing({name: digest(data) for name, data in beside.items()})
    strange = list(checker.check_names([*payload.made, *payload.copied, *beside]))
    if strange:
        raise InvalidOption(f"{strange[0].subject}: {strange[0].sentence}")
    path = to.with_name(f"{to.name}.zip") if as_zip else to
    if path.exists():
        raise WouldOverwrite(f"{path} is there already.")
    with disk_errors(path, option="--to"):
        path.parent.mkdir(parents=True, exist_ok=True)
        if as_zip:
            _write_zip(path, to.name, {**beside, **payload.made}, payload.copied)
        else:
            _write_folder(path, {**beside, **payload.made}, payload.copied)
    return path


def _write_folder(path: Path, made: Mapping[str, bytes], copied: Mapping[str, tuple[Path, int]]) -> None:
    draft = path.with_name(f".{path.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    for name, data in made.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        write_new(draft / name, data)
    for name, (source, size) in copied.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        with (draft / name).open("xb") as file:
            for piece in _pieces(source, size):
                file.write(piece)
    draft.rename(path)
    sync_directory(path.parent)


def _write_zip(path: Path, root: str, made: Mapping[str, bytes], copied: Mapping[str, tuple[Path, int]]) -> None:
    """Stored, in order of name, without times or attributes: the same bundle is the same zip file, byte for byte."""
    draft, central = path.with_name(f".{path.name}.part"), b""
    names = sorted([*made, *copied])
    with draft.open("wb") as file:
        for name in names:
            source, size = copied.get(name, (None, len(made.get(name, b""))))
            offset = file.tell()
            blank, _ = checker.zip_headers(f"{root}/{name}", size, 0, offset)
            file.write(blank)
            crc = _copy(file, [made[name]] if source is None else _pieces(source, size))
            local, entry = checker.zip_headers(f"{root}/{name}", size, crc, offset)
            central += entry
            end = file.tell()
            file.seek(offset)
            file.write(local)
            file.seek(end)
        offset = file.tell()
        file.write(central + checker.zip_end(len(names), len(central), offset))
    draft.replace(path)


def _copy(file: BinaryIO, pieces: Iterable[bytes]) -> int:
    crc = 0
    for piece in pieces:
        file.write(piece)
        crc = zlib.crc32(piece, crc)
    return crc


def _pieces(path: Path, size: int) -> Iterable[bytes]:
    with path.open("rb") as file:
        while size > 0:
            piece = file.read(min(PIECE, size))
            if not piece:
                return
            size -= len(piece)
            yield piece


def _digest_of(path: Path, size: int) -> str:
    return file_digest(path) if path.stat().st_size == size else digest(b"".join(_pieces(path, size)))
