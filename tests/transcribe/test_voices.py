"""The speaker models are those that are shipped, byte for byte, or none."""

from pathlib import Path

import numpy as np
import pytest

from everyword.digest import file_digest
from everyword.errors import ModelMissing
from tests.transcribe.voices import three_people
from transcribe.sound.windows import RATE_HZ
from transcribe.speakers import voices
from transcribe.speakers.voices import CHUNK_SAMPLES, FOLDER, LOCAL_VOICES, PINNED, load


def test_the_shipped_files_have_the_digests_that_the_program_knows() -> None:
    assert PINNED == {name: file_digest(FOLDER / name) for name in PINNED}


def test_the_licences_of_both_models_are_shipped_with_them() -> None:
    notice = (FOLDER / "LICENCE.md").read_text(encoding="utf-8")
    assert [] == [part for part in (*PINNED, "CNRS", "MIT License", "3D-Speaker", "Apache License") if part not in notice]


def test_without_sherpa_the_hint_is_the_command_and_the_exit_code_that_of_a_missing_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(voices, "find_spec", lambda _: None)
    with pytest.raises(ModelMissing) as caught:
        load()
    assert ("pip install 'everyword[speakers]'" in caught.value.hint, 7) == (True, caught.value.exit_code)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    pytest.importorskip("sherpa_onnx")
    with pytest.raises(ModelMissing, match="missing"):
        load(tmp_path)


def test_what_the_models_answer_has_the_shape_that_is_promised() -> None:
    pytest.importorskip("sherpa_onnx")
    models = load()
    chunk = three_people()[:CHUNK_SAMPLES]
    found = models.segment(chunk[: 5 * RATE_HZ])
    assert (LOCAL_VOICES, "bool") == (found.shape[1], found.dtype.name)
    assert not found[5 * RATE_HZ // voices.FRAME_SAMPLES :].any()
    assert pytest.approx(1.0, abs=1e-5) == float(np.linalg.norm(models.embed(chunk[2 * RATE_HZ : 4 * RATE_HZ])))
