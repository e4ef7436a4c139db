"""Who said it, end to end: labels and doubts are added, and not one word changes, whatever goes wrong."""

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from everyword.errors import InvalidOption
from everyword.folder import SessionFolder
from everyword.model import Speaker, Transcript
from everyword.run import READINGS, read_lines, read_transcript, run_path
from tests.helpers import failures
from tests.transcribe.builders import write_wav
from tests.transcribe.voices import a_session_of, people, text_files, three_people, transcribe, turns
from transcribe.pipeline import Outcome
from transcribe.sound.windows import RATE_HZ
from transcribe.speakers import attribution, shadows, voices
from transcribe.speakers.attribution import SHADOWS, SPEAKERS, TURNS, choose_people, label_of

SHORT_S = 24
"""Enough for two of the three people."""


def words(transcript: Transcript, track: int | None = None) -> list[tuple[str, int]]:
    found = [(w.text, w.first_frame) for one in transcript.utterances if track in (None, one.track) for w in one.words]
    return sorted(found, key=lambda word: word[1])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[SessionFolder, Path, Outcome]:
    """Three people around one microphone, transcribed; read only."""
    pytest.importorskip("sherpa_onnx")
    tmp_path = tmp_path_factory.mktemp("shared")
    folder = a_session_of(tmp_path, three_people(), roster=people("Adam", "Ebenezer", "Studio"))
    return folder, tmp_path, transcribe(folder, tmp_path)


Shared = tuple[SessionFolder, Path, Outcome]


def test_three_people_at_one_microphone_get_three_labels(shared: Shared) -> None:
    assert {"1A", "1B", "1C"} == {one.label for one in read_transcript(shared[0]).utterances} - {""}
    assert ("Track 1: 3 voices for 3 people: 1A, 1B, 1C",) == shared[2].speaker_notes


def test_the_text_is_word_for_word_that_of_a_run_without_labels(shared: Shared) -> None:
    folder, tmp_path, _ = shared
    run = transcribe(folder, tmp_path, people="none").run.run
    plain = read_transcript(folder, run)
    assert words(plain) == words(read_transcript(folder))
    assert {""} == {one.label for one in plain.utterances}
    assert plain.coverage == read_transcript(folder).coverage


def test_nearly_every_word_inside_a_turn_has_its_speakers_label(shared: Shared) -> None:
    by_person: dict[str, list[str]] = {}
    for one in read_transcript(shared[0]).utterances:
        for word in one.words:
            middle = (word.first_frame + word.frame_count / 2) / RATE_HZ
            who = next((who for start, end, who in turns() if start + 0.3 < middle < end - 0.3), None)
            if who:
                by_person.setdefault(who, []).append(one.label)
    right = sum(max(map(labels.count, set(labels))) for labels in by_person.values())
    assert right / sum(map(len, by_person.values())) > 0.85


def test_words_at_a_change_of_voice_are_doubted_and_most_others_are_not(shared: Shared) -> None:
    flags = ["speaker-uncertain" in word.flags for one in read_transcript(shared[0]).utterances for word in one.words]
    assert 0 < sum(flags) < len(flags) / 2


def test_words_while_two_people_speak_at_once_are_flagged_and_others_are_not(tmp_path: Path) -> None:
    pytest.importorskip("sherpa_onnx")
    sound = three_people()
    both = sound[: 16 * RATE_HZ].copy()
    both[2 * RATE_HZ : 9 * RATE_HZ] += sound[47 * RATE_HZ : 54 * RATE_HZ]
    folder = a_session_of(tmp_path, both, roster=people("Adam", "Studio"))
    transcribe(folder, tmp_path)
    at_once = {"overlap": 0, "": 0}
    for word in (word for one in read_transcript(folder).utterances for word in one.words):
        assert "overlap" not in word.flags or 1.5 * RATE_HZ < word.first_frame < 9.5 * RATE_HZ
        at_once["overlap" if "overlap" in word.flags else ""] += 1
    assert at_once["overlap"] >= 5
    assert at_once[""] >= 10


def test_a_change_of_voice_ends_an_utterance_and_no_voice_has_two_lines_at_one_place(shared: Shared) -> None:
    said = read_transcript(shared[0]).utterances
    assert [one.id for one in said] == list(range(1, len(said) + 1))
    assert all(one.first_frame + one.frame_count <= other.first_frame for one, other in pairwise(said))


def test_the_turns_are_kept_with_the_run_and_signed_with_it(shared: Shared) -> None:
    folder, tmp_path, outcome = shared
    lines = list(read_lines(run_path(folder, outcome.run.run) / TURNS))
    assert {"1A", "1B", "1C"} == {line["label"] for line in lines}
    assert {SHADOWS, TURNS, SPEAKERS} <= outcome.run.files.keys()
    assert [] == [one for one in failures(tmp_path, folder) if one.verdict == "integrity"]


