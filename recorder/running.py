"""``pause``, ``resume``, ``stop``, and what ``record --attach`` does: commands for a recording that is running."""

from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, terminal
from everyword.arguments import JsonOption
from everyword.config import Settings
from everyword.errors import EverywordError, SessionBusy
from everyword.folder import SessionFolder, find_session

if TYPE_CHECKING:
    from recorder.operator.control import Message

app = typer.Typer()

ANSWER_S = 10.0
SEAL_S = 120.0

SessionName = Annotated[str, typer.Argument(help="Path, id or prefix of a session that is being recorded.")]


@app.command()
def pause(
    ctx: typer.Context,
    session: SessionName,
    off_record: Annotated[bool, typer.Option("--off-record", help="Go off the record: the gap says so.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Stop keeping sound for a while; the record shows how long, and who wanted it."""
    cause = "off-record" if off_record else "paused"
    _steer(ctx, session, {"pause": cause}, as_json=as_json, cause=cause)


@app.command()
def resume(ctx: typer.Context, session: SessionName, as_json: JsonOption = False) -> None:
    """Go on recording after a pause."""
    _steer(ctx, session, {"resume": True}, as_json=as_json, cause=None)


@app.command()
def stop(ctx: typer.Context, session: SessionName, as_json: JsonOption = False) -> None:
    """End a recording and seal it, as Ctrl-C in its terminal does."""
    from recorder.operator.attach import order  # noqa: PLC0415  (keeps the command line quick to start)

    settings, folder = _found(ctx, session)
    wanted = {"stop": True, "by": settings.operator}
    last = order(folder, wanted, until=lambda message: "ended" in message, timeout_s=SEAL_S)
    report_end(folder, last["ended"] if last else None, as_json=as_json)


def attach_to(settings: Settings, session: str, *, as_json: bool) -> None:
    """``record --attach``."""
    from recorder.operator.attach import attach  # noqa: PLC0415  (keeps the command line quick to start)

    folder = find_session(session, settings)
    last = attach(folder, by=settings.operator)
    if last is None and not folder.is_sealed:
        terminal.say(f"The recording goes on. To see it again: everyword record --attach {folder.path.name[-26:]}")
        return
    report_end(folder, last, as_json=as_json)


def report_end(folder: SessionFolder, last: object, *, as_json: bool) -> None:
    """Say how a recording ended, and leave with the exit code for it.  Raises what ended it, when something did."""
    from everyword.recording import read_recording  # noqa: PLC0415  (keeps the command line quick to start)

    found: Message = last if isinstance(last, dict) else {}
    if not folder.is_sealed:
        raise SessionBusy(str(found.get("error") or f"{folder.path.name} is not sealed yet."), hint="Run: everyword salvage")
    recording = read_recording(folder)
    gaps, alarms = recording.lost_gaps, len(recording.alarms) + recording.condition_alarms
    if as_json:
        terminal.put_json({"path": str(folder.path), "gaps": gaps, "alarms": alarms})
    else:
        terminal.put(str(folder.path))
    if found.get("error"):
        raise EverywordError(str(found["error"]))
    terminal.say(f"Sealed. {gaps} gaps, {alarms} alarms.")
    if gaps or alarms:
        raise typer.Exit(errors.WARNINGS)


def _steer(ctx: typer.Context, session: str, wanted: "Message", *, as_json: bool, cause: str | None) -> None:
    from recorder.operator.attach import order  # noqa: PLC0415  (keeps the command line quick to start)

    settings, folder = _found(ctx, session)
    said: list[str] = []

    def is_done(message: "Message") -> bool:
        if "told" in message:
            said.append(str(message["told"]))
        status = message.get("status")
        found = status.get("pause") if isinstance(status, dict) else None
        return bool(said) and isinstance(status, dict) and (found["cause"] if isinstance(found, dict) else None) == cause

    if order(folder, {**wanted, "by": settings.operator}, until=is_done, timeout_s=ANSWER_S) is None:
        raise SessionBusy("The recorder has not confirmed it.", hint="Look at its screen: everyword record --attach SESSION")
    if as_json:
        terminal.put_json({"path": str(folder.path), "pause": cause})
    else:
        terminal.put(said[0])


def settings_of(ctx: typer.Context) -> Settings:
    """The settings that ``cli.py`` has read."""
    settings = ctx.obj
    assert isinstance(settings, Settings)  # noqa: S101  (cli.py has put it there)
    return settings


def _found(ctx: typer.Context, session: str) -> tuple[Settings, SessionFolder]:
    settings = settings_of(ctx)
    return settings, find_session(session, settings)
