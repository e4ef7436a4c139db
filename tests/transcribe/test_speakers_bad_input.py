"""Whatever the roster says and the sound does not, and whatever fails: a sentence, a flag, and not one byte of the text."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from everyword.folder import SessionFolder
from everyword.model import Speaker
from everyword.run import read_lines, read_transcript, run_path
from recorder.imports import import_files
from tests.transcribe.builders import write_wav
from tests.transcribe.voices import ToneModels, a_session_of, in_tones, people, text_files, transcribe
from transcribe.pipeline import Outcome
from transcribe.record import stitch
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.speakers import attribution, diarization
from transcribe.speakers.attribution import SPEAKERS, TURNS

TEN = tuple(f"P{number}" for number in range(10))


@pytest.fixture
def hear(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put `ToneModels` in the place of the shipped models."""

    def put(**options: object) -> None:
        monkeypatch.setattr(
            attribution.attribute,
            "__kwdefaults__",
            {"people": "roster", "models": lambda: ToneModels(**options)},  # type: ignore[arg-type]
        )

    return put


def told(folder: SessionFolder, outcome: Outcome) -> list[tuple[list[str], list[str]]]:
    """Labels and flags of each line of ``speakers.jsonl``."""
    found = []
    for line in read_lines(run_path(folder, outcome.run.run) / SPEAKERS):
        voices, flags = line["voices"], line["flags"]
        assert isinstance(voices, list)
        assert isinstance(flags, list)
        found.append(([str(one["label"]) for one in voices], flags))
    return found


def without_labels(folder: SessionFolder, run: str) -> list[tuple[object, ...]]:
    return [
        (word.text, word.first_frame, word.frame_count, word.probability_ppm)
        for one in read_transcript(folder, run).utterances
        for word in one.words
    ]


def is_untouched(folder: SessionFolder, tmp_path: Path, outcome: Outcome) -> bool:
    plain = transcribe(folder, tmp_path, people="none").run.run
    return without_labels(folder, plain) == without_labels(folder, outcome.run.run) != []


def test_ten_people_at_one_microphone_have_ten_labels(tmp_path: Path, hear: Callable[..., None]) -> None:
    hear()
    folder = a_session_of(tmp_path, in_tones(*range(10), *range(10)), roster=people(*TEN))
    outcome = transcribe(folder, tmp_path)
    assert [([f"1{letter}" for letter in "ABCDEFGHIJ"], [])] == told(folder, outcome)
    assert {f"1{letter}" for letter in "ABCDEFGHIJ"} == {one.label for one in read_transcript(folder).utterances}
    assert is_untouched(folder, tmp_path, outcome)


def test_one_who_speaks_where_the_roster_has_four_is_one_voice_with_a_sentence(tmp_path: Path, hear: Callable[..., None]) -> None:
    hear()
    folder = a_session_of(tmp_path, in_tones(3, 3, 3, 3), roster=people(*TEN[:4]))
    outcome = transcribe(folder, tmp_path)
    assert [(["1A"], ["fewer-voices"])] == told(folder, outcome)
    assert "Track 1: fewer voices were told apart than people sit there" in outcome.speaker_notes
    assert is_untouched(folder, tmp_path, outcome)


def test_four_who_speak_where_the_roster_has_two_are_two_voices_with_a_sentence(
    tmp_path: Path, hear: Callable[..., None]
) -> None:
    hear()
    folder = a_session_of(tmp_path, in_tones(0, 1, 2, 3, seconds=16), roster=people(*TEN[:2]))
    outcome = transcribe(folder, tmp_path)
    assert [(["1A", "1B"], ["more-voices"])] == told(folder, outcome)
    assert "Track 1: there seem to be more people than the roster, or --speakers, has" in outcome.speaker_notes
    assert is_untouched(folder, tmp_path, outcome)


def test_two_seconds_of_one_voice_are_one_label(tmp_path: Path, hear: Callable[..., None]) -> None:
    hear()
    folder = a_session_of(tmp_path, in_tones(1, seconds=2, pause_s=0), roster=people(*TEN[:2]))
    outcome = transcribe(folder, tmp_path)
    assert [(["1A"], ["fewer-voices"])] == told(folder, outcome)
    assert is_untouched(folder, tmp_path, outcome)


