"""Search a large made-up archive beside plain FTS5 and tantivy.

``python benchmarks/search.py [UTTERANCES …]`` (a million unless said otherwise; several sizes make a table of how cost grows, and
``--plot FILE.svg`` draws it) makes utterances in three languages of real words as often as they are said (wordfreq), writes them
into our tables, a bare FTS5 table and, where it is installed, into tantivy, and asks all of them the same.  Wants
``pip install -e '.[bench]'`` and, for ten million, 12 GB of disk (``--folder``).

Inserting is what our indexing does to the utterances (word forms, sessions, speakers) without reading session folders: as in
`everyword rebuild`, a second process looks up the words while the first one writes.  The bare table and ours are written in
transactions of the same size and end with one `optimize`; making the words up is not counted.  Inserting is timed by the clock
and by the processor, asking by the processor, as others may use the machine.  ``--said FOLDER`` keeps the made-up words there.
"""

import argparse
import importlib.util
import io
import platform
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from archive.index.collector import collecting_rarely
from archive.index.forms import respelled, tokens
from archive.index.lexicon import Lexicon, Texts, differing
from archive.index.pipe import Inbox, send
from archive.index.rows import Row, SessionRows, columns
from archive.index.schema import open_archive, optimize, scatter, writing
from archive.index.update import MOST_TOGETHER
from archive.index.writing import replace_sessions
from archive.query.filters import NO_FILTERS, Filters
from archive.query.hits import Order
from archive.query.language import Term
from archive.query.search import Memory, Search, search
from benchmarks.sayings import APART_MS, Spoken, batches, keep, utterances

SESSION = 1000
"""Utterances of one session."""

ROLES = ("delegate", "mediator", "interpreter", "observer")
REPEATS = 60
"""Measurements of one class of queries."""

LONGEST_MS = 10_000
"""After so much time a class is not asked again."""

# Writing: each returns the seconds it took, without making the words up


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of the clock and of the processor, all processes together."""

    clock_s: float
    processor_s: float


class Timer:
    """Adds up what is done inside ``with``."""

    def __init__(self) -> None:
        self.took = Took(0, 0)

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *error: object) -> None:
        clock_s, processor_s = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
        self.took = Took(self.took.clock_s + clock_s, self.took.processor_s + processor_s)


def write_ours(db: Database, said: Path) -> Took:
    """Sessions of `SESSION`, as many in one transaction as indexing puts there, and the newest first, as it does."""
    began, worked, helped = time.perf_counter(), time.process_time(), _children_s()
    lexicon = Lexicon(db)
    helper = subprocess.Popen([sys.executable, __file__, "--look-up", str(said)], stdout=subprocess.PIPE)
    sessions = Inbox(helper.stdout, most=2 * MOST_TOGETHER // SESSION) if helper.stdout else Inbox(io.BytesIO())
    scatter(db)
    every = iter(sessions.next, None)
    with collecting_rarely():
        while together := [rows for rows in islice(every, MOST_TOGETHER // SESSION) if isinstance(rows, SessionRows)]:
            with writing(db):
                lexicon.begin()
                replace_sessions(db, together, lexicon=lexicon)
    optimize(db)
    helper.wait()
    return Took(time.perf_counter() - began, time.process_time() - worked + _children_s() - helped)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def look_up(said: Path) -> None:
    """What the second process does: sessions with the forms of their words, to standard output."""
    texts = Texts(differing)
    with collecting_rarely():
        for batch in batches(said, is_newest_first=True):
            for first in range(0, len(batch), SESSION):
                send(sys.stdout.buffer, _session(batch[first : first + SESSION], texts))


def _session(said: Sequence[Spoken], texts: Texts) -> SessionRows:
    session: dict[str, object] = dict.fromkeys(["title", "place", "languages", "origin", "operator", "created_at", "path"], "")
    session |= {"session": f"S{said[0].rowid}", "created_at_us": 0, "started_at_us": 1, "is_sealed": True, "run": "r001"}
    people = sorted({one.person for one in said})
    seats = [(f"person-{one}", f"Person {one}", ROLES[one % len(ROLES)], "", "", 1) for one in people]
    rows = [
        Row(
            rowid >> 16, f"person-{person}", language, "", respelled(text), texts.forms(text, language), 1, person % 8 + 1,
            number, 987_654, number * APART_MS * 1000, 3_210_000, number * APART_MS * 48, 154_080, text, None,
        )
        for number, (rowid, text, language, person) in enumerate(said, 1)
    ]  # fmt: skip
    return SessionRows(session, seats, (), columns(rows), texts.take())


def write_bare(path: Path, said: Path) -> tuple[sqlite3.Connection, Took]:
    """A table FTS5 makes itself, and nothing else."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE VIRTUAL TABLE bare USING fts5 (text, tokenize='unicode61 remove_diacritics 1')")
    timer = Timer()
    for batch in batches(said):
        rows = [(one.rowid, one.text) for one in batch]
        with timer:
            connection.executemany("INSERT INTO bare (rowid, text) VALUES (?, ?)", rows)
            connection.commit()
    with timer:
        connection.execute("INSERT INTO bare (bare) VALUES ('optimize')")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return connection, timer.took


