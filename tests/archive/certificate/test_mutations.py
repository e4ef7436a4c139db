"""Flipped bits and mutated bundles: no crash, no hang, no exit 0.  The whole of it is slow; a slice runs every time."""

import os
import random
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import pytest

from archive.certificate import bundle
from everyword import checker, keys
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Issued, check, outcome

EXHAUSTIVE = (
    "certificate/manifest.json",
    "certificate/manifest.sig",
    "certificate/manifest.sig.tsr",
    "certificate/signer.pub.pem",
    "certificate/tsa-chain.pem",
    "certificate/TIME.txt",
    "data/session/seal.json",
    "data/session/seal.sig",
    "data/session/seal.pub.pem",
    "data/session/ledger.jsonl",
    "data/transcript/transcript.json",
)
SAMPLED = ("data/session/audio/s1/000000.wav", "data/transcript/transcript.txt", "data/transcript/transcript.pdf")
LONGEST_S = 10


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    """A bundle that is read in no time: nine seconds, one segment."""
    tmp_path = tmp_path_factory.mktemp("small")
    folder, home, authority = forge.a_session(tmp_path, seconds=9), tmp_path / "home", forge.Authority(tmp_path / "authority")
    entry, signer = forge.a_key(home)
    made = forge.certified(folder, entry, signer, home=home, has_authority=True, formats=("txt", "pdf"))
    forge.stamp(folder, authority, home=home)
    return Issued(home, folder, entry, signer, made, bundle.write(folder, made, to=tmp_path / "out"), authority)


class Mutated:
    """A bundle in the memory with one file changed: thousands of copies on the disk would take the time, not the checks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = {one.relative_to(path).as_posix(): one.read_bytes() for one in path.rglob("*") if one.is_file()}

    @property
    def sizes(self) -> dict[str, int]:
        """As `checker.Folder` has them."""
        return {name: len(data) for name, data in self.files.items()}

    def open(self, name: str) -> object:
        """A file, for reading in pieces."""
        from io import BytesIO

        return BytesIO(self.files[name])

    def strangeness(self) -> str:
        """Nothing hides in the memory."""
        return ""


def verdict(store: object, issued: Issued) -> int:
    """The exit code; whatever escapes is a crash."""
    return outcome(list(checker.verify_store(store, issued.trust, fits=keys.is_signed)))


def is_refused(store: object, issued: Issued) -> bool:
    """Whether any check fails; the first that does is enough, so that every bit of a file can be tried."""
    return any(one.outcome == "fail" for one in checker.verify_store(store, issued.trust, fits=keys.is_signed))


@contextmanager
def no_longer_than(seconds: int) -> Iterator[None]:
    """A check that hangs is a failure."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"no answer after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def flips_that_pass(issued: Issued, name: str, places: Iterable[int], *, is_whole: bool = True) -> list[int]:
    """The bits of a file that may be flipped without anybody noticing: there must be none.

    ``is_whole`` carries every check through, so that a crash in any of them is found, too.
    """
    store = Mutated(issued.bundle)
    whole, passed = store.files[name], []
    for place in places:
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        store.files[name] = bytes(data)
        with no_longer_than(LONGEST_S):
            noticed = verdict(store, issued) != 0 if is_whole else is_refused(store, issued)
            if not noticed:
                passed.append(place)
    return passed


def test_untouched_in_the_memory_it_is_verified(small: Issued) -> None:
    assert 0 == verdict(Mutated(small.bundle), small)


@pytest.mark.parametrize("name", EXHAUSTIVE + SAMPLED)
def test_a_flipped_bit_is_noticed(name: str, small: Issued) -> None:
    bits = 8 * (small.bundle / name).stat().st_size
    assert [] == flips_that_pass(small, name, random.Random(1).sample(range(bits), 25))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", EXHAUSTIVE)
def test_every_flipped_bit_is_noticed(name: str, small: Issued) -> None:
    bits = 8 * (small.bundle / name).stat().st_size
    assert [] == flips_that_pass(small, name, range(bits), is_whole=False)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SAMPLED)
def test_a_thousand_flipped_bits_are_noticed(name: str, small: Issued) -> None:
    bits = 8 * (small.bundle / name).stat().st_size
    assert [] == flips_that_pass(small, name, random.Random(2).sample(range(bits), 1000))


# Whole bundles


