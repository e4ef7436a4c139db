"""Who said it: bleed between microphones, and the voices of those who share one.

The one call the pipeline makes once every track has been read.  It only sorts words: not one is changed, added or lost, and when
anything here fails, the utterances stay as they are and the run says why.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from pathlib import Path

from everyword.errors import EverywordError, InvalidOption
from everyword.model import Speaker, Utterance
from everyword.recording import Recording
from everyword.run import lines_anew, read_lines
from transcribe.record import stitch
from transcribe.record.stitch import Said
from transcribe.sound.audio import TrackAudio
from transcribe.sound.windows import Piece, pieces
from transcribe.speakers import shadows
from transcribe.speakers.assignment import Owner, Spoken, owners
from transcribe.speakers.diarization import (
    ALIKE_VOICES,
    FEWER_VOICES,
    MORE_VOICES,
    NO_VOICES,
    Diarization,
    Listened,
    Turn,
    Voice,
    listen,
    tell_apart,
)
from transcribe.speakers.voices import VoiceModels, load
from transcribe.track import TrackText

ROSTER, AUTO, NONE = "roster", "auto", "none"
MOST_PEOPLE = 50

SHADOWS = "shadows.jsonl"
TURNS = "turns.jsonl"
SPEAKERS = "speakers.jsonl"
FILES = (SHADOWS, TURNS, SPEAKERS)

DUAL_MONO = "dual-mono"
TOO_CLOSE = "too-close"

TOO_CLOSE_SHARE = 0.25
"""Share of a track's words that another microphone hears about as well, from which it is said."""

SENTENCES = {
    FEWER_VOICES: "fewer voices were told apart than people sit there",
    MORE_VOICES: "there seem to be more people than the roster, or --speakers, has",
    ALIKE_VOICES: "two of the voices are much alike: listen before naming them",
    NO_VOICES: "no voice was heard",
    DUAL_MONO: "it carries the very sound of another track, whose words count",
    TOO_CLOSE: "another microphone hears many of its words about as well, so they stand twice (flag doubled): "
    "the microphones are too close together, or their gains differ",
}


