"""Check a certified bundle, or an excerpt of one, with nothing but Python's own library (3.10 or newer).

This one file travels in every bundle as ``verify.py``, so that a stranger can read all of it and run it without installing
anything; ``everyword verify BUNDLE`` runs the same code.  That is why it is one long file and imports nothing of ours.

    python3 verify.py [BUNDLE] [--key PEM] [--fingerprint SHA256] [--ca PEM] [--tsa-ca PEM] [--seen FILE] [--json] [--quiet]

Each check says PASS, FAIL or UNKNOWN, and unknown never becomes pass.  Exit code: 0 verified, 3 intact but something is unknown
or incomplete, 4 something was changed or is malformed, 1 this is no bundle.  Nothing goes over the network; time stamps and
certificates are checked by ``openssl`` if it is there, and are UNKNOWN if not.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata
import zipfile
from bisect import bisect_left
from calendar import timegm
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Fits = Callable[[bytes, bytes, bytes], bool]
    Redraw = Callable[[str, Mapping[str, Any], Mapping[str, Any], bytes, bytes], tuple[bytes, bool] | None]

CERTIFICATE = 1
"""The version of ``manifest.json`` and ``disclosure.json`` that this file knows."""

LARGEST_JSON = 1 << 26
LARGEST_LINE = 1 << 24
MOST_LISTED = 2_000_000
"""Of words, leaves or seconds: hundreds of hours.  Whoever states more wants the reader to wait."""

MOST_CHANNELS = 1024
PIECE = 1 << 20
TAG = "sha256:"
SESSION = "data/session/"
TRANSCRIPT = "data/transcript/transcript.json"
LINEMAP = "data/transcript/linemap.csv"
HEADER_BYTES = 1024
WIDTHS = {"s16": 2, "s24": 3, "s32": 4, "f32": 4, "f64": 8}
SIGNED_TAGS = ("VERIFY.txt", "bag-info.txt", "bagit.txt", "verify.py")
"""Files beside the payload that the certificate vouches for one by one."""

WORKERS = max(1, min(4, os.cpu_count() or 1))


class NotABundle(Exception):
    """There is nothing here that could be checked."""


class Malformed(Exception):
    """A file is not what it should be; the sentence says which and why."""

    def __init__(self, subject: str, sentence: str) -> None:
        super().__init__(sentence)
        self.subject = subject
        self.sentence = sentence


class Finding(NamedTuple):
    """One check; ``verdict`` is ``integrity`` or ``completeness``, ``outcome`` is ``pass``, ``fail`` or ``unknown``."""

    verdict: str
    outcome: str
    subject: str
    sentence: str


class Trust(NamedTuple):
    """What the person who checks knows by another way than the bundle.

    ``fingerprints`` of keys; ``authorities`` and ``time_authorities``, PEM files of certificates; ``seen``, a file that remembers
    the newest certificate of each session; ``now``, seconds since 1970, of this computer's clock if not given.
    """

    fingerprints: frozenset[str] = frozenset()
    authorities: tuple[Path, ...] = ()
    time_authorities: tuple[Path, ...] = ()
    seen: Path | None = None
    now: float | None = None


def check_trust(trust: Trust) -> None:
    """A slip of whoever checks must not look like a fault of what is checked.

    Raises ``OSError`` and ``ValueError`` for a file that cannot be read, or is none of a certificate or of what was seen.
    """
    for path in (*trust.authorities, *trust.time_authorities):
        if b"-----BEGIN CERTIFICATE-----" not in path.read_bytes():
            raise ValueError(f"{path} is no certificate in PEM form")
    if trust.seen is not None:
        read_seen(trust.seen)
        if not trust.seen.parent.is_dir():
            raise ValueError(f"{trust.seen.parent} is no folder")


def passed(subject: str, sentence: str) -> Finding:
    """A check of integrity that passed."""
    return Finding("integrity", "pass", _one_line(subject), _one_line(sentence))


def failed(subject: str, sentence: str) -> Finding:
    """A check of integrity that failed."""
    return Finding("integrity", "fail", _one_line(subject), _one_line(sentence))


def unknown(subject: str, sentence: str) -> Finding:
    """Something that cannot be told."""
    return Finding("integrity", "unknown", _one_line(subject), _one_line(sentence))


def _one_line(text: str) -> str:
    """A line break or an escape sequence in a name must not begin a line of the report."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


# Where the files are


class Folder:
    """A bundle as a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sizes: dict[str, int] = {}
        for parent, directories, files in os.walk(path, onerror=_raise):
            for name in sorted(directories + files):
                place = Path(parent, name)
                found = place.lstat()
                relative = place.relative_to(path).as_posix()
                if stat.S_ISREG(found.st_mode):
                    self.sizes[relative] = found.st_size
                elif not stat.S_ISDIR(found.st_mode):
                    raise Malformed(relative, "It is neither a file nor a folder but leads elsewhere: nothing was read.")

    def open(self, name: str) -> Any:
        """A file, for reading in pieces."""
        return (self.path / name).open("rb")

    def strangeness(self) -> str:
        """What a folder cannot have: bytes that no file shows."""
        return ""


class Zip:
    """A bundle as a zip file whose entries are stored, not compressed: nothing in it can be larger than it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = zipfile.ZipFile(path)
        names = [info.filename for info in self.file.infolist()]
        roots = {name.partition("/")[0] for name in names}
        if len(roots) != 1 or len(set(names)) != len(names):
            raise Malformed(path.name, "It does not hold one folder, or a name stands twice in it: nothing was read.")
        self.root = roots.pop() + "/"
        self.sizes = {}
        for info in self.file.infolist():
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or stat.S_ISLNK(info.external_attr >> 16):
                raise Malformed(info.filename, "It is compressed, encrypted or a link: nothing was read.")
            if not info.filename.endswith("/"):
                self.sizes[info.filename[len(self.root) :]] = info.file_size

    def open(self, name: str) -> Any:
        """A file, for reading in pieces; its CRC is checked at the end."""
        return self.file.open(self.root + name)

    def strangeness(self) -> str:
        """Bytes of the container that show in no file: other attributes, comments, something between or behind the entries."""
        expected, place, central = b"", 0, b""
        with self.path.open("rb") as file:
            for info in sorted(self.file.infolist(), key=lambda one: one.header_offset):
                local, directory = zip_headers(info.filename, info.file_size, info.CRC, place)
                file.seek(place)
                if info.header_offset != place or file.read(len(local)) != local:
                    return f"{info.filename}: its header is not as written"
                place += len(local) + info.file_size
                central += directory
            file.seek(place)
            expected = central + zip_end(len(self.file.infolist()), len(central), place)
            return "" if file.read(len(expected) + 1) == expected else "the directory at its end is not as written"


def zip_headers(name: str, size: int, crc: int, offset: int) -> tuple[bytes, bytes]:
    """The local header and the directory entry of one stored file: without times, attributes or anything else of a computer's.

    Sizes of 4 GiB and more, and offsets, go into the zip64 field as the format asks.
    """
    encoded = name.encode()
    big, far = size >= 0xFFFFFFFF, offset >= 0xFFFFFFFF
    short = 0xFFFFFFFF if big else size
    version = 45 if big or far else 20
    local_extra = struct.pack("<HHQQ", 1, 16, size, size) if big else b""
    wide = ([size, size] if big else []) + ([offset] if far else [])
    extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    middle = struct.pack("<HHHHIII", 0x800, 0, 0, 33, crc, short, short)
    local = struct.pack("<4sH", b"PK\3\4", version) + middle + struct.pack("<HH", len(encoded), len(local_extra))
    entry = struct.pack("<4sHH", b"PK\1\2", 0x0300 | version, version) + middle
    entry += struct.pack("<HHHHHII", len(encoded), len(extra), 0, 0, 0, 0o100644 << 16, 0xFFFFFFFF if far else offset)
    return local + encoded + local_extra, entry + encoded + extra


def zip_end(count: int, size: int, offset: int) -> bytes:
    """What closes a zip file."""
    end = b""
    if count >= 0xFFFF or size >= 0xFFFFFFFF or offset >= 0xFFFFFFFF:
        end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 0x0300 | 45, 45, 0, 0, count, count, size, offset)
        end += struct.pack("<4sIQI", b"PK\6\7", 0, offset + size, 1)
    short = min(count, 0xFFFF)
    return end + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, short, short, min(size, 0xFFFFFFFF), min(offset, 0xFFFFFFFF), 0)


Store = Any
"""`Folder` or `Zip`, or whatever has ``sizes`` (name → bytes), ``open`` and ``strangeness``."""


def open_store(path: Path) -> Store:
    """The bundle at `path`.  Raises `NotABundle`, `Malformed`."""
    if path.is_dir():
        store: Store = Folder(path)
    elif path.is_file() and zipfile.is_zipfile(path):
        try:
            store = Zip(path)
        except (zipfile.BadZipFile, ValueError, struct.error, UnicodeError, NotImplementedError) as error:
            raise Malformed(path.name, f"It is a damaged zip file: {error}.") from error
    else:
        raise NotABundle(f"{path} is neither a folder nor a zip file.")
    if not store.sizes.keys() & {"bagit.txt", "certificate/manifest.json", "certificate/disclosure.json"}:
        raise NotABundle(f"{path} is no bundle: it has neither bagit.txt nor a certificate.")
    return store


def check_names(names: Iterable[str]) -> Iterator[Finding]:
    """Names that would lead out of the bundle, or be one and the same on another computer."""
    folded: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        if name.startswith("/") or "\\" in name or any(part in ("", ".", "..") for part in parts):
            yield failed(name, "The name leads out of the bundle: nothing was read.")
        elif any(_is_reserved(part) for part in parts):
            yield failed(name, "No computer with Windows could hold a file of this name: nothing was read.")
        elif name.casefold() in folded:
            yield failed(name, f"On other computers it is the same file as {folded[name.casefold()]}: nothing was read.")
        folded[name.casefold()] = name


def _is_reserved(part: str) -> bool:
    stem = part.partition(".")[0].upper()
    devices = {"CON", "PRN", "AUX", "NUL", *(f"{name}{number}" for name in ("COM", "LPT") for number in range(1, 10))}
    return stem in devices or part[-1] in ". " or any(char in '<>:"|?*' or ord(char) < 32 for char in part)


def _raise(error: OSError) -> None:
    raise error


