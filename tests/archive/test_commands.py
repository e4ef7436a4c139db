"""The commands as people and programs use them."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from everyword import errors
from everyword.model import Speaker
from tests.archive.builders import TALKS, Said, correct, imported, transcribed
from tests.archive.conftest import Ew


def short(folder_name: str) -> str:
    return folder_name.rpartition("-")[2]


def test_sessions_lists_all_that_are_sealed_newest_first(ew: Ew, tmp_path: Path) -> None:
    transcribed(tmp_path, title="With words")
    imported(tmp_path, title="Without words", started_at_us=None)
    lines = ew("sessions").out.splitlines()
    assert [line.endswith(end) for line, end in zip(lines, ["(no transcript)", "(4 utterances)"], strict=True)] == [True, True]
    assert "time unknown" in lines[0]
    listed = ew("sessions", "--json").data["sessions"]
    assert [(row["title"], row["is_here"], row["utterances"]) for row in listed] == [
        ("Without words", True, 0),
        ("With words", True, 4),
    ]


def test_show_numbers_the_utterances_that_correct_takes(ew: Ew, tmp_path: Path) -> None:
    folder = transcribed(tmp_path, states=[(8, 9.5, "inaudible")])
    name = short(folder.path.name)
    assert ew("correct", name, "1", "--to", "Something else.", "--reason", "heard again").code == 0
    assert "   1  0:00:00  Anna Reed  [en]  Something else.  (corrected)\n" in ew("show", name).out
    assert "   1  0:00:00  Anna Reed  [en]  We discussed the exchange of prisoners.\n" in ew("show", name, "--as-recorded").out
    assert "0:00:08  Track 1  [inaudible, 1.50 s]" in ew("show", name).out
    assert ew("show", name, "--json").data["corrections"][0]["reason"] == "heard again"


def test_search_prints_a_citation_and_the_text(ew: Ew, tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    citation, text = ew("search", "полонений").out.splitlines()
    expected = f"Олена Коваль  {short(folder.path.name)}  r001 #2  2026-11-22 12:00:02  at 0:00:02  track 2  [uk]  Round three"
    assert citation == expected
    assert text == "    Ми говорили про обмін полонених."


def test_a_hit_among_its_neighbours_is_marked_and_names_the_revision_that_is_shown(ew: Ew, tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    entry = correct(folder, 2, to="Ми говорили про обмін усіх полонених.")
    shown = ew("search", "полонений", "--context", "1").out.splitlines()
    assert ["  > Ми говорили про обмін усіх полонених."] == [line for line in shown if line.startswith("  >")]
    assert f"  r001+{entry.correction.seq} #2  " in shown[shown.index("  > Ми говорили про обмін усіх полонених.") - 1]
    assert 3 == sum("  r001" in line for line in shown)


def test_search_marks_hits_in_bold_where_the_terminal_can(ew: Ew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcribed(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1mполонених\x1b[22m" in ew("search", "полонений").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in ew("search", "полонений").out


def test_search_in_json_has_offsets_and_context(ew: Ew, tmp_path: Path) -> None:
    transcribed(tmp_path)
    data = ew("search", "prisoner", "--context", "1", "--json").data
    (hit,) = data["hits"]
    (match,) = hit["matches"]
    assert hit["text"][match[0] : match[1]] == "prisoners"
    assert [passage["utterance"] for passage in hit["after"]] == [2]
    assert (data["query"], data["more"], data["problems"], hit["position"]) == ("prisoner", False, [], "0:00:00")


def test_search_takes_its_filters_as_options(ew: Ew, tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    options = ["--speaker", "anna", "--session", short(folder.path.name), "--language", "en", "--after", "2026-11-22"]
    options += ["--before", "2026-11-22", "--limit", "1", "--order", "relevance"]
    assert len(ew("search", "was OR prisoner", *options, "--json").data["hits"]) == 1
    assert ew("search", "prisoner", "--speaker", "коваль", "--json").data["hits"] == []


def test_an_ambiguous_or_unknown_session_is_told(ew: Ew, tmp_path: Path) -> None:
    transcribed(tmp_path)
    imported(tmp_path)
    for arguments in (["show", "01"], ["export", "01", "--format", "txt"], ["search", "x", "--session", "01"], ["verify", "01"]):
        assert isinstance(ew(*arguments).error, errors.SessionAmbiguous)
    assert isinstance(ew("show", "no-such-session").error, errors.SessionNotFound)


def test_export_prints_where_the_files_are(ew: Ew, tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    arguments = ["export", str(folder.path), "--format", "txt", "--format", "vtt", "--to", str(tmp_path / "out")]
    paths = ew(*arguments).out.splitlines()
    assert [Path(path).is_file() for path in paths] == [True, True]
    assert isinstance(ew(*arguments).error, errors.WouldOverwrite)
    assert ew(*arguments, "--force", "--json").data == {"files": paths}


def test_a_broken_session_is_told_and_the_answer_is_one_with_warnings(ew: Ew, tmp_path: Path) -> None:
    transcribed(tmp_path)
    broken = imported(tmp_path, title="Broken")
    broken.journal.write_bytes(b"rubbish\n")
    outcome = ew("search", "prisoner")
    assert (outcome.code, len(outcome.out.splitlines())) == (errors.WARNINGS, 2)
    assert ew("sessions", "--json").data["problems"][0]["path"] == str(broken.path)


def test_an_archive_that_cannot_be_written_still_answers(
    ew: Ew, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcribed(tmp_path)
    before = ew("search", "prisoner", "--json").data["hits"]
    monkeypatch.setattr("os.access", lambda path, mode: False)  # the tests may run as root, whom file rights do not stop
    transcribed(tmp_path, title="Too late for the index")
    outcome = ew("search", "prisoner", "--json")
    assert (outcome.code, outcome.data["hits"]) == (errors.WARNINGS, before)


@pytest.mark.parametrize("data", [b"no database", b"x" * 100_000])
def test_a_damaged_archive_stops_search_but_not_show_export_and_verify(ew: Ew, home: Path, tmp_path: Path, data: bytes) -> None:
    name = short(transcribed(tmp_path).path.name)
    (home / "archive.db").write_bytes(data)
    assert isinstance(ew("search", "prisoner").error, errors.ArchiveError)
    assert [ew("show", name).code, ew("export", name, "--format", "txt", "--to", str(tmp_path / "out")).code] == [0, 0]
    assert ew("verify", name).code == 0
    assert ew("rebuild").code == 0
    assert len(ew("search", "prisoner").out.splitlines()) == 2


def test_rebuild_gives_the_same_answers_byte_for_byte(ew: Ew, home: Path, tmp_path: Path) -> None:
    name = short(transcribed(tmp_path).path.name)
    ew("search", "prisoner")
    ew("correct", name, "1", "--to", "No prisoners at all.", "--reason", "r")
    transcribed(tmp_path, TALKS, title="Second", started_at_us=None)
    queries = [
        ["search", "prisoner", "--json", "--context", "2"],
        ["search", "обмін", "--order", "relevance"],
        ["sessions", "--json"],
    ]
    before = [ew(*query).out for query in queries]
    assert ew("rebuild").code == 0
    assert [ew(*query).out for query in queries] == before
    for file in home.glob("archive.db*"):
        file.unlink()
    assert [ew(*query).out for query in queries] == before


@pytest.mark.parametrize(
    "title", ["../../etc/passwd", "<script>alert(1)</script>", "[red]bold[/red]", "'; DROP TABLE sessions; --", "х" * 500]
)
def test_hostile_titles_and_names_go_through_unharmed_and_harm_nothing(ew: Ew, tmp_path: Path, title: str) -> None:
    speaker = Speaker("evil", title, track=1)
    folder = transcribed(tmp_path, [Said(f"{title} harmless", person="evil")], title=title, roster=(speaker,))
    (hit,) = ew("search", "harmless", "--json").data["hits"]
    assert (hit["title"], hit["speaker"], hit["text"]) == (title, title, f"{title} harmless")
    assert title in ew("show", str(folder.path)).out
    paths = ew("export", str(folder.path), "--format", "txt", "--format", "srt", "--to", str(tmp_path / "out")).out.splitlines()
    assert {Path(path).parent for path in paths} == {tmp_path / "out"}
    assert title in Path(paths[0]).read_text(encoding="utf-8")
    assert ew("sessions").code == 0


def test_words_that_would_command_the_terminal_are_shown_as_codes(
    ew: Ew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    folder = transcribed(tmp_path, [Said("\x1b]0;title\x07 gone \x1b[2J\r", at_s=0)])
    for arguments in (["search", "gone"], ["search", "2J"], ["show", str(folder.path)]):
        assert not set(ew(*arguments).out) & {"\x1b", "\x07", "\r"}


@pytest.mark.parametrize("query", ['"', "OR", "-x", "NEAR(", "a AND", "\0", "x" * 10_001, ""])
def test_a_query_of_operators_is_answered_or_refused_with_a_sentence(ew: Ew, tmp_path: Path, query: str) -> None:
    outcome = ew("search", "--", query)
    assert outcome.error is None or isinstance(outcome.error, errors.InvalidQuery)


def test_verify_gives_two_verdicts(ew: Ew, tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    lines = ew("verify", str(folder.path)).out.splitlines()
    assert lines[-2:] == ["Integrity:    PASS, nothing was changed", "Completeness: PASS, nothing is missing"]
    data = ew("verify", str(folder.path), "--json").data
    assert (data["integrity"], data["completeness"]) == ("pass", "pass")
    assert len(ew("--quiet", "verify", str(folder.path)).out.splitlines()) == 3


def test_verify_of_a_strangers_session_is_unknown_until_the_key_is_given(ew: Ew, home: Path, tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    shutil.rmtree(home / "keys")
    assert ew("verify", str(folder.path)).code == errors.WARNINGS
    assert not (home / "keys").exists()
    assert ew("verify", str(folder.path), "--key", str(folder.seal_key)).code == errors.OK
    assert isinstance(ew("verify", str(folder.path), "--key", str(folder.journal)).error, errors.InvalidOption)


def test_verify_of_a_changed_sound_fails_and_names_the_file(ew: Ew, tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    segment = folder.segment(1, 0)
    data = bytearray(segment.read_bytes())
    data[5000] ^= 1
    segment.write_bytes(data)
    outcome = ew("verify", str(folder.path))
    assert outcome.code == errors.FAILED_VERIFICATION
    assert "audio/s1/000000.wav" in outcome.out


def test_the_archive_holds_nothing_that_no_folder_holds(ew: Ew, home: Path, tmp_path: Path) -> None:
    transcribed(tmp_path)
    ew("sessions")
    connection = sqlite3.connect(home / "archive.db")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("DELETE FROM sessions")
    connection.execute("DELETE FROM folders")
    connection.commit()
    connection.close()
    assert len(ew("search", "prisoner").out.splitlines()) == 2
