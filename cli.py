"""The command line: common options, the commands of each package, errors turned into sentences and exit codes."""

import dataclasses
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

import archive.certificate.commands
import archive.commands
import archive.disclosure.commands
import archive.keys.commands
import desk.commands
import recorder.commands
import transcribe.commands
from everyword import __version__, config, errors, terminal
from everyword.arguments import JsonOption
from everyword.config import Settings

PROGRAM = "everyword"
"""`everyword.__main__` looks for this: it tells our module from another package's ``cli.py``."""

app = typer.Typer(
    name=PROGRAM,
    help="Record. Every. Single. Word.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Show the settings and where each value comes from.", no_args_is_help=True)

app.add_typer(recorder.commands.app)
app.add_typer(transcribe.commands.app)
app.add_typer(archive.commands.app)
app.add_typer(archive.keys.commands.app, name="keys")
app.add_typer(archive.certificate.commands.app)
app.add_typer(archive.disclosure.commands.app)
app.add_typer(desk.commands.app)
app.add_typer(config_app, name="config")

PANELS = {
    "Before the session": ("doctor", "demo", "config", "inputs", "models", "glossary"),
    "Record": ("record", "note", "pause", "resume", "stop", "import", "salvage", "play"),
    "Transcribe": ("transcribe", "adopt", "speakers"),
    "Find and read": ("sessions", "show", "search", "terms", "brief", "rename", "rebuild", "desk"),
    "Review and publish": ("review", "correct", "quote", "claim", "statement", "export"),
    "Prove": ("verify", "certify", "bundle", "timestamp", "clip", "redact", "keys"),
}
"""Where `everyword --help` lists each command."""

LOOKS_FOR_LEFTOVERS = frozenset(
    {"record", "import", "transcribe", "sessions", "show", "search", "export", "review", "statement", "verify", "rebuild"}
)
"""Commands that first make whole what a dead recorder has left behind."""


def _print_versions(wanted: bool) -> None:
    if not wanted:
        return
    names = ["sounddevice", "faster-whisper", "ctranslate2", "av", "sqlite-utils"]
    terminal.put(f"everyword {__version__}")
    for name in names:
        try:
            terminal.put(f"{name} {version(name)}")
        except PackageNotFoundError:
            terminal.put(f"{name} is not installed")
    raise typer.Exit


@app.callback()
def common(
    ctx: typer.Context,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Write only data and errors.")] = False,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_versions, help="Show the versions of Everyword and its engines."
        ),
    ] = False,
) -> None:
    """Record sessions, transcribe them, find what was said, prove that nothing was changed."""
    del show_version
    terminal.set_quiet(quiet)
    ctx.obj = config.load(os.environ).settings
    if ctx.invoked_subcommand in LOOKS_FOR_LEFTOVERS:
        recorder.commands.salvage_leftovers(ctx.obj)


@config_app.command("path")
def config_path(ctx: typer.Context) -> None:
    """Print where the settings file is looked for."""
    terminal.put(str(_settings(ctx).home / "config.toml"))


@config_app.command("show")
def config_show(as_json: JsonOption = False) -> None:
    """Print every setting, its value and where the value comes from."""
    loaded = config.load(os.environ)
    rows = [
        {"name": field.name, "value": _shown(getattr(loaded.settings, field.name)), "from": loaded.origins[field.name]}
        for field in dataclasses.fields(Settings)
    ]
    if as_json:
        terminal.put_json(rows)
        return
    for row in rows:
        terminal.put(f"{row['name']:13} {row['value']}  ({row['from']})")


@app.command()
def demo(ctx: typer.Context) -> None:
    """Run the whole chain on a short real recording, in a folder of its own."""
    from everyword.demo import run_demo  # noqa: PLC0415  (only this command needs it)

    raise typer.Exit(run_demo(_settings(ctx)))


@app.command()
def doctor(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """Look at everything that a session depends on, and say what to do where it is not well."""
    import archive.doctor  # noqa: PLC0415  (each loads what it examines)
    import recorder.doctor  # noqa: PLC0415
    import transcribe.doctor  # noqa: PLC0415
    from everyword import diagnosis  # noqa: PLC0415

    parts = (diagnosis.examine, recorder.doctor.examine, transcribe.doctor.examine, archive.doctor.examine)
    found = [one for examine in parts for one in examine(_settings(ctx))]
    if as_json:
        terminal.put_json([dataclasses.asdict(one) for one in found])
    else:
        for one in found:
            terminal.put(f"{'ok ' if one.is_well else '!! '} {one.part:13} {one.sentence}")
            if one.hint:
                terminal.put(f"{'':17} → {one.hint}")
    if not all(one.is_well for one in found):
        raise typer.Exit(3)


def _sort_into_panels(mounted: typer.Typer) -> None:
    """Also what is mounted without a name: its commands appear as if they were ours."""
    panel_of = {name: panel for panel, names in PANELS.items() for name in names}
    for command in mounted.registered_commands:
        assert command.callback is not None  # noqa: S101  (the decorator has put it there)
        command.rich_help_panel = panel_of[command.name or command.callback.__name__.strip("_")]
    for group in mounted.registered_groups:
        if isinstance(group.name, str):
            group.rich_help_panel = panel_of[group.name]
        elif group.typer_instance is not None:
            _sort_into_panels(group.typer_instance)


_sort_into_panels(app)


def main() -> None:
    """Run the command line and leave with the documented exit code."""
    try:
        app(prog_name=PROGRAM)
    except errors.EverywordError as error:
        if "--json" in sys.argv:
            terminal.put_json_error(error.sentence, code=error.code, hint=error.hint, exit_code=error.exit_code)
        terminal.complain(error.sentence, hint=error.hint)
        sys.exit(error.exit_code)


def _settings(ctx: typer.Context) -> Settings:
    settings = ctx.obj
    assert isinstance(settings, Settings)  # noqa: S101  (the callback above has put it there)
    return settings


def _shown(value: object) -> str:
    return ",".join(str(part) for part in value) if isinstance(value, tuple) else str(value)