def mutate(files: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    """One to three random things happen to a bundle's files."""
    files = dict(files)
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(sorted(files))
        data = files[name]
        at, length = chance.randrange(len(data) + 1), chance.choice([1, 2, 16, 1000])
        kind = chance.randrange(9)
        if kind == 0:
            files[name] = data[:at] + chance.randbytes(length) + data[at + length :]
        elif kind == 1:
            files[name] = data[:at] + data[at + length :]
        elif kind == 2:
            files[name] = data[:at] + chance.randbytes(length) + data[at:]
        elif kind == 3:
            del files[name]
        elif kind == 4:
            files[f"{name}{chance.choice(['x', '/x', ' ', '.bak'])}"] = data
        elif kind == 5:
            files[name] = chance.choice(list(files.values()))
        elif kind == 6:
            files[name] = data.replace(*chance.choice(_SWAPS))
        elif kind == 7:
            files[chance.choice(_NAMES)] = chance.randbytes(length)
        else:
            files[name] = chance.choice(_CONTENTS)
    return files


_SWAPS = [
    (b"1", b"2"),
    (b'"', b"'"),
    (b":", b"::"),
    (b"null", b"[]"),
    (b"{", b"[{"),
    (b"sha256", b"sha1"),
    (b"0", b"-1"),
    (b"a", b"\xff"),
]
_NAMES = [
    "../x",
    "/etc/passwd",
    "data/con",
    "certificate/disclosure.json",
    "data/a\nb",
    "data/session/audio/s1/000009.wav",
    "x" * 300,
]
_CONTENTS = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'{"a":1e999}',
    b"[" * 5000,
    b"\0" * 5000,
    b"\xff\xfe",
    b'{"everyword_certificate":1}',
    b"9" * 5000,
]


def mutants_that_pass(issued: Issued, count: int, *, seed: int) -> list[int]:
    """Numbers of mutated bundles that are taken for whole: there must be none."""
    store, chance, passed = Mutated(issued.bundle), random.Random(seed), []
    whole = store.files
    for number in range(count):
        store.files = mutate(whole, chance)
        with no_longer_than(LONGEST_S):
            if verdict(store, issued) == 0 and store.files != whole:
                passed.append(number)
    return passed


def test_three_hundred_mutated_bundles(small: Issued) -> None:
    assert [] == mutants_that_pass(small, 300, seed=3)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ten_thousand_mutated_bundles(small: Issued) -> None:
    assert [] == mutants_that_pass(small, 10_000, seed=int(os.environ.get("EVERYWORD_TEST_SEED", "4")))


# Zip files


def zips_that_pass(issued: Issued, count: int, *, seed: int, to: Path) -> list[int]:
    """Bits of a zip file that may be flipped without anybody noticing."""
    whole = bundle.write(issued.folder, issued.certificate, to=to, as_zip=True).read_bytes()
    chance, passed, path = random.Random(seed), [], to / "flipped.zip"
    heads = [place for place in range(len(whole)) if whole[place : place + 2] == b"PK"]
    for number in range(count):
        near = chance.choice(heads) + chance.randrange(80)
        place = 8 * min(near, len(whole) - 1) if number % 2 else chance.randrange(8 * len(whole))
        data = bytearray(whole)
        data[place // 8] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        with no_longer_than(LONGEST_S):
            try:
                if outcome(check(path, issued.trust)) == 0:
                    passed.append(place)
            except checker.NotABundle:
                continue
    return passed


def test_a_flipped_bit_of_a_zip_file_is_noticed_even_where_no_file_is(small: Issued, tmp_path: Path) -> None:
    assert [] == zips_that_pass(small, 60, seed=5, to=tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_flipped_bits_of_a_zip_file_are_noticed(small: Issued, tmp_path: Path) -> None:
    assert [] == zips_that_pass(small, 1000, seed=6, to=tmp_path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bytes behind it", lambda data: data + b"more"),
        ("bytes before it", lambda data: b"more" + data),
        ("a comment", lambda data: data[:-2] + b"\x04\x00more"),
        ("cut off", lambda data: data[:-40]),
    ],
)
def test_a_zip_file_with_something_hidden_in_it_is_never_verified(
    name: str, change: object, small: Issued, tmp_path: Path
) -> None:
    path = bundle.write(small.folder, small.certificate, to=tmp_path, as_zip=True)
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with suppress(checker.NotABundle):
        assert outcome(check(path, small.trust)) in (3, 4)


def test_files_and_places_beyond_4_gib_are_written_as_every_reader_expects(tmp_path: Path) -> None:
    """A sparse file: only the headers and a small entry behind four gigabytes are there."""
    import zipfile
    import zlib

    path, large, small = tmp_path / "large.zip", (1 << 32) + 5, b"behind it"
    with path.open("wb") as file:
        local, first = checker.zip_headers("x/large", large, 0, 0)
        file.write(local)
        file.seek(len(local) + large)
        place = file.tell()
        local, second = checker.zip_headers("x/small", len(small), zlib.crc32(small), place)
        file.write(local + small)
        end = file.tell()
        file.write(first + second + checker.zip_end(2, len(first + second), end))
    with zipfile.ZipFile(path) as packed:
        assert [(large, 0), (len(small), place)] == [(info.file_size, info.header_offset) for info in packed.infolist()]
        assert small == packed.read("x/small")
    assert "" == checker.Zip(path).strangeness()


def test_a_compressed_zip_file_is_not_read(small: Issued, tmp_path: Path) -> None:
    """It could be a bomb."""
    import shutil

    path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", small.bundle.parent, small.bundle.name))
    assert any("compressed" in one.sentence for one in check(path, small.trust) if one.outcome == "fail")
