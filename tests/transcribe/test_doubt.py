"""A word on which the witnesses differ is likelier to be wrong, and nothing is merged."""

from dataclasses import replace

import numpy as np

from tests.transcribe.builders import a_piece, a_profile, a_reading
from transcribe.engine import Heard, Hypothesis, Reading
from transcribe.evidence import doubt
from transcribe.reading.attempts import Attempt
from transcribe.record.words import words_of
from transcribe.sound.windows import RATE_HZ, Window

WINDOW = Window(1, 0, 10 * RATE_HZ)
PROFILE = a_profile(a_piece(seconds=30), voiced=[(0, 8)])


def a_doubted(*texts: str, probability: float = 0.9) -> Reading:
    """A reading with these hypotheses, each less likely than the one before."""
    reading = a_reading(texts[0])
    hypotheses = tuple(Hypothesis(f" {text}", tuple(range(8)), -0.2 - 0.02 * n) for n, text in enumerate(texts))
    words = tuple(Heard(word.text, word.first_sample, word.sample_count, probability) for word in reading.words)
    return replace(reading, hypotheses=hypotheses, words=words)


def odds(reading: Reading, *others: Reading) -> list[float]:
    return doubt.log_odds(reading, others, window=WINDOW, profile=PROFILE)


def feature(name: str, reading: Reading, *others: Reading) -> list[float]:
    values = doubt.features(reading, others, window=WINDOW, profile=PROFILE)
    return [float(value) for value in values[:, doubt.FEATURES.index(name)]]


def test_a_word_that_another_hypothesis_writes_otherwise_is_doubted_more() -> None:
    alike = odds(a_doubted("we sign on Tuesday", "we sign on Tuesday"))
    unlike = odds(a_doubted("we sign on Tuesday", "we sign on Thursday"))
    assert unlike[3] > alike[3]
    assert feature("agreed_evenly", a_doubted("we sign on Tuesday", "we sign on Thursday")) == [1, 1, 1, 0.5]


def test_a_second_reading_that_has_another_word_is_a_witness() -> None:
    first = a_doubted("we sign on Tuesday")
    assert [0, 0, 0, 1] == feature("contradicted", first, a_reading("we sign on Thursday"))
    assert odds(first, a_reading("we sign on Thursday"))[3] > odds(first, first)[3]


def test_case_and_punctuation_are_no_contradiction() -> None:
    assert [0, 0, 0, 0] == feature("contradicted", a_doubted("We sign, on Tuesday."), a_reading("we sign on tuesday"))


def test_an_unlikely_word_is_doubted_more_than_a_likely_one() -> None:
    assert odds(a_doubted("yes", probability=0.2))[0] > odds(a_doubted("yes", probability=0.95))[0]


def test_a_word_beside_words_that_others_write_is_noticed() -> None:
    assert [0, 1, 1] == [round(2 * value) for value in feature("left_out", a_doubted("so we go", "so we never go"))]


def test_what_went_through_the_journal_is_doubted_the_same() -> None:
    exact = a_doubted("yes", probability=0.123456789)
    written = a_doubted("yes", probability=0.123457)
    assert odds(exact) == odds(written)


def test_a_reading_without_words_has_no_doubts() -> None:
    assert [] == odds(a_reading(""))


def test_every_feature_has_a_weight() -> None:
    assert len(doubt.FEATURES) == len(doubt.WEIGHTS)
    assert all(np.isfinite(doubt.WEIGHTS))


def test_words_beside_three_that_only_another_reading_has_are_marked() -> None:
    reading, other = a_reading("we leave town"), a_reading("we have not agreed to leave the town")
    assert [True, True, False] == doubt.are_beside_left_out(reading, [other])
    assert [False] * 8 == doubt.are_beside_left_out(other, [reading])


def test_a_reading_that_goes_round_in_circles_or_is_improbable_witnesses_nothing() -> None:
    for other in (a_reading("we leave " * 9), a_reading("we have not agreed to leave the town", logprob=-1.2)):
        assert [False] * 3 == doubt.are_beside_left_out(a_reading("we leave town"), [other])


def test_the_words_of_the_record_bear_that_mark() -> None:
    attempt, other = Attempt(WINDOW, "whole", a_reading("we leave town")), a_reading("we have not agreed to leave the town")
    marked = [word.text for word, _ in words_of(attempt, PROFILE, others=[other]) if "left-out" in word.flags]
    assert ["we", "leave"] == marked
