"""The same hits from other sides: in their context, counted, over time, defined, on a page, in a file, as sound."""

import csv
import io
import json
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive import Archive
from archive.answers.brief import lines
from archive.answers.chart import bar, write_bars, write_lines
from archive.answers.concordance import concordance
from archive.answers.counts import uses
from archive.answers.definitions import changes
from archive.answers.files import COLUMNS, csv_lines, json_lines
from archive.answers.sound import stretch, write_wav
from archive.query.filters import Filters
from archive.query.search import Search
from archive.record import read_record
from everyword import errors
from everyword.errors import InvalidOption, WouldOverwrite
from tests.archive.builders import NOON_US, Said, correct, transcribed
from tests.archive.conftest import Ew

DAY_US = 86_400_000_000
MONTH_US = 31 * DAY_US


@pytest.fixture
def archive(home: Path, tmp_path: Path) -> Iterator[Archive]:
    """Two sessions a month apart, and one of unknown time."""
    first = [
        Said("By corridor we mean a road that is open at night.", person="anna-reed", at_s=0),
        Said("Ми просимо коридор.", "uk", track=2, person="olena-koval", at_s=2),
    ]
    second = [Said("A corridor means a road with escort.", person="anna-reed"), Said("Two corridors.", at_s=2)]
    transcribed(tmp_path, first, title="First")
    transcribed(tmp_path, second, title="Second", started_at_us=NOON_US + 2 * MONTH_US)
    transcribed(tmp_path, [Said("corridor, who knows when")], title="Unknown", started_at_us=None)
    with Archive(home) as opened:
        yield opened


def test_a_concordance_has_the_keyword_in_the_middle(archive: Archive) -> None:
    (line,) = archive.concordance("open")
    assert ("By corridor we mean a road that is ", "open", " at night.") == (line.left, line.keyword, line.right)


def test_a_concordance_cuts_what_is_too_long_and_says_so(archive: Archive) -> None:
    (line,) = concordance(archive.search("open").hits, width=8)
    assert ("…hat is ", " at nig…") == (line.left, line.right)


def test_hits_are_counted_by_session_speaker_month_and_language(archive: Archive) -> None:
    def counted(side: str) -> dict[str, int]:
        return {one.label: one.utterances for one in archive.counts("corridor OR коридор", side)}  # type: ignore[arg-type]

    assert {"Second": 2, "First": 2, "Unknown": 1} == counted("session")
    assert {"time unknown": 1, "2026-11": 2, "2027-01": 2} == counted("month")
    assert {"en": 4, "uk": 1} == counted("language")
    assert 2 == counted("speaker")["Anna Reed"]


def test_everybodys_first_and_last_use_are_told(archive: Archive) -> None:
    use = next(one for one in archive.uses("corridor") if one.person == "anna-reed")
    assert (2, "First", "Second") == (use.utterances, use.first.title, use.last.title)


