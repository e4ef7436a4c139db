"""The ledger and the runs: who vouches for what came after the seal."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from everyword import keys, ledger, run
from everyword.digest import canonical, digest, parse_canonical
from everyword.errors import CorruptFolder
from everyword.journal import Chain
from everyword.model import Run, Span, from_json, to_json
from everyword.recording import read_recording
from tests.everyword import sessions
from tests.everyword.sessions import RATE_HZ, RUN, Case, names

Tamper = Callable[[Case], None]


def _ledger(change: Callable[[list[dict[str, object]]], list[dict[str, object]]]) -> Tamper:
    def tamper(case: Case) -> None:
        lines = change(sessions.lines_of(case.folder.ledger))
        sessions.rechain(case.folder.ledger, lines, genesis=ledger.seal_digest(case.folder))

    return tamper


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:-1], {**lines[-1], "after": "three"}],
        lambda lines: [*lines[:-1], {**lines[-1], "by": "Boris"}],
        lambda lines: [*lines[:-1], {**lines[-1], "signature": str(lines[-1]["signature"]).upper()}],
        lambda lines: [*lines[:-1], {**lines[-1], "signature": f"{lines[-1]['signature']} "}],
        lambda lines: [*lines[:-1], {**lines[-1], "signature": lines[-2]["signature"]}],
        lambda lines: [*lines[:-1], {**lines[-1], "public_key": f"{lines[-1]['public_key']}\n"}],
        lambda lines: [*lines[:-1], {**lines[-1], "public_key": 7}],
        lambda lines: [*lines[:-1], {key: value for key, value in lines[-1].items() if key != "public_key"}],
        lambda lines: [lines[0], lines[1], lines[3]],
        lambda lines: [lines[0], lines[2], lines[1], lines[3]],
        lambda lines: [lines[0], lines[1], lines[1], lines[2], lines[3]],
        lambda lines: lines[1:],
        lambda lines: [{**lines[0], "session": "01J00000000000000000000000"}, *lines[1:]],
        lambda lines: [{**lines[0], "seal": "sha256:" + "0" * 64}, *lines[1:]],
        lambda lines: [{**lines[0], "kind": "correct"}, *lines[1:]],
    ],
)
def test_a_ledger_that_was_chained_anew_fails(
    case: Case, change: Callable[[list[dict[str, object]]], list[dict[str, object]]]
) -> None:
    _ledger(change)(case)
    assert "fail" == case.verdicts()[0]
    assert names(case.failures(), "ledger.jsonl")


@pytest.mark.parametrize(("left", "expected"), [(1, ("unknown", "pass")), (2, ("pass", "unknown"))])
def test_a_ledger_cut_before_the_run_was_adopted_is_noticed(case: Case, left: int, expected: tuple[str, str]) -> None:
    _ledger(lambda lines: lines[:left])(case)
    assert expected == case.verdicts()


def test_a_correction_cut_from_the_end_leaves_no_trace(case: Case) -> None:
    """What the folder alone cannot show, as the documentation says: only somebody who has seen the later state can."""
    _ledger(lambda lines: lines[:-1])(case)
    assert ("pass", "pass") == case.verdicts()


def test_an_unsigned_line_is_unknown(case: Case) -> None:
    chain = Chain.resume(case.folder.ledger, genesis=ledger.seal_digest(case.folder))
    chain.append("correct", {"by": "Somebody"})
    chain.close()
    assert ("unknown", "pass") == case.verdicts()
    assert ["Nobody has signed line 5."] == [f.sentence for f in case.findings() if f.outcome == "unknown"]


def test_a_line_signed_by_a_strangers_key_is_unknown(case: Case) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    ledger.append(case.folder, "correct", by="Somebody", key=stranger)
    unknown = [f.sentence for f in case.findings() if f.outcome == "unknown"]
    assert [f"The signer is unknown here: {keys.fingerprint(keys.public_pem(stranger))}."] == unknown


def test_an_adopted_run_that_nobody_made_fails(case: Case) -> None:
    ledger.append(case.folder, "adopt", by="Somebody", key=case.key, run="../r001")
    assert "fail" == case.verdicts()[0]
    assert names(case.failures(), "ledger.jsonl")


@pytest.mark.parametrize("value", [[], {}, None, 7, "sha256:"])
def test_a_run_line_whose_digest_is_none_fails(case: Case, value: object) -> None:
    ledger.append(case.folder, "asr.run", by="Somebody", key=case.key, run="r001", digest=value)
    assert names(case.failures(), f"{RUN}/run.json")


def test_an_adopt_line_without_a_run_fails(case: Case) -> None:
    ledger.append(case.folder, "adopt", by="Somebody", key=case.key)
    assert names(case.failures(), "adopts no run")


def test_a_run_in_the_ledger_cannot_lead_out_of_the_folder(case: Case) -> None:
    shutil.copytree(case.path / RUN, case.path.parent / "r001")
    ledger.append(case.folder, "asr.run", by="Somebody", key=case.key, run="../../r001", digest="sha256:")
    assert names(case.failures(), "transcripts/../../r001")


def _rewrite_run(case: Case, made: Run) -> bytes:
    data = canonical(to_json(made))
    (case.path / RUN / "run.json").write_bytes(data)
    return data


def _run(case: Case) -> Run:
    return from_json(Run, parse_canonical((case.path / RUN / "run.json").read_bytes(), what="run.json"))


def _edit_text(case: Case) -> bytes:
    path = case.path / RUN / "utterances.jsonl"
    path.write_bytes(path.read_bytes().replace(b"one", b"two"))
    return _rewrite_run(case, replace(_run(case), files=run.list_files(path.parent)))


def test_what_the_transcription_that_counts_could_not_read_is_not_complete(case: Case) -> None:
    frames = read_recording(case.folder).end_frame(1)
    spans = [Span(1, 1, 0, 500, "spoken"), Span(1, 1, 500, frames - 500, "failed", "OSError"), Span(1, 2, 0, frames, "silent")]
    name = sessions.add_run(case, coverage=spans)
    assert ("pass", "pass") == case.verdicts()
    run.adopt_run(case.folder, name, key=case.key, by="Anna")
    assert ("pass", "unknown") == case.verdicts()
    assert ["Track 1: 61.0 s could not be read, first at 0:00:00 (OSError)."] == [
        one.sentence for one in case.findings() if one.outcome == "unknown"
    ]


@pytest.mark.parametrize("name", sorted(run.NOT_SIGNED))
def test_what_belongs_to_an_unfinished_run_has_no_place_in_a_signed_one(case: Case, name: str) -> None:
    (case.path / RUN / name).write_text("")
    assert names(case.failures(), f"{RUN}/{name}")


def test_a_run_that_lost_its_description_is_named_and_the_one_that_counts_is_read(case: Case) -> None:
    name = sessions.add_run(case)
    (run.run_path(case.folder, name) / run.RUN_JSON).unlink()
    with pytest.raises(CorruptFolder, match=f"transcripts/{name}/run.json is missing"):
        run.read_run(case.folder, name)
    assert "r001" == run.read_transcript(case.folder).run.run


def test_an_edited_utterance_with_new_digests_fails(case: Case) -> None:
    _edit_text(case)
    assert names(case.failures(), f"{RUN}/run.json")


def test_an_edited_run_signed_with_a_strangers_key_never_passes(case: Case) -> None:
    data, stranger = _edit_text(case), ec.generate_private_key(ec.SECP256R1())
    case.folder.ledger.unlink()
    for kind, fields in (("asr.run", {"digest": digest(data)}), ("adopt", {})):
        ledger.append(case.folder, kind, by="Forger", key=stranger, run="r001", **fields)
    assert ("unknown", "pass") == case.verdicts()


@pytest.mark.parametrize(
    "changes",
    [
        {"flagged_windows": 9},
        {"model": {"name": "large-v3"}},
        {"started_at_us": 2},
        {"session": "01J00000000000000000000000"},
        {"seal": "sha256:" + "0" * 64},
        {"run": "r002"},
        {"files": {}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_changed_run_json_fails(case: Case, changes: dict[str, object]) -> None:
    _rewrite_run(case, replace(_run(case), **changes))  # type: ignore[arg-type]
    assert names(case.failures(), "run.json")


def test_a_run_of_another_session_fails_even_when_signed_here(case: Case) -> None:
    data = _rewrite_run(case, replace(_run(case), session="01J00000000000000000000000"))
    case.folder.ledger.unlink()
    ledger.append(case.folder, "asr.run", by="Anna", key=case.key, run="r001", digest=digest(data))
    assert names(case.failures(), "It is a transcription of something else.")


@pytest.mark.parametrize("outside", ["../../session.json", "/etc/hostname", "..", "."])
def test_a_run_cannot_name_a_file_outside_its_folder(case: Case, outside: str) -> None:
    made = _run(case)
    _rewrite_run(case, replace(made, files={**made.files, outside: "sha256:"}))
    assert names(case.failures(), "names a file outside its folder")


def test_a_removed_run_that_the_ledger_names_fails(case: Case) -> None:
    shutil.rmtree(case.path / RUN)
    assert names(case.failures(), RUN)


def test_a_copied_run_is_vouched_for_by_nobody(case: Case) -> None:
    shutil.copytree(case.path / RUN, case.path / "transcripts" / "r002")
    assert ("pass", "pass") != case.verdicts()


def test_an_unfinished_run_is_no_part_of_the_record(case: Case) -> None:
    run.start_run(case.folder)
    assert ("pass", "unknown") == case.verdicts()


END = int(sessions.SECONDS * RATE_HZ)


def _spans(*changes: tuple[int, dict[str, object]], drop: int | None = None, again: int | None = None) -> list[Span]:
    spans = sessions.spans_of(END)
    for number, change in changes:
        spans[number] = replace(spans[number], **change)  # type: ignore[arg-type]
    return [*[span for number, span in enumerate(spans) if number != drop], *([spans[again]] if again is not None else [])]


@pytest.mark.parametrize(
    "spans",
    [
        _spans((1, {"frame_count": 1})),
        _spans((1, {"first_frame": 501})),
        _spans((1, {"first_frame": 499})),
        _spans((2, {"frame_count": END + 1})),
        _spans((2, {"track": 3})),
        _spans((2, {"stream": 2})),
        _spans((0, {"frame_count": -500}), (1, {"first_frame": -500, "frame_count": END + 500})),
        _spans(drop=0),
        _spans(drop=2),
        _spans(again=2),
        [*_spans((2, {"frame_count": END + 10})), Span(1, 2, END + 10, -10, "silent")],
        [],
    ],
)
def test_an_account_that_does_not_add_up_is_not_complete(original: Case, tmp_path: Path, spans: list[Span]) -> None:
    case = original.copy(tmp_path / "copy")
    sessions.add_run(case, coverage=spans)
    assert ("pass", "fail") == case.verdicts()
