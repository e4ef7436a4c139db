"""``everyword quote``, ``claim`` and ``statement``: what people mark in a transcript, and what they publish.

All of them read and write the session folder alone, never the database.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.arguments import JsonOption, SessionArgument
from everyword.config import Settings

if TYPE_CHECKING:
    from archive.record import Record

app = typer.Typer()

UtteranceArgument = Annotated[int, typer.Argument(help="The utterance's number, as `everyword show` prints it.")]
WordsOption = Annotated[str | None, typer.Option(help="Only these words of it, letter by letter.")]


class Verdict(StrEnum):
    """What became of a claim."""

    TRUE = "true"
    FALSE = "false"
    MISLEADING = "misleading"
    UNPROVEN = "unproven"


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
    from archive.statement import marks as statement_marks
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
    from archive.statement import marks as statement_marks
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
    from archive.statement import documents
    from archive.statement import pack as packs

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


def _record(settings: Settings, name: str) -> "Record":
    from archive.record import read_record

    return read_record(folder.find_session(name, settings))
