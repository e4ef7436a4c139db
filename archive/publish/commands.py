"""``everyword review``, ``quote``, ``claim`` and ``statement``: what people decide about a transcript, and what they publish.

All of them read and write the session folder alone, never the database.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.config import Settings

if TYPE_CHECKING:
    from archive.record import Record
    from archive.review_coverage import Coverage
    from everyword.folder import SessionFolder

app = typer.Typer()

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON on stdout.")]
SessionArgument = Annotated[str, typer.Argument(help="A session: path, id, or the beginning of one.")]
UtteranceArgument = Annotated[int, typer.Argument(help="The utterance's number, as `everyword show` prints it.")]
WordsOption = Annotated[str | None, typer.Option(help="Only these words of it, letter by letter.")]


class Verdict(StrEnum):
    """What became of a claim."""

    TRUE = "true"
    FALSE = "false"
    MISLEADING = "misleading"
    UNPROVEN = "unproven"


@app.command()
def review(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    status: Annotated[bool, typer.Option("--status", help="Only say what is done and what is left.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Walk over what is accepted already, too.")] = False,
    no_sound: Annotated[bool, typer.Option("--no-sound", help="Do not play anything.")] = False,
    verbatim: Annotated[str | None, typer.Option(help="Record the verbatim style of the text: full, clean or edited.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a transcript with the sound, utterance by utterance. It goes on where it was left."""
    from archive import review as marks
    from archive.review_walk import Desk, Walk
    from everyword import keys

    found = _find(ctx.obj, session)
    if verbatim is not None:
        marks.set_verbatim(found, verbatim, by=ctx.obj.operator, key=keys.device_key(ctx.obj.home))
    if not status and not as_json and verbatim is None:
        desk = Desk(terminal.say, _ask)
        walk = Walk.of(found, desk, by=ctx.obj.operator, key=keys.device_key(ctx.obj.home), is_heard=not no_sound)
        _refuse_without_transcript(walk.record)
        walk.run(everything=everything)
    _put_status(found, as_json=as_json)


@app.command()
def quote(
    ctx: typer.Context,
    session: SessionArgument,
    utterance: UtteranceArgument,
    *,
    words: WordsOption = None,
    note: Annotated[str, typer.Option(help="For your colleagues; it is not printed.")] = "",
) -> None:
    """Mark an exact quotation for the statement."""
    from archive import statement_marks
    from everyword import keys

    key = keys.device_key(ctx.obj.home)
    record = _record(ctx.obj, session)
    text = statement_marks.quote(record, utterance, words=words, note=note, by=ctx.obj.operator, key=key)
    terminal.say(f"Quoted: {text!r}")


@app.command()
def claim(
    ctx: typer.Context,
    session: SessionArgument,
    utterance: UtteranceArgument,
    *,
    words: WordsOption = None,
    says: Annotated[str, typer.Option(help="The claim in plain words.")] = "",
    verdict: Annotated[Verdict | None, typer.Option(help="What became of it, if that is known.")] = None,
    finding: Annotated[str, typer.Option(help="What was found out.")] = "",
    source: Annotated[str, typer.Option(help="Where that can be looked up.")] = "",
    number: Annotated[
        int | None, typer.Option("--claim", help="Not a new claim: the number of one that was marked before.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Mark a claim to be checked, and say what became of it. Prints the claim's number."""
    from archive import statement_marks
    from everyword import keys

    record, key, by = _record(ctx.obj, session), keys.device_key(ctx.obj.home), ctx.obj.operator
    if number is None:
        number = statement_marks.claim(record, utterance, words=words, says=says, by=by, key=key)
    if verdict is not None:
        found = record.folder
        statement_marks.check(found, number, verdict=verdict.value, finding=finding, source=source, by=by, key=key)
    if as_json:
        terminal.put_json({"claim": number, "verdict": verdict.value if verdict else None})
    else:
        terminal.put(str(number))


@app.command()
def statement(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    to: Annotated[Path, typer.Option(help="The folder to write into.")] = Path(),
    format_: Annotated[
        list[str] | None, typer.Option("--format", help="md, docx or pdf; repeat for several. All three if none is named.")
    ] = None,
    style: Annotated[str, typer.Option(help="The page style that page:line refers to.", show_default="intl-a4")] = "intl-a4",
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the statement pack: quotations, terms and claims, each with its place and proof."""
    from archive import statement as packs
    from archive import statement_documents as documents

    formats = list(dict.fromkeys(format_ or documents.FORMATS))
    record = _record(ctx.obj, session)
    pack = packs.gather(record, style=style)
    paths = documents.write(pack, record, formats, to=to, style=style, force=force)
    for sentence in pack.dropped:
        terminal.say(sentence, style="yellow")
    if as_json:
        terminal.put_json({"files": [str(path) for path in paths], "statement": documents.as_data(pack)})
    else:
        for path in paths:
            terminal.put(str(path))
    if pack.dropped:
        raise typer.Exit(errors.WARNINGS)


def _put_status(found: "SessionFolder", *, as_json: bool) -> None:
    from archive.record import read_record
    from archive.review_coverage import obstacles, of
    from archive.review_walk import summary

    record = read_record(found)
    _refuse_without_transcript(record)
    coverage = of(record)
    if as_json:
        terminal.put_json(_status_data(coverage))
        return
    for line in (*summary(coverage), *obstacles(coverage)):
        terminal.put(line)


def _status_data(coverage: "Coverage") -> dict[str, object]:
    from archive.review_coverage import obstacles

    return {
        **coverage.numbers(),
        "level": coverage.level,
        "obstacles": list(obstacles(coverage)),
        "unreviewed": [line.utterance.id for line in coverage.unreviewed],
        "unheard": [[span.track, span.first_frame, span.frame_count] for span in coverage.unheard],
    }


def _ask(question: str, begin: str) -> str | None:
    """One line from the person, who may change `begin` where the terminal can; elsewhere an empty line leaves it as it is.

    None at the end of the input.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        terminal.say(question if not begin else f"{question} (now: {begin})")
        line = sys.stdin.readline()
        return (line.rstrip("\n") or begin) if line else None
    import readline

    readline.set_startup_hook(lambda: readline.insert_text(begin))
    try:
        return input(f"{question} ")
    except EOFError:
        return None
    finally:
        readline.set_startup_hook(None)


def _refuse_without_transcript(record: "Record") -> None:
    if record.transcript is None:
        raise errors.NotTranscribed(f"{record.folder.path.name} has no transcript yet.")


def _find(settings: Settings, name: str) -> "SessionFolder":
    return folder.find(name, folder.roots(settings.home, settings.sessions))


def _record(settings: Settings, name: str) -> "Record":
    from archive.record import read_record

    return read_record(_find(settings, name))
