"""Whatever is asked, the archive answers what a reader who looks at every utterance would.

The reader is written as simply as can be and shares no code with the archive: it knows by hand which words are forms of each
other, and looks at every word of every text.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from archive.index import lexicon as lexicon_module
from archive.index.forms import respelled
from archive.index.lexicon import Lexicon, Texts
from archive.index.rows import Row as Written
from archive.index.rows import SessionRows, columns
from archive.index.schema import FILE_NAME, open_archive, writing
from archive.index.writing import replace_sessions
from archive.query.filters import Filters, read_time
from archive.query.search import search

FAMILIES = {
    "en": ("exchange exchanged exchanges", "prisoner prisoners prisoner's", "talk talked", "o'clock"),
    "ru": ("обмен обмена обмену", "ещё", "пленный пленных", "Лавров Лавровым"),
    "uk": ("обмін обміну обмінів", "полонений полонених", "пам'ять пам’яті", "Київ Києва"),
}
"""Words that are forms of each other, written by hand: nothing here asks the archive what a form is."""

WORDS = {language: [word for family in families for word in family.split()] for language, families in FAMILIES.items()}
FAMILY = {
    word: number
    for number, family in enumerate(family for families in FAMILIES.values() for family in families)
    for word in family.split()
}
PEOPLE = {"reed": "mediator", "koval": "delegate", "lavrov": "delegate of honour"}
"""Who speaks, and as what."""

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
NOON_US = 1_795_176_000_000_000
"""Of the first day."""

UNDATED = "01UNDATED"
SESSIONS = ("01ALPHA", "01BETA", UNDATED)
"""Nobody knows when the last one was; its utterances stand at the time it was made."""

MIXED = 3
"""Every so many utterances a correction."""


@dataclass(frozen=True, slots=True)
class Row:
    """An utterance; ``glue`` stands between its words, ``machine`` is what the machine heard instead, if anything else."""

    words: tuple[str, ...]
    glue: tuple[str, ...]
    machine: tuple[str, ...]
    language: str
    person: str
    day: int
    flag: str
    session: str

    def text(self, words: Sequence[str]) -> str:
        return "".join(itertools.chain(*zip(words, (*self.glue[: len(words) - 1], ""), strict=True)))


def some_rows() -> list[Row]:
    chance = random.Random(5)
    rows = []
    for number in range(180):
        language = chance.choice(list(WORDS))
        words = tuple(chance.choices(WORDS[language], k=chance.randint(1, 7)))
        machine = (*words[:-1], chance.choice(WORDS[language])) if number % MIXED == 0 else words
        glue = tuple(chance.choice([" ", " ", " ", "-", ", "]) for _ in words[1:])
        person, flag = chance.choice(list(PEOPLE)), chance.choice(["", "echo", "music"])
        rows.append(Row(words, glue, machine, language, person, chance.randrange(3), flag, chance.choice(SESSIONS)))
    return rows


ROWS = some_rows()


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_archive(tmp_path_factory.mktemp("oracle") / FILE_NAME) as database:
        fill(database)
        yield database


def fill(db: Database) -> None:
    lexicon = Lexicon(db)
    texts = Texts(lexicon.differing)
    seats = [(name, name, role, "", "", None) for name, role in PEOPLE.items()]
    with writing(db):
        lexicon.begin()
        for name in SESSIONS:
            session: dict[str, object] = dict.fromkeys(["title", "place", "languages", "origin", "operator", "created_at"], "")
            session |= {"session": name, "created_at_us": 0, "is_sealed": True, "run": "r001", "path": f"/{name}"}
            session["started_at_us"] = None if name == UNDATED else NOON_US
            numbered = [(number, row) for number, row in enumerate(ROWS) if row.session == name]
            written = [written_row(number, row, texts) for number, row in numbered]
            changed = [("corrections", correction(number, row)) for number, row in numbered if row.machine != row.words]
            replace_sessions(db, [SessionRows(session, seats, changed, columns(written), texts.take())], lexicon=lexicon)


def written_row(number: int, row: Row, texts: Texts) -> Written:
    at_us = NOON_US + row.day * 86_400_000_000 + number * 1_000_000
    text, recorded = row.text(row.words), row.text(row.machine)
    frames = dict.fromkeys(["language_ppm", "position_us", "duration_us", "first_frame", "frame_count"], 0)
    return Written(
        at_ms=at_us // 1000, person=row.person, stream=1, track=1, number=number, language=row.language, flags=row.flag,
        text=text, recorded=None if recorded == text else recorded, spelling=respelled(text),
        forms=texts.forms(text, row.language), **frames,
    )  # fmt: skip


def correction(number: int, row: Row) -> dict[str, object]:
    result: dict[str, object] = dict.fromkeys(["at", "by", "run", "reason"], "")
    result |= dict.fromkeys(["at_us", "stream", "track", "first_frame", "frame_count"], 0)
    texts = {"before": row.text(row.machine), "after": row.text(row.words)}
    return result | texts | {"utterance": number, "seq": number, "is_applied": True}


@dataclass(frozen=True, slots=True)
class Asked:
    """A term: some words, and how it is written; `between` is of NEAR."""

    kind: str
    words: tuple[str, ...]
    between: int = 0

    def typed(self) -> str:
        match self.kind:
            case "phrase":
                return f'"{" ".join(self.words)}"'
            case "exact":
                return f"={self.words[0]}"
            case "prefix":
                return f"{self.words[0]}*"
            case "near":
                return f"{self.words[0]} NEAR/{self.between} {self.words[1]}"
            case "all":
                return "-".join(self.words)
            case _:
                return self.words[0].upper()

    def is_in(self, said: Sequence[str]) -> bool:
        match self.kind:
            case "phrase" | "exact":
                text, asked = pieces(said), pieces(self.words)
                return any(text[place : place + len(asked)] == asked for place in range(len(text)))
            case "prefix":
                text, asked = pieces(said), pieces(self.words)
                whole, begun = asked[:-1], asked[-1]
                starts = range(len(text) - len(whole))
                return any(text[at : at + len(whole)] == whole and text[at + len(whole)].startswith(begun) for at in starts)
            case "near":
                first, second = ([place for place, word in enumerate(said) if is_form(word, form)] for form in self.words)
                where = places(said)  # an apostrophe divides a word in two, so that a text has more places than words
                return any(
                    a != b and where[max(a, b)][0] - where[min(a, b)][1] - 1 <= self.between for a in first for b in second
                )
            case _:
                return all(any(is_form(word, asked) for word in said) for asked in self.words)


def pieces(said: Sequence[str]) -> list[str]:
    """A text as it is divided, an apostrophe dividing a word, too."""
    whole = " ".join(said).lower().replace("ё", "е").replace("’", "'")
    return whole.replace("'", " ").split()


def is_form(said: str, asked: str) -> bool:
    return FAMILY[said] == FAMILY[asked]


def places(said: Sequence[str]) -> list[tuple[int, int]]:
    """First and last place of each word."""
    result, done = [], 0
    for word in said:
        length = len(pieces([word]))
        result.append((done, done + length - 1))
        done += length
    return result


words = st.sampled_from([word for language in WORDS.values() for word in language])
pairs = st.sampled_from(list(WORDS.values())).flatmap(lambda language: st.tuples(*[st.sampled_from(language)] * 2))
plain = st.one_of(
    st.builds(lambda word: Asked("word", (word,)), words),
    st.builds(lambda word: Asked("exact", (word,)), words),
    st.builds(lambda pair: Asked("phrase", pair), pairs),
    st.builds(lambda pair: Asked("all", pair), pairs),
    st.builds(lambda word, length: Asked("prefix", (word[:length].rstrip("'’"),)), words, st.integers(2, 6)),
)
terms = st.one_of(plain, st.builds(lambda pair, between: Asked("near", pair, between), pairs, st.integers(0, 4)))
fields = st.lists(
    st.one_of(
        st.tuples(st.just("speaker"), st.sampled_from(sorted(PEOPLE))),
        st.tuples(st.just("role"), st.sampled_from(["mediator", "Delegate", "honour"])),
        st.tuples(st.just("session"), st.sampled_from(["01alpha", "01BETA", "01u"])),
        st.tuples(st.just("lang"), st.sampled_from(sorted(WORDS))),
        st.tuples(st.just("flag"), st.sampled_from(["echo", "music"])),
        st.tuples(st.sampled_from(["after", "before"]), st.sampled_from(DAYS)),
    ),
    max_size=3,
)


def fits(row: Row, chosen: Sequence[tuple[str, str]]) -> bool:
    """Of fields with one name any, of different names all."""
    days = [value for name, value in chosen if name in {"after", "before"}]
    if days and row.session == UNDATED:
        return False
    return all(
        any(has(row, name, value) for other, value in chosen if other == name)
        if name not in {"after", "before"}
        else all(has(row, name, value) for other, value in chosen if other == name)
        for name, _ in chosen
    )


def has(row: Row, name: str, value: str) -> bool:
    role = PEOPLE[row.person]
    is_whole = value.lower() in PEOPLE.values()
    return {
        "speaker": row.person == value,
        "role": role == value.lower() if is_whole else value.lower() in role,
        "session": row.session.lower().startswith(value.lower()),
        "lang": row.language == value,
        "flag": row.flag == value,
        "after": value <= DAYS[row.day],
        "before": DAYS[row.day] <= value,
    }[name]


def as_options(chosen: Sequence[tuple[str, str]]) -> Filters:
    """The same as `Filters`."""

    def values(name: str) -> tuple[str, ...]:
        return tuple(value for one, value in chosen if one == name)

    whole = {name.lower()[:3]: name for name in SESSIONS}
    after = [read_time(value, option="--after") for value in values("after")]
    before = [read_time(value, option="--before", is_end=True) for value in values("before")]
    return Filters(
        speakers=values("speaker"),
        sessions=tuple(whole[value.lower()[:3]] for value in values("session")),
        languages=values("lang"),
        roles=values("role"),
        flags=values("flag"),
        after_us=max(after, default=None),
        before_us=min(before, default=None),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that can be asked at once."""

    required: list[list[Asked]]
    excluded: list[Asked]
    typed: list[tuple[str, str]]
    options: list[tuple[str, str]]
    as_recorded: bool

    def query(self) -> str:
        parts = [" OR ".join(term.typed() for term in choice) for choice in self.required]
        return " ".join([*parts, *(f"-{term.typed()}" for term in self.excluded), *map(":".join, self.typed)])

    def answers(self) -> list[int]:
        """What a reader finds, newest first."""
        found = [number for number, row in enumerate(ROWS) if self.is_answered(row)]
        return sorted(found, key=lambda number: (ROWS[number].day, number), reverse=True)

    def is_answered(self, row: Row) -> bool:
        said = row.machine if self.as_recorded else row.words
        return (
            fits(row, self.typed)
            and fits(row, self.options)
            and all(any(term.is_in(said) for term in choice) for choice in self.required)
            and not any(term.is_in(said) for term in self.excluded)
        )


