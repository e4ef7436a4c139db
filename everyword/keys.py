"""Signing keys: ECDSA on P-256 with SHA-256, because ``openssl dgst`` on any computer can check it.

The device key is made on first use and signs seals and runs: it says *this computer*, never *this person*.  People have keys
of their own, see `everyword.keyring`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from everyword.digest import digest
from everyword.errors import CorruptFolder
from everyword.folder import disk_errors, give_name, sync_directory, write_new

ALGORITHM = "ecdsa-p256-sha256"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SCHEME = ec.ECDSA(SHA256(), deterministic_signing=True)


class Signer(Protocol):
    """Whatever can sign: a key in the memory, or one that never leaves its token."""

    @property
    def pem(self) -> bytes:
        """The public key as ``openssl`` reads it."""

    def sign(self, data: bytes) -> bytes:
        """A DER signature over `data` with the smaller ``s``: ECDSA, P-256, SHA-256."""


@dataclass(frozen=True, slots=True)
class KeySigner:
    """A signer whose key is in the memory."""

    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The public key as ``openssl`` reads it."""
        return public_pem(self.key)

    def sign(self, data: bytes) -> bytes:
        """See `sign`."""
        return sign(self.key, data)


def device_key_path(home: Path) -> Path:
    """Where this computer's own key lies once it is made."""
    return home / "keys" / "device.pem"


def device_key(home: Path) -> ec.EllipticCurvePrivateKey:
    """The key of this computer, from `device_key_path` (mode 0600); made on first use.

    Raises:
        CorruptFolder: the file is there but holds no P-256 key, or one that asks for a password.
        DiskTrouble: the file cannot be made or read.
    """
    path = device_key_path(home)
    with disk_errors(path):
        if not path.exists():
            _create(path)
        pem = path.read_bytes()
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CorruptFolder(f"{path} is not a private key.", hint="Restore it from a backup, or move it away.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise CorruptFolder(f"{path} is not a P-256 key.", hint="Restore it from a backup, or move it away.")
    return key


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half as ``openssl`` reads it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(pem: bytes) -> str:
    """The tagged SHA-256 of the public key (DER SubjectPublicKeyInfo).  Raises ``ValueError`` when it is no P-256 key."""
    return digest(public_der(pem))


def public_der(pem: bytes) -> bytes:
    """The DER SubjectPublicKeyInfo of a P-256 key.  Raises ``ValueError`` when it is none."""
    return _public(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pem_of_der(der: bytes) -> bytes:
    """The reverse of `public_der`.  Raises ``ValueError``."""
    return load_der_public_key(der).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """A DER signature, deterministic (RFC 6979) and with the smaller of the two possible ``s``."""
    r, s = decode_dss_signature(key.sign(data, _SCHEME))
    return low_s(r, s)


def low_s(r: int, s: int) -> bytes:
    """(r, s) in DER with the smaller of the two possible ``s``."""
    return encode_dss_signature(r, min(s, _ORDER - s))


def is_signed(pem: bytes, signature: bytes, data: bytes) -> bool:
    """True when the signature fits; False for anything else, including the twin with the larger ``s``."""
    try:
        _, s = decode_dss_signature(signature)
        if s > _ORDER // 2:
            return False
        _public(pem).verify(signature, data, ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True


def self_signed(signer: Signer, *, name: str, years: int = 20) -> bytes:
    """A DER certificate in which the key names itself: what a PDF signature must carry; it vouches for nobody.

    Any signer will do: the certificate is first made with a throw-away key, then its signature is replaced by the signer's.
    """
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    now = datetime.now(UTC).replace(microsecond=0)
    draft = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(_public(signer.pem))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * years))
        .add_extension(x509.KeyUsage(True, True, *[False] * 7), critical=True)
        .sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    )
    body = draft.tbs_certificate_bytes
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    return tagged(0x30, body + algorithm + tagged(0x03, b"\0" + signer.sign(body)))


def tagged(tag: int, body: bytes) -> bytes:
    """One DER value."""
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def _public(pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(pem)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("not a P-256 public key")
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".device-{token_hex(8)}.pem")
    try:
        write_new(draft, pem, mode=0o600)
        give_name(draft, path)
    except FileExistsError:  # another process was first: its key is the one
        pass
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)
