"""PAdES signatures in a PDF (B-B, or B-T with a time stamp): for readers who have nothing but the PDF.

Pyhanko signs.  Two of its habits would break PDF/A and are switched off here: it writes the metadata anew (a private method is
overridden, so the tests hold what comes out against it), and a visible signature would bring a font that is not embedded (ours is
invisible; the certificate page says who signed).  A signature whose bytes do not reach the end of the file is not accepted.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archive.pages.layout import PdfMissing
from everyword.digest import digest
from everyword.errors import EverywordError
from everyword.keys import Signer

if TYPE_CHECKING:
    from asn1crypto import cms  # type: ignore[import-untyped]
    from pyhanko.sign.signers.pdf_cms import Signer as CmsSigner
    from pyhanko.sign.timestamps import TimeStamper
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

FIELD = "Certificate"
Authority = Callable[[bytes], bytes]
"""Time-stamp authority: SHA-256 digest of a signature → TimeStampToken (DER)."""

_RESERVED = {False: 8_192, True: 32_768}
"""Bytes of the hexadecimal signature, without and with a time stamp: set aside before anything is signed."""


class UnsignedPdf(EverywordError):
    """The PDF carries no signature that can be read."""

    code = "unsigned-pdf"


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """What a PDF's signature says: whose key (tagged fingerprint), whether the bytes are those, and whether it covers them all.

    ``stamped_at`` is the time stamp's own time; whether its authority can be trusted is not decided here.
    """

    fingerprint: str
    is_intact: bool
    covers_file: bool
    stamped_at: datetime | None


def sign_pdf(pdf: bytes, *, signer: Signer, certificate: bytes, name: str, tsa: Authority | None = None) -> bytes:
    """Append an invisible signature; the bytes before it stay as they are.

    Args:
        pdf: from `pdf.draw`.
        signer: a P-256 key, in the memory or on a token.
        certificate: X.509, DER, of that key.
        name: who signs.
        tsa: asked for a time stamp over the signature; B-B without one.  What it raises is raised.

    Raises:
        PdfMissing: pyhanko is not installed.
    """
    try:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415  (an extra)
        from pyhanko.sign import fields, signers  # noqa: PLC0415
    except ImportError as error:
        raise PdfMissing("Signing a PDF needs pyhanko, which is not installed.") from error

    class Writer(IncrementalPdfFileWriter):
        """Leaves the document's metadata as it is, byte for byte."""

        def _update_meta(self) -> None:
            pass

    about = signers.PdfSignatureMetadata(
        field_name=FIELD, name=name, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES, use_pades_lta=False
    )
    out = io.BytesIO()
    signers.PdfSigner(about, _cms_signer(signer, certificate), timestamper=_stamper(tsa) if tsa else None).sign_pdf(
        Writer(io.BytesIO(pdf)), output=out, bytes_reserved=_RESERVED[tsa is not None]
    )
    return out.getvalue()


def check_pdf(pdf: bytes) -> PdfSignature:
    """Read the one signature of a PDF and hold its bytes against it.

    Trust in the key is not decided here: compare the fingerprint.

    Raises:
        UnsignedPdf: there is none, or several, or the file cannot be read as a PDF.
        PdfMissing: pyhanko is not installed.
    """
    try:
        from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise PdfMissing("Checking a PDF's signature needs pyhanko, which is not installed.") from error
    try:
        signatures = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        found = _read(signatures[0]) if len(signatures) == 1 else None
    except Exception as error:  # what is no PDF breaks off the parser anywhere, and not with its own errors alone
        raise UnsignedPdf(f"The PDF's signature cannot be read: {error}.") from error
    if found is None:
        raise UnsignedPdf(f"The PDF has {len(signatures)} signatures, not one.")
    return found


def _read(signature: "EmbeddedPdfSignature") -> PdfSignature:
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity  # noqa: PLC0415  (an extra)
    from pyhanko.sign.validation.status import SignatureCoverageLevel  # noqa: PLC0415

    signature.compute_integrity_info(skip_diff=True)  # type: ignore[no-untyped-call]
    certificate = signature.signer_cert
    is_intact, is_valid = validate_sig_integrity(
        signature.signer_info,
        certificate,
        expected_content_type="data",
        actual_digest=signature.compute_digest(),
    )
    return PdfSignature(
        fingerprint=digest(certificate.public_key.dump()),
        is_intact=bool(is_intact and is_valid),
        covers_file=signature.coverage == SignatureCoverageLevel.ENTIRE_FILE,
        stamped_at=_stamped_at(signature),
    )


def _stamped_at(signature: "EmbeddedPdfSignature") -> datetime | None:
    """The time stamp's own time, if its imprint is that of this signature."""
    attributes = [one for one in signature.signer_info["unsigned_attrs"] if one["type"].native == "signature_time_stamp_token"]
    if not attributes:
        return None
    info = attributes[0]["values"][0]["content"]["encap_content_info"]["content"].parsed
    imprint = info["message_imprint"]["hashed_message"].native
    if imprint != hashlib.sha256(signature.signer_info["signature"].native).digest():
        return None
    moment: datetime = info["gen_time"].native
    return moment.astimezone(UTC)


def _cms_signer(signer: Signer, certificate: bytes) -> "CmsSigner":
    from asn1crypto import algos, x509  # noqa: PLC0415  (an extra)
    from pyhanko.sign.signers.pdf_cms import Signer as CmsSigner  # noqa: PLC0415

    class KeySigner(CmsSigner):
        """Asks our signer, wherever its key is."""

        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
            del digest_algorithm  # ours are always SHA-256, and so is the mechanism below
            return bytes(72) if dry_run else signer.sign(data)

    return KeySigner(
        signing_cert=x509.Certificate.load(certificate),
        signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
    )


def _stamper(tsa: Authority) -> "TimeStamper":
    from asn1crypto import cms  # noqa: PLC0415  (an extra)
    from pyhanko.sign.timestamps import TimeStamper  # noqa: PLC0415

    class Stamper(TimeStamper):
        """Asks the authority it was given; the reply is checked there."""

        async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> "cms.ContentInfo":
            del md_algorithm
            return cms.ContentInfo.load(tsa(message_digest))

    return Stamper()  # type: ignore[no-untyped-call]
