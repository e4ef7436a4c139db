"""Doubts about what the engine wrote.  Pure: they flag and set aside, they never delete."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from everyword.model import Word
from transcribe.engine import Reading
from transcribe.evidence.account import plain_text
from transcribe.evidence.scripts import is_in_other_script
from transcribe.evidence.silence import Stillness
from transcribe.sound.windows import HOP, RATE_HZ, SURE_VOICE, Profile, Window

TRUNCATED = "truncated"
LOOP = "loop"
IMPROBABLE = "improbable"
NO_SPEECH = "no-speech"
UNLIKELY = "unlikely"
STRETCHED = "stretched"
UNCOVERED = "uncovered-speech"
PARTLY_INVENTED = "partly-invented"
NO_TIME = "no-time"
ECHO = "echo"
LEFT_OUT = "left-out"
NO_VOICE = "no-voice"
OTHER_SCRIPT = "other-script"
SECOND_BEST = "second-best"
ALTERED = "altered"
UNALIGNED = "unaligned"

MIXED = "mixed-languages"
UNSURE_LANGUAGE = "unsure-language"
UNCHECKED = "unchecked"

DOUBTING = frozenset({LOOP, IMPROBABLE, NO_SPEECH, OTHER_SCRIPT, UNALIGNED})
"""Flags of a reading that make every word of it uncertain."""

SPLITTING = frozenset({TRUNCATED, LOOP, OTHER_SCRIPT})
"""Flags that a second reading of the window's halves may cure."""

LIMIT_MARGIN_TOKENS = 9
"""So near to the limit a text may have been cut short in the middle of a word, of which some take nine tokens."""

LEAST_LOGPROB = -1.0
MOST_NO_SPEECH = 0.6
MOST_COMPRESSION = 2.4
"""Whisper's own limits (openai/whisper, transcribe.py): below or beyond them it does not believe a text either."""

UNSURE_LOGPROB = -0.4
"""Below this a window is read again in full context, and the surer reading is used."""

INVENTED_SHARE = 1 / 3
"""From so many invented words on, the whole reading is doubted; below it, only what lies beside them."""

BESIDE_S = 1.0
"""So near to an invented word the others are doubted."""

LONGEST_WORD_S = 2.0
"""Nobody speaks a word for longer, but somebody who sings it."""

LEAST_UNCOVERED_S = 1.0
"""So much voice in a row without a word may have been a sentence; a cough is shorter."""

_REPEATS = {1: 6, 2: 4, 3: 4}
_REPEATS_OF_MORE = 3


def flags_of(reading: Reading) -> tuple[str, ...]:
    """What is doubtful about a reading as a whole, in a fixed order."""
    if not reading.hypotheses:
        return ()
    best = reading.hypotheses[0]
    found = []
    if len(best.tokens) >= reading.token_limit - LIMIT_MARGIN_TOKENS:
        found.append(TRUNCATED)
    if is_loop(best.text):
        found.append(LOOP)
    if best.text.strip() and not best.logprob >= LEAST_LOGPROB:  # also if it is no number
        found.append(IMPROBABLE)
    if best.text.strip() and reading.no_speech > MOST_NO_SPEECH:
        found.append(NO_SPEECH)
    if is_in_other_script(best.text, reading.language):
        found.append(OTHER_SCRIPT)
    if plain_text(best.text) != "".join(plain_text(word.text) for word in reading.words):
        found.append(UNALIGNED)
    if reading.is_second_best:
        found.append(SECOND_BEST)
    if reading.echo:
        found.append(ECHO)
    return tuple(found)


def is_sound(reading: Reading) -> bool:
    """True when it has no fault that a second reading may cure, and the engine believes what it wrote."""
    return reading.logprob >= LEAST_LOGPROB and not SPLITTING & set(flags_of(reading))


def is_unsure(reading: Reading | None) -> bool:
    """True when a slower reading may be worth its time."""
    return reading is not None and bool(reading.hypotheses) and reading.logprob < UNSURE_LOGPROB


def may_hold_voice(window: Window, profile: Profile) -> bool:
    """True when the detector finds a voice anywhere in the window likelier than not."""
    first, end = profile.piece.hops_of(window.first_frame, window.end_frame)
    return bool((profile.voice[first:end] > SURE_VOICE).any())


