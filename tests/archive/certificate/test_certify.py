"""Certificates: levels the review carries, words that promise nothing, and nothing signed that was not shown."""

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.certificate import bundle, certify, wording
from archive.certificate.statement import Reviewer
from archive.record import read_record
from archive.review import coverage as review_coverage
from archive.review import marks as review
from archive.review.coverage import Level
from everyword import checker, keys
from everyword.digest import canonical, parse_canonical
from everyword.errors import EverywordError, InvalidOption, InvalidText, NotTranscribed, WouldOverwrite
from everyword.verify import verdicts, verify_session
from tests.archive import builders
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import REVIEWER, Issued, check, outcome


@pytest.fixture
def case(issued: Issued, tmp_path: Path) -> Issued:
    """The same session again, in a home of its own, to go on with."""
    home = Path(shutil.copytree(issued.home, tmp_path / "home"))
    from dataclasses import replace

    return replace(issued, home=home, folder=type(issued.folder)(home / "sessions" / issued.folder.path.name))


def prepare(case: Issued, *, level: Level | None = None, reviewer: Reviewer = REVIEWER) -> certify.Draft:
    """A draft without documents that take a moment."""
    return certify.prepare(case.folder, reviewer, case.entry, home=case.home, level=level, formats=("txt",))


# Levels


def test_nothing_reviewed_is_level_m(tmp_path: Path) -> None:
    folder = forge.a_session(tmp_path, seconds=9)
    assert "M" == certify.level_for(review_coverage.of(read_record(folder)), None)


def test_something_reviewed_is_level_r_with_its_numbers(tmp_path: Path) -> None:
    folder = forge.a_session(tmp_path, seconds=9)
    record = read_record(folder)
    assert record.transcript is not None
    line = record.lines[0]
    review.mark(folder, line.utterance, run="r001", text=line.text, decision="accepted", by="Anna", key=builders.KEY)
    entry, signer = forge.a_key(tmp_path / "home")
    made = forge.certified(folder, entry, signer, home=tmp_path / "home")
    text = "\n".join(made.manifest["text"]["paragraphs"])  # type: ignore[index]
    assert "R" == made.manifest["level"]
    assert "Anna Reed, court reporter, compared 1 of 4 utterances (25.0 % of speech time) with the recording" in text


def test_everything_reviewed_is_level_c(issued: Issued) -> None:
    assert "C" == issued.certificate.manifest["level"]


def test_the_subtitles_say_the_level_too(case: Issued) -> None:
    draft = certify.prepare(case.folder, REVIEWER, case.entry, home=case.home, formats=("vtt",))
    assert f"NOTE {draft.statement.heading}\n".encode() in draft.payload.made["data/transcript/transcript.vtt"]
    assert "C" == draft.statement.level


@pytest.mark.parametrize(("level", "what"), [("C", "Level C is refused: 4 of 4"), ("R", "nobody has reviewed")])
def test_a_level_the_review_does_not_carry_is_refused(level: Level, what: str, tmp_path: Path) -> None:
    folder = forge.a_session(tmp_path, seconds=9)
    with pytest.raises(certify.NotCertifiable, match=what):
        certify.level_for(review_coverage.of(read_record(folder)), level)


def test_an_edited_text_is_no_verbatim_record(case: Issued) -> None:
    review.set_verbatim(case.folder, "edited", by="Anna", key=builders.KEY)
    with pytest.raises(certify.NotCertifiable, match="edited"):
        prepare(case, level="C")


def test_a_correction_after_the_review_takes_level_c_away(case: Issued) -> None:
    builders.correct(case.folder, 1, to="We discussed something else.")
    with pytest.raises(certify.NotCertifiable, match="1 of 4 utterances have not been reviewed"):
        prepare(case, level="C")
    assert "R" == parse_canonical(prepare(case).manifest, what="x")["level"]


def test_a_session_without_a_transcript_is_not_certified(tmp_path: Path) -> None:
    folder = builders.imported(tmp_path)
    entry, _ = forge.a_key(tmp_path / "home")
    with pytest.raises(NotTranscribed):
        certify.prepare(folder, REVIEWER, entry, home=tmp_path / "home")


