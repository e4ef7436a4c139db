"""Hesitations, repetitions and words broken off: how many of those that were said stand in the transcript, beside stock.

    python -m benchmarks.verbatim --data ../shared/data

The recordings whose references keep them (spontaneous speech and meetings).  A hesitation is one of FILLERS; a repetition is a
word, or two, said again at once; a word broken off is written ``mon-`` in the reference.  One counts as kept when the alignment
has the same word at its place, a word broken off also when a longer word that begins like it stands there.  The last figures are
of those in the transcript: how many the alignment finds in the reference; of all hesitations, and of those without a flag.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import jiwer

from benchmarks.alignment import Heard
from benchmarks.coverage import LANGUAGES, UNUSABLE, WAYS, _sound, _ways
from benchmarks.languages import wilson
from benchmarks.normaliser import normalise
from transcribe.whisper.decoding import cpu_name

FILLERS = frozenset(("ah", "eh", "hmm", "mm", "oh", "uh", "um"))
"""As `normalise` spells them: er is uh, erm and uhm are um, hm is hmm."""

TYPES = ("disfluent_short", "spontaneous_disfluent", "meeting", "phone_dialogue")


@dataclass(slots=True)
class Kept:
    """``(kept, of how many)`` of each kind; the last three look from the transcript."""

    fillers: tuple[int, int] = (0, 0)
    repetitions: tuple[int, int] = (0, 0)
    broken_off: tuple[int, int] = (0, 0)
    fillers_right: tuple[int, int] = (0, 0)
    unflagged_fillers_right: tuple[int, int] = (0, 0)
    repetitions_right: tuple[int, int] = (0, 0)

    def add(self, other: "Kept") -> None:
        """Sum up."""
        for field in fields(self):
            one, two = getattr(self, field.name), getattr(other, field.name)
            setattr(self, field.name, (one[0] + two[0], one[1] + two[1]))


def main() -> None:
    """Parse the options, read, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--model", default="base")
    options = parser.parse_args()
    print(f"{cpu_name()}, model {options.model}, int8, beam 5")
    items = [json.loads(line) for line in (options.data / "refs.jsonl").open(encoding="utf-8")]
    items = [one for one in items if one["type"] in TYPES and one["id"] not in UNUSABLE and (one["text_spoken"] or one["text"])]
    with tempfile.TemporaryDirectory() as scratch:
        for name, way in _ways(Path(scratch), options.model, WAYS).items():
            total = Kept()
            for one in items:
                languages = LANGUAGES if name == "everyword" else (one["lang"],)
                words = way(_sound(options.data, one), languages).words
                total.add(kept(str(one["text_spoken"] or one["text"]), words))
            print(f"  {name:22} " + ", ".join(f"{field.name} {_share(getattr(total, field.name))}" for field in fields(total)))


def kept(reference: str, words: Sequence[Heard]) -> Kept:
    """What one transcript keeps of one reference."""
    expected, broken = _expected(reference)
    found = [word.text for word in words]
    same = _same(expected, found)
    there = set(same.values())
    again, written = _repeated(expected), _repeated(found)
    return Kept(
        fillers=_count([n for n, word in enumerate(expected) if word in FILLERS], same),
        repetitions=_count(again, same),
        broken_off=_count(broken, {**same, **_begun(expected, found, broken)}),
        fillers_right=_count([n for n, word in enumerate(found) if word in FILLERS], there),
        unflagged_fillers_right=_count(
            [n for n, word in enumerate(words) if word.text in FILLERS and not word.is_flagged], there
        ),
        repetitions_right=_count(written, there),
    )


def _expected(reference: str) -> tuple[list[str], list[int]]:
    """The words of a reference as `normalise` has them, and the places of those that were broken off."""
    expected: list[str] = []
    broken: list[int] = []
    for part in re.split(r"(?<=-)(?=[\s,.?!]|$)", reference):
        expected += normalise(part).split()
        broken += [len(expected) - 1] if re.search(r"\w-$", part) else []
    return expected, broken


def _same(expected: Sequence[str], found: Sequence[str]) -> dict[int, int]:
    """Place in the reference → place in the transcript, of the words that both have."""
    if not expected or not found:
        return {}
    chunks = jiwer.process_words(" ".join(expected), " ".join(found)).alignments[0]
    return {
        chunk.ref_start_idx + n: chunk.hyp_start_idx + n
        for chunk in chunks
        if chunk.type == "equal"
        for n in range(chunk.ref_end_idx - chunk.ref_start_idx)
    }


def _begun(expected: Sequence[str], found: Sequence[str], places: Sequence[int]) -> dict[int, int]:
    """Words broken off for which the transcript has one that begins like it."""
    if not expected or not found:
        return {}
    chunks = jiwer.process_words(" ".join(expected), " ".join(found)).alignments[0]
    pairs = {
        chunk.ref_start_idx + n: chunk.hyp_start_idx + n
        for chunk in chunks
        if chunk.type == "substitute"
        for n in range(chunk.ref_end_idx - chunk.ref_start_idx)
    }
    return {place: pairs[place] for place in places if place in pairs and found[pairs[place]].startswith(expected[place])}


def _repeated(words: Sequence[str]) -> list[int]:
    """Places of words that repeat the one or the two before them, hesitations left out."""
    single = {n for n in range(1, len(words)) if words[n] == words[n - 1]}
    double = {n + m for n in range(2, len(words) - 1) for m in (0, 1) if list(words[n : n + 2]) == list(words[n - 2 : n])}
    return sorted(n for n in single | double if words[n] not in FILLERS)


def _count(places: Sequence[int], there: "dict[int, int] | set[int]") -> tuple[int, int]:
    return sum(place in there for place in places), len(places)


def _share(counts: tuple[int, int]) -> str:
    part, whole = counts
    if not whole:
        return "-"
    low, high = wilson(part, whole)
    return f"{part}/{whole} ({100 * part / whole:.0f} % [{100 * low:.0f}, {100 * high:.0f}])"


if __name__ == "__main__":
    main()
