"""The keys of people: each has a name, a holder, and lies encrypted in ``keys/`` or on a token that never gives it away.

``keys/NAME.json`` describes a key, ``keys/NAME.pub.pem`` is its public half, ``keys/NAME.key.pem`` the private one (PKCS#8,
scrypt and AES-256; mode 0600) unless it is on a token.  ``keys/NAME.crt.pem`` may hold a certificate in which somebody else
vouches for the holder.
"""

import os
import re
from base64 import encodebytes
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from everyword import keys
from everyword.digest import canonical, parse_canonical
from everyword.errors import CorruptFolder, EverywordError, InvalidOption, WouldOverwrite
from everyword.folder import disk_errors, sync_directory, write_new
from everyword.keys import KeySigner, Signer, tagged
from everyword.model import from_json, to_json
from everyword.text import checked
from everyword.token import KeyLocked, Token, generate, open_signer

SHORTEST_PASSPHRASE = 8
_SCRYPT_COST = 1 << 14
"""16 MiB for each guess: the most that `openssl` reads without being asked to."""


class KeyNotFound(EverywordError):
    """There is no key of that name on this computer."""

    code = "key-not-found"
    default_hint = "`everyword keys list` shows what is here; `everyword keys create NAME` makes one."


class KeyExpired(EverywordError):
    """The certificate that vouches for a key does not hold today."""

    code = "key-expired"
    default_hint = "Ask the authority for a new one: `everyword keys export NAME --format request`, then `everyword keys attach`."


@dataclass(frozen=True, slots=True)
class Holder:
    """What ``keys/NAME.json`` says: who says to hold the key.  Nothing here is proved by anything."""

    name: str
    holder: str
    made_at_us: int
    public_key: str
    token: Token | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the ring: its description, public half, and the certificate chain (PEM) that vouches for it, or nothing."""

    holder: Holder
    pem: bytes
    chain: bytes

    @property
    def identity(self) -> str:
        """How far the name can be believed, in words: the ladder of docs/explanation/certificates.md."""
        return identity(self.chain, pem=self.pem)


def identity(chain: bytes, *, pem: bytes) -> str:
    """``self-asserted``, or whose certificate authority vouches for the key; never more than the certificate itself says."""
    if not chain:
        return "self-asserted"
    certificate = x509.load_pem_x509_certificates(chain)[0]
    if keys.fingerprint(_pem_of(certificate)) != keys.fingerprint(pem) or certificate.issuer == certificate.subject:
        return "self-asserted"
    return f"vouched for by {certificate.issuer.rfc4514_string()}"


def refuse_expired(entry: Entry) -> None:
    """Whoever signs with a certificate signs while it holds.

    Raises:
        KeyExpired: it has expired, or is not valid yet by this computer's clock.
    """
    if not entry.chain:
        return
    certificate, now = x509.load_pem_x509_certificates(entry.chain)[0], datetime.now(UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begins <= now <= ends:
        raise KeyExpired(f"The certificate of the key {entry.holder.name!r} holds from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}.")


def create(home: Path, name: str, *, holder: str, passphrase: str, made_at_us: int) -> Entry:
    """Make a key in an encrypted file.

    Raises:
        InvalidOption: the name cannot be a file's name, or the passphrase is too short.
        WouldOverwrite: there is a key of that name: a key is never replaced.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise InvalidOption(f"The passphrase has {len(passphrase)} characters; {SHORTEST_PASSPHRASE} are the least.")
    folder = _new_place(home, name)
    key = ec.generate_private_key(ec.SECP256R1())
    with disk_errors(folder):
        write_new(folder / f"{name}.key.pem", encrypted(key, passphrase), mode=0o600)
    return _describe(folder, name, holder=holder, pem=keys.public_pem(key), made_at_us=made_at_us, token=None)


def create_on_token(home: Path, name: str, *, holder: str, token: Token, pin: str, made_at_us: int) -> Entry:
    """Make a key on a PKCS#11 token, where it stays.  Raises as `create`, and `KeyLocked`."""
    folder = _new_place(home, name)
    pem = generate(token, pin)
    return _describe(folder, name, holder=holder, pem=pem, made_at_us=made_at_us, token=token)


def entries(home: Path) -> list[Entry]:
    """Every key of the ring, by name.  Raises `CorruptFolder` for one that cannot be read."""
    return [entry(home, path.stem) for path in sorted((home / "keys").glob("*.json"))]


def entry(home: Path, name: str) -> Entry:
    """One key.  Raises `KeyNotFound`, `CorruptFolder`."""
    path = home / "keys" / f"{name}.json"
    if not _is_name(name) or not path.is_file():
        raise KeyNotFound(f"This computer has no key {name[:80]!r}.")
    chain = path.with_suffix(".crt.pem")
    try:
        holder = from_json(Holder, parse_canonical(path.read_bytes(), what=path.name))
        pem = path.with_suffix(".pub.pem").read_bytes()
        if keys.fingerprint(pem) != holder.public_key:
            raise CorruptFolder(f"{path.with_suffix('.pub.pem')} is not the key that {path.name} describes.")
        return Entry(holder, pem, chain.read_bytes() if chain.exists() else b"")
    except (OSError, ValueError) as error:
        raise CorruptFolder(f"{path} cannot be read: {error}.") from error


