"""Bundles: a certificate with its whole session, as a BagIt folder or zip file that a stranger can check."""

from pathlib import Path

from archive.certificate import bag, certify
from archive.certificate.certify import Certificate
from everyword import checker
from everyword.folder import SessionFolder


def write(folder: SessionFolder, certificate: Certificate, *, to: Path, as_zip: bool = False) -> Path:
    """Write the bundle of a certificate into the folder `to`; returns its path.

    The same certificate gives the same bundle, byte for byte, whatever was added to the session since; only a time stamp, once
    it is there, comes beside the signed files.

    Raises:
        WouldOverwrite: there is a bundle of that name.
        CorruptFolder, DiskTrouble: something of the session is missing, or the disk refuses.
    """
    payload = certify.payload_of(folder, certificate)
    tags = {name: path.read_bytes() for name, path in _beside(certificate.path)}
    return bag.write(to / name_of(certificate), payload, tags, as_zip=as_zip)


def name_of(certificate: Certificate) -> str:
    """Of the bundle's folder: the session's id and the revision, no word of the session."""
    return f"EW-{certificate.manifest['session']}-r{certificate.manifest['revision']}"


def _beside(path: Path) -> list[tuple[str, Path]]:
    """Name and place of what stands beside the payload, but for the lists, which are made anew."""
    found = [(name, path / name) for name in checker.SIGNED_TAGS]
    return found + [(name, path / name) for name in sorted(checker.CERTIFICATE_FILES) if (path / name).is_file()]