def read_whole(store: Store, name: str, *, largest: int = LARGEST_JSON) -> bytes:
    """A small file.  Raises `Malformed` when it is missing or too large to be what it should be."""
    if name not in store.sizes:
        raise Malformed(name, "The file is missing.")
    if store.sizes[name] > largest:
        raise Malformed(name, "It is much too large to be what it should be: it was not read.")
    with store.open(name) as file:
        data: bytes = file.read()
    return data


# JSON in its one form


def digest(data: bytes) -> str:
    """The tagged SHA-256 of bytes."""
    return TAG + hashlib.sha256(data).hexdigest()


def canonical(value: object) -> bytes:
    """RFC 8785 for values without floats whose keys are ASCII: sorted, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse(data: bytes, subject: str) -> dict[str, Any]:
    """The object in `data`, which must be its own canonical form: no duplicate keys, floats or other spelling."""
    try:
        value = json.loads(data, parse_float=_refuse, parse_constant=_refuse)
        if _LARGE.search(data):
            json.loads(data, parse_int=_small)
        if isinstance(value, dict) and canonical(value) == data:
            return value
    except (ValueError, RecursionError, UnicodeError):
        pass
    raise Malformed(subject, "It is not canonical JSON.")


_LARGE = re.compile(rb"[:\[,]-?[0-9]{16}")
"""It may be a number that a JSON reader would round, or the inside of a string."""


def _small(text: str) -> int:
    if abs(int(text)) > 2**53 - 1:
        raise ValueError(text)
    return int(text)


def _refuse(text: str) -> Any:
    raise ValueError(text)


# Signatures: ECDSA on P-256 with SHA-256

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def public_point(pem: bytes) -> tuple[int, int]:
    """The point of a P-256 key in PEM.  Raises ``ValueError`` for anything else, and for another spelling of the same key."""
    lines = pem.split(b"\n")
    der = base64.b64decode(b"".join(lines[1:-2]), validate=True)
    body = base64.b64encode(der)
    folded = b"".join(body[start : start + 64] + b"\n" for start in range(0, len(body), 64))
    if pem != b"-----BEGIN PUBLIC KEY-----\n" + folded + b"-----END PUBLIC KEY-----\n" or der[:27] != _SPKI or len(der) != 91:
        raise ValueError("it is not a P-256 public key in the usual form")
    x, y = int.from_bytes(der[27:59], "big"), int.from_bytes(der[59:], "big")
    if x >= _P or y >= _P or (y * y - x * x * x + 3 * x - _B) % _P:
        raise ValueError("its point is not on the curve")
    return x, y


def fingerprint(pem: bytes) -> str:
    """The tagged SHA-256 of the key's DER form, as ``openssl pkey -outform DER | sha256sum`` gives it.  Raises ``ValueError``."""
    public_point(pem)
    return digest(base64.b64decode(b"".join(pem.split(b"\n")[1:-2])))


def is_signed(pem: bytes, signature: bytes, data: bytes) -> bool:
    """True when the signature fits, is spelt in the one right way and has the smaller ``s``."""
    try:
        point, (r, s) = public_point(pem), _r_and_s(signature)
    except (ValueError, IndexError):
        return False
    if not (0 < r < _N and 0 < s <= _N // 2):
        return False
    inverse = pow(s, -1, _N)
    number = int.from_bytes(hashlib.sha256(data).digest(), "big")
    found = _combined(number * inverse % _N, r * inverse % _N, point)
    return found is not None and found % _N == r


def _r_and_s(signature: bytes) -> tuple[int, int]:
    """Strict DER: SEQUENCE of two INTEGERs, each in its shortest form, and nothing behind."""
    length = signature[3]
    r, s = signature[4 : 4 + length], signature[6 + length :]
    spelt = b"\x30" + bytes([len(signature) - 2]) + b"".join(b"\x02" + bytes([len(part)]) + part for part in (r, s))
    numbers = [int.from_bytes(part, "big", signed=True) for part in (r, s)]
    shortest = [number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True) for number in numbers]
    if spelt != signature or [r, s] != shortest:
        raise ValueError("not DER")
    return numbers[0], numbers[1]


def _combined(a: int, b: int, point: tuple[int, int]) -> int | None:
    """The x of a·G + b·Q, both at once bit by bit; None for infinity."""
    base, other = (*_G, 1), (*point, 1)
    both = _add(base, other)
    total = (0, 1, 0)
    for bit in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        total = _double(total)
        index = (a >> bit & 1) + 2 * (b >> bit & 1)
        if index:
            total = _add(total, (base, other, both)[index - 1])
    return total[0] * pow(total[2], -2, _P) % _P if total[2] else None


def _double(point: Any) -> Any:
    x, y, z = point
    if not z or not y:
        return 0, 1, 0
    y2 = y * y % _P
    s = 4 * x * y2 % _P
    z2 = z * z % _P
    m = 3 * (x - z2) * (x + z2) % _P
    x3 = (m * m - 2 * s) % _P
    return x3, (m * (s - x3) - 8 * y2 * y2) % _P, 2 * y * z % _P


def _add(one: Any, other: Any) -> Any:
    if not one[2] or not other[2]:
        return one if one[2] else other
    (x1, y1, z1), (x2, y2, z2) = one, other
    z1z1, z2z2 = z1 * z1 % _P, z2 * z2 % _P
    u1, u2 = x1 * z2z2 % _P, x2 * z1z1 % _P
    s1, s2 = y1 * z2 * z2z2 % _P, y2 * z1 * z1z1 % _P
    if u1 == u2:
        return _double(one) if s1 == s2 else (0, 1, 0)
    h, r = u2 - u1, s2 - s1
    h2 = h * h % _P
    h3, v = h * h2 % _P, u1 * h2 % _P
    x3 = (r * r - h3 - 2 * v) % _P
    return x3, (r * (v - x3) - s1 * h3) % _P, h * z1 * z2 % _P


# `Fits` is a function like `is_signed`: whoever has a quicker one may pass it.  `Redraw` draws a document of a disclosure anew,
# from its name, the two statements, the line map and the words, and says whether the very same programs drew it before; None when
# it cannot draw.  This file alone cannot.


# Trees


def leaf(session: str, place: bytes, data: bytes, salt: bytes, kind: bytes) -> bytes:
    """One salted leaf; `place` says where it belongs, `kind` is ``A`` for sound and ``T`` for text."""
    head = b"\0ew" + kind + b"1" + hashlib.sha256(session.encode()).digest() + place + len(data).to_bytes(4, "big")
    return hashlib.sha256(head + salt + data).digest()


def sound_place(stream: int, channel: int, index: int) -> bytes:
    """Where second `index` of a channel stands."""
    return struct.pack(">HHQ", stream, channel, index)


def refuse_too_many(counts: Iterable[int]) -> None:
    """A lie about numbers must not become a wait.  Raises ``ValueError``."""
    total = 0
    for count in counts:
        total += count
        if count < 0 or total > MOST_LISTED:
            raise ValueError("it lists more than there can be")


def text_place(revision: int, index: int) -> bytes:
    """Where leaf `index` of a revision's transcript stands."""
    return struct.pack(">IQ", revision, index)


def salt_of(seed: bytes, kind: bytes, place: bytes) -> bytes:
    """The salt of one leaf: 16 bytes of HMAC-SHA256(seed, kind ‖ place)."""
    return hmac.digest(seed, kind + place, "sha256")[:16]


def root_of(count: int, shown: Mapping[int, bytes], hidden: Sequence[bytes]) -> bytes:
    """The root over `count` leaves of which some are `shown`; each subtree without any is one of `hidden`, from left to right.

    The shape is RFC 6962's.  The count must come from the signed seal or certificate: a proof alone does not prove it.

    Raises:
        ValueError: too few or too many hidden digests.
    """
    rest = list(reversed(hidden))
    indexes = sorted(shown)
    if indexes and not 0 <= indexes[0] <= indexes[-1] < count:
        raise ValueError("a leaf lies outside the tree")

    def node(first: int, size: int, low: int, high: int) -> bytes:
        """`indexes[low:high]` are those in the subtree."""
        if low == high:
            return rest.pop()
        if size == 1:
            return shown[first]
        half = 1 << (size - 1).bit_length() - 1
        middle = bisect_left(indexes, first + half, low, high)
        left = node(first, half, low, middle)
        return hashlib.sha256(b"\1" + left + node(first + half, size - half, middle, high)).digest()

    try:
        root = node(0, count, 0, len(indexes)) if count else hashlib.sha256(b"").digest()
    except IndexError as error:
        raise ValueError("the proof is too short") from error
    if rest:
        raise ValueError("the proof is too long")
    return root


def text_leaves(transcript: Mapping[str, Any]) -> list[bytes]:
    """What the leaves of a transcript hold: for each utterance its place, its speaker, and each word apart."""
    leaves = []
    for said in transcript["utterances"]:
        number, text = said["number"], said["text"]
        place = {name: said[name] for name in ("stream", "track", "first_frame", "frame_count", "language")}
        leaves.append(canonical({"kind": "place", "utterance": number, **place}))
        leaves.append(canonical({"kind": "speaker", "utterance": number, "person": said["person"], "speaker": said["speaker"]}))
        for index, word in enumerate(words_of(text)):
            leaves.append(canonical({"kind": "word", "utterance": number, "word": index, "text": word}))
    return leaves


def words_of(text: str) -> list[str]:
    """The words of a text, each with the white space behind it."""
    return re.findall(r"\S+\s*", text)


# The bundle as a whole


class Bundle(NamedTuple):
    """What the checks of one bundle pass on to each other.

    ``statement`` is the signed one (``manifest.json`` or ``disclosure.json``), ``listed`` name → digest of every payload file.
    """

    store: Store
    trust: Trust
    fits: Fits
    statement: dict[str, Any]
    raw: bytes
    listed: dict[str, str]
    redraw: Redraw | None = None


def verify(path: Path, trust: Trust | None = None, *, fits: Fits = is_signed, redraw: Redraw | None = None) -> Iterator[Finding]:
    """Check everything about the bundle at `path`; sound is read once, piece by piece.

    Raises:
        NotABundle: there is nothing to check.  Everything else, however damaged, comes back as findings.
    """
    try:
        store = open_store(path)
    except Malformed as error:
        yield failed(error.subject, error.sentence)
        return
    except OSError as error:
        raise NotABundle(f"{path} cannot be read: {error.strerror}.") from error
    yield from verify_store(store, trust or Trust(), fits=fits, redraw=redraw)


