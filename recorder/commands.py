"""``inputs``, ``record``, ``note``, ``import``, ``salvage``."""

import importlib
import re
import threading
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, terminal
from everyword.arguments import JsonOption
from everyword.config import Settings
from everyword.errors import InvalidOption
from everyword.folder import SessionFolder, find_session, remember_root, roots
from everyword.model import Speaker
from recorder import listening, running
from recorder.running import settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder.request import Outcome, Request
    from recorder.salvage import Refused, Salvaged

app = typer.Typer()
app.add_typer(running.app)
app.add_typer(listening.app)

Title = Annotated[str, typer.Option("--title", help="What the session is called.")]
Place = Annotated[str, typer.Option("--place", help="Where it is held.")]
Languages = Annotated[
    list[str] | None, typer.Option("--language", help="A language that may be spoken; repeat for more.", metavar="CODE")
]
SpeakerOption = Annotated[
    list[str] | None,
    typer.Option(
        "--speaker", help="Who takes part; repeat for more.", metavar="NAME[;role=…][;delegation=…][;language=…][;track=N]"
    ),
]
RosterFile = Annotated[Path | None, typer.Option("--roster", help="A TOML file with one speaker table a person.", metavar="FILE")]
To = Annotated[Path | None, typer.Option("--to", help="Folder to make the session folder in.", metavar="DIR")]
Mirrors = Annotated[
    list[Path] | None,
    typer.Option("--mirror", help="A folder on another disk to record into as well; repeat for more.", metavar="DIR"),
]
Preroll = Annotated[
    str | None,
    typer.Option("--preroll", help="Listen at once, start with Enter, and keep so much from before it.", metavar="30s"),
]
Attach = Annotated[str | None, typer.Option("--attach", help="Return to a recording that runs elsewhere.", metavar="SESSION")]
Check = Annotated[bool, typer.Option("--check", help="Record nothing; try microphones, disks and clock before the session.")]
Monitor = Annotated[str | None, typer.Option("--monitor", help="Hear what is stored: `default`, or an output.", metavar="OUTPUT")]


@app.command()
def inputs(as_json: JsonOption = False) -> None:
    """List the sound inputs of this computer, and the microphones of its sound server."""
    from recorder.sound.inputs import list_inputs
    from recorder.sound.servers import SERVER_PREFIX, sources

    found = list_inputs()
    behind = sources() if any(one.is_pulse for one in found) else []
    if as_json:
        known = [{"input": one.name, **asdict(one), "description": one.name} for one in found]
        for source in behind:
            name = SERVER_PREFIX + source.name
            about = {
                "channels": source.channels,
                "rate_hz": source.rate_hz,
                "is_default": False,
                "description": source.description,
            }
            known.append({"input": name, "index": None, "name": source.name, "host": "sound server", **about})
        terminal.put_json(known)
        return
    for one in found:
        default = "  (default)" if one.is_default else ""
        terminal.put(f"{one.index:3}  {one.name}  {one.host}, {one.channels} channels, {one.rate_hz} Hz{default}")
    for source in behind:
        default = "  (what the sound server gives)" if source.is_default else ""
        form = f"{source.channels} channels, {source.rate_hz} Hz{default}"
        terminal.put(f"     {SERVER_PREFIX}{source.name}  {source.description}, {form}")
    if not found:
        terminal.say("This computer has no sound input. A file can be recorded as if it were one: --input file:PATH")


