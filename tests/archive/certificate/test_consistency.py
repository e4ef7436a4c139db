"""Whatever people do to a transcript: the certificate's numbers are those of the ledger, and its words promise nothing."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive import naming
from archive.certificate import bundle, wording
from archive.record import read_record
from archive.review import coverage, marks
from everyword import labels
from everyword.checker import Trust
from everyword.errors import EverywordError
from everyword.folder import SessionFolder
from everyword.keyring import Entry
from everyword.keys import Signer
from tests.archive import builders
from tests.archive.builders import KEY
from tests.archive.certificate import issued as forge
from tests.archive.certificate.issued import check, outcome

Deed = tuple[str, int, str]
NAMES = ("Anna Reed", "Олена Коваль", "Somebody Else", "王小明")
DEEDS = st.tuples(
    st.sampled_from(["accept", "flag", "correct", "name", "voice", "style", "adopt"]),
    st.integers(1, 4),
    st.sampled_from([*NAMES, "", "We said nothing.", "[inaudible 0:00:02] and [crosstalk 0:00:03]", "é вона́"]),
)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SessionFolder, Entry, Signer]:
    """A short session with two runs of one text, and a key."""
    tmp_path = tmp_path_factory.mktemp("begun")
    folder, home = forge.a_session(tmp_path, seconds=9), tmp_path / "home"
    builders.add_run(folder, [builders.Said("Another text.", person=None), *builders.TALKS[1:]], home=home)
    entry, signer = forge.a_key(home)
    return home, folder, entry, signer


def do(folder: SessionFolder, deed: Deed) -> None:
    """One thing that somebody does; what cannot be done is not."""
    what, number, text = deed
    record = read_record(folder)
    assert record.transcript is not None
    line = next((line for line in record.lines if line.utterance.id == number), record.lines[0])
    match what:
        case "accept" | "flag":
            builders.accept(folder, line.utterance.id, decision="accepted" if what == "accept" else "flagged")
        case "correct":
            builders.correct(folder, line.utterance.id, to=text)
        case "name":
            speaker, run = labels.person_named(record.session, text), record.transcript.run.run
            naming.name_speaker(folder, [line.utterance], speaker, run=run, reason="heard", by="Test Operator", key=KEY)
        case "voice":
            labels.name_voice(folder, labels.label_of(line.utterance), text, by="Test Operator", key=KEY)
        case "style":
            marks.set_verbatim(folder, ["full", "clean", "edited"][number % 3], by="Test Operator", key=KEY)
        case _:
            builders.adopt(folder, f"r00{1 + number % 2}")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(DEEDS, max_size=12))
def test_the_numbers_are_those_of_the_ledger_and_both_programs_agree(
    deeds: list[Deed], begun: tuple[Path, SessionFolder, Entry, Signer]
) -> None:
    home, folder, entry, signer = begun
    with tempfile.TemporaryDirectory() as place:
        copy = SessionFolder(Path(shutil.copytree(folder.path, Path(place) / folder.path.name)))
        for deed in deeds:
            try:
                do(copy, deed)
            except EverywordError:
                continue
        record = read_record(copy)
        made = forge.certified(copy, entry, signer, home=home, formats=("txt",))
        assert made.manifest["coverage"] == coverage.of(record).numbers()
        text = made.manifest["text"]
        assert isinstance(text, dict)
        assert [] == wording.forbidden("\n".join(text["paragraphs"]))
        findings = check(bundle.write(copy, made, to=Path(place) / "out"), Trust(frozenset([entry.holder.public_key])))
        assert (0, []) == (outcome(findings), [one for one in findings if one.outcome != "pass"])
