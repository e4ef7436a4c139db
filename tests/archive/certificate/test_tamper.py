"""What a forger does to a bundle: never exit 0, and a finding names what was touched."""

import os
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from everyword import checker, keys
from everyword.digest import canonical, digest, parse_canonical
from everyword.folder import SessionFolder
from everyword.keys import KeySigner
from everyword.model import Finding
from everyword.segment import HEADER_BYTES
from everyword.verify import verdicts, verify_session
from tests.archive import builders
from tests.archive.builders import RATE_HZ
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Issued, check, outcome, relist, restate
from tests.everyword.sessions import flip, lines_of, rechain

Tamper = Callable[[Path], object]
SESSION = "data/session"
FIRST, SECOND = f"{SESSION}/audio/s1/000000.wav", f"{SESSION}/audio/s1/000001.wav"
LEDGER, JOURNAL, SEAL = f"{SESSION}/ledger.jsonl", f"{SESSION}/journal.jsonl", f"{SESSION}/seal.json"
TRANSCRIPT, MANIFEST = "data/transcript/transcript.json", "certificate/manifest.json"
TEXT = "data/transcript/transcript.txt"
BYTES_S = RATE_HZ * 4


def edit(name: str, change: Callable[[bytes], bytes]) -> Tamper:
    """Change one file."""

    def tamper(path: Path) -> None:
        before = (path / name).read_bytes()
        after = change(before)
        assert before != after
        (path / name).write_bytes(after)

    return tamper


def then(tamper: Tamper, *others: Callable[[Path], object]) -> Tamper:
    """One thing after another."""

    def both(path: Path) -> None:
        tamper(path)
        for other in others:
            other(path)

    return both


