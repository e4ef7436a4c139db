"""``everyword sessions``, ``show``, ``search``, ``correct``, ``export``, ``verify`` and ``rebuild``.

``sessions`` and ``search`` first bring the archive up to date.  ``show``, ``export`` and ``verify`` read the folder and never the
database, so that a damaged archive stands in nobody's way.
"""

import dataclasses
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.config import Settings

if TYPE_CHECKING:
    from sqlite_utils import Database

    from archive.index import Report
    from archive.record import Record
    from archive.search import Answer
    from everyword.model import Finding, Outcome

app = typer.Typer()

JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON on stdout.")]
SessionArgument = Annotated[str, typer.Argument(help="A session: path, id, or the beginning of one.")]


class Order(StrEnum):
    """How hits are ordered."""

    TIME = "time"
    RELEVANCE = "relevance"


@app.command()
def sessions(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """List every session of the archive, newest first."""
    from archive import screen

    with _archive(ctx.obj) as (db, report):
        rows = list(db.query(_SESSIONS))
    for row in rows:
        row |= {"is_here": Path(row["path"]).is_dir(), "languages": row["languages"].split()}
        row |= {name: bool(row[name]) for name in ("is_sealed", "is_reviewed")}
    if as_json:
        terminal.put_json({"sessions": rows, "problems": _problems(report)})
    else:
        for row in rows:
            terminal.put(screen.session_line(row))
        if not rows:
            terminal.say("There is no session yet. `everyword record` or `everyword import` makes one.")
    _leave(report)


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
def search(
    ctx: typer.Context,
    query: Annotated[
        str, typer.Argument(help='Words in any form, "phrase", ="exact", -without, a OR b, a NEAR b, begin*, speaker:reed.')
    ],
    *,
    speaker: Annotated[list[str] | None, typer.Option(help="Only this person; repeat for several.")] = None,
    session: Annotated[list[str] | None, typer.Option(help="Only this session; repeat for several.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Only this language, such as uk; repeat for several.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="Only people with this role; repeat for several.")] = None,
    flag: Annotated[
        list[str] | None, typer.Option(help="Only what the machine marked so, such as echo; repeat for several.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Not before this day or time (UTC), such as 2026-11-22.")] = None,
    before: Annotated[str | None, typer.Option(help="Not after this day, or before this time (UTC).")] = None,
    loose: Annotated[bool, typer.Option("--loose", help="Words that sound alike, too, in either script.")] = False,
    context: Annotated[int, typer.Option(min=0, max=100, help="Utterances to show before and after each hit.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Hits to show at most.")] = 20,
    order: Annotated[Order, typer.Option(help="Newest first, or best first.")] = Order.TIME,
    as_json: JsonOption = False,
) -> None:
    """Find what was said, in any form of the words, newest first."""
    from archive import screen
    from archive.search import Filters, read_time
    from archive.search import search as find

    filters = Filters(
        speakers=tuple(speaker or ()),
        sessions=tuple(_session_id(ctx.obj, name) for name in session or ()),
        languages=tuple(language or ()),
        roles=tuple(role or ()),
        flags=tuple(flag or ()),
        after_us=read_time(after, option="--after") if after else None,
        before_us=read_time(before, option="--before", is_end=True) if before else None,
    )
    with _archive(ctx.obj) as (db, report):
        answer = find(db, query, filters=filters, context=context, limit=limit, order=order.value, is_loose=loose)
    if as_json:
        terminal.put_json(
            {"query": query, "order": order.value, "limit": limit, **screen.answer_data(answer)} | {"problems": _problems(report)}
        )
    else:
        _print_answer(answer, limit)
    _leave(report)


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

    found = _find(ctx.obj, session)
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
    format_: Annotated[list[str], typer.Option("--format", help="txt, srt, vtt or json; repeat for several.")],
    to: Annotated[Path, typer.Option(help="The folder to write into.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a session's transcript to files."""
    from archive.export import export as write

    paths = write(_record(ctx.obj, session), list(dict.fromkeys(format_)), to=to, force=force)
    if as_json:
        terminal.put_json({"files": [str(path) for path in paths]})
    else:
        for path in paths:
            terminal.put(str(path))


@app.command()
def verify(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    key: Annotated[list[Path] | None, typer.Option(help="PEM file of a public key you trust; repeat for several.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that nothing was changed and nothing is missing: two questions, two verdicts."""
    from everyword.verify import verdicts, verify_session

    findings = []
    for finding in verify_session(_find(ctx.obj, session), trusted=_trusted(ctx.obj.home, key or ())):
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
    from archive import index

    settings: Settings = ctx.obj
    report = index.rebuild(settings.home, folder.roots(settings.home, settings.sessions), on_session=_say_indexing)
    terminal.say(f"The archive holds {report.indexed} session{'s' * (report.indexed != 1)}.")
    _say_problems(report)
    _leave(report)


_SESSIONS = """
SELECT session, title, place, languages, origin, operator, created_at, started_at, duration_us, gap_us, is_sealed, run,
    is_reviewed, path, (SELECT count(*) FROM utterances WHERE session_id = sessions.id) AS utterances
FROM sessions ORDER BY coalesce(started_at_us, created_at_us) DESC, session DESC
"""


@contextmanager
def _archive(settings: Settings) -> Iterator[tuple["Database", "Report"]]:
    """The archive, up to date; a folder that cannot be read is told of and passed over."""
    from archive import index, schema

    path = settings.home / schema.FILE_NAME
    with schema.open_archive(path) as db:
        report = index.index(db, folder.roots(settings.home, settings.sessions), on_session=_say_indexing)
        if report.is_frozen:
            terminal.say(f"{path} cannot be written: new sessions are not in this answer.")
        _say_problems(report)
        yield db, report


def _say_indexing(name: str) -> None:
    terminal.say(f"Indexing {name}")


def _say_problems(report: "Report") -> None:
    for problem in report.problems:
        terminal.say(f"Not in the archive: {problem.folder.path}: {problem.sentence}", style="yellow")


def _problems(report: "Report") -> list[dict[str, str]]:
    return [{"path": str(problem.folder.path), "message": problem.sentence} for problem in report.problems]


def _leave(report: "Report") -> None:
    """An answer from an archive that lacks sessions is one with warnings."""
    if report.problems or report.is_frozen:
        raise typer.Exit(errors.WARNINGS)


def _find(settings: Settings, name: str) -> folder.SessionFolder:
    return folder.find(name, folder.roots(settings.home, settings.sessions))


def _session_id(settings: Settings, name: str) -> str:
    return _find(settings, name).read_session().id


def _record(settings: Settings, name: str) -> "Record":
    from archive.record import read_record

    return read_record(_find(settings, name))


def _print_answer(answer: "Answer", limit: int) -> None:
    from archive import screen

    for line in screen.answer_lines(answer, is_bold=_can_bold()):
        terminal.put_prepared(line)
    if answer.more:
        terminal.say(f"There are more: the first {limit} are shown (--limit).")
    elif not answer.hits:
        terminal.say("Nothing found." + (f" Did you mean {', '.join(answer.suggestions)}?" if answer.suggestions else ""))


def _is_quiet(ctx: typer.Context) -> bool:
    return bool(ctx.parent and ctx.parent.params.get("quiet"))


def _trusted(home: Path, paths: Iterable[Path]) -> set[str]:
    """The fingerprints of this computer's own key, if it has one, and of the keys in `paths`."""
    from everyword import keys

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


def _can_bold() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