def unlock(home: Path, name: str, secret: str) -> Signer:
    """The key, ready to sign: `secret` is its passphrase, or the PIN of its token.  Raises `KeyLocked`, `KeyNotFound`."""
    found = entry(home, name)
    if found.holder.token is not None:
        return open_signer(found.holder.token, secret, pem=found.pem)
    path = home / "keys" / f"{name}.key.pem"
    try:
        key = load_pem_private_key(path.read_bytes(), password=secret.encode())
    except OSError as error:
        raise KeyNotFound(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyLocked(f"The passphrase does not open the key {name!r}.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or keys.public_pem(key) != found.pem:
        raise CorruptFolder(f"{path} is not the key that {name}.json describes.")
    return KeySigner(key)


def attach(home: Path, name: str, chain: bytes) -> Entry:
    """Keep a certificate (PEM, the holder's first) in which somebody vouches for the key.

    Raises:
        InvalidOption: it is no certificate, or one of another key.
    """
    found = entry(home, name)
    try:
        certificate = x509.load_pem_x509_certificates(chain)[0]
        fits = keys.fingerprint(_pem_of(certificate)) == found.holder.public_key
    except ValueError as error:
        raise InvalidOption(f"That is no certificate of a P-256 key: {error}.") from error
    if not fits:
        raise InvalidOption(f"The certificate is one of another key than {name!r}.")
    path = home / "keys" / f"{name}.crt.pem"
    draft = path.with_suffix(".new")
    with disk_errors(path):
        draft.write_bytes(chain)
        draft.replace(path)
    return entry(home, name)


def request(signer: Signer, *, holder: str) -> bytes:
    """A PKCS#10 request (PEM) for a certificate authority."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, holder[:64])])
    name = subject.public_bytes()
    spki = keys.public_der(signer.pem)
    body = tagged(0x30, b"\x02\x01\x00" + name + spki + b"\xa0\x00")
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    der = tagged(0x30, body + algorithm + tagged(0x03, b"\0" + signer.sign(body)))
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + encodebytes(der) + b"-----END CERTIFICATE REQUEST-----\n"


def grouped(fingerprint: str) -> str:
    """The first 128 bits of a fingerprint as eight groups of four: what is read aloud and printed on paper."""
    return "-".join(_groups(fingerprint))


def spoken(fingerprint: str) -> str:
    """The same 128 bits as eight words that can be said in any language (proquints, arXiv:0901.4016): one for each group."""
    return " ".join(_proquint(int(group, 16)) for group in _groups(fingerprint))


def _groups(fingerprint: str) -> list[str]:
    plain = fingerprint.removeprefix("sha256:")
    return [plain[start : start + 4] for start in range(0, 32, 4)]


def _proquint(value: int) -> str:
    consonants, vowels = "bdfghjklmnprstvz", "aiou"
    parts = [(consonants, 12, 15), (vowels, 10, 3), (consonants, 6, 15), (vowels, 4, 3), (consonants, 0, 15)]
    return "".join(letters[value >> shift & mask] for letters, shift, mask in parts)


def encrypted(key: ec.EllipticCurvePrivateKey, passphrase: str) -> bytes:
    """The private key as PKCS#8 with scrypt (RFC 7914) and AES-256-CBC, which `openssl pkey` reads.

    ``cryptography`` itself would write PBKDF2 with 2048 rounds, which a graphics card guesses in no time.
    """
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    salt, iv = os.urandom(16), os.urandom(16)
    secret = Scrypt(salt=salt, length=32, n=_SCRYPT_COST, r=8, p=1).derive(passphrase.encode())
    pad = 16 - len(plain) % 16
    cipher = Cipher(algorithms.AES256(secret), modes.CBC(iv)).encryptor()
    body = cipher.update(plain + bytes([pad]) * pad) + cipher.finalize()
    numbers = tagged(0x02, _SCRYPT_COST.to_bytes(2, "big")) + b"\x02\x01\x08\x02\x01\x01"
    kdf = tagged(0x30, bytes.fromhex("06092b06010401da47040b") + tagged(0x30, tagged(0x04, salt) + numbers))
    aes = tagged(0x30, bytes.fromhex("060960864801650304012a") + tagged(0x04, iv))
    scheme = tagged(0x30, bytes.fromhex("06092a864886f70d01050d") + tagged(0x30, kdf + aes))
    der = tagged(0x30, scheme + tagged(0x04, body))
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + encodebytes(der) + b"-----END ENCRYPTED PRIVATE KEY-----\n"


def _new_place(home: Path, name: str) -> Path:
    if not _is_name(name) or name == "device":
        raise InvalidOption(f"A key cannot be called {name[:80]!r}.", hint="Use up to 40 letters, digits and hyphens.")
    folder = home / "keys"
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.glob(f"{name}.*")):
        raise WouldOverwrite(f"There is a key {name!r} already.", hint="Choose another name: a key is never replaced.")
    return folder


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}", name) is not None


def _describe(folder: Path, name: str, *, holder: str, pem: bytes, made_at_us: int, token: Token | None) -> Entry:
    described = Holder(name, checked(holder, what="name"), made_at_us, keys.fingerprint(pem), token)
    with disk_errors(folder):
        write_new(folder / f"{name}.pub.pem", pem)
        write_new(folder / f"{name}.json", canonical(to_json(described)))
        sync_directory(folder)
    return Entry(described, pem, b"")


def _pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
