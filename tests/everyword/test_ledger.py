"""The ledger: one chain, whoever writes."""

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from everyword import keys, ledger
from everyword.digest import digest
from everyword.errors import CorruptFolder, SessionBusy
from everyword.journal import BrokenChain, Chain
from tests.everyword import sessions
from tests.everyword.sessions import Case


def test_the_first_line_names_the_session_and_its_seal(case: Case) -> None:
    first = next(ledger.read(case.folder))
    seal = digest(case.folder.seal.read_bytes())
    expected = ("ledger", case.folder.read_session().id, seal, seal)
    assert expected == (first["kind"], first["session"], first["seal"], first["prev"])


def test_a_line_comes_back_as_it_was_written(case: Case) -> None:
    line = ledger.append(case.folder, "note", by="Анна", key=case.key, text="Слово")
    assert (4, "note", "Анна", "Слово") == (line["seq"], line["kind"], line["by"], line["text"])
    assert line == list(ledger.read(case.folder))[-1]


def test_without_a_ledger_there_are_no_lines_and_no_current_run(case: Case) -> None:
    case.folder.ledger.unlink()
    assert ([], None) == (list(ledger.read(case.folder)), ledger.current_run(case.folder))


def test_nothing_is_added_before_the_seal(case: Case) -> None:
    case.folder.seal_signature.unlink()
    with pytest.raises(SessionBusy, match="not sealed"):
        ledger.append(case.folder, "note", by="Anna", key=case.key)


def test_a_missing_seal_is_named(case: Case) -> None:
    case.folder.seal.unlink()
    with pytest.raises(CorruptFolder, match=r"seal\.json cannot be read"):
        ledger.append(case.folder, "note", by="Anna", key=case.key)


def test_the_ledger_of_another_seal_is_refused_and_not_written_to(case: Case) -> None:
    sessions.reseal(case, key=case.key, sealed_at_us=5)
    before = case.folder.ledger.read_bytes()
    with pytest.raises(BrokenChain, match="line 1"):
        ledger.append(case.folder, "note", by="Anna", key=case.key)
    assert before == case.folder.ledger.read_bytes()


def test_a_fork_is_refused(case: Case) -> None:
    """Two copies of a folder were written to, and somebody has put the lines together."""
    common = case.folder.ledger.read_bytes()
    ledger.append(case.folder, "note", by="Anna", key=case.key)
    one = case.folder.ledger.read_bytes()
    case.folder.ledger.write_bytes(common)
    ledger.append(case.folder, "note", by="Boris", key=case.key)
    case.folder.ledger.write_bytes(one + case.folder.ledger.read_bytes()[len(common) :])
    with pytest.raises(BrokenChain, match="line 6"):
        ledger.append(case.folder, "note", by="Clara", key=case.key)
    assert "fail" == case.verdicts()[0]


def test_a_ledger_that_was_cut_off_before_its_first_line_gets_one(case: Case) -> None:
    case.folder.ledger.unlink()
    Chain.create(case.folder.ledger, genesis=ledger.seal_digest(case.folder)).close()
    ledger.append(case.folder, "note", by="Anna", key=case.key)
    assert ["ledger", "note"] == [line["kind"] for line in ledger.read(case.folder)]


def test_processes_that_write_at_once_keep_one_chain(case: Case) -> None:
    code = (
        "import sys; from pathlib import Path; from everyword import keys, ledger; from everyword.folder import SessionFolder\n"
        "key = keys.device_key(Path(sys.argv[2]))\n"
        "for _ in range(15): ledger.append(SessionFolder(Path(sys.argv[1])), 'note', by=sys.argv[3], key=key)"
    )
    command = [sys.executable, "-c", code, str(case.path), str(case.home)]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(4)]
    assert [0] * 4 == [process.wait(60) for process in processes]
    writers = [str(line["by"]) for line in ledger.read(case.folder) if line["kind"] == "note"]
    assert {str(number): 15 for number in range(4)} == {writer: writers.count(writer) for writer in sorted(writers)}
    assert ("pass", "pass") == case.verdicts()


def test_a_signed_line_names_its_key(case: Case) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    line = ledger.append(case.folder, "note", by="Anna", key=key)
    assert keys.fingerprint(keys.public_pem(key)) == ledger.signer(line)


def test_an_unsigned_line_names_none(case: Case) -> None:
    assert ledger.signer({"seq": 1, "kind": "note"}) is None


@pytest.mark.parametrize("name", ["at", "by", "kind", "prev", "public_key", "seq", "signature"])
def test_everything_in_a_signed_line_is_signed(case: Case, name: str) -> None:
    line = ledger.append(case.folder, "note", by="Anna", key=case.key)
    with pytest.raises(CorruptFolder, match="the signature does not fit"):
        ledger.signer({**line, name: 9})


def test_the_last_adopted_run_is_the_current_one(case: Case) -> None:
    for name in ("r007", "r001", "r003"):
        ledger.append(case.folder, "adopt", by="Anna", key=case.key, run=name)
    assert "r003" == ledger.current_run(case.folder)


def a_torn_ledger(case: Case) -> bytes:
    """A power cut came while the last line was written; returns what is left of it."""
    ledger.append(case.folder, "note", by="Anna", key=case.key, text="cut off")
    data = case.folder.ledger.read_bytes()
    last = data[data[:-1].rindex(b"\n") + 1 :][:40]
    case.folder.ledger.write_bytes(data[: data[:-1].rindex(b"\n") + 1] + last)
    return last


def test_a_line_without_its_end_does_not_count_and_hides_nothing(case: Case) -> None:
    before = list(ledger.read(case.folder))
    a_torn_ledger(case)
    assert before == list(ledger.read(case.folder))
    assert [("fail", "ledger.jsonl")] == [(finding.outcome, finding.subject) for finding in case.failures()]


def test_the_next_line_moves_the_unfinished_one_aside(case: Case) -> None:
    torn = a_torn_ledger(case)
    ledger.append(case.folder, "note", by="Anna", key=case.key, text="again")
    assert "again" == list(ledger.read(case.folder))[-1]["text"]
    assert torn == case.folder.ledger.with_name("ledger.jsonl.torn").read_bytes()
    assert [] == case.failures()


def test_a_damaged_line_with_its_end_is_no_accident(case: Case) -> None:
    data = case.folder.ledger.read_bytes()
    case.folder.ledger.write_bytes(data[:-5] + b"\n")
    with pytest.raises(BrokenChain):
        ledger.append(case.folder, "note", by="Anna", key=case.key)
