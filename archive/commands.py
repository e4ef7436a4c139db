"""``everyword sessions``, ``show``, ``correct``, ``export``, ``verify`` and ``rebuild``.

``sessions`` and ``search`` first bring the archive up to date.  ``show``, ``export`` and ``verify`` read the folder and never the
database, so that a damaged archive stands in nobody's way.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import archive.answers.commands
import archive.review.commands
import archive.statement.commands
from archive.answers.commands import leave, opened, problems_data, say_indexing, say_problems
from everyword import errors, folder, terminal
from everyword.arguments import JsonOption, SessionArgument
from everyword.config import Settings

if TYPE_CHECKING:
    from archive.record import Record
    from everyword.model import Finding, Outcome

app = typer.Typer()
app.add_typer(archive.answers.commands.app)
app.add_typer(archive.review.commands.app)
app.add_typer(archive.statement.commands.app)


@app.command()
def sessions(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """List every session of the archive, newest first."""
    from archive import screen

    with opened(ctx.obj) as (db, report):
        rows = list(db.query(_SESSIONS))
    for row in rows:
        row |= {"is_here": Path(row["path"]).is_dir(), "languages": row["languages"].split()}
        row |= {name: bool(row[name]) for name in ("is_sealed", "is_reviewed")}
    if as_json:
        terminal.put_json({"sessions": rows, "problems": problems_data(report)})
    else:
        for row in rows:
            terminal.put(screen.session_line(row))
        if not rows:
            terminal.say("There is no session yet. `everyword record` or `everyword import` makes one.")
    leave(report)


@app.command()
def show(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    as_recorded: Annotated[bool, typer.Option("--as-recorded", help="The machine's own words, without corrections.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print a session's transcript with the number of each utterance."""
    from archive import screen
    from archive.export.structured import as_data

    record = _record(ctx.obj, session)
    if as_json:
        terminal.put_json(as_data(record))
        return
    for line in screen.record_lines(record, as_recorded=as_recorded):
        terminal.put(line)
    if record.transcript is None:
        terminal.say("This session has no transcript yet. `everyword transcribe` makes one.")


@app.command()
def correct(
    ctx: typer.Context,
    session: SessionArgument,
    utterance: Annotated[int, typer.Argument(help="The utterance's number, as `everyword show` prints it.")],
    *,
    to: Annotated[str, typer.Option(help="What was really said; an empty text if nothing was.")],
    reason: Annotated[str, typer.Option(help="Why, for those who read the history.")],
    before: Annotated[str | None, typer.Option(help="Refuse unless the utterance says exactly this now.")] = None,
) -> None:
    """Correct one utterance. The machine's text stays, and so does every earlier correction."""
    from archive import corrections
    from everyword import keys

    found = folder.find_session(session, ctx.obj)
    entry = corrections.correct(
        found, utterance, to=to, reason=reason, by=ctx.obj.operator, key=keys.device_key(ctx.obj.home), before=before
    )
    change = entry.correction
    terminal.say(f"Utterance {utterance}: {change.before!r} → {change.after!r} (line {change.seq + 1} of the ledger)")


