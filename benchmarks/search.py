"""Search a large made-up archive beside plain FTS5 and tantivy.

``python benchmarks/search.py [UTTERANCES]`` (a million unless said otherwise) makes utterances in three languages of real words
as often as they are said (wordfreq), writes them into our tables, a bare FTS5 table and, where it is installed, into tantivy,
and asks all of them the same.  Wants ``pip install -e '.[bench]'``.

Inserting is what our indexing does to the utterances (word forms, triggers, a transaction a session of 1000) without reading
session folders and without the table of single words, which the bare table has not either.
"""

import argparse
import importlib.util
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import wordfreq
from sqlite_utils import Database

from archive.forms import index_columns, tokens
from archive.rows import insert
from archive.schema import open_archive, writing
from archive.search import Filters, Order, search

LANGUAGES = ("en", "ru", "uk")
VOCABULARY = 50_000
SESSION = 1000
"""Utterances of one session."""

REPEATS = 20
"""Measurements of one class of queries."""

FIRST_US = 1_700_000_000_000_000


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance; `rowid` grows with time."""

    rowid: int
    text: str
    language: str
    person: str


def utterances(count: int) -> Iterator[Said]:
    """The same ones every time."""
    chance = random.Random(5)  # noqa: S311  (made-up talk)
    words, weights = {}, {}
    for language in LANGUAGES:
        words[language] = [word for word in wordfreq.top_n_list(language, VOCABULARY) if next(tokens(word), None)]
        weights[language] = list(accumulate(wordfreq.word_frequency(word, language) for word in words[language]))
    for number in range(count):
        language = chance.choice(LANGUAGES)
        said = chance.choices(words[language], cum_weights=weights[language], k=chance.randint(3, 20))
        person = "rare" if number % 100_003 == 17 else f"person-{chance.randrange(40)}"
        yield Said((FIRST_US // 1000 + number) << 16, " ".join(said), language, person)


def sessions(said: Sequence[Said]) -> Iterator[Sequence[Said]]:
    """`said` in pieces of one session."""
    for first in range(0, len(said), SESSION):
        yield said[first : first + SESSION]


# Writing


def write_ours(db: Database, said: Sequence[Said]) -> None:
    """One session."""
    name = f"S{said[0].rowid}"
    with writing(db):
        session = dict.fromkeys(["title", "place", "languages", "origin", "operator", "created_at", "path"], "")
        session_id = insert(db, "sessions", {**session, "session": name, "created_at_us": 0, "is_sealed": True})
        run = dict.fromkeys(["started_at", "engine", "model", "settings"], "")
        run |= {"run": "r001", "is_current": "1", "spoken_languages": " ".join(LANGUAGES)}
        run_id = insert(db, "runs", {**run, "session_id": session_id, "started_at_us": 0, "windows": 0, "flagged_windows": 0})
        track = dict.fromkeys(["number", "stream", "channel", "rate_hz", "frame_count"], 1)
        track_id = insert(db, "tracks", {**track, "session_id": session_id, "sample_format": "s16", "input": ""})
        labels = dict.fromkeys(["role", "delegation", "language"], "")
        persons = sorted({one.person for one in said})
        people = {
            person: insert(db, "speakers", {**labels, "session_id": session_id, "person": person, "name": person})
            for person in persons
        }
        for number, one in enumerate(said):
            spelled, forms = index_columns(one.text, one.language)
            row: dict[str, object] = {"id": one.rowid, "session_id": session_id, "run_id": run_id, "track_id": track_id}
            row |= {"speaker_id": people[one.person], "number": number, "language": one.language, "language_ppm": 0}
            row |= {"started_at_us": (one.rowid >> 16) * 1000, "position_us": number, "duration_us": 1, "first_frame": number}
            row |= {"frame_count": 1, "window": 0, "flags": "", "text": one.text, "spelling": spelled, "forms": forms}
            insert(db, "utterances", row)


def write_bare(path: Path, said: Sequence[Said]) -> sqlite3.Connection:
    """A table FTS5 makes itself, and nothing else."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE VIRTUAL TABLE bare USING fts5 (text, tokenize='unicode61 remove_diacritics 1')")
    for session in sessions(said):
        connection.executemany("INSERT INTO bare (rowid, text) VALUES (?, ?)", [(one.rowid, one.text) for one in session])
        connection.commit()
    return connection


def write_tantivy(folder: Path, said: Sequence[Said]) -> Callable[[str], object]:
    """Returns what asks for the twenty best."""
    import tantivy  # noqa: PLC0415  (where it is installed)

    schema = tantivy.SchemaBuilder().add_text_field("text", stored=False).add_integer_field("row", stored=True).build()
    folder.mkdir()
    index = tantivy.Index(schema, path=str(folder))
    writer = index.writer(heap_size=200_000_000, num_threads=1)
    for one in said:
        writer.add_document(tantivy.Document(text=one.text, row=one.rowid))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(query: str) -> object:
        return [searcher.doc(place) for _, place in searcher.search(index.parse_query(query, ["text"]), 20).hits]

    return ask


