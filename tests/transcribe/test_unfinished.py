"""A run that is killed at any instant loses at most the batches in the making, and ends with the bytes of one that was not."""

import errno
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyword import keys, ledger
from everyword import run as runs
from everyword.digest import canonical, parse_canonical
from everyword.errors import CorruptFolder, DiskTrouble
from everyword.folder import SessionFolder
from everyword.model import Track
from everyword.run import READINGS, RUN_JSON, UNFINISHED, read_lines, run_names, run_path
from everyword.verify import verify_session
from tests.transcribe.builders import a_marked_session, a_reading
from transcribe import pipeline
from transcribe.engine import Heard, Hypothesis, Reading
from transcribe.pipeline import Outcome, open_recording, transcribe
from transcribe.reading.attempts import Attempt
from transcribe.record import unfinished
from transcribe.record.lines import attempt_line, attempt_of_line, from_line
from transcribe.record.unfinished import MANIFEST
from transcribe.scripted import ScriptedEngine
from transcribe.sound.windows import Floats, Window

SECONDS = 100
SCRIPT: dict[int, str | Reading | Exception] = {
    0: "one two three",
    14: RuntimeError("no"),
    29: "you " * 30,
    44: a_reading("unlikely", logprob=-1.2),
    59: "the end",
}


class MortalEngine(ScriptedEngine):
    """Dies as from ``kill -9`` when it is asked for the batch with this number, counted from 0."""

    batch_size = 2
    workers = 1

    def __init__(self, deadly_call: int) -> None:
        super().__init__(SCRIPT)
        self.deadly_call = deadly_call

    def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
        if len(self.calls) == self.deadly_call:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(clips, languages=languages, full_context=full_context)


def run(folder: SessionFolder, home: Path, *, deadly_call: int = -1) -> tuple[Outcome, MortalEngine]:
    engine = MortalEngine(deadly_call)
    outcome = transcribe(open_recording(folder), engine, languages=("en", "ru"), key=keys.device_key(home), by="me")
    return outcome, engine


def killed(folder: SessionFolder, home: Path, *, deadly_call: int) -> bool:
    """Run in a child process; True when it died of the kill."""
    child = os.fork()
    if child == 0:
        try:
            run(folder, home, deadly_call=deadly_call)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def text_files(folder: SessionFolder, name: str) -> dict[str, bytes]:
    """What must be the same whenever it is made: everything but what says when, and what lists the digest of that."""
    return {path.name: path.read_bytes() for path in run_path(folder, name).iterdir() if path.name not in (MANIFEST, RUN_JSON)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], int]:
    """The files of a run that nobody disturbed, and how many batches it took."""
    place = tmp_path_factory.mktemp("undisturbed")
    folder = a_marked_session(place, seconds=SECONDS)
    _, engine = run(folder, place / "home")
    return text_files(folder, "r001"), len(engine.calls)


def test_a_run_killed_at_every_batch_ends_with_the_bytes_of_one_that_was_not(
    tmp_path: Path, undisturbed: tuple[dict[str, bytes], int]
) -> None:
    expected, batches = undisturbed
    assert batches >= 8
    for deadly_call in range(batches):
        place = tmp_path / str(deadly_call)
        place.mkdir()
        folder = a_marked_session(place, seconds=SECONDS)
        assert killed(folder, place / "home", deadly_call=deadly_call)
        run(folder, place / "home")
        assert (["r001"], "r001", expected) == (run_names(folder), ledger.current_run(folder), text_files(folder, "r001"))


def test_a_run_killed_at_each_of_its_batches_one_after_another_gets_to_the_end(
    tmp_path: Path, undisturbed: tuple[dict[str, bytes], int]
) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    kept = 0
    while killed(folder, tmp_path / "home", deadly_call=6):
        lines = (run_path(folder, "r001") / UNFINISHED).read_bytes().count(b"\n")
        assert lines > kept
        kept = lines
    assert (["r001"], undisturbed[0]) == (run_names(folder), text_files(folder, "r001"))


