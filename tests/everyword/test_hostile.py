"""What only somebody with the key can write: it must be told, and it must break nothing."""

import os
import subprocess
import tracemalloc

import pytest

from everyword.digest import canonical, parse_canonical
from everyword.errors import UnsupportedFormat
from tests.everyword import sessions
from tests.everyword.sessions import FIRST, RUN, SECOND, Case, failures, names


def test_a_recording_without_a_stop_line_is_not_complete(case: Case) -> None:
    sessions.reseal_journal(case, sessions.lines_of(case.folder.journal)[:-1], key=case.key)
    assert "unknown" in {f.outcome for f in case.findings() if "has not been stopped" in f.sentence}


def test_a_missing_segment_line_leaves_a_hole(case: Case) -> None:
    lines = [line for line in sessions.lines_of(case.folder.journal) if line.get("path") != FIRST]
    sessions.reseal_journal(case, lines, key=case.key)
    assert "fail" == case.verdicts()[1]


def test_a_journalled_gap_is_told_with_its_place_and_length(case: Case) -> None:
    gap = {"kind": "gap", "at": 1, "stream": 1, "first_frame": 2000, "frame_count": 250, "filled": True, "cause": "input-lost"}
    lines = sessions.lines_of(case.folder.journal)
    sessions.reseal_journal(case, [*lines[:-1], gap, lines[-1]], key=case.key)
    told = [f.sentence for f in case.findings() if (f.verdict, f.outcome) == ("completeness", "unknown")]
    assert ["250 ms are missing at 0:00:02 of stream 1 (input-lost)."] == told


def test_gap_lines_removed_from_a_sealed_journal_fail(case: Case) -> None:
    gap = {"kind": "gap", "at": 1, "stream": 1, "first_frame": 2000, "frame_count": 250, "filled": True, "cause": "input-lost"}
    lines = sessions.lines_of(case.folder.journal)
    sessions.reseal_journal(case, [*lines[:-1], gap, lines[-1]], key=case.key)
    sessions.rechain(case.folder.journal, lines, genesis=case.folder.genesis())
    assert names(case.failures(), "journal.jsonl")


HOSTILE_LINES: list[dict[str, object]] = [
    {"kind": "gap", "stream": 9, "first_frame": 0, "frame_count": 1, "filled": True, "cause": ""},
    {"kind": "gap", "stream": 1, "first_frame": 0, "frame_count": -1, "filled": True, "cause": ""},
    {"kind": "gap", "stream": "x", "first_frame": 0, "frame_count": 1, "filled": True, "cause": ""},
    {"kind": "segment", "stream": 1, "first_frame": 0, "frame_count": 1, "path": "/dev/zero", "digest": ""},
    {"kind": "segment", "stream": 1, "first_frame": 0, "frame_count": 1, "path": "../../../etc/passwd", "digest": ""},
    {"kind": "segment", "stream": 1, "first_frame": -1, "frame_count": 1, "path": FIRST, "digest": ""},
    {"kind": "segment", "stream": 7, "first_frame": 0, "frame_count": 1, "path": "audio/s7/000000.wav", "digest": ""},
    {"kind": "leaf", "stream": 1, "index": -1, "digests": ["sha256:" + "0" * 64] * 2},
    {"kind": "leaf", "stream": 1, "index": [], "digests": ["sha256:" + "0" * 64] * 2},
    {"kind": "leaf", "stream": 1, "index": 70, "digests": ["sha256:" + "0" * 64]},
    {"kind": "leaf", "stream": 1, "index": 70, "digests": ["sha256:x", "sha256:y"]},
    {"kind": "leaf", "stream": 1, "index": 70, "digests": None},
    {"kind": "anchor", "stream": []},
    {"kind": "note"},
    {"kind": "alarm", "code": 1},
    {"kind": "ring", "stream": {}, "path": [], "first_frame": None},
    *(
        {
            "kind": "stream",
            "stream": stream,
            "rate_hz": rate_hz,
            "channels": channels,
            "sample_format": sample_format,
            "tracks": tracks,
            "input": {"spec": "", "name": "", "backend": "file"},
            "detail": {},
        }
        for stream, rate_hz, channels, sample_format, tracks in [
            (1, 1000, 2, "s16", [1, 2]),
            (2, 0, 1, "s16", [3]),
            (2, -8000, 1, "s16", [3]),
            (2, 8000, 0, "s16", []),
            (2, 8000, 2, "s16", [3]),
            (2, 8000, 1, "s17", [3]),
            (-1, 8000, 1, "s16", [3]),
            (1 << 16, 8000, 1, "s16", [3]),
            (2, 1 << 40, 1, "s16", [3]),
        ]
    ),
]