def test_a_month_begins_with_its_first_millisecond(home: Path, tmp_path: Path) -> None:
    december_us = (NOON_US // DAY_US + 9) * DAY_US
    talk = [Said("a term in November", length_s=0.001), Said("a term in December", at_s=0.001), Said("no more", at_s=2)]
    transcribed(tmp_path, talk, started_at_us=december_us - 1000)
    with Archive(home) as opened:
        assert [("2026-11", 1, 1), ("2026-12", 1, 2)] == [(one.month, one.uses, one.utterances) for one in opened.drift("term")]
        assert {"2026-11": 1, "2026-12": 1} == {one.key: one.utterances for one in opened.counts("term", "month")}


def test_a_month_without_a_use_is_in_the_drift_too(archive: Archive) -> None:
    periods = archive.drift("corridor")
    assert [("2026-11", 1, 2), ("2026-12", 0, 0), ("2027-01", 2, 2)] == [(one.month, one.uses, one.utterances) for one in periods]
    assert "escort" in periods[2].beside
    assert [500.0, 0.0, 1000.0] == [one.per_thousand for one in periods]


def test_what_changed_between_two_texts_is_word_by_word() -> None:
    found = changes("A corridor is a road, open at night", "a corridor is a road with escort")
    assert [("same", "a corridor is a road"), ("gone", "open at night"), ("new", "with escort")] == [
        (one.kind, " ".join(one.words)) for one in found
    ]


def test_the_command_compares_what_two_sessions_said_a_term_means(ew: Ew, archive: Archive) -> None:
    first, second = (row["session"] for row in ew("sessions", "--json").data["sessions"] if row["title"] in ("First", "Second"))
    data = ew("terms", "corridor", "--between", first, second, "--json").data
    assert [True, True] == [one["is_said"] for one in data["definitions"]]
    assert {"same", "gone", "new"} == {one["kind"] for one in data["changes"]}
    assert any(line.startswith("+ ") for line in ew("terms", "corridor", "--between", first, second).out.splitlines())


def test_the_terms_command_shows_uses_and_months(ew: Ew, archive: Archive) -> None:
    out = ew("terms", "corridor").out
    assert "Anna Reed: 2 utterances" in out
    assert "2026-12" in out
    assert ["2026-11", "2026-12", "2027-01"] == [one["month"] for one in ew("terms", "corridor", "--json").data["months"]]


def test_of_a_term_that_nobody_used_no_chart_is_drawn_and_near_ones_are_named(ew: Ew, archive: Archive, tmp_path: Path) -> None:
    outcome = ew("terms", "coridor", "--chart", str(tmp_path / "chart.svg"))
    assert (0, "", False) == (outcome.code, outcome.out, (tmp_path / "chart.svg").exists())
    assert "Nothing found. Did you mean corridor" in outcome.err


def test_two_sessions_are_compared_without_a_chart(ew: Ew, archive: Archive) -> None:
    assert isinstance(ew("terms", "corridor", "--between", "a", "b", "--chart", "chart.svg").error, InvalidOption)


@pytest.mark.parametrize(("name", "begin"), [("drift.svg", b"<svg"), ("drift.png", b"\x89PNG")])
def test_a_chart_is_drawn_whatever_the_term_is_called(tmp_path: Path, name: str, begin: bytes) -> None:
    write_bars(tmp_path / name, {"2026-11": 1.5, "2026-12": 0}, title='#panic("x") "]] \x1b \\', up="per thousand")
    assert (tmp_path / name).read_bytes().startswith(begin)


def test_lines_are_drawn_on_two_logarithmic_axes(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.svg", {"one": [(10, 1), (100, 5)]}, across="x", up="y", is_logarithmic=True)
    assert (tmp_path / "a.svg").stat().st_size > 1000


def test_a_chart_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="neither"):
        write_bars(tmp_path / "drift.gif", {"a": 1}, title="", up="")


@pytest.mark.parametrize(("value", "shown"), [(0, ""), (1, "▌"), (2, "█"), (8, "████")])
def test_a_bar_is_as_long_as_its_value(value: float, shown: str) -> None:
    assert shown == bar(value, 8, width=4)


def test_a_brief_quotes_exactly_and_cites(archive: Archive) -> None:
    page = "\n".join(lines(archive.brief(["corridor", "nowhere"]), "markdown"))
    assert "> By corridor we mean a road that is open at night." in page
    assert "> — Anna Reed, First, " in page
    assert "4 utterances by" in page
    assert "Nobody said this in the archive." in page


def test_a_brief_says_how_many_more_there_are(archive: Archive) -> None:
    assert "3 more, older." in "\n".join(lines(archive.brief(["corridor"], limit=1), "text"))


@pytest.mark.parametrize("text", ["# heading", "[a](b)", "<script>x</script>", "![i](u)", "1. item", "`code`", "a | b"])
def test_nothing_that_was_said_is_obeyed_by_markdown(home: Path, tmp_path: Path, text: str) -> None:
    transcribed(tmp_path, [Said(f"{text} harmless")])
    with Archive(home) as opened:
        (line,) = [line for line in lines(opened.brief(["harmless"]), "markdown") if "harmless" in line and line.startswith("> ")]
    shown = line.removeprefix("> ")
    assert not shown.startswith(("#", "1. ", "!", "[", "`"))
    assert not [part for part in ("<script>", "](", " | ") if part in shown]


def test_a_brief_of_a_recording_of_unknown_time_says_so(home: Path, tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("a harmless word")], started_at_us=None)
    place = f"time unknown ({folder.read_session().id} #1)"
    with Archive(home) as opened:
        page = list(lines(opened.brief(["harmless"]), "text"))
    assert f"   Track 1: first {place}, last {place}, 1 in all" in page
    assert "1 utterance by 1 speaker." in page


def test_the_brief_command_writes_both_pages_once(ew: Ew, archive: Archive, tmp_path: Path) -> None:
    paths = ew("brief", "corridor", "--to", str(tmp_path / "out")).out.splitlines()
    assert ["brief.md", "brief.txt"] == [Path(path).name for path in paths]
    assert isinstance(ew("brief", "corridor", "--to", str(tmp_path / "out")).error, errors.WouldOverwrite)
    assert ew("brief", "corridor", "--to", str(tmp_path / "out"), "--force").code == 0
    assert 4 == ew("brief", "corridor", "--json").data["chapters"][0]["utterances"]


def test_hits_as_csv_can_be_read_back(archive: Archive) -> None:
    rows = list(csv.DictReader(io.StringIO("\n".join(csv_lines(archive.search("corridor").hits)))))
    assert list(COLUMNS) == list(rows[0])
    assert {hit.passage.text for hit in archive.search("corridor").hits} == {row["text"] for row in rows}


def test_no_cell_is_a_formula(home: Path, tmp_path: Path) -> None:
    transcribed(tmp_path, [Said('=HYPERLINK("http://x") corridor')])
    with Archive(home) as opened:
        (row,) = csv.DictReader(io.StringIO("\n".join(csv_lines(opened.search("corridor").hits))))
    assert '\'=HYPERLINK("http://x") corridor' == row["text"]