def test_no_print_of_a_voice_is_in_the_session_folder(shared: Shared) -> None:
    (line,) = read_lines(run_path(shared[0], "r001") / SPEAKERS)
    assert {"label", "clear_ms"} == {key for voice in line["voices"] for key in voice}  # type: ignore[attr-defined]


def an_outcome(tmp_path: Path) -> tuple[list[str], str, list[str]]:
    """Labels, problem and text of a short shared microphone."""
    folder = a_session_of(tmp_path, three_people()[: SHORT_S * RATE_HZ], roster=people("Adam", "Studio"))
    outcome = transcribe(folder, tmp_path)
    (line,) = read_lines(run_path(folder, outcome.run.run) / SPEAKERS)
    transcript = read_transcript(folder)
    assert SHORT_S * 2 - 8 <= len(words(transcript))
    assert text_files(folder, transcribe(folder, tmp_path, people="none").run.run) == text_files(folder, outcome.run.run)
    return sorted({one.label for one in transcript.utterances}), str(line["problem"]), list(outcome.speaker_notes)


def test_without_sherpa_the_text_is_there_and_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voices, "find_spec", lambda _: None)
    labels, problem, notes = an_outcome(tmp_path)
    assert [""] == labels
    assert "needs sherpa-onnx, which is not installed" in problem
    assert ["pip install 'everyword[speakers]'" in note for note in notes] == [True]


@pytest.mark.parametrize("name", [voices.SEGMENTATION, voices.EMBEDDING])
@pytest.mark.parametrize(("damage", "sentence"), [("missing", "is missing"), ("changed", "was changed")])
def test_a_model_that_is_missing_or_was_changed_costs_the_labels_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: str, sentence: str
) -> None:
    pytest.importorskip("sherpa_onnx")
    copy = shutil.copytree(voices.FOLDER, tmp_path / "models")
    if damage == "missing":
        (copy / name).unlink()
    else:
        with (copy / name).open("r+b") as file:
            file.seek(1000)
            file.write(b"\0\1\2\3")
    monkeypatch.setattr(attribution.attribute, "__kwdefaults__", {"people": "roster", "models": lambda: voices.load(copy)})
    labels, problem, _ = an_outcome(tmp_path)
    assert [""] == labels
    assert name in problem
    assert sentence in problem


def test_whatever_the_models_raise_the_text_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> voices.ShippedModels:
        raise RuntimeError("onnx says no")

    monkeypatch.setattr(attribution.attribute, "__kwdefaults__", {"people": "roster", "models": broken})
    assert ([""], "RuntimeError: onnx says no.") == an_outcome(tmp_path)[:2]


def test_whatever_the_comparison_of_microphones_raises_the_text_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise MemoryError("too much")

    monkeypatch.setattr(shadows, "judge", broken)
    folder, outcome = two_microphones(tmp_path, bleed_db=-14)
    assert {1, 2} == {one.track for one in read_transcript(folder).utterances}
    assert ["MemoryError: too much." in note for note in outcome.speaker_notes] == [True, True]


def test_a_microphone_of_one_person_is_not_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "find_spec", lambda _: None)
    folder = a_session_of(tmp_path, three_people()[: 6 * RATE_HZ], roster=(Speaker("adam", "Adam", track=1),))
    assert () == transcribe(folder, tmp_path).speaker_notes
    assert {"adam"} == {one.person for one in read_transcript(folder).utterances}


@pytest.mark.parametrize(("choice", "note"), [("1", "more people than the roster"), ("10", "fewer voices were told apart")])
def test_a_number_of_people_that_contradicts_the_sound_is_said_and_costs_no_word(shared: Shared, choice: str, note: str) -> None:
    folder, tmp_path, _ = shared
    outcome = transcribe(folder, tmp_path, people=choice)
    assert words(read_transcript(folder, "r001")) == words(read_transcript(folder, outcome.run.run))
    assert [note in one for one in outcome.speaker_notes].count(True) == 1


def test_two_seconds_of_sound_end_with_a_transcript(tmp_path: Path) -> None:
    pytest.importorskip("sherpa_onnx")
    folder = a_session_of(tmp_path, three_people()[2 * RATE_HZ : 4 * RATE_HZ], roster=people("Adam", "Studio"))
    outcome = transcribe(folder, tmp_path)
    assert 3 <= outcome.words
    assert ["Track 1: fewer voices were told apart than people sit there"] == list(outcome.speaker_notes)[-1:]


