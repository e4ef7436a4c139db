"""The front door: what `everyword --help` shows first."""

import typer.main

import cli


def test_every_command_stands_in_one_panel_and_no_panel_names_one_that_is_gone() -> None:
    commands = getattr(typer.main.get_command(cli.app), "commands", {})
    named = [name for names in cli.PANELS.values() for name in names]
    assert sorted(commands) == sorted(named)
    assert {name: panel for panel, names in cli.PANELS.items() for name in names} == {
        name: command.rich_help_panel for name, command in commands.items()
    }
