"""What certificates and documents say of the recording: no more than the seal knows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from archive import capture
from archive.certificate import certify
from archive.certificate.certify import NotCertifiable
from archive.record import Record, read_record
from everyword.digest import canonical
from everyword.model import Alarm, Anchor, Gap
from everyword.seal import read_seal
from tests.archive import builders
from tests.archive.certificate import issued as forge


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """An imported session."""
    return read_record(builders.transcribed(tmp_path, builders.TALKS))


def of_origin(record: Record, origin: str) -> Record:
    """The same as if it had come here in another way."""
    seal = read_seal(record.folder)
    record.folder.seal.chmod(0o644)
    record.folder.seal.write_bytes(canonical({**seal, "origin": origin}))
    return record


def test_a_whole_recording_of_our_own_is_continuous(record: Record) -> None:
    assert "continuous" == capture.continuity(of_origin(record, "captured"))


def test_nothing_is_promised_of_files_that_were_made_elsewhere(record: Record) -> None:
    assert "nobody here can tell" in capture.continuity(record)


def test_what_was_cut_off_is_never_called_continuous(record: Record) -> None:
    assert "cut off and made whole afterwards" == capture.continuity(of_origin(record, "salvaged"))


def test_gaps_and_doubts_are_counted(record: Record) -> None:
    recording = of_origin(record, "captured").recording
    recording.gaps.append(Gap(1, 8_000, 8_000, filled=True, cause="overflow"))
    recording.alarms.append(Alarm("input-overflow", "The input lost sound.", 1, loss=True))
    said = capture.continuity(record)
    assert "interrupted 1 time, at 0:00:01 (overflow); in doubt in 1 place, of which Annex G tells" == said


def anchored(record: Record, offsets_us: Sequence[int], clock: str = "synced") -> list[str]:
    """What is said of readings of the clock, one a second, that were off by so much."""
    rate_hz = record.recording.streams[1].rate_hz
    record.recording.anchors[1] = [
        Anchor(1, second * rate_hz, second * 1_000_000, second * 1_000_000, second * 1_000_000 + offset, clock)  # type: ignore[arg-type]
        for second, offset in enumerate(offsets_us)
    ]
    return list(capture.facts(of_origin(record, "captured")))


def test_a_clock_that_was_set_is_told_with_place_and_amount(record: Record) -> None:
    said = anchored(record, [0, 10, 20, -3_600_000_000, -3_600_000_010])
    assert "The wall clock was set by -3600.0 s at 0:00:03; no frame depends on it." in said


def test_a_clock_that_creeps_was_not_set(record: Record) -> None:
    assert not any("was set" in one for one in anchored(record, [0, 900, 1800, 2700]))


def test_it_is_said_whether_anything_kept_the_clock_right(record: Record) -> None:
    assert "The wall clock was kept right by no time service." in anchored(record, [0, 0], clock="unsynced")


def test_no_clock_is_claimed_for_an_import(record: Record) -> None:
    assert any("no clock was read" in one for one in capture.facts(record))


def test_nobody_says_that_the_equipment_functioned_normally(record: Record) -> None:
    """Only the operator could; the program says what it looked for and found."""
    assert not any("normally" in one for one in [*capture.facts(record), capture.continuity(record)])


def test_a_recording_that_was_cut_off_is_certified_only_by_who_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, home = forge.a_session(tmp_path, seconds=9), tmp_path / "home"
    entry, signer = forge.a_key(home)
    monkeypatch.setattr(capture, "origin", lambda record: "salvaged")
    with pytest.raises(NotCertifiable) as raised:
        certify.prepare(folder, forge.REVIEWER, entry, home=home, formats=("txt",), signer=signer)
    assert "--cut-off" in raised.value.hint
    known = certify.prepare(folder, forge.REVIEWER, entry, home=home, formats=("txt",), signer=signer, knows_cut_off=True)
    assert "M" == known.statement.level


def test_level_c_repeats_what_the_seal_knows(tmp_path: Path) -> None:
    folder, home = forge.a_session(tmp_path, seconds=9), tmp_path / "home"
    builders.review_all(folder)
    entry, signer = forge.a_key(home)
    draft = certify.prepare(folder, forge.REVIEWER, entry, home=home, formats=("txt",), signer=signer)
    assert any("(6) the recording was imported from files" in one for one in draft.statement.paragraphs)
    assert replace(draft.statement).level == "C"
