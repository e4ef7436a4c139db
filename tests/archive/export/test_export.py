"""Files for other programs: golden ones, and what independent readers make of them."""

import itertools
import json
import re
from pathlib import Path

import pysubs2
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import export
from archive.export.subtitles import Cue, as_srt, as_vtt, cues, vtt_block
from archive.export.text import as_text, one_line
from archive.record import Record, read_record
from everyword.errors import DiskTrouble, InvalidOption, NotTranscribed, WouldOverwrite
from everyword.folder import SessionFolder
from everyword.model import Speaker
from tests.archive.builders import DELEGATES, TALKS, Said, accept, correct, imported, transcribed

GOLDEN = Path(__file__).parent.parent / "golden"
LONG = Said(" ".join(f"word{number}," for number in range(60)), at_s=10, length_s=30, person="anna-reed")
HOSTILE = (
    "--> 00:00:01.000 --> 00:00:02.000",
    "<script>alert(1)</script> & <v Somebody else>",
    "one\n\n2\n00:00:00,000 --> 00:00:01,000\nforged",
    "{\\an8}{\\p1}drawn",
    "\x1b[31mred\x00\r\n",
    "WEBVTT\n\nNOTE",
    "right\u202eto left\u2028line",
)


def a_record(tmp_path: Path) -> Record:
    folder = transcribed(tmp_path, [*TALKS, LONG], seconds=60.0, states=[(8, 9.5, "inaudible"), (41, 43, "gap")])
    correct(folder, 1, to="We discussed the exchange of hostages.", reason="heard again")
    return read_record(folder)


def settled(text: str) -> str:
    """`text` without what is another in every session: ids, digests, times of making."""
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", text)
    text = re.sub(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "ULID", text)
    return re.sub(r'("at": )"[^"]*"', r'\1"…"', text)


@pytest.mark.parametrize("name", sorted(export.FORMATS))
def test_a_session_is_exported_as_the_golden_file_says(tmp_path: Path, name: str) -> None:
    actual = settled(export.FORMATS[name](a_record(tmp_path)))
    golden = GOLDEN / f"session.{export.ENDINGS.get(name, name)}"
    assert golden.read_text(encoding="utf-8") == actual


@pytest.mark.parametrize("name", ["pages", "linemap", "errata"])
def test_pages_and_lines_are_those_of_the_golden_file(tmp_path: Path, name: str) -> None:
    """Old certificates quote page and line: a later version must break the lines where this one does."""
    (path,) = export.export(a_record(tmp_path), [name], to=tmp_path / "out", options=export.PageOptions(terms=("hostage",)))
    golden = GOLDEN / f"session.{export.ENDINGS[name]}"
    assert golden.read_text(encoding="utf-8") == unstamped(path.read_text(encoding="utf-8"))


def unstamped(text: str) -> str:
    """`settled`, and without pieces of digests, versions and times of making."""
    text = re.sub(r"(sha256:\n *)?\b(sha256:)?[0-9a-f]{10,64}\b", "…", settled(text))
    text = re.sub(r"Everyword \d+\.\d+\.\d+", "Everyword VERSION", text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)


def test_independent_readers_find_every_cue(tmp_path: Path) -> None:
    record = a_record(tmp_path)
    expected = cues(record)
    vtt = webvtt.from_string(as_vtt(record))
    assert [(cue.voice, cue.text) for cue in vtt.captions] == [(cue.speaker, cue.text) for cue in expected]
    srt = pysubs2.SSAFile.from_string(as_srt(record), format_="srt")
    assert [(event.start, event.end) for event in srt] == [(cue.start_ms, cue.end_ms) for cue in expected]
    assert [event.text for event in srt] == [f"{cue.speaker}: {cue.text}" for cue in expected]


def test_a_long_utterance_is_cut_between_words_into_cues_of_seven_seconds(tmp_path: Path) -> None:
    pieces = [cue for cue in cues(a_record(tmp_path)) if cue.start_ms >= 10_000]
    assert " ".join(cue.text for cue in pieces) == LONG.text
    assert max(cue.end_ms - cue.start_ms for cue in pieces) <= 7000
    assert all(first.end_ms <= second.start_ms for first, second in itertools.pairwise(pieces))


def test_words_that_are_not_divided_by_a_space_stay_together(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path, [Said("Скажите по-русски, кое-что", "ru", length_s=4)]))
    assert [len(line.utterance.words) for line in record.lines] == [5]
    assert [(cue.text, cue.end_ms) for cue in cues(record)] == [("Скажите по-русски, кое-что", 4000)]


def test_a_corrected_utterance_is_cut_evenly(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [LONG], seconds=60.0)
    correct(folder, 1, to=" ".join(["other"] * 60), reason="r")
    pieces = cues(read_record(folder))
    assert " ".join(cue.text for cue in pieces) == " ".join(["other"] * 60)
    assert max(cue.end_ms - cue.start_ms for cue in pieces) <= 7000


