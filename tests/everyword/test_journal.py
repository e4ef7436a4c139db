"""A chain is whole, or the first line that is not is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everyword import journal
from everyword.digest import canonical, digest
from everyword.journal import BrokenChain, Chain

GENESIS = digest(b"the beginning")
LINES = 6


def _chain(path: Path, count: int = LINES) -> bytes:
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".torn").unlink(missing_ok=True)
    chain = Chain.create(path, genesis=GENESIS)
    for number in range(count):
        chain.append("note", {"text": f"Слово {number}"})
    chain.close()
    return path.read_bytes()


def _texts(path: Path) -> list[object]:
    return [line["text"] for line in journal.read(path, genesis=GENESIS)]


def test_lines_are_numbered_timed_and_chained(tmp_path: Path) -> None:
    data = _chain(tmp_path / "j").splitlines()
    lines = list(journal.read(tmp_path / "j", genesis=GENESIS))
    assert list(range(LINES)) == [line["seq"] for line in lines]
    assert [GENESIS, *map(digest, data[:-1])] == [line["prev"] for line in lines]
    assert all(abs(journal.now_us() - int(str(line["at"]))) < 60_000_000 for line in lines)


def test_a_chain_goes_on_where_it_ended(tmp_path: Path) -> None:
    _chain(tmp_path / "j")
    chain = Chain.resume(tmp_path / "j", genesis=GENESIS)
    chain.append("note", {"text": "more"})
    chain.close()
    assert LINES + 1 == len(_texts(tmp_path / "j"))


def test_a_chain_is_never_started_over_another(tmp_path: Path) -> None:
    _chain(tmp_path / "j")
    with pytest.raises(FileExistsError):
        Chain.create(tmp_path / "j", genesis=GENESIS)


def test_the_chain_of_another_file_is_refused(tmp_path: Path) -> None:
    _chain(tmp_path / "j")
    with pytest.raises(BrokenChain, match="line 1: it does not follow"):
        list(journal.read(tmp_path / "j", genesis=digest(b"another")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(cut=st.integers(0, 2000), rubbish=st.sampled_from([b"", b"\0" * 600, b'{"kind":"note"}\n', b"\n", b"\xff"]))
def test_a_file_torn_anywhere_is_repaired_to_its_longest_whole_beginning(tmp_path: Path, cut: int, rubbish: bytes) -> None:
    path = tmp_path / "j"
    whole = _chain(path)
    torn = whole[:cut] + rubbish
    path.write_bytes(torn)
    intact = whole[: whole[:cut].rfind(b"\n") + 1]
    moved = _repair(path)
    assert (intact, len(torn) - len(intact)) == (path.read_bytes(), moved)
    aside = path.with_name("j.torn")
    assert torn[len(intact) :] == (aside.read_bytes() if aside.exists() else b"")
    assert intact.count(b"\n") == len(_texts(path))


def test_an_intact_chain_needs_no_repair(tmp_path: Path) -> None:
    whole = _chain(tmp_path / "j")
    assert 0 == _repair(tmp_path / "j")
    assert [whole] == [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]


def test_what_is_torn_twice_is_kept_twice(tmp_path: Path) -> None:
    _chain(tmp_path / "j")
    for piece in (b"one", b"two"):
        with (tmp_path / "j").open("ab") as file:
            file.write(piece)
        assert 3 == _repair(tmp_path / "j")
    assert b"onetwo" == (tmp_path / "j.torn").read_bytes()


def _repair(path: Path) -> int:
    return journal.move_torn_tail(path, intact=journal.read_intact(path, genesis=GENESIS, take=lambda line: None).size)


def _changed(lines: list[bytes], at: int) -> list[bytes]:
    return [*lines[:at], lines[at].replace("Слово".encode(), "Слава".encode()), *lines[at + 1 :]]


@pytest.mark.parametrize("at", range(LINES - 1))
def test_a_changed_removed_repeated_or_exchanged_line_is_refused_by_its_number(tmp_path: Path, at: int) -> None:
    path = tmp_path / "j"
    lines = _chain(path).splitlines(keepends=True)
    cases = [
        (_changed(lines, at), at + 2),
        (lines[:at] + lines[at + 1 :], at + 1),
        (lines[: at + 1] + lines[at:], at + 2),
        ([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]], at + 1),
    ]
    for tampered, number in cases:
        path.write_bytes(b"".join(tampered))
        with pytest.raises(BrokenChain, match=f"j, line {number}: ") as caught:
            list(journal.read(path, genesis=GENESIS))
        assert number == caught.value.number


@pytest.mark.parametrize(
    "line",
    [
        {"kind": "note", "at": 1},
        {"kind": "note", "seq": 0},
        {"kind": "note", "seq": 0, "at": "1"},
        {"kind": "note", "seq": 0, "at": True},
        {"kind": "note", "seq": 0, "at": None},
        {"kind": 7, "seq": 0, "at": 1},
        {"seq": 0, "at": 1},
        {"kind": "note", "seq": "0", "at": 1},
    ],
)
def test_a_line_that_lacks_what_every_line_has_is_refused(tmp_path: Path, line: dict[str, object]) -> None:
    (tmp_path / "j").write_bytes(canonical({**line, "prev": GENESIS}) + b"\n")
    with pytest.raises(BrokenChain, match="line 1"):
        list(journal.read(tmp_path / "j", genesis=GENESIS))


def test_a_chain_that_is_broken_is_not_written_on(tmp_path: Path) -> None:
    whole = _chain(tmp_path / "j")
    (tmp_path / "j").write_bytes(whole[:-5])
    with pytest.raises(BrokenChain, match=f"line {LINES}: it ends in the middle"):
        Chain.resume(tmp_path / "j", genesis=GENESIS)


@pytest.mark.parametrize("fields", [{"level": 0.5}, {"at_us": 2**53}, {"text": "\ud800"}])
def test_what_cannot_be_chained_leaves_the_file_as_it_was(tmp_path: Path, fields: dict[str, object]) -> None:
    whole = _chain(tmp_path / "j")
    chain = Chain.resume(tmp_path / "j", genesis=GENESIS)
    with pytest.raises((TypeError, ValueError)):
        chain.append("note", fields)
    chain.append("note", {"text": "after"})
    chain.close()
    assert (tmp_path / "j").read_bytes().startswith(whole)
    assert LINES + 1 == len(_texts(tmp_path / "j"))


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from everyword.journal import Chain
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
chain = Chain.resume(Path(sys.argv[1]), genesis=sys.argv[2])
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
try:
    chain.append("note", {"text": "x" * 300})
except OSError as error:
    print(error.errno)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
chain.append("note", {"text": "after"})
chain.close()
"""


def test_a_disk_that_fills_in_the_middle_of_a_line_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    whole = _chain(tmp_path / "j")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "j"), GENESIS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "27\n" == done.stdout
    assert (tmp_path / "j").read_bytes().startswith(whole)
    assert "after" == _texts(tmp_path / "j")[-1]


def test_a_line_survives_the_death_of_its_writer(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from everyword.journal import Chain; "
    code += "Chain.create(Path(sys.argv[1]), genesis=sys.argv[2]).append('note', {'text': 'last words'}); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "j"), GENESIS], check=False)
    assert -9 == done.returncode
    assert ["last words"] == _texts(tmp_path / "j")


def test_a_line_may_be_signed_before_it_is_written(tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "j", genesis=GENESIS)
    chain.append(
        "note", {"text": "a"}, sign=lambda line: {**line, "text": f"{line['seq']} {line['kind']} {line['prev'] == GENESIS}"}
    )
    chain.close()
    assert ["0 note True"] == _texts(tmp_path / "j")


def test_the_file_is_not_inherited_by_children(tmp_path: Path) -> None:
    chain = Chain.create(tmp_path / "j", genesis=GENESIS)
    assert not os.get_inheritable(chain.descriptor)
    chain.close()