Asker = Callable[[str], object]


def write_tantivy(folder: Path, said: Path) -> tuple[Asker, Asker, Took]:
    """What asks for the twenty newest, what for the twenty best, and the seconds."""
    import tantivy  # noqa: PLC0415  (where it is installed)

    builder = tantivy.SchemaBuilder().add_text_field("text", stored=True)
    schema = builder.add_integer_field("row", stored=True, fast=True).build()
    folder.mkdir()
    index = tantivy.Index(schema, path=str(folder))
    writer = index.writer(heap_size=200_000_000, num_threads=1)
    timer = Timer()
    for batch in batches(said):
        with timer:
            for one in batch:
                writer.add_document(tantivy.Document(text=one.text, row=one.rowid))
    with timer:
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        searcher = index.searcher()

    def newest(query: str) -> object:
        found = searcher.search(index.parse_query(query, ["text"]), 20, order_by_field="row", order=tantivy.Order.Desc)
        return [searcher.doc(place)["text"] for _, place in found.hits]

    def best(query: str) -> object:
        return [searcher.doc(place)["text"] for _, place in searcher.search(index.parse_query(query, ["text"]), 20).hits]

    return newest, best, timer.took


# Asking


@dataclass(frozen=True, slots=True)
class Class:
    """One kind of query: what is typed in ours, the same for FTS5 and for tantivy (nothing where it cannot be asked).

    With `is_any_form` ours finds more words than the others are asked for, so they are also asked for all of these joined by OR.
    """

    name: str
    typed: Sequence[str]
    bare: Sequence[str] = ()
    tantivy: Sequence[str] = ()
    filters: Filters = NO_FILTERS
    is_read: bool = False
    is_any_form: bool = False


def classes(some: Sequence[Spoken]) -> list[Class]:
    """`some` are utterances that phrases and rare words are taken from."""
    common = ["the", "to", "и", "в", "не", "і", "на", "що"]
    middling = ["government", "history", "вопрос", "время", "питання", "роботи"]
    pairs = ["the government", "to be", "и в", "вопрос не", "на що", "питання і", "of history", "не время"]
    rare = [max(tokens(one.text), key=lambda token: len(token.word)).word for one in some]
    phrases = [" ".join(one.text.split()[:2]) for one in some]
    both = [" AND ".join(pair.split()) for pair in pairs]
    prefixes = ["gov*", "inter*", "negoti*", "вопр*", "прав*", "перегов*", "пит*", "держ*", "безпек*"]
    broad = ["a*", "по*", "s*", "за*"]

    def exact(words: Sequence[str]) -> list[str]:
        return [f'"{word}"' for word in words]

    return [
        Class("most frequent word", exact(common), exact(common), common),
        Class("most frequent word, any form", common, exact(common), common, is_any_form=True),
        Class("most frequent word, hits read and marked", common, exact(common), common, is_read=True, is_any_form=True),
        Class("middling word", exact(middling), exact(middling), middling),
        Class("middling word, any form", middling, exact(middling), middling, is_any_form=True),
        Class("rare word", exact(rare), exact(rare), exact(rare)),
        Class("rare word, any form", rare, exact(rare), exact(rare), is_any_form=True),
        Class("phrase", exact(phrases), exact(phrases), exact(phrases)),
        Class("two words", [" ".join(f'"{one}"' for one in pair.split()) for pair in pairs], both, both),
        Class("two words, any form", pairs, both, both, is_any_form=True),
        Class("prefix", prefixes, prefixes),
        Class("prefix of very many words", broad, broad),
        Class("frequent word, speaker of a fortieth", exact(common), filters=Filters(speakers=("person-7",))),
        Class("frequent word, rare speaker", exact(common), filters=Filters(speakers=("person--1",))),
        Class("frequent word, role", common, filters=Filters(roles=("observer",))),
        Class("frequent word, language and month", common, filters=Filters(languages=("uk",), after_us=0)),
    ]


