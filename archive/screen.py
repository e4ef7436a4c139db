"""What the terminal shows of sessions, transcripts and hits: text in, lines out, nothing printed here."""

from collections.abc import Iterable, Iterator, Mapping

from archive.answers.concordance import WIDTH, KeywordLine
from archive.answers.files import hit_data
from archive.export.text import STRUCK, missing_label, one_line
from archive.query.hits import Answer, Hit, Passage
from archive.record import Line, Record, clock_face, iso
from everyword.clock import MICROSECONDS
from everyword.text import printable


def session_line(row: Mapping[str, object]) -> str:
    """A session in one line of a list."""
    when = str(row["started_at"] or "")[:16].replace("T", " ") or "time unknown"
    length = clock_face(row["duration_us"]) if isinstance(row["duration_us"], int) else "recording"
    facts = [f"{row['utterances']} utterances" if row["run"] else "no transcript"]
    facts += ["has gaps"] if row["gap_us"] else []
    facts += [] if row["is_here"] else ["folder not here"]
    return f"{row['session']}  {when:16}  {length:>9}  {_shortened(str(row['title']))}  ({', '.join(facts)})"


def record_lines(record: Record, *, as_recorded: bool) -> Iterator[str]:
    """A transcript with the number of each utterance, and what is missing where it is missing."""
    session = record.session
    yield f"{one_line(session.title)}  {session.id}"
    yield f"{iso(record.started_at_us) or 'time unknown'}  {clock_face(record.duration_us)}  {record.folder.path}"
    if record.transcript:
        yield f"{record.transcript.run.run}, {'reviewed' if record.is_reviewed else 'not reviewed'}"
    yield ""
    entries = [(line.moment.position_us, 0, _shown_line(line, as_recorded=as_recorded)) for line in record.lines]
    for span in record.missing("inaudible", "gap", "withheld", "failed"):
        moment = record.of_span(span)
        label = f"[{missing_label(span)}, {moment.duration_us / MICROSECONDS:.2f} s]"
        entries.append((moment.position_us, 1, f"      {clock_face(moment.position_us)}  Track {span.track}  {label}"))
    yield from (text for _, _, text in sorted(entries))


def answer_data(answer: Answer) -> dict[str, object]:
    """An answer as ``--json`` gives it: offsets are characters of ``text``."""
    facts = {name: getattr(answer, name) for name in ("more", "candidates", "is_capped")}
    return {**facts, "suggestions": list(answer.suggestions), "hits": [hit_data(hit) for hit in answer.hits]}


def concordance_lines(lines: Iterable[KeywordLine], *, is_bold: bool) -> Iterator[str]:
    """A line each, safe to write as it is, the keyword in one column and bold if the terminal can."""
    for line in lines:
        left, keyword, right = printable(line.left).rjust(WIDTH), printable(line.keyword), printable(line.right).ljust(WIDTH)
        shown = f"\x1b[1m{keyword}\x1b[22m" if is_bold else keyword
        passage = line.passage
        place = [(passage.time or "time unknown")[:16].replace("T", " "), f"{passage.session} #{passage.utterance}"]
        yield "  ".join([f"{left}{shown}{right}", *place, _shortened(passage.speaker, 30)])


def answer_lines(answer: Answer, *, is_bold: bool) -> Iterator[str]:
    """Two lines a passage, safe to write as they are; what was found is bold if the terminal can.

    Among others around it, the text that was found begins with ``>``.
    """
    for number, hit in enumerate(answer.hits):
        if number and (hit.before or hit.after):
            yield "--"
        yield from (line for passage in hit.before for line in _passage_lines(passage))
        begin = "  > " if hit.before or hit.after else "    "
        yield from (_heading(hit.passage), f"{begin}{_highlighted(hit, is_bold=is_bold)}")
        yield from (line for passage in hit.after for line in _passage_lines(passage))


def _passage_lines(passage: Passage) -> tuple[str, str]:
    return _heading(passage), f"    {one_line(passage.text) or STRUCK}"


def _heading(passage: Passage) -> str:
    """Everything needed to cite a passage: who, where, when, and what to know about it."""
    when = (passage.time or "time unknown")[:19].replace("T", " ")
    marks = [*passage.flags, *(["corrected"] if passage.is_corrected else [])]
    facts = [
        passage.session,
        f"{passage.revision} #{passage.utterance}",
        when,
        f"at {clock_face(passage.position_us)}",
        f"track {passage.track}",
    ]
    return "  ".join([_shortened(passage.speaker), *facts, f"[{passage.language}]", *marks, _shortened(passage.title)])


def _highlighted(hit: Hit, *, is_bold: bool) -> str:
    """The text on one line, what was found in bold if the terminal can."""
    pieces, done = [], 0
    for start, end in hit.matches:
        found = _flat(hit.passage.text[start:end])
        pieces += [_flat(hit.passage.text[done:start]), f"\x1b[1m{found}\x1b[22m" if is_bold else found]
        done = end
    return "".join([*pieces, _flat(hit.passage.text[done:])])


def _shown_line(line: Line, *, as_recorded: bool) -> str:
    text = one_line(line.recorded if as_recorded else line.text) or STRUCK
    marks = [*line.utterance.flags, *(["corrected"] if line.is_corrected and not as_recorded else [])]
    flags = f"  ({', '.join(marks)})" if marks else ""
    place = f"{line.utterance.id:>4}  {clock_face(line.moment.position_us)}  {one_line(line.speaker)}"
    return f"{place}  [{line.utterance.language}]  {text}{flags}"


def _shortened(text: str, longest: int = 60) -> str:
    line = one_line(text)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _flat(text: str) -> str:
    return printable(text.replace("\n", " "))
