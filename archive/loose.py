"""Words of the archive that sound or are written like one that was typed, in whatever script.

Every word is reduced to a skeleton of Latin letters in which spellings of one sound are the same: Lavrov and Лавров are
``lavrov``, Kyiv and Київ ``kiv``.  Skeletons are compared by edit distance, where a vowel counts half.  The words are those of
the archive's own index, so that nothing is proposed which finds nothing.
"""

import re

from sqlite_utils import Database

from archive.forms import spelling

MOST_WORDS = 10
"""That one word is widened to: the nearest, and of equally near ones those in most utterances."""

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
    plain = word.translate(_LETTERS)
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
    """The words of an archive's index with the number of utterances each is in; reads them all once, when first asked."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._by_letter: dict[str, list[tuple[str, str, int]]] | None = None

    def near(self, word: str) -> tuple[str, ...]:
        """Up to `MOST_WORDS` words like `word`, the nearest first; without `word` itself."""
        wanted = skeleton(spelling(word))
        if len(wanted) < 2:
            return ()
        most = min(3, len(wanted) // 2)
        found = []
        for candidate, plain, count in self._words().get(wanted[0], ()):
            if abs(len(plain) - len(wanted)) <= most and candidate != spelling(word):
                cost = distance(wanted, plain, most)
                if cost <= most:
                    found.append((cost, -count, candidate))
        return tuple(candidate for _, _, candidate in sorted(found)[:MOST_WORDS])

    def _words(self) -> dict[str, list[tuple[str, str, int]]]:
        """First letter of the skeleton → (word, skeleton, utterances)."""
        if self._by_letter is None:
            self._by_letter = {}
            for word, count in _terms(self._db):
                plain = skeleton(word)
                if plain:
                    self._by_letter.setdefault(plain[0], []).append((word, plain, count))
        return self._by_letter


def _terms(db: Database) -> list[tuple[str, int]]:
    """Every term of the index; FTS5 shows them through a table of this connection alone, also where the file is read-only."""
    (frozen,) = db.execute("PRAGMA query_only").fetchone()
    db.execute("PRAGMA query_only = OFF")
    try:
        db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.archive_terms USING fts5vocab (main, utterances_fts, row)")
        return db.execute("SELECT term, doc FROM temp.archive_terms").fetchall()
    finally:
        db.execute(f"PRAGMA query_only = {frozen}")


def _cost(letter: str) -> int:
    return 1 if letter in _VOWELS else 2
