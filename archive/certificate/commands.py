"""``everyword keys``, ``certify``, ``bundle``, ``timestamp``, ``clip`` and ``redact``."""

import dataclasses
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.config import Settings

if TYPE_CHECKING:
    from archive.certificate.certify import Draft
    from archive.certificate.timestamp import Wanted
    from everyword.keyring import Entry

app = typer.Typer()
keys_app = typer.Typer(help="Make, list and export the keys of people who certify.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON on stdout.")]
SessionArgument = Annotated[str, typer.Argument(help="A session: path, id, or the beginning of one.")]
NameArgument = Annotated[str, typer.Argument(help="The key's name on this computer.")]
KeyOption = Annotated[str, typer.Option(help="The key to sign with, as `everyword keys list` shows it.")]
CertificateOption = Annotated[str | None, typer.Option(help="Which certificate, such as c001; the newest if not given.")]
ToOption = Annotated[Path, typer.Option(help="The folder to write into.")]
ZipOption = Annotated[bool, typer.Option("--zip", help="Write one zip file instead of a folder.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for those who will read it.")]


class LevelChoice(StrEnum):
    """How far the text was reviewed."""

    M = "M"
    R = "R"
    C = "C"


class KeyFormat(StrEnum):
    """What `everyword keys export` writes."""

    PEM = "pem"
    REQUEST = "request"
    CERTIFICATE = "certificate"


@keys_app.command("create")
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
        pin = _secret("PIN of the token")
        entry = keyring.create_on_token(home, name, holder=holder, token=place, pin=pin, made_at_us=now_us())
    else:
        secret = _secret("Passphrase")
        if _secret("Again") != secret:
            raise errors.InvalidOption("The two passphrases differ.", hint="No key was made.")
        entry = keyring.create(home, name, holder=holder, passphrase=secret, made_at_us=now_us())
    _print_keys([entry], as_json=as_json)
    terminal.say(
        "Give the fingerprint to the other side now, on paper or aloud: it is what your certificates are checked against."
    )


@keys_app.command("list")
def keys_list(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """List the keys of this computer with their fingerprints and how far their names can be believed."""
    from everyword import keyring

    _print_keys(keyring.entries(ctx.obj.home), as_json=as_json)


@keys_app.command("export")
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
        signer = keyring.unlock(ctx.obj.home, name, _secret("Passphrase or PIN"))
        text = keyring.request(signer, holder=entry.holder.holder)
    elif format_ is KeyFormat.CERTIFICATE and not entry.chain:
        raise errors.InvalidOption(f"Nobody has vouched for the key {name!r} yet.", hint="See `everyword keys attach`.")
    else:
        text = entry.pem if format_ is KeyFormat.PEM else entry.chain
    for line in text.decode().splitlines():
        terminal.put(line)


@keys_app.command("attach")
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
    tsa: Annotated[str | None, typer.Option(help="Address of a time-stamp authority; empty for none.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write the bundle into this folder, too.")] = None,
    as_zip: ZipOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign a statement about the session's text as it is now. You are shown what you sign, and type your name."""
    from archive.certificate import bundle
    from archive.certificate import certify as certificates
    from archive.certificate.statement import Reviewer
    from archive.certificate.timestamp import TimestampFailed
    from archive.certificate.timestamp import pdf_authority as timestamp_for_pdf
    from everyword import keyring

    settings: Settings = ctx.obj
    found, entry = _find(settings, session), keyring.entry(settings.home, key)
    reviewer = Reviewer(entry.holder.holder, role, relation, speakers, oath, place)
    authority = settings.tsa if tsa is None else tsa
    signer = keyring.unlock(settings.home, key, _secret(f"Passphrase or PIN of the key {key}"))
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
    )
    try:
        draft = prepare(pdf_authority=timestamp_for_pdf(authority) if authority else None)
    except TimestampFailed as error:
        terminal.say(f"{error.sentence} The PDF's own signature carries no time stamp.", style="yellow")
        draft = prepare()
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

    found = _find(ctx.obj, session)
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
    sessions = [_find(settings, session)] if session else [one for one in folder.scan(under) if one.is_sealed]
    waiting = [
        one for found in sessions for one in stamps.wanted(found) if one.state == "pending" or (seal and one.state == "none")
    ]
    trusted = b"".join(path.read_bytes() for path in tsa_ca or ())
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


