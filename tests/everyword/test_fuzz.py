"""Thousands of mutations: verify answers each with findings, never with a crash, and never with a false pass."""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from everyword import ledger
from everyword.digest import canonical, parse_canonical
from everyword.errors import EverywordError, UnsupportedFormat
from everyword.journal import Line
from everyword.recording import read_recording
from everyword.run import read_transcript
from tests.everyword import sessions
from tests.everyword.sessions import Case, a_case

KINDS = [
    "leaf",
    "gap",
    "segment",
    "stream",
    "stop",
    "note",
    "adopt",
    "asr.run",
    "anchor",
    "alarm",
    "ring",
    "import",
    "salvage",
    "s16",
    "f64",
    "r001",
    "r²",
]
TEXTS = [
    "",
    "x",
    "1",
    "-1",
    "../../../etc/passwd",
    "/dev/zero",
    "sha256:",
    "sha256:" + "0" * 64,
    "\n",
    "\0",
    "\ufeff",
    "a" * 5000,
]
NUMBERS = [0, 1, -1, 2, 65_536, 2**31, 2**32, 2**53 - 1, -(2**53) + 1]
HOSTILE: list[object] = [None, True, False, *KINDS, *TEXTS, *NUMBERS, [], [[]], [0], ["x"] * 3, {}, {"a": {}}]


@contextmanager
def _restored(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    try:
        yield data
    finally:
        path.write_bytes(data)


def _garbled(data: bytes, rng: random.Random) -> bytes:
    """One to three changes of bytes; other bytes than before."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(5):
            case 0 if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at:at] = rng.randbytes(rng.randint(1, 9))
            case 2:
                del changed[at : at + rng.randint(1, 99)]
            case 3:
                changed[at:at] = changed[rng.randrange(len(changed) + 1) :][:99]
            case _:
                del changed[at:]
    return bytes(changed) if bytes(changed) != data else data + b" "


def _mutated(value: object, rng: random.Random) -> object:
    """The same JSON with one value, somewhere in it, exchanged, removed or added."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(sorted(value))
        match rng.randrange(8):
            case 0:
                return {key: item for key, item in value.items() if key != name}
            case 1:
                return {**value, rng.choice(["x", "", "kind", "stream", "public_key"]): rng.choice(HOSTILE)}
            case _:
                return {**value, name: _mutated(value[name], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], _mutated(value[at], rng), *value[at + 1 :]]
    return rng.choice(HOSTILE)


def _mutated_lines(lines: list[Line], rng: random.Random) -> list[Line]:
    at = rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            return lines[:at] + lines[at + 1 :]
        case 1:
            return [*lines[:at], lines[rng.randrange(len(lines))], *lines[at:]]
        case _:
            line = _mutated(lines[at], rng)
            return [*lines[:at], line if isinstance(line, dict) else {}, *lines[at + 1 :]]


def _read_as_others_do(case: Case) -> None:
    """What archive and transcribe do with a folder raises nothing but what commands can explain."""
    for read in (read_recording, read_transcript, ledger.current_run):
        with suppress(EverywordError, OSError):
            read(case.folder)


def garble(case: Case, rng: random.Random) -> None:
    """Bytes of any file changed: never a pass."""
    name = rng.choice(sessions.every_file(case))
    with _restored(case.path / name) as data:
        changed = _garbled(data, rng)
        (case.path / name).write_bytes(changed)
        allowed = name == "ledger.jsonl" and data.startswith(changed) and changed.count(b"\n") == 3
        assert allowed or case.verdicts() != ("pass", "pass"), f"{name}: {changed!r}"
        _read_as_others_do(case)


def forge_chain(case: Case, rng: random.Random) -> None:
    """Journal or ledger changed in its meaning and chained anew: never a pass."""
    journal = rng.random() < 0.6
    path = case.folder.journal if journal else case.folder.ledger
    genesis = case.folder.genesis() if journal else ledger.seal_digest(case.folder)
    with _restored(path) as data:
        sessions.rechain(path, _mutated_lines(sessions.lines_of(path), rng), genesis=genesis)
        cut = not journal and path.read_bytes() == b"".join(data.splitlines(keepends=True)[:-1])
        same = path.read_bytes() == data
        assert cut or same or case.verdicts() != ("pass", "pass"), path.read_bytes()
        _read_as_others_do(case)


def forge_object(case: Case, rng: random.Random) -> None:
    """One of the JSON files changed in its meaning: never a pass."""
    name = rng.choice(["session.json", "seal.json", "transcripts/r001/run.json"])
    with _restored(case.path / name) as data:
        (case.path / name).write_bytes(canonical(_mutated(parse_canonical(data, what=name), rng)))
        try:
            assert (case.path / name).read_bytes() == data or case.verdicts() != ("pass", "pass")
        except UnsupportedFormat:
            return  # nothing is said about what is not understood
        _read_as_others_do(case)


def reseal(case: Case, rng: random.Random) -> None:
    """Any journal, sealed with the real key: nothing is forged then, but nothing may break either."""
    with (
        _restored(case.folder.journal),
        _restored(case.folder.sums),
        _restored(case.folder.seal),
        _restored(case.folder.seal_signature),
    ):
        lines = sessions.lines_of(case.folder.journal)
        for _ in range(rng.randint(1, 2)):
            lines = _mutated_lines(lines, rng)
        sessions.reseal_journal(case, lines, key=case.key)
        case.verdicts()
        _read_as_others_do(case)


def rewrite_run(case: Case, rng: random.Random) -> None:
    """Any transcript, signed with the real key: nothing may break."""
    run = case.path / "transcripts/r001"
    name = rng.choice(["utterances.jsonl", "coverage.jsonl"])
    with _restored(run / name), _restored(run / "run.json"), _restored(case.folder.ledger):
        lines = [canonical(line) for line in _mutated_lines(sessions.lines_of(run / name), rng)]
        (run / name).write_bytes(b"".join(line + b"\n" for line in lines))
        sessions.sign_run_again(case)
        case.verdicts()
        _read_as_others_do(case)


def _fuzz(tmp_path: Path, *, seed: int, rounds: int) -> None:
    case = a_case(tmp_path, seconds=2.5)
    rng = random.Random(seed)
    for number in range(rounds):
        mutate = rng.choice([garble, garble, forge_chain, forge_object, reseal, rewrite_run])
        try:
            mutate(case, rng)
        except Exception as error:  # a round that breaks off must say how to repeat it
            raise AssertionError(f"seed {seed}, round {number}, {mutate.__name__}: {error!r}") from error
    assert ("pass", "pass") == case.verdicts()


def test_hundreds_of_mutations_are_answered_with_findings(tmp_path: Path) -> None:
    _fuzz(tmp_path, seed=1, rounds=150)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 12))
def test_thousands_of_mutations_are_answered_with_findings(tmp_path: Path, seed: int) -> None:
    _fuzz(tmp_path, seed=seed, rounds=1000)
