"""Names of voices: which person a label such as ``1A`` stands for, by a signed line of the ledger (kind ``voice``).

A label belongs to one run: another run may tell the voices apart in another way, so a name does not go over to it.  A track that
nobody told apart has its number as label.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import ledger
from everyword.entries import of_kind, typed
from everyword.errors import InvalidOption
from everyword.folder import SessionFolder
from everyword.model import Session, Signed, Speaker, Utterance
from everyword.run import read_transcript
from everyword.text import checked, slug


@dataclass(frozen=True, slots=True)
class VoiceName(Signed):
    """One line of the ledger: in this run, whoever speaks under this label is that person."""

    run: str
    label: str
    person: str
    name: str


def label_of(utterance: Utterance) -> str:
    """The voice's label, or the track's number."""
    return utterance.label or str(utterance.track)


def read(folder: SessionFolder) -> tuple[VoiceName, ...]:
    """Every naming of a voice, oldest first.  Raises `CorruptFolder` when a line lacks something."""
    return tuple(of_kind(folder, "voice", VoiceName))


def newest(run: str, names: Iterable[VoiceName]) -> dict[str, VoiceName]:
    """Label → the name that counts in this run."""
    return {one.label: one for one in names if one.run == run}


def known_name(session: Session, voices: Mapping[str, VoiceName], who: str) -> str:
    """The name behind a voice's label (see `newest`) or a person's key; empty where nobody gave one."""
    if who in voices:
        return voices[who].name
    return next((speaker.name for speaker in session.roster if speaker.person == who), "")


def person_named(session: Session, name: str) -> Speaker:
    """The roster's entry for a name or person key, in any case of letters; else a new one whose key is made from the name.

    Raises:
        InvalidText: the name cannot be shown.
        InvalidOption: no key can be made from it.
    """
    wanted = checked(name, what="name")
    for speaker in session.roster:
        if wanted.casefold() in (speaker.person.casefold(), speaker.name.casefold()):
            return speaker
    if not slug(wanted):
        raise InvalidOption(f"{wanted!r} has no letters to make a person's key from.")
    return Speaker(slug(wanted), wanted)


def name_voice(folder: SessionFolder, label: str, name: str, *, by: str, key: EllipticCurvePrivateKey) -> VoiceName:
    """Say who a voice of the current run is, and wait for the disk; a later name counts instead of an earlier one.

    Raises:
        InvalidOption: the current run has no such label, or no key can be made from the name.
        InvalidText: the name cannot be shown.
        NotTranscribed, SessionBusy, BrokenChain, DiskTrouble: see `read_transcript` and `ledger.append`.
    """
    transcript = read_transcript(folder)
    known = {label_of(utterance).upper(): label_of(utterance) for utterance in transcript.utterances}
    if label.strip().upper() not in known:
        raise InvalidOption(
            f"The current transcript has no voice {label!r}.", hint="`everyword speakers show SESSION` lists the voices."
        )
    speaker = person_named(folder.read_session(), name)
    line = ledger.append(
        folder,
        "voice",
        by=checked(by, what="name"),
        key=key,
        run=transcript.run.run,
        label=known[label.strip().upper()],
        person=speaker.person,
        name=checked(speaker.name, what="name"),
    )
    return typed(folder, line, VoiceName)