@app.command()
def export(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    format_: Annotated[
        list[str], typer.Option("--format", help="Such as txt, srt, json, pages, pdf, docx, wav or flac; repeat for several.")
    ],
    to: Annotated[Path, typer.Option(help="The folder to write into.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    style: Annotated[
        str, typer.Option(help="Pages: intl-a4, us-federal, us-ny108, us-utah or minutes-a4.", show_default="intl-a4")
    ] = "intl-a4",
    term: Annotated[list[str] | None, typer.Option(help="Pages: find this term for the index; repeat for several.")] = None,
    font: Annotated[
        Path | None, typer.Option(help="PDF: a monospaced font file for characters that ours lacks.", exists=True, dir_okay=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a session's transcript, or its sound, to files."""
    from archive.export import PageOptions
    from archive.export import export as write
    from archive.export.sound import SOUND, export_sound

    options = PageOptions(style=style, terms=tuple(term or ()), font=font)
    formats, paths = list(dict.fromkeys(format_)), list[Path]()
    if sound := [name for name in formats if name in SOUND]:
        paths += export_sound(folder.find_session(session, ctx.obj), sound, to=to, force=force)
    if text := [name for name in formats if name not in SOUND]:
        record = _record(ctx.obj, session)
        paths += write(record, text, to=to, force=force, options=options)
        _say_coded(record)
    if as_json:
        terminal.put_json({"files": [str(path) for path in paths]})
    else:
        for path in paths:
            terminal.put(str(path))


@app.command()
def verify(
    ctx: typer.Context,
    session: Annotated[str, typer.Argument(help="A session (path, id, or the beginning of one), or the path of a bundle.")],
    *,
    key: Annotated[list[Path] | None, typer.Option(help="PEM file of a public key you trust; repeat for several.")] = None,
    fingerprint: Annotated[list[str] | None, typer.Option(help="SHA-256 of a key you trust, in hexadecimal.")] = None,
    ca: Annotated[list[Path] | None, typer.Option(help="PEM file of an authority that vouches for signers.")] = None,
    tsa_ca: Annotated[list[Path] | None, typer.Option(help="PEM file of a time-stamp authority you trust.")] = None,
    seen: Annotated[Path | None, typer.Option(help="File that remembers the newest certificate of each session.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that nothing was changed and nothing is missing: two questions, two verdicts."""
    from everyword.certificates import is_bundle, verify_bundle
    from everyword.checker import Trust, check_trust
    from everyword.verify import verdicts, verify_session

    trusted = _trusted(ctx.obj.home, key or (), fingerprint or ())
    trust = Trust(frozenset(trusted), tuple(ca or ()), tuple(tsa_ca or ()), seen)
    try:
        check_trust(trust)
    except (OSError, ValueError) as error:
        raise errors.InvalidOption(f"--ca, --tsa-ca or --seen: {error}.") from error
    if is_bundle(Path(session)):
        found = verify_bundle(Path(session), trust, redraw=_redraw)
    else:
        place = folder.find_session(session, ctx.obj)
        found = verify_session(place, trusted=trusted, time_authorities=tsa_ca or (), authorities=ca or ())
    findings = []
    for finding in found:
        findings.append(finding)
        if not as_json and (finding.outcome != "pass" or not _is_quiet(ctx)):
            terminal.put(f"{finding.outcome.upper():8}{finding.subject}: {finding.sentence}")
    integrity, completeness = verdicts(findings)
    if as_json:
        data = [dataclasses.asdict(finding) for finding in findings]
        terminal.put_json({"integrity": integrity, "completeness": completeness, "findings": data})
    else:
        _print_verdicts(findings, integrity, completeness)
    if integrity == "fail":
        raise typer.Exit(errors.FAILED_VERIFICATION)
    if (integrity, completeness) != ("pass", "pass"):
        raise typer.Exit(errors.WARNINGS)


@app.command()
def rebuild(ctx: typer.Context) -> None:
    """Make the archive database anew from the session folders."""
    from archive.index import update

    settings: Settings = ctx.obj
    report = update.rebuild(settings.home, folder.roots(settings.home, settings.sessions), on_session=say_indexing)
    terminal.say(f"The archive holds {report.indexed} session{'s' * (report.indexed != 1)}.")
    say_problems(report)
    leave(report)


def _redraw(
    name: str, statement: Mapping[str, object], manifest: Mapping[str, object], linemap: bytes, words: bytes
) -> tuple[bytes, bool] | None:
    """What can draw is loaded only for a bundle that has a drawing: verifying must stay small."""
    from archive.disclosure.documents import redraw

    return redraw(name, statement, manifest, linemap, words)


_SESSIONS = """
SELECT session, title, place, languages, origin, operator, created_at, started_at, duration_us, gap_us, is_sealed, run,
    is_reviewed, path, (SELECT count(*) FROM utterances WHERE session_id = sessions.id) AS utterances
FROM sessions ORDER BY coalesce(started_at_us, created_at_us) DESC, session DESC
"""


def _say_coded(record: "Record") -> None:
    """Characters that could mislead a reader are in nobody's speech: whoever exports them should know."""
    from archive.pages import coded

    if found := coded(record):
        numbers = ", ".join(map(str, found[:10])) + (", …" if len(found) > 10 else "")
        terminal.say(f"Characters that cannot be seen are written as codes in utterance {numbers}.", style="yellow")


def _record(settings: Settings, name: str) -> "Record":
    from archive.record import read_record

    return read_record(folder.find_session(name, settings))


def _is_quiet(ctx: typer.Context) -> bool:
    return bool(ctx.parent and ctx.parent.params.get("quiet"))


def _trusted(home: Path, paths: Iterable[Path], fingerprints: Iterable[str]) -> set[str]:
    """The fingerprints of this computer's own keys and of what the person named."""
    from everyword import keyring, keys

    try:
        trusted = {entry.holder.public_key for entry in keyring.entries(home)}
    except errors.CorruptFolder as error:  # a damaged key ring must not stand in the way: its keys are strangers then
        terminal.say(error.sentence, style="yellow")
        trusted = set()
    if (home / "keys" / "device.pem").exists():
        trusted.add(keys.fingerprint(keys.public_pem(keys.device_key(home))))
    for path in paths:
        try:
            trusted.add(keys.fingerprint(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise errors.InvalidOption(
                f"--key {path} holds no public key: {error}.", hint="Give a PEM file such as seal.pub.pem."
            ) from error
    for one in fingerprints:
        plain = one.lower().removeprefix("sha256:")
        if len(plain) != 64 or set(plain) - set("0123456789abcdef"):
            raise errors.InvalidOption(f"--fingerprint {one[:80]} is no SHA-256.", hint="Give all 64 hexadecimal digits.")
        trusted.add(f"sha256:{plain}")
    return trusted


def _print_verdicts(findings: list["Finding"], integrity: "Outcome", completeness: "Outcome") -> None:
    passes = sum(finding.outcome == "pass" for finding in findings)
    words = {
        "pass": ("nothing was changed", "nothing is missing"),
        "unknown": ("cannot be told for everything", "cannot be told for everything"),
        "fail": ("SOMETHING WAS CHANGED", "SOMETHING IS MISSING"),
    }
    terminal.put(f"{passes} of {len(findings)} checks passed")
    terminal.put(f"Integrity:    {integrity.upper()}, {words[integrity][0]}")
    terminal.put(f"Completeness: {completeness.upper()}, {words[completeness][1]}")
