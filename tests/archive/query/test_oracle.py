"""Whatever is asked, the archive answers what a reader who looks at every utterance would."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from archive.index.forms import respelled
from archive.index.lexicon import Lexicon, Texts
from archive.index.rows import Row as Written
from archive.index.rows import SessionRows
from archive.index.schema import FILE_NAME, open_archive, writing
from archive.index.writing import replace_session
from archive.query.search import search

FAMILIES = {
    "en": ("exchange exchanged exchanges", "prisoner prisoners", "talk talked"),
    "ru": ("обмен обмена обмену", "ещё", "пленный пленных", "Лавров Лавровым"),
    "uk": ("обмін обміну обмінів", "полонений полонених", "пам'ять пам’яті"),
}
"""Words that are forms of each other, written by hand: nothing here asks the archive what a form is."""

WORDS = {language: [word for family in families for word in family.split()] for language, families in FAMILIES.items()}
FAMILY = {
    word: number
    for number, family in enumerate(family for families in FAMILIES.values() for family in families)
    for word in family.split()
}
PEOPLE = ("reed", "koval", "lavrov")
DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
NOON_US = 1_795_176_000_000_000
"""Of the first day."""


@dataclass(frozen=True, slots=True)
class Row:
    words: tuple[str, ...]
    language: str
    person: str
    day: int
    flag: str


def some_rows() -> list[Row]:
    chance = random.Random(5)
    rows = []
    for _ in range(150):
        language = chance.choice(list(WORDS))
        words = tuple(chance.choices(WORDS[language], k=chance.randint(1, 7)))
        rows.append(Row(words, language, chance.choice(PEOPLE), chance.randrange(3), chance.choice(["", "echo", "music"])))
    return rows


ROWS = some_rows()


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_archive(tmp_path_factory.mktemp("oracle") / FILE_NAME) as database:
        fill(database)
        yield database


def fill(db: Database) -> None:
    session: dict[str, object] = dict.fromkeys(["title", "place", "languages", "origin", "operator", "created_at", "path"], "")
    session |= {"session": "S", "created_at_us": 0, "started_at_us": NOON_US, "is_sealed": True, "run": "r001"}
    lexicon = Lexicon(db)
    texts = Texts(lexicon.differing)
    written = [written_row(number, row, texts) for number, row in enumerate(ROWS)]
    seats = [(name, name, "", "", "", None) for name in PEOPLE]
    with writing(db):
        lexicon.begin()
        replace_session(db, SessionRows(session, seats, (), written, texts.take()), lexicon=lexicon)


def written_row(number: int, row: Row, texts: Texts) -> Written:
    at_us = NOON_US + row.day * 86_400_000_000 + number * 1_000_000
    text = " ".join(row.words)
    frames = dict.fromkeys(["language_ppm", "position_us", "duration_us", "first_frame", "frame_count"], 0)
    return Written(
        at_ms=at_us // 1000, person=row.person, stream=1, track=1, number=number, language=row.language, flags=row.flag,
        text=text, recorded=None, spelling=respelled(text), forms=texts.forms(text, row.language), **frames,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A term: one word or two, and how it is written; `between` is of NEAR."""

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
            case _:
                return self.words[0].upper()

    def is_in(self, row: Row) -> bool:
        said = [one(word) for word in row.words]
        asked = [one(word) for word in self.words]
        match self.kind:
            case "phrase" | "exact":
                return any(said[place : place + len(asked)] == asked for place in range(len(said)))
            case "prefix":
                return any(word.startswith(asked[0]) for word in said)
            case "near":
                first, second = ([place for place, word in enumerate(row.words) if is_form(word, form)] for form in self.words)
                # an apostrophe divides a word in two, so that a text has more places than words
                where = places(row)
                return any(
                    0 < (max(a, b) > min(a, b)) and where[max(a, b)][0] - where[min(a, b)][1] - 1 <= self.between
                    for a in first
                    for b in second
                )
            case _:
                return any(is_form(word, self.words[0]) for word in row.words)


def one(word: str) -> str:
    return word.lower().replace("ё", "е").replace("’", "'")


def is_form(said: str, asked: str) -> bool:
    return FAMILY[said] == FAMILY[asked]


def places(row: Row) -> list[tuple[int, int]]:
    """First and last place of each word."""
    result, done = [], 0
    for word in row.words:
        length = 1 + one(word).count("'")
        result.append((done, done + length - 1))
        done += length
    return result


words = st.sampled_from([word for language in WORDS.values() for word in language])
pairs = st.sampled_from(list(WORDS.values())).flatmap(lambda language: st.tuples(*[st.sampled_from(language)] * 2))
terms = st.one_of(
    st.builds(lambda word: Asked("word", (word,)), words),
    st.builds(lambda word: Asked("exact", (word,)), words),
    st.builds(lambda pair: Asked("phrase", pair), pairs),
    st.builds(lambda word, length: Asked("prefix", (word[:length],)), words, st.integers(2, 4)),
    st.builds(lambda pair, between: Asked("near", pair, between), pairs, st.integers(0, 4)),
)
plain = terms.filter(lambda term: term.kind != "near")
fields = st.fixed_dictionaries(
    {},
    optional={
        "speaker": st.sampled_from(PEOPLE),
        "lang": st.sampled_from(sorted(WORDS)),
        "flag": st.sampled_from(["echo", "music"]),
        "after": st.sampled_from(DAYS),
        "before": st.sampled_from(DAYS),
    },
)


def fits(row: Row, chosen: dict[str, str]) -> bool:
    day = DAYS[row.day]
    had = {"speaker": row.person, "lang": row.language, "flag": row.flag}
    is_like = all(had[name] == value for name, value in chosen.items() if name in had)
    return is_like and chosen.get("after", day) <= day <= chosen.get("before", day)


@settings(max_examples=300, deadline=None)
@given(
    required=st.lists(st.lists(terms, min_size=1, max_size=3), min_size=1, max_size=2),
    excluded=st.lists(plain, max_size=1),
    chosen=fields,
    order=st.sampled_from(["time", "relevance"]),
)
def test_a_query_finds_what_a_reader_of_everything_would(
    db: Database, required: list[list[Asked]], excluded: list[Asked], chosen: dict[str, str], order: str
) -> None:
    query = " ".join(
        [
            *(" OR ".join(term.typed() for term in choice) for choice in required),
            *(f"-{term.typed()}" for term in excluded),
            *(f"{name}:{value}" for name, value in chosen.items()),
        ]
    )
    expected = [
        number
        for number, row in enumerate(ROWS)
        if fits(row, chosen)
        and all(any(term.is_in(row) for term in choice) for choice in required)
        and not any(term.is_in(row) for term in excluded)
    ]
    hits = search(db, query, limit=1000, order="time" if order == "time" else "relevance").hits
    found = [hit.passage.utterance for hit in hits]
    assert sorted(expected) == sorted(found), query
    if order == "time":
        assert sorted(found, key=lambda number: (ROWS[number].day, number), reverse=True) == found
    assert [query for hit in hits if not hit.matches] == []
