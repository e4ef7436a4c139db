"""What a term was said to mean, and what changed between two sessions.

An utterance defines a term when it says so: *by … we mean*, *… means*, *под … понимается*, *… означає*.  Where nobody said so,
the utterances with the term are compared as they are, and the answer says that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from archive.index.forms import spelling
from archive.query.hits import Passage, passage
from archive.query.search import Search

_DEFINING = re.compile(
    r"\b(?:means?|meant|meaning|defin\w+|understand|understood|refers? to|stands? for|is called|shall be"
    r"|знач\w+|означа\w+|понима\w+|подразумева\w+|определ\w+|называ\w+|считается|это"
    r"|розумі\w+|визнача\w+|назива\w+|вважається|це)\b"
)
"""In our spelling: English, Russian, Ukrainian."""

MOST = 50
"""Utterances of a session that are compared."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What one session said of a term, oldest first; ``is_said`` if somebody defined it."""

    session: str
    title: str
    passages: tuple[Passage, ...]
    is_said: bool

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(one.text for one in self.passages)


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of words that stayed, went or came."""

    kind: Literal["same", "gone", "new"]
    words: tuple[str, ...]


def definition(search: Search, session: str) -> Definition:
    """What the utterances of `search`, which is narrowed to one session, say of their term."""
    with search.snapshot():
        found = [passage(search, row) for row in search.rows(is_oldest_first=True)]
    said = [one for one in found if _DEFINING.search(spelling(one.text))]
    title = found[0].title if found else ""
    return Definition(session, title, tuple((said or found)[:MOST]), bool(said))


def changes(before: str, after: str) -> tuple[Change, ...]:
    """The words of two texts beside each other; capitals and punctuation are no change."""
    old, new = before.split(), after.split()
    matcher = SequenceMatcher(None, _keys(old), _keys(new), autojunk=False)
    result = []
    for kind, old_first, old_end, new_first, new_end in matcher.get_opcodes():
        if kind == "equal":
            result.append(Change("same", tuple(new[new_first:new_end])))
            continue
        if old_end > old_first:
            result.append(Change("gone", tuple(old[old_first:old_end])))
        if new_end > new_first:
            result.append(Change("new", tuple(new[new_first:new_end])))
    return tuple(result)


def _keys(words: Sequence[str]) -> list[str]:
    return [re.sub(r"^\W+|\W+$", "", spelling(word)) for word in words]
