"""What not even the one with the key and the salts can state: the numbers and the text must follow from the ledger."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from archive.certificate import bundle
from archive.certificate.manifest import text_leaves
from everyword import checker
from everyword.checker import Trust
from everyword.digest import canonical, digest, parse_canonical
from everyword.keys import KeySigner
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import Issued, check

MANIFEST, TRANSCRIPT = "certificate/manifest.json", "data/transcript/transcript.json"
SESSION = "data/session"


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("level C over a text that was not reviewed as a whole", {"reviewed": 3}),
        ("level C over a text that was not reviewed as a whole", {"open_flags": 1}),
        ("level C over a text that was not reviewed as a whole", {"verbatim": "edited"}),
        ("level C over a text that was not reviewed as a whole", {"stretches": 9}),
    ],
)
def test_not_even_the_signer_can_claim_a_level_the_numbers_do_not_carry(
    what: str, change: dict[str, object], issued: Issued, path: Path
) -> None:
    manifest = parse_canonical((path / MANIFEST).read_bytes(), what="manifest")
    assert isinstance(manifest["coverage"], dict)
    assert isinstance(issued.signer, KeySigner)
    forge.resign(path, issued.signer, coverage={**manifest["coverage"], **change})
    assert any(what in one.sentence for one in check(path, issued.trust) if one.outcome == "fail")


def test_not_even_the_signer_can_claim_a_review_that_the_ledger_does_not_have(tmp_path: Path) -> None:
    folder, home = forge.a_session(tmp_path, seconds=9), tmp_path / "home"
    entry, signer = forge.a_key(home)
    path = bundle.write(folder, forge.certified(folder, entry, signer, home=home), to=tmp_path / "out")
    manifest = parse_canonical((path / MANIFEST).read_bytes(), what="manifest")
    assert isinstance(manifest["coverage"], dict)
    assert isinstance(signer, KeySigner)
    text = {"heading": checker.HEADINGS["C"], "paragraphs": []}
    forge.resign(path, signer, level="C", text=text, coverage={**manifest["coverage"], "reviewed": 4})
    failed = [one.sentence for one in check(path, Trust(frozenset([entry.holder.public_key]))) if one.outcome == "fail"]
    assert ["The ledger says reviewed 0, which is not what it claims."] == failed


def rewrite(path: Path, issued: Issued, change: Callable[[dict[str, Any]], object], **claims: object) -> list[str]:
    """What is said when the one with the key and the salts changes the text, and makes digest, root and signature anew."""
    transcript: dict[str, Any] = parse_canonical((path / TRANSCRIPT).read_bytes(), what="transcript")
    change(transcript)
    raw = canonical(transcript)
    (path / TRANSCRIPT).write_bytes(raw)
    seed = (path / SESSION / "salts.key").read_bytes()
    manifest: dict[str, Any] = parse_canonical((path / MANIFEST).read_bytes(), what="manifest")
    leaves = text_leaves(str(manifest["session"]), raw, seed=seed, revision=1)
    root = checker.TAG + checker.root_of(len(leaves), {place: one[0] for place, one in enumerate(leaves)}, []).hex()
    stated = {"digest": digest(raw), "root": root, "leaves": len(leaves), "utterances": len(transcript["utterances"])}
    assert isinstance(issued.signer, KeySigner)
    forge.resign(
        path,
        issued.signer,
        transcript={**manifest["transcript"], **stated},
        coverage={**manifest["coverage"], **claims},
    )
    return [one.sentence for one in check(path, issued.trust) if one.outcome == "fail" and one.subject in (TRANSCRIPT, MANIFEST)]


def _said(transcript: dict[str, Any], number: int) -> dict[str, Any]:
    """One utterance."""
    (one,) = [one for one in transcript["utterances"] if one["number"] == number]
    return cast("dict[str, Any]", one)


BEHIND: dict[str, Callable[[dict[str, Any]], object]] = {
    "a word": lambda whole: _said(whole, 1).update(text="We disgusted the exchange of prisoners."),
    "a speaker's name": lambda whole: _said(whole, 1).update(speaker="Somebody Else"),
    "who a speaker is": lambda whole: _said(whole, 1).update(person="somebody-else"),
    "an utterance said twice in place of another": lambda whole: whole["utterances"].__setitem__(1, whole["utterances"][0]),
    "an utterance left out": lambda whole: whole["utterances"].pop(),
    "an utterance under another number": lambda whole: _said(whole, 1).update(number=9),
    "an utterance at another time": lambda whole: _said(whole, 1).update(first_frame=1),
}


@pytest.mark.parametrize("name", BEHIND)
def test_not_even_the_signer_can_change_the_text_behind_the_ledgers_back(name: str, issued: Issued, path: Path) -> None:
    assert any("does not follow" in one for one in rewrite(path, issued, BEHIND[name]))


@pytest.mark.parametrize(("claim", "value"), [("corrections", 0), ("verbatim", "clean"), ("utterances", 5)])
def test_not_even_the_signer_can_state_other_numbers_than_the_ledger(
    claim: str, value: object, issued: Issued, path: Path
) -> None:
    claims = {claim: value, **({"reviewed": 5} if claim == "utterances" else {})}
    assert any(f"The ledger says {claim}" in one for one in rewrite(path, issued, lambda whole: None, **claims))
