"""Sessions to tamper with, and what a forger does to them."""

import random
import shutil
import wave
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import keys, ledger, run
from everyword.digest import canonical, digest, parse_canonical
from everyword.folder import SessionFolder
from everyword.journal import Line
from everyword.model import Finding, Outcome, Run, Span, Utterance, Word, to_json
from everyword.recording import read_recording
from everyword.seal import sealed_files, write_sums
from everyword.verify import verdicts, verify_session
from tests.helpers import a_session

RATE_HZ = 1000
SECONDS = 61.5
FRAME_BYTES = 4
FIRST, SECOND = "audio/s1/000000.wav", "audio/s1/000001.wav"
RUN = "transcripts/r001"


@dataclass(frozen=True, slots=True)
class Case:
    """One session on the computer that recorded it."""

    home: Path
    folder: SessionFolder

    @property
    def key(self) -> EllipticCurvePrivateKey:
        """The device key, which a forger does not have."""
        return keys.device_key(self.home)

    @property
    def path(self) -> Path:
        """Of the session folder."""
        return self.folder.path

    def findings(self) -> list[Finding]:
        """What verify says, trusting this computer's own key."""
        return list(verify_session(self.folder, trusted=[keys.fingerprint(keys.public_pem(self.key))]))

    def verdicts(self) -> tuple[Outcome, Outcome]:
        """(integrity, completeness)."""
        return verdicts(self.findings())

    def failures(self) -> list[Finding]:
        """The checks that failed."""
        return failures(self.findings())

    def copy(self, to: Path) -> "Case":
        """The same session, to be tampered with."""
        folder = SessionFolder(to / self.path.name)
        shutil.copytree(self.path, folder.path, symlinks=True)
        return Case(self.home, folder)


def a_case(tmp_path: Path, *, seconds: float = SECONDS) -> Case:
    """Two channels, by default two segments; one transcription, and one correction in the ledger."""
    case = Case(tmp_path / "home", a_session(tmp_path, noise(tmp_path / "talks.wav", seconds=seconds)))
    add_run(case)
    ledger.append(case.folder, "correct", by="Anna", key=case.key, run="r001", before="one", after="two")
    return case


def noise(path: Path, *, seconds: float) -> Path:
    """A stereo file in which no second is like another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(random.Random(7).randbytes(int(seconds * RATE_HZ) * 4))
    return path


def add_run(case: Case, *, coverage: list[Span] | None = None) -> str:
    """A finished transcription of one utterance; by default every other frame is silent."""
    folder, name = case.folder, run.start_run(case.folder)
    path, recording = run.run_path(folder, name), read_recording(folder)
    words = (Word(" one", 0, 500, 900_000),)
    said = Utterance(1, 1, 1, 0, 500, "en", 990_000, None, " one", words, 0)
    spans = coverage if coverage is not None else spans_of(recording.end_frame(1))
    run.write_lines(path / run.READINGS, [])
    run.write_lines(path / run.UTTERANCES, [to_json(said)])
    run.write_lines(path / run.COVERAGE, [to_json(span) for span in spans])
    run.write_lines(path / run.QUARANTINE, [])
    seal, session = ledger.seal_digest(folder), recording.session.id
    made = Run(name, session, seal, 1, {"name": "by hand"}, {"name": "nobody"}, {"seed": 0}, run.list_files(path), 1, 0)
    run.write_run(folder, made)
    run.sign_run(folder, name, key=case.key, by="Test Operator")
    return name


def spans_of(frames: int) -> list[Span]:
    """An account of both tracks that adds up."""
    return [Span(1, 1, 0, 500, "spoken"), Span(1, 1, 500, frames - 500, "silent"), Span(1, 2, 0, frames, "silent")]


def lines_of(path: Path) -> list[Line]:
    """A chain's lines, unchecked."""
    return [parse_canonical(line, what="line") for line in path.read_bytes().splitlines()]


def rechain(path: Path, lines: list[Line], *, genesis: str) -> str:
    """Write `lines` as a chain that is whole again, as anybody can; returns its head."""
    written = []
    for number, line in enumerate(lines):
        written.append(canonical({**line, "seq": number, "prev": genesis}))
        genesis = digest(written[-1])
    path.write_bytes(b"".join(line + b"\n" for line in written))
    return genesis


def regenerate_sums(case: Case) -> str:
    """SHA256SUMS as it would be for the folder as it is now; returns its digest."""
    case.folder.sums.unlink(missing_ok=True)
    return digest(write_sums(case.folder, {}))


def reseal(case: Case, *, key: EllipticCurvePrivateKey, **changes: object) -> None:
    """A seal with `changes` over the folder as it is now, signed with `key`; the ledger is moved to the new seal, unsigned."""
    seal = parse_canonical(case.folder.seal.read_bytes(), what="seal.json") | changes
    case.folder.seal_key.write_bytes(keys.public_pem(key))
    seal["signer"] = {"algorithm": keys.ALGORITHM, "public_key": keys.fingerprint(keys.public_pem(key))}
    seal["sha256sums"] = regenerate_sums(case)
    case.folder.seal.write_bytes(canonical(seal))
    case.folder.seal_signature.write_bytes(keys.sign(key, canonical(seal)))


def reseal_journal(case: Case, lines: list[Line], *, key: EllipticCurvePrivateKey) -> None:
    """Another journal, and a seal that says so: what only somebody with a key can do."""
    head = rechain(case.folder.journal, lines, genesis=case.folder.genesis())
    reseal(case, key=key, journal={"head": head, "lines": len(lines)})


def every_file(case: Case) -> list[str]:
    """Names of all files that are evidence, of every kind."""
    runs = [path.relative_to(case.path).as_posix() for path in case.folder.transcripts.rglob("*") if path.is_file()]
    own = ["seal.json", "seal.sig", "SHA256SUMS", "ledger.jsonl"]
    return sorted([*sealed_files(case.path), *own, *runs])


def sign_run_again(case: Case) -> None:
    """``run.json`` and a ledger of three lines for the files of r001 as they are now, signed with the device key."""
    path = case.path / "transcripts" / "r001"
    made = parse_canonical((path / run.RUN_JSON).read_bytes(), what=run.RUN_JSON) | {"files": run.list_files(path)}
    (path / run.RUN_JSON).write_bytes(canonical(made))
    case.folder.ledger.unlink()
    signed = digest((path / run.RUN_JSON).read_bytes())
    ledger.append(case.folder, "asr.run", by="Test Operator", key=case.key, run="r001", digest=signed)
    ledger.append(case.folder, "adopt", by="Test Operator", key=case.key, run="r001")


def flip(path: Path, at: int, *, bit: int = 0) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def failures(findings: list[Finding]) -> list[Finding]:
    """The checks that failed."""
    return [finding for finding in findings if finding.outcome == "fail"]


def names(findings: list[Finding], name: str) -> bool:
    """Whether one of the findings names the object."""
    return any(name in finding.subject or name in finding.sentence for finding in findings)
