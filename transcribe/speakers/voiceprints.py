"""Voices known from earlier sessions: what a consenting person's voice is like, and whose an unnamed voice may be.

A match is a proposal for a person to judge, never a name.  A print is kept only of somebody whose roster entry says that they
agreed (``voice``), and it can be deleted: it is made from recordings that stay, so the record loses nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from everyword import labels
from everyword.digest import canonical
from everyword.errors import CorruptFolder
from everyword.folder import disk_errors, locked, write_new
from everyword.model import Speaker, Utterance
from everyword.recording import Recording
from transcribe.sound.audio import TrackAudio
from transcribe.sound.windows import RATE_HZ, Floats, Piece
from transcribe.speakers.assignment import OVERLAP, SPEAKER_UNCERTAIN
from transcribe.speakers.shadows import DOUBLED
from transcribe.speakers.voices import EMBEDDING, PINNED, VoiceModels

FILE = "voices.jsonl"
LEAST_S = 5.0
"""Less speech than this makes no print."""

MOST_S = 60.0
LONGEST_PIECE_S = 10.0
LEAST_PIECE_S = 1.0

LIKELY = 0.6
"""Likeness from which a person is proposed: on the real speech of benchmarks/speakers.py it finds most of the same voices and few
others; two voices of one family or one studio can be as alike."""

_SCALE = 10_000


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """A person's voice in one session: a direction of length 1, float32, and the seconds of speech it was made from."""

    person: str
    name: str
    session: str
    model: str
    speech_s: float
    print_: Floats


@dataclass(frozen=True, slots=True)
class Proposal:
    """Perhaps the voice `label` is this person: `likeness` of their voices (-1 to 1), and the session it was learnt from."""

    label: str
    person: str
    name: str
    likeness: float
    session: str


def prints_of(recording: Recording, utterances: Sequence[Utterance], models: VoiceModels) -> dict[str, tuple[float, Floats]]:
    """Label → seconds of clear speech used, and the voice's print; labels with too little clear speech are left out."""
    found: dict[str, tuple[float, Floats]] = {}
    by_label: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        by_label.setdefault(labels.label_of(utterance), []).append(utterance)
    for label, said in by_label.items():
        pieces = list(_clear_pieces(recording, said))
        speech_s = sum(piece.sample_count for piece in pieces) / RATE_HZ
        if speech_s < LEAST_S:
            continue
        total = sum(_print(recording, said[0].track, piece, models) * np.float32(piece.sample_count) for piece in pieces)
        whole = np.asarray(total, np.float32)
        found[label] = speech_s, whole / np.float32(np.linalg.norm(whole) or 1.0)
    return found


def consenting(roster: Iterable[Speaker]) -> dict[str, Speaker]:
    """Person → roster entry, of those who allow that their voice is compared."""
    return {speaker.person: speaker for speaker in roster if speaker.voice_consent}


def known_people(recording: Recording, utterances: Sequence[Utterance], named: Mapping[str, str]) -> dict[str, str]:
    """Label → person, by the ledger (`named`) or because that person sits alone at the track."""
    alone = {labels.label_of(one): one.person for one in utterances if one.person}
    return {label: person for label, person in {**alone, **named}.items() if person in consenting(recording.session.roster)}


def learn(
    home: Path, recording: Recording, utterances: Sequence[Utterance], *, named: Mapping[str, str], models: VoiceModels
) -> list[Voiceprint]:
    """Keep the voices of those who consented and whose label is known; a newer print of a session takes the older one's place.

    Raises:
        DiskTrouble: the file cannot be written.
    """
    people = known_people(recording, utterances, named)
    roster = consenting(recording.session.roster)
    wanted = [one for one in utterances if labels.label_of(one) in people]
    by_person: dict[str, list[tuple[float, Floats]]] = {}
    for label, found in prints_of(recording, wanted, models).items():
        by_person.setdefault(people[label], []).append(found)
    session = recording.session.id
    learnt = [
        Voiceprint(person, roster[person].name, session, PINNED[EMBEDDING], sum(s for s, _ in found), _mean(found))
        for person, found in by_person.items()
    ]
    if learnt:
        kept = [one for one in read(home) if one.session != session or one.person not in by_person]
        _write(home, [*kept, *learnt])
    return learnt


