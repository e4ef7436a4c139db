"""Certificates: ``certificates/c001`` and on, each the signed statement about one exact text of one sealed session.

A certificate's folder is its bundle without the session itself: documents under ``data/transcript``, the statement and its
signature under ``certificate``, and the list of every file of the bundle.  Nothing in it changes; a time stamp comes beside it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from archive import capture, pages
from archive.certificate import bag, log, manifest, wording
from archive.certificate.bag import Payload
from archive.certificate.manifest import LedgerState
from archive.certificate.statement import Reviewer, Statement
from archive.export.subtitles import as_srt, as_vtt
from archive.record import Record, read_record
from archive.review import coverage as review_coverage
from archive.review.coverage import Coverage, Level
from everyword import checker, keyring, keys, ledger
from everyword.digest import canonical, digest, parse_canonical
from everyword.errors import EverywordError, InvalidOption, NotTranscribed
from everyword.folder import SessionFolder, disk_errors, sync_directory, write_new
from everyword.journal import now_us
from everyword.keyring import Entry
from everyword.keys import Signer, device_key, public_pem
from everyword.model import from_json, to_json
from everyword.run import RUN_JSON, read_run, run_path
from everyword.seal import read_sums
from everyword.text import checked

FORMATS = ("txt", "pdf", "docx", "srt", "vtt")
"""Documents that come with a certificate unless others are asked for."""

_PDF = "data/transcript/transcript.pdf"
SEAL_FILES = ("seal.json", "seal.sig", "seal.pub.pem", "SHA256SUMS")


class NotCertifiable(EverywordError):
    """The session, or its review, does not support what the certificate would say."""

    code = "not-certifiable"
    default_hint = "`everyword review SESSION` shows what is left; `--level R` certifies a partial review."


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of a session, as its folder holds it."""

    path: Path
    manifest: dict[str, object]

    @property
    def name(self) -> str:
        """``c001`` and on."""
        return self.path.name

    @property
    def digest(self) -> str:
        """Of the statement: what identifies a certificate."""
        return digest((self.path / "certificate" / "manifest.json").read_bytes())


@dataclass(frozen=True, slots=True)
class Draft:
    """A certificate that is ready to be signed: what it says, and what the signature will cover."""

    number: int
    statement: Statement
    manifest: bytes
    tags: dict[str, bytes]
    payload: Payload


def names(folder: SessionFolder) -> list[str]:
    """The certificates of a session, oldest first."""
    place = folder.path / "certificates"
    return sorted(path.name for path in place.iterdir() if re.fullmatch(r"c\d{3,}", path.name)) if place.is_dir() else []


def read(folder: SessionFolder, name: str | None = None) -> Certificate:
    """A certificate, by default the newest.

    Raises:
        InvalidOption: the session has none of that name.
        CorruptFolder: its statement is damaged.
    """
    known = names(folder)
    if not known or (name or known[-1]) not in known:
        raise InvalidOption(f"The session has no certificate {name or ''}".rstrip() + ".", hint="`everyword certify` makes one.")
    path = folder.path / "certificates" / (name or known[-1])
    data = (path / "certificate" / "manifest.json").read_bytes()
    return Certificate(path, parse_canonical(data, what=f"{path.name}/manifest.json"))


def level_for(coverage: Coverage, wanted: Level | None) -> Level:
    """The level: what was asked for, or the highest that the review supports.

    Raises:
        NotCertifiable: the review does not support what was asked for; the sentences say what is missing.
    """
    obstacles = review_coverage.obstacles(coverage)
    if not coverage.utterances:
        raise NotCertifiable("There is no utterance to certify.", hint="Transcribe the session first.")
    if wanted == "C" and obstacles:
        raise NotCertifiable(f"Level C is refused: {' '.join(obstacles)}")
    if wanted == "R" and not coverage.reviewed:
        raise NotCertifiable("Level R is refused: nobody has reviewed any of it.")
    return wanted or ("R" if obstacles and coverage.reviewed else "M" if obstacles else "C")