def verify_store(store: Store, trust: Trust, *, fits: Fits = is_signed, redraw: Redraw | None = None) -> Iterator[Finding]:
    """As `verify`, for a bundle that is open."""
    strange = list(check_names(store.sizes))
    if strange:
        yield from strange
        return
    kinds = [name for name in ("manifest", "disclosure") if f"certificate/{name}.json" in store.sizes]
    if len(kinds) != 1:
        yield failed("certificate", "There must be one manifest.json or one disclosure.json: this says nothing that is signed.")
        return
    check = {"manifest": _whole, "disclosure": _disclosure}[kinds[0]]
    yield from guarded(f"certificate/{kinds[0]}.json", _opened(store, trust, fits, kinds[0], check=check, redraw=redraw))
    if store.strangeness():
        yield unknown(
            "zip", f"The container is not as Everyword writes it ({store.strangeness()}): unpack it and check the folder."
        )


def verify_beside_session(store: Store, trust: Trust, *, fits: Fits = is_signed) -> Iterator[Finding]:
    """A certificate that lies in its session's folder; whoever calls has checked journal and sound already."""
    yield from guarded("certificate/manifest.json", _opened(store, trust, fits, "manifest", check=_beside_session))


def guarded(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """`findings`, the last of them a FAIL if the check could not be carried through."""
    try:
        yield from findings
    except Malformed as error:
        yield failed(error.subject, error.sentence)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        yield failed(subject, f"It cannot be read as what it should be ({type(error).__name__}: {error}).")
    except (struct.error, OverflowError, NotImplementedError, EOFError, MemoryError) as error:
        yield failed(subject, f"It cannot be read as what it should be ({type(error).__name__}: {error}).")


def _opened(store: Store, trust: Trust, fits: Fits, kind: str, *, check: Any, redraw: Redraw | None = None) -> Iterator[Finding]:
    raw = read_whole(store, f"certificate/{kind}.json")
    statement = parse(raw, f"certificate/{kind}.json")
    version = statement.get("everyword_certificate" if kind == "manifest" else "everyword_disclosure")
    if version != CERTIFICATE:
        raise Malformed(f"certificate/{kind}.json", f"Its version is {version!r}; this program knows {CERTIFICATE}.")
    listed = read_listing(read_whole(store, "manifest-sha256.txt"))
    bundle = Bundle(store, trust, fits, statement, raw, listed, redraw)
    is_good = True
    for finding in guarded(f"certificate/{kind}.json", _checks(bundle, kind, check)):
        stranger = finding.outcome == "unknown" and finding.subject == "certificate/signer.pub.pem"
        is_good = is_good and finding.outcome != "fail" and not stranger
        yield finding
    if kind == "manifest":
        yield from guarded("certificate/manifest.json", check_seen(bundle, is_good=is_good))


def _checks(bundle: Bundle, kind: str, check: Any) -> Iterator[Finding]:
    yield from guarded(f"certificate/{kind}.sig", check_signature(bundle, kind))
    yield from guarded("tagmanifest-sha256.txt", check_tags(bundle))
    yield from guarded("manifest-sha256.txt", check_listing(bundle))
    yield from check(bundle)


def check_signature(bundle: Bundle, kind: str) -> Iterator[Finding]:
    """The signature over the statement, the key, and whether it is one the reader knows."""
    name, signer = f"certificate/{kind}.sig", bundle.statement["signer"]
    pem = read_whole(bundle.store, "certificate/signer.pub.pem", largest=PIECE)
    try:
        found = fingerprint(pem)
    except ValueError as error:
        raise Malformed("certificate/signer.pub.pem", f"It is not a public key: {error}.") from error
    if not bundle.fits(pem, read_whole(bundle.store, name, largest=PIECE), bundle.raw):
        yield failed(name, f"The signature does not fit {kind}.json.")
    elif (signer["algorithm"], signer["public_key"]) != ("ecdsa-p256-sha256", found):
        yield failed("certificate/signer.pub.pem", f"The key is not the one that {kind}.json names.")
    else:
        yield passed(name, f"The signature fits {kind}.json, which names {signer['name']!r} as its signer.")
    yield from _identity(bundle, pem, found)


def _identity(bundle: Bundle, pem: bytes, found: str) -> Iterator[Finding]:
    name = "certificate/signer.crt.pem"
    chain = read_whole(bundle.store, name, largest=PIECE) if name in bundle.store.sizes else b""
    if bundle.statement["signer"].get("certificate") != (digest(chain) if chain else None):
        yield failed(name, "It is not the certificate that the signed statement names.")
    if found in bundle.trust.fingerprints:
        yield passed("certificate/signer.pub.pem", f"The signer's key is one you trust: {found}.")
    elif chain and bundle.trust.authorities and _vouched(bundle, chain, pem):
        yield passed(name, f"An authority you trust vouches for the signer's key {found}.")
    else:
        sentence = f"INTACT, SIGNER UNKNOWN {grouped(found)}: {found}. Compare this with the fingerprint you were given."
        yield unknown("certificate/signer.pub.pem", sentence)


def grouped(found: str) -> str:
    """The first half of a fingerprint in groups of four, as it is read aloud."""
    plain = found[len(TAG) :]
    return "-".join(plain[start : start + 4] for start in range(0, 32, 4))


def check_tags(bundle: Bundle) -> Iterator[Finding]:
    """Every file beside the payload: those the statement vouches for, and the list of all of them."""
    store, tags = bundle.store, bundle.statement["tags"]
    names = sorted(name for name in store.sizes if not name.startswith("data/") and name != "tagmanifest-sha256.txt")
    digests = {name: digest(read_whole(store, name)) for name in names}
    wrong = [name for name in SIGNED_TAGS if tags.get(name) != digests.get(name, "missing")]
    for name in wrong:
        yield failed(name, "It is not the file that was signed." if name in digests else "The file is missing.")
    known = {*SIGNED_TAGS, "manifest-sha256.txt"}
    strays = [name for name in names if name not in known and name not in CERTIFICATE_FILES]
    for name in strays:
        yield failed(name, "It does not belong into a bundle.")
    if read_whole(store, "tagmanifest-sha256.txt") != write_listing(digests):
        yield failed("tagmanifest-sha256.txt", "It is not the list of the files beside the payload.")
    elif not wrong and not strays:
        yield passed("tagmanifest-sha256.txt", f"{len(names)} files beside the payload are the ones that belong there.")


CERTIFICATE_FILES = frozenset(
    f"certificate/{name}"
    for name in (
        *("manifest.json", "manifest.sig", "manifest.sig.tsr", "disclosure.json", "disclosure.sig", "disclosure.sig.tsr"),
        *("signer.pub.pem", "signer.crt.pem", "tsa-chain.pem", "TIME.txt"),
    )
)


def check_listing(bundle: Bundle) -> Iterator[Finding]:
    """The payload's list is the signed one, and there is no payload file more or less."""
    name, payload = "manifest-sha256.txt", bundle.statement["payload"]
    present = {name for name in bundle.store.sizes if name.startswith("data/")}
    if payload["digest"] != digest(read_whole(bundle.store, name)):
        yield failed(name, "It is not the list that was signed.")
    for stray in sorted(present - bundle.listed.keys()):
        yield failed(stray, "The file was not there when the bundle was signed.")
    for lost in sorted(bundle.listed.keys() - present):
        yield failed(lost, "The file is missing.")
    size = sum(bundle.store.sizes[name] for name in present)
    if (payload["files"], payload["bytes"]) != (len(bundle.listed), size):
        yield failed(name, f"{payload['files']} files of {payload['bytes']} bytes were signed; there are {size} bytes.")


def read_listing(data: bytes) -> dict[str, str]:
    """Name → tagged digest of each line of a list as ``sha256sum`` writes it.  Raises `Malformed`."""
    listed = {}
    for line in data.decode().split("\n")[:-1]:
        value, separator, name = line.partition("  ")
        if not re.fullmatch("[0-9a-f]{64}", value) or not separator or name in listed:
            raise Malformed("manifest-sha256.txt", "It is not a list of digests.")
        listed[name] = TAG + value
    if write_listing(listed) != data:
        raise Malformed("manifest-sha256.txt", "It is not a list of digests in order.")
    return listed


def write_listing(digests: Mapping[str, str]) -> bytes:
    """The reverse of `read_listing`, by name."""
    return "".join(f"{digests[name][len(TAG) :]}  {name}\n" for name in sorted(digests)).encode()


def check_files(bundle: Bundle, names: Iterable[str]) -> Iterator[Finding]:
    """The digests of payload files; only what differs is told."""
    there = [name for name in names if name in bundle.store.sizes]
    with ThreadPoolExecutor(WORKERS) as pool:
        for name, found in zip(there, pool.map(lambda name: _file_digest(bundle.store, name), there), strict=True):
            if found != bundle.listed[name]:
                yield failed(name, "The file was changed.")


def _file_digest(store: Store, name: str) -> str:
    total = hashlib.sha256()
    try:
        with store.open(name) as file:
            for piece in iter(lambda: file.read(PIECE), b""):
                total.update(piece)
    except (zipfile.BadZipFile, OSError, EOFError):
        return "unreadable"
    return TAG + total.hexdigest()


# A certificate


def _whole(bundle: Bundle) -> Iterator[Finding]:
    """A bundle with the whole session."""
    session = Session(bundle)
    yield from _written(bundle, session, [name for name in bundle.listed if not name.startswith(f"{SESSION}audio/")])
    yield from guarded(f"{SESSION}journal.jsonl", session.journal())
    yield from guarded(f"{SESSION}audio", session.sound())
    yield from _signed_later(bundle, session)


def _beside_session(bundle: Bundle) -> Iterator[Finding]:
    session, big = Session(bundle), (f"{SESSION}audio/", f"{SESSION}source/")
    yield from _written(bundle, session, [name for name in bundle.listed if not name.startswith(big)])
    yield from _signed_later(bundle, session)


def _written(bundle: Bundle, session: Session, inner: Sequence[str]) -> Iterator[Finding]:
    """The statement, the files `inner`, the seal and what it lists."""
    yield from guarded("certificate/manifest.json", check_statement(bundle.statement))
    changed = list(check_files(bundle, inner))
    yield from changed
    if not changed:
        yield passed("manifest-sha256.txt", f"{len(inner)} files beside the sound have the digests that were signed.")
    yield from guarded(f"{SESSION}seal.json", session.seal())
    yield from guarded(f"{SESSION}SHA256SUMS", session.sums())


def _signed_later(bundle: Bundle, session: Session) -> Iterator[Finding]:
    """Ledger, transcript, documents, time stamp."""
    yield from guarded(f"{SESSION}ledger.jsonl", session.ledger())
    yield from guarded(TRANSCRIPT, check_transcript(bundle))
    yield from guarded(TRANSCRIPT, check_origin(bundle))
    yield from check_pdfs(bundle)
    yield from guarded("certificate/manifest.sig.tsr", check_time(bundle, "manifest"))


def check_statement(manifest: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the statement agrees with itself: a level needs its coverage."""
    level, coverage, subject = manifest["level"], manifest["coverage"], "certificate/manifest.json"
    whole = coverage["reviewed"] == coverage["utterances"] > 0 and coverage["stretches_heard"] == coverage["stretches"]
    if level not in ("M", "R", "C") or type(manifest["revision"]) is not int or manifest["revision"] < 1:
        yield failed(subject, f"Nobody knows level {level!r} of revision {manifest['revision']!r}.")
    elif level == "C" and not (whole and not coverage["open_flags"] and coverage["verbatim"] in ("full", "clean")):
        yield failed(subject, "It claims level C over a text that was not reviewed as a whole.")
    elif level == "R" and not coverage["reviewed"]:
        yield failed(subject, "It claims level R over a text that nobody has reviewed.")
    elif manifest["text"]["heading"] != HEADINGS[level]:
        yield failed(subject, "Its heading is not that of its level.")
    else:
        said = f"{coverage['reviewed']} of {coverage['utterances']} utterances reviewed"
        yield passed(subject, f"Level {level}, revision {manifest['revision']}: {manifest['text']['heading']} ({said}).")


HEADINGS = {
    "M": "MACHINE-GENERATED DRAFT - NOT REVIEWED - NOT CERTIFIED",
    "R": "REVIEWED TRANSCRIPT (PARTIAL)",
    "C": "TRANSCRIPT CERTIFIED BY THE NAMED REVIEWER",
}


def check_transcript(bundle: Bundle) -> Iterator[Finding]:
    """The text: the leaves of its words lead to the signed root, and it names this session, seal and run."""
    manifest, stated = bundle.statement, bundle.statement["transcript"]
    raw = read_whole(bundle.store, TRANSCRIPT)
    transcript = parse(raw, TRANSCRIPT)
    seed, revision = read_whole(bundle.store, f"{SESSION}salts.key"), manifest["revision"]
    shown = {}
    for index, data in enumerate(text_leaves(transcript)):
        place = text_place(revision, index)
        shown[index] = leaf(manifest["session"], place, data, salt_of(seed, b"t", place), b"T")
    root = TAG + root_of(len(shown), shown, []).hex()
    expected = {"digest": digest(raw), "leaves": len(shown), "root": root, "utterances": len(transcript["utterances"])}
    wrong = [name for name, value in expected.items() if stated.get(name) != value]
    if wrong:
        yield failed(TRANSCRIPT, f"It is not the transcript that was signed ({', '.join(wrong)}).")
    elif (transcript["session"]["id"], transcript["seal"]) != (manifest["session"], manifest["seal"]):
        yield failed(TRANSCRIPT, "It is the transcript of another session.")
    elif manifest["linemap"] != bundle.listed.get(LINEMAP):
        yield failed(LINEMAP, "It is not the line map that was signed.")
    else:
        yield passed(TRANSCRIPT, f"{expected['utterances']} utterances in {len(shown)} leaves lead to the signed root.")


def check_origin(bundle: Bundle) -> Iterator[Finding]:
    """Text and speakers follow from the machine's draft and the ledger, and so do the numbers of the review."""
    manifest, run = bundle.statement, bundle.statement["transcript"]["run"]
    said = parse(read_whole(bundle.store, TRANSCRIPT), TRANSCRIPT)["utterances"]
    ledger = [line for _, _, line in chain(bundle.store, f"{SESSION}ledger.jsonl", manifest["seal"])]
    lines = [line for line in ledger if line.get("run") == run]
    drafts = _drafts(bundle, run)
    texts, corrections = _corrected(drafts, lines)
    expected = {
        draft["id"]: (place, texts[place], *speaker)
        for (place, draft), speaker in zip(drafts.items(), _speakers(bundle, drafts, lines), strict=True)
    }
    found = [(one["number"], (_place(one), one["text"], one["person"], one["speaker"])) for one in said]
    wrong = [number for number, value in found if expected.get(number) != value]
    counts = {
        "utterances": len(texts),
        "reviewed": _reviewed(texts, lines),
        "corrections": corrections,
        "verbatim": ["full", *(line["style"] for line in ledger if line["kind"] == "style")][-1],
    }
    claimed = [name for name, count in counts.items() if manifest["coverage"].get(name) != count]
    if wrong or sorted(number for number, _ in found) != sorted(expected):
        yield failed(TRANSCRIPT, f"It does not follow from the machine's draft and the ledger (utterances {wrong[:20]}).")
    elif [line["run"] for line in ledger if line["kind"] == "adopt"][-1:] not in ([], [run]):
        yield failed(TRANSCRIPT, f"The ledger says that another run than {run} counts.")
    elif claimed:
        told = ", ".join(f"{name} {counts[name]}" for name in claimed)
        yield failed("certificate/manifest.json", f"The ledger says {told}, which is not what it claims.")
    else:
        changed = f"{corrections} corrections and {counts['reviewed']} utterances reviewed"
        yield passed(TRANSCRIPT, f"It is the machine's draft with {changed}, as the ledger says.")


Place = tuple[int, int, int, int]


def _drafts(bundle: Bundle, run: str) -> dict[Place, dict[str, Any]]:
    """The machine's utterances by their place, without their words, which are most of a transcript."""
    with bundle.store.open(f"{SESSION}transcripts/{run}/utterances.jsonl") as file:
        lines = map(json.loads, iter(lambda: file.readline(LARGEST_LINE), b""))
        drafts = [{name: value for name, value in line.items() if name != "words"} for line in lines]
    return {_place(draft): draft for draft in drafts}


def _corrected(drafts: Mapping[Place, Mapping[str, Any]], lines: Iterable[Mapping[str, Any]]) -> tuple[dict[Place, str], int]:
    """(the texts as corrected, how many corrections fitted)."""
    texts = {place: unicodedata.normalize("NFC", draft["text"]).strip() for place, draft in drafts.items()}
    applied = 0
    for line in lines:
        if line["kind"] == "correct" and texts.get(_place(line)) == line["before"]:
            texts[_place(line)], applied = line["after"], applied + 1
    return texts, applied


def _speakers(
    bundle: Bundle, drafts: Mapping[Place, Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str | None, str]]:
    """(person, name) of each draft: as somebody named the utterance, else its voice, else as the machine guessed."""
    roster = json.loads(read_whole(bundle.store, f"{SESSION}session.json"))["roster"]
    names = {one["person"]: one["name"] for one in reversed(roster)}
    utterances = {_place(line): line for line in lines if line["kind"] == "speaker"}
    voices = {line["label"]: line for line in lines if line["kind"] == "voice"}
    for place, draft in drafts.items():
        label = draft.get("label") or ""
        named = utterances.get(place) or voices.get(label or str(draft["track"]))
        person = named["person"] if named else draft["person"]
        unnamed = f"Voice {label}" if label else f"Track {draft['track']}"
        yield person, names.get(person or "") or (named["name"] if named else unnamed)


def _reviewed(texts: Mapping[Place, str], lines: Iterable[Mapping[str, Any]]) -> int:
    """How many texts somebody has accepted as they are now."""
    marks = {_place(line): line for line in lines if line["kind"] == "review"}
    accepted = {place: mark["text"] for place, mark in marks.items() if mark["decision"] == "accepted" and place in texts}
    return sum(text == digest(unicodedata.normalize("NFC", texts[place]).encode()) for place, text in accepted.items())


def _place(stretch: Mapping[str, Any]) -> Place:
    """What a line of the ledger about an utterance is anchored on."""
    return stretch["stream"], stretch["track"], stretch["first_frame"], stretch["frame_count"]


class Session:
    """The sealed session inside a bundle: seal, journal, sound, ledger."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.store, self.manifest = bundle.store, bundle.statement
        self.statement: dict[str, Any] = {}
        self.streams: dict[int, dict[str, Any]] = {}
        self.segments: list[dict[str, Any]] = []
        self.leaves: dict[tuple[int, int], list[str]] = {}

    def _listed(self, name: str) -> str:
        return self.bundle.listed.get(SESSION + name, "missing")

    def seal(self) -> Iterator[Finding]:
        """The capture seal: another object, by another key, which the certificate names."""
        raw, pem = (read_whole(self.store, SESSION + name) for name in ("seal.json", "seal.pub.pem"))
        self.statement = parse(raw, f"{SESSION}seal.json")
        yield from check_seal(self.bundle, raw, pem, read_whole(self.store, f"{SESSION}seal.sig"), self.manifest["seal"])
        subject, seed = f"{SESSION}salts.key", read_whole(self.store, f"{SESSION}salts.key")
        if len(seed) != 32 or self.statement["salts"] != digest(b"ewS1" + seed):
            yield failed(subject, "It is not the seed the seal commits to.")
        if self.statement["session"] != self.manifest["session"]:
            yield failed(f"{SESSION}seal.json", "It is the seal of another session.")
        if self.statement["session_json"] != self._listed("session.json"):
            yield failed(f"{SESSION}session.json", "It is not the file that was sealed.")
        yield from completeness(self.statement, f"{SESSION}seal.json")

    def sums(self) -> Iterator[Finding]:
        """Every file that was sealed is here, and no other beside what came later."""
        subject = f"{SESSION}SHA256SUMS"
        if self.statement["sha256sums"] != self._listed("SHA256SUMS"):
            yield failed(subject, "It is not the list that was sealed.")
        sealed = {}
        for line in read_whole(self.store, subject).decode("utf-8", "surrogateescape").split("\n")[:-1]:
            value, _, name = line.partition("  ")
            sealed[name] = TAG + value
        later = ("transcripts/", "ledger.jsonl", "SHA256SUMS", "seal.json", "seal.sig")
        inside = {name[len(SESSION) :] for name in self.bundle.listed if name.startswith(SESSION)}
        wrong = [name for name in sorted(sealed) if self._listed(name) != sealed[name]]
        for name in wrong:
            yield failed(SESSION + name, "It is not the file that was sealed.")
        strays = sorted(name for name in inside - sealed.keys() if not name.startswith(later))
        for name in strays:
            yield failed(SESSION + name, "The file was not there when the session was sealed.")
        if not wrong and not strays:
            yield passed(subject, f"{len(sealed)} files are the ones that were sealed when the recording stopped.")

    def journal(self) -> Iterator[Finding]:
        """The recorder's chain, line by line, up to the head that was sealed; then the roots over its leaves."""
        genesis = self._listed("session.json")
        head, count = genesis, 0
        for number, found, line in chain(self.store, f"{SESSION}journal.jsonl", genesis):
            count, head = number, found
            if line["kind"] == "leaf":
                self.leaves[line["stream"], line["index"]] = line["digests"]
            elif line["kind"] == "segment":
                self.segments.append(line)
            elif line["kind"] == "stream":
                if not 0 < line["channels"] <= MOST_CHANNELS or line["rate_hz"] < 1:
                    raise Malformed(f"{SESSION}journal.jsonl", f"Line {number} describes no stream of sound.")
                self.streams[line["stream"]] = line
        if self.statement["journal"] != {"head": head, "lines": count}:
            yield failed(f"{SESSION}journal.jsonl", "It does not end where it was sealed.")
        else:
            yield passed(f"{SESSION}journal.jsonl", f"{count} lines, each follows from the one before, up to the sealed head.")
        yield from self._roots()

    def _roots(self) -> Iterator[Finding]:
        subject = f"{SESSION}seal.json"
        stated = {(root["stream"], root["channel"]): (root["leaves"], root["root"]) for root in self.statement["roots"]}
        found = {}
        for number, stream in self.streams.items():
            indexes = sorted(index for of, index in self.leaves if of == number)
            for channel in range(stream["channels"]):
                shown = {
                    place: bytes.fromhex(self.leaves[number, index][channel][len(TAG) :]) for place, index in enumerate(indexes)
                }
                found[number, channel] = (len(shown), TAG + root_of(len(shown), shown, []).hex())
        if stated != found:
            yield failed(subject, "Its roots are not those of the journalled seconds.")

    def sound(self) -> Iterator[Finding]:
        """Every sample: each second of each channel against its leaf, each file against its digest, in one reading."""
        seed = read_whole(self.store, f"{SESSION}salts.key")
        listed = {name for name in self.bundle.listed if name.startswith(f"{SESSION}audio/")}
        named = {SESSION + str(segment["path"]): segment for segment in self.segments}
        for name in sorted(listed - named.keys()):
            yield failed(name, "The journal does not know this file.")
        there = sorted(name for name in named if name in self.store.sizes)
        good, seconds, expected = True, 0, len(self.leaves)
        with ThreadPoolExecutor(WORKERS) as pool:
            for name, (found, wrong, count) in zip(
                there, pool.map(lambda name: self._segment(name, named[name], seed), there), strict=True
            ):
                seconds += count
                if wrong or found != self.bundle.listed.get(name) or found != named[name]["digest"]:
                    good = False
                    yield from self._differing(name, named[name], wrong)
        if seconds != expected or len(there) != len(named):
            yield failed(f"{SESSION}audio", f"The journal lists {expected} seconds; the files hold {seconds}.")
        elif good:
            yield passed(f"{SESSION}audio", f"{seconds} seconds of sound are, sample by sample, what was sealed.")

    def _differing(self, name: str, segment: Mapping[str, Any], wrong: Sequence[tuple[int, int]]) -> Iterator[Finding]:
        stream = self.streams[segment["stream"]]
        for index, channel in wrong:
            track, clocks = stream["tracks"][channel], "-".join(clock(second) for second in (index, index + 1))
            yield failed(name, f"Track {track} (channel {channel}), second {clocks}, differs from what was sealed.")
        if not wrong:
            yield failed(name, "The file was changed, though not its sound.")

    def _segment(self, name: str, segment: Mapping[str, Any], seed: bytes) -> tuple[str, list[tuple[int, int]], int]:
        """(digest of the file, (second, channel) of what differs, seconds in it)."""
        stream = self.streams[segment["stream"]]
        rate, channels, width = stream["rate_hz"], stream["channels"], WIDTHS[stream["sample_format"]]
        first, end = segment["first_frame"], segment["first_frame"] + segment["frame_count"]
        total, wrong, count = hashlib.sha256(), [], 0
        session, number = self.manifest["session"], segment["stream"]
        try:
            with self.store.open(name) as file:
                total.update(file.read(HEADER_BYTES))
                while first < end:
                    frames = min(rate - first % rate, end - first)
                    pcm = file.read(frames * channels * width)
                    total.update(pcm)
                    index = first // rate
                    expected = self.leaves.get((number, index), [""] * channels)
                    for channel, samples in enumerate(split(pcm, channels, width)):
                        place = sound_place(number, channel, index)
                        if TAG + leaf(session, place, samples, salt_of(seed, b"a", place), b"A").hex() != expected[channel]:
                            wrong.append((index, channel))
                    first, count = first + frames, count + 1
                    if not pcm:
                        break  # nothing more is there, whatever the journal says
                for piece in iter(lambda: file.read(PIECE), b""):
                    total.update(piece)
        except (zipfile.BadZipFile, OSError, EOFError):
            return "unreadable", wrong, count
        return TAG + total.hexdigest(), wrong, count

    def ledger(self) -> Iterator[Finding]:
        """What people did after the seal, up to the head the certificate names, and that each run is the one it vouches for."""
        subject, runs, signers = f"{SESSION}ledger.jsonl", {}, set()
        genesis = self.manifest["seal"]
        head, count = genesis, 0
        for number, found, line in chain(self.store, subject, genesis):
            count, head = number, found
            if count == 1 and (line["kind"], line["session"], line["seal"]) != ("ledger", self.manifest["session"], genesis):
                raise Malformed(subject, "Its first line does not name this session and its seal.")
            if count > 1:
                signers.add(self._signer(line, count))
            if line["kind"] == "asr.run":
                runs[line["run"]] = line["digest"]
        if self.manifest["ledger"] != {"head": head, "lines": count, "bytes": self.store.sizes[subject]}:
            yield failed(subject, "It does not end where the certificate says.")
        else:
            yield passed(subject, f"{count} lines by {len(signers)} signing computers, up to the certified head.")
        for name, value in sorted(runs.items()):
            yield from guarded(f"{SESSION}transcripts/{name}", self._run(name, value))

    def _signer(self, line: dict[str, Any], number: int) -> str:
        signed = {name: value for name, value in line.items() if name != "signature"}
        pem, signature = line["public_key"].encode(), line["signature"]
        if bytes.fromhex(signature).hex() != signature or not self.bundle.fits(pem, bytes.fromhex(signature), canonical(signed)):
            raise Malformed(f"{SESSION}ledger.jsonl", f"Line {number}: the signature does not fit.")
        return fingerprint(pem)

    def _run(self, name: str, value: str) -> Iterator[Finding]:
        place = f"{SESSION}transcripts/{name}/"
        if self._listed(f"transcripts/{name}/run.json") != value:
            yield failed(f"{place}run.json", "It is not the run that was signed into the ledger.")
            return
        files = parse(read_whole(self.store, f"{place}run.json"), f"{place}run.json")["files"]
        inside = {path[len(place) :]: found for path, found in self.bundle.listed.items() if path.startswith(place)}
        if {**files, "run.json": value} != inside:
            yield failed(place, "Its files are not those that run.json lists.")
        else:
            yield passed(place, f"The machine's draft: {len(inside)} files, unchanged since they were written.")


def check_seal(bundle: Bundle, raw: bytes, pem: bytes, signature: bytes, expected: str) -> Iterator[Finding]:
    """The capture seal against its own signature and the certificate's word for it."""
    if digest(raw) != expected:
        yield failed("seal.json", "It is not the seal that the certificate names.")
    elif not bundle.fits(pem, signature, raw):
        yield failed("seal.sig", "The signature does not fit the seal.")
    elif parse(raw, "seal.json")["signer"]["public_key"] != fingerprint(pem):
        yield failed("seal.pub.pem", "The key is not the one the seal names.")
    else:
        yield passed(
            "seal.json", f"The recording computer's own signature fits; the certificate names this seal. {fingerprint(pem)}"
        )


def completeness(seal: Mapping[str, Any], subject: str) -> Iterator[Finding]:
    """What the recorder itself said is missing."""
    stated = seal["completeness"]
    outcome = "pass" if stated["complete"] is True else "unknown"
    for stream in stated["streams"]:
        for gap in stream["gaps"]:
            sentence = f"Stream {stream['stream']}: {gap['frame_count']} frames from {gap['first_frame']} ({gap['cause']})."
            yield Finding("completeness", outcome, subject, _one_line(sentence))
    if outcome == "pass":
        yield Finding("completeness", "pass", subject, "The recorder noticed no loss; what was withheld on purpose is listed.")
        return
    yield Finding(
        "completeness", "unknown", subject, f"The recording is incomplete: {len(stated['alarms'])} alarms about losses."
    )


def chain(store: Store, name: str, genesis: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(number from 1, digest, line) of a chain, each checked to follow from the one before.  Raises `Malformed`."""
    head, number = genesis, 0
    if name not in store.sizes:
        raise Malformed(name, "The file is missing.")
    with store.open(name) as file:
        for raw in iter(lambda: file.readline(LARGEST_LINE), b""):
            number += 1
            if not raw.endswith(b"\n"):
                raise Malformed(name, f"Line {number} ends in the middle, or is too long.")
            line = parse(raw[:-1], name)
            if line.get("seq") != number - 1 or line.get("prev") != head or not isinstance(line.get("kind"), str):
                raise Malformed(name, f"Line {number} does not follow from the one before: one of them was changed or removed.")
            head = digest(raw[:-1])
            yield number, head, line


def split(pcm: bytes, channels: int, width: int) -> list[bytes]:
    """Interleaved samples as one byte string a channel."""
    if channels == 1:
        return [pcm]
    frame, result = channels * width, []
    for channel in range(channels):
        samples = bytearray(len(pcm) // frame * width)
        for byte in range(width):
            samples[byte::width] = pcm[channel * width + byte :: frame][: len(pcm) // frame]
        result.append(bytes(samples))
    return result


def clock(second: int) -> str:
    """A position as ``h:mm:ss``."""
    return f"{second // 3600}:{second // 60 % 60:02}:{second % 60:02}"


# Time stamps (RFC 3161) and certificates, by openssl


TIME_TEXT = """The time stamp says that {kind}.sig existed at {iso} or before.
To check it with openssl alone, in the folder above this one:

openssl ts -verify -attime {seconds} -partial_chain -data certificate/{kind}.sig \\
    -in certificate/{kind}.sig.tsr -CAfile certificate/tsa-chain.pem

It must say: Verification: OK
tsa-chain.pem came with the token.  It shows that the token is whole; that the authority is the one it says you must know by
another way: give openssl that authority's own certificate after -CAfile, and tsa-chain.pem after -untrusted.
"""


def time_text(kind: str, seconds: int) -> bytes:
    """What ``certificate/TIME.txt`` must say of a token made at `seconds` since 1970."""
    iso = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    return TIME_TEXT.format(kind=kind, iso=iso, seconds=seconds).encode()


def check_time(bundle: Bundle, kind: str) -> Iterator[Finding]:
    """The token over the signature, checked as of the moment it was made, so that it stays good when certificates expire."""
    store, name = bundle.store, f"certificate/{kind}.sig.tsr"
    if name not in store.sizes:
        if bundle.statement["time"] != "none":
            yield unknown(name, "TIME-STAMP PENDING: the time is asserted by the signer's computer only.")
        else:
            yield passed(name, "No time stamp was asked for: the time is asserted by the signer's computer only.")
        return
    token, signature = read_whole(store, name, largest=PIECE), read_whole(store, f"certificate/{kind}.sig", largest=PIECE)
    chain_pem = read_whole(store, "certificate/tsa-chain.pem", largest=PIECE)
    yield from check_token(token, signature, chain_pem, bundle.trust, name)
    seconds = token_info(token)[1]
    if read_whole(store, "certificate/TIME.txt", largest=PIECE) != time_text(kind, seconds):
        yield failed("certificate/TIME.txt", "It does not say what the time stamp says.")
    made = bundle.statement.get("certified_at_us", bundle.statement.get("made_at_us", 0)) // 1_000_000
    if seconds < made - 600:
        yield unknown(name, "It is older than the signer says the statement is: one of the two clocks was wrong.")


def check_token(token: bytes, signature: bytes, chain_pem: bytes, trust: Trust, name: str) -> Iterator[Finding]:
    """A token over `signature`; without a chain (PEM), the certificates inside the token must do."""
    try:
        imprint, seconds = token_info(token)
    except (ValueError, IndexError) as error:
        raise Malformed(name, "It is not a time-stamp token.") from error
    if imprint != hashlib.sha256(signature).digest():
        yield failed(name, "It is the time stamp of something else.")
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    roots = b"".join(path.read_bytes() for path in trust.time_authorities)
    if shutil.which("openssl") is None:
        yield unknown(name, f"It says {when}; openssl is not here to check it.")
        return
    if seconds > (trust.now or time.time()) + 86400:
        yield unknown(name, f"It says {when}, which lies in the future of this computer's clock.")
    if roots and token_holds(token, signature, roots, chain_pem, seconds):
        yield passed(name, f"An authority you trust says that the signature existed at {when}.")
    elif not chain_pem:
        yield unknown(name, f"It says {when}; name the authority's certificate (--tsa-ca) to have it checked.")
    elif token_holds(token, signature, chain_pem, chain_pem, seconds):
        sentence = f"The token is whole and says {when}, but its authority is not among those you trust (--tsa-ca)."
        yield unknown(name, sentence)
    else:
        yield failed(name, f"The time stamp does not hold (it says {when}).")


def token_info(token: bytes) -> tuple[bytes, int]:
    """(SHA-256 imprint, seconds since 1970) that a token or a whole reply speaks of.  Raises ``ValueError``, ``IndexError``."""
    _, _, (_, imprint, _), _, (tag, when, _), *_ = values(token_body(token))  # version, policy, imprint, serial number, time
    if tag != 0x18 or not re.fullmatch(rb"[0-9]{14}(\.[0-9]+)?Z", when):
        raise ValueError("no time")
    algorithm, digested = values(imprint)
    if not algorithm[1].startswith(_SHA256):
        raise ValueError("not SHA-256")
    return digested[1], timegm(time.strptime(when[:14].decode(), "%Y%m%d%H%M%S"))


def token_body(token: bytes) -> bytes:
    """What stands inside the TSTInfo of a token or a whole reply.  Raises ``ValueError``, ``IndexError``.

    Found by its place, never by a search: the status text of a reply is not signed, and could hold another one.
    """
    first, second, *_ = values(values(token)[0][1])
    if first[0] == 0x30:  # a whole reply begins with its status
        _, second = values(second[1])
    _, _, encapsulated, *_ = values(values(second[1])[0][1])
    kind, content = values(encapsulated[1])
    if kind[2] != _TIME_INFO:
        raise ValueError("it is no time stamp")
    return values(values(content[1])[0][1])[0][1]


_SHA256 = bytes.fromhex("0609608648016503040201")
_TIME_INFO = bytes.fromhex("060b2a864886f70d0109100104")


def der(data: bytes, place: int) -> tuple[int, int, int]:
    """One DER value as (tag, first byte of the body, one past its last).  Raises ``ValueError``, ``IndexError``."""
    tag, length, start = data[place], data[place + 1], place + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    if start + length > len(data):
        raise ValueError("cut off")
    return tag, start, start + length


def values(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """(tag, body, whole) of the DER values that stand in `data` one behind another.  Raises ``ValueError``, ``IndexError``."""
    found: list[tuple[int, bytes, bytes]] = []
    place = 0
    while place < len(data):
        tag, start, end = der(data, place)
        found.append((tag, data[start:end], data[place:end]))
        place = end
    return found


def token_holds(token: bytes, signature: bytes, roots: bytes, chain_pem: bytes, seconds: int) -> bool:
    """Whether openssl finds the token over `signature` good, as of `seconds`, up to one of the certificates in `roots`."""
    files = {"token": token, "signature": signature, "roots": roots, "chain": chain_pem or roots}
    arguments = ["ts", "-verify", "-attime", str(seconds), "-partial_chain", "-data", "signature", "-in", "token"]
    return _openssl([*arguments, "-CAfile", "roots", "-untrusted", "chain"], files)


def _vouched(bundle: Bundle, chain_pem: bytes, pem: bytes) -> bool:
    """Whether an authority the reader trusts has signed the signer's certificate.

    As of the time stamp, if the reader trusts its authority: a certificate that has expired since was good then.  Else as of now:
    whoever stole the key of an expired certificate could claim any time.
    """
    roots = b"".join(path.read_bytes() for path in bundle.trust.authorities)
    files = {"roots": roots, "chain": chain_pem}
    holds = ["verify", "-attime", str(_trusted_time(bundle)), "-CAfile", "roots", "-untrusted", "chain", "chain"]
    return _openssl(holds, files) and _openssl(["x509", "-in", "chain", "-pubkey", "-noout"], files, expects=pem)


def _trusted_time(bundle: Bundle) -> int:
    names = [name for name in bundle.store.sizes if name.startswith("certificate/") and name.endswith(".sig.tsr")]
    times = b"".join(path.read_bytes() for path in bundle.trust.time_authorities)
    for name in names if times else ():
        token = read_whole(bundle.store, name, largest=PIECE)
        signature = read_whole(bundle.store, name[: -len(".tsr")], largest=PIECE)
        imprint, seconds = token_info(token)
        chain_pem = read_whole(bundle.store, "certificate/tsa-chain.pem", largest=PIECE)
        if imprint == hashlib.sha256(signature).digest() and token_holds(token, signature, times, chain_pem, seconds):
            return seconds
    return int(bundle.trust.now or time.time())


def _openssl(arguments: list[str], files: Mapping[str, bytes], *, expects: bytes | None = None) -> bool:
    """Whether openssl agrees; it sees only `files`, in a folder of its own, and no configuration."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        environment = {"PATH": os.environ.get("PATH", ""), "OPENSSL_CONF": os.devnull, "LC_ALL": "C"}
        command = [shutil.which("openssl") or "openssl", *arguments]
        try:
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0 and (expects is None or done.stdout == expects)


# What was seen before


def check_seen(bundle: Bundle, *, is_good: bool) -> Iterator[Finding]:
    """Against what this reader has seen before: an older or another certificate of the session, an archive set back.

    Only what is good, by a signer who is known, is remembered: a forger must not make the true one look out of date.
    """
    manifest, path, subject = bundle.statement, bundle.trust.seen, "certificate/manifest.json"
    if path is None:
        yield passed(subject, "Freshness was not checked: --seen FILE would remember the newest certificate of each session.")
        return
    seen = read_seen(path)
    session, archive = manifest["session"], manifest["archive"]
    before, log = seen.get(session), seen.get("archive " + archive["id"])
    own = {"revision": manifest["revision"], "manifest": digest(bundle.raw), "ledger": manifest["ledger"]}
    problems = list(_regressions(bundle, before, own, log, archive))
    yield from (failed(subject, sentence) for sentence in problems)
    if problems:
        return
    yield passed(subject, f"Nothing newer of this session was seen before ({path.name}).")
    if is_good:
        newest = own if not before or own["revision"] >= before["revision"] else before
        yield from _remember(path, {**seen, session: newest, "archive " + archive["id"]: archive})


def read_seen(path: Path) -> dict[str, Any]:
    """What was seen before; nothing without the file.  Raises ``OSError``, and ``ValueError`` for a file of another kind."""
    seen = json.loads(path.read_bytes()) if path.exists() else {}
    if not isinstance(seen, dict) or not all(isinstance(value, dict) for value in seen.values()):
        raise ValueError(f"{path} does not remember certificates")
    return seen


def _remember(path: Path, seen: Mapping[str, Any]) -> Iterator[Finding]:
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_bytes(canonical(seen))
        draft.replace(path)
    except OSError as error:
        yield unknown(path.name, f"What was seen could not be remembered: {error.strerror}.")


def _regressions(bundle: Bundle, before: Any, own: Any, log: Any, archive: Any) -> Iterator[str]:
    if before and own["revision"] < before["revision"]:
        yield f"It is revision {own['revision']}; revision {before['revision']} was seen before: this one is out of date."
    elif before and own["revision"] == before["revision"] and own["manifest"] != before["manifest"]:
        yield f"Another certificate with the same revision {own['revision']} was seen before: the signer has made two."
    elif before and _head_at(bundle, before["ledger"]["lines"]) != before["ledger"]["head"]:
        yield "Its ledger is not the one that was seen before, grown longer: lines were removed or exchanged."
    if log and (archive["count"] < log["count"] or (archive["count"] == log["count"] and archive["head"] != log["head"])):
        yield "The archive that made it is older than, or another than, the one that was seen before: it was set back."


def _head_at(bundle: Bundle, lines: int) -> str:
    for number, head, _ in chain(bundle.store, f"{SESSION}ledger.jsonl", bundle.statement["seal"]):
        if number == lines:
            return head
    return "missing"


# The signature inside a PDF (PAdES, EN 319 142-1): for readers who have nothing but the PDF


class Cms(NamedTuple):
    """What counts of the signature inside a PDF (RFC 5652): what was signed, and a time stamp, if there is one."""

    attributes: bytes
    imprint: bytes
    signature: bytes
    certificate: bytes
    token: bytes


def check_pdfs(bundle: Bundle) -> Iterator[Finding]:
    """Every PDF that was signed with the statement: its own signature is by the same key, over all of its bytes."""
    for name in sorted(name for name in bundle.listed if name.endswith(".pdf") and name in bundle.store.sizes):
        if name.startswith("data/transcript/"):
            yield from guarded(name, check_pdf(bundle, name))


def check_pdf(bundle: Bundle, name: str) -> Iterator[Finding]:
    """The signature inside one PDF; without one there is nothing but the statement's digest, and that is said."""
    pdf, pem = read_whole(bundle.store, name), read_whole(bundle.store, "certificate/signer.pub.pem", largest=PIECE)
    found = [[int(number) for number in match.groups()] for match in _BYTE_RANGE.finditer(pdf)]
    if not found:
        yield passed(name, "It carries no signature of its own; its bytes are the ones that were signed with the statement.")
        return
    first, before, after, rest = found[-1]
    contents = pdf[before:after]
    if first or after + rest != len(pdf) or not re.fullmatch(b"<([0-9a-fA-F]{2})+>", contents):
        yield failed(name, "The signature inside does not cover the whole file.")
        return
    try:
        cms = read_cms(bytes.fromhex(contents[1:-1].decode()))
    except (ValueError, IndexError) as error:
        raise Malformed(name, f"The signature inside cannot be read ({error}).") from error
    key = base64.b64decode(b"".join(pem.split(b"\n")[1:-2]))
    if cms.imprint != hashlib.sha256(pdf[:before] + pdf[after:]).digest():
        yield failed(name, "The signature inside is that of other bytes: the document was changed after it was signed.")
    elif not bundle.fits(pem, cms.signature, cms.attributes) or key not in cms.certificate:
        yield failed(name, "The signature inside is not by the key that signed the statement.")
    else:
        yield passed(name, "The signature inside is by the key that signed the statement, and covers the whole file.")
    if cms.token:
        yield from _pdf_time(bundle, name, cms)


_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*\]")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910022f")
_TIME_TOKEN = bytes.fromhex("060b2a864886f70d010910020e")


def read_cms(data: bytes) -> Cms:
    """The one signature in a CMS ``SignedData`` with zeros behind it.  Raises ``ValueError``, ``IndexError``."""
    _, start, end = der(data, 0)
    kind, content = values(data[start:end])
    (_, body, _), *_ = values(content[1])
    parts = values(body)
    (_, info, _), *others = values(parts[-1][1])
    _, _, algorithm, attributes, scheme, (tag, signature, _), *unsigned = values(info)
    if any(data[end:]) or others or kind[2] != _SIGNED_DATA or tag != 4 or attributes[0] != 0xA0:
        raise ValueError("it is not one signature")
    if not algorithm[2][2:].startswith(_SHA256) or _ECDSA_SHA256 not in scheme[2]:
        raise ValueError("it is not ECDSA with SHA-256")
    imprint = _attribute(attributes[1], _MESSAGE_DIGEST)
    token = _attribute(unsigned[0][1], _TIME_TOKEN) if unsigned else b""
    ((_, certificate, _),) = [part for part in parts if part[0] == 0xA0]
    if hashlib.sha256(certificate).digest() not in _attribute(attributes[1], _SIGNING_CERTIFICATE):
        raise ValueError("its certificate is not the one that was signed with it")
    return Cms(b"\x31" + attributes[2][1:], imprint[2:], signature, certificate, token)


def _attribute(attributes: bytes, kind: bytes) -> bytes:
    """The one value of the one attribute of that kind, or nothing."""
    pairs = [values(body) for _, body, _ in values(attributes)]
    found = [held[1] for name, held in pairs if name[2] == kind]
    if len(found) > 1 or (found and der(found[0], 0)[2] != len(found[0])):
        raise ValueError("an attribute stands in it twice")
    return found[0] if found else b""


def _pdf_time(bundle: Bundle, name: str, cms: Cms) -> Iterator[Finding]:
    """The time stamp over the signature inside a PDF."""
    imprint, seconds = token_info(cms.token)
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    place, status = "certificate/tsa-chain.pem", bytes.fromhex("3003020100")
    chain_pem = read_whole(bundle.store, place, largest=PIECE) if place in bundle.store.sizes else b""
    roots = b"".join(path.read_bytes() for path in bundle.trust.time_authorities)
    length = len(status) + len(cms.token)
    reply = b"\x30\x83" + length.to_bytes(3, "big") + status + cms.token
    if imprint != hashlib.sha256(cms.signature).digest():
        yield failed(name, "The time stamp inside is that of something else.")
    elif roots and shutil.which("openssl") and token_holds(reply, cms.signature, roots, chain_pem, seconds):
        yield passed(name, f"An authority you trust says that the signature inside existed at {when}.")
    else:
        yield unknown(name, f"The time stamp inside says {when}; that its authority is one you trust (--tsa-ca) was not shown.")


# An excerpt or a redacted copy


ORIGINAL = "data/original/"
WORDS = "data/transcript/words.json"
PAGES = "data/transcript/transcript.txt"
_ORIGINALS = ("seal.json", "seal.sig", "seal.pub.pem", "manifest.json", "manifest.sig", "signer.pub.pem")
DISCLOSED = frozenset([*(f"{ORIGINAL}{name}" for name in _ORIGINALS), WORDS, LINEMAP, PAGES])
"""Every payload file of a disclosure but the sound, which its statement names."""


def _disclosure(bundle: Bundle) -> Iterator[Finding]:
    """Everything shown stands in the sealed original at its place; everything hidden is listed."""
    yield from check_files(bundle, [name for name in bundle.listed if not name.startswith("data/audio/")])
    raw, pem = read_whole(bundle.store, f"{ORIGINAL}seal.json"), read_whole(bundle.store, f"{ORIGINAL}seal.pub.pem")
    seal, statement = parse(raw, f"{ORIGINAL}seal.json"), bundle.statement
    yield from check_seal(bundle, raw, pem, read_whole(bundle.store, f"{ORIGINAL}seal.sig"), statement["original"]["seal"])
    yield from completeness(seal, f"{ORIGINAL}seal.json")
    if seal["session"] != statement["session"]:
        yield failed(f"{ORIGINAL}seal.json", "It is the seal of another session.")
    manifest: dict[str, Any] | None = None
    if statement["original"]["manifest"] is not None:
        manifest_raw = read_whole(bundle.store, f"{ORIGINAL}manifest.json")
        manifest = parse(manifest_raw, f"{ORIGINAL}manifest.json")
        yield from guarded(f"{ORIGINAL}manifest.json", _original(bundle, manifest, manifest_raw))
    elif fingerprint(pem) not in bundle.trust.fingerprints:
        yield unknown(f"{ORIGINAL}seal.pub.pem", f"The recording computer's key is unknown here: {fingerprint(pem)}.")
    yield from guarded("data/audio", _shown_sound(bundle, seal))
    if manifest is not None:
        proved = True
        for finding in guarded(WORDS, _shown_words(bundle, manifest)):
            proved = proved and finding.outcome == "pass"
            yield finding
        for name in sorted(_drawn(bundle)) if proved else ():
            yield from guarded(name, _redrawn(bundle, manifest, name))
    yield from guarded("certificate/disclosure.sig.tsr", check_time(bundle, "disclosure"))


def _original(bundle: Bundle, manifest: dict[str, Any], raw: bytes) -> Iterator[Finding]:
    """The certificate the excerpt is taken from: signed by its own key, over this seal."""
    pem, stated = read_whole(bundle.store, f"{ORIGINAL}signer.pub.pem"), bundle.statement
    if digest(raw) != stated["original"]["manifest"] or manifest["session"] != stated["session"]:
        yield failed(f"{ORIGINAL}manifest.json", "It is not the certificate that the disclosure names.")
    elif not bundle.fits(pem, read_whole(bundle.store, f"{ORIGINAL}manifest.sig"), raw):
        yield failed(f"{ORIGINAL}manifest.sig", "The signature does not fit the original certificate.")
    elif manifest["signer"]["public_key"] != fingerprint(pem) or manifest["seal"] != stated["original"]["seal"]:
        yield failed(f"{ORIGINAL}manifest.json", "The original certificate names another key or another seal.")
    else:
        yield passed(f"{ORIGINAL}manifest.sig", "The original certificate's signature fits.")
        yield from check_statement(manifest)
    if fingerprint(pem) not in bundle.trust.fingerprints:
        yield unknown(f"{ORIGINAL}signer.pub.pem", f"INTACT, SIGNER UNKNOWN {grouped(fingerprint(pem))}: {fingerprint(pem)}.")


def _shown_sound(bundle: Bundle, seal: Mapping[str, Any]) -> Iterator[Finding]:
    roots = {(root["stream"], root["channel"]): root for root in seal["roots"]}
    audio = bundle.statement["audio"]
    named = {item[which] for item in audio for which in ("path", "proof")} | _drawn(bundle)
    for name in sorted(bundle.listed.keys() - named - DISCLOSED):
        yield failed(name, "The disclosure does not name this file: nothing in it is proved.")
    if not audio:
        yield passed("data/audio", "No sound is disclosed.")
    for item in audio:
        yield from guarded(item["path"], _shown_channel(bundle, item, roots[item["stream"], item["channel"]]))


def _shown_channel(bundle: Bundle, item: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Finding]:
    """One channel's file: plain WAV, hidden seconds are zeros, every other second leads to the sealed root."""
    name, count = item["path"], sum(run[2] for run in item["runs"])
    refuse_too_many([run[2] for run in item["runs"]])
    refuse_too_many(seconds for one in bundle.statement["redactions"] for _, _, seconds in one["seconds"])
    proof = parse(read_whole(bundle.store, item["proof"]), item["proof"])
    shown, problem = _sound_leaves(bundle, item, bytes.fromhex(proof["salts"]))
    found = TAG + root_of(root["leaves"], shown, [bytes.fromhex(one) for one in proof["hidden"]]).hex()
    listed = {
        second
        for redaction in bundle.statement["redactions"]
        for stream, first, seconds in redaction["seconds"]
        if stream == item["stream"]
        for second in range(first, first + seconds)
    }
    held = {second for _, first, seconds in item["runs"] for second in range(first, first + seconds)}
    whole = bundle.statement["kind"] != "redaction" or (count == root["leaves"] and listed & held == set(item["hidden"]))
    if problem:
        yield failed(name, problem)
    elif not whole:
        yield failed(name, "What is withheld is not what the disclosure lists as withheld.")
    elif found != root["root"]:
        yield failed(name, "Its sound is not what was sealed at this place.")
    else:
        first, last = item["runs"][0][1], item["runs"][-1][1] + item["runs"][-1][2]
        but = f", {len(item['hidden'])} of them withheld" if item["hidden"] else ""
        sentence = (
            f"Track {item['track']}, {clock(first)}-{clock(last)}: {count} seconds{but}, at their place in the sealed recording."
        )
        yield passed(name, sentence)


def _sound_leaves(bundle: Bundle, item: Mapping[str, Any], salts: bytes) -> tuple[dict[int, bytes], str]:
    """(position in the tree → leaf of every second shown, what is wrong with the file)."""
    header = wav_header(item["rate_hz"], item["sample_format"], item["bytes"])
    second, left = item["rate_hz"] * WIDTHS[item["sample_format"]], item["bytes"]
    shown: dict[int, bytes] = {}
    total, silent, hidden = hashlib.sha256(), True, set(item["hidden"])
    with bundle.store.open(item["path"]) as file:
        head = file.read(len(header))
        total.update(head)
        for position, first, count in item["runs"]:
            for step in range(count):
                pcm = file.read(min(second, left))
                left -= len(pcm)
                total.update(pcm)
                if first + step in hidden:
                    silent = silent and not any(pcm)
                    continue
                place = sound_place(item["stream"], item["channel"], first + step)
                shown[position + step] = leaf(bundle.statement["session"], place, pcm, salts[:16], b"A")
                salts = salts[16:]
        rest = file.read(PIECE)
    good = TAG + total.hexdigest() == bundle.listed[item["path"]] and head == header and silent and not (left or rest or salts)
    return shown, "" if good else "The file is not what it should be: its header, its length or its hidden seconds were changed."


def wav_header(rate_hz: int, sample_format: str, data_bytes: int) -> bytes:
    """44 bytes of a plain one-channel WAV file."""
    width, kind = WIDTHS[sample_format], 3 if sample_format.startswith("f") else 1
    form = struct.pack("<HHIIHH", kind, 1, rate_hz, rate_hz * width, width, 8 * width)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + data_bytes)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", data_bytes)
    )


