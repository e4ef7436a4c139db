"""What the engine is told before it writes: how people speak, and names and terms.  Pure.

It biases the decoder towards a spelling, and towards keeping what was said; it never replaces a word.  What the decoder writes
merely because it was told is an echo, and such a window is read again without being told anything.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from everyword.model import Speaker
from transcribe.evidence.scripts import script_of, scripts

T = TypeVar("T")

HESITATIONS = {"en": " Um... uh, the- the, mm-hmm."}
"""A text that hesitates is continued with hesitations, repetitions and words broken off where they are said (a prompt sets the
style: OpenAI's "Whisper prompting guide"); without one Whisper tidies most of them away.  In Russian and Ukrainian no
such text made the base model keep more, so nothing is told there.  ``benchmarks.verbatim`` measures it."""

HESITATIONS_ECHO_WORDS = 4
"""So many words of it in its order are an echo."""

BUDGET_TOKENS = 64
"""What the terms may cost of the 224 tokens of a window's text: about seven full names in Cyrillic."""

LONGEST_TERM = 80
"""Letters: a longer one would cost the whole budget by itself."""

MISSING_NAMED = 5
"""So many of those that do not fit are named, and the rest is counted."""

ECHO_WORDS = 3
"""So many words in the order of the prompt, across the border of two terms, are an echo: speech does not list a prompt."""


def wanted(roster: Iterable[Speaker], terms: Iterable[str]) -> tuple[str, ...]:
    """Names first, then terms, each once, as plain lines."""
    texts = dict.fromkeys(_plain(text) for text in (*(speaker.name for speaker in roster), *terms))
    return tuple(text for text in texts if text)


def terms_of(roster: Iterable[Speaker], terms: Iterable[str], *, languages: Sequence[str]) -> tuple[str, ...]:
    """What is `wanted`, without what is in a script that none of the languages is written in."""
    known = {script_of(language) for language in languages}
    return tuple(text for text in wanted(roster, terms) if set(scripts(text)) - {""} <= known)


def within_budget(terms: Sequence[str], *, count: Callable[[str], int], budget: int = BUDGET_TOKENS) -> tuple[str, ...]:
    """As many of the terms as fit, in their order; one that does not fit is left out whole, and shorter ones may follow."""
    kept: list[str] = []
    for term in terms:
        if count(prompt_of([*kept, term])) <= budget:
            kept.append(term)
    return tuple(kept)


def prompt_of(terms: Sequence[str]) -> str:
    """The terms as the decoder is told them: as a list that could stand in a text."""
    return f" {', '.join(terms)}." if terms else ""


def told(language: str, terms: Sequence[str]) -> str:
    """All that the decoder is told before it writes in a language."""
    return HESITATIONS.get(language, "") + prompt_of(terms)


def told_sentence(names: Sequence[str], told: Sequence[str]) -> str:
    """How many of the names and terms the engine is told, and which ones it is not; nothing where there are none."""
    if not names:
        return ""
    missing = [name for name in names if name not in told]
    more = f" and {len(missing) - MISSING_NAMED} more" if len(missing) > MISSING_NAMED else ""
    left_out = f"; not told: {', '.join(missing[:MISSING_NAMED])}{more}" if missing else ""
    return f"{len(names) - len(missing)} of {len(names)} names and terms fit into what the model is told{left_out}"


def is_echo(text: str, language: str, terms: Sequence[str]) -> bool:
    """True when a text is nothing but terms, or goes on as the prompt does."""
    words = _words(text)
    hesitations = _words(HESITATIONS.get(language, ""))
    if any(_contains(words, run) for run in _runs(hesitations, HESITATIONS_ECHO_WORDS)):
        return True
    if not terms or not words:
        return False
    known = [_words(term) for term in terms]
    if set(words) - set(hesitations) and _is_made_of(words, [*known, *([word] for word in hesitations)]):
        return True
    listed = [(word, number) for number, term in enumerate(known) for word in term]
    across = [run for run in _runs(listed, ECHO_WORDS) if run[0][1] != run[-1][1]]
    return any(_contains(words, [word for word, _ in run]) for run in across)


def _plain(text: str) -> str:
    """One line, without what could end or restructure a prompt."""
    kept = "".join(char if unicodedata.category(char)[0] in "LNM" or char in "-'’ʼ." else " " for char in text)
    return " ".join(unicodedata.normalize("NFC", kept).split())[:LONGEST_TERM].strip()


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).casefold())


def _is_made_of(words: Sequence[str], terms: Sequence[Sequence[str]]) -> bool:
    """True when the words are whole terms one after another."""
    place = 0
    while place < len(words):
        fit = max((len(term) for term in terms if list(term) == list(words[place : place + len(term)]) and term), default=0)
        if not fit:
            return False
        place += fit
    return True


def _runs(items: Sequence[T], length: int) -> list[Sequence[T]]:
    return [items[first : first + length] for first in range(len(items) - length + 1)]


def _contains(words: Sequence[str], run: Sequence[str]) -> bool:
    return any(list(words[first : first + len(run)]) == list(run) for first in range(len(words) - len(run) + 1))