def prepare(
    folder: SessionFolder,
    reviewer: Reviewer,
    entry: Entry,
    *,
    home: Path,
    level: Level | None = None,
    style: str = "intl-a4",
    formats: Sequence[str] = FORMATS,
    has_authority: bool = False,
    signer: Signer | None = None,
    pdf_authority: Callable[[bytes], bytes] | None = None,
    knows_cut_off: bool = False,
) -> Draft:
    """Everything of a certificate but its signature: nothing is written yet.

    Args:
        folder: a sealed session with a transcript.
        reviewer: who will sign.
        entry: with which key.
        home: of the archive's log.
        level: M, R or C; by default the highest that the review supports.
        style: of the pages.
        formats: of the documents.
        has_authority: a time stamp will be asked for, now or when there is a network.
        signer: signs the PDF, which is part of what the certificate covers.
        pdf_authority: asked for a time stamp over the PDF's own signature; what it raises is raised.
        knows_cut_off: the reviewer knows that the recording was cut off and made whole afterwards, if it was.

    Raises:
        InvalidOption: there is no such style or format, or a name is missing.
        NotTranscribed, CorruptFolder, SessionBusy: see `read_record`.
        NotCertifiable: see `level_for`; also when times are reversed or lie beyond the sound.
        InvalidText: see `wording.certificate`.
        KeyExpired: the certificate that vouches for the key does not hold today.
    """
    record = _certifiable(folder, formats, knows_cut_off=knows_cut_off)
    coverage, number = review_coverage.of(record), len(names(folder)) + 1
    keyring.refuse_expired(entry)
    made_at_us, device = now_us(), keys.fingerprint(public_pem(device_key(home)))
    transcript = manifest.Text.of(record, revision=number)
    state = manifest.ledger_state(folder)
    statement = wording.certificate(
        record,
        coverage,
        _checked(reviewer),
        level=level_for(coverage, level),
        revision=number,
        transcript=transcript.digest,
        transcript_root=transcript.root,
        ledger_head=state.head,
        fingerprint=entry.holder.public_key,
        identity=entry.identity,
        has_authority=has_authority,
        made_at_us=made_at_us,
    )
    payload = _payload(record, statement, transcript.data, style=style, formats=formats, ledger_bytes=state.bytes)
    if signer is not None and _PDF in payload.made:
        payload.made[_PDF] = _signed_pdf(payload.made[_PDF], signer, entry, pdf_authority)
    tags = _tags(payload, statement, entry, session=record.session.id, made_at_us=made_at_us)
    described = manifest.compose(
        record,
        statement,
        coverage,
        transcript=transcript,
        state=state,
        style=style,
        linemap=payload.made[checker.LINEMAP],
        signer=manifest.signer_of(reviewer, entry),
        payload=payload.describe(),
        tags=tags,
        supersedes=read(folder).digest if number > 1 else None,
        archive=log.checkpoint(home, device=device),
        has_authority=has_authority,
        made_at_us=made_at_us,
    )
    return Draft(number, statement, canonical(described), tags, payload)


def sign(folder: SessionFolder, draft: Draft, signer: Signer, *, entry: Entry, home: Path, by: str) -> Certificate:
    """Sign a draft, write its folder, and note it in the ledger and in the archive's log.

    Raises:
        NotCertifiable: something was added to the ledger since the draft was made: what was shown is not what would be signed.
        DiskTrouble, SessionBusy: nothing was certified.
    """
    said = parse_canonical(draft.manifest, what="manifest.json")
    if said["ledger"] != to_json(manifest.ledger_state(folder)) or len(names(folder)) + 1 != draft.number:
        raise NotCertifiable("Something was changed while you were asked.", hint="Run the command again.")
    path = folder.path / "certificates" / f"c{draft.number:03}"
    own = {
        "certificate/manifest.json": draft.manifest,
        "certificate/manifest.sig": signer.sign(draft.manifest),
        "certificate/signer.pub.pem": signer.pem,
        **({"certificate/signer.crt.pem": entry.chain} if entry.chain else {}),
        "manifest-sha256.txt": draft.payload.listing(),
        **draft.tags,
        **draft.payload.made,
    }
    unnamed = path.with_name(f".{path.name}")
    with disk_errors(path):
        for name, data in own.items():
            (unnamed / name).parent.mkdir(parents=True, exist_ok=True)
            write_new(unnamed / name, data)
        unnamed.rename(path)
        sync_directory(path.parent)
    session, found = str(said["session"]), digest(draft.manifest)
    device = device_key(home)
    ledger.append(folder, "certify", by=by, key=device, certificate=path.name, level=said["level"], manifest=found)
    log.append(home, device=keys.fingerprint(public_pem(device)), session=session, revision=draft.number, manifest=found)
    return Certificate(path, said)


def payload_of(folder: SessionFolder, certificate: Certificate) -> Payload:
    """The files of a certificate's bundle: documents of its folder, the session, and of the ledger just what was certified.

    Raises:
        CorruptFolder: a file is missing.
    """
    payload, inside = Payload(), certificate.path
    limit = from_json(LedgerState, certificate.manifest["ledger"])
    listing = checker.read_listing((inside / "manifest-sha256.txt").read_bytes())
    for name, value in listing.items():
        payload.known[name] = value
        if name.startswith(checker.SESSION):
            short = name.removeprefix(checker.SESSION)
            payload.copy(name, folder.path / short, size=limit.bytes if short == "ledger.jsonl" else None)
        else:
            payload.copy(name, inside / name)
    return payload


