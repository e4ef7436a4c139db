"""``everyword certify``, ``bundle`` and ``timestamp``."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.arguments import JsonOption, SessionArgument
from everyword.config import Settings

if TYPE_CHECKING:
    from archive.certificate.certify import Draft
    from archive.certificate.timestamp import Wanted
    from everyword.keyring import Entry

app = typer.Typer()

KeyOption = Annotated[str, typer.Option(help="The key to sign with, as `everyword keys list` shows it.")]
CertificateOption = Annotated[str | None, typer.Option(help="Which certificate, such as c001; the newest if not given.")]
ToOption = Annotated[Path, typer.Option(help="The folder to write into.")]
ZipOption = Annotated[bool, typer.Option("--zip", help="Write one zip file instead of a folder.")]


class LevelChoice(StrEnum):
    """How far the text was reviewed."""

    M = "M"
    R = "R"
    C = "C"


@app.command()
def certify(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    key: KeyOption,
    role: Annotated[str, typer.Option(help="What you are, in your own words, such as a credential.")],
    relation: Annotated[str, typer.Option(help="Your relation to the parties.")] = "none",
    speakers: Annotated[str, typer.Option(help="Where the speakers' names come from.")] = "as announced",
    level: Annotated[LevelChoice | None, typer.Option(help="M, R or C; by default the highest the review supports.")] = None,
    style: Annotated[str, typer.Option(help="Page style of the documents.")] = "intl-a4",
    format_: Annotated[list[str] | None, typer.Option("--format", help="txt, pdf, docx, srt or vtt; repeat for several.")] = None,
    oath: Annotated[bool, typer.Option("--oath", help="Declare under penalty of perjury, where the law knows that.")] = False,
    place: Annotated[str, typer.Option(help="Where the declaration is made, with --oath.")] = "",
    cut_off: Annotated[bool, typer.Option("--cut-off", help="You know that the recording was cut off and made whole.")] = False,
    tsa: Annotated[str | None, typer.Option(help="Address of a time-stamp authority; empty for none.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write the bundle into this folder, too.")] = None,
    as_zip: ZipOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a statement about the session's text as it is now. You are shown what you sign, and type your name."""
    from archive.certificate import bundle
    from archive.certificate import certify as certificates
    from archive.certificate.statement import Reviewer
    from archive.certificate.timestamp import check_address
    from everyword import keyring

    settings: Settings = ctx.obj
    found, entry = folder.find_session(session, settings), keyring.entry(settings.home, key)
    reviewer = Reviewer(entry.holder.holder, role, relation, speakers, oath, place)
    authority = settings.tsa if tsa is None else tsa
    if authority:
        check_address(authority)
    signer = keyring.unlock(settings.home, key, terminal.ask_secret(f"Passphrase or PIN of the key {key}"))
    prepare = partial(
        certificates.prepare,
        found,
        reviewer,
        entry,
        home=settings.home,
        level=level.value if level else None,
        style=style,
        formats=tuple(dict.fromkeys(format_ or certificates.FORMATS)),
        has_authority=bool(authority),
        signer=signer,
        knows_cut_off=cut_off,
    )
    draft = _prepared(prepare, authority)
    _confirm(draft, entry)
    made = certificates.sign(found, draft, signer, entry=entry, home=settings.home, by=settings.operator)
    pending = bool(authority) and not _stamp_certificate(settings, found, made.name, authority)
    path = bundle.write(found, made, to=to, as_zip=as_zip) if to else None
    answer = {"certificate": made.name, "level": made.manifest["level"], "manifest": made.digest, "path": str(path or made.path)}
    if as_json:
        terminal.put_json({**answer, "is_stamped": bool(authority) and not pending})
    else:
        terminal.put(str(path or made.path))
    if pending:
        raise typer.Exit(errors.WARNINGS)


@app.command()
def bundle(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    to: ToOption,
    certificate: CertificateOption = None,
    as_zip: ZipOption = False,
) -> None:
    """Write a certificate with its whole session as a bundle that a stranger can check."""
    from archive.certificate import bundle as bundles
    from archive.certificate import certify as certificates

    found = folder.find_session(session, ctx.obj)
    path = bundles.write(found, certificates.read(found, certificate), to=to, as_zip=as_zip)
    terminal.put(str(path))


