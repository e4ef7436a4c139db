"""ELAN annotation format 3.0 (.eaf): a tier a person and track, one annotation an utterance, times in ms."""

from collections import defaultdict

from archive.export.text import STRUCK, missing_label, one_line
from archive.export.xml import HEAD, element, opening, text
from archive.record import Record, iso
from everyword.clock import iso as utc

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
Tiers = dict[str, list[tuple[int, int, str]]]
"""Tier → (start ms, end ms, text), in order."""


def tiers(record: Record) -> Tiers:
    """Tiers named after speakers (with the track where people share a name or overlap), and one for what has no words.

    The annotations of a tier never overlap, as ELAN and Praat demand: what would, begins a tier of its own.
    """
    result: Tiers = defaultdict(list)
    for line in record.lines:
        start_ms, end_ms = line.moment.position_us // 1000, max(line.moment.end_us // 1000, line.moment.position_us // 1000 + 1)
        _place(result, one_line(line.speaker), (start_ms, end_ms, one_line(line.text) or STRUCK))
    for span in record.missing("inaudible", "gap", "withheld", "failed"):
        moment = record.of_span(span)
        start_ms = moment.position_us // 1000
        _place(result, f"no words, track {span.track}", (start_ms, max(moment.end_us // 1000, start_ms + 1), missing_label(span)))
    return dict(result)


def as_eaf(record: Record) -> str:
    """The session as one ELAN document."""
    slots: list[str] = []
    body: list[str] = []
    for name, annotations in tiers(record).items():
        blocks = []
        for start_ms, end_ms, words in annotations:
            first = len(slots) + 1
            slots += [element("TIME_SLOT", TIME_SLOT_ID=f"ts{first}", TIME_VALUE=start_ms)]
            slots += [element("TIME_SLOT", TIME_SLOT_ID=f"ts{first + 1}", TIME_VALUE=end_ms)]
            value = element("ANNOTATION_VALUE", text(words))
            references = {
                "ANNOTATION_ID": f"a{(first + 1) // 2}",
                "TIME_SLOT_REF1": f"ts{first}",
                "TIME_SLOT_REF2": f"ts{first + 1}",
            }
            blocks.append(element("ANNOTATION", element("ALIGNABLE_ANNOTATION", value, **references)))
        body.append(element("TIER", "".join(blocks), LINGUISTIC_TYPE_REF="utterance", TIER_ID=name, PARTICIPANT=name))
    moment = utc(record.session.created_at_us)[:19] + "Z"
    attributes = {
        "AUTHOR": "Everyword",
        "DATE": iso(record.started_at_us) or moment,
        "FORMAT": "3.0",
        "VERSION": "3.0",
        "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
        "xsi:noNamespaceSchemaLocation": SCHEMA,
    }
    header = element(
        "HEADER", element("PROPERTY", text(record.session.id), NAME="session"), MEDIA_FILE="", TIME_UNITS="milliseconds"
    )
    kinds = element("LINGUISTIC_TYPE", GRAPHIC_REFERENCES="false", LINGUISTIC_TYPE_ID="utterance", TIME_ALIGNABLE="true")
    order = element("TIME_ORDER", "".join(slots))
    return (
        f"{HEAD}{opening('ANNOTATION_DOCUMENT', attributes)}\n{header}\n{order}\n"
        + "\n".join([*body, kinds])
        + "\n</ANNOTATION_DOCUMENT>\n"
    )


def _place(result: Tiers, name: str, annotation: tuple[int, int, str]) -> None:
    number, tier = 1, name
    while result[tier] and result[tier][-1][1] > annotation[0]:
        number += 1
        tier = f"{name} ({number})"
    result[tier].append(annotation)