questions = st.builds(
    Question,
    required=st.lists(st.lists(terms, min_size=1, max_size=3), min_size=1, max_size=2),
    excluded=st.lists(plain, max_size=1),
    typed=fields,
    options=fields,
    as_recorded=st.booleans(),
)


def check(db: Database, asked: Question, limit: int) -> None:
    """By time all of them in their order, as many as are wanted; by relevance the same ones."""
    expected = asked.answers()
    filters = as_options(asked.options)
    answer = search(db, asked.query(), filters=filters, limit=limit, as_recorded=asked.as_recorded)
    assert expected[:limit] == [hit.passage.utterance for hit in answer.hits], asked.query()
    assert answer.more == (len(expected) > limit)
    assert [] == [hit for hit in answer.hits if not hit.matches]
    shown = [ROWS[number].text(ROWS[number].machine if asked.as_recorded else ROWS[number].words) for number in expected[:limit]]
    assert shown == [hit.passage.text for hit in answer.hits]
    best = search(db, asked.query(), filters=filters, limit=1000, as_recorded=asked.as_recorded, order="relevance").hits
    assert sorted(expected) == sorted(hit.passage.utterance for hit in best), asked.query()


@settings(max_examples=300, deadline=None)
@given(asked=questions, limit=st.sampled_from([1, 3, 1000]))
def test_a_query_finds_what_a_reader_of_everything_would(db: Database, asked: Question, limit: int) -> None:
    check(db, asked, limit)


