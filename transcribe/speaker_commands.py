"""``everyword speakers``: the voices of a session, their names, and proposals for those that have none."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from everyword import errors, folder, terminal
from everyword.arguments import JsonOption, SessionArgument

if TYPE_CHECKING:
    from everyword.folder import SessionFolder
    from everyword.labels import VoiceName
    from everyword.model import Transcript

app = typer.Typer(help="Who said it: the voices of a session, and their names.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    name: str
    words: int
    uncertain: int
    seconds: float


@app.command()
def show(ctx: typer.Context, session: SessionArgument, *, as_json: JsonOption = False) -> None:
    """List the voices of the current transcript: label, name, words, and how many words may be another's."""
    found = folder.find_session(session, ctx.obj)
    rows, notes = _rows(found)
    if as_json:
        terminal.put_json(
            {
                "voices": [
                    {
                        "label": row.label,
                        "name": row.name or None,
                        "words": row.words,
                        "uncertain_words": row.uncertain,
                        "seconds": round(row.seconds, 1),
                    }
                    for row in rows
                ],
                "notes": notes,
            }
        )
        return
    for row in rows:
        doubt = f", {row.uncertain} perhaps another's" if row.uncertain else ""
        terminal.put(f"{row.label:6} {row.name or '(no name)'}: {row.words} words in {row.seconds:.0f} s{doubt}")
    for note in notes:
        terminal.say(note)


@app.command()
def name(
    ctx: typer.Context,
    session: SessionArgument,
    label: Annotated[str, typer.Argument(help="A voice, as `everyword speakers show` lists it: 1A, or 2 for a whole track.")],
    who: Annotated[str, typer.Argument(help="A name or key of the roster, or a new name.", metavar="NAME")],
) -> None:
    """Say whose a voice is, in a signed line of the ledger. The machine's transcript stays as it is."""
    from everyword import keys, labels  # noqa: PLC0415  (`import cli` stays quick)

    found = folder.find_session(session, ctx.obj)
    line = labels.name_voice(found, label, who, by=ctx.obj.operator, key=keys.device_key(ctx.obj.home))
    terminal.say(f"Voice {line.label} is {line.name} (line {line.seq + 1} of the ledger)")


@app.command()
def learn(ctx: typer.Context, session: SessionArgument, *, as_json: JsonOption = False) -> None:
    """Keep the voices of the named people who agreed to it (voice=yes in the roster), so that later sessions can be compared."""
    from everyword.recording import read_recording  # noqa: PLC0415  (`import cli` stays quick)
    from transcribe.speakers import voiceprints, voices  # noqa: PLC0415

    found = folder.find_session(session, ctx.obj)
    transcript, named = _named(found)
    learnt = voiceprints.learn(
        ctx.obj.home,
        read_recording(found),
        transcript.utterances,
        named={label: one.person for label, one in named.items()},
        models=voices.load(),
    )
    if as_json:
        terminal.put_json([{"person": one.person, "name": one.name, "speech_s": round(one.speech_s, 1)} for one in learnt])
    for one in learnt:
        terminal.say(f"The voice of {one.name} is kept, from {one.speech_s:.0f} s of speech")
    if not learnt:
        terminal.say("No voice was kept: nobody who agreed (voice=yes in the roster) is named here with 5 s of clear speech.")


@app.command()
def propose(ctx: typer.Context, session: SessionArgument, *, as_json: JsonOption = False) -> None:
    """Compare the voices that have no name with those kept by `learn`. Only proposes: `everyword speakers name` decides."""
    from everyword import labels  # noqa: PLC0415  (`import cli` stays quick)
    from everyword.recording import read_recording  # noqa: PLC0415
    from transcribe.speakers import voiceprints, voices  # noqa: PLC0415

    found = folder.find_session(session, ctx.obj)
    transcript, named = _named(found)
    unnamed = [one for one in transcript.utterances if not one.person and labels.label_of(one) not in named]
    known = voiceprints.read(ctx.obj.home)
    proposals = voiceprints.propose(read_recording(found), unnamed, known=known, models=voices.load()) if known else []
    if as_json:
        terminal.put_json(
            [
                {
                    "label": one.label,
                    "person": one.person,
                    "name": one.name,
                    "likeness": round(one.likeness, 2),
                    "session": one.session,
                }
                for one in proposals
            ]
        )
        return
    for one in proposals:
        terminal.put(f"{one.label:6} perhaps {one.name} (likeness {one.likeness:.2f}, known from {one.session})")
    if not proposals:
        terminal.say("Nothing to propose: no voice without a name is like one that is kept.")


@app.command()
def forget(
    ctx: typer.Context,
    person: Annotated[str, typer.Argument(help="The person's key, as in the roster.")],
) -> None:
    """Delete everything that was kept of a person's voice. The recordings stay."""
    from transcribe.speakers import voiceprints  # noqa: PLC0415  (`import cli` stays quick)

    count = voiceprints.forget(ctx.obj.home, person)
    if not count:
        raise errors.InvalidOption(f"No voice of {person!r} is kept.")
    terminal.say(f"{count} voice print{'s' * (count != 1)} of {person} deleted")


def _named(found: "SessionFolder") -> tuple["Transcript", dict[str, "VoiceName"]]:
    from everyword import labels  # noqa: PLC0415  (`import cli` stays quick)
    from everyword.run import read_transcript  # noqa: PLC0415

    transcript = read_transcript(found)
    return transcript, labels.newest(transcript.run.run, labels.read(found))


def _rows(found: "SessionFolder") -> tuple[list[_Row], list[str]]:
    from everyword import labels, run  # noqa: PLC0415  (`import cli` stays quick)
    from everyword.recording import read_recording  # noqa: PLC0415
    from transcribe.speakers import attribution  # noqa: PLC0415
    from transcribe.speakers.assignment import SPEAKER_UNCERTAIN  # noqa: PLC0415

    transcript, named = _named(found)
    session, streams = found.read_session(), read_recording(found).streams
    rows = []
    for label in sorted({labels.label_of(one) for one in transcript.utterances}, key=lambda one: (len(one), one)):
        said = [one for one in transcript.utterances if labels.label_of(one) == label]
        words = [word for one in said for word in one.words]
        seconds = sum(one.frame_count / streams[one.stream].rate_hz for one in said)
        uncertain = sum(SPEAKER_UNCERTAIN in word.flags for word in words)
        shown = labels.known_name(session, named, label) or labels.known_name(session, named, said[0].person or "")
        rows.append(_Row(label, shown, len(words), uncertain, seconds))
    return rows, list(attribution.sentences(attribution.read_told(run.run_path(found, transcript.run.run))))