def test_what_was_read_is_not_read_again(tmp_path: Path, undisturbed: tuple[dict[str, bytes], int]) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    assert killed(folder, tmp_path / "home", deadly_call=undisturbed[1] - 1)
    _, engine = run(folder, tmp_path / "home")
    windows = len({line["window"] for line in read_lines(run_path(folder, "r001") / READINGS)})
    asked = {mark for marks in engine.calls for mark in marks if mark in range(SECONDS)}
    assert windows > 6
    assert len(engine.calls) < undisturbed[1] / 2, asked


def test_a_line_torn_by_the_kill_is_read_anew(tmp_path: Path, undisturbed: tuple[dict[str, bytes], int]) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    assert killed(folder, tmp_path / "home", deadly_call=4)
    path = run_path(folder, "r001") / UNFINISHED
    path.write_bytes(path.read_bytes()[:-30])
    assert killed(folder, tmp_path / "home", deadly_call=1)
    assert all(line["attempts"] for line in read_lines(path))
    run(folder, tmp_path / "home")
    assert undisturbed[0] == text_files(folder, "r001")


def test_zeros_that_a_power_cut_left_are_cut_off(tmp_path: Path, undisturbed: tuple[dict[str, bytes], int]) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    assert killed(folder, tmp_path / "home", deadly_call=4)
    path = run_path(folder, "r001") / UNFINISHED
    with path.open("ab") as file:
        file.write(bytes(512))
    assert killed(folder, tmp_path / "home", deadly_call=1)
    assert all(line["attempts"] for line in read_lines(path))
    run(folder, tmp_path / "home")
    assert undisturbed[0] == text_files(folder, "r001")


def test_a_line_that_was_changed_is_read_anew_and_the_lines_after_it_are_kept(
    tmp_path: Path, undisturbed: tuple[dict[str, bytes], int]
) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    assert killed(folder, tmp_path / "home", deadly_call=undisturbed[1] - 1)
    path = run_path(folder, "r001") / UNFINISHED
    lines = path.read_bytes().splitlines(keepends=True)
    changed = [lines[0].replace(b'"used":true', b'"used":false'), b"\0" * 20 + b"\n", *lines[1:]]
    assert changed[0] != lines[0]
    path.write_bytes(b"".join(changed))
    _, engine = run(folder, tmp_path / "home")
    assert undisturbed[0] == text_files(folder, "r001")
    assert len(engine.calls) < undisturbed[1] / 2


def test_no_bit_of_what_was_read_can_change_unnoticed(tmp_path: Path) -> None:
    folder, track = a_marked_session(tmp_path, seconds=3), Track(stream=1, channel=0, number=1)
    with unfinished.begin(folder, {"a": 1}) as begun:
        begun.keep(track, [[Attempt(Window(1, 0, 100), "whole", a_reading("said"))]])
    line = (run_path(folder, "r001") / UNFINISHED).read_bytes()
    for place in range(8 * len(line)):
        flipped = bytearray(line)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(CorruptFolder):
            from_line(bytes(flipped))


class Stopped(BaseException):
    """Stands for a kill between two steps of the end."""


@dataclass(frozen=True, slots=True)
class Stop:
    """At which call of which step, counted from 0, and whether before or after it."""

    place: object
    step: str
    at: int
    is_before: bool

    def __str__(self) -> str:
        return f"{'before' if self.is_before else 'after'} {self.step} {self.at}"


STEPS = [
    (runs, "new_lines", 7),
    (runs, "write_run", 1),
    (unfinished.Begun, "complete", 1),
    (runs, "sign_run", 1),
    (ledger, "append", 2),
]
STOPS = [Stop(place, step, at, is_before) for place, step, times in STEPS for at in range(times) for is_before in (True, False)]


@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_a_run_stopped_at_each_step_of_its_end_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: tuple[dict[str, bytes], int], stop: Stop
) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    real, count = getattr(stop.place, stop.step), iter(range(99))

    def stopped(*arguments: object, **named: object) -> object:
        is_now = next(count) == stop.at
        if is_now and stop.is_before:
            raise Stopped
        result = real(*arguments, **named)
        if is_now:
            raise Stopped
        return result

    with monkeypatch.context() as patch:
        patch.setattr(stop.place, stop.step, stopped)
        with pytest.raises(Stopped):
            run(folder, tmp_path / "home")
    assert [] == [one for one in verify_session(folder, trusted=()) if one.outcome == "fail"]
    was_over = ledger.current_run(folder) is not None
    run(folder, tmp_path / "home")
    names = ["r001", "r002"] if was_over else ["r001"]
    assert (names, "r001", undisturbed[0]) == (run_names(folder), ledger.current_run(folder), text_files(folder, "r001"))
    assert [] == [one for one in verify_session(folder, trusted=()) if one.outcome == "fail"]


