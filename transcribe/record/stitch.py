"""Words of one track → utterances, whatever windows they came from.  Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from everyword.model import Speaker, Track, Utterance, Word

PAUSE_S = 0.8
"""A pause this long ends an utterance."""

LONG_S = 20.0
"""From here on the end of a sentence ends an utterance too, so that nobody's monologue becomes one line."""

_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")


@dataclass(frozen=True, slots=True)
class Said:
    """A word with the spacing the engine wrote, and the reading it comes from."""

    word: Word
    spaced: str
    window: int
    language: str
    language_ppm: int
    reading_flags: tuple[str, ...] = ()


def utterances(said: Iterable[Said], *, track: Track, rate_hz: int, person: str | None) -> list[Utterance]:
    """Cut the words of a track, in order of time, at pauses, changes of language and, when it gets long, ends of sentences.

    Ids are 0 here; `numbered` gives them once all tracks are known.
    """
    result: list[Utterance] = []
    group: list[Said] = []
    for one in said:
        if group and _is_break(group, one, rate_hz=rate_hz):
            result.append(_utterance(group, track=track, person=person))
            group = []
        group.append(one)
    if group:
        result.append(_utterance(group, track=track, person=person))
    return result


def person_of(track: int, roster: Sequence[Speaker]) -> str | None:
    """The person who alone sits at this track, or None: a guess between two is left to people."""
    seated = [speaker.person for speaker in roster if speaker.track == track]
    return seated[0] if len(seated) == 1 else None


def numbered(groups: Sequence[tuple[int, Utterance]]) -> list[Utterance]:
    """All utterances of a session in order of time, numbered from 1.  `groups` are (µs of the utterance's start, utterance)."""
    ordered = sorted(groups, key=lambda pair: (pair[0], pair[1].track, pair[1].first_frame))
    return [replace(utterance, id=number) for number, (_, utterance) in enumerate(ordered, 1)]


def _is_break(group: Sequence[Said], one: Said, *, rate_hz: int) -> bool:
    last = group[-1]
    end = last.word.first_frame + last.word.frame_count
    if one.word.first_frame - end >= PAUSE_S * rate_hz or one.language != last.language:
        return True
    is_long = end - group[0].word.first_frame >= LONG_S * rate_hz
    return is_long and last.word.text.endswith(_SENTENCE_ENDS)


def _utterance(group: Sequence[Said], *, track: Track, person: str | None) -> Utterance:
    first = group[0].word.first_frame
    end = max(one.word.first_frame + one.word.frame_count for one in group)
    flags = dict.fromkeys(flag for one in group for flag in (*one.reading_flags, *one.word.flags))
    return Utterance(
        id=0,
        stream=track.stream,
        track=track.number,
        first_frame=first,
        frame_count=end - first,
        language=group[0].language,
        language_ppm=min(one.language_ppm for one in group),
        person=person,
        text="".join(one.spaced for one in group).strip(),
        words=tuple(one.word for one in group),
        window=group[0].window,
        flags=tuple(flags),
    )
