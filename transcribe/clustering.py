"""Voiceprints of many short stretches → which of them are one voice.  Pure.

Ward's method down to the number of people there are.  It is the one that did not spend a cluster on a cough: with average and
complete linkage an outlier becomes a person, and two people become one (docs/explanation/speakers.md has the figures).
"""

import numpy as np
from numpy.typing import NDArray

from transcribe.windows import Floats

Labels = NDArray[np.intp]

MOST_VOICES = 12
"""How many voices are looked for at most when nobody says how many people there are."""

ALIKE = 0.7
"""Mean similarity of two clusters' stretches from which too little speech cannot make them two people."""

ALIKE_UNKNOWN = 0.55
"""The same, for when nobody says how many people there are."""

ENOUGH_S = 10.0
"""Two voices that are both heard for so long may be more alike and still two people."""

MORE_ALIKE, MORE_ALIKE_UNKNOWN = 0.85, 0.65
"""How much more: the roster is the number of those who are there, and not all of them need to speak."""

BLOCK_STRETCHES = 800
BLOCK_CLUSTERS = 48
"""Of each block of so many stretches so many clusters are made first: time and memory stay bounded in a session of any length."""


def cluster(prints: Floats, *, seconds: Floats, people: int | None) -> Labels:
    """A number from 0 for each stretch, numbered in order of appearance.

    Args:
        prints: float32, shape (stretches, dimensions), each of length 1.
        seconds: how long each stretch is, shape (stretches,).
        people: how many people there are at most, or None.
    """
    if not len(prints):
        return np.zeros(0, np.intp)
    fine = _in_blocks(prints)
    centres, sizes = _centres(prints, fine)
    labels = ward(centres, sizes=sizes, count=people or MOST_VOICES)[fine]
    merged = _joined(prints, seconds, labels, people)
    return _numbered(merged)


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


def _costs(places: NDArray[np.float64], weights: NDArray[np.float64], one: int) -> NDArray[np.float64]:
    apart: NDArray[np.float64] = ((places - places[one]) ** 2).sum(axis=1)
    costs: NDArray[np.float64] = apart * weights * weights[one] / (weights + weights[one])
    return costs


def _in_blocks(prints: Floats) -> Labels:
    """One label a stretch while there are few; else the first, fine clusters of each block."""
    if len(prints) <= BLOCK_STRETCHES:
        return np.arange(len(prints))
    fine = np.zeros(len(prints), np.intp)
    total = 0
    for first in range(0, len(prints), BLOCK_STRETCHES):
        block = slice(first, first + BLOCK_STRETCHES)
        found = np.unique(
            ward(prints[block], sizes=np.ones(len(prints[block]), np.float32), count=BLOCK_CLUSTERS), return_inverse=True
        )[1]
        fine[block] = found + total
        total += int(found.max()) + 1
    return fine


def _centres(prints: Floats, labels: Labels) -> tuple[Floats, Floats]:
    sizes = np.bincount(labels).astype(np.float32)
    sums = np.zeros((len(sizes), prints.shape[1]), np.float32)
    np.add.at(sums, labels, prints)
    return sums / sizes[:, None], sizes


def _joined(prints: Floats, seconds: Floats, labels: Labels, people: int | None) -> Labels:
    """Join what is too much alike to be two people, on so much speech and with or without a roster."""
    labels = labels.copy()
    limit, more = (ALIKE_UNKNOWN, MORE_ALIKE_UNKNOWN) if people is None else (ALIKE, MORE_ALIKE)
    while True:
        names = np.unique(labels)
        alike = _likeness(prints, seconds, labels, names)
        heard = np.array([seconds[labels == name].sum() for name in names])
        small = np.minimum(heard[:, None], heard[None, :]) < ENOUGH_S
        over = alike - np.where(small, limit, more)
        np.fill_diagonal(over, -np.inf)
        if len(names) < 2 or over.max() <= 0:
            return labels
        one, other = np.unravel_index(int(np.argmax(over)), over.shape)
        labels[labels == names[one]] = names[other]


def _likeness(prints: Floats, seconds: Floats, labels: Labels, names: Labels) -> NDArray[np.float64]:
    """Mean similarity of every stretch of one cluster with every stretch of another, by their length.

    It is the product of the clusters' mean vectors, so that no pair has to be looked at.
    """
    means = np.stack(
        [np.average(prints[labels == name].astype(np.float64), axis=0, weights=seconds[labels == name]) for name in names]
    )
    alike: NDArray[np.float64] = means @ means.T
    return alike


def _numbered(labels: Labels) -> Labels:
    names, first = np.unique(labels, return_index=True)
    order = {int(name): number for number, name in enumerate(names[np.argsort(first)])}
    return np.array([order[int(label)] for label in labels], np.intp)
