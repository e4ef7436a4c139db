"""The transcript as data: what a PDF embeds, and what a certificate is about."""

from archive.export.structured import as_data
from archive.record import Record
from everyword.digest import canonical


def transcript_json(record: Record) -> bytes:
    """RFC 8785 bytes of the transcript as corrected and reviewed now.

    Times of single words and the coverage are not in it: they never change, and the run's files have them under its digests.
    """
    return canonical(as_data(record, is_lean=True))
