"""``everyword keys``: the keys of people who certify."""

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, terminal
from everyword.arguments import JsonOption

if TYPE_CHECKING:
    from everyword.keyring import Entry

app = typer.Typer(help="Make, list and export the keys of people who certify.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="The key's name on this computer.")]


class KeyFormat(StrEnum):
    """What `everyword keys export` writes."""

    PEM = "pem"
    REQUEST = "request"
    CERTIFICATE = "certificate"


@app.command("create")
def keys_create(
    ctx: typer.Context,
    name: NameArgument,
    *,
    holder: Annotated[str, typer.Option(help="Who holds the key, as certificates will name them.")],
    pkcs11: Annotated[Path | None, typer.Option(help="The library of a token that the key is made on, and stays on.")] = None,
    token: Annotated[str, typer.Option(help="The token's label, with --pkcs11.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a P-256 key, encrypted with a passphrase that is asked for, or on a token."""
    from everyword import keyring
    from everyword.journal import now_us
    from everyword.token import Token

    home: Path = ctx.obj.home
    if pkcs11 is not None:
        place = Token(str(pkcs11), token, name)
        pin = terminal.ask_secret("PIN of the token")
        entry = keyring.create_on_token(home, name, holder=holder, token=place, pin=pin, made_at_us=now_us())
    else:
        secret = terminal.ask_secret("Passphrase")
        if terminal.ask_secret("Again") != secret:
            raise errors.InvalidOption("The two passphrases differ.", hint="No key was made.")
        entry = keyring.create(home, name, holder=holder, passphrase=secret, made_at_us=now_us())
    _print_keys([entry], as_json=as_json)
    terminal.say(
        "Give the fingerprint to the other side now, on paper or aloud: it is what your certificates are checked against."
    )


@app.command("list")
def keys_list(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """List the keys of this computer with their fingerprints and how far their names can be believed."""
    from everyword import keyring

    _print_keys(keyring.entries(ctx.obj.home), as_json=as_json)


@app.command("export")
def keys_export(
    ctx: typer.Context,
    name: NameArgument,
    *,
    format_: Annotated[KeyFormat, typer.Option("--format", help="Public key, request to an authority, or its certificate.")] = (
        KeyFormat.PEM
    ),
) -> None:
    """Print what others need of a key: never the private half."""
    from everyword import keyring

    entry = keyring.entry(ctx.obj.home, name)
    if format_ is KeyFormat.REQUEST:
        signer = keyring.unlock(ctx.obj.home, name, terminal.ask_secret("Passphrase or PIN"))
        text = keyring.request(signer, holder=entry.holder.holder)
    elif format_ is KeyFormat.CERTIFICATE and not entry.chain:
        raise errors.InvalidOption(f"Nobody has vouched for the key {name!r} yet.", hint="See `everyword keys attach`.")
    else:
        text = entry.pem if format_ is KeyFormat.PEM else entry.chain
    for line in text.decode().splitlines():
        terminal.put(line)


@app.command("attach")
def keys_attach(
    ctx: typer.Context,
    name: NameArgument,
    certificate: Annotated[Path, typer.Argument(help="PEM file: the key's certificate, then those above it.")],
) -> None:
    """Keep the certificate with which an authority vouches for a key's holder."""
    from everyword import keyring

    try:
        data = certificate.read_bytes()
    except OSError as error:
        raise errors.InvalidOption(f"{certificate} cannot be read: {error.strerror}.") from error
    entry = keyring.attach(ctx.obj.home, name, data)
    terminal.say(f"The key {name} is now {entry.identity}.")


def _print_keys(entries: "list[Entry]", *, as_json: bool) -> None:
    from everyword import keyring

    rows = [
        {
            "name": entry.holder.name,
            "holder": entry.holder.holder,
            "fingerprint": entry.holder.public_key,
            "groups": keyring.grouped(entry.holder.public_key),
            "words": keyring.spoken(entry.holder.public_key),
            "identity": entry.identity,
            "token": dataclasses.asdict(entry.holder.token) if entry.holder.token else None,
        }
        for entry in entries
    ]
    if as_json:
        terminal.put_json(rows)
        return
    for row in rows:
        terminal.put(f"{row['name']}: {row['holder']}, {row['identity']}{', on a token' if row['token'] else ''}")
        terminal.put(f"  {row['groups']}")
        terminal.put(f"  {row['words']}")
        terminal.put(f"  {row['fingerprint']}")
