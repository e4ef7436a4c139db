"""A microphone that several people share: who speaks when.

Ten seconds at a time, in steps of five, the segmentation model says who of at most three local voices speaks.  It overlooks
changes between voices that are alike, so each stretch of one local voice is heard again in windows of a second and a half, and
cut where the voiceprints change.  The voiceprints of the whole track, whatever its gaps, are clustered at once.  Nothing here
knows words, and nothing here knows names.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcribe.sound.windows import RATE_HZ, Floats, bridged, runs_of
from transcribe.speakers.clustering import ALIKE, ENOUGH_S, Labels, Prints, cluster, dense, likeness
from transcribe.speakers.voices import CHUNK_SAMPLES, FRAME_SAMPLES, LOCAL_VOICES, VoiceModels

SHIFT_SAMPLES = CHUNK_SAMPLES // 2
PAUSE_S = 0.25
"""A pause within a stretch of one local voice that does not cut it: longer ones may hide a change between two alike voices."""

WINDOW_S, STEP_S = 1.5, 0.75
"""What one voiceprint is made from within a longer stretch, and how far the next one is from it."""

CHANGE = 0.35
"""How much longer the sums of the voiceprints on both sides of a place must be, together, than the sum of all of them: then there
is a change of voice.  Tuned, as all figures here, on the recordings that benchmarks/diarization.py calls ``dev``."""

LEAST_PRINT_S = 0.4
"""Below that a stretch has no voiceprint of its own."""

LEAST_CLUSTERED_S = 1.0
"""Below that a voiceprint is assigned to a voice, but does not help to find the voices."""

LOCAL_WEIGHT = 0.3
"""How much it counts, beside a stretch's own print, that the segmentation model takes it for the voice of other stretches."""

MOST_CHUNKS = 1_000_000
"""More than a piece can have: 57 days."""

JOINED_S = 0.25
"""Two turns of one voice with a shorter pause between them are one."""

LEAST_TURN_S = 0.2
ROUNDS = 3