# Asking


def queries(said: Sequence[Said]) -> dict[str, tuple[list[str], list[str], Filters]]:
    """Class → what is typed in ours, the same for FTS5 and tantivy, and what narrows ours."""
    common = ["the", "to", "и", "в", "не", "і", "на", "що"]
    middling = ["government", "history", "вопрос", "время", "питання", "роботи"]
    rare = [max(tokens(one.text), key=lambda token: len(token.word)).word for one in said[7 :: max(1, len(said) // 20)]][:20]
    phrases = [" ".join(one.text.split()[:2]) for one in said[3 :: max(1, len(said) // 20)]][:20]
    quoted = [f'"{phrase}"' for phrase in phrases]
    both = [f"{one} {other}" for one, other in zip(middling * 2, common + common[:4], strict=True)]
    prefixes = ["gov*", "inter*", "вопр*", "прав*", "пит*", "держ*"]
    none = Filters()
    return {
        "most frequent word, exact": ([f"={word}" for word in common], common, none),
        "most frequent word, any form": (common, common, none),
        "middling word, any form": (middling, middling, none),
        "rare word, any form": (rare, rare, none),
        "phrase": (quoted, quoted, none),
        "prefix": (prefixes, prefixes, none),
        "two words": (both, both, none),
        "frequent word, speaker of a fortieth": ([f"={word}" for word in common], common, Filters(speakers=("person-7",))),
        "frequent word, rare speaker": ([f"={word}" for word in common], common, Filters(speakers=("rare",))),
    }


def p95_ms(ask: Callable[[str], object], asked: Sequence[str]) -> float:
    """Of `REPEATS` questions, each asked once before."""
    for query in asked:
        ask(query)
    took = []
    for number in range(REPEATS):
        query = asked[number % len(asked)]
        started = time.perf_counter()
        ask(query)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.quantiles(took, n=20, method="inclusive")[-1]


def bare_asker(connection: sqlite3.Connection, by: str) -> Callable[[str], object]:
    """Asks FTS5 for the first twenty."""
    statement = f"SELECT rowid, text FROM bare WHERE bare MATCH ? ORDER BY {by} LIMIT 20"  # noqa: S608  (ours)

    def ask(query: str) -> object:
        typed = query if '"' in query or query.endswith("*") else " ".join(f'"{word}"' for word in query.split())
        return connection.execute(statement, [typed]).fetchall()

    return ask


def our_asker(db: Database, filters: Filters, order: Order) -> Callable[[str], object]:
    """Asks the archive."""
    return lambda query: search(db, query, filters=filters, order=order)


def size_mb(path: Path) -> float:
    """Of a file or of everything in a folder."""
    files = [path] if path.is_file() else [*path.rglob("*")]
    return sum(file.stat().st_size for file in files) / 1e6


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("utterances", nargs="?", type=int, default=1_000_000)
    count = parser.parse_args().utterances
    said = list(utterances(count))
    with tempfile.TemporaryDirectory() as name, open_archive(Path(name) / "ours.db") as db:
        folder = Path(name)
        started = time.perf_counter()
        for session in sessions(said):
            write_ours(db, session)
        ours_s = time.perf_counter() - started
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        started = time.perf_counter()
        bare = write_bare(folder / "bare.db", said)
        bare_s = time.perf_counter() - started
        bare.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ask_tantivy: Callable[[str], object] | None = None
        tantivy_s = 0.0
        if importlib.util.find_spec("tantivy"):
            started = time.perf_counter()
            ask_tantivy = write_tantivy(folder / "tantivy", said)
            tantivy_s = time.perf_counter() - started
        print(f"\n{count} utterances\n\n| | utterances/s | size |\n|---|---|---|")
        for label, took_s, path in (
            ("ours", ours_s, "ours.db"),
            ("bare FTS5", bare_s, "bare.db"),
            ("tantivy", tantivy_s, "tantivy"),
        ):
            if took_s:
                print(f"| {label} | {count / took_s:,.0f} | {size_mb(folder / path):.0f} MB |")
        head = ("p95 in ms", "ours, newest", "ours, relevance", "FTS5, newest", "FTS5, rank", "tantivy")
        print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
        for label, (typed, plain, filters) in queries(said).items():
            figures = [p95_ms(our_asker(db, filters, order), typed) for order in ("time", "relevance")]
            if filters == Filters():
                figures += [p95_ms(bare_asker(bare, by), plain) for by in ("rowid DESC", "rank")]
                figures += [p95_ms(ask_tantivy, plain)] if ask_tantivy and "prefix" not in label else []
            print(f"| {label} | {' | '.join(f'{figure:.2f}' for figure in figures)} |", flush=True)
        bare.close()


if __name__ == "__main__":
    main()