def _shown_words(bundle: Bundle, manifest: Mapping[str, Any]) -> Iterator[Finding]:
    """The words shown lead to the certified root; what is hidden is listed; the pages are drawn from just these words."""
    shown_words = parse(read_whole(bundle.store, WORDS), WORDS)
    stated, session, revision = manifest["transcript"], manifest["session"], manifest["revision"]
    refuse_too_many([stated["leaves"]])
    shown = {}
    for item in shown_words["shown"]:
        place, salt = text_place(revision, item["leaf"]), bytes.fromhex(item["salt"])
        shown[item["leaf"]] = leaf(session, place, canonical(item["holds"]), salt, b"T")
    found = TAG + root_of(stated["leaves"], shown, [bytes.fromhex(one) for one in shown_words["hidden"]]).hex()
    linemap = read_whole(bundle.store, LINEMAP)
    marks = hidden_marks(bundle.statement)
    unlisted = bundle.statement["kind"] == "redaction" and set(range(stated["leaves"])) - shown.keys() != marks.keys()
    if found != stated["root"]:
        yield failed(WORDS, "Its words are not those that were certified at this place.")
    elif unlisted or marks.keys() & shown.keys():
        yield failed(WORDS, "What is hidden is not what the disclosure lists as hidden.")
    elif digest(linemap) != manifest["linemap"]:
        yield failed(LINEMAP, "It is not the line map of the certified transcript.")
    elif read_whole(bundle.store, PAGES) != pages(linemap, shown_words["shown"], bundle.statement):
        yield failed(PAGES, "It is not drawn from the words that are proved.")
    else:
        sentence = f"{len(shown)} of {stated['leaves']} leaves are shown, word by word at their certified place"
        yield passed(WORDS, f"{sentence}; {len(marks)} are listed as redacted.")


