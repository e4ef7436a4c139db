"""Text as it is compared: verbatim, so that a lost filler or repetition counts as the loss it is.

The usual Whisper normaliser deletes "um" and "hmm", splits п'ять and turns й into и; none of that happens here.
"""

import re
import unicodedata

_APOSTROPHES = dict.fromkeys(map(ord, "’ʼ‘`´ʹ＇"), "'")
_EVENTS = re.compile(r"\[[^\]]*\]|<[^>]*>")
_WORDS = re.compile(r"[^\W_]+(?:['-][^\W_]+)*-?|%")


def normalise(text: str) -> str:
    """Lower case, NFC, ё as е, one apostrophe, no punctuation and no marks of events ([laughter]); words separated by spaces.

    A hyphen inside a word parts it (well-known = well known), one at its end (a cut-off, mon-) goes; % is a word (see `numbers`).
    """
    plain = unicodedata.normalize("NFC", _EVENTS.sub(" ", text)).lower().translate(_APOSTROPHES).replace("ё", "е")
    return " ".join(part for word in _WORDS.findall(plain) for part in word.split("-") if part)
