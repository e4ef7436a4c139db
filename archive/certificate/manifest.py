"""``manifest.json``: what a certificate says of session, text, ledger, review and signer, before it is signed."""

from collections.abc import Mapping
from dataclasses import dataclass

from archive.certificate.statement import Reviewer, Statement
from archive.pages import transcript_json
from archive.record import Record
from archive.review.coverage import Coverage
from everyword import __version__, checker, keys, ledger
from everyword.digest import canonical, digest, parse_canonical
from everyword.folder import SessionFolder
from everyword.keyring import Entry, identity
from everyword.model import to_json
from everyword.seal import read_seal


@dataclass(frozen=True, slots=True)
class LedgerState:
    """How far a ledger goes: ``head`` is the digest of its last line, or of the seal while there is none."""

    lines: int
    head: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Text:
    """``transcript.json`` with its digest and the root and number of leaves of the tree over its words."""

    data: bytes
    digest: str
    root: str
    leaves: int

    @classmethod
    def of(cls, record: Record, *, revision: int) -> "Text":
        """The text as it is now, as that revision would certify it."""
        data = transcript_json(record)
        leaves = text_leaves(record.session.id, data, seed=record.folder.read_seed(), revision=revision)
        shown = {index: value for index, (value, _, _) in enumerate(leaves)}
        return cls(data, digest(data), checker.TAG + checker.root_of(len(leaves), shown, []).hex(), len(leaves))


def compose(
    record: Record,
    statement: Statement,
    coverage: Coverage,
    *,
    transcript: Text,
    state: LedgerState,
    style: str,
    linemap: bytes,
    signer: Mapping[str, object],
    payload: Mapping[str, object],
    tags: Mapping[str, bytes],
    supersedes: str | None,
    archive: Mapping[str, object],
    has_authority: bool,
    made_at_us: int,
) -> dict[str, object]:
    """The whole manifest; `checker` holds each part of it against the files."""
    return {
        "everyword_certificate": checker.CERTIFICATE,
        "level": statement.level,
        "revision": statement.revision,
        "supersedes": supersedes,
        "certified_at_us": made_at_us,
        "session": record.session.id,
        "seal": record.seal,
        "device": read_seal(record.folder)["signer"],
        "streams": _streams(record),
        "transcript": {
            "run": record.transcript.run.run if record.transcript else "",
            "digest": transcript.digest,
            "root": transcript.root,
            "leaves": transcript.leaves,
            "utterances": len(record.lines),
        },
        "style": style,
        "linemap": digest(linemap),
        "ledger": to_json(state),
        "coverage": coverage.numbers(),
        "text": {"heading": statement.heading, "paragraphs": list(statement.paragraphs)},
        "signer": signer,
        "time": "required" if has_authority else "none",
        "payload": payload,
        "tags": {name: digest(data) for name, data in tags.items()},
        "archive": archive,
        "software": {"everyword": __version__},
    }


def signer_of(reviewer: Reviewer, entry: Entry) -> dict[str, object]:
    """Who signs, with which key, and how far that name can be believed."""
    return {
        "name": reviewer.name,
        "role": reviewer.role,
        "relation": reviewer.relation,
        "algorithm": keys.ALGORITHM,
        "public_key": entry.holder.public_key,
        "identity": identity(entry.chain, pem=entry.pem),
        "certificate": digest(entry.chain) if entry.chain else None,
    }


def text_leaves(session: str, transcript: bytes, *, seed: bytes, revision: int) -> list[tuple[bytes, bytes, bytes]]:
    """(digest, salt, what it holds) of every leaf of a transcript's tree."""
    leaves = []
    for index, data in enumerate(checker.text_leaves(parse_canonical(transcript, what="transcript.json"))):
        place = checker.text_place(revision, index)
        salt = checker.salt_of(seed, b"t", place)
        leaves.append((checker.leaf(session, place, data, salt, b"T"), salt, data))
    return leaves


def ledger_state(folder: SessionFolder) -> LedgerState:
    """The ledger as it is."""
    lines, head, size = 0, ledger.seal_digest(folder), 0
    for line in ledger.read(folder):
        data = canonical(line)
        lines, head, size = lines + 1, digest(data), size + len(data) + 1
    return LedgerState(lines, head, size)


def _streams(record: Record) -> list[dict[str, object]]:
    return [
        {
            "stream": stream.stream,
            "rate_hz": stream.rate_hz,
            "channels": stream.channels,
            "sample_format": stream.sample_format,
            "tracks": list(stream.tracks),
        }
        for stream in record.recording.streams.values()
    ]
