"""What a document prints of a certificate, and the person who makes it."""

from dataclasses import dataclass

from archive.review.coverage import Level


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who certifies, in their own words: Everyword checks none of it.

    ``relation`` is the relation to the parties; ``speakers`` says where the names of the speakers come from; ``oath`` is true
    when the person chooses to declare under penalty of perjury, at ``place``.
    """

    name: str
    role: str
    relation: str = "none"
    speakers: str = "as announced"
    oath: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """All that a document needs of a certificate; complete before any document is drawn.

    ``heading`` is the banner of every page, ``paragraphs`` the text, ``digests`` rows of (what, value): none of them is about a
    document, which could not print its own digest.
    """

    level: Level
    heading: str
    paragraphs: tuple[str, ...]
    digests: tuple[tuple[str, str], ...]
    revision: int
    signer_name: str
