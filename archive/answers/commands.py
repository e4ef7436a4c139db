"""``everyword search``, ``terms`` and ``brief``: each first brings the archive up to date."""

import dataclasses
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.arguments import JsonOption
from everyword.config import Settings

if TYPE_CHECKING:
    from sqlite_utils import Database

    from archive.answers.counts import Count
    from archive.index.update import Report
    from archive.query.filters import Filters
    from archive.query.hits import Answer

app = typer.Typer()

SpeakerOption = Annotated[list[str] | None, typer.Option("--speaker", help="Only this person; repeat for several.")]
SessionOption = Annotated[list[str] | None, typer.Option("--session", help="Only this session; repeat for several.")]
LanguageOption = Annotated[
    list[str] | None, typer.Option("--language", help="Only this language, such as uk; repeat for several.")
]
RoleOption = Annotated[list[str] | None, typer.Option("--role", help="Only people with this role; repeat for several.")]
AfterOption = Annotated[str | None, typer.Option("--after", help="Not before this day or time (UTC), such as 2026-11-22.")]
BeforeOption = Annotated[str | None, typer.Option("--before", help="Not after this day, or before this time (UTC).")]
LooseOption = Annotated[bool, typer.Option("--loose", help="Words that sound alike, too, in either script.")]
RecordedOption = Annotated[bool, typer.Option("--as-recorded", help="In the machine's own words, without corrections.")]


class Order(StrEnum):
    """How hits are ordered."""

    TIME = "time"
    RELEVANCE = "relevance"


class Side(StrEnum):
    """What hits are counted by."""

    SESSION = "session"
    SPEAKER = "speaker"
    MONTH = "month"
    LANGUAGE = "language"


class Rows(StrEnum):
    """How hits are written for other programs."""

    CSV = "csv"
    JSONL = "jsonl"


class Page(StrEnum):
    """How a brief is written."""

    MARKDOWN = "markdown"
    TEXT = "text"


