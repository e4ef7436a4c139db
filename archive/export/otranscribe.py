"""oTranscribe (.otr): JSON with the text as HTML, each utterance a paragraph with a timestamp that can be clicked."""

import html
import json

from archive.export.text import STRUCK, one_line
from archive.notice import notice
from archive.record import Line, Record, clock_face
from everyword.clock import MICROSECONDS


def as_otr(record: Record) -> str:
    """The session for oTranscribe; its editor has to be given the sound separately."""
    text = "".join([f"<p>{html.escape(notice(record))}</p>", *(_paragraph(line) for line in record.lines)])
    return json.dumps({"text": text, "media": "", "media-time": 0}, ensure_ascii=False) + "\n"


def _paragraph(line: Line) -> str:
    seconds = (
        f"{line.moment.position_us // 1000 / 1000:.3f}"
        if line.moment.position_us % MICROSECONDS
        else str(line.moment.position_us // MICROSECONDS)
    )
    stamp = f'<span class="timestamp" data-timestamp="{seconds}">{clock_face(line.moment.position_us)}</span>'
    return f"<p>{stamp} <b>{html.escape(one_line(line.speaker))}:</b> {html.escape(one_line(line.text) or STRUCK)}</p>"
