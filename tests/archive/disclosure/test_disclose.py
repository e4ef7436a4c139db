"""Excerpts and redacted copies: what is shown is proved, what is hidden is nowhere in the bytes."""

import json
import re
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.certificate import certify
from archive.disclosure import disclose
from archive.disclosure.selection import Hide, at_line, numbered, read_text, read_words, with_phrase
from archive.record import Record, read_record
from everyword import checker
from everyword.checker import Trust
from everyword.digest import canonical, parse_canonical
from everyword.errors import InvalidOption
from tests.archive.builders import RATE_HZ
from tests.archive.certificate.issued import Issued, check, outcome
from tests.archive.disclosure.copies import sign_again

SECRETS = ("promised", "Minister", "обмін", "полонених")


@pytest.fixture(scope="session")
def record(issued: Issued) -> Record:
    """The certified session, as read."""
    return read_record(issued.folder)


@pytest.fixture(scope="session")
def redacted(issued: Issued, record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two phrases in two languages are hidden, one of them in a corrected utterance, and one speaker."""
    text = read_text(record, issued.certificate)
    hides = [*with_phrase(text, "PROMISED to us, Minister"), *with_phrase(text, "обмін полонених"), Hide(3, is_speaker=True)]
    return _redact(issued, record, hides, to=tmp_path_factory.mktemp("redacted"))


@pytest.fixture(scope="session")
def clipped(issued: Issued, record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seconds 2 to 4 of the second microphone."""
    to = tmp_path_factory.mktemp("clipped")
    return disclose.clip(
        record,
        issued.certificate,
        start_us=2_000_000,
        end_us=4_000_000,
        tracks=(2,),
        entry=issued.entry,
        signer=issued.signer,
        to=to,
    )


@pytest.fixture
def copy(redacted: Path, tmp_path: Path) -> Path:
    """A redacted copy to tamper with."""
    return Path(shutil.copytree(redacted, tmp_path / redacted.name))


def _redact(
    issued: Issued, record: Record, hides: list[Hide], *, to: Path, with_sound: bool = True, as_zip: bool = False
) -> Path:
    return disclose.redact(
        record,
        issued.certificate,
        numbered(hides, reason="safety of a witness", authority="the chair"),
        with_sound=with_sound,
        entry=issued.entry,
        signer=issued.signer,
        to=to,
        as_zip=as_zip,
    )


def test_a_redacted_copy_is_verified(redacted: Path, issued: Issued) -> None:
    findings = check(redacted, issued.trust)
    assert (0, []) == (outcome(findings), [one for one in findings if one.outcome != "pass"])


def test_an_excerpt_is_verified_and_says_which_seconds_it_holds(clipped: Path, issued: Issued) -> None:
    findings = check(clipped, issued.trust)
    assert 0 == outcome(findings)
    assert any("Track 2, 0:00:02-0:00:04: 2 seconds" in one.sentence for one in findings)


def test_the_signer_is_unknown_to_whoever_pins_no_key(redacted: Path) -> None:
    assert 3 == outcome(check(redacted, Trust()))


def test_a_zip_file_of_it_is_verified(issued: Issued, record: Record, tmp_path: Path) -> None:
    path = _redact(issued, record, [Hide(2)], to=tmp_path, as_zip=True)
    assert 0 == outcome(check(path, issued.trust))


def test_sound_may_be_left_out(issued: Issued, record: Record, tmp_path: Path) -> None:
    path = _redact(issued, record, [Hide(2)], to=tmp_path, with_sound=False)
    assert (0, []) == (outcome(check(path, issued.trust)), list(path.rglob("*.wav")))


# Nothing hidden is there


def _streams(data: bytes) -> Iterator[bytes]:
    """The bytes, and whatever in them can be inflated, at any place, again and again."""
    yield data
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        try:
            inflated = zlib.decompressobj(wbits=47).decompress(data[match.start() :])
        except zlib.error:
            continue
        if inflated:
            yield from _streams(inflated)


def _leaks(path: Path, secret: str) -> list[str]:
    spellings = [secret.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")] + [json.dumps(secret)[1:-1].encode()]
    files = [one for one in path.rglob("*") if one.is_file() and one.name != "verify.py"]
    named = [str(one) for one in files if secret.casefold() in one.name.casefold()]
    return named + [
        f"{one}: {secret}"
        for one in files
        for data in _streams(one.read_bytes())
        if any(spelling.lower() in data.lower() for spelling in spellings)
    ]


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_hidden_stands_anywhere_in_the_bytes(secret: str, redacted: Path) -> None:
    assert [] == _leaks(redacted, secret)


@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_would_have_found_it_in_the_whole_bundle(secret: str, issued: Issued) -> None:
    """A test of the test above."""
    assert _leaks(issued.bundle, secret)


def test_the_search_looks_into_deflated_streams(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"stream\n" + zlib.compress(zlib.compress(b"promised") + b"x") + b"\nendstream")
    assert _leaks(tmp_path, "promised")


def test_the_sound_of_what_is_hidden_is_nowhere_in_the_bytes(redacted: Path, issued: Issued) -> None:
    """The corrected utterance (6 to 8 s) is withheld whole: not one of its blocks of 64 samples is anywhere."""
    sound = (issued.bundle / "data/session/audio/s1/000000.wav").read_bytes()[1024:]
    left = struct.unpack(f"<{len(sound) // 2}h", sound)[::2]
    files = b"".join(one.read_bytes() for one in redacted.rglob("*") if one.is_file())
    assert struct.pack("<64h", *left[RATE_HZ : RATE_HZ + 64]) in files
    blocks = range(6 * RATE_HZ, 8 * RATE_HZ, 64)
    assert [] == [start for start in blocks if struct.pack("<64h", *left[start : start + 64]) in files]


def test_a_seconds_salt_is_not_disclosed_with_it(redacted: Path, issued: Issued) -> None:
    """Otherwise digital silence, or a hidden yes, could be guessed."""
    hidden = parse_canonical((redacted / "certificate/disclosure.json").read_bytes(), what="x")
    audio = hidden["audio"][0]  # type: ignore[index]
    salts = parse_canonical((redacted / audio["proof"]).read_bytes(), what="x")["salts"]
    assert len(str(salts)) == 32 * (62 - len(audio["hidden"]))


def test_a_hidden_yes_cannot_be_guessed_but_an_unsalted_one_could() -> None:
    """The guess is tried against both: the control succeeds."""
    place, held = checker.text_place(1, 5), canonical({"kind": "word", "text": "yes", "utterance": 1, "word": 0})
    unsalted = checker.leaf("session", place, held, bytes(16), b"T")
    salted = checker.leaf("session", place, held, checker.salt_of(bytes(range(32)), b"t", place), b"T")
    guesses = {
        checker.leaf("session", place, canonical({"kind": "word", "text": word, "utterance": 1, "word": 0}), bytes(16), b"T")
        for word in ("yes", "no", "maybe")
    }
    assert (True, False) == (unsalted in guesses, salted in guesses)


# Page and line stay


def test_every_remaining_word_keeps_its_page_and_line(redacted: Path, issued: Issued) -> None:
    hidden = {f"[REDACTED R-{number:02}]" for number in (1, 2, 3)}
    shown = [(line[:7].strip(), line[9:].split(": ")[-1]) for line in (redacted / checker.PAGES).read_text().splitlines()]
    printed = _printed(issued)
    for place, text in shown:
        for word in re.sub(r"\[REDACTED R-\d\d\]", "", text).split():
            assert word in printed[place], (place, word)
    assert 4 == len(shown)
    assert any(mark in text for _, text in shown for mark in hidden)


def _printed(issued: Issued) -> dict[str, str]:
    """``page:line`` → the words the certified transcript has there, by its own line map."""
    record = parse_canonical((issued.bundle / checker.TRANSCRIPT).read_bytes(), what="x")
    words = {one["number"]: checker.words_of(one["text"]) for one in record["utterances"]}  # type: ignore[attr-defined]
    result: dict[str, str] = {}
    for row in (issued.bundle / checker.LINEMAP).read_text().splitlines()[1:]:
        page, line, number, first, count = (int(part) for part in row.split(",")[:5])
        result[f"{page}:{line:02}"] = "".join(words[number][first : first + count])
    return result


def test_the_mark_stands_where_the_words_stood(redacted: Path) -> None:
    lines = (redacted / checker.PAGES).read_text().splitlines()
    assert any(line.endswith("That is not what was [REDACTED R-03]") for line in lines)


def test_a_hidden_speaker_is_not_named_at_the_line(redacted: Path) -> None:
    (line,) = [line for line in (redacted / checker.PAGES).read_text().splitlines() if "гарантий" in line]
    assert "[speaker not shown]: " in line


# Proofs


def test_an_excerpt_holds_nothing_of_the_rest(clipped: Path) -> None:
    assert [] == [secret for secret in ("discussed", "prisoners", "гарантий", "promised") if _leaks(clipped, secret)]
    assert [] == [one for one in clipped.rglob("*") if one.name in ("journal.jsonl", "ledger.jsonl", "salts.key", "session.json")]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 28_800])