def on_three_microphones(tmp_path: Path, *sounds: Floats) -> tuple[SessionFolder, Outcome]:
    """By the roster a person sits at each."""
    path = write_wav(tmp_path / "three.wav", np.stack(sounds, axis=1))
    roster = tuple(Speaker(name.lower(), name, track=number) for number, name in enumerate(TEN[: len(sounds)], 1))
    folder = import_files(
        [path], parent=tmp_path / "sessions", home=tmp_path / "home", title="Three", operator="Test Operator", roster=roster
    )
    return folder, transcribe(folder, tmp_path)


def test_a_roster_with_a_microphone_each_but_one_sound_on_all_has_every_word_once(
    tmp_path: Path, hear: Callable[..., None]
) -> None:
    """A splitter with a gain on each side; those who sit at the copies are told apart where the words are."""
    hear()
    sound = in_tones(0, 1, 2, 0, 1, 2)
    folder, outcome = on_three_microphones(tmp_path, sound, sound * np.float32(0.6), sound * np.float32(1.3))
    assert {(1, None, "1A"), (1, None, "1B"), (1, None, "1C")} == {
        (one.track, one.person, one.label) for one in read_transcript(folder).utterances
    }
    assert [(["1A", "1B", "1C"], []), ([], ["dual-mono"]), ([], ["dual-mono"])] == told(folder, outcome)
    assert [f"Track {number}: it carries the very sound of another track, whose words count" for number in (2, 3)] == [
        note for note in outcome.speaker_notes if "very sound" in note
    ]


def test_microphones_that_hear_everybody_alike_are_said_to_be_too_close(tmp_path: Path, hear: Callable[..., None]) -> None:
    """Delayed by the air and 2 dB quieter: no splitter, and no bleed either."""
    hear()
    chance = np.random.default_rng(2)
    sound = (chance.normal(0, 0.1, 8 * RATE_HZ) * np.repeat(chance.uniform(0.3, 1, 80), RATE_HZ // 10)).astype(np.float32)
    folder, outcome = on_three_microphones(tmp_path, sound, np.roll(sound, 80) * np.float32(0.8))
    assert [([], ["too-close"]), ([], ["too-close"])] == told(folder, outcome)
    assert {"doubled"} <= {flag for one in read_transcript(folder).utterances for word in one.words for flag in word.flags}
    assert [True, True] == ["too close together" in note for note in outcome.speaker_notes if "flag doubled" in note]


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("half way")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (diarization, "changes"),
        (diarization, "cluster"),
        (diarization, "_turns"),
        (attribution, "owners"),
        (stitch, "utterances"),
    ],
)
def test_wherever_diarization_breaks_off_not_a_byte_of_the_text_is_another(
    tmp_path: Path, hear: Callable[..., None], monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    hear()
    folder = a_session_of(tmp_path, in_tones(0, 1, 0, 1), roster=people(*TEN[:2]))
    plain = transcribe(folder, tmp_path, people="none").run.run
    with monkeypatch.context() as patch:
        if module is stitch:
            patch.setattr(attribution, "stitch", type("Broken", (), {"utterances": staticmethod(broken)}))
        else:
            patch.setattr(module, name, broken)
        outcome = transcribe(folder, tmp_path)
    assert text_files(folder, plain) == text_files(folder, outcome.run.run)
    assert [([], [])] == told(folder, outcome)
    assert [] == list(read_lines(run_path(folder, outcome.run.run) / TURNS))
    (note,) = outcome.speaker_notes
    assert note == "Track 1: voices were not told apart; the text is complete. ZeroDivisionError: half way."


def test_a_model_that_gives_up_after_some_of_the_sound_costs_the_labels_and_nothing_else(
    tmp_path: Path, hear: Callable[..., None]
) -> None:
    hear(good=2, error=RuntimeError("out of memory"))
    folder = a_session_of(tmp_path, in_tones(0, 1, 0, 1, seconds=8), roster=people(*TEN[:2]))
    outcome = transcribe(folder, tmp_path)
    plain = transcribe(folder, tmp_path, people="none").run.run
    assert text_files(folder, plain) == text_files(folder, outcome.run.run)
    assert ["RuntimeError: out of memory." in note for note in outcome.speaker_notes] == [True]