@pytest.fixture(scope="module")
def broad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An archive in which two words are too many for a prefix, so that texts are looked through instead of the index."""
    with pytest.MonkeyPatch.context() as patch, open_archive(tmp_path_factory.mktemp("broad") / FILE_NAME) as database:
        patch.setattr(lexicon_module, "MOST_BEGINNING", 1)
        fill(database)
        yield database


@settings(max_examples=150, deadline=None)
@given(asked=questions)
def test_so_it_does_where_prefixes_are_too_broad_for_the_index(broad: Database, asked: Question) -> None:
    check(broad, asked, 1000)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(asked=questions, limit=st.sampled_from([1, 3, 1000]))
def test_twenty_thousand_queries_find_what_a_reader_would(db: Database, asked: Question, limit: int) -> None:
    check(db, asked, limit)


SOUNDS = {"exchange": "e", "prisoner": "p", "talk": "t", "обмен": "o", "ещё": "e", "пленный": "p", "Лавров": "l", "обмін": "o"}
SOUNDS |= {"полонений": "p", "пам'ять": "p", "Київ": "k", "o'clock": "o"}
"""How the words of a family begin, in Latin letters."""

ALIKE = {"Lavrov": "Лавров", "Kyiv": "Київ", "Kiev": "Київ", "obmin": "обмін", "obmen": "обмен", "polonenyi": "полонений"}
ALIKE |= {"prizoner": "prisoner", "eksčange": "exchange", "pamyat": "пам'ять", "лавроф": "Лавров", "обмін": "обмен"}
"""What somebody may type → what they mean."""


@pytest.mark.parametrize(("typed", "meant"), [one for one in ALIKE.items() if one[0].isalpha()])
def test_loosely_a_query_finds_what_is_meant_and_nothing_that_begins_otherwise(db: Database, typed: str, meant: str) -> None:
    found = {hit.passage.utterance for hit in search(db, typed, limit=1000, is_loose=True).hits}
    must = {number for number, row in enumerate(ROWS) if any(is_form(word, meant) for word in row.words)}
    alike = {FAMILY[word] for word, sound in SOUNDS.items() if sound == SOUNDS[meant]}
    may = {number for number, row in enumerate(ROWS) if any(FAMILY[word] in alike for word in row.words)}
    assert must <= found
    assert found <= may


@settings(max_examples=100, deadline=None)
@given(asked=questions)
def test_loosely_nothing_is_lost_unless_something_is_left_out(db: Database, asked: Question) -> None:
    if asked.excluded:
        return
    filters = as_options(asked.options)
    answer = search(db, asked.query(), filters=filters, limit=1000, as_recorded=asked.as_recorded, is_loose=True)
    assert set(asked.answers()) <= {hit.passage.utterance for hit in answer.hits}


def test_the_reader_knows_the_database_only_as_a_file(tmp_path: Path) -> None:
    """The oracle would be worth nothing if all its queries found everything, or nothing."""
    found = [len(Question([[Asked("word", (word,))]], [], [], [], as_recorded=False).answers()) for word in FAMILY]
    assert 0 < min(found) <= max(found) < len(ROWS) / 2