@pytest.mark.parametrize("damage", ["unfinished", "utterances", "coverage", "run"])
def test_a_run_that_lost_a_file_before_it_was_signed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: tuple[dict[str, bytes], int], damage: str
) -> None:
    """Whatever is gone or changed, nothing is signed but what was read."""
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "write_run" if damage == "unfinished" else "sign_run", _stop)
        with pytest.raises(Stopped):
            run(folder, tmp_path / "home")
    path = run_path(folder, "r001")
    match damage:
        case "unfinished":
            (path / UNFINISHED).unlink()
        case "utterances":
            (path / runs.UTTERANCES).write_bytes((path / runs.UTTERANCES).read_bytes().replace(b"three", b"seven"))
        case "coverage":
            (path / runs.COVERAGE).unlink()
        case "run":
            (path / RUN_JSON).write_bytes(b"{}")
    run(folder, tmp_path / "home")
    assert (["r001"], "r001", undisturbed[0]) == (run_names(folder), ledger.current_run(folder), text_files(folder, "r001"))
    assert [] == [one for one in verify_session(folder, trusted=()) if one.outcome == "fail"]


def _stop(*_: object, **__: object) -> None:
    raise Stopped


def unsigned(folder: SessionFolder, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was stopped when it was whole, and before it was signed."""
    with monkeypatch.context() as patch:
        patch.setattr(runs, "sign_run", _stop)
        with pytest.raises(Stopped):
            run(folder, home)
    return run_path(folder, "r001")


@pytest.mark.parametrize("forged", ["readings", "engine", "hole", "unlisted"])
def test_a_run_json_that_fits_its_files_but_not_what_was_done_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: tuple[dict[str, bytes], int], forged: str
) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    path = unsigned(folder, tmp_path / "home", monkeypatch)
    made = parse_canonical((path / RUN_JSON).read_bytes(), what=RUN_JSON)
    match forged:
        case "readings":
            (path / runs.READINGS).write_bytes(b"")
        case "engine":
            made["engine"] = {"engine": "nobody"}
        case "hole":
            lines = (path / runs.COVERAGE).read_bytes().splitlines(keepends=True)
            (path / runs.COVERAGE).write_bytes(b"".join(lines[1:]))
    listed = runs.list_files(path)
    if forged == "unlisted":
        del listed[runs.READINGS]
    (path / RUN_JSON).write_bytes(canonical({**made, "files": listed}))
    run(folder, tmp_path / "home")
    assert (["r001"], undisturbed[0]) == (run_names(folder), text_files(folder, "r001"))
    assert "nobody" not in (path / RUN_JSON).read_text()
    assert [] == [one for one in verify_session(folder, trusted=()) if one.outcome == "fail"]


def test_a_run_json_that_was_exchanged_after_it_was_signed_is_not_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    append = ledger.append

    def only_signed(*arguments: Any, **named: Any) -> object:
        if arguments[1] == "adopt":
            raise Stopped
        return append(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", only_signed)
        with pytest.raises(Stopped):
            run(folder, tmp_path / "home")
    path = run_path(folder, "r001") / RUN_JSON
    path.write_bytes(path.read_bytes().replace(b'"scripted"', b'"Scripted"'))
    with pytest.raises(CorruptFolder, match="not the one that was signed"):
        runs.sign_run(folder, "r001", key=keys.device_key(tmp_path / "home"), by="me")
    run(folder, tmp_path / "home")
    assert "r002" == ledger.current_run(folder)


def test_a_power_cut_while_run_json_is_written_leaves_an_unfinished_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: tuple[dict[str, bytes], int]
) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _stop)
        with pytest.raises(Stopped):
            run(folder, tmp_path / "home")
    path = run_path(folder, "r001")
    assert ([runs.DRAFT], False) == ([one.name for one in path.glob(".*")], (path / RUN_JSON).exists())
    (path / runs.DRAFT).write_bytes(b"{")
    assert [] == [one for one in verify_session(folder, trusted=()) if one.outcome == "fail"]
    run(folder, tmp_path / "home")
    assert (["r001"], undisturbed[0]) == (run_names(folder), text_files(folder, "r001"))


@pytest.mark.parametrize("moment", ["before", "meanwhile"])
def test_a_file_put_into_a_run_is_refused_before_the_work_and_at_its_end(tmp_path: Path, moment: str) -> None:
    folder, home = a_marked_session(tmp_path, seconds=SECONDS), tmp_path / "home"
    assert killed(folder, home, deadly_call=1)
    path = run_path(folder, "r001") / "notes.txt"

    class Meddler(MortalEngine):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            path.write_text("mine")
            return super().read(clips, languages=languages, full_context=full_context)

    if moment == "before":
        path.write_text("mine")
    engine = Meddler(-1)
    with pytest.raises(CorruptFolder, match="did not write"):
        transcribe(open_recording(folder), engine, languages=("en", "ru"), key=keys.device_key(home), by="me")
    assert (moment == "meanwhile", False) == (bool(engine.calls), "r001" in runs.signed_runs(folder))


def test_what_was_read_of_altered_sound_is_not_taken_for_the_sound_that_was_sealed(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    segment = folder.segment(1, 0)
    sound = segment.read_bytes()
    segment.write_bytes(sound[:-2] + b"\x7f\x7f")
    assert killed(folder, tmp_path / "home", deadly_call=3)
    segment.write_bytes(sound)
    outcome, _ = run(folder, tmp_path / "home")
    assert ("r002", ()) == (outcome.run.run, outcome.altered)


def test_sound_that_is_changed_while_it_is_read_is_not_signed(tmp_path: Path) -> None:
    folder, home = a_marked_session(tmp_path, seconds=SECONDS), tmp_path / "home"
    segment = folder.segment(1, 0)

    class Meddler(MortalEngine):
        def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
            segment.write_bytes(segment.read_bytes()[:-2] + b"\x7f\x7f")
            return super().read(clips, languages=languages, full_context=full_context)

    with pytest.raises(CorruptFolder, match="changed while it was read"):
        transcribe(open_recording(folder), Meddler(-1), languages=("en", "ru"), key=keys.device_key(home), by="me")
    assert {} == runs.signed_runs(folder)


@pytest.mark.parametrize("strange", ["notes.txt", "sub/notes.txt"])
def test_what_somebody_put_into_an_unfinished_run_is_not_signed(
    tmp_path: Path, undisturbed: tuple[dict[str, bytes], int], strange: str
) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    assert killed(folder, tmp_path / "home", deadly_call=3)
    path = run_path(folder, "r001") / strange
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(CorruptFolder, match="which Everyword did not write") as caught:
        run(folder, tmp_path / "home")
    assert ("Move it out", "mine") == (caught.value.hint[:11], path.read_text())
    (run_path(folder, "r001") / strange.split("/", maxsplit=1)[0]).rename(tmp_path / "moved")
    run(folder, tmp_path / "home")
    assert undisturbed[0] == text_files(folder, "r001")


def test_an_unfinished_run_of_other_languages_is_left_alone(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    assert killed(folder, tmp_path / "home", deadly_call=3)
    key = keys.device_key(tmp_path / "home")
    made = transcribe(open_recording(folder), MortalEngine(-1), languages=("en",), key=key, by="me").run.run
    assert ("r002", True) == (made, (run_path(folder, "r001") / UNFINISHED).exists())


def test_an_unfinished_run_of_another_version_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    assert killed(folder, tmp_path / "home", deadly_call=3)
    monkeypatch.setattr(pipeline, "_code_digest", lambda: "sha256:another")
    outcome, _ = run(folder, tmp_path / "home")
    assert ("r002", "sha256:another") == (outcome.run.run, outcome.run.engine["code_sha256"])


def test_a_run_that_another_process_is_making_is_left_to_it(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=3)
    with unfinished.begin(folder, {"a": 1}) as first, unfinished.begin(folder, {"a": 1}) as second:
        assert ("r001", "r002") == (first.name, second.name)


@pytest.mark.parametrize("left", [{}, {UNFINISHED: b""}, {UNFINISHED: b"", MANIFEST: b'{"a":1,"star'}], ids=["0", "1", "2"])
def test_a_run_that_ended_before_it_had_begun_is_begun_anew_in_its_place(tmp_path: Path, left: dict[str, bytes]) -> None:
    folder = a_marked_session(tmp_path, seconds=3)
    path = run_path(folder, runs.start_run(folder))
    for name, data in left.items():
        (path / name).write_bytes(data)
    with unfinished.begin(folder, {"a": 1}) as first, unfinished.begin(folder, {"a": 1}) as second:
        assert ("r001", "r002") == (first.name, second.name)
    with unfinished.begin(folder, {"a": 1}) as third:
        assert "r002" == third.name


def test_what_was_read_without_a_whole_manifest_is_left_alone(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=3)
    path = run_path(folder, runs.start_run(folder))
    (path / UNFINISHED).write_bytes(b"{}")
    with unfinished.begin(folder, {"a": 1}) as begun:
        assert ("r002", b"{}") == (begun.name, (path / UNFINISHED).read_bytes())


def test_half_a_line_on_a_full_disk_hides_nothing_written_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, track = a_marked_session(tmp_path, seconds=3), Track(stream=1, channel=0, number=1)
    attempts = [Attempt(Window(n, n * 100, 100), "whole", a_reading("said")) for n in range(1, 4)]
    write = os.write

    def short(descriptor: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:-50])

    with unfinished.begin(folder, {"a": 1}) as begun:
        begun.keep(track, [[attempts[0]]])
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", short)
            with pytest.raises(DiskTrouble):
                begun.keep(track, [[attempts[1]]])
        begun.keep(track, [[attempts[2]]])
    with unfinished.begin(folder, {"a": 1}) as begun:
        assert ("r001", [1, 3]) == (begun.name, [window.number for window in begun.windows(track)])


def test_a_batch_is_on_the_disk_before_the_next_one_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, track = a_marked_session(tmp_path, seconds=3), Track(stream=1, channel=0, number=1)
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    with unfinished.begin(folder, {"a": 1}) as begun:
        begun.keep(track, [[Attempt(Window(1, 0, 100), "whole", a_reading("said"))]])
        assert synced == [(begun.path / UNFINISHED).stat().st_size]


def test_the_moment_of_beginning_is_that_of_the_first_process(tmp_path: Path) -> None:
    folder = a_marked_session(tmp_path, seconds=SECONDS)
    assert killed(folder, tmp_path / "home", deadly_call=3)
    begun = next(read_lines(run_path(folder, "r001") / MANIFEST))["started_at_us"]
    assert begun == run(folder, tmp_path / "home")[0].run.started_at_us


shares = st.floats(0, 1)
hypotheses = st.lists(
    st.builds(Hypothesis, st.text(), st.lists(st.integers(0, 51864)).map(tuple), st.floats(-2000, 0)), max_size=3
).map(tuple)
readings = st.builds(
    Reading,
    st.sampled_from(["en", "ru"]),
    st.lists(st.tuples(st.sampled_from(["en", "ru", "uk"]), shares), max_size=3).map(tuple),
    hypotheses,
    st.lists(st.builds(Heard, st.text(), st.integers(0, 240_000), st.integers(0, 240_000), shares), max_size=3).map(tuple),
    shares,
    st.integers(0, 480_000),
    st.just(224),
    st.booleans(),
    hypotheses,
)


@given(readings)
def test_an_attempt_reaches_the_record_the_same_whether_or_not_it_was_on_the_disk(reading: Reading) -> None:
    attempt = Attempt(Window(3, 48_000, 16_000), "first half", reading, ("loop",), used=False)
    line = attempt_line(attempt)
    assert line == attempt_line(attempt_of_line(3, line))
