"""Where each setting comes from."""

import dataclasses
from pathlib import Path

import pytest

from everyword import config
from everyword.errors import InvalidOption


def _config(home: Path, text: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(text)
    return home / "config.toml"


def test_without_anything_every_value_is_a_default(tmp_path: Path) -> None:
    loaded = config.load({"EVERYWORD_HOME": str(tmp_path)})
    assert {"home": "EVERYWORD_HOME"} == {name: origin for name, origin in loaded.origins.items() if origin != "default"}
    assert (tmp_path, tmp_path / "sessions", ("en", "ru", "uk")) == (
        loaded.settings.home,
        loaded.settings.sessions,
        loaded.settings.languages,
    )


def test_every_setting_has_an_origin_and_an_explanation() -> None:
    names = [field.name for field in dataclasses.fields(config.Settings)]
    assert names == list(config.load({}).origins)
    assert [] == [field.name for field in dataclasses.fields(config.Settings) if not field.metadata.get("help")]


def test_each_layer_goes_over_the_one_before(tmp_path: Path) -> None:
    path = _config(tmp_path, 'model = "file"\ndevice = "file"\noperator = "file"')
    environ = {"EVERYWORD_HOME": str(tmp_path), "EVERYWORD_DEVICE": "variable", "EVERYWORD_OPERATOR": "variable"}
    loaded = config.load(environ, {"operator": "option"})
    assert ("file", "variable", "option") == (loaded.settings.model, loaded.settings.device, loaded.settings.operator)
    assert (str(path), "EVERYWORD_DEVICE", "option") == tuple(loaded.origins[name] for name in ("model", "device", "operator"))


def test_an_empty_variable_or_an_option_not_given_says_nothing(tmp_path: Path) -> None:
    loaded = config.load({"EVERYWORD_HOME": str(tmp_path), "EVERYWORD_MODEL": ""}, {"model": None})
    assert ("base", "default") == (loaded.settings.model, loaded.origins["model"])


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("rate_hz = 48000", "rate_hz", 48_000),
        ('rate_hz = "48000"', "rate_hz", 48_000),
        ('languages = ["de", " fr "]', "languages", ("de", "fr")),
        ('languages = "de, fr,"', "languages", ("de", "fr")),
        ('sessions = "/x"', "sessions", Path("/x")),
    ],
)
def test_values_get_the_kind_of_their_setting(tmp_path: Path, text: str, name: str, value: object) -> None:
    _config(tmp_path, text)
    assert value == getattr(config.load({"EVERYWORD_HOME": str(tmp_path)}).settings, name)


def test_paths_are_absolute_and_know_the_home_of_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    monkeypatch.chdir(tmp_path)
    settings = config.load({"EVERYWORD_HOME": "here", "EVERYWORD_SESSIONS": "~/talks"}).settings
    assert (tmp_path / "here", Path("/home/anna/talks")) == (settings.home, settings.sessions)


@pytest.mark.parametrize("text", ["model = ", "model", "\0", "[", 'model = "a"\nmodel = "b"'])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    path = _config(tmp_path, text)
    with pytest.raises(InvalidOption, match="cannot be read") as caught:
        config.load({"EVERYWORD_HOME": str(tmp_path)})
    assert str(path) in caught.value.sentence


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidOption, match="cannot be read"):
        config.load({"EVERYWORD_HOME": str(tmp_path)})


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(InvalidOption, match="cannot be read"):
        config.load({"EVERYWORD_HOME": str(tmp_path)})


@pytest.mark.parametrize("name", ["modle", "home", "record"])
def test_a_setting_that_there_is_not_is_named(tmp_path: Path, name: str) -> None:
    _config(tmp_path, f'{name} = "x"')
    with pytest.raises(InvalidOption, match=f"config.toml sets '{name}', which is no setting."):
        config.load({"EVERYWORD_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('rate_hz = "fast"', "rate_hz"),
        ("rate_hz = true", "rate_hz"),
        ("rate_hz = 44100.5", "rate_hz"),
        ("rate_hz = -1", "rate_hz"),
        ("channels = []", "channels"),
        ("model = 3", "model"),
        ("languages = 3", "languages"),
        ("sessions = 3", "sessions"),
        ("operator = {}", "operator"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_origin(tmp_path: Path, text: str, name: str) -> None:
    path = _config(tmp_path, text)
    with pytest.raises(InvalidOption, match=f"gives {name} the value") as caught:
        config.load({"EVERYWORD_HOME": str(tmp_path)})
    assert caught.value.sentence.startswith(str(path))


def test_a_variable_that_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="EVERYWORD_CHANNELS gives channels the value 'two'"):
        config.load({"EVERYWORD_HOME": str(tmp_path), "EVERYWORD_CHANNELS": "two"})


def test_a_user_without_a_name_still_has_an_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4242")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert config.load({}).settings.operator.startswith("uid ")