def _drawn(bundle: Bundle) -> set[str]:
    """The documents that the discloser has drawn of the words."""
    return set(bundle.statement.get("documents", {"files": []})["files"]) & {
        f"data/transcript/transcript.{kind}" for kind in ("pdf", "docx")
    }


def _redrawn(bundle: Bundle, manifest: Mapping[str, Any], name: str) -> Iterator[Finding]:
    """A document is proved by drawing it anew: to read its words out of it would not show what a reader sees."""
    linemap, words = read_whole(bundle.store, LINEMAP), read_whole(bundle.store, WORDS)
    drawn = bundle.redraw(name, bundle.statement, manifest, linemap, words) if bundle.redraw else None
    if drawn and drawn[0] == read_whole(bundle.store, name):
        yield passed(name, "Drawn anew from the words that are proved, it is the same byte for byte.")
    elif drawn and drawn[1]:
        yield failed(name, "It is not the drawing of the words that are proved.")
    else:
        by = "`everyword verify` with the libraries it was drawn with can; the words that are proved stand in transcript.txt"
        yield unknown(name, f"It is signed by whoever made this copy, but nobody here can draw it anew to compare: {by}.")


def hidden_marks(statement: Mapping[str, Any]) -> dict[int, str]:
    """Leaf → the mark of the redaction that hides it.  Raises ``ValueError`` for more than there can be."""
    refuse_too_many(count for redaction in statement["redactions"] for _, count in redaction["leaves"])
    return {
        leaf_index: redaction["mark"]
        for redaction in statement["redactions"]
        for first, count in redaction["leaves"]
        for leaf_index in range(first, first + count)
    }