def test_a_transcript_without_an_utterance_is_not_certified(tmp_path: Path) -> None:
    folder = builders.transcribed(tmp_path, [])
    entry, _ = forge.a_key(tmp_path / "home")
    with pytest.raises(certify.NotCertifiable, match="no utterance"):
        certify.prepare(folder, REVIEWER, entry, home=tmp_path / "home")


def test_an_utterance_beyond_the_sound_is_not_certified(tmp_path: Path) -> None:
    folder = forge.a_session(tmp_path, seconds=3)
    entry, _ = forge.a_key(tmp_path / "home")
    with pytest.raises(certify.NotCertifiable, match="outside the recording"):
        certify.prepare(folder, REVIEWER, entry, home=tmp_path / "home")


# What is signed


def test_what_was_added_while_one_was_asked_is_not_signed(case: Issued) -> None:
    draft = prepare(case)
    builders.correct(case.folder, 1, to="Something else.")
    with pytest.raises(certify.NotCertifiable, match="while you were asked"):
        certify.sign(case.folder, draft, case.signer, entry=case.entry, home=case.home, by="x")
    assert ["c001"] == certify.names(case.folder)


def test_a_revision_names_the_one_it_supersedes(case: Issued) -> None:
    first = certify.read(case.folder)
    second = forge.certified(case.folder, case.entry, case.signer, home=case.home)
    assert (2, first.digest) == (second.manifest["revision"], second.manifest["supersedes"])
    assert "revision 2, which replaces revision 1" in json.dumps(second.manifest["text"])


def test_certificate_and_seal_are_two_objects_by_two_keys(issued: Issued) -> None:
    device, reviewer = issued.certificate.manifest["device"], issued.certificate.manifest["signer"]
    assert isinstance(device, dict)
    assert isinstance(reviewer, dict)
    assert device["public_key"] != reviewer["public_key"]
    assert device["public_key"] == keys.fingerprint((issued.bundle / "data/session/seal.pub.pem").read_bytes())


def test_the_coverage_it_states_is_that_of_the_ledger(issued: Issued) -> None:
    assert review_coverage.of(read_record(issued.folder)).numbers() == issued.certificate.manifest["coverage"]


def test_the_same_certificate_gives_the_same_bundle_whatever_came_later(issued: Issued, case: Issued, tmp_path: Path) -> None:
    builders.correct(case.folder, 1, to="Something else.")
    forge.certified(case.folder, case.entry, case.signer, home=case.home)
    again = bundle.write(case.folder, certify.read(case.folder, "c001"), to=tmp_path / "again")
    files = {one.relative_to(again): one.read_bytes() for one in again.rglob("*") if one.is_file()}
    assert files == {one.relative_to(issued.bundle): one.read_bytes() for one in issued.bundle.rglob("*") if one.is_file()}