@app.command()
def record(
    ctx: typer.Context,
    *,
    title: Title = "Session",
    place: Place = "",
    language: Languages = None,
    speaker: SpeakerOption = None,
    roster: RosterFile = None,
    source: Annotated[
        list[str] | None, typer.Option("--input", help="Name, index or file:PATH; repeat for more.", metavar="INPUT")
    ] = None,
    rate: Annotated[int | None, typer.Option("--rate", help="Frames a second; 0 for the input's own.", min=0)] = None,
    channels: Annotated[int | None, typer.Option("--channels", help="Channels; 0 for all the input has.", min=0)] = None,
    duration: Annotated[str | None, typer.Option("--duration", help="Stop after this: 90, 45s, 30m, 1h30m.")] = None,
    preroll: Preroll = None,
    attach: Attach = None,
    check: Check = False,
    monitor: Monitor = None,
    to: To = None,
    mirror: Mirrors = None,
    as_json: JsonOption = False,
) -> None:
    """Record a session until Ctrl-C; it is sealed when this ends."""
    from recorder.request import Request

    settings = settings_of(ctx)
    if attach is not None:
        running.attach_to(settings, attach, as_json=as_json)
        return
    request = Request(
        inputs=tuple(source or [settings.input]),
        parent=_parent(settings, to),
        mirrors=tuple(_parent(settings, one) for one in mirror or []),
        home=settings.home,
        title=_checked(title, "title"),
        place=_checked(place, "place"),
        operator=_checked(settings.operator, "name"),
        languages=_languages(language, settings),
        roster=_roster(speaker, roster),
        rate_hz=settings.rate_hz if rate is None else rate,
        channels=settings.channels if channels is None else channels,
        duration_s=_seconds(duration) if duration else None,
        preroll_s=_seconds(preroll) if preroll else 0,
        monitor=monitor,
    )
    if check:
        listening.check_inputs(request, listen_s=request.duration_s, as_json=as_json)
        return
    outcome = _recorded(request)
    if outcome is None:
        terminal.say("Nothing was recorded.")
        raise typer.Exit(errors.INTERRUPTED)
    _report(outcome, as_json=as_json)


def _recorded(request: "Request") -> "Outcome | None":
    """The inputs are opened while everything else is loaded: what is said meanwhile is in the recording."""
    from recorder.processes.openings import open_for

    loading = threading.Thread(target=lambda: importlib.import_module("recorder.processes.supervisor"))
    loading.start()  # not before: two imports at a time hinder each other
    opened = open_for(request)
    from recorder.operator.panel import panel
    from recorder.processes.supervisor import record as run

    with panel("armed" if request.preroll_s else "running", by=request.operator) as shown:
        return run(request, opened, panel=shown)


@app.command()
def note(
    ctx: typer.Context,
    session: Annotated[str, typer.Argument(help="Path, id or prefix of a session that is being recorded.")],
    text: Annotated[str, typer.Argument(help="What to write down.")],
    as_json: JsonOption = False,
) -> None:
    """Add a note to a session that is being recorded, at this moment."""
    from recorder.disk import inbox, mirror

    settings = settings_of(ctx)
    folder = find_session(session, settings)
    folders = [folder, *mirror.others(folder)]
    note_id = inbox.add(folders, text, by=settings.operator)
    sequence = inbox.wait_for(folders, note_id, timeout_s=5)
    if as_json:
        terminal.put_json({"id": note_id, "seq": sequence})
    elif sequence is not None:
        terminal.put(f"Line {sequence + 1} of the journal.")
    if sequence is None:
        terminal.say("The note is on disk, but no recorder has journalled it yet; it will be when the session is made whole.")
        raise typer.Exit(errors.WARNINGS)


@app.command("import")
def import_(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Sound or video files: parallel tracks of one session.", metavar="FILE…")],
    *,
    title: Annotated[
        str | None, typer.Option("--title", help="What the session is called; by default the first file's name.")
    ] = None,
    place: Place = "",
    language: Languages = None,
    speaker: SpeakerOption = None,
    roster: RosterFile = None,
    started_at: Annotated[
        str | None, typer.Option("--started-at", help="When it was recorded, with time zone: 2026-11-22T09:30:00+02:00.")
    ] = None,
    sequence: Annotated[bool, typer.Option("--sequence", help="The files follow each other.")] = False,
    to: To = None,
    as_json: JsonOption = False,
) -> None:
    """Make a session of sound files; their bytes are kept unchanged in it."""
    from recorder.imports import import_files

    settings = settings_of(ctx)
    folder = import_files(
        files,
        parent=_parent(settings, to),
        home=settings.home,
        title=files[0].stem if title is None else title,
        operator=settings.operator,
        languages=_languages(language, settings),
        roster=_roster(speaker, roster),
        place=place,
        started_at_us=_instant(started_at) if started_at else None,
        sequence=sequence,
    )
    _report_imported(folder, as_json=as_json)


