"""Voiceprints of many short stretches → which of them are one voice.  Pure.

Ward's method makes more clusters than there are people: it is the one that did not spend a cluster on a cough.  Then those are
joined that are alike enough to be one voice, and the nearest ones as long as there are more than people.  A second witness has a
say: two clusters that the segmentation model hears side by side, as two voices of one chunk, are two people although they are
alike, as on a telephone (docs/explanation/speakers.md has the figures).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcribe.sound.windows import Floats

Labels = NDArray[np.intp]
Table = NDArray[np.float64]

FINE_VOICES = 24
"""So many clusters are made first, or twice as many as there are people."""

ALIKE, MORE_ALIKE = 0.6, 0.64
"""Mean likeness of two clusters' stretches from which they are one voice; the second where both have `ENOUGH_S` of speech."""

ENOUGH_S = 10.0

ALIKE_SIDE_BY_SIDE = 0.8
"""The same for clusters that are heard side by side."""

SURELY_ONE = 0.9
"""The same for the two halves of a sound in which a roster has several people."""

SIDE_BY_SIDE_S, SIDE_BY_SIDE_SHARE, SIDE_BY_SIDE_RATIO = 3.0, 0.25, 2.0
"""So long two clusters must be two voices of one chunk, for so much of the shorter one's speech, and so many times longer than
they are one voice of one chunk."""

SIDE_BY_SIDE_COST = 0.2
"""How much further apart clusters count that are heard side by side, where more must be joined than are alike."""

SATURATED_S = 10.0
"""More speech than this does not make it dearer to join a cluster, so that a person who says little is not joined to another
before one who talks for an hour is kept whole."""

BLOCK_STRETCHES = 800
BLOCK_CLUSTERS = 48
"""Of each block of so many stretches so many clusters are made first, and only their centres are compared: some 1,500 in ten
hours, joined in seconds.  In longer sessions that time grows faster than they do."""


@dataclass(frozen=True, slots=True)
class Prints:
    """The stretches of a microphone, in order of time.

    Attributes:
        prints: float32, shape (stretches, dimensions), each of length 1.
        seconds: how long each stretch is, shape (stretches,).
        heard_as: the chunk that each stretch is in, and which of its local voices it was taken for, shape (stretches, 2).
    """

    prints: Floats
    seconds: Floats
    heard_as: Labels


def cluster(heard: Prints, *, people: int | None) -> Labels:
    """A number from 0 for each stretch, numbered in order of appearance.

    The number of people is the most that there can be.  A roster of five in which three speak gives three voices; but where
    several people are said to be and all sounds are alike, there are two.

    Args:
        heard: the stretches.
        people: how many people there are at most, or None.
    """
    if not len(heard.prints):
        return np.zeros(0, np.intp)
    fine = _in_blocks(heard.prints)
    centres, sizes = _centres(heard.prints, fine)
    labels = dense(ward(centres, sizes=sizes, count=max(FINE_VOICES, 2 * (people or 0)))[fine])
    labels = _joined(heard, labels, people)
    if people is not None and people > 1 and not labels.any():
        halves = dense(ward(centres, sizes=sizes, count=2)[fine])
        labels = halves if _are_two(heard, halves) else labels
    return _numbered(labels)


def likeness(heard: Prints, labels: Labels) -> Table:
    """Mean similarity of every stretch of one cluster with every stretch of another, by their length.

    It is the product of the clusters' mean vectors, so that no pair has to be looked at.
    """
    sums = np.zeros((int(labels.max()) + 1, heard.prints.shape[1]))
    np.add.at(sums, labels, heard.prints * heard.seconds[:, None])
    means = sums / _seconds(heard, labels)[:, None]
    alike: Table = means @ means.T
    return alike


def ward(points: Floats, *, sizes: Floats, count: int) -> Labels:
    """Ward's agglomeration: join the two clusters whose joining adds least scatter, until `count` are left.

    Ward 1963, "Hierarchical Grouping to Optimize an Objective Function".  A point of size n stands for n that were joined before.
    """
    places, weights = points.astype(np.float64), sizes.astype(np.float64)
    labels = np.arange(len(points))
    costs = np.stack([_costs(places, weights, one) for one in range(len(points))])
    np.fill_diagonal(costs, np.inf)
    for _ in range(len(points) - count):
        kept, gone = np.unravel_index(int(np.argmin(costs)), costs.shape)
        total = weights[kept] + weights[gone]
        places[kept] = (places[kept] * weights[kept] + places[gone] * weights[gone]) / total
        weights[kept] = total
        labels[labels == gone] = kept
        costs[gone, :] = costs[:, gone] = np.inf
        renewed = np.where(np.isinf(costs[kept]), np.inf, _costs(places, weights, int(kept)))
        costs[kept, :] = costs[:, kept] = renewed
        costs[kept, kept] = np.inf
    return labels


