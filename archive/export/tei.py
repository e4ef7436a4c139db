"""TEI P5 in the profile of ISO 24624:2016 (transcription of speech): a timeline, and one ``annotationBlock`` an utterance.

Times are intervals in seconds from the first frame.  Words are ``<w>`` with their own synchronisation points where the machine's
are still right.  A pause or a stretch without words is a ``<pause>``, ``<gap>`` or ``<incident>`` of its own.
"""

from collections.abc import Iterator

from archive.export.subtitles import Piece, pieces
from archive.export.text import missing_label, one_line
from archive.export.xml import HEAD, element, opening, text
from archive.notice import notice
from archive.record import Line, Record, iso
from everyword.model import Speaker

NAMESPACE = "http://www.tei-c.org/ns/1.0"


class _Timeline:
    """Points on the session axis, each named once."""

    def __init__(self) -> None:
        self._points: dict[int, str] = {}

    def at(self, us: int) -> str:
        """The reference to a point."""
        return f"#{self._points.setdefault(us // 1000, f'T{us // 1000}')}"

    def xml(self) -> str:
        """The ``timeline`` element, in order of time."""
        points = (
            element("when", xml_id=name, interval=f"{ms // 1000}.{ms % 1000:03}", since="#T_start")
            for ms, name in sorted(self._points.items())
        )
        return element("timeline", element("when", xml_id="T_start") + "".join(points), unit="s", origin="#T_start")


def as_tei(record: Record) -> str:
    """The session as one TEI document."""
    timeline = _Timeline()
    people = _people(record)
    body = "\n".join(block for _, block in sorted(_blocks(record, timeline, people), key=lambda entry: entry[0]))
    header = _header(record, people)
    document = opening("TEI", {"xmlns": NAMESPACE}) + "\n"
    return f"{HEAD}{document}{header}\n<text>\n{timeline.xml()}\n<body>\n{body}\n</body>\n</text>\n</TEI>\n"


def _people(record: Record) -> dict[str, str]:
    """Name → xml:id."""
    names = dict.fromkeys([*(speaker.name for speaker in record.session.roster), *(line.speaker for line in record.lines)])
    return {name: f"P{number}" for number, name in enumerate(names, 1)}


def _header(record: Record, people: dict[str, str]) -> str:
    session = record.session
    roster = {speaker.name: speaker for speaker in reversed(session.roster)}
    persons = "".join(_person(identifier, name, roster.get(name)) for name, identifier in people.items())
    title = element("titleStmt", element("title", text(one_line(session.title) or session.id)))
    recording = element(
        "recording", element("p", text(f"{session.origin}, {record.seal}")), type="audio", dur=_duration(record.duration_us)
    )
    return element(
        "teiHeader",
        element(
            "fileDesc",
            title
            + element("publicationStmt", element("p", text(_status(record))))
            + element("sourceDesc", element("recordingStmt", recording)),
        )
        + element(
            "profileDesc",
            element("langUsage", "".join(element("language", text(one), ident=one) for one in session.languages or ("und",)))
            + (element("particDesc", element("listPerson", persons)) if persons else "")
            + element("settingDesc", element("setting", _setting(record))),
        )
        + element(
            "encodingDesc",
            element("appInfo", element("application", element("label", "Everyword"), ident="Everyword", version="1")),
        ),
    )


def _status(record: Record) -> str:
    run = record.transcript.run.run if record.transcript else ""
    return f"{notice(record)}. Session {record.session.id}, run {run}."


def _setting(record: Record) -> str:
    started = iso(record.started_at_us)
    place = element("placeName", text(one_line(record.session.place))) if record.session.place else ""
    when = element("date", started, when=started) if started else ""
    return place + when or element("p", "unknown")


def _person(identifier: str, name: str, speaker: Speaker | None) -> str:
    facts = element("persName", text(one_line(name)))
    if speaker and speaker.role:
        facts += element("occupation", text(one_line(speaker.role)))
    if speaker and speaker.delegation:
        facts += element("affiliation", text(one_line(speaker.delegation)))
    return element("person", facts, xml_id=identifier, n=one_line(name))


def _blocks(record: Record, timeline: _Timeline, people: dict[str, str]) -> Iterator[tuple[int, str]]:
    for line in record.lines:
        yield line.moment.position_us, _utterance(record, line, timeline, people)
    for span in record.missing("inaudible", "gap", "withheld", "failed"):
        moment = record.of_span(span)
        yield (
            moment.position_us,
            element(
                "incident",
                element(
                    "desc",
                    text(f"{missing_label(span)}, track {span.track}{f': {one_line(span.reason)}' if span.reason else ''}"),
                ),
                start=timeline.at(moment.position_us),
                end=timeline.at(moment.end_us),
            ),
        )


def _utterance(record: Record, line: Line, timeline: _Timeline, people: dict[str, str]) -> str:
    words = "".join(_word(piece, timeline) for piece in pieces(record, line))
    begin, end = timeline.at(line.moment.position_us), timeline.at(line.moment.end_us)
    content = element("u", element("seg", words or element("gap", reason="nothing was said, by correction"), type="utterance"))
    return element(
        "annotationBlock",
        content,
        xml_id=f"u{line.utterance.id}",
        who=f"#{people[line.speaker]}",
        start=begin,
        end=end,
        xml_lang=line.utterance.language or "und",
    )


def _word(piece: Piece, timeline: _Timeline) -> str:
    anchor = element("anchor", synch=timeline.at(piece.start_us))
    return anchor + element("w", text(piece.text))


def _duration(us: int) -> str:
    return f"PT{us // 1_000_000}.{us % 1_000_000 // 1000:03}S"
