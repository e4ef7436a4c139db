"""What can go wrong, as sentences.

A library function raises one of these; only ``cli.py`` prints and exits.  Each class has a stable ``code`` (for JSON), an
``exit_code`` (documented in docs/reference/exit-codes.md) and each instance a ``hint``: the next step for the person reading.
"""

from typing import ClassVar


class EverywordError(Exception):
    """Something went wrong that Everyword can explain."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint or self.default_hint


class InvalidText(EverywordError):
    """A title, name or note holds characters that could mislead a reader."""

    code = "invalid-text"
    exit_code = 2


class InvalidOption(EverywordError):
    """An option or a combination of options makes no sense."""

    code = "invalid-option"
    exit_code = 2


class InvalidQuery(EverywordError):
    """A search query cannot be understood."""

    code = "invalid-query"
    exit_code = 2
    default_hint = "Put the words in quotation marks to search for them as they stand."


class SessionNotFound(EverywordError):
    """No session answers to that path, id or prefix."""

    code = "session-not-found"
    default_hint = "`everyword sessions` lists the sessions this computer knows."


class SessionAmbiguous(EverywordError):
    """Several sessions begin with that prefix."""

    code = "session-ambiguous"
    default_hint = "Give more characters of the id, or the folder's path."


class SessionBusy(EverywordError):
    """The session is being recorded, or another process is changing it."""

    code = "session-busy"
    default_hint = "Stop the recording first (Ctrl-C in its terminal), or wait until the other command has ended."


class SessionSealed(EverywordError):
    """The session is sealed: its record cannot grow any more."""

    code = "session-sealed"
    default_hint = "What is learnt afterwards goes into the ledger: see `everyword correct`."


class UnsupportedFormat(EverywordError):
    """The folder was written in a format this version does not know."""

    code = "unsupported-format"
    default_hint = "Install a newer Everyword; this one changes nothing it does not understand."


class CorruptFolder(EverywordError):
    """A file of the session folder is damaged or was changed."""

    code = "corrupt-folder"
    default_hint = "`everyword verify` shows what is intact; nothing was changed."


class UnreadableAudio(EverywordError):
    """The file holds no sound that can be decoded."""

    code = "unreadable-audio"


class NotTranscribed(EverywordError):
    """The session has no transcript yet."""

    code = "not-transcribed"
    default_hint = "`everyword transcribe SESSION` makes one."


class WouldOverwrite(EverywordError):
    """A file of that name is there already."""

    code = "would-overwrite"
    default_hint = "Choose another folder with --to, or add --force."


class ArchiveError(EverywordError):
    """The archive database cannot be used; the session folders are not affected."""

    code = "archive-error"
    default_hint = "`everyword rebuild` makes it anew from the session folders."


class InputLost(EverywordError):
    """The sound input is missing, gone or cannot be opened."""

    code = "input-lost"
    exit_code = 5
    default_hint = "`everyword inputs` lists the inputs this computer has now."


class DiskTrouble(EverywordError):
    """A disk is full, read-only or failing."""

    code = "disk"
    exit_code = 6


class ModelMissing(EverywordError):
    """The speech model is not on this computer, is damaged, or is not the one it claims to be."""

    code = "model-missing"
    exit_code = 7
    default_hint = "`everyword models list` shows what is here; `everyword models pull NAME` fetches one while online."


OK = 0
ERROR = 1
WARNINGS = 3
FAILED_VERIFICATION = 4
INTERRUPTED = 130
"""Exit codes no single error class owns; the others stand on the classes above."""
