"""Verify: an untouched session passes; whatever is done to a file of it is found and named."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from everyword.errors import SessionNotFound
from everyword.folder import SessionFolder
from everyword.model import Finding
from everyword.segment import HEADER_BYTES
from everyword.verify import verdicts, verify_session
from tests.everyword import sessions
from tests.everyword.sessions import FIRST, FRAME_BYTES, RATE_HZ, RUN, SECOND, Case, failures, flip, names
from tests.helpers import a_session, tone

FILES = [
    "README.txt",
    "SHA256SUMS",
    FIRST,
    SECOND,
    "journal.jsonl",
    "ledger.jsonl",
    "salts.key",
    "seal.json",
    "seal.pub.pem",
    "seal.sig",
    "session.json",
    "source/001-talks.wav",
    f"{RUN}/coverage.jsonl",
    f"{RUN}/quarantine.jsonl",
    f"{RUN}/readings.jsonl",
    f"{RUN}/run.json",
    f"{RUN}/utterances.jsonl",
]
EMPTY = {f"{RUN}/quarantine.jsonl", f"{RUN}/readings.jsonl"}


def test_an_untouched_session_passes_in_both_questions(case: Case) -> None:
    assert [] == [finding for finding in case.findings() if finding.outcome != "pass"]
    assert ("pass", "pass") == case.verdicts()


def test_the_list_of_files_above_is_the_whole_folder(case: Case) -> None:
    assert FILES == sessions.every_file(case)


def _flip_first(path: Path) -> None:
    flip(path, 0)


def _flip_middle(path: Path) -> None:
    flip(path, path.stat().st_size // 2)


def _flip_last(path: Path) -> None:
    flip(path, -1)


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _cut_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _append_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _append_itself(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


def _noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


NEEDS_BYTES = [_flip_first, _flip_middle, _flip_last, _cut, _cut_half, _empty, _append_itself, _noise]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (name, change)
        for name in FILES
        for change in [*NEEDS_BYTES, _append_byte, _directory, _pipe]
        if not (name in EMPTY and change in NEEDS_BYTES) and (name, change) != ("ledger.jsonl", _empty)
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_any_change_of_any_file_fails_and_the_file_is_named(case: Case, name: str, change: Callable[[Path], None]) -> None:
    change(case.path / name)
    findings = case.findings()
    assert "fail" == verdicts(findings)[0]
    assert names(failures(findings), name.removeprefix(f"{RUN}/"))


@pytest.mark.parametrize("name", FILES)
def test_a_link_in_the_place_of_a_file_fails_and_nothing_is_read_through_it(case: Case, name: str, tmp_path: Path) -> None:
    copy = shutil.move(case.path / name, tmp_path / "elsewhere")
    (case.path / name).symlink_to(copy)
    assert [("fail", name)] == [(finding.outcome, finding.subject) for finding in case.findings()]


@pytest.mark.parametrize("name", sorted(set(FILES) - {"session.json", "seal.sig", "ledger.jsonl"}))
def test_a_removed_file_fails_and_is_named(case: Case, name: str) -> None:
    (case.path / name).unlink()
    assert "fail" == case.verdicts()[0]
    assert names(case.failures(), name.removeprefix(f"{RUN}/"))


def test_without_session_json_it_is_no_session(case: Case) -> None:
    case.folder.session_json.unlink()
    with pytest.raises(SessionNotFound, match="not a session folder"):
        case.findings()


def test_without_a_signature_nothing_says_what_the_folder_should_hold(case: Case) -> None:
    case.folder.seal_signature.unlink()
    assert "pass" != case.verdicts()[0]


def test_an_unsealed_session_is_checked_against_its_journal(case: Case) -> None:
    """Whoever broke the seal off may not have changed the sound: that is told all the same."""
    case.folder.seal_signature.unlink()
    flip(case.path / FIRST, 600)
    assert (FIRST, "The file is not the one the journal lists.") in [(f.subject, f.sentence) for f in case.failures()]


def test_without_its_ledger_nobody_vouches_for_a_run(case: Case) -> None:
    case.folder.ledger.unlink()
    assert ("unknown", "pass") == case.verdicts()


def test_an_empty_ledger_is_unknown_even_where_there_is_no_run(case: Case) -> None:
    shutil.rmtree(case.folder.transcripts)
    _empty(case.folder.ledger)
    assert ("unknown", "pass") == case.verdicts()


@pytest.mark.parametrize("at", [0, 5, 8, 12, 16, 30, 300, 370, 376, 600, 900, 993, 1001, 1005, 1009, 1017, 1021])
@pytest.mark.parametrize("bit", [0, 7])
def test_any_bit_of_a_segments_header_is_sealed(case: Case, at: int, bit: int) -> None:
    flip(case.path / FIRST, at, bit=bit)
    assert names(case.failures(), FIRST)


@pytest.mark.parametrize(
    ("frame", "channel", "track", "place"),
    [(0, 0, 1, "0:00:00–0:00:01"), (31_999, 1, 2, "0:00:31–0:00:32"), (61_499, 0, 1, "0:01:01–0:01:02")],
)
def test_a_flipped_sample_names_its_track_and_its_second(case: Case, frame: int, channel: int, track: int, place: str) -> None:
    segment, within = divmod(frame, 60 * RATE_HZ)
    name = f"audio/s1/{segment:06}.wav"
    flip(case.path / name, HEADER_BYTES + within * FRAME_BYTES + channel * 2)
    sentences = [f.sentence for f in case.failures() if f.subject == name and "Track" in f.sentence]
    assert [f"Track {track} (channel {channel}), second {place}, is not the sound that was sealed."] == sentences


def test_seconds_in_a_row_are_told_in_one_sentence(case: Case) -> None:
    for second in (3, 4, 5, 9):
        flip(case.path / FIRST, HEADER_BYTES + second * RATE_HZ * FRAME_BYTES)
    sentences = [f.sentence for f in case.failures() if "Track 1" in f.sentence]
    assert ["seconds 0:00:03–0:00:06", "second 0:00:09–0:00:10"] == [sentence.split(", ")[1] for sentence in sentences]


def test_one_damaged_segment_does_not_hide_another(case: Case) -> None:
    (case.path / FIRST).unlink()
    flip(case.path / SECOND, HEADER_BYTES)
    assert names([f for f in case.failures() if "second 0:01:00" in f.sentence], SECOND)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_a_session_of_any_number_of_channels_passes(tmp_path: Path, channels: int) -> None:
    folder = a_session(tmp_path, tone(tmp_path / "t.wav", seconds=1.5, rate_hz=1000, channels=channels))
    assert ("pass", "pass") == Case(tmp_path / "home", folder).verdicts()


def test_a_folder_that_is_no_session_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SessionNotFound):
        list(verify_session(SessionFolder(tmp_path), trusted=[]))


def test_the_worst_outcome_of_each_question_counts() -> None:
    findings = [
        Finding("integrity", "pass", "", ""),
        Finding("integrity", "unknown", "", ""),
        Finding("completeness", "fail", "", ""),
        Finding("completeness", "unknown", "", ""),
    ]
    assert ("unknown", "fail") == verdicts(findings)