def two_microphones(tmp_path: Path, *, bleed_db: float, with_noise: bool = True) -> tuple[SessionFolder, Outcome]:
    """Adam at microphone 1, whom microphone 2 hears from afar; then the studio voice at microphone 2."""
    sound = three_people()
    first, second = sound[2 * RATE_HZ : 12 * RATE_HZ], sound[47 * RATE_HZ : 53 * RATE_HZ]
    near = np.concatenate((first, np.zeros_like(second)))
    other = np.concatenate((np.roll(first, 90) * 10 ** (bleed_db / 20), second))
    if with_noise:
        near = near + np.roll(np.concatenate((np.zeros_like(first), second)), 90) * 10 ** (bleed_db / 20)
        other = other + np.random.default_rng(1).normal(0, 0.0003, len(other))
    path = write_wav(tmp_path / "two.wav", np.stack([near, other], axis=1).astype(np.float32))
    from recorder.imports import import_files

    roster = (Speaker("adam", "Adam", track=1), Speaker("studio", "Studio", track=2))
    folder = import_files(
        [path], parent=tmp_path / "sessions", home=tmp_path / "home", title="Two", operator="Test Operator", roster=roster
    )
    return folder, transcribe(folder, tmp_path)


def test_bleed_leaves_the_transcript_for_the_shadows_and_every_word_has_one_speaker(tmp_path: Path) -> None:
    folder, outcome = two_microphones(tmp_path, bleed_db=-14)
    transcript = read_transcript(folder)
    on_first, on_second = (words(transcript, track) for track in (1, 2))
    assert [] == [word for word in on_second if word[1] < 9.5 * RATE_HZ]
    assert [] == [word for word in on_first if word[1] > 10.5 * RATE_HZ]
    assert len(on_first) >= 18
    assert len(on_second) >= 10
    shadows = list(read_lines(run_path(folder, outcome.run.run) / SHADOWS))
    assert {(2, 1, "bleed"), (1, 2, "bleed")} == {(line["track"], line["louder_track"], line["reason"]) for line in shadows}
    used = [line for line in read_lines(run_path(folder, outcome.run.run) / READINGS) if line["used"]]
    read = sum(len(found) for line in used if isinstance(found := line.get("words"), list))
    assert read - outcome.quarantined == len(shadows) + len(on_first) + len(on_second)


def test_a_shadowed_word_goes_on_accounting_for_its_sound(tmp_path: Path) -> None:
    folder, _ = two_microphones(tmp_path, bleed_db=-14)
    spoken = sum(
        span.frame_count for span in read_transcript(folder).coverage if span.track == 2 and span.state in ("spoken", "uncertain")
    )
    assert spoken > 15 * RATE_HZ


def test_dual_mono_is_said_and_the_second_track_keeps_no_words(tmp_path: Path) -> None:
    sound = three_people()[: 8 * RATE_HZ]
    path = write_wav(tmp_path / "dual.wav", np.stack([sound, sound], axis=1))
    from recorder.imports import import_files

    folder = import_files([path], parent=tmp_path / "sessions", home=tmp_path / "home", title="Dual", operator="Test Operator")
    outcome = transcribe(folder, tmp_path)
    assert {1} == {one.track for one in read_transcript(folder).utterances}
    assert "Track 2: it carries the very sound of another track, whose words count" in outcome.speaker_notes


@pytest.mark.parametrize(
    ("seats", "microphones", "people"),
    [
        ((1, 2), {1, 2}, (0, 0)),  # one each
        ((1, 1, 2), {1, 2}, (2, 0)),  # two share the first
        ((None, None), {1, 2}, (0, 0)),  # nobody says who sits where, and there are enough
        ((None, None, None), {1, 2}, (3, 3)),  # there are not
        ((1, None, None), {1, 2}, (0, 2)),  # the others share what is left
        ((None,), {1}, (0,)),
        ((), {1}, (0,)),
    ],
)
def test_the_roster_says_how_many_people_share_a_microphone(
    seats: tuple[int | None, ...], microphones: set[int], people: tuple[int, ...]
) -> None:
    roster = [Speaker(f"p{number}", f"P{number}", track=seat) for number, seat in enumerate(seats)]
    assert people == tuple(attribution._people_on(one, microphones, roster, {}, "roster") for one in sorted(microphones))


def test_two_people_on_a_doubled_microphone_share_it() -> None:
    roster = [Speaker("a", "A", track=1), Speaker("b", "B", track=2)]
    assert 2 == attribution._people_on(1, {1, 2}, roster, {2: 1}, "roster")


@pytest.mark.parametrize("choice", ["roster", "AUTO", " none ", "3"])
def test_people_can_be_chosen(choice: str) -> None:
    assert choice.strip().lower() == choose_people(choice)


@pytest.mark.parametrize("choice", ["", "0", "51", "many", "-2", "2.5"])
def test_what_is_no_number_of_people_is_refused(choice: str) -> None:
    with pytest.raises(InvalidOption):
        choose_people(choice)


@pytest.mark.parametrize(("voice", "label"), [(0, "2A"), (25, "2Z"), (26, "2AA"), (51, "2AZ"), (52, "2BA")])
def test_labels_go_on_after_z(voice: int, label: str) -> None:
    assert label == label_of(2, voice)
