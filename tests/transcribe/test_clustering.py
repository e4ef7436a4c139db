"""Voiceprints become voices: as many as there are people, and no more than the sound supports."""

import numpy as np
import pytest

from transcribe.clustering import BLOCK_STRETCHES, cluster, ward
from transcribe.windows import Floats

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


def seconds_of(prints: Floats, each: float = 3.0) -> Floats:
    return np.full(len(prints), each, np.float32)


def test_each_voice_gets_a_number_in_order_of_appearance() -> None:
    prints = prints_of(8, 8, 8)
    assert [0] * 8 + [1] * 8 + [2] * 8 == cluster(prints, seconds=seconds_of(prints), people=3).tolist()


def test_a_voice_that_is_rarely_heard_is_not_drowned_by_one_that_never_stops() -> None:
    prints = prints_of(60, 4)
    assert [0] * 60 + [1] * 4 == cluster(prints, seconds=seconds_of(prints), people=2).tolist()


def test_one_voice_is_not_split_because_the_roster_has_two_people() -> None:
    prints = prints_of(3)
    assert [0, 0, 0] == cluster(prints, seconds=seconds_of(prints), people=2).tolist()


def test_ten_people_are_ten_voices() -> None:
    prints = prints_of(*[6] * 10)
    assert list(np.repeat(range(10), 6)) == cluster(prints, seconds=seconds_of(prints), people=10).tolist()


def test_without_a_roster_the_voices_are_counted() -> None:
    prints = prints_of(9, 9, 9, 9)
    assert 4 == len(set(cluster(prints, seconds=seconds_of(prints), people=None).tolist()))


def test_no_stretch_is_no_voice() -> None:
    assert [] == cluster(np.zeros((0, DIMENSIONS), np.float32), seconds=np.zeros(0, np.float32), people=3).tolist()


@pytest.mark.parametrize("people", [1, 5])
def test_one_stretch_is_one_voice(people: int) -> None:
    assert [0] == cluster(prints_of(1), seconds=seconds_of(prints_of(1)), people=people).tolist()


def test_a_long_session_is_clustered_in_blocks_and_ends_with_the_same_voices() -> None:
    count = BLOCK_STRETCHES // 2 + 200
    prints = prints_of(count, count)
    mixed = np.random.default_rng(1).permutation(2 * count)
    found = cluster(prints[mixed], seconds=seconds_of(prints), people=2)
    truth = (mixed >= count).astype(int)
    assert 1 == len({(int(label), int(voice)) for label, voice in zip(found, truth, strict=True)}) - 1


def test_ward_joins_the_two_nearest_of_three_points() -> None:
    points = np.array([[0.0], [1.0], [5.0]], np.float32)
    labels = ward(points, sizes=np.ones(3, np.float32), count=2)
    assert (True, False) == (labels[0] == labels[1], labels[1] == labels[2])
