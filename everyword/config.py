"""Settings: defaults < ``config.toml`` < ``EVERYWORD_*`` < options.  Read once, in ``cli.py``, and passed down."""

import dataclasses
import getpass
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from everyword.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with its meaning in the metadata (docs/reference/configuration.md is checked against it)."""

    home: Path = dataclasses.field(metadata={"help": "folder of everything that no session folder holds"})
    sessions: Path = dataclasses.field(metadata={"help": "folder that new sessions are made in"})
    operator: str = dataclasses.field(metadata={"help": "who is recording, correcting and noting"})
    languages: tuple[str, ...] = dataclasses.field(metadata={"help": "languages a session may be in"})
    input: str = dataclasses.field(metadata={"help": "sound input to record: name, index, or file:PATH"})
    rate_hz: int = dataclasses.field(metadata={"help": "frames a second to record, 0 for the input's own"})
    channels: int = dataclasses.field(metadata={"help": "channels to record, 0 for all the input has"})
    model: str = dataclasses.field(metadata={"help": "speech model: a faster-whisper name or a folder"})
    device: str = dataclasses.field(metadata={"help": "where the model runs: auto, cpu or cuda"})
    compute_type: str = dataclasses.field(metadata={"help": "the model's arithmetic, as in faster-whisper"})
    tsa: str = dataclasses.field(metadata={"help": "address of the time-stamp authority to ask, empty for none"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and where each value came from: ``default``, the file's path, the variable's name or ``option``."""

    settings: Settings
    origins: dict[str, str]


def load(environ: Mapping[str, str], options: Mapping[str, object] | None = None) -> Loaded:
    """Gather the settings.

    Raises:
        InvalidOption: ``config.toml`` is not TOML, names an unknown setting, or a value has the wrong kind.
    """
    home = (
        Path(environ.get("EVERYWORD_HOME") or platformdirs.user_data_path("everyword", appauthor=False)).expanduser().absolute()
    )
    values: dict[str, object] = {**_defaults(home)}
    origins = dict.fromkeys(values, "default")
    if environ.get("EVERYWORD_HOME"):
        origins["home"] = "EVERYWORD_HOME"
    config = home / "config.toml"
    layers: list[tuple[str, Mapping[str, object]]] = [
        (str(config), _read_file(config)),
        *[(variable(name), {name: environ[variable(name)]}) for name in values if name != "home" and environ.get(variable(name))],
        ("option", {name: value for name, value in (options or {}).items() if value is not None}),
    ]
    for origin, layer in layers:
        for name, value in layer.items():
            if name not in values or name == "home":
                raise InvalidOption(
                    f"{origin} sets {name!r}, which is no setting.", hint="`everyword config show` lists them all."
                )
            values[name] = _converted(value, name=name, like=values[name], origin=origin)
            origins[name] = origin
    return Loaded(Settings(**values), origins)  # type: ignore[arg-type]


def variable(name: str) -> str:
    """The environment variable of a setting: ``rate_hz`` is ``EVERYWORD_RATE_HZ``."""
    return f"EVERYWORD_{name.upper()}"


def _defaults(home: Path) -> dict[str, object]:
    return {
        "home": home,
        "sessions": home / "sessions",
        "operator": _user_name(),
        "languages": ("en", "ru", "uk"),
        "input": "default",
        "rate_hz": 0,
        "channels": 0,
        "model": "base",
        "device": "auto",
        "compute_type": "default",
        "tsa": "",
    }


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return f"uid {os.getuid()}"


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise InvalidOption(f"{path} cannot be read: {error}.", hint="Mend it, or move it away to use the defaults.") from error


def _converted(value: object, *, name: str, like: object, origin: str) -> object:
    try:
        if isinstance(like, Path) and isinstance(value, str):
            return Path(value).expanduser().absolute()
        if isinstance(like, int) and int(str(value)) >= 0:
            return int(str(value))
        if isinstance(like, tuple):
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(str(part).strip() for part in parts if str(part).strip())  # type: ignore[attr-defined]
        if isinstance(value, str | Path):
            return str(value)
    except (ValueError, TypeError):
        pass
    raise InvalidOption(f"{origin} gives {name} the value {value!r}, which does not fit.", hint="See `everyword config show`.")
