"""Attempts as lines of ``unfinished.jsonl``, and back.  Pure.

They are in the integers in which they reach the record, so that nothing depends on whether a reading went through that file.
"""

from collections.abc import Sequence
from typing import Any

from everyword.digest import canonical, digest, parse_canonical
from everyword.errors import CorruptFolder
from everyword.model import Track
from everyword.run import UNFINISHED
from transcribe.engine import Heard, Hypothesis, Reading
from transcribe.reading.attempts import Attempt
from transcribe.record.words import logprob_e6, ppm
from transcribe.sound.windows import Window


def to_line(track: Track, group: Sequence[Attempt]) -> bytes:
    """The attempts at a window as a line with its end, and with its own digest in it."""
    line = _line(track, group)
    return canonical({**line, "digest": digest(canonical(line))}) + b"\n"


def from_line(raw: bytes) -> tuple[int, int, list[Attempt]]:
    """Stream, track and attempts of a line with its end.  Raises `CorruptFolder` when it is no such line."""
    try:
        line: Any = parse_canonical(raw[:-1], what=UNFINISHED) if raw.endswith(b"\n") else {}
        if line.pop("digest", None) != digest(canonical(line)):
            raise CorruptFolder(f"{UNFINISHED} holds a line that was changed.")
        attempts = [attempt_of_line(line["window"], one) for one in line["attempts"]]
        stream, track = line["stream"], line["track"]
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFolder(f"{UNFINISHED} holds a line that is not whole.") from error
    if not attempts:
        raise CorruptFolder(f"{UNFINISHED} holds a window without attempts.")
    return stream, track, attempts


def _line(track: Track, group: Sequence[Attempt]) -> dict[str, object]:
    return {
        "stream": track.stream,
        "track": track.number,
        "window": group[0].window.number,
        "attempts": [attempt_line(attempt) for attempt in group],
    }


def attempt_line(attempt: Attempt) -> dict[str, object]:
    """All of an attempt, in the integers in which it reaches the record."""
    return {
        "first_frame": attempt.window.first_frame,
        "frame_count": attempt.window.frame_count,
        "part": attempt.part,
        "flags": list(attempt.flags),
        "used": attempt.used,
        "error": attempt.error,
        "skipped": attempt.skipped,
        "reading": _reading_line(attempt.reading) if attempt.reading else None,
    }


def _reading_line(reading: Reading) -> dict[str, object]:
    """In the integers in which it reaches the record, so that nothing depends on whether it went through this file."""
    return {
        "language": reading.language,
        "languages": [[language, ppm(share)] for language, share in reading.languages],
        "hypotheses": [_hypothesis_line(one) for one in reading.hypotheses],
        "words": [[one.text, one.first_sample, one.sample_count, ppm(one.probability)] for one in reading.words],
        "no_speech_ppm": ppm(reading.no_speech),
        "context_samples": reading.context_samples,
        "token_limit": reading.token_limit,
        "second_best": reading.is_second_best,
        "echo": [_hypothesis_line(one) for one in reading.echo],
    }


def _hypothesis_line(one: Hypothesis) -> list[object]:
    return [one.text, list(one.tokens), logprob_e6(one.logprob)]


def attempt_of_line(window: int, line: dict[str, Any]) -> Attempt:
    """The attempt at a window that `attempt_line` wrote down."""
    return Attempt(
        window=Window(window, line["first_frame"], line["frame_count"]),
        part=line["part"],
        reading=_reading(line["reading"]) if line["reading"] else None,
        flags=tuple(line["flags"]),
        used=line["used"],
        error=line["error"],
        skipped=line["skipped"],
    )


def _reading(line: dict[str, Any]) -> Reading:
    return Reading(
        language=line["language"],
        languages=tuple((language, share / 1e6) for language, share in line["languages"]),
        hypotheses=_hypotheses(line["hypotheses"]),
        words=tuple(Heard(text, first, count, share / 1e6) for text, first, count, share in line["words"]),
        no_speech=line["no_speech_ppm"] / 1e6,
        context_samples=line["context_samples"],
        token_limit=line["token_limit"],
        is_second_best=line["second_best"],
        echo=_hypotheses(line["echo"]),
    )


def _hypotheses(lines: Sequence[tuple[str, Sequence[int], int]]) -> tuple[Hypothesis, ...]:
    return tuple(Hypothesis(text, tuple(tokens), logprob / 1e6) for text, tokens, logprob in lines)
