"""A word stays on the microphone that hears it best; what only looks like bleed stays too."""

from collections.abc import Sequence

import numpy as np
import pytest

from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.speakers.bleed import Microphone, Placed, compare, judge

SECOND = 1_000_000


def a_voice(seed: int, seconds: float = 4.0) -> Floats:
    """Noise with the ups and downs of speech."""
    chance = np.random.default_rng(seed)
    count = int(seconds * RATE_HZ)
    shape = np.interp(np.arange(count), np.arange(0, count + 1600, 1600), chance.uniform(0.2, 1.0, count // 1600 + 1))
    return (0.1 * shape * chance.standard_normal(count)).astype(np.float32)


def far(voice: Floats, *, db: float, delay_ms: float = 6) -> Floats:
    """The voice as a microphone some metres away hears it."""
    delay = int(delay_ms * RATE_HZ / 1000)
    return (np.concatenate((np.zeros(delay, np.float32), voice))[: len(voice)] * np.float32(10 ** (db / 20))).astype(np.float32)


def at(*texts: str, step: int = SECOND) -> list[Placed]:
    return [Placed(text, number * step, number * step + step // 2) for number, text in enumerate(texts)]


def microphone(sound: Floats, words: Sequence[Placed]) -> Microphone:
    return Microphone(words, lambda start, end: sound[start * RATE_HZ // SECOND : end * RATE_HZ // SECOND])


def test_bleed_becomes_a_shadow_of_the_louder_microphone() -> None:
    voice = a_voice(1)
    near, distant = judge([microphone(voice, at("one", "two")), microphone(far(voice, db=-15), at("one", "too"))])
    assert ({}, [(0, 0), (1, 0)]) == (near.shadows, [(n, one.louder) for n, one in distant.shadows.items()])
    assert {"bleed"} == {one.reason for one in distant.shadows.values()}


def test_bleed_is_found_while_a_third_person_speaks_louder_beside_it() -> None:
    one, other = a_voice(1), a_voice(2)
    microphones = [
        microphone(far(one, db=-12) + a_voice(9) * np.float32(0.001), at("agreed")),
        microphone(other * np.float32(10), at("never")),
        microphone(one, at("agreed")),
    ]
    found = judge(microphones)
    assert {0: ("bleed", 2)} == {number: (shadow.reason, shadow.louder) for number, shadow in found[0].shadows.items()}
    assert [{}, {}] == [one.shadows for one in found[1:]]


def test_of_two_microphones_that_hear_a_word_better_the_likelier_source_is_named() -> None:
    voice = a_voice(1)
    near, between = microphone(voice, at("agreed")), microphone(far(voice, db=-8) + a_voice(5) * np.float32(0.3), at("agreed"))
    for others, louder in (([near, between], 1), ([between, near], 2)):
        found = judge([microphone(far(voice, db=-20), at("agreed")), *others])
        assert ([louder], frozenset()) == ([one.louder for one in found[0].shadows.values()], found[0].doubled)


def test_the_word_that_stays_is_not_doubted_because_of_its_shadow() -> None:
    voice = a_voice(1)
    near, _ = judge([microphone(voice, at("one", "two")), microphone(far(voice, db=-15), at("one", "two"))])
    assert frozenset() == near.doubled


def test_two_people_at_once_both_stay_however_soft_one_is() -> None:
    found = judge([microphone(a_voice(1), at("yes")), microphone(a_voice(2) * np.float32(0.1), at("yes"))])
    assert [({}, frozenset())] * 2 == [(one.shadows, one.doubled) for one in found]


def test_a_soft_answer_over_the_others_bleed_stays() -> None:
    loud, soft = a_voice(1), a_voice(2)
    mixed = far(loud, db=-14) + soft * np.float32(0.4)
    _, quiet = judge([microphone(loud, at("never")), microphone(mixed, at("agreed"))])
    assert {} == quiet.shadows


def rough(voice: Floats, likeness: float, start: int, end: int) -> Floats:
    """The voice, with so much else in it between two samples that only this much likeness is left there."""
    other = a_voice(9, len(voice) / RATE_HZ) * np.float32((1 / likeness**2 - 1) ** 0.5)
    mixed = voice.copy()
    mixed[start:end] += other[start:end]
    return mixed


@pytest.mark.parametrize(("around", "shadows"), [(1.0, [0]), (0.4, [])])
def test_a_short_word_that_is_not_sure_is_judged_by_the_sound_around_it(around: float, shadows: list[int]) -> None:
    """A tenth of a second at 1 s; the other microphone has another word there."""
    voice, first, end = a_voice(3), RATE_HZ, RATE_HZ * 11 // 10
    heard = rough(rough(voice, 0.52, first, end), around, RATE_HZ // 2, first)
    heard = rough(heard, around, end, 2 * RATE_HZ)
    place = SECOND, SECOND * 11 // 10
    found = judge([microphone(voice, [Placed("this", *place)]), microphone(far(heard, db=-12), [Placed("is", *place)])])
    assert shadows == list(found[1].shadows)


def test_a_word_that_only_one_microphone_has_stays() -> None:
    voice = a_voice(1)
    _, distant = judge(
        [microphone(voice, at("one")), microphone(far(voice, db=-15), [Placed("only here", 2 * SECOND, 3 * SECOND)])]
    )
    assert {} == distant.shadows


def test_a_word_that_two_microphones_hear_about_as_well_stays_on_both_and_is_flagged() -> None:
    voice = a_voice(1)
    found = judge([microphone(voice, at("treaty")), microphone(far(voice, db=-2), at("Treaty."))])
    assert [({}, {0}), ({}, {0})] == [(one.shadows, set(one.doubled)) for one in found]


def test_dual_mono_is_found_and_the_first_microphone_counts() -> None:
    voice = a_voice(1)
    first, second = judge([microphone(voice, at("one", "two")), microphone(voice.copy(), at("one", "two"))])
    assert (None, {}, 0, [0, 1]) == (first.copy_of, first.shadows, second.copy_of, list(second.shadows))


@pytest.mark.parametrize("db", [-8.0, -3.0, 5.0])
def test_one_signal_behind_a_splitter_is_dual_mono_at_any_gain(db: float) -> None:
    voice = a_voice(1)
    _, second = judge([microphone(voice, at("one", "two")), microphone(far(voice, db=db, delay_ms=0), at("one", "two"))])
    assert (0, ["dual-mono"] * 2) == (second.copy_of, [one.reason for one in second.shadows.values()])


def test_what_air_delays_or_somebody_speaks_over_is_no_dual_mono() -> None:
    voice = a_voice(1)
    spoken_over = far(voice, db=-3, delay_ms=0)
    spoken_over[2 * RATE_HZ :] = a_voice(2)[: 2 * RATE_HZ]
    for sound in (far(voice, db=-3, delay_ms=6), spoken_over):
        assert (
            judge([microphone(voice, at("one", "two", "three")), microphone(sound, at("one", "two", "three"))])[1].copy_of is None
        )


def test_a_gain_that_changes_is_no_splitter() -> None:
    voice = a_voice(1)
    turned = voice * np.where(np.arange(len(voice)) < RATE_HZ, 0.5, 0.25).astype(np.float32)
    assert judge([microphone(voice, at("one", "two")), microphone(turned, at("one", "two"))])[1].copy_of is None


def test_silence_is_like_nothing() -> None:
    assert (0.0, 0.0) == compare(np.zeros(800, np.float32), a_voice(1)[:800])
    assert (0.0, 0.0) == compare(np.zeros(0, np.float32), np.zeros(0, np.float32))


def test_a_delay_of_the_other_microphone_does_not_hide_the_likeness() -> None:
    voice = a_voice(1)[:8000]
    louder_db, same = compare(far(voice, db=-12, delay_ms=20), voice)
    assert (12, True) == (round(louder_db), same > 0.9)
