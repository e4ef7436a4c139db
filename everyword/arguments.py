"""Arguments and options that many commands have, so that they are named and explained alike."""

from typing import Annotated

import typer

SessionArgument = Annotated[str, typer.Argument(help="A session: path, id, or the beginning of one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON on stdout.")]
