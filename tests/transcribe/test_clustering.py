"""Voiceprints become voices: as many as there are people, and no more than the sound supports."""

import numpy as np
import pytest

from transcribe.sound.windows import Floats
from transcribe.speakers.clustering import BLOCK_STRETCHES, Prints, cluster, ward

DIMENSIONS = 24


def prints_of(*counts: int, spread: float = 0.25, seed: int = 5) -> Floats:
    """That many stretches of each voice; voices point in directions at right angles to each other."""
    chance = np.random.default_rng(seed)
    rows = [
        np.eye(DIMENSIONS)[voice] + spread * chance.standard_normal((count, DIMENSIONS)) / DIMENSIONS**0.5
        for voice, count in enumerate(counts)
    ]
    found = np.concatenate(rows)
    prints: Floats = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return prints


def heard(prints: Floats, *, each_s: float = 3.0, local: list[int] | None = None) -> Prints:
    """Two stretches a chunk; of one local voice, unless it is said which."""
    chunks = np.arange(len(prints)) // 2
    return Prints(prints, np.full(len(prints), each_s, np.float32), np.stack((chunks, local or np.zeros_like(chunks)), axis=1))


def found(prints: Floats, *, people: int | None, each_s: float = 3.0, local: list[int] | None = None) -> list[int]:
    return [int(label) for label in cluster(heard(prints, each_s=each_s, local=local), people=people)]


def in_turn(counts: int, *, angle: float, spread: float = 0.25) -> Floats:
    """Two voices in turn, so many radians apart."""
    second = np.cos(angle) * np.eye(DIMENSIONS)[0] + np.sin(angle) * np.eye(DIMENSIONS)[1]
    rows = prints_of(2 * counts, spread=spread)
    rows[1::2] += (second - np.eye(DIMENSIONS)[0]).astype(np.float32)
    prints: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return prints


def test_each_voice_gets_a_number_in_order_of_appearance() -> None:
    assert [0] * 8 + [1] * 8 + [2] * 8 == found(prints_of(8, 8, 8), people=3)


def test_a_voice_that_is_rarely_heard_is_not_drowned_by_one_that_never_stops() -> None:
    assert [0] * 60 + [1] * 4 == found(prints_of(60, 4), people=2)


def test_one_voice_is_not_split_because_the_roster_has_two_people() -> None:
    assert [0, 0, 0] == found(prints_of(3), people=2)


@pytest.mark.parametrize("people", [4, 9, None])
def test_people_of_the_roster_who_say_nothing_do_not_split_those_who_speak(people: int | None) -> None:
    assert [0] * 20 + [1] * 6 + [2] * 6 == found(prints_of(20, 6, 6), people=people)


def test_where_everybody_sounds_alike_a_roster_of_several_makes_two_voices() -> None:
    prints = in_turn(12, angle=0.6)
    assert ([0, 1] * 12, [0] * 24) == (found(prints, people=2), found(prints, people=None))


def test_alike_voices_that_are_heard_side_by_side_are_two_without_a_roster() -> None:
    prints = in_turn(6, angle=0.6)
    assert ([0, 1] * 6, [0] * 12) == (found(prints, people=None, local=[0, 1] * 6), found(prints, people=None))


def test_alike_voices_that_are_as_often_taken_for_one_are_one() -> None:
    """Chunks in which they are two local voices, then chunks in which they are one."""
    assert {0} == set(found(in_turn(12, angle=0.6), people=None, local=[0, 1] * 6 + [0, 0] * 6))


def test_a_moment_of_two_local_voices_in_a_long_talk_is_no_second_person() -> None:
    """Six stretches of each side by side; then one of the two moods for a long time, and then the other."""
    prints = in_turn(54, angle=0.6)[[*range(12), *range(12, 108, 2), *range(13, 108, 2)]]
    assert {0} == set(found(prints, people=None, local=[0, 1] * 6 + [0] * 96))
    assert {0, 1} == set(found(prints[:24], people=None, local=[0, 1] * 6 + [0] * 12))


def test_whoever_says_little_is_kept_before_one_who_talks_for_an_hour_is_split() -> None:
    """Too many for the roster: the long voice in two moods is joined, not the two who say hardly anything."""
    prints = np.concatenate((in_turn(200, angle=0.9), prints_of(0, 0, 3, 3)))
    assert ([0, 0], [1] * 3, [2] * 3) == ((labels := found(prints, people=3))[:2], labels[400:403], labels[403:])


def test_ten_people_are_ten_voices() -> None:
    assert list(np.repeat(range(10), 6)) == found(prints_of(*[6] * 10), people=10)


def test_twenty_people_are_counted_without_a_roster() -> None:
    assert list(np.repeat(range(20), 4)) == found(prints_of(*[4] * 20), people=None)


def test_no_stretch_is_no_voice() -> None:
    assert [] == found(np.zeros((0, DIMENSIONS), np.float32), people=3)


@pytest.mark.parametrize("people", [1, 5, None])
def test_one_stretch_is_one_voice(people: int | None) -> None:
    assert [0] == found(prints_of(1), people=people)


def test_a_long_session_is_clustered_in_blocks_and_ends_with_the_same_voices() -> None:
    count = BLOCK_STRETCHES // 2 + 200
    prints = prints_of(count, count)
    mixed = np.random.default_rng(1).permutation(2 * count)
    labels = found(prints[mixed], people=2)
    truth = (mixed >= count).astype(int)
    assert 1 == len({(int(label), int(voice)) for label, voice in zip(labels, truth, strict=True)}) - 1


def test_ward_joins_the_two_nearest_of_three_points() -> None:
    points = np.array([[0.0], [1.0], [5.0]], np.float32)
    labels = ward(points, sizes=np.ones(3, np.float32), count=2)
    assert (True, False) == (labels[0] == labels[1], labels[1] == labels[2])
