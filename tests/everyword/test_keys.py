"""Keys and signatures, checked by a program that is not ours."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from everyword import keys
from everyword.errors import CorruptFolder, DiskTrouble

DATA = b"what was signed"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def _openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)


@needs_openssl
def test_openssl_verifies_a_signature_and_refuses_it_for_other_bytes(tmp_path: Path) -> None:
    key = keys.device_key(tmp_path)
    (tmp_path / "pem").write_bytes(keys.public_pem(key))
    (tmp_path / "sig").write_bytes(keys.sign(key, DATA))
    outputs = []
    for data in (DATA, DATA + b"."):
        (tmp_path / "data").write_bytes(data)
        done = _openssl("dgst", "-sha256", "-verify", tmp_path / "pem", "-signature", tmp_path / "sig", tmp_path / "data")
        outputs.append((done.returncode, done.stdout))
    assert [(0, "Verified OK\n"), (1, "Verification failure\n")] == outputs


@needs_openssl
def test_the_fingerprint_is_what_openssl_makes_of_the_key(tmp_path: Path) -> None:
    key = keys.device_key(tmp_path)
    (tmp_path / "pem").write_bytes(keys.public_pem(key))
    assert 0 == _openssl("pkey", "-pubin", "-in", tmp_path / "pem", "-outform", "DER", "-out", tmp_path / "der").returncode
    sums = subprocess.run(["sha256sum", tmp_path / "der"], capture_output=True, text=True, check=True)
    assert f"sha256:{sums.stdout.split()[0]}" == keys.fingerprint(keys.public_pem(key))


def test_the_key_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    first, again = (keys.public_pem(keys.device_key(tmp_path)) for _ in range(2))
    assert first == again
    assert (0o600, 0o700) == tuple((tmp_path / name).stat().st_mode & 0o777 for name in ("keys/device.pem", "keys"))
    assert ["device.pem"] == [path.name for path in (tmp_path / "keys").iterdir()]


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from everyword import keys; sys.stdin.read(1); "
    code += "print(keys.fingerprint(keys.public_pem(keys.device_key(Path(sys.argv[1])))))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("g")
        process.stdin.flush()
    assert 1 == len({process.communicate(timeout=60)[0] for process in processes})
    assert ["device.pem"] == [path.name for path in (tmp_path / "keys").iterdir()]


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_key_is_made_where_files_cannot_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    first, again = (keys.public_pem(keys.device_key(tmp_path)) for _ in range(2))
    assert first == again
    assert ["device.pem"] == [path.name for path in (tmp_path / "keys").glob("[!.]*")]


def test_what_a_dead_process_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / f".device-{os.getpid()}.pem").write_text("half a")
    assert keys.device_key(tmp_path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\0" * 99])
def test_a_damaged_key_is_named_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "device.pem").write_bytes(content)
    with pytest.raises(CorruptFolder, match=r"device\.pem is not a private key"):
        keys.device_key(tmp_path)
    assert content == (tmp_path / "keys" / "device.pem").read_bytes()


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize(
    "pem",
    [
        _pem(ec.generate_private_key(ec.SECP384R1())),
        _pem(ed25519.Ed25519PrivateKey.generate()),
        _pem(rsa.generate_private_key(65537, 2048)),
        _pem(ec.generate_private_key(ec.SECP256R1()), b"password"),
    ],
    ids=["p384", "ed25519", "rsa", "with a password"],
)
def test_a_key_of_another_kind_is_refused(tmp_path: Path, pem: bytes) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "device.pem").write_bytes(pem)
    with pytest.raises(CorruptFolder, match="is not a"):
        keys.device_key(tmp_path)


def test_a_home_that_is_a_file_is_a_disk_trouble(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(DiskTrouble, match="cannot be written"):
        keys.device_key(tmp_path / "home")


def test_a_signature_is_always_the_same_and_has_the_smaller_s(tmp_path: Path) -> None:
    key = keys.device_key(tmp_path)
    for number in range(20):
        data = bytes([number])
        signature = keys.sign(key, data)
        assert signature == keys.sign(key, data)
        assert decode_dss_signature(signature)[1] <= keys._ORDER // 2


def test_the_twin_with_the_larger_s_is_refused_though_the_mathematics_fit(tmp_path: Path) -> None:
    key = keys.device_key(tmp_path)
    r, s = decode_dss_signature(keys.sign(key, DATA))
    twin = encode_dss_signature(r, keys._ORDER - s)
    key.public_key().verify(twin, DATA, keys._SCHEME)
    assert [True, False] == [keys.is_signed(keys.public_pem(key), each, DATA) for each in (encode_dss_signature(r, s), twin)]


def test_no_flipped_bit_of_a_signature_is_accepted(tmp_path: Path) -> None:
    key = keys.device_key(tmp_path)
    pem, signature = keys.public_pem(key), keys.sign(key, DATA)
    flipped = [
        signature[:at] + bytes([signature[at] ^ 1 << bit]) + signature[at + 1 :]
        for at in range(len(signature))
        for bit in range(8)
    ]
    assert [] == [each for each in [*flipped, signature + b"\0", signature[:-1], b""] if keys.is_signed(pem, each, DATA)]


def test_no_flipped_bit_of_a_public_key_breaks_anything(tmp_path: Path) -> None:
    """Some are still the same key (a line break has many spellings): that is why SHA256SUMS lists the file."""
    key = keys.device_key(tmp_path)
    pem, signature = keys.public_pem(key), keys.sign(key, DATA)
    for at in range(len(pem)):
        flipped = pem[:at] + bytes([pem[at] ^ 1]) + pem[at + 1 :]
        if keys.is_signed(flipped, signature, DATA):
            assert keys.fingerprint(pem) == keys.fingerprint(flipped)


def test_another_kind_of_public_key_signs_nothing() -> None:
    pem = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert not keys.is_signed(pem, b"", DATA)
    with pytest.raises(ValueError, match="P-256"):
        keys.fingerprint(pem)
