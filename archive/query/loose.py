"""Words of the archive that sound or are written like one that was typed, in whatever script.

Every word is reduced to a skeleton of Latin letters in which spellings of one sound are the same: Lavrov and Лавров are
``lavrov``, Kyiv and Київ ``kiv``.  Skeletons are compared by edit distance, where a vowel counts half.  The words are those of
the archive itself, and nothing is proposed which finds nothing.
"""

import re

from sqlite_utils import Database

from archive.index.forms import folded, indexed, pieces, spelling
from archive.index.lexicon import Lexicon

MOST_WORDS = 10
"""That one word is widened to: the nearest, and of equally near ones those that were said last."""

MOST_COMPARED = 200
"""Near words of which it is asked when they were said last."""

_LETTERS = str.maketrans("абвгґдеєжзиіїйклмнопрстуфхцчшщэы", "abvggdeejziiiiklmnoprstufhccssei", "ьъ'") | {
    ord("ю"): "iu",
    ord("я"): "ia",
}
_LATIN = (
    (re.compile("shch|sch|sh"), "s"),
    (re.compile("tch|ch|ts|tz"), "c"),
    (re.compile("zh"), "j"),
    (re.compile("kh"), "h"),
    (re.compile("ph"), "f"),
    (re.compile("ck|q"), "k"),
    (re.compile("x"), "ks"),
    (re.compile("w"), "v"),
    (re.compile("y"), "i"),
)
_ALIKE = ((re.compile("g"), "h"), (re.compile("i(?=[aeou])"), ""), (re.compile("(.)\\1+"), "\\1"))
"""For both scripts: г is g in Russian and h in Ukrainian; ia, ie, iu are a, e, u."""

_VOWELS = frozenset("aeiou")


def skeleton(word: str) -> str:
    """The Latin letters a word in our spelling comes to; empty if it has none."""
    plain = folded(word).translate(_LETTERS)
    for pattern, letter in _LATIN if word[:1].isascii() else ():
        plain = pattern.sub(letter, plain)
    for pattern, letter in _ALIKE:
        plain = pattern.sub(letter, plain)
    return plain if plain.isascii() and plain.isalpha() else ""


def distance(one: str, other: str, most: int) -> int:
    """What it costs to turn one skeleton into the other (a vowel 1, a consonant 2), or more than `most`."""
    row = [0]
    for letter in other:
        row.append(row[-1] + _cost(letter))
    for letter in one:
        previous, row = row, [row[0] + _cost(letter)]
        for place, against in enumerate(other):
            exchanged = 0 if letter == against else max(_cost(letter), _cost(against))
            row.append(min(previous[place] + exchanged, previous[place + 1] + _cost(letter), row[place] + _cost(against)))
        if min(row) > most:
            return most + 1
    return row[-1]


class Vocabulary:
    """The words of an archive; reads them all once, when first asked."""

    def __init__(self, db: Database, lexicon: Lexicon) -> None:
        self._db = db
        self._lexicon = lexicon
        self._by_letter: dict[str, list[tuple[str, str]]] | None = None

    def forget(self) -> None:
        """Nothing that was remembered counts any more."""
        self._by_letter = None

    def near(self, word: str) -> tuple[str, ...]:
        """Up to `MOST_WORDS` words like `word`, the nearest first; without `word` itself."""
        wanted = skeleton(spelling(word))
        if len(wanted) < 2:
            return ()
        most = min(3, len(wanted) // 2)
        found = []
        for candidate, plain in self._words().get(wanted[0], ()):
            if abs(len(plain) - len(wanted)) <= most and candidate != spelling(word):
                cost = distance(wanted, plain, most)
                if cost <= most:
                    found.append((cost, candidate))
        said = ((cost, last, one) for cost, one in sorted(found)[:MOST_COMPARED] if (last := self._last_said(one)) is not None)
        return tuple(one for _, _, one in sorted(said)[:MOST_WORDS])

    def _last_said(self, word: str) -> int | None:
        """The row id of the newest utterance that holds the word or a form of it; None if none does any more."""
        newest = "SELECT rowid FROM utterances_fts WHERE utterances_fts MATCH ? ORDER BY rowid LIMIT 1"
        expression = f'spelling : "{" ".join(pieces(word))}" OR forms : "{indexed(word)}"'
        row = self._db.execute(newest, [expression]).fetchone()
        return None if row is None else int(row[0])

    def _words(self) -> dict[str, list[tuple[str, str]]]:
        """First letter of the skeleton → (word, skeleton)."""
        if self._by_letter is None:
            self._by_letter = {}
            for word in self._lexicon.words():
                plain = skeleton(word)
                if plain:
                    self._by_letter.setdefault(plain[0], []).append((word, plain))
        return self._by_letter


def _cost(letter: str) -> int:
    return 1 if letter in _VOWELS else 2
