"""Utterances depend on what was said, not on the windows it was read in."""

from hypothesis import given
from hypothesis import strategies as st

from everyword.model import Speaker, Track, Utterance
from tests.transcribe.builders import a_word
from transcribe.record.stitch import Said, numbered, person_of, utterances

TRACK = Track(3, 1, 0)
RATE = 1000


def say(*words: tuple[str, int, int], language: str = "en", window: int = 1, flags: tuple[str, ...] = ()) -> list[Said]:
    return [
        Said(a_word(text.strip(), first=first, count=count), text, window, language, 900_000, flags)
        for text, first, count in words
    ]


def stitch(said: list[Said], person: str | None = None) -> list[Utterance]:
    return utterances(said, track=TRACK, rate_hz=RATE, person=person)


def test_the_spacing_of_the_engine_is_kept() -> None:
    assert ["We agreed - didn't we?"] == [
        one.text for one in stitch(say((" We", 0, 200), (" agreed", 200, 300), (" - didn't we?", 500, 200)))
    ]


def test_a_pause_of_eight_tenths_ends_an_utterance() -> None:
    assert ["one", "two"] == [one.text for one in stitch(say((" one", 0, 200), (" two", 1000, 200)))]


def test_a_shorter_pause_does_not() -> None:
    assert ["one two"] == [one.text for one in stitch(say((" one", 0, 200), (" two", 999, 200)))]


def test_a_change_of_language_ends_an_utterance() -> None:
    said = [*say((" yes", 0, 200)), *say((" да", 300, 200), language="ru")]
    assert [("en", "yes"), ("ru", "да")] == [(one.language, one.text) for one in stitch(said)]


def test_a_long_utterance_ends_with_its_sentence() -> None:
    said = say(*[(" word", n * 500, 450) for n in range(45)], (" end.", 22_500, 400), (" New", 23_000, 400))
    assert ["end.", "New"] == [one.text.split()[-1] for one in stitch(said)]


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 900)), min_size=1, max_size=30), st.integers(1, 9))
def test_utterances_do_not_depend_on_the_windows(gaps: list[tuple[int, int]], words_a_window: int) -> None:
    first, words = 0, []
    for pause, count in gaps:
        first += pause
        words.append((" x", first, count))
        first += count
    one_window = say(*words)
    several = [one for n, word in enumerate(words) for one in say(word, window=n // words_a_window)]
    bounds = [[(one.first_frame, one.frame_count, one.text) for one in stitch(said)] for said in (one_window, several)]
    assert bounds[0] == bounds[1]


def test_the_person_is_the_one_who_sits_alone_at_the_track() -> None:
    roster = (Speaker("anna", "Anna", track=1), Speaker("boris", "Boris", track=2), Speaker("viktor", "Viktor", track=2))
    assert ["anna", None, None] == [person_of(track, roster) for track in (1, 2, 3)]


def test_utterances_of_all_tracks_are_numbered_in_order_of_time() -> None:
    early, late = stitch(say((" first", 0, 10), (" second", 5000, 10)))
    assert [(1, "first"), (2, "second")] == [(one.id, one.text) for one in numbered([(5_000_000, late), (0, early)])]


def test_an_utterance_carries_every_flag_once() -> None:
    said = say((" a", 0, 10), (" b", 20, 10), flags=("truncated",))
    assert [("truncated",)] == [one.flags for one in stitch(said)]


def test_the_language_is_as_sure_as_its_least_sure_window() -> None:
    said = [*say((" a", 0, 10)), Said(a_word("b", first=20, count=10), " b", 2, "en", 600_000)]
    assert [600_000] == [one.language_ppm for one in stitch(said)]