def test_the_proof_of_a_minute_is_short(count: int) -> None:
    leaves = [bytes([number % 256]) * 32 for number in range(count)]
    shown = range(min(count, 600), min(count, 660))
    proof = disclose.hidden_digests(leaves, shown)
    whole = checker.root_of(count, dict(enumerate(leaves)), [])
    assert whole == checker.root_of(count, {index: leaves[index] for index in shown}, proof)
    assert 32 * len(proof) <= 1024


def test_a_proof_alone_does_not_prove_how_many_leaves_there_are() -> None:
    """The count must come from the signed seal and from nowhere else: here seven wrong ones fit."""
    leaves = [bytes([number]) * 32 for number in range(11)]
    proof = disclose.hidden_digests(leaves, [4])
    root = checker.root_of(11, {4: leaves[4]}, proof)
    others = []
    for count in (*range(5, 11), *range(12, 40)):
        try:
            others.append(checker.root_of(count, {4: leaves[4]}, proof))
        except ValueError:
            continue
    assert 7 == others.count(root)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a word", (checker.WORDS, b"prisoners", b"criminals")),
        ("a word's place", (checker.WORDS, b'"leaf":4', b'"leaf":5')),
        ("a salt", (checker.WORDS, b'"salt":"', b'"salt":"00')),
        ("the pages", (checker.PAGES, b"prisoners", b"criminals")),
        ("the reason", ("certificate/disclosure.json", b"safety", b"comfort")),
        ("which second is withheld", ("certificate/disclosure.json", b'"hidden":[2', b'"hidden":[1')),
        ("the original certificate", ("data/original/manifest.json", b'"level":"C"', b'"level":"R"')),
        ("the original seal", ("data/original/seal.json", b'"leaves":62', b'"leaves":63')),
        ("the sound", ("data/audio/s1-c0.wav", None, None)),
        ("the proof", ("data/audio/s1-c0.json", b'"hidden":["', b'"hidden":["00')),
    ],
)
def test_what_is_changed_in_a_redacted_copy_is_noticed_even_when_it_is_signed_anew(
    name: str, change: tuple[str, bytes | None, bytes | None], issued: Issued, copy: Path
) -> None:
    file, before, after = change
    data = (copy / file).read_bytes()
    changed = (
        bytes([*data[:100], data[100] ^ 1, *data[101:]]) if before is None or after is None else data.replace(before, after, 1)
    )
    assert data != changed
    (copy / file).write_bytes(changed)
    assert 4 == outcome(check(copy, issued.trust))
    sign_again(copy, issued)
    expected = 0 if name == "the reason" else 4
    assert expected == outcome(check(copy, issued.trust))


