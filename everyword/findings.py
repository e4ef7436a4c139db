"""Findings of a verification: how they are made, and what becomes of a check that breaks off."""

from collections.abc import Iterator

from everyword import checker
from everyword.errors import EverywordError
from everyword.model import Finding, Outcome, Verdict

DAMAGE = (EverywordError, OSError, ValueError, RecursionError)
"""What reading a damaged or hostile folder may raise."""


def guarded(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """`findings`, the last of them a FAIL if the check could not be carried through."""
    try:
        yield from findings
    except checker.Malformed as error:
        yield failed(error.subject, error.sentence)
    except DAMAGE as error:
        yield failed(subject, str(error))


def passed(subject: str, sentence: str) -> Finding:
    """A check of integrity that passed."""
    return finding("integrity", "pass", subject, sentence)


def unknown(subject: str, sentence: str) -> Finding:
    """Something about integrity that cannot be told."""
    return finding("integrity", "unknown", subject, sentence)


def failed(subject: str, sentence: str) -> Finding:
    """A check of integrity that failed."""
    return finding("integrity", "fail", subject, sentence)


def finding(verdict: Verdict, outcome: Outcome, subject: str, sentence: str) -> Finding:
    """A line break in a name or in what was read must not begin a line of the report."""
    return Finding(verdict, outcome, subject.replace("\n", "\\n"), sentence.replace("\n", "\\n"))


def stranger(fingerprint: str) -> str:
    """The sentence about a key that nobody has named."""
    return f"The signer is unknown here: {fingerprint}."
