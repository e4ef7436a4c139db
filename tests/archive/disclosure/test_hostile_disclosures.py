"""Excerpts and redacted copies that somebody has tampered with at random, or made to keep the reader waiting."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archive.disclosure import documents
from everyword import checker, keys
from everyword.digest import canonical, digest, parse_canonical
from tests.archive.certificate.issued import Issued, check, outcome
from tests.archive.certificate.test_mutations import LONGEST_S, Mutated, mutate, no_longer_than
from tests.archive.disclosure.copies import sign_again

HUGE = 10**15


def mutants_that_pass(path: Path, issued: Issued, count: int, *, seed: int) -> list[int]:
    """Numbers of mutated copies that are taken for whole: there must be none."""
    store, chance, passed = Mutated(path), random.Random(seed), []
    whole = store.files
    for number in range(count):
        store.files = mutate(whole, chance)
        with no_longer_than(LONGEST_S):
            findings = list(checker.verify_store(store, issued.trust, fits=keys.is_signed, redraw=documents.redraw))
        if outcome(findings) == 0 and store.files != whole:
            passed.append(number)
    return passed


def test_two_hundred_mutated_redacted_copies(drawn: Path, issued: Issued) -> None:
    assert [] == mutants_that_pass(drawn, issued, 200, seed=8)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_three_thousand_mutated_redacted_copies(drawn: Path, issued: Issued) -> None:
    assert [] == mutants_that_pass(drawn, issued, 3_000, seed=9)


def test_every_byte_of_the_words_and_the_statement_counts(drawn: Path, issued: Issued) -> None:
    store, passed = Mutated(drawn), []
    for name in ("certificate/disclosure.json", checker.WORDS, checker.PAGES, "data/original/manifest.json"):
        whole = store.files[name]
        for place in random.Random(1).sample(range(len(whole)), 60):
            store.files[name] = bytes([*whole[:place], whole[place] ^ 1 << place % 8, *whole[place + 1 :]])
            if not any(one.outcome == "fail" for one in checker.verify_store(store, issued.trust, fits=keys.is_signed)):
                passed.append((name, place))
        store.files[name] = whole
    assert [] == passed


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "leaves": lambda one: one["redactions"][0].update(leaves=[[0, HUGE]]),
    "leaves, a little at a time": lambda one: one["redactions"][0].update(leaves=[[0, 1_000_000]] * 50),
    "words": lambda one: one["redactions"][0].update(words=[[1, 0, HUGE]]),
    "less than none": lambda one: one["redactions"][0].update(leaves=[[0, -HUGE]]),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_about_numbers_fails_at_once(name: str, drawn: Path, issued: Issued, tmp_path: Path) -> None:
    path = Path(shutil.copytree(drawn, tmp_path / drawn.name))
    place = path / "certificate" / "disclosure.json"
    statement: dict[str, Any] = parse_canonical(place.read_bytes(), what="x")
    LIES[name](statement)
    place.write_bytes(canonical(statement))
    sign_again(path, issued)
    with no_longer_than(LONGEST_S):
        assert 4 == outcome(check(path, issued.trust))


def test_a_line_map_with_a_word_too_many_fails_at_once(drawn: Path, issued: Issued, tmp_path: Path) -> None:
    """With a certificate of the forger's own, to which the line map belongs."""
    path = Path(shutil.copytree(drawn, tmp_path / drawn.name))
    linemap = f"page,line,utterance,first_word,word_count,start_ms,end_ms\n1,2,1,0,{HUGE},0,1\n".encode()
    (path / checker.LINEMAP).write_bytes(linemap)
    original = path / "data/original/manifest.json"
    raw = canonical({**parse_canonical(original.read_bytes(), what="x"), "linemap": digest(linemap)})
    original.write_bytes(raw)
    (path / "data/original/manifest.sig").write_bytes(issued.signer.sign(raw))
    place = path / "certificate" / "disclosure.json"
    statement: dict[str, Any] = parse_canonical(place.read_bytes(), what="x")
    statement["original"]["manifest"] = digest(raw)
    place.write_bytes(canonical(statement))
    sign_again(path, issued)
    with no_longer_than(LONGEST_S):
        assert 4 == outcome(list(checker.verify(path, issued.trust, fits=keys.is_signed, redraw=documents.redraw)))


@pytest.mark.parametrize("field", ["leaves", "utterances"])
def test_a_tree_without_end_fails_at_once(field: str, drawn: Path, issued: Issued, tmp_path: Path) -> None:
    path = Path(shutil.copytree(drawn, tmp_path / drawn.name))
    original = path / "data/original/manifest.json"
    manifest: dict[str, Any] = parse_canonical(original.read_bytes(), what="x")
    raw = canonical({**manifest, "transcript": {**manifest["transcript"], field: 2**53 - 1, "leaves": 2**53 - 1}})
    original.write_bytes(raw)
    (path / "data/original/manifest.sig").write_bytes(issued.signer.sign(raw))
    place = path / "certificate" / "disclosure.json"
    statement: dict[str, Any] = parse_canonical(place.read_bytes(), what="x")
    statement["original"]["manifest"] = digest(raw)
    place.write_bytes(canonical(statement))
    sign_again(path, issued)
    with no_longer_than(LONGEST_S):
        assert 4 == outcome(check(path, issued.trust))
