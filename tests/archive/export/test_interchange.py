"""Formats for other programs: what readers that are not ours make of them."""

import itertools
import json
import re
from pathlib import Path

import pytest
from lxml import etree
from praatio import textgrid  # type: ignore[import-untyped]
from pympi import Elan  # type: ignore[import-untyped]

from archive import export
from archive.export.elan import as_eaf, tiers
from archive.export.otranscribe import as_otr
from archive.export.praat import as_textgrid
from archive.export.tei import NAMESPACE, as_tei
from archive.export.text import one_line
from archive.export.whisperx import as_whisperx
from archive.record import Record, read_record
from everyword.model import Speaker
from tests.archive.builders import DELEGATES, TALKS, Said, correct, transcribed

EVIL = '<b>--> "Evil" & ]]> &amp; \x1b[31m\x00 \u202e ""quoted""'
TEI = {"t": NAMESPACE}
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Four utterances, one of them corrected, a stretch without words and a gap."""
    folder = transcribed(tmp_path, TALKS, states=[(8, 9.5, "inaudible"), (9.5, 10, "gap")])
    correct(folder, 1, to="We discussed the exchange of hostages.")
    return read_record(folder)


@pytest.fixture
def evil(tmp_path: Path) -> Record:
    """Words and names that would like to be markup; two people speak at the same time on one track."""
    roster = (Speaker("evil", EVIL, track=1), Speaker("two", EVIL + "2", track=1))
    said = [Said(EVIL, person="evil"), Said(EVIL + " again", at_s=0.5, person="evil"), Said("", at_s=3, person="two")]
    return read_record(
        transcribed(tmp_path, said, roster=roster, title=EVIL.replace("\x1b", "").replace("\x00", "").replace("\u202e", ""))
    )


def spoken(record: Record) -> list[tuple[str, int, int, str]]:
    """Every utterance that has words: (speaker, start ms, end ms, text)."""
    return [
        (one_line(line.speaker), line.moment.position_us // 1000, line.moment.end_us // 1000, one_line(line.text))
        for line in record.lines
        if line.text
    ]


@pytest.mark.parametrize("which", ["record", "evil"])
def test_pympi_reads_every_utterance_of_the_elan_file(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    session: Record = request.getfixturevalue(which)
    path = tmp_path / "session.eaf"
    path.write_text(as_eaf(session), encoding="utf-8")
    eaf = Elan.Eaf(str(path))
    read = [
        (re.sub(r" \(\d+\)$", "", tier), start, end, text)
        for tier in eaf.get_tier_names()
        for start, end, text, *_ in eaf.get_annotation_data_for_tier(tier)
        if not tier.startswith("no words") and not text.startswith("[nothing")
    ]
    assert sorted(spoken(session)) == sorted(read)


def test_the_elan_file_has_its_parts_in_the_order_of_the_schema(record: Record) -> None:
    root = etree.fromstring(as_eaf(record).encode())
    assert ["HEADER", "TIME_ORDER", "TIER", "TIER", "TIER", "LINGUISTIC_TYPE"] == [child.tag for child in root]
    slots = {slot.get("TIME_SLOT_ID") for slot in root.iter("TIME_SLOT")}
    references = {one.get(name) for one in root.iter("ALIGNABLE_ANNOTATION") for name in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")}
    assert slots == references
    identities = [one.get("ANNOTATION_ID") for one in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize("which", ["record", "evil"])
def test_praatio_reads_every_utterance_of_the_text_grid(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    session: Record = request.getfixturevalue(which)
    path = tmp_path / "session.TextGrid"
    path.write_text(as_textgrid(session), encoding="utf-8")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="error")
    read = [
        (re.sub(r" \(\d+\)$", "", name), round(start * 1000), round(end * 1000), text)
        for name in grid.tierNames
        for start, end, text in grid.getTier(name).entries
        if not name.startswith("no words") and not text.startswith("[nothing")
    ]
    assert sorted(spoken(session)) == sorted(read)


def test_no_tier_overlaps_itself(evil: Record) -> None:
    for rows in tiers(evil).values():
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(rows))


@pytest.mark.parametrize("which", ["record", "evil"])
def test_the_tei_document_holds_every_word_with_its_speaker_and_times(which: str, request: pytest.FixtureRequest) -> None:
    session: Record = request.getfixturevalue(which)
    root = etree.fromstring(as_tei(session).encode())
    names = {one.get(XML_ID): one.findtext("t:persName", namespaces=TEI) for one in root.iter(f"{{{NAMESPACE}}}person")}
    times = {one.get(XML_ID): float(one.get("interval", 0)) for one in root.iter(f"{{{NAMESPACE}}}when")}
    read = []
    for block in root.iter(f"{{{NAMESPACE}}}annotationBlock"):
        words = " ".join(word.text for word in block.iter(f"{{{NAMESPACE}}}w"))
        start, end = (round(1000 * times[block.get(name)[1:]]) for name in ("start", "end"))
        if words:
            read.append((names[block.get("who")[1:]], start, end, words))
    assert sorted(spoken(session)) == sorted(read)


def test_every_reference_of_the_tei_document_leads_somewhere_and_time_grows(record: Record) -> None:
    root = etree.fromstring(as_tei(record).encode())
    identities = [one.get(XML_ID) for one in root.iter() if one.get(XML_ID)]
    assert len(identities) == len(set(identities))
    pointers = {value for one in root.iter() for value in one.attrib.values() if str(value).startswith("#")}
    assert {str(pointer)[1:] for pointer in pointers} <= set(identities)
    intervals = [float(one.get("interval")) for one in root.iter(f"{{{NAMESPACE}}}when") if one.get("interval")]
    assert intervals == sorted(intervals)


def test_the_tei_document_follows_the_structure_of_iso_24624(record: Record) -> None:
    root = etree.fromstring(as_tei(record).encode())
    assert [f"{{{NAMESPACE}}}{name}" for name in ("teiHeader", "text")] == [child.tag for child in root]
    text = root[1]
    assert [f"{{{NAMESPACE}}}{name}" for name in ("timeline", "body")] == [child.tag for child in text]
    assert {f"{{{NAMESPACE}}}{name}" for name in ("annotationBlock", "incident")} == {child.tag for child in text[1]}
    assert "inaudible, track 1: by hand" in [one.text for one in root.iter(f"{{{NAMESPACE}}}desc")]


def test_whisperx_json_has_the_shape_that_its_readers_expect(record: Record) -> None:
    data = json.loads(as_whisperx(record))
    assert {"segments", "word_segments", "language"} == set(data)
    for segment, (speaker, start_ms, end_ms, text) in zip(data["segments"], spoken(record), strict=True):
        assert (segment["speaker"], segment["text"]) == (speaker, text)
        assert (round(segment["start"] * 1000), round(segment["end"] * 1000)) == (start_ms, end_ms)
        assert " ".join(word["word"] for word in segment["words"]) == text
        assert all(word["start"] <= word["end"] for word in segment["words"])
    assert [word for segment in data["segments"] for word in segment["words"]] == data["word_segments"]
    assert ["score" in segment["words"][0] for segment in data["segments"]] == [False, True, True, True]


def test_otranscribe_shows_every_utterance_behind_a_stamp_and_obeys_nothing(evil: Record) -> None:
    data = json.loads(as_otr(evil))
    assert {"text", "media", "media-time"} == set(data)
    assert "<b>--" not in data["text"]
    paragraphs = etree.HTML(data["text"]).iter("p")
    stamps = [one.find("span").get("data-timestamp") for one in paragraphs if one.find("span") is not None]
    assert ["0", "0.500", "3"] == stamps


def test_exports_have_the_endings_that_programs_look_for(record: Record, tmp_path: Path) -> None:
    paths = export.export(record, list(export.FORMATS), to=tmp_path / "out")
    name = record.folder.path.name
    endings = ("txt", "srt", "vtt", "json", "whisperx.json", "tei.xml", "eaf", "TextGrid", "otr")
    assert [f"{name}.{ending}" for ending in endings] == [path.name for path in paths]


def test_a_session_in_which_nobody_spoke_is_exported_in_every_format(tmp_path: Path) -> None:
    record = read_record(transcribed(tmp_path, [], roster=DELEGATES))
    paths = export.export(record, [*export.FORMATS, *(name for name in export.PAGED if name != "ascii")], to=tmp_path / "out")
    assert [path.name for path in paths if not path.stat().st_size] == [f"{record.folder.path.name}.srt"]
    etree.parse(str(tmp_path / "out" / f"{record.folder.path.name}.tei.xml"))