@app.command()
def search(
    ctx: typer.Context,
    query: Annotated[
        str, typer.Argument(help='Words in any form, "phrase", ="exact", -without, a OR b, a NEAR b, begin*, speaker:reed.')
    ],
    *,
    speaker: SpeakerOption = None,
    session: SessionOption = None,
    language: LanguageOption = None,
    role: RoleOption = None,
    flag: Annotated[
        list[str] | None, typer.Option(help="Only what the machine marked so, such as echo; repeat for several.")
    ] = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    loose: LooseOption = False,
    as_recorded: RecordedOption = False,
    context: Annotated[int, typer.Option(min=0, max=100, help="Utterances to show before and after each hit.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Hits to show at most.")] = 20,
    order: Annotated[Order, typer.Option(help="Newest first, or best first.")] = Order.TIME,
    concordance: Annotated[bool, typer.Option("--concordance", help="One line a hit, the keyword in the middle.")] = False,
    count_by: Annotated[Side | None, typer.Option(help="Count the hits instead of showing them.")] = None,
    format_: Annotated[Rows | None, typer.Option("--format", help="Write the hits for a spreadsheet or a program.")] = None,
    play: Annotated[int | None, typer.Option(min=1, help="Play this hit, counted from the first one shown.")] = None,
    sound: Annotated[Path | None, typer.Option(help="Write each hit as a WAV file into this folder.", file_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Find what was said, in any form of the words, newest first."""
    from archive.answers import counts
    from archive.query.search import Search
    from archive.query.search import search as find

    if sum(map(bool, (concordance, count_by, format_, as_json))) > 1 and not (count_by and as_json):
        raise errors.InvalidOption("--concordance, --count-by, --format and --json are ways to answer: choose one.")
    filters = _filters(
        ctx.obj, after=after, before=before, speakers=speaker, sessions=session, languages=language, roles=role, flags=flag
    )
    with opened(ctx.obj) as (db, report):
        if count_by:
            asked = Search(db, query, filters=filters, is_loose=loose, as_recorded=as_recorded)
            _put_counts(counts.counts(asked, count_by.value), as_json=as_json, report=report)
        else:
            answer = find(
                db,
                query,
                filters=filters,
                context=context,
                limit=limit,
                order=order.value,
                is_loose=loose,
                as_recorded=as_recorded,
            )
            if as_json:
                _put_answer_json(answer, report, query=query, order=order.value, limit=limit, as_recorded=as_recorded)
            else:
                _put_answer(answer, limit, form="concordance" if concordance else format_.value if format_ else "")
            _use_sound(ctx.obj, answer, play=play, to=sound)
    leave(report)


@app.command()
def terms(
    ctx: typer.Context,
    term: Annotated[str, typer.Argument(help="A word, or any query.")],
    *,
    speaker: SpeakerOption = None,
    session: SessionOption = None,
    language: LanguageOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    loose: LooseOption = False,
    between: Annotated[
        tuple[str, str] | None, typer.Option(help="Two sessions: what changed in what they said the term means.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw its use over time as this .svg or .png file.", dir_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a term was used over time: by whom first and last, how often, and beside which words."""
    from archive.answers import chart as charts
    from archive.answers import counts, definitions, drift, pages
    from archive.query.search import Search

    if between and (chart or session):
        raise errors.InvalidOption("--between names its sessions itself and draws nothing: leave out --session and --chart.")
    filters = _filters(ctx.obj, after=after, before=before, speakers=speaker, sessions=session, languages=language)
    with opened(ctx.obj) as (db, report):
        if between:
            ids = [_session_id(ctx.obj, name) for name in between]
            both = [Search(db, term, filters=dataclasses.replace(filters, sessions=(one,)), is_loose=loose) for one in ids]
            found = [definitions.definition(one, name) for one, name in zip(both, ids, strict=True)]
            data, lines = pages.definitions_data(found), pages.definition_lines(found)
        else:
            asked = Search(db, term, filters=filters, is_loose=loose)
            uses, periods = counts.uses(asked), drift.drift(asked)
            data, lines = pages.terms_data(uses, periods), pages.terms_lines(uses, periods)
            if not uses:
                _say_nothing_found(asked.suggestions())
            elif chart:
                values = {one.month: one.per_thousand for one in periods}
                charts.write_bars(chart, values, title=term, up="utterances with it, of a thousand, by month")
                terminal.say(f"Chart: {chart}")
    if as_json:
        terminal.put_json({"term": term, **data, "problems": problems_data(report)})
    for line in () if as_json else lines:
        terminal.put(line)
    leave(report)


@app.command()
def brief(
    ctx: typer.Context,
    term: Annotated[list[str], typer.Argument(help="What the meeting is about: words, or any queries.")],
    *,
    speaker: SpeakerOption = None,
    session: SessionOption = None,
    language: LanguageOption = None,
    role: RoleOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    loose: LooseOption = False,
    as_recorded: RecordedOption = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Quotations of each term at most.")] = 20,
    form: Annotated[Page, typer.Option("--format", help="How the page is written.")] = Page.MARKDOWN,
    to: Annotated[Path | None, typer.Option(help="Write brief.md and brief.txt into this folder.", file_okay=False)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a page for a meeting: who said a term when, and the exact words with their citations."""
    from archive.answers import brief as briefs
    from archive.answers import pages

    filters = _filters(ctx.obj, after=after, before=before, speakers=speaker, sessions=session, languages=language, roles=role)
    with opened(ctx.obj) as (db, report):
        chapters = briefs.brief(db, term, filters=filters, limit=limit, is_loose=loose, as_recorded=as_recorded)
    if as_json:
        terminal.put_json({"chapters": pages.brief_data(chapters), "problems": problems_data(report)})
    elif to:
        for path in pages.write_brief(chapters, to, force=force):
            terminal.put(str(path))
    else:
        for line in briefs.lines(chapters, form.value):
            terminal.put(line)
    leave(report)


@app.command()
def rename(
    ctx: typer.Context,
    person: Annotated[str, typer.Argument(help="The person's key, as `search --json` shows it.")],
    *,
    to: Annotated[str | None, typer.Option(help="The name to show from now on, in every session.")] = None,
    same_as: Annotated[
        str | None, typer.Option(help="Another key of the same person; the key itself makes two persons of them again.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for those who read the history.")],
) -> None:
    """Call a person by another name, or two keys one person, in every session's answers. The rosters stay as they are."""
    from archive import people

    if (to is None) == (same_as is None):
        raise errors.InvalidOption("`rename` takes either --to NAME or --same-as KEY.")
    at_us, by = time.time_ns() // 1000, ctx.obj.operator
    with opened(ctx.obj) as (db, report):
        if to is not None:
            people.rename(db, ctx.obj.home, person, to=to, reason=reason, by=by, at_us=at_us)
            terminal.say(f"{person} is called {to!r} from now on")
        elif same_as is not None:
            people.join(db, ctx.obj.home, person, same_as=same_as, reason=reason, by=by, at_us=at_us)
            again = f"{person} is a person of their own again"
            terminal.say(again if same_as == person else f"{person} is the same person as {same_as} from now on")
    leave(report)


# What other commands of the archive share


@contextmanager
def opened(settings: Settings) -> Iterator[tuple["Database", "Report"]]:
    """The archive, up to date; a folder that cannot be read is told of and passed over."""
    from archive import people
    from archive.index import schema, update

    path = settings.home / schema.FILE_NAME
    with schema.open_archive(path) as db:
        report = update.index(db, folder.roots(settings.home, settings.sessions), on_session=say_indexing)
        if not report.is_frozen:
            people.apply(db, settings.home)
        if report.is_frozen:
            terminal.say(f"{path} cannot be written: new sessions are not in this answer.")
        say_problems(report)
        yield db, report


def say_indexing(name: str) -> None:
    """That a folder is being read."""
    terminal.say(f"Indexing {name}")


def say_problems(report: "Report") -> None:
    """Which folders could not be read."""
    for problem in report.problems:
        terminal.say(f"Not in the archive: {problem.folder.path}: {problem.sentence}", style="yellow")


def problems_data(report: "Report") -> list[dict[str, str]]:
    """The same for ``--json``."""
    return [{"path": str(problem.folder.path), "message": problem.sentence} for problem in report.problems]


def leave(report: "Report") -> None:
    """An answer from an archive that lacks sessions is one with warnings."""
    if report.problems or report.is_frozen:
        raise typer.Exit(errors.WARNINGS)


def _filters(settings: Settings, *, after: str | None, before: str | None, **named: list[str] | None) -> "Filters":
    from archive.query.filters import Filters, read_time

    names = {name: tuple(values or ()) for name, values in named.items()}
    if "sessions" in names:
        names["sessions"] = tuple(_session_id(settings, name) for name in names["sessions"])
    return Filters(
        **names,
        after_us=read_time(after, option="--after") if after else None,
        before_us=read_time(before, option="--before", is_end=True) if before else None,
    )


def _session_id(settings: Settings, name: str) -> str:
    return folder.find_session(name, settings).read_session().id


def _put_counts(found: tuple["Count", ...], *, as_json: bool, report: "Report") -> None:
    from archive.answers import pages

    if as_json:
        terminal.put_json({"counts": [dataclasses.asdict(one) for one in found], "problems": problems_data(report)})
    else:
        for line in pages.count_lines(found):
            terminal.put(line)


def _put_answer_json(answer: "Answer", report: "Report", **asked: object) -> None:
    from archive import screen

    terminal.put_json({**asked, **screen.answer_data(answer), "problems": problems_data(report)})


def _put_answer(answer: "Answer", limit: int, *, form: str) -> None:
    from archive import screen
    from archive.answers import concordance, files

    if form in ("csv", "jsonl"):
        for line in (files.csv_lines if form == "csv" else files.json_lines)(answer.hits):
            terminal.put(line)
    elif form:
        for line in screen.concordance_lines(concordance.concordance(answer.hits), is_bold=_can_bold()):
            terminal.put_prepared(line)
    else:
        for line in screen.answer_lines(answer, is_bold=_can_bold()):
            terminal.put_prepared(line)
    if answer.is_capped:
        terminal.say(f"The newest {answer.candidates} utterances were compared; there are older ones (--order time shows all).")
    if answer.more:
        terminal.say(f"There are more than {limit}: --limit shows them.")
    elif not answer.hits:
        _say_nothing_found(answer.suggestions)


def _say_nothing_found(suggestions: Sequence[str]) -> None:
    terminal.say("Nothing found." + (f" Did you mean {', '.join(suggestions)}?" if suggestions else ""))


def _use_sound(settings: Settings, answer: "Answer", *, play: int | None, to: Path | None) -> None:
    from archive.answers import sound

    under = folder.roots(settings.home, settings.sessions)
    for hit in answer.hits if to else ():
        passage = hit.passage
        path = sound.write_hit(folder.find(passage.session, under), passage.utterance, to or Path())
        terminal.say(f"Written: {path}")
    if play is not None:
        if play > len(answer.hits):
            raise errors.InvalidOption(f"There is no hit {play}: {len(answer.hits)} are shown.")
        passage = answer.hits[play - 1].passage
        if code := sound.play(folder.find(passage.session, under), passage.utterance):
            raise typer.Exit(code)


def _can_bold() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
