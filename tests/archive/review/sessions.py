"""A session to review."""

from pathlib import Path

from archive.record import read_record
from archive.review.coverage import Coverage, of
from everyword.folder import SessionFolder
from tests.archive.builders import TALKS, transcribed


def a_session(tmp_path: Path) -> SessionFolder:
    """Four utterances and a stretch of 1.5 s without words."""
    return transcribed(tmp_path, TALKS, states=[(8.0, 9.5, "inaudible")])


def coverage(folder: SessionFolder) -> Coverage:
    """How much of it was reviewed."""
    return of(read_record(folder))