@app.command()
def timestamp(
    ctx: typer.Context,
    session: Annotated[str | None, typer.Argument(help="A session; without one, whatever is waiting in any session.")] = None,
    *,
    tsa: Annotated[str | None, typer.Option(help="Address of the time-stamp authority.")] = None,
    tsa_ca: Annotated[list[Path] | None, typer.Option(help="PEM file of an authority you trust; repeat for several.")] = None,
    seal: Annotated[bool, typer.Option("--seal", help="Stamp the recording's seal, too.")] = False,
    requests: Annotated[Path | None, typer.Option(help="Write the requests into this folder and ask nobody.")] = None,
    attach: Annotated[Path | None, typer.Option(help="Attach an answer that was fetched on another computer.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a time-stamp authority about every signature that waits for it, and attach the answers."""
    from archive.certificate import timestamp as stamps

    settings: Settings = ctx.obj
    under = folder.roots(settings.home, settings.sessions)
    sessions = [folder.find_session(session, settings)] if session else [one for one in folder.scan(under) if one.is_sealed]
    waiting = [
        one for found in sessions for one in stamps.wanted(found) if one.state == "pending" or (seal and one.state == "none")
    ]
    trusted = _certificates(tsa_ca or ())
    if requests is not None:
        _write_requests(waiting, requests)
        return
    failed = 0
    for one in waiting:
        if attach is not None:
            failed += not _attach_answer(settings, one, attach, trusted)
        else:
            failed += not _ask(settings, one, settings.tsa if tsa is None else tsa, trusted)
    states = [{"session": one.folder.path.name, "object": one.name, "state": one.state} for one in waiting]
    if as_json:
        terminal.put_json({"objects": states})
    elif not waiting:
        terminal.say("Nothing waits for a time stamp.")
    for state in states if not as_json else ():
        terminal.put(f"{state['state']:9}{state['object']:6}{state['session']}")
    if failed:
        raise typer.Exit(errors.WARNINGS)


def _prepared(prepare: Callable[..., "Draft"], authority: str) -> "Draft":
    """The draft; without a network, the PDF's own signature goes without a time stamp, and that is said."""
    from archive.certificate.timestamp import TimestampFailed, pdf_authority

    try:
        return prepare(pdf_authority=pdf_authority(authority) if authority else None)
    except TimestampFailed as error:
        terminal.say(f"{error.sentence} The PDF's own signature carries no time stamp.", style="yellow")
        return prepare()


def _certificates(paths: Sequence[Path]) -> bytes:
    from everyword.checker import Trust, check_trust

    try:
        check_trust(Trust(time_authorities=tuple(paths)))
    except (OSError, ValueError) as error:
        raise errors.InvalidOption(f"--tsa-ca: {error}.") from error
    return b"".join(path.read_bytes() for path in paths)


def _confirm(draft: "Draft", entry: "Entry") -> None:
    """Show what is about to be signed; the holder's name, typed, is the consent."""
    statement = draft.statement
    terminal.say(statement.heading, style="bold", is_needed=True)
    for text in (*statement.paragraphs, *(f"{label}: {value}" for label, value in statement.digests)):
        terminal.say(text, is_needed=True)
    typed = terminal.ask(f"To sign this, type your name ({entry.holder.holder})")
    if " ".join(typed.split()) != entry.holder.holder:
        raise errors.InvalidOption("That is not the name of the key's holder: nothing was signed.")


def _stamp_certificate(settings: Settings, found: folder.SessionFolder, name: str, authority: str) -> bool:
    from archive.certificate import timestamp as stamps

    (one,) = [one for one in stamps.wanted(found) if one.name == name]
    return _ask(settings, one, authority, b"")


def _ask(settings: Settings, one: "Wanted", authority: str, roots: bytes) -> bool:
    """Whether the token is attached; if not, why is said and written down, and the next try is free."""
    from archive.certificate import timestamp as stamps
    from everyword.keys import device_key

    if not authority:
        raise errors.InvalidOption("No time-stamp authority is known.", hint="Name one with --tsa, or set `tsa` in config.toml.")
    try:
        query = stamps.request(one)
        answer = stamps.ask(authority, query)
        stamps.attach(one, answer, key=device_key(settings.home), by=settings.operator, query=query, roots=roots)
    except stamps.TimestampFailed as error:
        stamps.note(settings.home, one, "failed", authority=authority, reason=error.sentence)
        terminal.say(f"{one.name}: {error.sentence} The time stamp is pending.", style="yellow")
        return False
    stamps.note(settings.home, one, "attached", authority=authority)
    return True


def _write_requests(waiting: "list[Wanted]", to: Path) -> None:
    from archive.certificate import timestamp as stamps

    with folder.disk_errors(to, option="--to"):
        to.mkdir(parents=True, exist_ok=True)
        for one in waiting:
            path = to / f"{one.folder.path.name.rpartition('-')[2]}-{one.name}.tsq"
            path.write_bytes(stamps.request(one).der)
            terminal.put(str(path))


def _attach_answer(settings: Settings, one: "Wanted", path: Path, roots: bytes) -> bool:
    """Whether the answer is about this signature; others may be waiting."""
    from archive.certificate import timestamp as stamps
    from everyword.keys import device_key

    try:
        stamps.attach(one, path.read_bytes(), key=device_key(settings.home), by=settings.operator, roots=roots)
    except OSError as error:
        raise errors.InvalidOption(f"{path} cannot be read: {error.strerror}.") from error
    except stamps.TimestampFailed as error:
        terminal.say(f"{one.name}: {error.sentence}")
        return False
    stamps.note(settings.home, one, "attached", authority=str(path.name))
    return True