def with_forms(db: Database, typed: Sequence[str]) -> list[str]:
    """Queries for FTS5 that find what ours do: every word of the archive that has a form of a typed one, joined by OR."""
    said: dict[str, set[str]] = {}
    forms = {str(number): form for number, form in db.execute("SELECT id, form FROM forms")}
    for word, numbers in db.execute("SELECT word, form_ids FROM vocabulary"):
        for form in (word, *(forms[one] for one in (numbers or "").split(",") if one)):
            said.setdefault(form, set()).add(word)

    def choice(term: Term) -> str:
        words = set[str]().union(*(said.get(form, set()) for form in term.alternatives))
        return "(" + " OR ".join(f'"{word}"' for word in sorted(words | {" ".join(term.parts)})) + ")"

    return [" AND ".join(map(choice, Search(db, query).query.words.values())) for query in typed]


def times_ms(ask: Asker, asked: Sequence[str]) -> tuple[float, float]:
    """Median and p95 of `REPEATS` questions, each asked once before; of fewer if they take too long."""
    for query in asked:
        ask(query)
    took: list[float] = []
    for number in range(REPEATS):
        if sum(took) > LONGEST_MS and number >= len(asked):
            break
        query = asked[number % len(asked)]
        started = time.thread_time()
        ask(query)
        took.append((time.thread_time() - started) * 1000)
    return statistics.median(took), statistics.quantiles(took, n=20, method="inclusive")[-1]


def bare_asker(connection: sqlite3.Connection, by: str) -> Asker:
    """Asks FTS5 for the first twenty."""
    statement = f"SELECT rowid, text FROM bare WHERE bare MATCH ? ORDER BY {by} LIMIT 20"  # noqa: S608  (ours)
    return lambda query: connection.execute(statement, [query]).fetchall()


def our_asker(db: Database, one: Class, order: Order, memory: Memory) -> Asker:
    """Asks the archive, as a program does that stays in memory."""

    def ask(query: str) -> object:
        hits = search(db, query, filters=one.filters, order=order, memory=memory).hits
        return [(hit.passage, hit.matches) for hit in hits] if one.is_read else hits

    return ask


def size_mb(path: Path) -> float:
    """Of a file or of everything in a folder."""
    files = [path] if path.is_file() else [*path.rglob("*")]
    return sum(file.stat().st_size for file in files) / 1e6


