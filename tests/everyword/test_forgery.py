"""What a forger does who knows the format but has no key: never a pass, and what was done is named."""

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from everyword import keys
from everyword.digest import canonical, digest, parse_canonical
from everyword.segment import HEADER_BYTES
from everyword.verify import verdicts
from tests.everyword import sessions
from tests.everyword.sessions import FIRST, FRAME_BYTES, RATE_HZ, RUN, SECOND, Case, failures, flip, names

Tamper = Callable[[Case], None]


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _swap_segments(case: Case) -> None:
    one, other = case.path / FIRST, case.path / SECOND
    one_bytes, other_bytes = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_bytes)
    other.write_bytes(one_bytes)


def _swap_channels(case: Case) -> None:
    path = case.path / FIRST
    data = path.read_bytes()
    samples = struct.unpack(f"<{(len(data) - HEADER_BYTES) // 2}h", data[HEADER_BYTES:])
    swapped = [sample for left, right in zip(samples[::2], samples[1::2], strict=True) for sample in (right, left)]
    path.write_bytes(data[:HEADER_BYTES] + struct.pack(f"<{len(swapped)}h", *swapped))


def _swap_seconds(case: Case) -> None:
    path, second = case.path / FIRST, RATE_HZ * FRAME_BYTES
    data = path.read_bytes()
    one, other = data[HEADER_BYTES:][:second], data[HEADER_BYTES + 7 * second :][:second]
    path.write_bytes(data.replace(one, b"?" * second).replace(other, one).replace(b"?" * second, other))


def _edit_sound_and_sums(case: Case) -> None:
    flip(case.path / FIRST, 5000)
    sessions.regenerate_sums(case)


def _edit_sound_journal_and_sums(case: Case) -> None:
    flip(case.path / FIRST, 5000)
    lines = sessions.lines_of(case.folder.journal)
    for line in lines:
        if line["kind"] == "segment" and line["path"] == FIRST:
            line["digest"] = digest((case.path / FIRST).read_bytes())
    sessions.rechain(case.folder.journal, lines, genesis=case.folder.genesis())
    sessions.regenerate_sums(case)


def _cut_sound_journal_and_sums(case: Case) -> None:
    """The second segment was never recorded."""
    (case.path / SECOND).unlink()
    lines = [line for line in sessions.lines_of(case.folder.journal) if line.get("path") != SECOND]
    lines = [line for line in lines if not (line["kind"] == "leaf" and isinstance(line["index"], int) and line["index"] >= 60)]
    sessions.rechain(case.folder.journal, lines, genesis=case.folder.genesis())
    sessions.regenerate_sums(case)


def _add_a_file(case: Case) -> None:
    (case.path / "audio" / "s1" / "000002.wav").write_bytes((case.path / SECOND).read_bytes())


def _add_a_file_and_sums(case: Case) -> None:
    _add_a_file(case)
    sessions.regenerate_sums(case)


def _journal_raw(change: Callable[[list[bytes]], list[bytes]]) -> Tamper:
    def tamper(case: Case) -> None:
        path = case.folder.journal
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return tamper


