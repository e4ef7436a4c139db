"""Row ids of utterances: minus the time, so that what was said last stands first.

Newest first is then the direction in which FTS5 reads its lists forwards, which takes about half as long as backwards.
"""

MARK_BITS = 16
"""Beside the milliseconds, to keep utterances of one millisecond apart."""


def row_id(at_ms: int, mark: int = 0) -> int:
    """Of an utterance that began `at_ms` (since 1970); of one millisecond, a larger `mark` is later."""
    return -(at_ms << MARK_BITS | mark)


def began_ms(row_id: int) -> int:
    """When the utterance of a row began, in ms since 1970."""
    return -row_id >> MARK_BITS