def test_json_lines_are_the_hits_of_search_json(ew: Ew, archive: Archive) -> None:
    hits = ew("search", "corridor", "--json").data["hits"]
    assert hits == [json.loads(line) for line in json_lines(archive.search("corridor").hits)]
    assert hits == [json.loads(line) for line in ew("search", "corridor", "--format", "jsonl").out.splitlines()]


def test_two_ways_to_answer_are_refused(ew: Ew, archive: Archive) -> None:
    assert isinstance(ew("search", "corridor", "--concordance", "--format", "csv").error, InvalidOption)


def test_search_counts_and_aligns(ew: Ew, archive: Archive) -> None:
    assert "First" in ew("search", "corridor", "--count-by", "session").out
    places = {line.index("corridor") for line in ew("search", "corridor", "--concordance").out.splitlines()}
    assert {40} == places


def test_a_hit_is_written_as_the_very_samples_of_its_track(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("one", at_s=1, length_s=2, track=2)])
    write_wav(folder, 1, tmp_path / "hit.wav")
    with wave.open(str(tmp_path / "hit.wav")) as hit, wave.open(str(tmp_path / "tone-10.0-2.wav")) as whole:
        assert (1, 8000, 2, 16000) == (hit.getnchannels(), hit.getframerate(), hit.getsampwidth(), hit.getnframes())
        whole.setpos(8000)
        assert whole.readframes(16000)[2:4] == hit.readframes(1)
    with pytest.raises(WouldOverwrite):
        write_wav(folder, 1, tmp_path / "hit.wav")
    with pytest.raises(InvalidOption, match="no utterance 9"):
        write_wav(folder, 9, tmp_path / "other.wav")


def test_a_hit_may_be_heard_with_what_is_around_it(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path, [Said("one", at_s=1, length_s=2, track=2)]))
    place = stretch(record, 1, around_s=5)
    assert (1, 0, 64000) == (place.channel, place.first_frame, place.frame_count)


def test_search_plays_the_hit_that_is_meant(ew: Ew, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        played.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("archive.answers.sound.subprocess.run", run)
    assert 0 == ew("search", "escort", "--play", "1", "--sound", str(tmp_path / "sound")).code
    assert ["recorder.sound.playback"] == played[0][3:4]
    assert ["1", "0", "0", "8000"] == played[0][5:]
    assert 1 == len(list((tmp_path / "sound").iterdir()))
    assert isinstance(ew("search", "escort", "--play", "2").error, InvalidOption)


def test_the_machines_words_are_found_when_asked_for(home: Path, tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("a bitter word"), Said("a bitter end", at_s=2)])
    correct(folder, 1, to="a better word")
    with Archive(home) as opened:
        assert ["a bitter end"] == [hit.passage.text for hit in opened.search("bitter").hits]
        assert ["a bitter end", "a bitter word"] == [hit.passage.text for hit in opened.search("bitter", as_recorded=True).hits]
        assert () == opened.search("better", as_recorded=True).hits
        (hit,) = opened.search("better").hits
    assert hit.row.recorded == "a bitter word"


def test_first_and_last_use_are_told_from_the_machines_words_too(home: Path, tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said(f"a bitter word {number}", at_s=2 * number) for number in range(4)])
    correct(folder, 1, to="a better word 0")
    correct(folder, 3, to="a better word 2")
    with Archive(home) as opened:
        (use,) = uses(Search(opened.db, "bitter", as_recorded=True))
    assert (1, 4, 4) == (use.first.utterance, use.last.utterance, use.utterances)


def test_a_revision_names_the_run_and_the_last_correction(home: Path, tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("a bitter word"), Said("an end", at_s=2)])
    entry = correct(folder, 1, to="a better word")
    with Archive(home) as opened:
        assert f"r001+{entry.correction.seq}" == opened.search("better").hits[0].passage.revision
        assert "r001" == opened.search("end").hits[0].passage.revision


def test_relevance_compares_so_many_and_says_so(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.query.search.MOST_CANDIDATES", 2)
    transcribed(tmp_path, [Said("prisoner", at_s=0), *(Said("prisoners", at_s=place) for place in (2, 4, 6))])
    with Archive(home) as opened:
        answer = opened.search("prisoner", order="relevance", limit=2)
        assert (True, True, 3, "prisoner") == (
            answer.is_capped,
            answer.more,
            answer.candidates,
            answer.hits[0].passage.text,
        )
        assert not opened.search("prisoner").is_capped


def test_an_archive_object_sees_new_sessions_when_refreshed(archive: Archive, tmp_path: Path) -> None:
    transcribed(tmp_path, [Said("something else entirely")], title="Third")
    assert () == archive.search("entirely").hits
    archive.refresh()
    assert 1 == len(archive.search("entirely", filters=Filters(languages=("en",))).hits)
