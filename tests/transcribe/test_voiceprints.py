"""Voices are kept only of those who agreed, and only ever proposed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from everyword import labels
from everyword.errors import CorruptFolder
from everyword.folder import SessionFolder
from everyword.model import Speaker
from everyword.recording import read_recording
from everyword.run import read_transcript
from tests.transcribe.voices import a_session_of, three_people, transcribe
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.speakers import voiceprints
from transcribe.speakers.voiceprints import Proposal, Voiceprint, forget, learn, propose, read
from transcribe.speakers.voices import VoiceModels, load


@pytest.fixture(scope="module")
def models() -> VoiceModels:
    pytest.importorskip("sherpa_onnx")
    return load()


def a_session(tmp_path: Path, title: str, seconds: Sequence[tuple[int, int]], *roster: Speaker) -> SessionFolder:
    sound: Floats = np.concatenate([three_people()[first * RATE_HZ : end * RATE_HZ] for first, end in seconds])
    folder = a_session_of(tmp_path, sound, roster=roster, title=title)
    transcribe(folder, tmp_path, people="none")
    return folder


def learnt(tmp_path: Path, folder: SessionFolder, models: VoiceModels, **named: str) -> list[Voiceprint]:
    said = read_transcript(folder).utterances
    return learn(
        tmp_path / "home", read_recording(folder), said, named={key[1:]: who for key, who in named.items()}, models=models
    )


def proposed(tmp_path: Path, folder: SessionFolder, models: VoiceModels) -> list[Proposal]:
    said = read_transcript(folder).utterances
    return propose(read_recording(folder), said, known=read(tmp_path / "home"), models=models)


ADAM_FIRST, ADAM_LATER, STUDIO = [(1, 9)], [(6, 12), (31, 36)], [(47, 54), (37, 42)]


def test_a_voice_is_proposed_in_another_session_and_another_persons_is_not(tmp_path: Path, models: VoiceModels) -> None:
    first = a_session(tmp_path, "First", ADAM_FIRST, Speaker("adam", "Adam", track=1, voice_consent=True))
    (print_,) = learnt(tmp_path, first, models)
    assert ("adam", first.read_session().id) == (print_.person, print_.session)
    (proposal,) = proposed(tmp_path, a_session(tmp_path, "Second", ADAM_LATER), models)
    assert ("1", "adam", "Adam") == (proposal.label, proposal.person, proposal.name)
    assert [] == proposed(tmp_path, a_session(tmp_path, "Third", STUDIO), models)


def everything_in(folder: SessionFolder) -> dict[str, bytes]:
    return {str(path.relative_to(folder.path)): path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}


def test_a_proposal_names_nobody_and_leaves_not_one_byte_in_the_session(tmp_path: Path, models: VoiceModels) -> None:
    first = a_session(tmp_path, "First", ADAM_FIRST, Speaker("adam", "Adam", track=1, voice_consent=True))
    second = a_session(tmp_path, "Second", ADAM_LATER)
    before = everything_in(first), everything_in(second)
    learnt(tmp_path, first, models)
    assert 1 == len(proposed(tmp_path, second, models))
    assert before == (everything_in(first), everything_in(second))
    assert ({None}, ()) == ({one.person for one in read_transcript(second).utterances}, labels.read(second))


def test_a_voice_named_after_somebody_who_is_not_in_the_roster_is_not_kept(tmp_path: Path, models: VoiceModels) -> None:
    folder = a_session(tmp_path, "First", ADAM_FIRST, Speaker("eve", "Eve", voice_consent=True), Speaker("x", "X"))
    assert [] == learnt(tmp_path, folder, models, _1="adam")
    assert not (tmp_path / "home" / voiceprints.FILE).exists()


def test_a_print_of_another_model_is_never_compared(tmp_path: Path, models: VoiceModels) -> None:
    learnt(tmp_path, a_session(tmp_path, "First", ADAM_FIRST, Speaker("adam", "Adam", track=1, voice_consent=True)), models)
    kept = tmp_path / "home" / voiceprints.FILE
    kept.write_bytes(kept.read_bytes().replace(b'"model":"sha256:', b'"model":"sha257:'))
    assert [] == proposed(tmp_path, a_session(tmp_path, "Second", ADAM_LATER), models)


def test_without_consent_nothing_is_kept(tmp_path: Path, models: VoiceModels) -> None:
    folder = a_session(tmp_path, "First", ADAM_FIRST, Speaker("adam", "Adam", track=1))
    assert [] == learnt(tmp_path, folder, models)
    assert not (tmp_path / "home" / voiceprints.FILE).exists()


def test_a_named_voice_is_learnt_and_learning_again_keeps_one_print(tmp_path: Path, models: VoiceModels) -> None:
    folder = a_session(tmp_path, "First", ADAM_FIRST, Speaker("adam", "Adam", voice_consent=True))
    assert [] == learnt(tmp_path, folder, models)
    for _ in range(2):
        learnt(tmp_path, folder, models, _1="adam")
    assert ["adam"] == [one.person for one in read(tmp_path / "home")]
    assert 0o600 == (tmp_path / "home" / voiceprints.FILE).stat().st_mode & 0o777


def test_nobody_is_proposed_whom_this_sessions_roster_names_without_consent(tmp_path: Path, models: VoiceModels) -> None:
    learnt(tmp_path, a_session(tmp_path, "First", ADAM_FIRST, Speaker("adam", "Adam", track=1, voice_consent=True)), models)
    assert [] == proposed(tmp_path, a_session(tmp_path, "Second", ADAM_LATER, Speaker("adam", "Adam"), Speaker("x", "X")), models)


def test_too_little_speech_makes_no_print(tmp_path: Path, models: VoiceModels) -> None:
    folder = a_session(tmp_path, "First", [(2, 5)], Speaker("adam", "Adam", track=1, voice_consent=True))
    assert [] == learnt(tmp_path, folder, models)


def test_what_is_forgotten_is_gone_from_the_disk(tmp_path: Path, models: VoiceModels) -> None:
    learnt(tmp_path, a_session(tmp_path, "First", ADAM_FIRST, Speaker("adam", "Adam", track=1, voice_consent=True)), models)
    assert (1, 0) == (forget(tmp_path / "home", "adam"), forget(tmp_path / "home", "adam"))
    assert b"" == (tmp_path / "home" / voiceprints.FILE).read_bytes()


def test_a_damaged_file_of_voices_is_named(tmp_path: Path) -> None:
    (tmp_path / voiceprints.FILE).write_bytes(b"nonsense\n")
    with pytest.raises(CorruptFolder, match="line 1"):
        read(tmp_path)
