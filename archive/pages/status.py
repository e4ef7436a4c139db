"""The statement of a transcript that nobody has certified: a machine draft, or reviewed."""

import dataclasses

from archive.certificate import wording
from archive.certificate.statement import Statement
from archive.notice import banner
from archive.record import Record
from archive.review.coverage import Coverage, of


def unsigned(record: Record, *, has_annex: bool = True) -> Statement:
    """What may be printed of a session without a signature, level M or R; `has_annex` if the document has its Annex U."""
    coverage = of(record)
    draft = wording.draft(record)
    if coverage.level == "M":
        return draft
    return dataclasses.replace(
        draft, level="R", heading=banner(coverage), paragraphs=_reviewed(record, coverage, has_annex=has_annex)
    )


def _reviewed(record: Record, coverage: Coverage, *, has_annex: bool) -> tuple[str, ...]:
    names = sorted({mark.by for mark in record.marks.values() if mark.decision == "accepted"})
    share = f"{coverage.reviewed} of {coverage.utterances} utterances ({coverage.percent} % of speech time)"
    listed = "" if coverage.is_whole or not has_annex else " The list of utterances not compared is in Annex U."
    changes = f"{coverage.corrections} corrections are recorded in the ledger. Nobody has signed this text."
    origin = "A draft of this text was produced by automatic transcription, which can omit, alter or invent words."
    return f"{', '.join(names)} compared {share} with the recording.{listed} {changes}", origin