def measure(folder: Path, count: int, said: Path) -> dict[str, float]:
    """Print two tables; class → p95 of ours, newest first."""
    with open_archive(folder / "ours.db") as db:
        if not said.exists():
            keep(said, count)
        bare, bare_took = write_bare(folder / "bare.db", said)
        ours_took = write_ours(db, said)
        newest: Asker | None = None
        best: Asker | None = None
        tantivy_took: Took | None = None
        if importlib.util.find_spec("tantivy"):
            newest, best, tantivy_took = write_tantivy(folder / "tantivy", said)
        sizes = {name: size_mb(folder / name) for name in ("ours.db", "bare.db", "tantivy")}
        print(f"\n## {count:,} utterances\n\n| | utterances/s | processor, µs each | size |\n|---|---|---|---|")
        shares = f" ({bare_took.clock_s / ours_took.clock_s:.2f} of bare)", f" ({sizes['ours.db'] / sizes['bare.db']:.2f} × bare)"
        _print_took("ours", ours_took, count, sizes["ours.db"], shares)
        _print_took("bare FTS5", bare_took, count, sizes["bare.db"])
        if tantivy_took:
            _print_took("tantivy", tantivy_took, count, sizes["tantivy"])
        result = _ask(db, bare, newest, best, count)
        bare.close()
    return result


def _print_took(name: str, took: Took, count: int, size: float, shares: Sequence[str] = ("", "")) -> None:
    processor_us = took.processor_s / count * 1e6
    print(f"| {name} | {count / took.clock_s:,.0f}{shares[0]} | {processor_us:.0f} | {size:,.0f} MB{shares[1]} |", flush=True)


def _ask(db: Database, bare: sqlite3.Connection, newest: Asker | None, best: Asker | None, count: int) -> dict[str, float]:
    head = ["median / p95 in ms", "ours, newest", "FTS5, newest", "FTS5, all forms by OR", "ours ÷ FTS5 (÷ all forms)"]
    head += ["tantivy, newest", "tantivy, all forms by OR", "ours, relevance", "FTS5, rank", "tantivy, best"]
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    memory, result = Memory(db), {}
    some = list(islice(utterances(min(count, 200_000)), 7, None, max(1, min(count, 200_000) // 20)))
    for one in classes(some):
        ours = times_ms(our_asker(db, one, "time", memory), one.typed)
        result[one.name] = ours[1]
        plain = times_ms(bare_asker(bare, "rowid DESC"), one.bare) if one.bare else None
        every_form = with_forms(db, one.typed) if one.is_any_form else ()
        forms = times_ms(bare_asker(bare, "rowid DESC"), every_form) if every_form else None
        ratio = (f"{ours[0] / plain[0]:.1f}" if plain else "–") + (f" ({ours[0] / forms[0]:.1f})" if forms else "")
        cells = [_shown(ours), _shown(plain), _shown(forms), ratio]
        cells += [_shown(times_ms(newest, asked) if newest and asked else None) for asked in (one.tantivy, every_form)]
        cells += [_shown(times_ms(our_asker(db, one, "relevance", memory), one.typed))]
        cells += [_shown(times_ms(bare_asker(bare, "rank"), one.bare) if one.bare else None)]
        cells += [_shown(times_ms(best, one.tantivy) if best and one.tantivy else None)]
        print(f"| {one.name} | {' | '.join(cells)} |", flush=True)
    return result


def _shown(figures: tuple[float, float] | None) -> str:
    return f"{figures[0]:.2f} / {figures[1]:.2f}" if figures else "–"


def main() -> None:
    """Print the tables of every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("utterances", nargs="*", type=int, default=[1_000_000])
    parser.add_argument("--folder", type=Path, help="where the databases are made")
    parser.add_argument("--plot", type=Path, help="an SVG or PNG file of how cost grows")
    parser.add_argument("--said", type=Path, help="where the made-up words are kept, to be used again")
    parser.add_argument("--look-up", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look_up:
        look_up(options.look_up)
        return
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()}")
    grown: dict[str, list[tuple[int, float]]] = {}
    for count in options.utterances:
        folder = Path(tempfile.mkdtemp(dir=options.folder))
        try:
            said = (options.said or folder) / f"said-{count}"
            for name, figure in measure(folder, count, said).items():
                grown.setdefault(name, []).append((count, figure))
        finally:
            shutil.rmtree(folder)
    if options.plot:
        from archive.answers.chart import write_lines  # noqa: PLC0415  (wants the extra [pdf])

        write_lines(options.plot, grown, across="utterances", up="p95 in ms, newest first", is_logarithmic=True)


if __name__ == "__main__":
    main()
