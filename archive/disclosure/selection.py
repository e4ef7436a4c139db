"""What an excerpt shows and a redaction hides: found in the certified text by words, by page and line, or by number."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archive.certificate.certify import Certificate
from archive.certificate.manifest import text_leaves
from archive.record import Record
from everyword import checker
from everyword.digest import parse_canonical
from everyword.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Hide:
    """What one redaction hides: words (from 0) of an utterance, all of them if `words` is None, or who spoke it."""

    utterance: int
    words: tuple[int, ...] | None = None
    is_speaker: bool = False


@dataclass(frozen=True, slots=True)
class Redaction:
    """Things hidden for one reason; ``mark`` stands in their place."""

    mark: str
    reason: str
    authority: str
    hides: tuple[Hide, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A certified transcript and its tree: leaves as (digest, salt, what it holds), and the line map."""

    certificate: Certificate
    utterances: tuple[Mapping[str, object], ...]
    leaves: tuple[tuple[bytes, bytes, bytes], ...]
    linemap: bytes

    def indexes(self, hide: Hide) -> list[int]:
        """The leaves of what is to be hidden."""
        found = []
        for index, (_, _, data) in enumerate(self.leaves):
            held = parse_canonical(data, what="leaf")
            is_word = held["kind"] == "word" and not hide.is_speaker and (hide.words is None or held["word"] in hide.words)
            if held["utterance"] == hide.utterance and (is_word or (hide.is_speaker and held["kind"] == "speaker")):
                found.append(index)
        return found


def read_text(record: Record, certificate: Certificate) -> Text:
    """A certificate's transcript.  Raises `CorruptFolder` when it is damaged."""
    raw = (certificate.path / checker.TRANSCRIPT).read_bytes()
    transcript = parse_canonical(raw, what="transcript.json")
    revision = certificate.manifest["revision"]
    leaves = text_leaves(record.session.id, raw, seed=record.folder.read_seed(), revision=int(str(revision)))
    utterances = transcript["utterances"]
    linemap = (certificate.path / checker.LINEMAP).read_bytes()
    return Text(certificate, tuple(utterances), tuple(leaves), linemap)  # type: ignore[arg-type]


def with_phrase(text: Text, phrase: str) -> list[Hide]:
    """Every place where these words stand, whatever the case of their letters and the punctuation around them.

    Raises:
        InvalidOption: they stand nowhere, so that a slip of the pen does not pass for a redaction.
    """
    wanted = [_plain(word) for word in phrase.split()]
    found: list[Hide] = []
    for said in text.utterances:
        words = [_plain(word) for word in checker.words_of(str(said["text"]))]
        places = [place for place in range(len(words)) if wanted and words[place : place + len(wanted)] == wanted]
        found += [Hide(int(str(said["number"])), tuple(range(place, place + len(wanted)))) for place in places]
    if not found:
        raise InvalidOption(f"{phrase!r} stands nowhere in the certified text.")
    return found


def at_line(text: Text, place: str) -> list[Hide]:
    """Every word that stands on a printed line (``page:line``), or goes on there.  Raises `InvalidOption` when there is none."""
    if not re.fullmatch(r"\d{1,6}:\d{1,3}", place):
        raise InvalidOption(f"{place!r} is no page:line.", hint="Such as 14:07.")
    (page, line), found = (int(part) for part in place.split(":")), []
    for row in text.linemap.decode().splitlines()[1:]:
        of_page, of_line, number, first, count = (int(part or 0) for part in row.split(",")[:5])
        if (of_page, of_line) == (page, line) and count:
            found += [Hide(number, tuple(range(first, first + count)))]
    if not found:
        raise InvalidOption(f"No words stand at {place}.")
    return found


def read_words(text: str) -> Hide:
    """``12:3`` or ``12:3-5``: words of an utterance, counted from 1.  Raises `InvalidOption`."""
    match = re.fullmatch(r"(\d{1,9}):(\d{1,6})(?:-(\d{1,6}))?", text)
    if not match or int(match[2]) < 1 or int(match[3] or match[2]) < int(match[2]):
        raise InvalidOption(f"{text!r} names no words.", hint="Write utterance:word or utterance:first-last, such as 12:3-5.")
    return Hide(int(match[1]), tuple(range(int(match[2]) - 1, int(match[3] or match[2]))))


def numbered(hides: Iterable[Hide], *, reason: str, authority: str = "") -> list[Redaction]:
    """Redactions R-01 and on, one an utterance, whatever overlaps united.  Raises `InvalidOption` when there is nothing."""
    words: dict[tuple[int, bool], set[int] | None] = {}
    for hide in hides:
        place = (hide.utterance, hide.is_speaker)
        before = words.get(place, set())
        words[place] = None if hide.words is None or before is None else before | set(hide.words)
    if not words:
        raise InvalidOption("There is nothing to hide.", hint="Name it with --utterance, --words, --line, --phrase or --speaker.")
    return [
        Redaction(f"R-{number:02}", reason, authority, (Hide(one, None if found is None else tuple(sorted(found)), is_speaker),))
        for number, ((one, is_speaker), found) in enumerate(sorted(words.items(), key=lambda item: item[0]), 1)
    ]


def read_position(text: str, *, option: str) -> int:
    """``h:mm:ss``, ``m:ss`` or seconds → µs.  Raises `InvalidOption`."""
    if not re.fullmatch(r"\d{1,6}(:[0-5]?\d){0,2}", text):
        raise InvalidOption(f"{option} {text!r} is no position.", hint="Write h:mm:ss, counted from the beginning.")
    seconds = 0
    for part in text.split(":"):
        seconds = seconds * 60 + int(part)
    return seconds * 1_000_000


def _plain(word: str) -> str:
    return re.sub(r"^\W+|\W+$", "", word).casefold()
