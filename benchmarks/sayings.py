"""Utterances that nobody said: in three languages, of real words as often as they are said (wordfreq)."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wordfreq

from archive.index.forms import tokens
from archive.index.update import MOST_TOGETHER

LANGUAGES = ("en", "ru", "uk")
VOCABULARY = 60_000
"""Words a language."""

PEOPLE = 40
FIRST_MS = 1_700_000_000_000
APART_MS = 4000
"""From the beginning of one utterance to that of the next."""


class Spoken(NamedTuple):
    """One utterance; `rowid` grows with time, `person` is the number of who speaks, -1 of somebody who hardly ever does."""

    rowid: int
    text: str
    language: str
    person: int


def utterances(count: int) -> Iterator[Spoken]:
    """The same ones every time, three to twenty words long."""
    chance = np.random.default_rng(5)
    words, sums = {}, {}
    for language in LANGUAGES:
        words[language] = [word for word in wordfreq.top_n_list(language, VOCABULARY) if next(tokens(word), None)]
        sums[language] = np.cumsum([wordfreq.word_frequency(word, language) for word in words[language]])
    for first in range(0, count, 10_000):
        spoken = chance.integers(len(LANGUAGES), size=10_000).tolist()
        lengths = chance.integers(3, 21, size=10_000).tolist()
        people = chance.integers(PEOPLE, size=10_000).tolist()
        draws = chance.random((10_000, 20))
        picked = {language: np.searchsorted(sums[language], draws * sums[language][-1]).tolist() for language in LANGUAGES}
        for place in range(min(10_000, count - first)):
            number, language = first + place, LANGUAGES[spoken[place]]
            known = words[language]
            text = " ".join([known[word] for word in picked[language][place][: lengths[place]]])
            person = -1 if number % 100_003 == 17 else people[place]
            yield Spoken((FIRST_MS + number * APART_MS) << 16, text, language, person)


def keep(folder: Path, count: int) -> None:
    """Write `utterances` down, to be read as often as needed; a file holds what indexing puts into one transaction."""
    folder.mkdir()
    said = utterances(count)
    for number in range(-(-count // MOST_TOGETHER)):
        lines = [f"{one.rowid}\t{one.language}\t{one.person}\t{one.text}\n" for one in islice(said, MOST_TOGETHER)]
        (folder / f"{number:06}.tsv").write_text("".join(lines), encoding="utf-8")


def batches(folder: Path, *, is_newest_first: bool = False) -> Iterator[list[Spoken]]:
    """What was written down, a file at a time; each from the oldest to the newest."""
    for path in sorted(folder.iterdir(), reverse=is_newest_first):
        parts = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        yield [Spoken(int(rowid), text, language, int(person)) for rowid, language, person, text in parts]