@pytest.mark.parametrize("line", HOSTILE_LINES, ids=lambda line: f"{line['kind']}-{HOSTILE_LINES.index(line)}")
def test_a_journal_line_that_makes_no_sense_is_named(case: Case, line: dict[str, object]) -> None:
    lines = sessions.lines_of(case.folder.journal)
    sessions.reseal_journal(case, [*lines[:-1], {"at": 1, **line}, lines[-1]], key=case.key)
    assert names(case.failures(), f"line {len(lines)}")


def test_a_segment_that_claims_endless_sound_fails(case: Case) -> None:
    lines = sessions.lines_of(case.folder.journal)
    for line in lines:
        if line.get("path") == SECOND:
            line["frame_count"] = 2**53 - 1
    sessions.reseal_journal(case, lines, key=case.key)
    assert names(case.failures(), SECOND)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"null\n", b"[" * 100_000, b'{"a":' * 50_000, b'{"at":1e999}\n', b'{"seq":NaN}\n', b"\xff\xfe\n", b"\0" * 4096],
    ids=range(9),
)
@pytest.mark.parametrize(
    "name", ["session.json", "journal.jsonl", "seal.json", "ledger.jsonl", f"{RUN}/run.json", f"{RUN}/utterances.jsonl"]
)
def test_nonsense_in_the_place_of_json_is_a_finding(case: Case, name: str, data: bytes) -> None:
    (case.path / name).write_bytes(data)
    assert ("unknown" if (name, data) == ("ledger.jsonl", b"") else "fail") == case.verdicts()[0]


@pytest.mark.parametrize("name", ["session.json", "seal.json", "SHA256SUMS", "salts.key", f"{RUN}/run.json"])
def test_a_giant_is_not_read(case: Case, name: str) -> None:
    os.truncate(case.path / name, 1 << 36)
    assert [name] == [finding.subject for finding in case.findings()]


@pytest.mark.parametrize("name", ["journal.jsonl", "ledger.jsonl"])
def test_a_chain_of_one_endless_line_does_not_fill_the_memory(case: Case, name: str) -> None:
    tracemalloc.start()
    with (case.path / name).open("ab") as file:
        file.truncate(1 << 28)
    findings = case.findings()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert names(failures(findings), name)
    assert peak_bytes < 1 << 26


def test_folders_within_folders_without_end_are_a_finding(case: Case) -> None:
    """Deeper than any path can name; they are made, and taken apart again, by moving a chain of folders into one more."""
    top = case.path / "a"
    for _ in range(40):
        deep = case.path / "/".join(["b"] * 60)
        deep.mkdir(parents=True)
        if top.exists():
            top.rename(deep / "a")
        (case.path / "b").rename(top)
    try:
        assert "fail" == case.verdicts()[0]
    finally:
        subprocess.run(["rm", "-rf", top], check=True)


def test_an_integer_of_ten_thousand_digits_is_a_finding(case: Case) -> None:
    case.folder.ledger.write_bytes(b'{"at":' + b"9" * 10_000 + b"}\n")
    assert names(case.failures(), "ledger.jsonl, line 1")


def test_a_session_in_a_format_of_the_future_is_refused_with_its_number(case: Case) -> None:
    values = parse_canonical(case.folder.session_json.read_bytes(), what="session.json")
    case.folder.session_json.write_bytes(canonical({**values, "format": 2}))
    with pytest.raises(UnsupportedFormat, match="format 2"):
        case.failures()


def test_what_could_not_be_read_is_not_called_complete(case: Case) -> None:
    (case.folder.path / "link").symlink_to("/etc")
    assert ("fail", "unknown") == case.verdicts()