@dataclass(slots=True)
class Told:
    """What became known of one track: a line of ``speakers.jsonl``.

    ``people`` is how many were looked for; None when nobody knew, 0 when nobody was asked.
    """

    track: int
    people: int | None
    voices: list[tuple[str, Voice]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    shadows: int = 0
    problem: str = ""
    hint: str = ""

    def line(self) -> dict[str, object]:
        """As it is written down: no print of anybody's voice is in it."""
        voices = [{"label": label, "clear_ms": round(voice.clear_s * 1000)} for label, voice in self.voices]
        return {
            "track": self.track,
            "people": self.people,
            "voices": voices,
            "flags": self.flags,
            "shadows": self.shadows,
            "problem": self.problem,
            "hint": self.hint,
        }


@dataclass(slots=True)
class SpeakerPass:
    """The lines of the three files that this pass adds to a run."""

    told: list[Told] = field(default_factory=list)
    turns: list[dict[str, object]] = field(default_factory=list)
    shadows: list[dict[str, object]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write them into the run's folder, over what an earlier process may have left."""
        lines = {SHADOWS: self.shadows, TURNS: self.turns, SPEAKERS: [one.line() for one in self.told]}
        for name, values in lines.items():
            with lines_anew(path / name) as write:
                for value in values:
                    write(value)


def choose_people(choice: str) -> str:
    """``roster``, ``auto``, ``none`` or a number of people.  Raises `InvalidOption`."""
    plain = choice.strip().lower()
    if plain in (ROSTER, AUTO, NONE) or (plain.isdecimal() and 1 <= int(plain) <= MOST_PEOPLE):
        return plain
    raise InvalidOption(
        f"--speakers {choice} is not roster, auto, none or a number from 1 to {MOST_PEOPLE}.",
        hint="`roster` takes the number of people a microphone is shared by from the session's roster.",
    )


def attribute(
    recording: Recording, texts: Sequence[TrackText], *, people: str = ROSTER, models: Callable[[], VoiceModels] = load
) -> SpeakerPass:
    """Move bleed out of the texts, tell the voices of shared microphones apart, and cut the utterances at changes of voice.

    Args:
        recording: whose tracks these are.
        texts: the tracks as read; their utterances are made anew where something was found.
        people: see `choose_people`.
        models: loads the models, which happens only if some microphone is shared.
    """
    result = SpeakerPass()
    copies: dict[int, int] = {}
    try:
        copies, result.shadows = shadows.set_aside(recording, texts)
    except Exception as error:  # noqa: BLE001  (whatever it is, the words stay where they are and the run goes on)
        problem, hint = _problem(error)
        result.told += [Told(text.track.number, 0, problem=problem, hint=hint) for text in texts]
    load_once = cache(models)
    microphones = {text.track.number for text in texts}
    for number, group in groupby(sorted(texts, key=lambda text: text.track.number), key=lambda text: text.track.number):
        tracks = list(group)
        told = Told(number, _people_on(number, microphones, recording.session.roster, copies, people))
        told.shadows = sum(line["track"] == number for line in result.shadows)
        told.flags += [TOO_CLOSE] if _is_too_close(tracks) else []
        if number in copies:
            told.flags.append(DUAL_MONO)
        elif told.people != 0:
            _tell(recording, tracks, told, result, load_once)
        if told.people != 0 or told.flags or told.shadows or told.problem:
            result.told.append(told)
    return result


def _is_too_close(texts: Sequence[TrackText]) -> bool:
    doubled = [shadows.DOUBLED in one.word.flags for text in texts for one in text.said]
    return bool(doubled) and sum(doubled) >= TOO_CLOSE_SHARE * len(doubled)


def read_told(path: Path) -> list[dict[str, object]]:
    """The lines of ``speakers.jsonl``; none for a run of an older version."""
    return list(read_lines(path / SPEAKERS)) if (path / SPEAKERS).exists() else []


def sentences(lines: Sequence[dict[str, object]]) -> Iterator[str]:
    """What ``speakers.jsonl`` says, for the person at the terminal."""
    for line in lines:
        track, found = f"Track {line['track']}", line["voices"]
        assert isinstance(found, list)  # noqa: S101  (written by `Told.line`)
        if line["problem"]:
            yield f"{track}: voices were not told apart; the text is complete. {line['problem']} {line['hint']}".strip()
        elif found:
            looked = "" if line["people"] is None else f" for {line['people']} {'person' if line['people'] == 1 else 'people'}"
            yield f"{track}: {len(found)} voice{'s' * (len(found) != 1)}{looked}: {', '.join(one['label'] for one in found)}"
        flags = line["flags"]
        assert isinstance(flags, list)  # noqa: S101  (the same)
        if line["shadows"] and DUAL_MONO not in flags:
            yield f"{track}: {line['shadows']} words belong to another microphone that hears them better ({SHADOWS})"
        yield from (f"{track}: {SENTENCES[flag]}" for flag in flags if flag in SENTENCES)


def label_of(track: int, voice: int) -> str:
    """The letter of a voice after the number of its track: ``1A`` to ``1Z``, then ``1AA``."""
    letters = ""
    number = voice + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{track}{letters}"


def _people_on(track: int, microphones: set[int], roster: Sequence[Speaker], copies: dict[int, int], people: str) -> int | None:
    """How many people a microphone is shared by: 0 when there is nothing to tell apart.

    People whom the roster seats nowhere are at the microphones where it seats nobody; if there is one for each of them, they are
    taken to have one each.
    """
    if people in (NONE, AUTO):
        return 0 if people == NONE else None
    if people != ROSTER:
        return int(people)
    same = {track, *(copy for copy, original in copies.items() if original == track)}
    seated = sum(speaker.track in same for speaker in roster)
    if seated:
        return seated if seated > 1 else 0
    free = microphones - copies.keys() - {speaker.track for speaker in roster}
    anywhere = sum(speaker.track is None for speaker in roster)
    return anywhere if anywhere > len(free) else 0


def _tell(
    recording: Recording,
    texts: Sequence[TrackText],
    told: Told,
    result: SpeakerPass,
    models: Callable[[], VoiceModels],
) -> None:
    try:
        loaded = models()
        heard = [(text, piece, _listened(recording, text, piece, loaded)) for text in texts for piece in _pieces(recording, text)]
        found = tell_apart([listened for _, _, listened in heard], people=told.people)
        turns = _turns_by_stream([(text, piece) for text, piece, _ in heard], found)
        changed = [(text, _utterances(text, turns.get(text.track.stream, []), told.track)) for text in texts]
    except Exception as error:  # noqa: BLE001  (a foreign library may raise anything, and the text must not suffer from it)
        told.problem, told.hint = _problem(error)
        return
    told.voices = [(label_of(told.track, number), voice) for number, voice in enumerate(found.voices)]
    told.flags += found.flags
    for text, (said, utterances) in changed:
        text.said, text.utterances = said, utterances
    result.turns += [
        {
            "stream": stream,
            "track": told.track,
            "label": label_of(told.track, turn.voice),
            "first_frame": turn.first_frame,
            "frame_count": turn.end_frame - turn.first_frame,
        }
        for stream, spoken in sorted(turns.items())
        for turn in spoken
    ]


def _problem(error: Exception) -> tuple[str, str]:
    """A sentence, and the next step."""
    return (error.sentence, error.hint) if isinstance(error, EverywordError) else (f"{type(error).__name__}: {error}.", "")


def _pieces(recording: Recording, text: TrackText) -> list[Piece]:
    return pieces(recording.segments, recording.gaps, stream=text.track.stream, rate_hz=text.rate_hz)


def _listened(recording: Recording, text: TrackText, piece: Piece, models: VoiceModels) -> Listened:
    return listen(TrackAudio(recording, text.track).blocks(piece), models)


def _turns_by_stream(heard: Sequence[tuple[TrackText, Piece]], found: Diarization) -> dict[int, list[Spoken]]:
    turns: dict[int, list[Spoken]] = {}
    for (text, piece), spoken in zip(heard, found.turns, strict=True):
        turns.setdefault(text.track.stream, []).extend(_placed(turn, piece) for turn in spoken)
    return turns


def _placed(turn: Turn, piece: Piece) -> Spoken:
    return Spoken(turn.voice, piece.frame_of(turn.first_sample), piece.frame_of(turn.end_sample))


def _utterances(text: TrackText, turns: Sequence[Spoken], track: int) -> tuple[list[Said], list[Utterance]]:
    """The words with their doubts, and the utterances cut where another voice begins."""
    bounds = [(one.word.first_frame, one.word.first_frame + one.word.frame_count) for one in text.said]
    found = owners(bounds, turns, rate_hz=text.rate_hz)
    said = [_doubted(one, owner) for one, owner in zip(text.said, found, strict=True)]
    utterances: list[Utterance] = []
    for voice, group in groupby(zip(said, found, strict=True), key=lambda pair: pair[1].voice):
        label = "" if voice is None else label_of(track, voice)
        made = stitch.utterances([one for one, _ in group], track=text.track, rate_hz=text.rate_hz, person=None)
        utterances += [replace(one, label=label) for one in made]
    return said, utterances


def _doubted(one: Said, owner: Owner) -> Said:
    return replace(one, word=replace(one.word, flags=(*one.word.flags, *owner.flags))) if owner.flags else one