def lines(name: str, change: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> Tamper:
    """Change lines of a chain and chain them anew, as anybody can."""

    def tamper(path: Path) -> None:
        values = lines_of(path / name)
        rechain(path / name, change(values), genesis=str(values[0]["prev"]))

    return tamper


def _swap_channels(data: bytes) -> bytes:
    samples = struct.unpack(f"<{(len(data) - HEADER_BYTES) // 2}h", data[HEADER_BYTES:])
    swapped = [sample for left, right in zip(samples[::2], samples[1::2], strict=True) for sample in (right, left)]
    return data[:HEADER_BYTES] + struct.pack(f"<{len(swapped)}h", *swapped)


def _swap_seconds(data: bytes) -> bytes:
    start, second = HEADER_BYTES, BYTES_S
    return data[:start] + data[start + second : start + 2 * second] + data[start : start + second] + data[start + 2 * second :]


def _cut(data: bytes) -> bytes:
    return data[: HEADER_BYTES + 10 * BYTES_S] + data[HEADER_BYTES + 15 * BYTES_S :]


def _cut_with_header(data: bytes) -> bytes:
    cut = bytearray(_cut(data))
    struct.pack_into("<I", cut, HEADER_BYTES - 4, len(cut) - HEADER_BYTES)
    return bytes(cut)


def _value(**changes: object) -> Callable[[bytes], bytes]:
    return lambda data: canonical({**parse_canonical(data, what="file"), **changes})


def _without(number: int) -> Callable[[list[dict[str, object]]], list[dict[str, object]]]:
    return lambda values: [value for place, value in enumerate(values) if place != number]


def _corrected(text: str) -> Callable[[list[dict[str, object]]], list[dict[str, object]]]:
    return lambda values: [{**value, "after": text} if value["kind"] == "correct" else value for value in values]


def _high_s(data: bytes) -> bytes:
    r, s = decode_dss_signature(data)
    return encode_dss_signature(r, keys._ORDER - s)


def _stranger() -> KeySigner:
    return KeySigner(ec.generate_private_key(ec.SECP256R1()))


def _other_key(path: Path) -> None:
    (path / "certificate" / "signer.pub.pem").write_bytes(_stranger().pem)


def _move(name: str, to: str) -> Tamper:
    return lambda path: (path / name).rename(path / to)


def _link(path: Path) -> None:
    (path / TEXT).unlink()
    (path / TEXT).symlink_to("/etc/passwd")


def _drop(name: str) -> Tamper:
    return lambda path: (path / name).unlink()


def _add(name: str) -> Tamper:
    def tamper(path: Path) -> None:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(b"extra")

    return tamper


def _audio_and_journal(path: Path) -> None:
    """The second segment was never recorded, and every list says so."""
    (path / SECOND).unlink()
    kept = [
        line
        for line in lines_of(path / JOURNAL)
        if line.get("path") != "audio/s1/000001.wav" and line.get("index") not in (60, 61)
    ]
    rechain(path / JOURNAL, kept, genesis=str(kept[0]["prev"]))
    relist(path)


def _transcript_and_text(path: Path) -> None:
    for name in (TRANSCRIPT, TEXT):
        data = (path / name).read_bytes()
        (path / name).write_bytes(data.replace(b"promised", b"imagined"))


word = edit(TRANSCRIPT, lambda data: data.replace(b"promised", b"imagined"))
lsb = edit(FIRST, lambda data: data[:50_000] + bytes([data[50_000] ^ 1]) + data[50_001:])

CASES: dict[str, tuple[Tamper, str]] = {
    "audio: lowest bit of a sample": (lsb, FIRST),
    "audio: lowest bit, lists made anew": (then(lsb, relist), FIRST),
    "audio: lowest bit, statement made anew": (then(lsb, restate), FIRST),
    "audio: header": (edit(FIRST, lambda data: data[:300] + b"x" + data[301:]), FIRST),
    "audio: header, statement made anew": (then(edit(FIRST, lambda data: data[:300] + b"x" + data[301:]), restate), FIRST),
    "audio: 5 s cut out": (edit(FIRST, _cut), FIRST),
    "audio: 5 s cut out, header mended, statement made anew": (then(edit(FIRST, _cut_with_header), restate), FIRST),
    "audio: two seconds swapped": (then(edit(FIRST, _swap_seconds), restate), FIRST),
    "audio: a second cut off the end": (then(edit(SECOND, lambda data: data[:-BYTES_S]), restate), SECOND),
    "audio: a second added at the end": (then(edit(SECOND, lambda data: data + data[-BYTES_S:]), restate), SECOND),
    "audio: channels swapped": (then(edit(FIRST, _swap_channels), restate), FIRST),
    "audio: cut off in the middle": (edit(FIRST, lambda data: data[: len(data) // 2]), FIRST),
    "audio: rubbish": (edit(FIRST, lambda _: b"rubbish"), FIRST),
    "audio: empty": (edit(FIRST, lambda _: b""), FIRST),
    "audio: a segment removed": (_drop(SECOND), SECOND),
    "audio: a segment removed, journal and lists made anew": (_audio_and_journal, "journal"),
    "audio: a segment removed, journal and statement made anew": (then(_audio_and_journal, restate), "journal"),
    "transcript: a word": (word, TRANSCRIPT),
    "transcript: a word, lists made anew": (then(word, relist), "manifest-sha256.txt"),
    "transcript: a word, its digest in the statement": (then(word, restate), "manifest.sig"),
    "transcript: a word, in the text too, statement made anew": (then(_transcript_and_text, restate), "transcript.json"),
    "transcript: speakers swapped": (
        edit(
            TRANSCRIPT, lambda data: data.replace("Олена Коваль".encode(), b"x").replace(b'speaker":"Anna Reed', b'speaker":"x')
        ),
        TRANSCRIPT,
    ),
    "transcript: white space": (edit(TRANSCRIPT, lambda data: data + b"\n"), TRANSCRIPT),
    "transcript: white space, statement made anew": (then(edit(TRANSCRIPT, lambda data: data + b"\n"), restate), TRANSCRIPT),
    "transcript: text file": (edit(TEXT, lambda data: data.replace(b"promised", b"imagined")), TEXT),
    "transcript: text file, lists made anew": (
        then(edit(TEXT, lambda data: data.replace(b"promised", b"imagined")), relist),
        "manifest-sha256.txt",
    ),
    "line map": (then(edit(checker.LINEMAP, lambda data: data.replace(b"1,", b"2,", 1)), restate), "linemap"),
    "machine's draft": (
        edit(f"{SESSION}/transcripts/r001/utterances.jsonl", lambda data: data.replace(b"discussed", b"disgusted")),
        "utterances.jsonl",
    ),
    "machine's draft, statement made anew": (
        then(
            edit(f"{SESSION}/transcripts/r001/utterances.jsonl", lambda data: data.replace(b"discussed", b"disgusted")), restate
        ),
        "transcripts/r001",
    ),
    "model's digest": (
        then(edit(f"{SESSION}/transcripts/r001/run.json", _value(model={"name": "somebody"})), restate),
        "run.json",
    ),
    "ledger: a correction's text": (edit(LEDGER, lambda data: data.replace(b"promised to us", b"promised to me")), LEDGER),
    "ledger: a correction's text, rechained": (then(lines(LEDGER, _corrected("no")), restate), LEDGER),
    "ledger: a line removed": (edit(LEDGER, lambda data: b"\n".join(data.split(b"\n")[:3] + data.split(b"\n")[4:])), LEDGER),
    "ledger: a line removed, rechained": (then(lines(LEDGER, _without(3)), restate), LEDGER),
    "ledger: two lines swapped": (then(lines(LEDGER, lambda v: [*v[:3], v[4], v[3], *v[5:]]), restate), LEDGER),
    "ledger: tail cut": (edit(LEDGER, lambda data: b"\n".join(data.split(b"\n")[:-2]) + b"\n"), LEDGER),
    "ledger: tail cut, statement made anew": (
        then(edit(LEDGER, lambda data: b"\n".join(data.split(b"\n")[:-2]) + b"\n"), restate),
        LEDGER,
    ),
    "ledger: a line added": (then(lines(LEDGER, lambda v: [*v, {**v[-1], "decision": "flagged"}]), restate), LEDGER),
    "journal: a note added, rechained": (
        then(lines(JOURNAL, lambda v: [*v[:-1], {"at": 1, "kind": "note", "text": "x"}, v[-1]]), restate),
        "journal.jsonl",
    ),
    "journal: tail cut": (then(lines(JOURNAL, lambda v: v[:-1]), restate), "journal.jsonl"),
    "session: title": (then(edit(f"{SESSION}/session.json", _value(title="Other")), restate), "session.json"),
    "salts swapped": (then(edit(f"{SESSION}/salts.key", lambda _: bytes(32)), restate), "salts.key"),
    "seal: a flag": (then(edit(SEAL, _value(origin="captured")), restate), "seal.json"),
    "seal: leaf count": (
        then(edit(SEAL, lambda data: data.replace(b'"leaves":62', b'"leaves":61')), restate),
        "seal.json",
    ),
    "seal: its signature": (
        then(edit(f"{SESSION}/seal.sig", lambda data: data[:-1] + bytes([data[-1] ^ 1])), restate),
        "seal.sig",
    ),
    "seal: its key": (then(lambda path: (path / SESSION / "seal.pub.pem").write_bytes(_stranger().pem), restate), "seal"),
    "statement: level raised": (edit(MANIFEST, _value(level="M")), "manifest"),
    "statement: reviewer renamed": (edit(MANIFEST, lambda data: data.replace(b"Anna Reed", b"Anna Read")), "manifest"),
    "statement: spelt otherwise": (edit(MANIFEST, lambda data: data.replace(b",", b", ")), "manifest.json"),
    "statement: a key twice": (
        edit(MANIFEST, lambda data: data.replace(b'{"archive"', b'{"level":"M","archive"')),
        "manifest.json",
    ),
    "statement: a file dropped from the list": (
        edit("manifest-sha256.txt", lambda data: b"\n".join(data.split(b"\n")[1:])),
        "manifest-sha256.txt",
    ),
    "statement: missing": (_drop(MANIFEST), "certificate"),
    "statement: a web page": (edit(MANIFEST, lambda _: b"<html>Not found</html>"), "manifest.json"),
    "statement: empty": (edit(MANIFEST, lambda _: b""), "manifest.json"),
    "statement: a version from the future": (then(edit(MANIFEST, _value(everyword_certificate=2))), "manifest.json"),
    "statement: nested deep": (edit(MANIFEST, lambda _: b"[" * 100_000), "manifest.json"),
    "signature: a bit": (
        edit("certificate/manifest.sig", lambda data: data[:20] + bytes([data[20] ^ 4]) + data[21:]),
        "manifest.sig",
    ),
    "signature: empty": (edit("certificate/manifest.sig", lambda _: b""), "manifest.sig"),
    "signature: its twin": (then(edit("certificate/manifest.sig", _high_s), forge.retag), "manifest.sig"),
    "signature: missing": (_drop("certificate/manifest.sig"), "manifest.sig"),
    "key: another": (then(_other_key, forge.retag), "manifest.sig"),
    "key: another spelling": (
        then(edit("certificate/signer.pub.pem", lambda data: data.replace(b"\n", b"\r\n")), forge.retag),
        "signer.pub.pem",
    ),
    "certificate removed": (lambda path: shutil.rmtree(path / "certificate"), "certificate"),
    "time stamp: a bit": (
        edit("certificate/manifest.sig.tsr", lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]),
        "tagmanifest-sha256.txt",
    ),
    "time stamp: its signature, lists made anew": (
        then(edit("certificate/manifest.sig.tsr", lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]), forge.retag),
        "manifest.sig.tsr",
    ),
    "time stamp: rubbish": (then(edit("certificate/manifest.sig.tsr", lambda _: b"<html>"), forge.retag), "manifest.sig.tsr"),
    "time stamp: told otherwise": (
        then(edit("certificate/TIME.txt", lambda data: data.replace(b"20", b"19", 1)), forge.retag),
        "TIME.txt",
    ),
    "VERIFY.txt": (then(edit("VERIFY.txt", lambda data: data + b"Trust me.\n"), forge.retag), "VERIFY.txt"),
    "verify.py": (then(edit("verify.py", lambda data: data + b"print('VERIFIED')\n"), forge.retag), "verify.py"),
    "bag-info.txt": (then(edit("bag-info.txt", lambda data: data + b"A: B\n"), forge.retag), "bag-info.txt"),
    "an extra file": (_add(f"{SESSION}/audio/s1/000002.wav"), "000002.wav"),
    "an extra file, lists made anew": (then(_add(f"{SESSION}/extra.txt"), relist), "extra.txt"),
    "an extra file, statement made anew": (then(_add(f"{SESSION}/extra.txt"), restate), "extra.txt"),
    "an extra file beside the payload": (then(_add("README.html"), forge.retag), "README.html"),
    "a missing file": (_drop(TEXT), TEXT),
    "a link": (_link, TEXT),
    "names that differ in case alone": (_add("data/transcript/TRANSCRIPT.txt"), TEXT),
    "a name Windows cannot hold": (_add("data/transcript/nul.txt"), "nul.txt"),
    "a name with a backslash": (_add("data/..\\evil.txt"), "evil.txt"),
    "a file under another name": (_move(TEXT, "data/transcript/notes.txt"), TEXT),
    "a pipe": (lambda path: os.mkfifo(path / "data" / "pipe"), "pipe"),
    "payload's list: a path that leads out": (
        edit("manifest-sha256.txt", lambda data: data + b"0" * 64 + b"  data/../../evil\n"),
        "manifest-sha256.txt",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_never_passes_and_what_was_touched_is_named(name: str, issued: Issued, path: Path) -> None:
    tamper, culprit = CASES[name]
    tamper(path)
    findings = check(path, issued.trust)
    failed = [finding for finding in findings if finding.outcome == "fail"]
    assert 4 == outcome(findings)
    assert [one for one in failed if culprit in one.subject], failed


def test_untouched_it_is_verified(issued: Issued, path: Path) -> None:
    findings = check(path, issued.trust)
    assert (0, []) == (outcome(findings), [one for one in findings if one.outcome != "pass"])


def test_after_all_the_lists_are_made_anew_an_untouched_bundle_still_passes(issued: Issued, path: Path) -> None:
    """The forger's tools do not fail by themselves: a test of the tests above."""
    restate(path)
    assert 0 == outcome(check(path, issued.trust))


def test_a_whole_substitution_by_another_key_is_a_stranger(issued: Issued, path: Path) -> None:
    _drop("certificate/manifest.sig.tsr")(path)
    for name in ("TIME.txt", "tsa-chain.pem"):
        _drop(f"certificate/{name}")(path)
    forge.resign(path, _stranger(), time="none")
    findings = check(path, issued.trust)
    assert (3, ["certificate/signer.pub.pem"]) == (outcome(findings), [one.subject for one in findings if one.outcome != "pass"])
    assert any("SIGNER UNKNOWN" in one.sentence for one in findings)


def test_whoever_pins_no_key_gets_unknown_never_verified(path: Path) -> None:
    assert 3 == outcome(check(path))


def test_a_time_stamp_taken_away_is_pending(issued: Issued, path: Path) -> None:
    for name in ("manifest.sig.tsr", "TIME.txt", "tsa-chain.pem"):
        _drop(f"certificate/{name}")(path)
    forge.retag(path)
    findings = check(path, issued.trust)
    assert 3 == outcome(findings)
    assert any("TIME-STAMP PENDING" in one.sentence for one in findings)


def test_a_time_stamp_of_another_signature_fails(issued: Issued, path: Path, tmp_path: Path) -> None:
    other = forge.issue(tmp_path / "other")
    shutil.copy(other.bundle / "certificate" / "manifest.sig.tsr", path / "certificate" / "manifest.sig.tsr")
    forge.retag(path)
    assert any("something else" in one.sentence for one in check(path, issued.trust) if one.outcome == "fail")


def test_a_certificate_of_another_session_fails(issued: Issued, path: Path, tmp_path: Path) -> None:
    other = forge.issue(tmp_path / "other")
    shutil.rmtree(path / "certificate")
    shutil.copytree(other.bundle / "certificate", path / "certificate")
    forge.retag(path)
    assert 4 == outcome(check(path, issued.trust._replace(fingerprints=frozenset([other.entry.holder.public_key]))))


def test_a_seal_of_another_session_fails_even_when_the_statement_is_signed_anew(
    issued: Issued, path: Path, tmp_path: Path
) -> None:
    other = forge.a_session(tmp_path / "other", seconds=3)
    for name in ("seal.json", "seal.sig", "seal.pub.pem"):
        shutil.copy(other.path / name, path / SESSION / name)
    key = issued.signer
    assert isinstance(key, KeySigner)
    forge.resign(path, key, seal=digest((path / SEAL).read_bytes()))
    assert 4 == outcome(check(path, issued.trust))


def test_one_flipped_sample_is_localised_to_channel_and_second(issued: Issued, path: Path) -> None:
    second, frame, channel = 17, 17 * RATE_HZ + 4321, 1
    flip(path / FIRST, HEADER_BYTES + frame * 4 + channel * 2)
    failed = [one for one in check(path, issued.trust) if one.outcome == "fail"]
    place = checker.clock(second), checker.clock(second + 1)
    assert [(FIRST, f"Track 2 (channel 1), second {place[0]}-{place[1]}, differs from what was sealed.")] == [
        one[2:] for one in failed
    ]


# Two programs, one verdict
UNSEEN_IN_A_FOLDER = ("ledger: tail cut",)
"""What a session folder alone cannot show: the head of the ledger in the certificate does."""


@pytest.mark.parametrize(
    "name", [name for name, (_, culprit) in CASES.items() if SESSION in culprit and ", statement" not in name]
)
def test_the_verifier_of_sessions_agrees_with_the_one_that_travels(name: str, issued: Issued, path: Path) -> None:
    """They share no code for seal, journal, sound and ledger."""
    CASES[name][0](path)
    expected = "pass" if name in UNSEEN_IN_A_FOLDER else "fail"
    assert expected == verdicts([*_session_findings(path, issued)])[0].replace("unknown", "pass")
    assert 4 == outcome(check(path, issued.trust))


def test_the_session_in_a_bundle_is_a_session(issued: Issued, path: Path) -> None:
    assert ("pass", "pass") == verdicts([*_session_findings(path, issued)])


def _session_findings(path: Path, issued: Issued) -> Iterator[Finding]:
    known = [keys.fingerprint(keys.public_pem(key)) for key in (keys.device_key(issued.home), builders.KEY)]
    return verify_session(SessionFolder(path / SESSION), trusted=known)
