"""Text as it is compared: verbatim, so that a lost filler or repetition counts as the loss it is.

The usual Whisper normaliser deletes "um" and "hmm", splits п'ять and turns й into и; none of that happens here.  Only what is
the same word, said the same way, in two spellings gets one spelling, and it gets it in everybody's text and in the reference:

* informal spellings of the same sounds (`SPELLINGS`): OK, 'kay; y'know; gonna; erm, the British um; and titles: Mr, mister;
* British and American ones: summarised, summarized; colour, color; a suffix by rule, the rest by a list (`_BRITISH`);
* the poets' -'d for -ed (tatter'd), where the word is no contraction (they'd).
"""

import re
import unicodedata

SPELLINGS = {
    "ok": "okay", "kay": "okay", "alright": "all right", "yknow": "you know", "y'know": "you know", "gonna": "going to",
    "wanna": "want to", "gotta": "got to", "kinda": "kind of", "sorta": "sort of", "lemme": "let me", "gimme": "give me",
    "dunno": "don't know", "erm": "um", "uhm": "um", "er": "uh", "hm": "hmm", "mhm": "mm hmm", "mmhmm": "mm hmm",
    "mr": "mister", "dr": "doctor",
}  # fmt: skip
"""One spelling of words that are written in several."""

_BRITISH = {
    "behaviour": "behavior", "centre": "center", "colour": "color", "defence": "defense", "favour": "favor", "grey": "gray",
    "harbour": "harbor", "honour": "honor", "labour": "labor", "licence": "license", "metre": "meter", "neighbour": "neighbor",
    "programme": "program", "rumour": "rumor", "synch": "sync", "synching": "syncing", "theatre": "theater",
}  # fmt: skip
_ISE = re.compile(r"(?<=[a-z]{3})is(?=(?:e|ed|es|er|ers|ing|ation|ations)$)")
_POETIC = re.compile(r"(?<=[a-z]{4})'d$|(?<=[a-z]{3}v)'d$")
_CONTRACTED = frozenset(
    ("they", "there", "that", "this", "what", "where", "when", "which", "these", "those", "somebody", "nobody")
)

_APOSTROPHES = dict.fromkeys(map(ord, "’ʼ‘`´ʹ＇"), "'")
_EVENTS = re.compile(r"\[[^\]]*\]|<[^>]*>")
_WORDS = re.compile(r"[^\W_]+(?:['-][^\W_]+)*-?|%")


def normalise(text: str) -> str:
    """Lower case, NFC, ё as е, one apostrophe, no punctuation and no marks of events ([laughter]); words separated by spaces.

    A hyphen inside a word parts it (well-known = well known), one at its end (a cut-off, mon-) goes; % is a word (see `spelled`).
    """
    plain = unicodedata.normalize("NFC", _EVENTS.sub(" ", text)).lower().translate(_APOSTROPHES).replace("ё", "е")
    return " ".join(_spelling(part) for word in _WORDS.findall(plain) for part in word.split("-") if part)


def _spelling(word: str) -> str:
    if not word.isascii():
        return word
    if word.endswith("'d") and word[:-2] not in _CONTRACTED:
        word = _POETIC.sub("ed", word)
    return SPELLINGS.get(word) or _BRITISH.get(word) or _ISE.sub("iz", word)
