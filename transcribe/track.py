"""One track: sound → windows → readings → words → utterances and coverage."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from everyword.model import Span, Track, Utterance, Word
from everyword.recording import Recording
from transcribe.engine import Engine, Reading
from transcribe.evidence import checks, coverage, silence
from transcribe.evidence.silence import Stillness
from transcribe.reading.attempts import Attempt, Clip
from transcribe.reading.batches import read_all
from transcribe.record import stitch, words
from transcribe.record.stitch import Said
from transcribe.record.unfinished import Begun
from transcribe.sound.audio import TrackAudio
from transcribe.sound.voice import profile_of
from transcribe.sound.windows import Profile, Window, pieces, tile

VERIFIED_SILENCE = "verified silence"

Write = Callable[[dict[str, object]], None]
"""Writes the next line of ``readings.jsonl``."""


@dataclass(slots=True)
class TrackText:
    """What came out of one track; ``quarantine`` are the lines of its file."""

    track: Track
    rate_hz: int
    said: list[Said] = field(default_factory=list)
    utterances: list[Utterance] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    quarantine: list[dict[str, object]] = field(default_factory=list)
    broken: Sequence[tuple[int, int]] = ()
    altered: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class _Planned:
    """A piece with its windows."""

    profile: Profile
    still: Stillness
    windows: list[Window]

    def is_silent(self, window: Window) -> bool:
        return self.still.is_silent(window.first_frame, window.end_frame)


def read_track(
    recording: Recording,
    track: Track,
    engine: Engine,
    *,
    languages: Sequence[str],
    altered: Sequence[tuple[int, int]] = (),
    begun: Begun,
    write: Write,
    heard: Callable[[float], None],
) -> TrackText:
    """Transcribe one track.

    The sound is read twice: for its profile (voice and level decide the cuts and what is silent), then for the engine, which is
    not asked about windows of verified silence.

    Args:
        recording: the session's journal, sealed.
        track: which microphone.
        engine: what reads the windows.
        languages: that a window may be in.
        altered: ``(first frame, end frame)`` of what is not the sound that was sealed.
        begun: the run; what it already has is not read again, and what is read goes there at once.
        write: gets every attempt as it goes into the record, in the order of the windows.
        heard: is told the seconds of sound that are done, in steps.

    Raises:
        CorruptFolder: a segment is missing or short.
    """
    audio = TrackAudio(recording, track)
    rate_hz = audio.stream.rate_hz
    found = pieces(recording.segments, recording.gaps, stream=track.stream, rate_hz=rate_hz)
    plan = _plan([profile_of(audio.blocks(piece), piece) for piece in found])
    text = TrackText(track, rate_hz, broken=tuple(audio.broken), altered=altered)
    planned = {window: one.is_silent(window) for one in plan for window in one.windows}
    known = planned.keys() & begun.windows(track) | {window for window, is_silent in planned.items() if is_silent}
    heard(sum(window.frame_count for window in known) / rate_hz)
    clips = (clip for clip in _clips(audio, plan, _expected(recording, track)) if clip.window not in known)
    for attempts in read_all(engine, clips, languages=languages, keep=partial(begun.keep, track)):
        heard(attempts[0].window.frame_count / rate_hz)
    _write_down(text, plan, recording, begun, write)
    return text


def _plan(profiles: Sequence[Profile]) -> list[_Planned]:
    limit_db = silence.loudness_limit_db(profiles)
    plan: list[_Planned] = []
    number = 1
    for one in profiles:
        windows = tile(one, first_number=number)
        plan.append(_Planned(one, silence.stillness(one, limit_db=limit_db), windows))
        number += len(windows)
    return plan


def _expected(recording: Recording, track: Track) -> tuple[str, ...]:
    """The languages that the roster gives those who sit at this track."""
    return tuple(sorted({one.language for one in recording.session.roster if one.track == track.number and one.language}))


def _clips(audio: TrackAudio, plan: Sequence[_Planned], expected: tuple[str, ...]) -> Iterator[Clip]:
    for one in plan:
        if all(one.is_silent(window) for window in one.windows):
            continue
        for window, samples in audio.clips(one.profile.piece, one.windows):
            if not one.is_silent(window):
                yield Clip(window, samples, one.profile, expected)


def _write_down(text: TrackText, plan: Sequence[_Planned], recording: Recording, begun: Begun, write: Write) -> None:
    """Words of the attempts in use → utterances, quarantine and coverage; every attempt → a line of readings."""
    said: list[Said] = []
    failed: list[tuple[int, int, str]] = []
    for place, read in _groups(plan, begun, text.track):
        attempts = _with_echo(read)
        text.quarantine += _echoes(text.track, attempts)
        for attempt in attempts:
            found = words.words_of(attempt, place.profile, others=_others(attempt, attempts))
            kept = _kept(text, attempt, found, place.still) if attempt.used else []
            judged = _with_uncovered(attempt, [word for word, _ in kept], place.profile) if attempt.used else attempt
            said += words.said(judged, kept)
            if attempt.error and attempt.used:
                failed.append((attempt.window.first_frame, attempt.window.end_frame, attempt.error))
            write(words.line(text.track, judged, [word for word, _ in found]))
    text.said = said
    person = stitch.person_of(text.track.number, recording.session.roster)
    text.utterances = stitch.utterances(said, track=text.track, rate_hz=text.rate_hz, person=person)
    text.spans = coverage.ledger(
        text.track,
        end_frame=recording.end_frame(text.track.stream),
        rate_hz=text.rate_hz,
        stillness=[one.still for one in plan],
        altered=text.altered,
        broken=text.broken,
        words=[one.word for one in said],
        failed=failed,
        gaps=[gap for gap in recording.gaps if gap.stream == text.track.stream],
    )


def _groups(plan: Sequence[_Planned], begun: Begun, track: Track) -> Iterator[tuple[_Planned, list[Attempt]]]:
    """The attempts at each window, in the order of the windows, one at a time from the disk."""
    for one in plan:
        for window in one.windows:
            if one.is_silent(window):
                yield one, [Attempt(window, "whole", None, skipped=VERIFIED_SILENCE)]
            else:
                yield one, begun.attempts(track, window)


def _with_echo(attempts: Sequence[Attempt]) -> list[Attempt]:
    """The attempts at a window; where one of them was an echo at first, those in use are flagged: it may have been said."""
    is_echoed = any(checks.ECHO in attempt.flags for attempt in attempts)
    return [
        replace(one, flags=(*one.flags, checks.ECHO)) if is_echoed and one.used and checks.ECHO not in one.flags else one
        for one in attempts
    ]


def _echoes(track: Track, attempts: Sequence[Attempt]) -> list[dict[str, object]]:
    """The echoes at a window as lines of quarantine; what several attempts echoed over the same frames stands there once."""
    different: dict[tuple[Window, str], Attempt] = {}
    for one in attempts:
        if one.reading and one.reading.echo:
            different.setdefault((one.window, one.reading.echo[0].text), one)
    return [line for one in different.values() for line in words.echoed(track, one)]


def _others(attempt: Attempt, attempts: Sequence[Attempt]) -> list[Reading]:
    """Of the attempts at its window, further readings of the same frames in the same language."""
    language = attempt.reading.language if attempt.reading else ""
    return [
        one.reading
        for one in attempts
        if one is not attempt
        and one.window == attempt.window
        and one.reading
        and one.reading.hypotheses
        and one.reading.language == language
    ]


def _kept(text: TrackText, attempt: Attempt, found: Sequence[tuple[Word, str]], still: Stillness) -> list[tuple[Word, str]]:
    """The words that stand; the others go into quarantine and cast doubt on the rest."""
    kept: list[tuple[Word, str]] = []
    invented: list[Word] = []
    for word, spaced in found:
        if reason := checks.quarantine_reason(word, still=still, reading_flags=attempt.flags):
            text.quarantine.append(words.quarantined(text.track, attempt, word, reason))
            invented += [word] if reason != checks.NO_TIME else []  # a repetition casts no doubt on what it repeats
        else:
            kept.append((_with_place(word, still, text.altered), spaced))
    doubted = checks.doubt_rest([word for word, _ in kept], invented=invented, rate_hz=text.rate_hz)
    return [(word, spaced) for word, (_, spaced) in zip(doubted, kept, strict=True)]


def _with_place(word: Word, still: Stillness, altered: Sequence[tuple[int, int]]) -> Word:
    """The word, flagged if the sound in its place does not bear it out."""
    end_frame = word.first_frame + word.frame_count
    signs = (
        (checks.NO_VOICE, still.has_no_voice(word.first_frame, end_frame)),
        (checks.ALTERED, any(first < end_frame and word.first_frame < end for first, end in altered)),
    )
    return replace(word, flags=(*word.flags, *(flag for flag, is_so in signs if is_so)))


def _with_uncovered(attempt: Attempt, kept: Sequence[Word], place: Profile) -> Attempt:
    """The attempt, flagged if there is a voice in its window that no word accounts for."""
    reach = int(coverage.REACH_S * place.piece.rate_hz)
    if attempt.reading is None or not checks.has_uncovered_speech(attempt.window, kept, place, margin_frames=reach):
        return attempt
    return replace(attempt, flags=(*attempt.flags, checks.UNCOVERED))
