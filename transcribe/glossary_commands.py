"""``everyword glossary``: names and terms that the engine is told in advance, and what people said they mean by them."""

import dataclasses
from typing import Annotated

import typer

from everyword import folder, terminal
from everyword.arguments import JsonOption, SessionArgument

app = typer.Typer(help="Names and terms to expect, and what people mean by them.", no_args_is_help=True)

InSession = Annotated[str | None, typer.Option(help="Of this session only: path, id, or the beginning of one.")]
TermArgument = Annotated[str, typer.Argument(help="A name or a term.")]


@app.command()
def add(
    ctx: typer.Context,
    term: TermArgument,
    *,
    meaning: Annotated[str, typer.Option(help="What was agreed that it means.")] = "",
    session: InSession = None,
) -> None:
    """Add a name or term: the engine is told it when a session is transcribed, besides the names of the roster."""
    from everyword import glossary  # noqa: PLC0415  (`import cli` stays quick)

    found = folder.find_session(session, ctx.obj).read_session().id if session else ""
    entry = glossary.add(ctx.obj.home, term, meaning=meaning, session=found, by=ctx.obj.operator)
    terminal.say(f"{entry.term} is in the glossary" + (f" of {found}" if found else ""))


@app.command()
def define(
    ctx: typer.Context,
    session: SessionArgument,
    utterance: Annotated[int, typer.Argument(help="The utterance in which it was said, as `everyword show` prints it.")],
    term: TermArgument,
    *,
    meaning: Annotated[str, typer.Option(help="What they mean by it, in their own words.")],
    speaker: Annotated[str, typer.Option(help="Who said so, if the transcript does not know.")] = "",
) -> None:
    """Note that somebody said what they mean by a term ("by X we mean …"), in a signed line of the session's ledger."""
    from everyword import glossary, keys  # noqa: PLC0415  (`import cli` stays quick)

    found = folder.find_session(session, ctx.obj)
    key = keys.device_key(ctx.obj.home)
    line = glossary.define(found, utterance, term=term, meaning=meaning, speaker=speaker, by=ctx.obj.operator, key=key)
    terminal.say(f"{line.term}, by {glossary.speaker_of(found, line)}: {line.meaning} (line {line.seq + 1} of the ledger)")


@app.command()
def show(ctx: typer.Context, *, session: InSession = None, as_json: JsonOption = False) -> None:
    """List the terms of the glossary, and the definitions that were said in a session."""
    from everyword import glossary  # noqa: PLC0415  (`import cli` stays quick)

    found = folder.find_session(session, ctx.obj) if session else None
    terms = list(glossary.read(ctx.obj.home, session=found.read_session().id if found else ""))
    said = [(one, glossary.speaker_of(found, one)) for one in glossary.definitions(found)] if found else []
    if as_json:
        definitions = [{**dataclasses.asdict(one), "name": name} for one, name in said]
        terminal.put_json({"terms": [dataclasses.asdict(one) for one in terms], "definitions": definitions})
        return
    for one in terms:
        terminal.put(f"{one.term}" + (f": {one.meaning}" if one.meaning else ""))
    for definition, name in said:
        terminal.put(f"{definition.term}, by {name}: {definition.meaning}")
    if not terms and not said:
        terminal.say("The glossary is empty. `everyword glossary add` puts a name or a term into it.")
