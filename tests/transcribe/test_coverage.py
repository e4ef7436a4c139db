"""The ledger adds up to the frame, whatever it is made of."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyword.model import Gap, Span, State, Track, Word
from tests.transcribe.builders import a_gap, a_profile, a_word
from transcribe.evidence.coverage import REACH_S, ledger
from transcribe.evidence.silence import Stillness, stillness
from transcribe.sound.windows import Piece

TRACK = Track(2, 1, 0)
END = 500_000
RATE = 16_000

words = st.builds(
    lambda first, count, flags: a_word(first=first, count=count, flags=flags),
    st.integers(0, END - 1),
    st.integers(1, 60_000),
    st.sampled_from([(), ("loop",), ("unlikely", "stretched")]),
)
gaps = st.builds(
    lambda first, count, filled: a_gap(first, count, filled=filled), st.integers(0, END), st.integers(1, 90_000), st.booleans()
)
failures = st.tuples(st.integers(0, END), st.integers(0, END)).map(lambda pair: (min(pair), max(pair), "RuntimeError"))


@st.composite
def grounds(draw: st.DrawFn) -> list[Stillness]:
    """One to three pieces that do not overlap, with tests of silence that jump about."""
    edges = sorted(draw(st.sets(st.integers(0, END), min_size=2, max_size=6)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    found = []
    for first, end in list(pairwise(edges))[::2]:
        piece = Piece(1, first, end - first, RATE)
        found.append(Stillness(piece, random.random(piece.hop_count) < 0.5, random.random(piece.hop_count) < 0.5))
    return found


def a_ledger(
    *,
    ground: list[Stillness],
    words: list[Word] | None = None,
    failed: list[tuple[int, int, str]] | None = None,
    gaps: list[Gap] | None = None,
) -> list[Span]:
    return ledger(TRACK, end_frame=END, rate_hz=RATE, stillness=ground, words=words or [], failed=failed or [], gaps=gaps or [])


def whole(*, voiced: list[tuple[float, float]], noise_db: float = -70.0) -> list[Stillness]:
    return [stillness(a_profile(Piece(1, 0, END, RATE), voiced=voiced, noise_db=noise_db), limit_db=-50)]


def states(spans: list[Span], frame: int) -> State:
    return next(span.state for span in spans if span.first_frame <= frame < span.first_frame + span.frame_count)


@given(grounds(), st.lists(words, max_size=8), st.lists(failures, max_size=3), st.lists(gaps, max_size=3))
def test_the_spans_of_a_track_touch_and_add_up(
    ground: list[Stillness], words: list[Word], failed: list[tuple[int, int, str]], gaps: list[Gap]
) -> None:
    spans = a_ledger(ground=ground, words=words, failed=failed, gaps=gaps)
    assert 0 == spans[0].first_frame
    assert END == spans[-1].first_frame + spans[-1].frame_count
    assert all(one.first_frame + one.frame_count == other.first_frame for one, other in pairwise(spans))
    assert END == sum(span.frame_count for span in spans)


@given(grounds(), st.lists(words, max_size=8))
def test_a_frame_is_spoken_only_within_reach_of_a_word(ground: list[Stillness], words: list[Word]) -> None:
    reach = int(REACH_S * RATE)
    near = np.zeros(END, bool)
    for word in words:
        near[max(0, word.first_frame - reach) : word.first_frame + word.frame_count + reach] = True
    for span in a_ledger(ground=ground, words=words):
        if span.state in ("spoken", "uncertain"):
            assert near[span.first_frame : span.first_frame + span.frame_count].all()


@given(grounds(), st.lists(words, max_size=8), st.lists(gaps, min_size=1, max_size=3))
def test_nothing_is_spoken_in_a_gap(ground: list[Stillness], words: list[Word], gaps: list[Gap]) -> None:
    spans = a_ledger(ground=ground, words=words, gaps=gaps)
    for gap in gaps:
        for frame in (gap.first_frame, gap.first_frame + gap.frame_count - 1):
            if frame < END:
                assert "gap" == states(spans, frame)


def test_sound_without_voice_or_words_is_not_silent() -> None:
    assert {"inaudible"} == {span.state for span in a_ledger(ground=whole(voiced=[], noise_db=-30))}


def test_a_voice_too_low_to_be_loud_is_not_silent() -> None:
    spans = a_ledger(ground=[stillness(a_profile(Piece(1, 0, END, RATE), voiced=[(5, 8)], voice_db=-80), limit_db=-50)])
    assert "inaudible" == states(spans, 6 * RATE)


def test_a_voice_beyond_the_reach_of_its_word_is_inaudible() -> None:
    spans = a_ledger(ground=whole(voiced=[(0, 10)]), words=[a_word(first=RATE, count=RATE)])
    assert ["spoken", "inaudible"] == [states(spans, frame) for frame in (2 * RATE + 4799, 2 * RATE + 4801)]


def test_no_voice_and_a_low_level_are_silent() -> None:
    assert {"silent"} == {span.state for span in a_ledger(ground=whole(voiced=[]))}


@pytest.mark.parametrize(("flags", "state"), [((), "spoken"), (("loop",), "uncertain")])
def test_a_doubtful_word_makes_its_frames_uncertain(flags: tuple[str, ...], state: State) -> None:
    assert state == states(a_ledger(ground=whole(voiced=[(0, 5)]), words=[a_word(first=RATE, flags=flags)]), RATE)


def test_where_a_sure_and_a_doubtful_word_reach_the_doubt_shows() -> None:
    sure, doubtful = a_word(first=RATE, count=3000), a_word(first=RATE + 3000, count=3000, flags=("unlikely",))
    assert "uncertain" == states(a_ledger(ground=whole(voiced=[(0, 5)]), words=[doubtful, sure]), RATE + 2000)


def test_a_window_that_failed_is_failed_and_says_why() -> None:
    spans = a_ledger(ground=whole(voiced=[(0, 5)]), failed=[(0, 3 * RATE, "RuntimeError: out of memory")])
    assert ("failed", "RuntimeError: out of memory") == (spans[0].state, spans[0].reason)


def test_what_was_paused_is_withheld_and_says_by_whom() -> None:
    paused = Gap(1, RATE, RATE, True, "off-record", (), "Anna")
    spans = a_ledger(ground=whole(voiced=[]), words=[a_word(first=RATE, count=RATE)], gaps=[paused])
    assert [("withheld", "off-record, Anna", RATE)] == [
        (span.state, span.reason, span.frame_count) for span in spans if span.first_frame == RATE
    ]


def test_frames_that_neither_a_segment_nor_a_gap_accounts_for_are_a_gap() -> None:
    piece = Piece(1, 0, END // 2, RATE)
    spans = a_ledger(ground=[stillness(a_profile(piece), limit_db=-50)])
    assert ("gap", "no audio", END // 2) == (spans[-1].state, spans[-1].reason, spans[-1].frame_count)


def test_an_empty_track_has_an_empty_ledger() -> None:
    assert [] == ledger(TRACK, end_frame=0, rate_hz=RATE, stillness=[], words=[], failed=[], gaps=[])


def test_nothing_is_spoken_where_the_sound_was_altered_unless_a_word_says_so() -> None:
    sure, flagged = a_word(first=70_000, count=8_000), a_word(first=120_000, count=8_000, flags=("altered",))
    ground = whole(voiced=[(0, 31)])
    altered = [(78_000, 100_000), (120_000, 130_000)]
    spans = ledger(
        TRACK, end_frame=END, rate_hz=RATE, stillness=ground, altered=altered, words=[sure, flagged], failed=(), gaps=()
    )
    found = [states(spans, frame) for frame in (77_000, 78_100, 99_000, 125_000)]
    assert ["spoken", "inaudible", "inaudible", "uncertain"] == found


def test_a_word_does_not_reach_back_before_the_beginning_of_its_piece() -> None:
    second = Piece(1, 48_000, 32_000, 16_000)
    still = [stillness(a_profile(one, noise_db=-30), limit_db=-60) for one in (Piece(1, 0, 48_000, 16_000), second)]
    word = Word("word", 48_100, 4_000, 900_000)
    spans = ledger(TRACK, end_frame=80_000, rate_hz=16_000, stillness=still, words=[word], failed=(), gaps=())
    assert 48_000 == next(span.first_frame for span in spans if span.state == "spoken")


def test_a_word_does_not_reach_over_the_end_of_its_piece() -> None:
    piece = Piece(1, 0, 2 * RATE, RATE)
    spans = a_ledger(ground=[stillness(a_profile(piece), limit_db=-50)], words=[a_word(first=2 * RATE - 100, count=100)])
    assert "gap" == states(spans, 2 * RATE)


def test_what_is_no_number_is_inaudible_also_beside_a_word() -> None:
    spans = ledger(
        TRACK,
        end_frame=END,
        rate_hz=RATE,
        stillness=whole(voiced=[]),
        broken=[(1000, 2000)],
        words=[a_word(first=0)],
        failed=[],
        gaps=[],
    )
    assert ["spoken", "inaudible", "spoken"] == [span.state for span in spans][:3]
    assert (1000, 1000) == (spans[1].first_frame, spans[1].frame_count)
