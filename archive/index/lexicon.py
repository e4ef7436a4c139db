"""Every word that was ever said, with its dictionary forms: kept in the archive, so that each word is looked up once.

Two tables hold it: ``vocabulary`` (word and language → numbers of forms) and ``forms`` (number → form).  They only grow; a word
of a session that is gone stays until `rebuild`, and whoever proposes words has to see whether they are still found.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Protocol

from sqlite_utils import Database

from archive.index.forms import LANGUAGES, WORD, folded, forms, pieces, spelling

MOST_CHUNKS = 1_000_000
"""That are remembered in memory at a time, about 200 MB."""

MOST_BEGINNING = 300
"""Words one ``begin*`` is looked up by; of more, the text itself is looked through."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A word of a text as the index compares it: the pieces FTS5 makes of it, and ``keys``, itself and its dictionary forms."""

    pieces: tuple[str, ...]
    keys: frozenset[str]


class Readings(dict[str, Reading]):
    """Words of one language as they stand in a text → their readings; each is read when it is first asked for."""

    def __init__(self, forms_of: Callable[[str], Iterable[str]]) -> None:
        super().__init__()
        self._forms_of = forms_of

    def __missing__(self, word: str) -> Reading:
        spelled = spelling(word)
        reading = self[word] = Reading(pieces(spelled), frozenset(map(folded, (spelled, *self._forms_of(spelled)))))
        return reading


class Words(Protocol):
    """What a query needs to know of words; a `Lexicon`, or `Dictionaries` where there is no archive."""

    def readings(self, language: str) -> Mapping[str, Reading]:
        """What the words that stand in a text of this language are found by."""

    def alternatives(self, word: str) -> frozenset[str]:
        """A typed word and its dictionary forms."""

    def has_form(self, form: str) -> bool:
        """Whether the index may hold this form beside a text."""

    def has_word(self, word: str) -> bool:
        """Whether somebody may have said this word."""

    def beginning(self, prefix: str) -> tuple[str, ...] | None:
        """The words that begin so; None if they are too many."""


Met = tuple[str, str, tuple[str, ...]]
"""A word in our spelling, its language, and those of its forms that are not itself."""


def differing(word: str, language: str) -> tuple[str, ...]:
    """The forms of a word in our spelling, without the word itself, as the dictionaries have them."""
    return tuple(sorted(forms(word, language) - {word}))


