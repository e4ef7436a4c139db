"""Readings → words with frames, and readings as lines of JSON.  Pure."""

import math
from collections.abc import Sequence

from everyword.model import Track, Word
from transcribe.engine import Heard, Hypothesis, Reading
from transcribe.evidence import doubt
from transcribe.evidence.account import are_drawn_out, are_repeated_in_no_time
from transcribe.evidence.checks import ECHO, doubt_words
from transcribe.reading.attempts import Attempt
from transcribe.record.stitch import Said
from transcribe.sound.windows import Piece, Profile

SHORTEST_WORD_SAMPLES = 320
"""The engine's grid of time, 20 ms: a word that the alignment gave no length gets this much."""


def words_of(attempt: Attempt, profile: Profile, *, others: Sequence[Reading] = ()) -> list[tuple[Word, str]]:
    """The words of an attempt with their spacing; their frames lie within its window, and their doubts are flagged.

    `others` are further readings of its window, in its language: witnesses.
    """
    if attempt.reading is None:
        return []
    heard, piece = attempt.reading.words, profile.piece
    words = [_word(one, attempt, piece) for one in heard]
    drawn_out = are_drawn_out(heard, attempt.window, profile)
    odds = doubt.log_odds(attempt.reading, others, window=attempt.window, profile=profile)
    unlikely = [value > doubt.DOUBTFUL for value in odds]
    doubted = doubt_words(
        words,
        reading_flags=attempt.flags,
        unlikely=unlikely,
        drawn_out=drawn_out,
        beside_left_out=doubt.are_beside_left_out(attempt.reading, others),
        in_no_time=are_repeated_in_no_time(heard),
        rate_hz=piece.rate_hz,
    )
    return [(word, one.text) for word, one in zip(doubted, heard, strict=True) if word.text]


def said(attempt: Attempt, words: Sequence[tuple[Word, str]]) -> list[Said]:
    """The words of an attempt for `stitch`."""
    if attempt.reading is None:
        return []
    language = attempt.reading.language
    share = ppm(dict(attempt.reading.languages).get(language, 0.0))
    return [Said(word, spaced, attempt.window.number, language, share, attempt.flags) for word, spaced in words]


def line(track: Track, attempt: Attempt, words: Sequence[Word]) -> dict[str, object]:
    """A line of ``readings.jsonl``: everything the engine said about a window, n best included, in integers."""
    base: dict[str, object] = {
        "window": attempt.window.number,
        "part": attempt.part,
        "stream": track.stream,
        "track": track.number,
        "first_frame": attempt.window.first_frame,
        "frame_count": attempt.window.frame_count,
        "used": attempt.used,
        "flags": list(attempt.flags),
        "error": attempt.error,
        "skipped": attempt.skipped,
    }
    return base if attempt.reading is None else {**base, **_reading(attempt.reading, words)}


def echoed(track: Track, attempt: Attempt) -> list[dict[str, object]]:
    """The words of an echo as lines of ``quarantine.jsonl``, with no place in the window but the whole of it."""
    if attempt.reading is None or not attempt.reading.echo:
        return []
    best, window = attempt.reading.echo[0], attempt.window
    share = ppm(math.exp(best.logprob))
    words = [Word(text, window.first_frame, window.frame_count, share) for text in best.text.split()]
    return [quarantined(track, attempt, word, ECHO) for word in words]


def quarantined(track: Track, attempt: Attempt, word: Word, reason: str) -> dict[str, object]:
    """A line of ``quarantine.jsonl``: a word that is not to stand in the record."""
    return {
        "reason": reason,
        "window": attempt.window.number,
        "stream": track.stream,
        "track": track.number,
        "language": attempt.reading.language if attempt.reading else "",
        "word": _word_line(word),
    }


def ppm(share: float) -> int:
    """A probability in parts per million; what is no number is none."""
    return round(min(1.0, max(0.0, share)) * 1_000_000)


def logprob_e6(logprob: float) -> int:
    """A logarithm in millionths; minus infinity and what is no number as -1000."""
    return round(min(0.0, max(-1000.0, logprob)) * 1_000_000)


def _word(one: Heard, attempt: Attempt, piece: Piece) -> Word:
    start = piece.sample_of(attempt.window.first_frame)
    last = attempt.window.end_frame - 1
    first = min(last, max(attempt.window.first_frame, piece.frame_of(start + one.first_sample)))
    length = max(SHORTEST_WORD_SAMPLES, one.sample_count)
    end = min(attempt.window.end_frame, piece.frame_of(start + one.first_sample + length))
    return Word(one.text.strip(), first, max(1, end - first), ppm(one.probability))


def _reading(reading: Reading, words: Sequence[Word]) -> dict[str, object]:
    return {
        "language": reading.language,
        "languages": {language: ppm(share) for language, share in reading.languages},
        "no_speech_ppm": ppm(reading.no_speech),
        "context_samples": reading.context_samples,
        "hypotheses": [_hypothesis(hypothesis) for hypothesis in reading.hypotheses],
        "second_best": reading.is_second_best,
        "echo": [_hypothesis(hypothesis) for hypothesis in reading.echo],
        "words": [_word_line(word) for word in words],
    }


def _hypothesis(hypothesis: Hypothesis) -> dict[str, object]:
    return {"text": hypothesis.text, "tokens": list(hypothesis.tokens), "logprob_e6": logprob_e6(hypothesis.logprob)}


def _word_line(word: Word) -> dict[str, object]:
    return {
        "text": word.text,
        "first_frame": word.first_frame,
        "frame_count": word.frame_count,
        "probability_ppm": word.probability_ppm,
        "flags": list(word.flags),
    }