def pages(linemap: bytes, shown: Sequence[Mapping[str, Any]], statement: Mapping[str, Any]) -> bytes:
    """The shown words at their certified page and line; what is redacted is its mark, whatever else is not shown three dots."""
    rows = [[int(part or 0) for part in row.split(",")[:5]] for row in linemap.decode().splitlines()[1:]]
    refuse_too_many(row[4] for row in rows)
    refuse_too_many(count for redaction in statement["redactions"] for _, _, count in redaction["words"])
    held = [item["holds"] for item in shown]
    words = {(one["utterance"], one["word"]): one["text"] for one in held if one["kind"] == "word"}
    speakers = {one["utterance"]: one["speaker"] for one in held if one["kind"] == "speaker"}
    for redaction in statement["redactions"]:
        for number, first, count in redaction["words"]:
            words.update({(number, word): f"[REDACTED {redaction['mark']}]" for word in range(first, first + count)})
    lines, last = [], None
    for page, line, number, first, count in rows:
        text = _line_text([words.get((number, word)) for word in range(first, first + count)])
        if text in ("", "..."):
            continue
        label = speakers.get(number, "[speaker not shown]") + ": " if number != last else ""
        lines.append(f"{page:4}:{line:02}  {_one_line(label)}{_one_line(text)}\n")
        last = number
    return "".join(lines).encode()