def test_whoever_hides_more_than_is_listed_is_found_out(issued: Issued, record: Record, copy: Path) -> None:
    words = parse_canonical((copy / checker.WORDS).read_bytes(), what="x")
    text = read_text(record, issued.certificate)
    shown = words["shown"][1:]  # type: ignore[index]
    proof = disclose.hidden_digests([leaf for leaf, _, _ in text.leaves], [one["leaf"] for one in shown])
    (copy / checker.WORDS).write_bytes(canonical({"shown": shown, "hidden": [one.hex() for one in proof]}))
    sign_again(copy, issued)
    assert any("lists as hidden" in one.sentence for one in check(copy, issued.trust) if one.outcome == "fail")


def test_a_clip_without_a_certificate_is_proved_against_the_seal_alone(issued: Issued, record: Record, tmp_path: Path) -> None:
    path = disclose.clip(record, None, start_us=0, end_us=1_000_000, entry=issued.entry, signer=issued.signer, to=tmp_path)
    device = parse_canonical((path / "data/original/seal.json").read_bytes(), what="x")["signer"]
    assert isinstance(device, dict)
    assert 3 == outcome(check(path, issued.trust))
    both = issued.trust._replace(fingerprints=issued.trust.fingerprints | {device["public_key"]})
    assert 0 == outcome(check(path, both))


# What cannot be hidden


def test_a_phrase_that_stands_nowhere_is_an_error(issued: Issued, record: Record) -> None:
    with pytest.raises(InvalidOption, match="stands nowhere"):
        with_phrase(read_text(record, issued.certificate), "promissed")


@pytest.mark.parametrize("spec", ["12", "12:", "12:0", "12:5-3", "a:1", "12:1-", "-1:2"])
def test_words_that_cannot_be_are_an_error(spec: str) -> None:
    with pytest.raises(InvalidOption):
        read_words(spec)


def test_a_word_beyond_the_utterance_is_an_error(issued: Issued, record: Record, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="nothing like that"):
        _redact(issued, record, [Hide(1, (99,))], to=tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_a_line_is_hidden_by_page_and_line(issued: Issued, record: Record, tmp_path: Path) -> None:
    text = read_text(record, issued.certificate)
    (place,) = [place for place, words in _printed(issued).items() if "discussed" in words]
    path = _redact(issued, record, at_line(text, place), to=tmp_path)
    assert (0, []) == (outcome(check(path, issued.trust)), _leaks(path, "discussed"))


def test_an_unknown_certificate_is_an_error(issued: Issued) -> None:
    with pytest.raises(InvalidOption, match="c099"):
        certify.read(issued.folder, "c099")
