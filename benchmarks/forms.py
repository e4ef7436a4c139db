"""Compare what finds a word's other forms: simplemma, pymorphy3 and Snowball, judged by the dictionaries of hunspell.

``python benchmarks/forms.py /usr/share/hunspell [LANGUAGE …]`` wants the Debian packages hunspell-en-us, hunspell-ru and
hunspell-uk, and ``pip install -e '.[bench]'``.  A line of a hunspell dictionary with its suffixes is one paradigm; the most
frequent nouns, verbs and adjectives (by wordfreq) are asked for.  Every form of a paradigm is typed once:

* recall: how many of the other forms it finds;
* precision: how much of what it finds, among the most frequent words, is of a paradigm it belongs to, each word counting as
  often as it is said; *unrelated* is the part of what was found that does not even begin alike (a participle and its verb are
  two paradigms in hunspell, but nobody minds when one finds the other).

Speed is of different words, each looked up once; memory and load time are those of a process of its own.
"""

import argparse
import gc
import multiprocessing
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import wordfreq

import archive.index.forms
from archive.index.forms import spelling

FILES = {"en": "en_US", "ru": "ru_RU", "uk": "uk_UA"}
SIZES = {"noun": 1000, "verb": 700, "adjective": 500}
"""Paradigms a language."""

VOCABULARY = 100_000
"""The most frequent words, among which everything is looked for."""

NAMES = {
    "en": ["Lavrov Lavrov's", "Chernihiv Chernihiv's"],
    "ru": [
        "Лавров Лаврова Лаврову Лавровым Лаврове", "Зеленский Зеленского Зеленскому Зеленским", "Коваль Коваля Ковалю Ковалем",
        "Захарова Захаровой Захарову", "Умеров Умерова Умерову Умеровым", "Мединский Мединского Мединскому",
        "Подоляк Подоляка Подоляку Подоляком", "Чернигов Чернигова Чернигове", "Мариуполь Мариуполя Мариуполе Мариуполем",
        "Бердянск Бердянска Бердянске",
    ],
    "uk": [
        "Лавров Лаврова Лаврову Лавровим", "Зеленський Зеленського Зеленському Зеленським", "Коваль Коваля Ковалю Ковалем",
        "Захарова Захарової Захарову", "Умєров Умєрова Умєрову Умєровим", "Мединський Мединського Мединському",
        "Подоляк Подоляка Подоляку Подоляком", "Чернігів Чернігова Чернігові Черніговом", "Маріуполь Маріуполя Маріуполі",
        "Київ Києва Києву Києві Києвом", "Бердянськ Бердянська Бердянську",
    ],
}  # fmt: skip
"""Surnames and places of the kind that is looked for most, written by hand; the dictionaries have few of them."""

Keys = Callable[[str], frozenset[str]]
"""A word in our spelling → what it is indexed and looked up under, beside itself."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked in one language, and what is right.

    ``paradigms`` are the forms of those asked for, ``truth`` gives the numbers of every paradigm a word belongs to, ``frequency``
    how often it is said.
    """

    language: str
    paradigms: tuple[tuple[str, ...], ...]
    names: tuple[tuple[str, ...], ...]
    truth: dict[str, frozenset[int]]
    frequency: dict[str, float]


@dataclass(frozen=True, slots=True)
class Score:
    """Shares between 0 and 1, words a second, seconds and megabytes."""

    candidate: str
    recall: float
    names: float
    precision: float
    unrelated: float
    speed: float
    load_s: float
    memory_mb: float


# The dictionaries


@dataclass(frozen=True, slots=True)
class Rule:
    """One line ``SFX``: `ending` takes the place of `stripped` where `condition` fits."""

    stripped: str
    ending: str
    condition: re.Pattern[str]