@app.command()
def salvage(
    ctx: typer.Context,
    session: Annotated[str | None, typer.Argument(help="Path, id or prefix; without it, every unsealed session.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make whole what a killed recorder left behind; done by itself before most commands."""
    from recorder.salvage import salvage as make_whole
    from recorder.salvage import salvage_all

    settings = settings_of(ctx)
    if session is not None:
        folder = find_session(session, settings)
        results: Sequence[Salvaged | Refused] = [] if folder.is_sealed else [make_whole(folder, home=settings.home)]
    else:
        results = salvage_all(roots(settings.home, settings.sessions), home=settings.home)
    _tell_salvaged(results)
    if as_json:
        terminal.put_json([str(result.folder.path) for result in results])
    elif not results:
        terminal.say("There is nothing to salvage.")


def salvage_leftovers(settings: Settings) -> None:
    """What `cli.py` calls before commands that read sessions: quick when there is nothing to do."""
    from everyword.folder import scan

    places = roots(settings.home, settings.sessions)
    if any(not folder.is_sealed for folder in scan(places)):
        from recorder.salvage import salvage_all

        _tell_salvaged(salvage_all(places, home=settings.home))


def _tell_salvaged(results: "Sequence[Salvaged | Refused]") -> None:
    from recorder.salvage import Refused

    for result in results:
        if isinstance(result, Refused):
            terminal.complain(f"{result.folder.path} could not be made whole: {result.error.sentence}", hint=result.error.hint)
        else:
            terminal.say(f"Made whole after a crash: {result.folder.path}", style="yellow")


def _report(outcome: "Outcome", *, as_json: bool) -> None:
    if outcome.error is not None:
        if outcome.sealed:
            terminal.say(f"What was recorded until then is sealed: {outcome.folder.path}")
        raise outcome.error
    if as_json:
        terminal.put_json({"path": str(outcome.folder.path), "gaps": outcome.gaps, "alarms": outcome.alarms})
    else:
        terminal.put(str(outcome.folder.path))
    for unequal in outcome.unequal:
        terminal.complain(f"A mirror lacks something. {unequal}", hint="When its disk is back, run: everyword salvage")
    terminal.say(f"Sealed. {outcome.gaps} gaps, {outcome.alarms} alarms.")
    if outcome.gaps or outcome.alarms or outcome.unequal:
        raise typer.Exit(errors.WARNINGS)


def _report_imported(folder: SessionFolder, *, as_json: bool) -> None:
    from everyword.recording import read_recording

    alarms = [alarm.text for alarm in read_recording(folder).alarms]
    if as_json:
        terminal.put_json({"path": str(folder.path), "alarms": alarms})
    else:
        terminal.put(str(folder.path))
    for alarm in alarms:
        terminal.complain(alarm)
    if alarms:
        raise typer.Exit(errors.WARNINGS)


def _parent(settings: Settings, to: Path | None) -> Path:
    if to is None:
        return settings.sessions
    remember_root(settings.home, to.absolute())
    return to.absolute()


def _checked(value: str, what: str) -> str:
    from everyword.text import checked

    return checked(value, what=what)


def _languages(codes: list[str] | None, settings: Settings) -> tuple[str, ...]:
    from recorder.operator.roster import language

    return tuple(dict.fromkeys(language(code) for code in (codes or settings.languages)))


def _roster(speakers: list[str] | None, file: Path | None) -> tuple[Speaker, ...]:
    from recorder.operator.roster import parse_speaker, read_roster, together

    return together([*(read_roster(file) if file else []), *(parse_speaker(text) for text in speakers or [])])


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip().lower())
    if not match or not any(match.groups()):
        raise InvalidOption(f"{text!r} is no duration.", hint="Write 90, 45s, 30m or 1h30m.")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    if not hours + minutes + seconds:
        raise InvalidOption("A recording of no length cannot be made.", hint="Leave out --duration to record until Ctrl-C.")
    return hours * 3600 + minutes * 60 + seconds


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidOption(f"{text!r} is no time.", hint="Write 2026-11-22T09:30:00+02:00.") from error
    if moment.tzinfo is None:
        raise InvalidOption(f"{text!r} has no time zone.", hint="Add one: +02:00, or Z for UTC.")
    return round(moment.timestamp() * 1_000_000)