def is_loop(text: str) -> bool:
    """True when the text says the same thing over and over.

    People do repeat themselves ("нет, нет, нет" is testimony): one word counts from six times on, two or three words from four,
    longer phrases from three.
    """
    words = re.findall(r"\w+", text.lower())
    for length in range(1, len(words) // 3 + 1):
        if _longest_repeat(words, length) >= _REPEATS.get(length, _REPEATS_OF_MORE):
            return True
    return len(words) >= 12 and compression(text) > MOST_COMPRESSION


def compression(text: str) -> float:
    """How many times smaller the text gets by zlib; one byte a letter in Latin and Cyrillic alike."""
    try:
        data = text.encode("cp1251")
    except UnicodeEncodeError:
        data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def _longest_repeat(words: Sequence[str], length: int) -> int:
    """How often the same `length` words follow each other at most."""
    best = run = 0
    for place in range(len(words) - length):
        run = run + 1 if words[place] == words[place + length] else 0
        best = max(best, run)
    return 1 + best // length


def doubt_words(
    words: Sequence[Word],
    *,
    reading_flags: Sequence[str],
    unlikely: Sequence[bool],
    drawn_out: Sequence[bool],
    beside_left_out: Sequence[bool],
    in_no_time: Sequence[bool],
    rate_hz: int,
) -> list[Word]:
    """The words with their own flags: those of the reading that touch every word, an unlikely word, one that is drawn out.

    All readings say whether a word is unlikely or stands where words were left out (see `doubt`), the sound whether it is drawn
    out over a hole or repeated in no time (see `account`); one that lasts too long is drawn out whatever lies under it.
    """
    inherited = tuple(flag for flag in reading_flags if flag in DOUBTING)
    is_long = [word.frame_count > LONGEST_WORD_S * rate_hz for word in words]
    signs = (
        (UNLIKELY, unlikely),
        (STRETCHED, [one or other for one, other in zip(drawn_out, is_long, strict=True)]),
        (LEFT_OUT, beside_left_out),
        (NO_TIME, in_no_time),
    )
    found = [(*inherited, *(flag for flag, are in signs if are[n])) for n in range(len(words))]
    return [replace(word, flags=flags) if flags else word for word, flags in zip(words, found, strict=True)]


def doubt_rest(words: Sequence[Word], *, invented: Sequence[Word], rate_hz: int) -> list[Word]:
    """The words of a reading of which others were invented: they stand, those beside the invented ones as uncertain.

    Where a third of all words or more was invented, nothing of the reading is certain.
    """
    reach = round(BESIDE_S * rate_hz)
    is_rotten = len(invented) >= INVENTED_SHARE * (len(words) + len(invented))
    return [
        replace(word, flags=(*word.flags, PARTLY_INVENTED))
        if invented and (is_rotten or any(_are_near(word, other, reach=reach) for other in invented))
        else word
        for word in words
    ]


def _are_near(word: Word, other: Word, *, reach: int) -> bool:
    is_before = other.first_frame + other.frame_count + reach <= word.first_frame
    return not is_before and other.first_frame < word.first_frame + word.frame_count + reach


def quarantine_reason(word: Word, *, still: Stillness, reading_flags: Sequence[str]) -> str:
    """Why a word must not stand in the record, or "".

    Text on verified silence was invented, and so was what is repeated in no time.  Where there is sound but no voice, text is
    set aside if the engine itself doubts it, or if it goes round in circles.
    """
    if NO_TIME in word.flags:
        return NO_TIME
    first, end = word.first_frame, word.first_frame + word.frame_count
    if still.is_silent(first, end):
        return "silence"
    doubted = {IMPROBABLE, NO_SPEECH, LOOP} & set(reading_flags)
    return NO_VOICE if doubted and still.has_no_voice(first, end) else ""


def has_uncovered_speech(window: Window, words: Sequence[Word], profile: Profile, *, margin_frames: int) -> bool:
    """True when the detector is sure of a voice for a second or more where no word is."""
    piece = profile.piece
    first, end = piece.hops_of(window.first_frame, window.end_frame)
    open_hops = profile.voice[first:end] > SURE_VOICE
    for word in words:
        low, high = piece.hops_of(
            max(window.first_frame, word.first_frame - margin_frames),
            min(window.end_frame, word.first_frame + word.frame_count + margin_frames),
        )
        open_hops[low - first : high - first] = False
    longest = int(LEAST_UNCOVERED_S * RATE_HZ / HOP)
    return bool(len(open_hops) >= longest and np.convolve(open_hops, np.ones(longest), mode="valid").max() >= longest)