def _find(settings: Settings, name: str) -> folder.SessionFolder:
    return folder.find(name, folder.roots(settings.home, settings.sessions))


def _secret(what: str) -> str:
    return terminal.ask(what, is_secret=True)


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


def _confirm(draft: "Draft", entry: "Entry") -> None:
    """Show what is about to be signed; the holder's name, typed, is the consent."""
    statement = draft.statement
    terminal.say(statement.heading, style="bold")
    for paragraph in statement.paragraphs:
        terminal.say(paragraph)
    for label, value in statement.digests:
        terminal.say(f"{label}: {value}")
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

    with folder.disk_errors(to):
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


@app.command()
def clip(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    from_: Annotated[str, typer.Option("--from", help="Where it begins, h:mm:ss from the beginning of the session.")],
    to_: Annotated[str, typer.Option("--until", help="Where it ends, h:mm:ss.")],
    key: KeyOption,
    to: ToOption,
    track: Annotated[list[int] | None, typer.Option(help="Only this microphone; repeat for several.")] = None,
    certificate: CertificateOption = None,
    sound_only: Annotated[bool, typer.Option("--sound-only", help="No text, and no certificate needed.")] = False,
    as_zip: ZipOption = False,
) -> None:
    """Write an excerpt with the proof that it stands in the sealed original, and nothing of the rest."""
    from archive.certificate import certify as certificates
    from archive.certificate import disclose, selection
    from archive.record import read_record
    from everyword import keyring

    settings: Settings = ctx.obj
    found, entry = _find(settings, session), keyring.entry(settings.home, key)
    record = read_record(found)
    path = disclose.clip(
        record,
        None if sound_only else certificates.read(found, certificate),
        start_us=selection.read_position(from_, option="--from"),
        end_us=selection.read_position(to_, option="--until"),
        tracks=tuple(track or ()),
        entry=entry,
        signer=keyring.unlock(settings.home, key, _secret(f"Passphrase or PIN of the key {key}")),
        to=to,
        as_zip=as_zip,
    )
    _log_disclosure(settings, found, path)


@app.command()
def redact(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    reason: ReasonOption,
    key: KeyOption,
    to: ToOption,
    utterance: Annotated[list[int] | None, typer.Option(help="Hide all words of this utterance.")] = None,
    words: Annotated[list[str] | None, typer.Option(help="Hide words of an utterance, such as 12:3 or 12:3-5.")] = None,
    line: Annotated[list[str] | None, typer.Option(help="Hide the words of a printed line, such as 14:07 (page:line).")] = None,
    phrase: Annotated[list[str] | None, typer.Option(help="Hide these words wherever they stand.")] = None,
    speaker: Annotated[list[int] | None, typer.Option(help="Hide who spoke this utterance.")] = None,
    authority: Annotated[str, typer.Option(help="On whose order.")] = "",
    certificate: CertificateOption = None,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="With the sound, but for what is hidden.")] = True,
    as_zip: ZipOption = False,
) -> None:
    """Write a redacted copy: nothing hidden is in it, everything else is proved, page and line stay."""
    from archive.certificate import certify as certificates
    from archive.certificate import disclose, selection
    from archive.record import read_record
    from everyword import keyring

    settings: Settings = ctx.obj
    found, entry = _find(settings, session), keyring.entry(settings.home, key)
    record, chosen = read_record(found), certificates.read(found, certificate)
    text = selection.read_text(record, chosen)
    hides = [
        *(selection.Hide(number) for number in utterance or ()),
        *(selection.read_words(one) for one in words or ()),
        *(selection.Hide(number, is_speaker=True) for number in speaker or ()),
    ]
    for one in line or ():
        hides += selection.at_line(text, one)
    for one in phrase or ():
        hides += selection.with_phrase(text, one)
    path = disclose.redact(
        record,
        chosen,
        selection.numbered(hides, reason=reason, authority=authority),
        with_sound=sound,
        entry=entry,
        signer=keyring.unlock(settings.home, key, _secret(f"Passphrase or PIN of the key {key}")),
        to=to,
        as_zip=as_zip,
    )
    _log_disclosure(settings, found, path)


def _log_disclosure(settings: Settings, found: folder.SessionFolder, path: Path) -> None:
    from everyword import keys, ledger

    ledger.append(found, "disclose", by=settings.operator, key=keys.device_key(settings.home), name=path.name)
    terminal.put(str(path))
