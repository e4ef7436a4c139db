"""Who spoke an utterance, as a person has named them: laid over the machine's guess, which stays.

A naming is one signed line of the ledger (kind ``speaker``), anchored on frames; the newest of a place counts.  It names a person
of the roster, or somebody the roster does not know, whose key is then made from the name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword.entries import Place, append_about, of_kind, place_of
from everyword.folder import SessionFolder
from everyword.model import Anchored, Speaker, Utterance
from everyword.text import checked


@dataclass(frozen=True, slots=True)
class Naming(Anchored):
    """One line of the ledger: this stretch was spoken by that person."""

    before: str | None
    person: str
    name: str
    reason: str


def read(folder: SessionFolder) -> tuple[Naming, ...]:
    """Every naming of the ledger, oldest first.  Raises `CorruptFolder` when a line lacks something."""
    return tuple(of_kind(folder, "speaker", Naming))


def newest(run: str, namings: Iterable[Naming]) -> dict[Place, Naming]:
    """The naming that counts at each place of a run."""
    return {place_of(one): one for one in namings if one.run == run}


def name_speaker(
    folder: SessionFolder,
    utterances: Sequence[Utterance],
    speaker: Speaker,
    *,
    run: str,
    reason: str,
    by: str,
    key: EllipticCurvePrivateKey,
    before: str | None = None,
) -> None:
    """Append one naming an utterance and wait for the disk.

    Raises:
        SessionBusy, BrokenChain, DiskTrouble: see `ledger.append`.
        InvalidText: the reason or a name cannot be shown.
    """
    for utterance in utterances:
        append_about(
            folder,
            "speaker",
            utterance,
            run=run,
            by=by,
            key=key,
            before=before,
            person=speaker.person,
            name=checked(speaker.name, what="name"),
            reason=checked(reason, what="reason"),
        )
