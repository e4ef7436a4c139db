"""Models are found where they are, checked, and never fetched unasked."""

import shutil
import socket
from pathlib import Path

import pytest

from everyword.errors import ModelMissing
from transcribe.whisper import models


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def whole(base_home: Path, tmp_path: Path) -> Path:
    """A home with a model folder of its own that a test may damage."""
    home = tmp_path / "own"
    shutil.copytree(base_home / "models", home / "models", copy_function=_link)
    return home


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # the other name of the file stays whole
    path.write_bytes(data)


def test_the_embedded_model_is_joined_to_its_pinned_digest(base_home: Path) -> None:
    found = models.locate("base", home=base_home)
    assert models.PINNED["model.bin"] == found.digest
    assert sorted(models.PINNED) == sorted(path.name for path in found.path.iterdir())


def test_nothing_is_left_beside_the_joined_model(base_home: Path) -> None:
    assert ["base"] == [path.name for path in (base_home / "models").iterdir()]


@pytest.mark.parametrize("file", sorted(models.PINNED))
def test_a_changed_file_of_the_embedded_model_is_named(whole: Path, file: str) -> None:
    damage(whole / "models" / "base" / file)
    with pytest.raises(ModelMissing, match=f"{file} was changed"):
        models.locate("base", home=whole)


def test_a_missing_file_of_the_embedded_model_is_named(whole: Path) -> None:
    (whole / "models" / "base" / "tokenizer.json").unlink()
    with pytest.raises(ModelMissing, match=r"tokenizer\.json is missing"):
        models.locate("base", home=whole)


def test_pull_mends_the_embedded_model(whole: Path) -> None:
    damage(whole / "models" / "base" / "model.bin")
    assert models.PINNED["model.bin"] == models.pull("base", home=whole).digest


@pytest.mark.usefixtures("no_network")
def test_a_known_model_that_is_not_here_is_missing_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ModelMissing, match="large-v3 is not on this computer") as caught:
        models.locate("large-v3", home=tmp_path)
    assert "models pull large-v3" in caught.value.hint
    assert 7 == caught.value.exit_code


def test_pull_without_a_network_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr(models, "download_model", unreachable)
    with pytest.raises(ModelMissing, match="tiny cannot be fetched"):
        models.pull("tiny", home=tmp_path)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no speech model called 'bas") as caught:
        models.locate("bas", home=tmp_path)
    assert "large-v3-turbo" in caught.value.hint


def test_a_folder_is_a_model(base_home: Path, tmp_path: Path) -> None:
    found = models.locate(str(base_home / "models" / "base"), home=tmp_path)
    assert models.PINNED["model.bin"] == found.digest


def test_a_folder_without_a_model_names_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    with pytest.raises(ModelMissing, match=r"config\.json is missing"):
        models.locate(str(tmp_path), home=tmp_path)


def test_every_name_of_faster_whisper_is_listed(base_home: Path) -> None:
    listed = models.list_models(base_home)
    assert 19 == len(listed)
    assert [str(base_home / "models" / "base")] == [one.path for one in listed if one.name == "base"]


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "vocabulary.txt"])
def test_another_file_beside_the_weights_is_another_model(base_home: Path, tmp_path: Path, file: str) -> None:
    for one in (base_home / "models" / "base").iterdir():
        (tmp_path / one.name).hardlink_to(one)
    same, base = models.locate(str(tmp_path), home=tmp_path), models.locate("base", home=base_home)
    assert (base.digest, base.others_digest) == (same.digest, same.others_digest)
    data = (tmp_path / file).read_bytes()
    (tmp_path / file).unlink()
    (tmp_path / file).write_bytes(data + b" ")
    assert (base.digest, False) == (same.digest, base.others_digest == same.others_digest)