class Lexicon:
    """The two tables, with what was asked of them before kept in memory.

    `meet` takes words and their forms at any time.  Writing needs a transaction: `begin` in it, then `flush`, which gives numbers
    to what was met, then `numbers` for each text; `forget` if it fails.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._version = -1
        self._is_blank = False
        self._next = 1
        self._words: dict[tuple[str, str], tuple[str, ...]] = {}
        self._readings: dict[str, Readings] = {}
        self._alternatives: dict[str, frozenset[str]] = {}
        self._answers: dict[tuple[str, str], bool] = {}
        self._numbers: dict[str, str] = {}
        self._spoken: dict[str, bool] = {}
        self._met: dict[tuple[str, str], tuple[str, ...]] = {}
        self._unwritten: list[tuple[str, str]] = []
        self._new_forms: list[tuple[int, str]] = []

    def begin(self) -> None:
        """Drop what is remembered if another process has written since; needed before the first question of a transaction."""
        (version,) = self._db.conn.execute("PRAGMA data_version").fetchone()
        if version != self._version or len(self._words) > MOST_CHUNKS:
            self.forget()
            (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM forms").fetchone()
            self._version, self._next = version, last + 1
            self._is_blank = not self._db.execute("SELECT 1 FROM vocabulary LIMIT 1").fetchone()

    def forget(self) -> None:
        """Nothing that was remembered counts any more."""
        self._version = -1
        for memory in (self._words, self._readings, self._numbers, self._alternatives, self._answers, self._spoken):
            memory.clear()
        self._unwritten = list(self._met)
        self._new_forms.clear()

    def meet(self, words: Iterable[Met]) -> None:
        """Remember words of a text with their forms; they are written at the next `flush`, and again if that is undone."""
        for word, language, found in words:
            if (word, language) not in self._met:
                self._met[word, language] = found
                self._unwritten.append((word, language))

    def numbers(self, found: str) -> str | None:
        """Numbers with commas between of forms with spaces between."""
        return ",".join(map(self._numbers.__getitem__, found.split(" "))) if found else None

    def flush(self) -> None:
        """Write what was met."""
        words: list[tuple[str, str, str | None]] = []
        for word, language in self._unwritten:
            words.append((word, language, ",".join(map(self._number, self._met[word, language])) or None))
            if pieces(word) != (word,):
                words.extend((piece, "", None) for piece in pieces(word))
        self._db.conn.executemany("INSERT INTO forms (id, form) VALUES (?, ?)", self._new_forms)
        self._db.conn.executemany("INSERT OR IGNORE INTO vocabulary (word, language, form_ids) VALUES (?, ?, ?)", words)
        self._unwritten.clear()
        self._new_forms.clear()

    def differing(self, word: str, language: str) -> tuple[str, ...]:
        """The forms of a word in our spelling, without the word itself."""
        found = self._words.get((word, language))
        if found is None:
            found = self._words[word, language] = self._looked_up(word, language)
        return found

    def readings(self, language: str) -> Mapping[str, Reading]:
        """What the words that stand in a text are found by."""
        known = self._readings.get(language)
        if known is None:
            known = self._readings[language] = Readings(partial(self.differing, language=language))
        return known

    def alternatives(self, word: str) -> frozenset[str]:
        """A typed word in our spelling and its dictionary forms in every language that is spoken in the archive."""
        known = self._alternatives.get(word)
        if known is None:
            known = frozenset({word}.union(*(self.differing(word, one) for one in LANGUAGES if self._is_spoken(one))))
            self._alternatives[word] = known
        return known

    def has_form(self, form: str) -> bool:
        """Whether the index may hold `form` beside the text of an utterance."""
        return self._has("SELECT 1 FROM forms WHERE form = ?", form)

    def has_word(self, word: str) -> bool:
        """Whether somebody may have said `word` exactly so."""
        return self._has("SELECT 1 FROM vocabulary WHERE word = ?", word)

    def _has(self, question: str, value: str) -> bool:
        known = self._answers.get((question, value))
        if known is None:
            known = self._answers[question, value] = bool(self._db.conn.execute(question, [value]).fetchone())
        return known

    def beginning(self, prefix: str) -> tuple[str, ...] | None:
        """The words, as FTS5 divides the text, that begin so; None if they are more than `MOST_BEGINNING`."""
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        rows = self._db.execute(
            "SELECT DISTINCT word FROM vocabulary WHERE word >= ? AND word < ? LIMIT ?", [prefix, after, MOST_BEGINNING + 1]
        ).fetchall()
        return None if len(rows) > MOST_BEGINNING else tuple(word for (word,) in rows if pieces(word) == (word,))

    def _is_spoken(self, language: str) -> bool:
        if language not in self._spoken:
            found = "SELECT 1 FROM utterances_fts WHERE utterances_fts MATCH ? LIMIT 1"
            self._spoken[language] = bool(self._db.execute(found, [f"language : {language}"]).fetchone())
        return self._spoken[language]

    def words(self) -> list[str]:
        """All of them and all their forms, in every language."""
        found = "SELECT word FROM vocabulary WHERE language <> '' UNION SELECT form FROM forms"
        return [word for (word,) in self._db.execute(found).fetchall()]

    def _looked_up(self, word: str, language: str) -> tuple[str, ...]:
        row = None
        if not self._is_blank:
            row = self._db.execute("SELECT form_ids FROM vocabulary WHERE word = ? AND language = ?", [word, language]).fetchone()
        if row is None:
            return differing(word, language)
        numbers = row[0].split(",") if row[0] else []
        named = [self._db.execute("SELECT form FROM forms WHERE id = ?", [int(number)]).fetchone()[0] for number in numbers]
        self._numbers.update(zip(named, numbers, strict=True))
        return tuple(named)

    def _number(self, form: str) -> str:
        number = self._numbers.get(form)
        if number is None:
            row = None if self._is_blank else self._db.execute("SELECT id FROM forms WHERE form = ?", [form]).fetchone()
            if row is None:
                row = (self._next,)
                self._next += 1
                self._new_forms.append((row[0], form))
            number = self._numbers[form] = str(row[0])
        return number


class Texts:
    """Texts → the dictionary forms of their words; each word is looked up once, and told of once by `take`.

    Args:
        differing: (word, language) → its forms without itself: of a `Lexicon`, or of `differing` where there is no archive.
    """

    def __init__(self, differing: Callable[[str, str], tuple[str, ...]]) -> None:
        self._differing = differing
        self._chunks: dict[str, _Chunks] = {}
        self._met: dict[tuple[str, str], tuple[str, ...]] = {}

    def forms(self, text: str, language: str) -> str:
        """Those that differ from their words, with spaces between."""
        chunks = self._chunks.get(language)
        if chunks is None:
            chunks = self._chunks[language] = _Chunks(self._look_up, language)
        return " ".join(filter(None, map(chunks.__getitem__, text.split())))

    def take(self) -> list[Met]:
        """The words that were looked up since this was asked last."""
        met = [(word, language, found) for (word, language), found in self._met.items()]
        self._met.clear()
        return met

    def _look_up(self, word: str, language: str) -> tuple[str, ...]:
        found = self._met[word, language] = self._differing(word, language)
        return found


class _Chunks(dict[str, str]):
    """What stands between two spaces → the forms of the words in it, with spaces between."""

    def __init__(self, look_up: Callable[[str, str], tuple[str, ...]], language: str) -> None:
        super().__init__()
        self._look_up = look_up
        self._language = language

    def __missing__(self, chunk: str) -> str:
        if len(self) > MOST_CHUNKS:
            self.clear()
        words = map(spelling, WORD.findall(chunk))
        found = self[chunk] = " ".join(chain.from_iterable(self._look_up(word, self._language) for word in words))
        return found


class Dictionaries:
    """The same without an archive: every word may be said, and every form may be in the index."""

    def readings(self, language: str) -> Mapping[str, Reading]:
        """What the words that stand in a text are found by."""
        return Readings(partial(forms, language=language))

    def alternatives(self, word: str) -> frozenset[str]:
        """A word and its dictionary forms in every language."""
        return frozenset({word}.union(*(forms(word, language) for language in LANGUAGES)))

    def has_form(self, form: str) -> bool:
        """Always."""
        del form
        return True

    has_word = has_form

    def beginning(self, prefix: str) -> tuple[str, ...]:
        """None are listed, so that the index is asked for the prefix itself."""
        del prefix
        return ()