def read_rules(path: Path) -> dict[str, list[Rule]]:
    """The suffix rules of an ``.aff`` file by flag; prefixes make other words and are left out."""
    rules: dict[str, list[Rule]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        parts = line.split()
        if len(parts) >= 5 and parts[0] == "SFX":
            _, flag, stripped, ending, condition = parts[:5]
            ending = ending.partition("/")[0]
            rules[flag].append(
                Rule("" if stripped == "0" else stripped, "" if ending == "0" else ending, re.compile(f"(?:{condition})$"))
            )
    return rules


def expand(base: str, flags: Iterable[str], rules: dict[str, list[Rule]]) -> Iterator[str]:
    """`base` and everything its flags make of it."""
    yield base
    for flag in flags:
        for rule in rules.get(flag, ()):
            if base.endswith(rule.stripped) and rule.condition.search(base):
                yield base[: len(base) - len(rule.stripped)] + rule.ending


def kind_of(base: str, flags: str, language: str) -> str | None:
    """Noun, verb, adjective or nothing, as far as the ending and the flags say."""
    if not base.islower() or not flags or len(base) < 3:
        return None
    if language == "en":
        return (
            "adjective" if {"R", "T"} <= set(flags) else "verb" if {"D", "G"} <= set(flags) else "noun" if "S" in flags else None
        )
    verb, adjective = {
        "ru": (("ть", "ти", "чь", "ться", "тись", "чься"), ("ый", "ий", "ой", "ийся")),
        "uk": (("ти", "тися", "тись"), ("ий", "ій")),
    }[language]
    return "verb" if base.endswith(verb) else "adjective" if base.endswith(adjective) else "noun"


def read_case(folder: Path, language: str) -> Case:
    """The most frequent paradigms of a language, and every word that both hunspell and wordfreq know."""
    rules = read_rules(folder / f"{FILES[language]}.aff")
    inflecting = "SDG" if language == "en" else ""  # the other suffixes of English (-ly, -ness, 's) make other words
    frequency = {spelling(word): wordfreq.word_frequency(word, language) for word in wordfreq.top_n_list(language, VOCABULARY)}
    truth: dict[str, set[int]] = defaultdict(set)
    ranked: dict[str, list[tuple[float, tuple[str, ...]]]] = {kind: [] for kind in SIZES}
    lines = (folder / f"{FILES[language]}.dic").read_text(encoding="utf-8").splitlines()[1:]
    for number, line in enumerate(lines):
        base, _, flags = line.split("\t")[0].split(" ")[0].partition("/")
        kind = kind_of(base, flags, language)
        used = [flag for flag in flags if not inflecting or flag in inflecting or (kind == "adjective" and flag in "RT")]
        forms = tuple(dict.fromkeys(spelling(form) for form in expand(base, used, rules)))
        for form in forms:
            truth[form].add(number)
        share = frequency.get(forms[0], 0.0)
        if kind and share and len(forms) > 1:
            ranked[kind].append((share, forms))
    chosen = [forms for kind, size in SIZES.items() for _, forms in sorted(ranked[kind], reverse=True)[:size]]
    asked = {form for forms in chosen for form in forms}
    kept = {word: frozenset(numbers) for word, numbers in truth.items() if word in frequency or word in asked}
    names = tuple(tuple(spelling(name) for name in line.split()) for line in NAMES[language])
    return Case(language, tuple(chosen), names, kept, frequency)


# The candidates


def simplemma_keys(language: str, *, is_greedy: bool = False) -> Keys:
    """The dictionary form of a word in lower case and of the same with a capital, as names have it."""
    from simplemma import Lemmatizer  # noqa: PLC0415  (loading is measured)
    from simplemma.strategies import DefaultStrategy  # noqa: PLC0415

    strategy = DefaultStrategy(greedy=is_greedy)
    lemmatizer = Lemmatizer(lemmatization_strategy=strategy)
    return lambda word: frozenset(spelling(lemmatizer.lemmatize(form, language)) for form in (word, word.capitalize()))


def pymorphy_keys(language: str, *, is_first_only: bool = False, is_guess_first_only: bool = False) -> Keys:
    """Every reading's dictionary form, or only the likeliest one, always or for words outside the dictionary."""
    import pymorphy3  # noqa: PLC0415

    analyzer = pymorphy3.MorphAnalyzer(lang=language)

    def keys(word: str) -> frozenset[str]:
        readings = analyzer.parse(word)
        is_first = is_first_only or (is_guess_first_only and not (readings and readings[0].is_known))
        return frozenset(spelling(reading.normal_form) for reading in (readings[:1] if is_first else readings))

    return keys


def snowball_keys(language: str) -> Keys:
    """The stem, marked so that it is no word."""
    import snowballstemmer  # noqa: PLC0415

    stemmer = snowballstemmer.stemmer({"en": "english", "ru": "russian"}[language])
    return lambda word: frozenset({f"{stemmer.stemWord(word)}+"})


def our_keys(language: str) -> Keys:
    """What the archive does."""
    return lambda word: archive.index.forms.forms(word, language)


def both(first: Callable[[str], Keys], second: Callable[[str], Keys], language: str) -> Keys:
    """What either of two finds."""
    one, other = first(language), second(language)
    return lambda word: one(word) | other(word)


CANDIDATES: dict[str, tuple[str, Callable[[str], Keys]]] = {
    "none": ("en ru uk", lambda _: lambda _: frozenset()),
    "simplemma": ("en ru uk", simplemma_keys),
    "simplemma greedy": ("en ru uk", partial(simplemma_keys, is_greedy=True)),
    "pymorphy3, all readings": ("ru uk", pymorphy_keys),
    "pymorphy3, likeliest guess": ("ru uk", partial(pymorphy_keys, is_guess_first_only=True)),
    "pymorphy3, likeliest reading": ("ru uk", partial(pymorphy_keys, is_first_only=True)),
    "Snowball": ("en ru", snowball_keys),
    "simplemma + Snowball": ("en ru", partial(both, simplemma_keys, snowball_keys)),
    "pymorphy3 + simplemma": ("ru uk", partial(both, pymorphy_keys, simplemma_keys)),
    "the archive": ("en ru uk", our_keys),
}
"""Name → languages, and what makes its keys."""


# The score


def measure(name: str, case: Case) -> Score:
    """Load a candidate in this process and ask it everything."""
    gc.collect()
    before_mb, started = resident_mb(), time.process_time()
    keys = CANDIDATES[name][1](case.language)
    keys("мир" if case.language != "en" else "peace")
    load_s = time.process_time() - started
    words = list(dict.fromkeys(chain(case.truth, *case.paradigms, *case.names)))
    started = time.process_time()
    known = {word: keys(word) | {word} for word in words}
    speed = len(words) / (time.process_time() - started)
    memory_mb = resident_mb() - before_mb - len(words) * 0.0004  # roughly what `known` holds itself
    precision, unrelated = precision_of(case, known)
    recall, names = recall_of(case.paradigms, known), recall_of(case.names, known)
    return Score(name, recall, names, precision, unrelated, speed, load_s, memory_mb)


def recall_of(paradigms: Iterable[tuple[str, ...]], known: dict[str, frozenset[str]]) -> float:
    """The mean over paradigms of the share of pairs of different forms that find each other."""
    shares = []
    for forms in paradigms:
        pairs = [(one, other) for one in forms for other in forms if one != other]
        shares.append(sum(not known[one].isdisjoint(known[other]) for one, other in pairs) / len(pairs))
    return sum(shares) / len(shares)


def precision_of(case: Case, known: dict[str, frozenset[str]]) -> tuple[float, float]:
    """(precision, unrelated), each a mean over the forms asked for."""
    found_under: dict[str, list[str]] = defaultdict(list)
    for word in case.truth:
        if word in case.frequency:
            for key in known[word]:
                found_under[key].append(word)
    precisions, unrelated = [], []
    for word in {form for forms in case.paradigms for form in forms}:
        found = {other for key in known[word] for other in found_under[key]}
        total = sum(case.frequency[other] for other in found)
        if not total:
            continue
        wrong = [other for other in found if case.truth[word].isdisjoint(case.truth[other])]
        precisions.append(1 - sum(case.frequency[other] for other in wrong) / total)
        unrelated.append(sum(case.frequency[other] for other in wrong if not begin_alike(word, other)) / total)
    return sum(precisions) / len(precisions), sum(unrelated) / len(unrelated)


def begin_alike(one: str, other: str) -> bool:
    """True if the first three fifths of the shorter word are the same."""
    length = max(2, min(len(one), len(other)) * 3 // 5)
    return one[:length] == other[:length]


def resident_mb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    """Print one table a language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the .aff and .dic files are, such as /usr/share/hunspell")
    parser.add_argument("languages", nargs="*", default=list(FILES), help="en, ru, uk")
    options = parser.parse_args()
    for language in options.languages:
        case = read_case(options.folder, language)
        forms = sum(len(forms) for forms in case.paradigms)
        print(f"\n{language}: {len(case.paradigms)} paradigms with {forms} forms, {len(case.truth)} words to find them among\n")
        print(
            "| candidate | recall | names | precision | unrelated | words/s | load | memory |\n|---|---|---|---|---|---|---|---|"
        )
        for name, (languages, _) in CANDIDATES.items():
            if language in languages.split():
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    score = pool.apply(measure, (name, case))
                print(
                    f"| {name} | {score.recall:.2%} | {score.names:.1%} | {score.precision:.2%} | {score.unrelated:.2%} | "
                    f"{score.speed:,.0f} | {score.load_s:.2f} s | {score.memory_mb:.0f} MB |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
