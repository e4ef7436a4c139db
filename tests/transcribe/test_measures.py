"""What the benchmarks count: words that stand for each other are no loss, and a loss is put where the time is."""

import pytest

pytest.importorskip("jiwer")
pytest.importorskip("num2words")

from benchmarks.alignment import Heard, align, heard
from benchmarks.languages import wilson
from benchmarks.normaliser import normalise
from benchmarks.spelled import divided, spelled
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


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("OK, 'kay, okay", "okay okay okay"),
        ("Alright, y'know I'm gonna", "all right you know i'm going to"),
        ("Mhm. Mm-hmm.", "mm hmm mm hmm"),
        ("erm, um", "um um"),
        ("a summarised programme in colour", "a summarized program in color"),
        ("tatter'd weed, deserv'd", "tattered weed deserved"),
    ],
)
def test_two_spellings_of_the_same_sounds_are_one_word(text: str, same: str) -> None:
    assert same == normalise(text)


@pytest.mark.parametrize("text", ["they'd", "i'd", "that'd", "this is his", "raise", "uh huh", "mm", "hmm", "oh", "один из"])
def test_other_words_keep_their_spelling(text: str) -> None:
    assert text == normalise(text)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("the wood cutters came", "the woodcutters came"),
        ("запустить эхотест для", "запустить эхо тест для"),
        ("набрав 4 2 4 2 потом", "набрав 4242 потом"),
    ],
)
def test_nobody_hears_where_a_writer_puts_the_space(text: str, reference: str) -> None:
    found = divided(words(text), reference)
    assert (reference, 0) == (" ".join(word.text for word in found), sum(align(reference, found).errors))


def test_a_word_divided_elsewhere_is_left_alone() -> None:
    assert "in to go into" == " ".join(word.text for word in divided(words("in to go into"), "in to go into"))


def test_words_that_are_joined_keep_their_time_and_their_mark() -> None:
    (word,) = divided([Heard("wood", 1.0, 1.2, is_flagged=True), Heard("cutters", 1.2, 1.6)], "woodcutters")
    assert Heard("woodcutters", 1.0, 1.6, is_flagged=True) == word


def test_a_spelled_number_keeps_its_place() -> None:
    places = {(word.start_s, word.end_s) for word in spelled(words("50 people"), "fifty people", language="en")[:1]}
    assert {(0.0, 0.4)} == places


def test_a_lost_repetition_is_put_where_the_time_is() -> None:
    found = [Heard("we", 0, 0.2), Heard("had", 0.2, 3.0), Heard("a", 3.0, 3.3), Heard("talk", 3.3, 3.6)]
    (run,) = align("we had a we had a talk", found).runs
    assert (3, 3.0, 3.0) == (len(run.words), run.start_s, run.end_s)


def test_a_loss_that_may_lie_in_two_places_is_put_where_it_was_said() -> None:
    found = [Heard("we", 2.0, 2.3), Heard("had", 2.3, 5.0), Heard("a", 5.0, 5.2), Heard("talk", 5.2, 5.5)]
    times = [2.1, 2.4, 2.7, 3.5, 4.0, 5.0, 5.3]
    (run,) = align("we had a we had a talk", found, times=times).runs
    assert (2.3, (2.4, 2.7, 3.5)) == (run.start_s, run.said_s)


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
    found = kept("um the the mon- montreal uh line", words("the the montreal montreal uh line"))
    assert ((1, 2), (1, 1), (1, 1)) == (found.fillers, found.repetitions, found.broken_off)
    assert ((1, 1), (2, 2)) == (found.fillers_right, found.repetitions_right)


def test_a_hyphen_inside_a_word_breaks_nothing_off() -> None:
    assert (0, 1) == kept("mm-hmm dry-read mon-, yes", words("mm-hmm dry read yes")).broken_off


def test_hesitations_without_a_flag_are_counted_on_their_own() -> None:
    found = [Heard("um", 0, 1, is_flagged=True), Heard("uh", 1, 2), Heard("yes", 2, 3)]
    counted = kept("uh yes", found)
    assert ((1, 2), (1, 1)) == (counted.fillers_right, counted.unflagged_fillers_right)


def test_the_interval_of_a_share_is_inside_nothing_and_everything() -> None:
    low, high = wilson(98, 100)
    assert pytest.approx(0.930, abs=1e-3) == low
    assert pytest.approx(0.9945, abs=1e-3) == high
    assert 1.0 == wilson(10, 10)[1]
