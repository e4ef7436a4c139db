"""Praat TextGrid (long text form): an interval tier for each tier of the ELAN file, gapless as Praat demands."""

from archive.export.elan import tiers
from archive.record import Record
from everyword.clock import MICROSECONDS

Interval = tuple[int, int, str]


def as_textgrid(record: Record) -> str:
    """The session as one TextGrid; times in seconds to the millisecond."""
    found = tiers(record)
    end_ms = max([record.duration_us * 1000 // MICROSECONDS, 1, *(rows[-1][1] for rows in found.values())])
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_seconds(end_ms)}"]
    head += ["tiers? <exists>", f"size = {len(found)}", "item []:"]
    body = [line for number, (name, rows) in enumerate(found.items(), 1) for line in _tier(number, name, rows, end_ms)]
    return "\n".join([*head, *body]) + "\n"


def _tier(number: int, name: str, rows: list[Interval], end_ms: int) -> list[str]:
    intervals = _filled(rows, end_ms)
    lines = [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}", "        xmin = 0"]
    lines += [f"        xmax = {_seconds(end_ms)}", f"        intervals: size = {len(intervals)}"]
    for place, (start, end, text) in enumerate(intervals, 1):
        lines += [f"        intervals [{place}]:", f"            xmin = {_seconds(start)}", f"            xmax = {_seconds(end)}"]
        lines += [f"            text = {_quoted(text)}"]
    return lines


def _filled(rows: list[Interval], end_ms: int) -> list[Interval]:
    """With empty intervals wherever the tier has nothing."""
    result: list[Interval] = []
    done = 0
    for start, end, text in rows:
        if start > done:
            result.append((done, start, ""))
        result.append((start, end, text))
        done = end
    return [*result, (done, end_ms, "")] if done < end_ms else result


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03}"