def propose(
    recording: Recording, utterances: Sequence[Utterance], *, known: Iterable[Voiceprint], models: VoiceModels
) -> list[Proposal]:
    """Whose the voices may be, the likeliest first.

    Nobody is proposed whose roster entry in this session lacks the consent; prints of other models are passed over.
    """
    refused = {one.person for one in recording.session.roster if not one.voice_consent}
    allowed = [one for one in known if one.person not in refused and one.model == PINNED[EMBEDDING]]
    if not allowed:
        return []
    found: list[Proposal] = []
    for label, (_, print_) in prints_of(recording, utterances, models).items():
        best: dict[str, Proposal] = {}
        for one in allowed:
            likeness = float(print_ @ one.print_)
            if likeness >= LIKELY and likeness > best.get(one.person, Proposal("", "", "", -2.0, "")).likeness:
                best[one.person] = Proposal(label, one.person, one.name, likeness, one.session)
        found += best.values()
    return sorted(found, key=lambda one: (one.label, -one.likeness))


def read(home: Path) -> list[Voiceprint]:
    """Every print that is kept.  Raises `CorruptFolder` naming a line that makes no sense."""
    path = home / FILE
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found.append(_from_line(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptFolder(
                f"{path}, line {number}, makes no sense.", hint="Delete the file; voices can be learnt again."
            ) from error
    return found


def forget(home: Path, person: str) -> int:
    """Delete every print of a person for good; returns how many there were.  Raises `DiskTrouble` when the disk refuses."""
    known = read(home)
    kept = [one for one in known if one.person != person]
    if len(kept) < len(known):
        _write(home, kept)
    return len(known) - len(kept)


def _clear_pieces(recording: Recording, said: Sequence[Utterance]) -> Iterator[Piece]:
    """The longest utterances without a doubt about who speaks, in pieces, until there is enough."""
    doubts = {SPEAKER_UNCERTAIN, OVERLAP, DOUBLED}
    left_s = MOST_S
    for one in sorted(said, key=lambda one: -one.frame_count):
        rate_hz = recording.streams[one.stream].rate_hz
        clear = [word for word in one.words if not doubts & set(word.flags)]
        if not clear or left_s <= 0:
            continue
        first, end = clear[0].first_frame, clear[-1].first_frame + clear[-1].frame_count
        count = min(end - first, round(LONGEST_PIECE_S * rate_hz))
        if count >= LEAST_PIECE_S * rate_hz:
            left_s -= count / rate_hz
            yield Piece(one.stream, first, count, rate_hz)


def _print(recording: Recording, track: int, piece: Piece, models: VoiceModels) -> Floats:
    place = next(one for one in recording.tracks if one.number == track and one.stream == piece.stream)
    return models.embed(np.concatenate(list(TrackAudio(recording, place).blocks(piece))))


def _mean(found: Sequence[tuple[float, Floats]]) -> Floats:
    total = np.asarray(sum(print_ * np.float32(seconds) for seconds, print_ in found), np.float32)
    return total / np.float32(np.linalg.norm(total) or 1.0)


def _write(home: Path, prints: Sequence[Voiceprint]) -> None:
    """The whole file anew, and in one step: what was deleted is not left behind in it."""
    path = home / FILE
    with disk_errors(path):
        home.mkdir(parents=True, exist_ok=True)
        with locked(path):
            draft = path.with_name(f".{FILE}.new")
            draft.unlink(missing_ok=True)
            write_new(draft, b"".join(canonical(_line(one)) + b"\n" for one in prints), mode=0o600)
            draft.replace(path)


def _line(one: Voiceprint) -> dict[str, object]:
    return {
        "person": one.person,
        "name": one.name,
        "session": one.session,
        "model": one.model,
        "speech_ms": round(one.speech_s * 1000),
        "print": [round(float(value) * _SCALE) for value in one.print_],
    }


def _from_line(line: dict[str, object]) -> Voiceprint:
    values = np.array(line["print"], np.float32)
    return Voiceprint(
        person=str(line["person"]),
        name=str(line["name"]),
        session=str(line["session"]),
        model=str(line["model"]),
        speech_s=int(str(line["speech_ms"])) / 1000,
        print_=values / np.float32(np.linalg.norm(values) or 1.0),
    )