def _payload(
    record: Record, statement: Statement, transcript: bytes, *, style: str, formats: Sequence[str], ledger_bytes: int
) -> Payload:
    folder, payload = record.folder, Payload()
    sums = read_sums(folder)
    for name, value in sums.items():
        payload.known[checker.SESSION + name] = value
        payload.copy(checker.SESSION + name, folder.path / name)
    for name in SEAL_FILES:
        payload.copy(checker.SESSION + name, folder.path / name)
    payload.copy(f"{checker.SESSION}ledger.jsonl", folder.ledger, size=ledger_bytes)
    for line in ledger.read(folder):
        if line["kind"] == "asr.run":
            _copy_run(payload, folder, str(line["run"]))
    layout = pages.lay_out(record, statement, style=style)
    payload.made[checker.TRANSCRIPT] = transcript
    payload.made[checker.LINEMAP] = pages.linemap_csv(layout)
    for name in formats:
        payload.made[f"data/transcript/transcript.{name}"] = _drawn(record, statement, layout, name)
    return payload


def _drawn(record: Record, statement: Statement, layout: pages.Layout, name: str) -> bytes:
    match name:
        case "srt":
            return as_srt(record).encode()
        case "vtt":
            return as_vtt(record, heading=statement.heading).encode()
        case _:
            return pages.draw(layout, name)


def _signed_pdf(pdf: bytes, signer: Signer, entry: Entry, authority: Callable[[bytes], bytes] | None) -> bytes:
    """With the certificate that vouches for the key, or one in which the key names itself."""
    name = entry.holder.holder
    chain = x509.load_pem_x509_certificates(entry.chain) if entry.chain else []
    own = chain[0].public_bytes(Encoding.DER) if chain else keys.self_signed(signer, name=name)
    return pages.sign_pdf(pdf, signer=signer, certificate=own, name=name, tsa=authority)


def _copy_run(payload: Payload, folder: SessionFolder, run: str) -> None:
    place = f"{checker.SESSION}transcripts/{run}"
    made = read_run(folder, run)
    payload.copy(f"{place}/{RUN_JSON}", run_path(folder, run) / RUN_JSON)
    for name, value in made.files.items():
        payload.known[f"{place}/{name}"] = value
        payload.copy(f"{place}/{name}", run_path(folder, run) / name)


def _tags(payload: Payload, statement: Statement, entry: Entry, *, session: str, made_at_us: int) -> dict[str, bytes]:
    text = bag.verify_text(
        "manifest",
        what=f"a transcript (level {statement.level}: {statement.heading})",
        session=session,
        fingerprint=entry.holder.public_key,
        name=statement.signer_name,
        revision=statement.revision,
    )
    return bag.tag_files(payload, session=session, what="Transcript", made_at_us=made_at_us, verify_text=text)


def _checked(reviewer: Reviewer) -> Reviewer:
    fields = (reviewer.name, reviewer.role, reviewer.relation, reviewer.speakers)
    name, role, relation, speakers = (checked(value, what="name") for value in fields)
    if not name or not role:
        raise InvalidOption("A certificate needs the name and the role of the person who signs it.")
    if reviewer.oath and not reviewer.place.strip():
        raise InvalidOption("A declaration under penalty of perjury names the place where it is made.", hint="Add --place.")
    return Reviewer(name, role, relation, speakers, reviewer.oath, checked(reviewer.place, what="place"))


def _certifiable(folder: SessionFolder, formats: Sequence[str], *, knows_cut_off: bool) -> Record:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InvalidOption(f"A certificate has no format {unknown[0][:80]!r}.", hint=f"Choose from {', '.join(FORMATS)}.")
    record = read_record(folder)
    if record.transcript is None:
        raise NotTranscribed(f"{folder.path.name} has no transcript yet.")
    _refuse_impossible(record)
    if capture.origin(record) == "salvaged" and not knows_cut_off:
        raise NotCertifiable(
            "The recording was cut off and made whole afterwards.",
            hint="Listen to its end, then add --cut-off: every document will say so.",
        )
    return record


def _refuse_impossible(record: Record) -> None:
    """Utterances that end before they begin, or lie beyond the sound, are mended by corrections, not certified."""
    for line in record.lines:
        one = line.utterance
        end = record.recording.end_frame(one.stream)
        if one.frame_count < 0 or one.first_frame < 0 or one.first_frame + one.frame_count > end:
            raise NotCertifiable(f"Utterance {one.id} lies outside the recording.", hint="Transcribe the session again.")