def _line_text(parts: Sequence[str | None]) -> str:
    joined: list[str] = []
    for part in parts:
        text = "..." if part is None else " ".join(part.split())
        if not (joined and joined[-1] == text and (part is None or text.startswith("[REDACTED "))):
            joined.append(text)
    return " ".join(joined)


# The command


def exit_code(findings: Iterable[Finding]) -> int:
    """0 if every check passed, 4 if one failed, else 3."""
    outcomes = {finding.outcome for finding in findings}
    return 4 if "fail" in outcomes else 3 if outcomes != {"pass"} else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one bundle and say so."""
    reader = argparse.ArgumentParser(description="Check a certified bundle, or an excerpt of one.")
    reader.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    reader.add_argument("--key", action="append", type=Path, default=[], help="PEM file of a public key you trust")
    reader.add_argument("--fingerprint", action="append", default=[], help="SHA-256 of a public key you trust")
    reader.add_argument("--ca", action="append", type=Path, default=[], help="PEM file of an authority that vouches for signers")
    reader.add_argument("--tsa-ca", action="append", type=Path, default=[], help="PEM file of a time-stamp authority you trust")
    reader.add_argument("--seen", type=Path, help="file that remembers the newest certificate of each session")
    reader.add_argument("--json", action="store_true", help="answer in JSON")
    reader.add_argument("--quiet", action="store_true", help="leave out the checks that passed")
    options = reader.parse_args(arguments)
    try:
        known = {fingerprint(path.read_bytes()) for path in options.key}
        known |= {TAG + one.lower().replace(TAG, "") for one in options.fingerprint}
        trust = Trust(frozenset(known), tuple(options.ca), tuple(options.tsa_ca), options.seen)
        check_trust(trust)
        findings = list(_told(verify(options.bundle, trust), options))
    except (NotABundle, OSError, ValueError) as error:
        sys.stderr.write(f"verify.py: {_one_line(str(error))}\n")
        return 1
    code = exit_code(findings)
    if options.json:
        sys.stdout.write(json.dumps({"exit_code": code, "findings": [one._asdict() for one in findings]}) + "\n")
    else:
        words = {0: "VERIFIED", 3: "INTACT, BUT SOMETHING IS UNKNOWN OR INCOMPLETE", 4: "SOMETHING WAS CHANGED, OR IS MALFORMED"}
        sys.stdout.write(f"{words[code]}\n")
    return code


def _told(findings: Iterable[Finding], options: argparse.Namespace) -> Iterator[Finding]:
    for finding in findings:
        if not options.json and not (options.quiet and finding.outcome == "pass"):
            sys.stdout.write(f"{finding.outcome.upper():8}{finding.subject}: {finding.sentence}\n")
        yield finding


if __name__ == "__main__":
    sys.exit(main())