def _journal_rechained(change: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> Tamper:
    def tamper(case: Case) -> None:
        lines = change(sessions.lines_of(case.folder.journal))
        sessions.rechain(case.folder.journal, lines, genesis=case.folder.genesis())
        sessions.regenerate_sums(case)

    return tamper


def _edit_session(case: Case) -> None:
    values = parse_canonical(case.folder.session_json.read_bytes(), what="session.json")
    case.folder.session_json.write_bytes(canonical({**values, "title": "Another title"}))
    sessions.rechain(case.folder.journal, sessions.lines_of(case.folder.journal), genesis=case.folder.genesis())
    sessions.regenerate_sums(case)


def _edit_seal(**changes: object) -> Tamper:
    def tamper(case: Case) -> None:
        seal = parse_canonical(case.folder.seal.read_bytes(), what="seal.json")
        case.folder.seal.write_bytes(canonical({**seal, "sha256sums": sessions.regenerate_sums(case), **changes}))

    return tamper


def _reformat_seal(case: Case) -> None:
    case.folder.seal.write_bytes(case.folder.seal.read_bytes().replace(b",", b", "))


def _duplicate_key_in_seal(case: Case) -> None:
    case.folder.seal.write_bytes(case.folder.seal.read_bytes().replace(b'{"comp', b'{"origin":"captured","comp', 1))


def _high_s(case: Case) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    r, s = decode_dss_signature(case.folder.seal_signature.read_bytes())
    case.folder.seal_signature.write_bytes(encode_dss_signature(r, keys._ORDER - s))


def _other_key_file(case: Case) -> None:
    case.folder.seal_key.write_bytes(keys.public_pem(ec.generate_private_key(ec.SECP256R1())))


def _key_and_signature(case: Case) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    case.folder.seal_key.write_bytes(keys.public_pem(key))
    case.folder.seal_signature.write_bytes(keys.sign(key, case.folder.seal.read_bytes()))


def _seal_of_another_session(case: Case) -> None:
    other = sessions.a_case(case.path.parent / "other", seconds=3)
    for name in ("seal.json", "seal.sig", "seal.pub.pem"):
        shutil.copy(other.path / name, case.path / name)


def _seal_and_sums_of_another_session(case: Case) -> None:
    _seal_of_another_session(case)
    other = next((case.path.parent / "other" / "sessions").iterdir())
    shutil.copy(other / "SHA256SUMS", case.path / "SHA256SUMS")


def _salts(case: Case) -> None:
    case.folder.salts.write_bytes(bytes(32))
    sessions.regenerate_sums(case)


def _salts_of_another_length(case: Case) -> None:
    case.folder.salts.write_bytes(bytes(16))


FORGERIES: list[tuple[Tamper, str]] = [
    (_swap_segments, FIRST),
    (_swap_segments, SECOND),
    (_swap_channels, FIRST),
    (_swap_seconds, "second 0:00:07–0:00:08"),
    (_edit_sound_and_sums, FIRST),
    (_edit_sound_and_sums, "SHA256SUMS"),
    (_edit_sound_journal_and_sums, "Track 1 (channel 0), second 0:00:00–0:00:01"),
    (_edit_sound_journal_and_sums, "journal.jsonl"),
    (_cut_sound_journal_and_sums, "journal.jsonl"),
    (_cut_sound_journal_and_sums, "seal.json: roots"),
    (_add_a_file, "audio/s1/000002.wav"),
    (_add_a_file_and_sums, "SHA256SUMS"),
    (_journal_raw(lambda lines: lines[:4] + lines[5:]), "line 5"),
    (_journal_raw(lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]]), "line 5"),
    (_journal_raw(lambda lines: lines[:5] + lines[4:]), "line 6"),
    (_journal_raw(lambda lines: lines[:-1]), "journal.jsonl"),
    (_journal_raw(lambda lines: [line.replace(b'"imported"', b'"recorded"') for line in lines]), "journal.jsonl"),
    (_journal_rechained(lambda lines: lines[:-1]), "journal.jsonl"),
    (_journal_rechained(lambda lines: [line for line in lines if line["kind"] != "import"]), "journal.jsonl"),
    (_journal_rechained(lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]]), "journal.jsonl"),
    (_journal_rechained(lambda lines: [{**line, "at": 1} for line in lines]), "journal.jsonl"),
    (_edit_session, "session.json"),
    (_edit_session, "journal.jsonl"),
    (_edit_seal(origin="captured"), "seal.sig"),
    (_edit_seal(sealed_at_us=1), "seal.sig"),
    (_edit_seal(completeness={"complete": True}), "seal.json: completeness"),
    (_reformat_seal, "seal.json"),
    (_duplicate_key_in_seal, "seal.json"),
    (_high_s, "seal.sig"),
    (_other_key_file, "seal.sig"),
    (_key_and_signature, "seal.pub.pem"),
    (_seal_of_another_session, "seal.json: session"),
    (_seal_and_sums_of_another_session, "seal.json: session"),
    (_salts, "salts.key"),
    (_salts_of_another_length, "salts.key"),
]


@pytest.mark.parametrize(("forge", "named"), FORGERIES, ids=lambda value: getattr(value, "__name__", value))
def test_a_forgery_without_the_key_fails_and_is_named(case: Case, forge: Tamper, named: str) -> None:
    forge(case)
    findings = case.findings()
    assert "fail" == verdicts(findings)[0]
    assert names(failures(findings), named)


def test_a_whole_new_seal_with_another_key_is_intact_but_its_signer_is_unknown(case: Case) -> None:
    """The one forgery that no folder can show by itself: the fingerprint has to be compared."""
    shutil.rmtree(case.folder.transcripts)
    case.folder.ledger.unlink()
    flip(case.path / "source/001-talks.wav", 100)
    sessions.reseal(case, key=ec.generate_private_key(ec.SECP256R1()))
    assert ("unknown", "pass") == case.verdicts()
    assert ["seal.pub.pem"] == [finding.subject for finding in case.findings() if finding.outcome == "unknown"]


@pytest.mark.parametrize(
    "name",
    [
        "evil.txt",
        "seal.evil",
        "seal.json.bak",
        "seal.d/evil.txt",
        "audio/s2/000000.wav",
        ".hidden",
        ".full.lock",
        "ledger.jsonl.bak",
        "live.jsonl/evil.txt",
        "two\nlines",
        "back\\slash",
        "Ё.txt",
        "transcripts/evil.txt",
        "transcripts/x001/run.json",
        f"{RUN}/evil.txt",
        f"{RUN}/deeper/evil.txt",
    ],
)
def test_an_added_file_fails_and_is_named(case: Case, name: str) -> None:
    path = case.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("evil")
    assert "fail" == case.verdicts()[0]
    expected = f"{RUN}/deeper" if "deeper" in name else "transcripts/x001" if "x001" in name else name
    assert names(case.failures(), expected.replace("\n", "\\n"))


def test_a_file_whose_name_is_no_text_is_named_too(case: Case) -> None:
    Path(os.fsdecode(os.fsencode(case.path) + b"/\xff")).write_text("evil")
    assert ["\udcff"] == [finding.subject for finding in case.failures()]


def test_a_name_with_a_line_break_cannot_add_a_line_to_the_report(case: Case) -> None:
    (case.path / "x\nPASS     seal.json: all is well").write_text("")
    assert [] == [finding for finding in case.findings() if "\n" in finding.subject + finding.sentence]


def test_an_empty_lock_file_is_no_part_of_the_record(case: Case) -> None:
    (case.path / ".anything.lock").touch()
    assert ("pass", "pass") == case.verdicts()


@pytest.mark.parametrize("name", ["seal.sig.tsr", "certificates/c001/manifest.json"])
def test_rubbish_in_the_place_of_a_time_stamp_or_certificate_fails(case: Case, name: str) -> None:
    (case.path / name).parent.mkdir(parents=True, exist_ok=True)
    (case.path / name).write_text("something")
    assert ("fail", "pass") == case.verdicts()
