"""Keys of people: encrypted, never replaced, never shown; on tokens they stay where they are."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyword import keyring, keys
from everyword.errors import CorruptFolder, InvalidOption, WouldOverwrite
from everyword.keyring import KeyNotFound
from everyword.token import KeyLocked, Token

PASSPHRASE = "correct horse"
SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


def create(home: Path, name: str = "anna") -> keyring.Entry:
    """A key in a file."""
    return keyring.create(home, name, holder="Anna Reed", passphrase=PASSPHRASE, made_at_us=1)


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One command of openssl."""
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)


def test_what_a_key_signs_fits_its_public_half(home: Path) -> None:
    entry = create(home)
    signer = keyring.unlock(home, "anna", PASSPHRASE)
    assert (entry.pem, True) == (signer.pem, keys.is_signed(entry.pem, signer.sign(b"data"), b"data"))


def test_a_wrong_passphrase_opens_nothing(home: Path) -> None:
    create(home)
    with pytest.raises(KeyLocked):
        keyring.unlock(home, "anna", "correct house")


def test_openssl_opens_the_key_and_finds_scrypt(home: Path) -> None:
    create(home)
    path = home / "keys" / "anna.key.pem"
    assert 0 == openssl("pkey", "-in", path, "-passin", f"pass:{PASSPHRASE}", "-noout", "-check").returncode
    assert "scrypt" in openssl("asn1parse", "-in", path).stdout


def test_the_private_half_is_readable_by_its_owner_alone(home: Path) -> None:
    create(home)
    assert 0o600 == (home / "keys" / "anna.key.pem").stat().st_mode & 0o777


def test_a_key_is_never_replaced(home: Path) -> None:
    before = create(home)
    with pytest.raises(WouldOverwrite):
        create(home)
    assert [before] == keyring.entries(home)


@pytest.mark.parametrize("name", ["", "device", "../x", "a/b", ".hidden", "x" * 41, "имя", "a b"])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, home: Path) -> None:
    with pytest.raises(InvalidOption):
        create(home, name)


def test_a_short_passphrase_is_refused(home: Path) -> None:
    with pytest.raises(InvalidOption, match="8 are the least"):
        keyring.create(home, "anna", holder="Anna", passphrase="short", made_at_us=1)


def test_an_unknown_key_is_an_error(home: Path) -> None:
    with pytest.raises(KeyNotFound):
        keyring.entry(home, "nobody")


def test_a_description_with_another_public_half_is_damaged(home: Path) -> None:
    create(home)
    create(home, "other")
    shutil.copy(home / "keys" / "other.pub.pem", home / "keys" / "anna.pub.pem")
    with pytest.raises(CorruptFolder):
        keyring.entry(home, "anna")


def test_the_request_for_an_authority_is_signed_by_the_key(home: Path, tmp_path: Path) -> None:
    create(home)
    (tmp_path / "request.pem").write_bytes(keyring.request(keyring.unlock(home, "anna", PASSPHRASE), holder="Anna Reed"))
    done = openssl("req", "-in", tmp_path / "request.pem", "-noout", "-verify", "-subject")
    assert (0, "subject=CN = Anna Reed\n") == (done.returncode, done.stdout)


def test_a_certificate_the_key_made_itself_vouches_for_nobody(home: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    create(home)
    der = keys.self_signed(keyring.unlock(home, "anna", PASSPHRASE), name="Anna Reed")
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    assert "self-asserted" == keyring.attach(home, "anna", pem).identity


def test_a_certificate_of_another_key_is_refused(home: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    create(home)
    create(home, "other")
    der = keys.self_signed(keyring.unlock(home, "other", PASSPHRASE), name="Anna Reed")
    with pytest.raises(InvalidOption, match="another key"):
        keyring.attach(home, "anna", x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))


def test_the_fingerprint_in_groups_and_in_words_says_the_same_128_bits(home: Path) -> None:
    found = create(home).holder.public_key
    groups = keyring.grouped(found).split("-")
    assert (8, "sha256:" + "".join(groups)) == (len(groups), found[:39])
    assert groups == [f"{_value(word):04x}" for word in keyring.spoken(found).split()]


def _value(word: str) -> int:
    """The reverse of a proquint: five letters, 16 bits."""
    consonants, vowels = "bdfghjklmnprstvz", "aiou"
    value = 0
    for place, letter in enumerate(word):
        value = value << (2 if place % 2 else 4) | (vowels if place % 2 else consonants).index(letter)
    return value


@given(value=st.integers(0, 0xFFFF))
def test_every_word_stands_for_one_number(value: int) -> None:
    assert value == _value(keyring._proquint(value))


def test_a_word_of_the_published_example() -> None:
    """127.0.0.1 is lusab-babad in arXiv:0901.4016."""
    assert ("lusab", "babad") == (keyring._proquint(0x7F00), keyring._proquint(0x0001))


# Tokens


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    """A software token with a PIN, in a folder of this test."""
    pytest.importorskip("pkcs11")
    if not SOFTHSM.exists() or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    label = f"test-{os.getpid()}"
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "123456", "--so-pin", "12345678"]
    subprocess.run(command, check=True, capture_output=True)
    return Token(str(SOFTHSM), label, "anna")


def test_a_key_on_a_token(token: Token, home: Path) -> None:
    """One test: the library of the token is loaded once a process and remembers the tokens it has seen first."""
    entry = keyring.create_on_token(home, "anna", holder="Anna Reed", token=token, pin="123456", made_at_us=1)
    signer = keyring.unlock(home, "anna", "123456")
    signatures = [signer.sign(b"%d" % number) for number in range(20)]
    assert all(keys.is_signed(entry.pem, signature, b"%d" % number) for number, signature in enumerate(signatures))
    assert [] == list((home / "keys").glob("*.key.pem"))
    assert token == keyring.entry(home, "anna").holder.token
    certificate = keys.self_signed(signer, name="Anna Reed")
    (home / "own.der").write_bytes(certificate)
    assert 0 == openssl("x509", "-inform", "der", "-in", home / "own.der", "-out", home / "own.pem").returncode
    assert "OK" in openssl("verify", "-CAfile", home / "own.pem", home / "own.pem").stdout
    for wrong in ("654321", ""):
        with pytest.raises(KeyLocked):
            keyring.unlock(home, "anna", wrong)
    shutil.rmtree(Path(os.environ["SOFTHSM2_CONF"]).parent / "tokens")


def test_a_library_that_is_none_is_an_error(home: Path) -> None:
    pytest.importorskip("pkcs11")
    with pytest.raises(KeyLocked):
        keyring.create_on_token(home, "x", holder="X", token=Token("/bin/true", "x", "x"), pin="1", made_at_us=1)


@pytest.mark.parametrize(("begins", "ends"), [(-20, -10), (10, 20)])
def test_a_certificate_that_does_not_hold_today_signs_nothing(begins: int, ends: int, tmp_path: Path) -> None:
    """Expired ten days ago; valid from ten days hence."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key

    entry = keyring.create(tmp_path, "anna", holder="Anna Reed", passphrase="correct horse", made_at_us=1)
    public, today = load_pem_public_key(entry.pem), datetime.now(UTC)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    draft = x509.CertificateBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority")]),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Anna Reed")]),
        public,
        1,
        today + timedelta(days=begins),
        today + timedelta(days=ends),
    )
    chain = draft.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.PEM)
    keyring.refuse_expired(entry)
    with pytest.raises(keyring.KeyExpired):
        keyring.refuse_expired(keyring.attach(tmp_path, "anna", chain))