def test_a_struck_utterance_has_no_cue_and_is_told_in_the_text(tmp_path: Path) -> None:
    folder = transcribed(tmp_path, [Said("Thanks for watching!")])
    correct(folder, 1, to="", reason="nothing was said")
    record = read_record(folder)
    assert cues(record) == []
    assert "Track 1: [nothing was said here, by correction]" in as_text(record)


def hostile_record(tmp_path: Path, texts: tuple[str, ...]) -> Record:
    roster = (Speaker("evil", "<b>--> Evil</v>\n\n{\\an8}&lt;", track=1),)
    said = [Said(text, at_s=number, person="evil") for number, text in enumerate(texts)]
    return read_record(transcribed(tmp_path, said, title="Safe", roster=roster, seconds=float(len(texts) + 1)))


def test_hostile_words_and_names_forge_no_cue_and_no_markup(tmp_path: Path) -> None:
    record = hostile_record(tmp_path, HOSTILE)
    vtt, srt = as_vtt(record), as_srt(record)
    assert vtt.count("-->") == srt.count("-->") == len(HOSTILE)
    assert len(webvtt.from_string(vtt)) == len(HOSTILE)
    assert len(pysubs2.SSAFile.from_string(srt, format_="srt")) == len(HOSTILE)
    for text in (vtt, srt, as_text(record)):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\u2028]", text)
    assert not re.search(r"<(?!v |/v>)", vtt)
    assert "<" not in srt


@settings(max_examples=50, deadline=None)
@given(speaker=st.text(max_size=30), text=st.text(max_size=60))
def test_no_text_escapes_from_its_cue(speaker: str, text: str) -> None:
    blocks = vtt_block(Cue(0, 1000, one_line(speaker), one_line(text)))
    assert (blocks.count("-->"), blocks.count("\n"), blocks.count("<v "), blocks.count("</v>")) == (1, 2, 1, 1)


def test_a_reviewed_transcript_is_no_longer_called_a_draft(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    assert as_text(read_record(folder)).startswith("MACHINE-GENERATED DRAFT - NOT REVIEWED - NOT CERTIFIED\n")
    accept(folder, 1)
    assert "DRAFT" not in as_text(read_record(folder))
    assert "DRAFT" not in as_vtt(read_record(folder))


def test_json_holds_every_word_and_every_span(tmp_path: Path) -> None:
    record = a_record(tmp_path)
    data = json.loads(export.FORMATS["json"](record))
    assert record.transcript is not None
    assert [len(utterance["words"]) for utterance in data["utterances"]] == [len(line.utterance.words) for line in record.lines]
    for track in (1, 2):
        assert sum(span["frame_count"] for span in data["coverage"] if span["track"] == track) == 60 * 8000


def write(folder: SessionFolder, to: Path, *formats: str, force: bool = False) -> list[Path]:
    return export.export(read_record(folder), formats or ("txt",), to=to, force=force)


def test_files_have_the_name_of_the_session_folder(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    paths = write(folder, tmp_path / "new" / "out", "txt", "json")
    assert [path.name for path in paths] == [f"{folder.path.name}.txt", f"{folder.path.name}.json"]
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == sorted(path.name for path in paths)


def test_nothing_is_overwritten_unless_forced(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    (path,) = write(folder, tmp_path / "out")
    path.write_text("mine")
    with pytest.raises(WouldOverwrite):
        write(folder, tmp_path / "out", "srt", "txt")
    assert [file.name for file in (tmp_path / "out").iterdir()] == [path.name]
    assert path.read_text() == "mine"
    write(folder, tmp_path / "out", force=True)
    assert path.read_text().startswith("MACHINE-GENERATED DRAFT")


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{folder.path.name}.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WouldOverwrite):
        write(folder, tmp_path / "out")
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_is_exported_into_the_record(tmp_path: Path) -> None:
    folder = transcribed(tmp_path)
    with pytest.raises(InvalidOption, match="session folder"):
        write(folder, folder.path / "out")


def test_an_unknown_format_and_a_session_without_transcript_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="odt"):
        write(transcribed(tmp_path), tmp_path / "out", "odt")
    with pytest.raises(NotTranscribed):
        write(imported(tmp_path), tmp_path / "out")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiskTrouble):
        write(transcribed(tmp_path), tmp_path / "file" / "out")


def test_the_roster_is_in_the_head_of_the_text(tmp_path: Path) -> None:
    text = as_text(read_record(transcribed(tmp_path)))
    for speaker in DELEGATES:
        assert f"Person     {speaker.name}, {speaker.role}, {speaker.delegation}, track {speaker.track}\n" in text
