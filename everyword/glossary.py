"""What terms mean: agreed in advance (``glossary.jsonl`` in EVERYWORD_HOME), or said in a session (its ledger, kind ``define``).

Both are only ever added to.  A definition that was said stands on the frames where it was said, under the name of who said it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import labels
from everyword.digest import canonical
from everyword.entries import append_about, of_kind, typed
from everyword.errors import CorruptFolder, InvalidOption
from everyword.folder import SessionFolder, disk_errors, locked
from everyword.journal import now_us
from everyword.model import Anchored, from_json, to_json
from everyword.run import read_transcript
from everyword.text import checked

FILE = "glossary.jsonl"


@dataclass(frozen=True, slots=True)
class Term:
    """A name or term to expect: in the session with this id, or in all when it is empty; ``meaning`` may be empty too."""

    term: str
    meaning: str
    session: str
    by: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Definition(Anchored):
    """Somebody said what they mean by a term: who (a person's key, a voice's label or a name), where, and in which run."""

    speaker: str
    term: str
    meaning: str


def add(home: Path, term: str, *, meaning: str = "", session: str = "", by: str) -> Term:
    """Append a term and wait for the disk.

    Raises:
        InvalidText: the term or its meaning cannot be shown.
        InvalidOption: the term is empty.
        DiskTrouble: the file cannot be written.
    """
    entry = Term(_term(term), checked(meaning, what="text"), session, checked(by, what="name"), now_us())
    path = home / FILE
    with disk_errors(path):
        home.mkdir(parents=True, exist_ok=True)
        with locked(path), path.open("a+b") as file:
            line = canonical(to_json(entry)) + b"\n"
            file.write(line if _ends_whole(file) else b"\n" + line)
            file.flush()
            os.fsync(file.fileno())
    return entry


def read(home: Path, *, session: str = "") -> Iterator[Term]:
    """The terms of this session, then those for all, each oldest first: when there are too many for the engine, its own count.

    Raises:
        CorruptFolder: a line makes no sense; it is named.
    """
    path = home / FILE
    if not path.exists():
        return
    for_all = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CorruptFolder(f"{path} cannot be read: {error.strerror}.", hint="Move it away, or mend it.") from error
    for number, line in enumerate(lines, 1):
        try:
            entry = from_json(Term, json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise CorruptFolder(f"{path}, line {number}, makes no sense: {error}.", hint="Mend or delete that line.") from error
        if not entry.session:
            for_all.append(entry)
        elif entry.session == session:
            yield entry
    yield from for_all


def _ends_whole(file: BinaryIO) -> bool:
    """False when a power cut left a line without its end: what is added after it must not become a part of it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    return file.read(1) in (b"", b"\n")


def define(
    folder: SessionFolder, number: int, *, term: str, meaning: str, speaker: str = "", by: str, key: EllipticCurvePrivateKey
) -> Definition:
    """Note in the ledger that utterance `number` of the current run says what a term means to its speaker.

    Args:
        folder: a sealed session with a transcript.
        number: as `everyword show` prints it.
        term: what is defined.
        meaning: what they mean by it, in their words.
        speaker: who, if not the one whom the transcript has.
        by: who notes it.
        key: of this computer, which signs the line.

    Raises:
        InvalidOption: there is no such utterance, or the term or its meaning is empty.
        InvalidText: one of them cannot be shown.
        NotTranscribed, SessionBusy, BrokenChain, DiskTrouble: see `read_transcript` and `ledger.append`.
    """
    transcript = read_transcript(folder)
    found = next((one for one in transcript.utterances if one.id == number), None)
    if found is None:
        raise InvalidOption(
            f"The current transcript has no utterance {number}.", hint="`everyword show SESSION` prints the number of each."
        )
    said = checked(meaning, what="text")
    if not said:
        raise InvalidOption("The definition says nothing.", hint="Give the meaning in the speaker's own words.")
    line = append_about(
        folder,
        "define",
        found,
        run=transcript.run.run,
        by=by,
        key=key,
        speaker=checked(speaker, what="name") or found.person or labels.label_of(found),
        term=_term(term),
        meaning=said,
    )
    return typed(folder, line, Definition)


def definitions(folder: SessionFolder) -> tuple[Definition, ...]:
    """Every definition of a session's ledger, oldest first.  Raises `CorruptFolder` when a line lacks something."""
    return tuple(of_kind(folder, "define", Definition))


def speaker_of(folder: SessionFolder, definition: Definition) -> str:
    """Whose definition it is: the name, as far as it is known by now, of the person or voice."""
    voices = labels.newest(definition.run, labels.read(folder))
    known = labels.known_name(folder.read_session(), voices, definition.speaker)
    return known or (f"voice {definition.speaker}" if definition.speaker[:1].isdigit() else definition.speaker)


def _term(text: str) -> str:
    found = checked(text, what="name")
    if not found:
        raise InvalidOption("The term is empty.")
    return found
