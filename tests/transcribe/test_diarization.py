"""The shipped models tell real voices apart; what the roster says and the sound does not is flagged."""

import numpy as np
import pytest

from tests.transcribe.voices import three_people, turns
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.speakers import voices
from transcribe.speakers.diarization import Diarization, Listened, Stretch, changes, listen, tell_apart
from transcribe.speakers.voices import FRAME_SAMPLES

pytest.importorskip("sherpa_onnx")


def in_blocks(sound: Floats, samples: int = 20 * RATE_HZ) -> list[Floats]:
    return [sound[first : first + samples] for first in range(0, len(sound), samples)]


@pytest.fixture(scope="module")
def models() -> voices.ShippedModels:
    return voices.load()


@pytest.fixture(scope="module")
def heard(models: voices.ShippedModels) -> Listened:
    return listen(in_blocks(three_people()), models)


def share_right(found: Diarization) -> float:
    """Of the time in which the demo's people speak, how much goes to the voice that is mostly theirs."""
    truth = turns()
    names = sorted({who for *_, who in truth})
    voices_found = sorted({turn.voice for turn in found.turns[0]})
    shared = np.zeros((len(names), len(voices_found)))
    for start, end, who in truth:
        for turn in found.turns[0]:
            overlap = min(end, turn.end_sample / RATE_HZ) - max(start, turn.first_sample / RATE_HZ)
            shared[names.index(who), voices_found.index(turn.voice)] += max(0.0, overlap)
    return float(shared.max(axis=1).sum() / sum(end - start for start, end, _ in truth))


def test_three_people_on_one_microphone_are_three_voices_and_mostly_right(heard: Listened) -> None:
    found = tell_apart([heard], people=3)
    assert (3, ()) == (len(found.voices), found.flags)
    assert share_right(found) > 0.85


def test_without_a_roster_the_voices_are_counted(heard: Listened) -> None:
    assert 3 == len(tell_apart([heard], people=None).voices)


@pytest.mark.parametrize("people", [2, None])
def test_two_alike_voices_that_answer_each_other_are_two_and_said_to_be_alike(people: int | None) -> None:
    """As on a telephone: in each chunk the segmentation model hears both."""
    prints = in_a_row(0, 1, angle=0.8)
    stretches = [
        Stretch(
            chunk,
            local,
            np.arange(300 * chunk + 150 * local, 300 * chunk + 150 * (local + 1), dtype=np.int32),
            2.5,
            prints[local],
        )
        for chunk in range(6)
        for local in (0, 1)
    ]
    piece = Listened(1800 * FRAME_SAMPLES, np.ones(1800, np.int8), tuple(stretches))
    found = tell_apart([piece], people=people)
    assert (2, ("alike-voices",)) == (len(found.voices), found.flags)
    assert [0, 1] * 6 == [turn.voice for turn in found.turns[0]]


def in_a_row(*voices: int, angle: float = 1.0) -> Floats:
    """A print for each window: two voices, so many radians apart."""
    return np.array([(np.cos(angle * voice), np.sin(angle * voice)) for voice in voices], np.float32)


def test_a_stretch_that_the_model_takes_for_one_voice_is_cut_where_the_voice_changes() -> None:
    assert [(0, 4), (4, 7), (7, 9)] == changes(in_a_row(0, 0, 0, 0, 1, 1, 1, 0, 0))


def test_a_voice_that_goes_on_is_not_cut() -> None:
    assert [(0, 9)] == changes(in_a_row(0, 1, 0, 1, 0, 1, 0, 1, 0, angle=0.3))
    assert [(0, 1)] == changes(in_a_row(0))


def test_a_change_within_one_stretch_of_real_speech_is_two_voices(models: voices.ShippedModels) -> None:
    """Two voices without a pause between them: the segmentation model alone may call them one."""
    sound = three_people()
    found = tell_apart(
        [listen([np.concatenate((sound[2 * RATE_HZ : 8 * RATE_HZ], sound[47 * RATE_HZ : 53 * RATE_HZ]))], models)], people=2
    )
    first = max((turn for turn in found.turns[0] if turn.voice == 0), key=lambda turn: turn.end_sample - turn.first_sample)
    assert (2, True) == (len(found.voices), abs(first.end_sample / RATE_HZ - 6.0) < 0.8)


def test_ten_people_in_the_roster_do_not_make_ten_voices(heard: Listened) -> None:
    found = tell_apart([heard], people=10)
    assert (3, ("fewer-voices",)) == (sum(voice.clear_s > 2 for voice in found.voices), found.flags)
    assert len(found.voices) <= 5


def test_a_roster_with_fewer_people_than_are_heard_is_flagged(heard: Listened) -> None:
    assert ("more-voices",) == tell_apart([heard], people=1).flags


def test_one_speaker_only_is_one_voice_and_a_flag(models: voices.ShippedModels) -> None:
    found = tell_apart([listen([three_people()[: 12 * RATE_HZ]], models)], people=2)
    assert (1, ("fewer-voices",)) == (len(found.voices), found.flags)


@pytest.mark.parametrize("seconds", [0.02, 0.3, 2.0])
def test_a_very_short_recording_is_no_trouble(models: voices.ShippedModels, seconds: float) -> None:
    start = 2 * RATE_HZ
    found = tell_apart([listen([three_people()[start : start + int(seconds * RATE_HZ)]], models)], people=2)
    assert len(found.voices) <= 1
    assert found.flags in {("no-voices",), ("fewer-voices",)}


def test_silence_and_noise_hold_no_voice(models: voices.ShippedModels) -> None:
    noise = np.random.default_rng(1).normal(0, 0.001, 15 * RATE_HZ).astype(np.float32)
    for sound in (np.zeros(15 * RATE_HZ, np.float32), noise):
        assert ((), ("no-voices",)) == (tell_apart([listen([sound], models)], people=3).voices, ("no-voices",))


def test_the_size_of_the_blocks_changes_nothing(models: voices.ShippedModels, heard: Listened) -> None:
    other = listen(in_blocks(three_people(), 7777), models)
    assert tell_apart([heard], people=3).turns == tell_apart([other], people=3).turns


def test_a_voice_keeps_its_number_across_a_gap(models: voices.ShippedModels) -> None:
    sound = three_people()
    parts = [sound[: 21 * RATE_HZ], sound[21 * RATE_HZ :]]
    found = tell_apart([listen([part], models) for part in parts], people=3)
    first, second = ({turn.voice for turn in turns} for turns in found.turns)
    assert first <= second == {0, 1, 2}


def test_two_people_at_once_are_two_turns_at_once(models: voices.ShippedModels) -> None:
    sound = three_people()
    both = sound.copy()
    both[2 * RATE_HZ : 9 * RATE_HZ] += sound[47 * RATE_HZ : 54 * RATE_HZ]
    found = tell_apart([listen([both], models)], people=3).turns[0]
    at_once = sum(
        max(0, min(one.end_sample, other.end_sample) - max(one.first_sample, other.first_sample))
        for place, one in enumerate(found)
        for other in found[:place]
        if one.voice != other.voice
    )
    assert at_once > 2 * RATE_HZ
