"""What the benchmarks count: words that stand for each other are no loss, and a loss is put where the time is."""

import pytest

pytest.importorskip("jiwer")
pytest.importorskip("num2words")

from benchmarks.alignment import Heard, align, heard
from benchmarks.languages import wilson
from benchmarks.normaliser import normalise
from benchmarks.spelled import spelled
from benchmarks.verbatim import kept


def words(text: str, *, step_s: float = 0.4) -> list[Heard]:
    """The words of a transcript, one after another."""
    return [one for n, word in enumerate(text.split()) for one in heard(word, start_s=n * step_s, end_s=(n + 1) * step_s)]


def spelling(text: str, reference: str, language: str = "en") -> str:
    return " ".join(word.text for word in spelled(words(text), reference, language=language))


@pytest.mark.parametrize(
    ("text", "same"),
    [("Um, well-known…", "um well known"), ("п’ять", "п'ять"), ("Ещё [laughter] mon-", "еще mon"), ("100%", "100 %")],
)
def test_fillers_and_cyrillic_letters_are_kept(text: str, same: str) -> None:
    assert same == normalise(text)


@pytest.mark.parametrize(
    ("text", "reference", "language"),
    [
        ("since 1975 in", "since one thousand nine hundred and seventy five in", "en"),
        ("since 1975 in", "since nineteen seventy five in", "en"),
        ("nearly 100% sure", "nearly a hundred percent sure", "en"),
        ("нажмите 5", "нажмите пять", "ru"),
        ("набрав 500", "набрав 500", "ru"),
        ("25 осіб", "двадцять п'ять осіб", "uk"),
    ],
)
def test_a_number_in_digits_stands_for_its_words(text: str, reference: str, language: str) -> None:
    assert normalise(reference) == spelling(text, reference, language)


def test_a_spelled_number_keeps_its_place() -> None:
    places = {(word.start_s, word.end_s) for word in spelled(words("50 people"), "fifty people", language="en")[:1]}
    assert {(0.0, 0.4)} == places


def test_a_lost_repetition_is_put_where_the_time_is() -> None:
    found = [Heard("we", 0, 0.2), Heard("had", 0.2, 3.0), Heard("a", 3.0, 3.3), Heard("talk", 3.3, 3.6)]
    (run,) = align("we had a we had a talk", found).runs
    assert (3, 3.0, 3.0) == (len(run.words), run.start_s, run.end_s)


def test_words_for_which_there_is_no_time_were_not_said() -> None:
    found = words("one two three four five six seven eight", step_s=0.2)
    lost = "and then a great many other words that nobody can say within no time at all however fast he speaks"
    (run,) = align(f"one two three four {lost} five six seven eight", found).runs
    assert not run.was_said


def test_words_for_which_there_is_time_count_as_lost() -> None:
    found = [*words("one two three four"), *(Heard(w.text, w.start_s + 9, w.end_s + 9) for w in words("five six seven eight"))]
    (run,) = align("one two three four and then he left five six seven eight", found).runs
    assert (run.was_said, ("and", "then", "he", "left")) == (True, run.words)


def test_hesitations_repetitions_and_words_broken_off_are_counted() -> None:
    found = kept("um the the mon- montreal uh line", ["the", "the", "montreal", "montreal", "uh", "line"])
    assert ((1, 2), (1, 1), (1, 1)) == (found.fillers, found.repetitions, found.broken_off)
    assert ((1, 1), (2, 2)) == (found.fillers_right, found.repetitions_right)


def test_the_interval_of_a_share_is_inside_nothing_and_everything() -> None:
    low, high = wilson(98, 100)
    assert pytest.approx(0.930, abs=1e-3) == low
    assert pytest.approx(0.9945, abs=1e-3) == high
    assert 1.0 == wilson(10, 10)[1]
