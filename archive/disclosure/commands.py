"""``everyword clip`` and ``redact``."""

from pathlib import Path
from typing import Annotated

import typer

from everyword import folder, terminal
from everyword.arguments import SessionArgument
from everyword.config import Settings

app = typer.Typer()

KeyOption = Annotated[str, typer.Option(help="The key to sign with, as `everyword keys list` shows it.")]
CertificateOption = Annotated[str | None, typer.Option(help="Which certificate, such as c001; the newest if not given.")]
ToOption = Annotated[Path, typer.Option(help="The folder to write into.")]
FormatOption = Annotated[
    list[str] | None, typer.Option("--format", help="A document beside the text: pdf or docx; repeat for both.")
]
ZipOption = Annotated[bool, typer.Option("--zip", help="Write one zip file instead of a folder.")]


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
    format_: FormatOption = None,
    as_zip: ZipOption = False,
) -> None:
    """Write an excerpt with the proof that it stands in the sealed original, and nothing of the rest."""
    from archive.certificate import certify as certificates
    from archive.disclosure import disclose, selection
    from archive.record import read_record
    from everyword import keyring

    settings: Settings = ctx.obj
    found, entry = folder.find_session(session, settings), keyring.entry(settings.home, key)
    record = read_record(found)
    path = disclose.clip(
        record,
        None if sound_only else certificates.read(found, certificate),
        start_us=selection.read_position(from_, option="--from"),
        end_us=selection.read_position(to_, option="--until"),
        tracks=tuple(track or ()),
        entry=entry,
        signer=keyring.unlock(settings.home, key, terminal.ask_secret(f"Passphrase or PIN of the key {key}")),
        to=to,
        as_zip=as_zip,
        formats=tuple(dict.fromkeys(format_ or ())),
    )
    _log_disclosure(settings, found, path)


@app.command()
def redact(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why, for those who will read it.")],
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
    format_: FormatOption = None,
    as_zip: ZipOption = False,
) -> None:
    """Write a redacted copy: nothing hidden is in it, everything else is proved, page and line stay."""
    from archive.certificate import certify as certificates
    from archive.disclosure import disclose, selection
    from archive.record import read_record
    from everyword import keyring

    settings: Settings = ctx.obj
    found, entry = folder.find_session(session, settings), keyring.entry(settings.home, key)
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
        signer=keyring.unlock(settings.home, key, terminal.ask_secret(f"Passphrase or PIN of the key {key}")),
        to=to,
        as_zip=as_zip,
        formats=tuple(dict.fromkeys(format_ or ())),
    )
    _log_disclosure(settings, found, path)


def _log_disclosure(settings: Settings, found: folder.SessionFolder, path: Path) -> None:
    from everyword import keys, ledger

    ledger.append(found, "disclose", by=settings.operator, key=keys.device_key(settings.home), name=path.name)
    terminal.put(str(path))
