"""``everyword desk``: serve the live page on this computer."""

from importlib.util import find_spec
from typing import Annotated

import typer

from everyword import folder, terminal
from everyword.config import Settings
from everyword.errors import EverywordError

app = typer.Typer()

NEEDED = ("starlette", "sse_starlette", "uvicorn", "jinja2")


class DeskMissing(EverywordError):
    """The libraries of the live page are not installed."""

    code = "desk-missing"
    default_hint = "pip install 'everyword[desk]'"


@app.command()
def desk(
    ctx: typer.Context,
    session: Annotated[str | None, typer.Argument(help="The session to open; without it the page lists them all.")] = None,
    *,
    port: Annotated[int, typer.Option(help="Port on this computer; 0 takes a free one.", min=0, max=65535)] = 8765,
) -> None:
    """Show sessions, and what is being said in them, as a page on this computer only.

    The page reads session folders and changes nothing.  Ctrl-C ends it; a recording goes on.
    """
    require_libraries()
    from desk.app import serve

    settings: Settings = ctx.obj
    under = folder.roots(settings.home, settings.sessions)
    opened = folder.find(session, under) if session else None
    serve(under, opened=opened, port=port, announce=lambda url: terminal.say(f"The desk is at {url} (Ctrl-C ends it)."))


def require_libraries() -> None:
    """Raise `DeskMissing`, with the way to install them, when a library of the page is not there."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise DeskMissing(f"The desk needs libraries that are not installed: {', '.join(missing)}.")
