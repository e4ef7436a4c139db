"""The words that every export begins with: how far the text can be believed."""

from archive.record import Record
from archive.review import coverage as review_coverage
from archive.review.coverage import Coverage
from everyword import checker

REVIEWED = "REVIEWED TRANSCRIPT - NOT CERTIFIED"
"""Of a transcript that was reviewed as a whole: it is not partial any more, and not certified yet."""


def notice(record: Record) -> str:
    """The banner of the session's text as it is now, without a certificate."""
    return banner(review_coverage.of(record))


def banner(coverage: Coverage) -> str:
    """The banner that goes with a coverage."""
    if coverage.level == "M":
        return checker.HEADINGS["M"]
    return REVIEWED if coverage.is_whole else checker.HEADINGS["R"]
