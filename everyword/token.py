"""Keys on PKCS#11 tokens: smart cards, security keys, hardware modules.  The key never leaves the token; only digests go in.

Needs ``python-pkcs11`` (``pip install everyword[hsm]``) and the maker's library.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from everyword import keys
from everyword.errors import EverywordError, InvalidOption


class KeyLocked(EverywordError):
    """The passphrase or PIN is wrong, or the token is not there."""

    code = "key-locked"
    default_hint = "Try again; nothing was signed."


@dataclass(frozen=True, slots=True)
class Token:
    """Where a key on a PKCS#11 token is: the maker's library, the token's label, the key's label."""

    module: str
    token: str
    label: str


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """A signer whose key stays on its token; the PIN is asked for once and kept until the command ends."""

    place: Token
    pin: str
    public: bytes

    @property
    def pem(self) -> bytes:
        """The public key as ``openssl`` reads it."""
        return self.public

    def sign(self, data: bytes) -> bytes:
        """The digest is made here and the raw signature there: every token knows that mechanism, few know more."""
        pkcs11 = _library()
        with _session(self.place, self.pin) as session:
            key = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.KeyType.EC, self.place.label)
            raw = key.sign(hashlib.sha256(data).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        half = len(raw) // 2
        return keys.low_s(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


def generate(place: Token, pin: str) -> bytes:
    """Make a P-256 key on the token; returns its public half (PEM).  Raises `KeyLocked`."""
    pkcs11 = _library()
    curves = import_module("pkcs11.util.ec")
    with _session(place, pin, is_writing=True) as session:
        curve = session.create_domain_parameters(
            pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: curves.encode_named_curve_parameters("secp256r1")}, local=True
        )
        public, _ = curve.generate_keypair(store=True, label=place.label)
        return keys.pem_of_der(curves.encode_ec_public_key(public))


def open_signer(place: Token, pin: str, *, pem: bytes) -> TokenSigner:
    """A signer for the key, which is tried once.  Raises `KeyLocked` when PIN, token or key are not the right ones."""
    signer = TokenSigner(place, pin, pem)
    if not keys.is_signed(pem, signer.sign(b"everyword"), b"everyword"):
        raise KeyLocked(f"The token {place.token!r} holds another key under the label {place.label!r}.")
    return signer


@contextmanager
def _session(place: Token, pin: str, *, is_writing: bool = False) -> Iterator[Any]:
    pkcs11 = _library()
    try:
        token = pkcs11.lib(place.module).get_token(token_label=place.token)
        with token.open(rw=is_writing, user_pin=pin) as session:
            yield session
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        what = type(error).__name__ if not str(error) else f"{type(error).__name__}: {error}"
        raise KeyLocked(f"The token {place.token!r} cannot be used ({what}).", hint="Check the PIN and the label.") from error


def _library() -> Any:
    try:
        return import_module("pkcs11")
    except ImportError as error:
        raise InvalidOption(
            "Keys on tokens need python-pkcs11, which is not installed.", hint="pip install 'everyword[hsm]'"
        ) from error