def _costs(places: Table, weights: Table, one: int) -> Table:
    apart: Table = ((places - places[one]) ** 2).sum(axis=1)
    costs: Table = apart * weights * weights[one] / (weights + weights[one])
    return costs


def _in_blocks(prints: Floats) -> Labels:
    """One label a stretch while there are few; else the first, fine clusters of each block."""
    if len(prints) <= BLOCK_STRETCHES:
        return np.arange(len(prints))
    fine = np.zeros(len(prints), np.intp)
    total = 0
    for first in range(0, len(prints), BLOCK_STRETCHES):
        block = slice(first, first + BLOCK_STRETCHES)
        found = dense(ward(prints[block], sizes=np.ones(len(prints[block]), np.float32), count=BLOCK_CLUSTERS))
        fine[block] = found + total
        total += int(found.max()) + 1
    return fine


def _centres(prints: Floats, labels: Labels) -> tuple[Floats, Floats]:
    sizes = np.bincount(labels).astype(np.float32)
    sums = np.zeros((len(sizes), prints.shape[1]), np.float32)
    np.add.at(sums, labels, prints)
    return sums / sizes[:, None], sizes


def _joined(heard: Prints, labels: Labels, people: int | None) -> Labels:
    """Join what is alike enough to be one voice, and beyond that the nearest while there are more than people."""
    while labels.any():
        alike, seconds = likeness(heard, labels), _seconds(heard, labels)
        beside = _are_side_by_side(heard, labels)
        small = np.minimum(seconds[:, None], seconds[None, :]) < ENOUGH_S
        nearness = alike - np.where(beside, ALIKE_SIDE_BY_SIDE, np.where(small, ALIKE, MORE_ALIKE))
        np.fill_diagonal(nearness, -np.inf)
        if nearness.max() <= 0:
            if people is None or len(seconds) <= people:
                break
            nearness = -_costs_of_joining(alike, seconds, beside)
        one, other = np.unravel_index(int(np.argmax(nearness)), nearness.shape)
        labels = dense(np.where(labels == one, other, labels))
    return labels


def _seconds(heard: Prints, labels: Labels) -> Table:
    found: Table = np.bincount(labels, weights=heard.seconds).astype(np.float64)
    return found


def _are_side_by_side(heard: Prints, labels: Labels) -> NDArray[np.bool_]:
    """Whether two clusters are two voices in the same chunks for much longer than they are one voice there.

    Either time is that of the shorter part, chunk by chunk: six seconds of one and two of the other are two seconds.
    """
    places, place = np.unique(heard.heard_as, axis=0, return_inverse=True)
    parts = np.zeros((len(places), int(labels.max()) + 1))
    np.add.at(parts, (place.ravel(), labels), heard.seconds)
    together, apart = _shared(parts, parts), np.zeros((parts.shape[1], parts.shape[1]))
    for further in range(1, int(places[:, 1].max()) + 1):
        first = np.flatnonzero(places[further:, 0] == places[:-further, 0])
        found = _shared(parts[first], parts[first + further])
        apart += found + found.T
    seconds = parts.sum(axis=0)
    least = np.maximum(SIDE_BY_SIDE_S, SIDE_BY_SIDE_SHARE * np.minimum(seconds[:, None], seconds[None, :]))
    enough: NDArray[np.bool_] = (apart >= least) & (apart >= SIDE_BY_SIDE_RATIO * together)
    return enough


def _shared(parts: Table, others: Table) -> Table:
    return np.stack([np.minimum(parts[:, [one]], others).sum(axis=0) for one in range(parts.shape[1])])


def _costs_of_joining(alike: Table, seconds: Table, beside: NDArray[np.bool_]) -> Table:
    """Ward's costs, in which a cluster weighs no more than `SATURATED_S`."""
    weights, own = np.minimum(seconds, SATURATED_S), np.diag(alike)
    apart = own[:, None] + own[None, :] - 2 * alike + SIDE_BY_SIDE_COST * beside
    costs: Table = apart * weights[:, None] * weights[None, :] / (weights[:, None] + weights[None, :])
    np.fill_diagonal(costs, np.inf)
    return costs


def _are_two(heard: Prints, halves: Labels) -> bool:
    seconds = _seconds(heard, halves)
    return len(seconds) == 2 and bool(seconds.min() >= ENOUGH_S and likeness(heard, halves)[0, 1] < SURELY_ONE)


def dense(labels: Labels) -> Labels:
    """The same labels, without numbers that are not used."""
    return np.unique(labels, return_inverse=True)[1].ravel()


def _numbered(labels: Labels) -> Labels:
    names, first = np.unique(labels, return_index=True)
    order = {int(name): number for number, name in enumerate(names[np.argsort(first)])}
    return np.array([order[int(label)] for label in labels], np.intp)