def test_a_zip_file_is_the_same_byte_for_byte_and_verified(issued: Issued, tmp_path: Path) -> None:
    paths = [bundle.write(issued.folder, issued.certificate, to=tmp_path / name, as_zip=True) for name in ("one", "two")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert 0 == outcome(check(paths[0], issued.trust))


def test_unzip_and_python_read_the_zip_file(issued: Issued, tmp_path: Path) -> None:
    path = bundle.write(issued.folder, issued.certificate, to=tmp_path, as_zip=True)
    shutil.unpack_archive(path, tmp_path / "unpacked")
    assert 0 == outcome(check(tmp_path / "unpacked" / issued.bundle.name, issued.trust))


def test_a_bundle_is_a_bag_for_those_who_made_the_format(issued: Issued) -> None:
    bagit = pytest.importorskip("bagit")
    assert bagit.Bag(str(issued.bundle)).is_valid()


def test_a_bundle_never_replaces_another(issued: Issued) -> None:
    with pytest.raises(WouldOverwrite):
        bundle.write(issued.folder, issued.certificate, to=issued.bundle.parent)


def test_no_file_of_a_bundle_is_named_after_what_was_said(issued: Issued) -> None:
    assert not [one for one in issued.bundle.rglob("*") if "round" in one.name.lower()]


# In the session's own folder


def verdict(case: Issued) -> tuple[str, str]:
    """Of `everyword verify SESSION` on the computer that made it."""
    trusted = [case.entry.holder.public_key, keys.fingerprint(keys.public_pem(keys.device_key(case.home)))]
    trusted += [keys.fingerprint(keys.public_pem(builders.KEY))]
    return verdicts(verify_session(case.folder, trusted=trusted, time_authorities=[case.authority.root]))


def test_a_session_with_a_certificate_is_verified_together_with_it(case: Issued) -> None:
    assert ("pass", "pass") == verdict(case)


@pytest.mark.parametrize(
    "name",
    [
        "certificate/manifest.json",
        "certificate/manifest.sig",
        "data/transcript/transcript.txt",
        "VERIFY.txt",
        "manifest-sha256.txt",
    ],
)
def test_a_certificate_that_was_changed_in_the_session_fails(name: str, case: Issued) -> None:
    path = case.folder.path / "certificates" / "c001" / name
    path.write_bytes(path.read_bytes()[:-1])
    assert "fail" == verdict(case)[0]


def test_a_ledger_that_goes_on_after_the_certificate_still_passes(case: Issued) -> None:
    builders.correct(case.folder, 1, to="Something else.")
    assert "pass" == verdict(case)[0]


def test_what_is_no_certificate_fails(case: Issued) -> None:
    (case.folder.path / "certificates" / "readme").mkdir()
    assert "fail" == verdict(case)[0]


# Words


@pytest.mark.parametrize(
    "text",
    [
        "the official transcript",
        "court-certified",
        "Guaranteed correct",
        "100 % accurate",
        "100% accurate",
        "notarised",
        "admissible in court",
        "qualified reporter",
    ],
)
def test_a_forbidden_word_is_found(text: str) -> None:
    assert wording.forbidden(text)


def test_the_sentence_that_says_what_it_is_not_may_say_official(issued: Issued) -> None:
    text = json.dumps(issued.certificate.manifest["text"])
    assert "does not by itself make this transcript an official record" in text
    assert [] == wording.forbidden("\n".join(issued.certificate.manifest["text"]["paragraphs"]))  # type: ignore[index]


def test_a_reviewer_cannot_smuggle_a_forbidden_word_in(case: Issued) -> None:
    with pytest.raises(InvalidText, match="official"):
        prepare(case, reviewer=Reviewer("Anna Reed", "official court reporter"))


def test_an_oath_names_its_place(case: Issued) -> None:
    with pytest.raises(InvalidOption, match="place"):
        prepare(case, reviewer=Reviewer("Anna Reed", "reporter", oath=True))
    text = " ".join(prepare(case, reviewer=Reviewer("Anna Reed", "reporter", oath=True, place="Geneva")).statement.paragraphs)
    assert re.search(
        r"under penalty of perjury that the foregoing is true and correct\. Executed on 20\d\d-\d\d-\d\d at Geneva\.", text
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    name=st.text(min_size=1, max_size=60),
    role=st.text(min_size=1, max_size=60),
    relation=st.sampled_from(["none", "employed by one side", "counsel's assistant"]),
)
def test_whoever_signs_the_text_is_whole_and_promises_nothing(name: str, role: str, relation: str, issued: Issued) -> None:
    """Any name and role: either it is refused with a sentence, or every field stands in the text and no forbidden word does."""
    try:
        draft = prepare(issued, reviewer=Reviewer(name, role, relation))
    except EverywordError:
        return
    text = "\n".join(draft.statement.paragraphs)
    manifest = parse_canonical(draft.manifest, what="x")
    assert [] == wording.forbidden(text)
    assert canonical(manifest) == draft.manifest
    for value in (manifest["seal"], manifest["transcript"]["digest"], "4:", "revision 2", "identity self-asserted"):  # type: ignore[index]
        assert str(value).removesuffix("4:") in text


def test_the_draft_statement_says_that_nobody_has_compared_it(issued: Issued) -> None:
    statement = wording.draft(read_record(issued.folder))
    assert ("M", checker.HEADINGS["M"]) == (statement.level, statement.heading)
    assert "No person has compared it with the recording." in statement.paragraphs[0]
