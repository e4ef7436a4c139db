"""``everyword review``: what a person decides about a transcript.

It reads and writes the session folder alone, never the database.
"""

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.arguments import JsonOption, SessionArgument

if TYPE_CHECKING:
    from archive.record import Record
    from archive.review.coverage import Coverage
    from everyword.folder import SessionFolder

app = typer.Typer()


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
    from archive.review import marks
    from archive.review.walk import Desk, Walk
    from everyword import keys

    found = folder.find_session(session, ctx.obj)
    if verbatim is not None:
        marks.set_verbatim(found, verbatim, by=ctx.obj.operator, key=keys.device_key(ctx.obj.home))
    if not status and not as_json and verbatim is None:
        desk = Desk(partial(terminal.say, is_needed=True), _ask)
        walk = Walk.of(found, desk, by=ctx.obj.operator, key=keys.device_key(ctx.obj.home), is_heard=not no_sound)
        _refuse_without_transcript(walk.record)
        walk.run(everything=everything)
    _put_status(found, as_json=as_json)


def _put_status(found: "SessionFolder", *, as_json: bool) -> None:
    from archive.record import read_record
    from archive.review.coverage import obstacles, of
    from archive.review.walk import summary

    record = read_record(found)
    _refuse_without_transcript(record)
    coverage = of(record)
    if as_json:
        terminal.put_json(_status_data(coverage))
        return
    for line in (*summary(coverage), *obstacles(coverage)):
        terminal.put(line)


def _status_data(coverage: "Coverage") -> dict[str, object]:
    from archive.review.coverage import obstacles

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