FEWER_VOICES = "fewer-voices"
MORE_VOICES = "more-voices"
ALIKE_VOICES = "alike-voices"
NO_VOICES = "no-voices"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One local voice of one chunk, without long pauses and changes: its frames (of the piece), and its print if it has one."""

    chunk: int
    local: int
    frames: NDArray[np.int32]
    clear_s: float
    print_: Floats | None


@dataclass(frozen=True, slots=True)
class Listened:
    """What the models made of one piece: how many people speak at once in each frame, and the stretches."""

    sample_count: int
    at_once: NDArray[np.int8]
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """Samples (16 kHz) of a piece in which one voice speaks; turns of different voices may overlap."""

    voice: int
    first_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class Voice:
    """What is known of a voice: seconds in which it speaks alone, and its mean print, of length 1."""

    clear_s: float
    print_: Floats


@dataclass(frozen=True, slots=True)
class Diarization:
    """The turns of each piece in order of time, the voices in order of appearance, and what is doubtful about them."""

    turns: tuple[tuple[Turn, ...], ...]
    voices: tuple[Voice, ...]
    flags: tuple[str, ...]


def listen(blocks: Iterable[Floats], models: VoiceModels) -> Listened:
    """Hear one piece once, never more than a chunk and a block of it in memory."""
    speaking: list[NDArray[np.int8]] = []
    stretches: list[Stretch] = []
    total = 0
    for number, chunk in enumerate(_chunks(blocks)):
        total = number * SHIFT_SAMPLES + len(chunk)
        local = models.segment(chunk)
        speaking.append(local.sum(axis=1).astype(np.int8))
        stretches += _stretches(chunk, local, number, models)
    return Listened(total, _at_once(speaking, total), tuple(stretches))


def tell_apart(pieces: Sequence[Listened], *, people: int | None) -> Diarization:
    """The voices of all pieces together.

    Args:
        pieces: one after the other, of one microphone.
        people: how many people share it at most; None when nobody knows.
    """
    printed = [(number, one) for number, piece in enumerate(pieces) for one in piece.stretches if one.print_ is not None]
    used = [(number, one) for number, one in printed if one.clear_s >= LEAST_CLUSTERED_S]
    if len(used) < (people or 1):
        used = printed
    if not used:
        return Diarization(((),) * len(pieces), (), (NO_VOICES,))
    heard = Prints(
        np.stack([one.print_ for _, one in used if one.print_ is not None]),
        np.array([max(one.clear_s, LEAST_PRINT_S) for _, one in used], np.float32) * np.float32(SHIFT_SAMPLES / CHUNK_SAMPLES),
        np.array([(number * MOST_CHUNKS + one.chunk, one.local) for number, one in used], np.intp),
    )
    labels, centres = _refined(heard, cluster(heard, people=people))
    voices = tuple(Voice(float(heard.seconds[labels == number].sum()), centre) for number, centre in enumerate(centres))
    turns = tuple(tuple(_turns(piece, centres)) for piece in pieces)
    return Diarization(turns, voices, _flags(heard, labels, people))


def _chunks(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """Overlapping chunks; the last one is shorter, and only there when it has something new."""
    held, yielded = np.zeros(0, np.float32), False
    for block in blocks:
        held = np.concatenate((held, block))
        while len(held) >= CHUNK_SAMPLES:
            yield held[:CHUNK_SAMPLES]
            held, yielded = held[SHIFT_SAMPLES:], True
    if len(held) > (CHUNK_SAMPLES - SHIFT_SAMPLES if yielded else 0):
        yield held


def _stretches(chunk: Floats, local: NDArray[np.bool_], number: int, models: VoiceModels) -> Iterator[Stretch]:
    alone = local.sum(axis=1) == 1
    offset = round(number * SHIFT_SAMPLES / FRAME_SAMPLES)
    pause = int(PAUSE_S * RATE_HZ / FRAME_SAMPLES)
    for voice in range(LOCAL_VOICES):
        speaks = np.flatnonzero(local[:, voice])
        if not len(speaks):
            continue
        for frames in np.split(speaks, np.flatnonzero(np.diff(speaks) > pause) + 1):
            for part, found in _unchanged(chunk, frames, alone, models):
                clear_s = int(alone[part].sum()) * FRAME_SAMPLES / RATE_HZ
                yield Stretch(number, voice, (part + offset).astype(np.int32), clear_s, found)


def _unchanged(
    chunk: Floats, frames: NDArray[np.intp], alone: NDArray[np.bool_], models: VoiceModels
) -> Iterator[tuple[NDArray[np.intp], Floats | None]]:
    """The parts of a stretch in which the voice does not change, each with its print; those too short for one come last."""
    parts = np.array_split(frames, max(1, round(len(frames) * FRAME_SAMPLES / (STEP_S * RATE_HZ))))
    heard: list[tuple[NDArray[np.intp], Floats]] = []
    unheard = []
    for part in parts:
        window = _window(frames, part) if len(parts) > 1 else frames
        clear = window[alone[window]]
        if len(clear) * FRAME_SAMPLES >= LEAST_PRINT_S * RATE_HZ:
            heard.append((part, models.embed(_samples_of(chunk, clear))))
        else:
            unheard.append(part)
    if heard:
        prints = np.stack([print_ for _, print_ in heard])
        for first, end in changes(prints):
            total = prints[first:end].sum(axis=0)
            yield np.concatenate([part for part, _ in heard[first:end]]), total / np.float32(np.linalg.norm(total) or 1.0)
    yield from ((part, None) for part in unheard)


def _window(frames: NDArray[np.intp], part: NDArray[np.intp]) -> NDArray[np.intp]:
    """`WINDOW_S` of the stretch around a part of it, or at the stretch's beginning or end."""
    length = int(WINDOW_S * RATE_HZ / FRAME_SAMPLES)
    middle = int(np.searchsorted(frames, (part[0] + part[-1]) // 2))
    first = min(max(0, middle - length // 2), max(0, len(frames) - length))
    return frames[first : first + length]


def changes(prints: Floats) -> list[tuple[int, int]]:
    """Where the voice changes in a row of prints, shape (windows, dimensions): (first, end) of each part that is one voice.

    The row is cut in two where that makes the sums of the prints longest, if it is worth `CHANGE`, and so on in each part.
    """
    sums = np.concatenate((np.zeros((1, prints.shape[1])), np.cumsum(prints, axis=0, dtype=np.float64)))
    waiting, found = [(0, len(prints))], []
    while waiting:
        first, end = waiting.pop()
        places = np.arange(first + 1, end)
        apart = np.linalg.norm(sums[places] - sums[first], axis=1) + np.linalg.norm(sums[end] - sums[places], axis=1)
        gain = apart - np.linalg.norm(sums[end] - sums[first])
        if len(places) and gain.max() >= CHANGE:
            place = int(places[np.argmax(gain)])
            waiting += [(first, place), (place, end)]
        else:
            found.append((first, end))
    return sorted(found)


def _samples_of(chunk: Floats, frames: NDArray[np.intp]) -> Floats:
    places = frames[:, None] * FRAME_SAMPLES + np.arange(FRAME_SAMPLES)
    found: Floats = chunk[places[places < len(chunk)]]
    return found


def _at_once(speaking: Sequence[NDArray[np.int8]], sample_count: int) -> NDArray[np.int8]:
    """The mean over the chunks that hear a frame, rounded."""
    length = sample_count // FRAME_SAMPLES + CHUNK_SAMPLES // FRAME_SAMPLES
    totals, chunks = np.zeros(length, np.int8), np.zeros(length, np.int8)
    for number, counts in enumerate(speaking):
        first = round(number * SHIFT_SAMPLES / FRAME_SAMPLES)
        heard = min(len(counts), (sample_count - number * SHIFT_SAMPLES) // FRAME_SAMPLES)
        totals[first : first + heard] += counts[:heard]
        chunks[first : first + heard] += 1
    return ((2 * totals + chunks) // np.maximum(1, 2 * chunks)).astype(np.int8)


def _refined(heard: Prints, labels: Labels) -> tuple[Labels, Floats]:
    """A few rounds in which every stretch goes to the nearest voice; a voice that nobody is nearest to is gone."""
    centres = _centres(heard, labels)
    for _ in range(ROUNDS):
        labels = dense(np.argmax(heard.prints @ centres.T, axis=1))
        centres = _centres(heard, labels)
    return labels, centres


def _centres(heard: Prints, labels: Labels) -> Floats:
    weighed = heard.prints * heard.seconds[:, None]
    sums = [weighed[labels == name].sum(axis=0) for name in range(int(labels.max()) + 1)]
    centres: Floats = np.stack([total / (np.linalg.norm(total) or 1.0) for total in sums]).astype(np.float32)
    return centres


def _turns(piece: Listened, centres: Floats) -> list[Turn]:
    """In each frame as many voices as speak at once: those that the most chunks hear."""
    votes = np.zeros((len(centres), len(piece.at_once)), np.int8)
    for one, voice in _assigned(piece.stretches, centres):
        votes[voice, one.frames] += 1
    speaks = np.zeros(votes.shape, np.bool_)
    order = np.argsort(-votes, axis=0, kind="stable")
    for rank in range(min(len(centres), 2)):
        frames = np.flatnonzero(piece.at_once > rank)
        frames = frames[votes[order[rank, frames], frames] > 0]
        speaks[order[rank, frames], frames] = True
    found = [turn for voice in range(len(centres)) for turn in _turns_of(voice, speaks[voice], piece.sample_count)]
    return sorted(found, key=lambda turn: (turn.first_sample, turn.voice))


def _assigned(stretches: Sequence[Stretch], centres: Floats) -> Iterator[tuple[Stretch, int]]:
    """Each stretch with its voice: by its own print, and a little by that of its local voice in the whole chunk."""
    sums: dict[tuple[int, int], Floats] = {}
    for one in stretches:
        if one.print_ is not None:
            place = one.chunk, one.local
            sums[place] = sums.get(place, np.zeros(centres.shape[1], np.float32)) + one.print_ * np.float32(one.clear_s)
    for one in stretches:
        whole = sums.get((one.chunk, one.local))
        if whole is None:
            continue
        likeness = LOCAL_WEIGHT * (centres @ (whole / np.linalg.norm(whole)))
        if one.print_ is not None:
            likeness = likeness + min(1.0, one.clear_s) * (centres @ one.print_)
        yield one, int(np.argmax(likeness))


def _turns_of(voice: int, speaks: NDArray[np.bool_], sample_count: int) -> Iterator[Turn]:
    runs = ((first * FRAME_SAMPLES, min(sample_count, end * FRAME_SAMPLES)) for first, end in runs_of(speaks))
    joined = bridged(runs, gap=JOINED_S * RATE_HZ)
    yield from (Turn(voice, first, end) for first, end in joined if end - first >= LEAST_TURN_S * RATE_HZ)


def _flags(heard: Prints, labels: Labels, people: int | None) -> tuple[str, ...]:
    """How the sound and the roster disagree, and whether two voices may be mixed up."""
    alike = likeness(heard, labels)
    found = []
    if people is not None:
        found += [FEWER_VOICES] if len(alike) < people else []
        free = np.bincount(cluster(heard, people=None), weights=heard.seconds)
        found += [MORE_VOICES] if int((free >= ENOUGH_S).sum()) > people else []
    if (np.triu(alike, 1) > ALIKE).any():
        found.append(ALIKE_VOICES)
    return tuple(found)
