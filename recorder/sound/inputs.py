"""Which sound inputs this computer has, through PortAudio."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from everyword.errors import InputLost, InvalidOption

FILE_PREFIX = "file:"
SERVERS = ("pulse", "default", "pipewire", "sysdefault", "jack")
"""Devices that stand for a whole sound server: they claim 32 channels and any rate, whatever the microphone has."""

PULSE = ("pulse", "default")
"""Those of them that lead to PulseAudio, or to PipeWire in its place; ``default`` does unless ALSA is set up otherwise."""

DEVICES = Path("/dev/snd")


@dataclass(frozen=True, slots=True)
class FoundInput:
    """One input as PortAudio lists it."""

    index: int
    name: str
    host: str
    channels: int
    rate_hz: int
    is_default: bool

    @property
    def is_server(self) -> bool:
        """True when the real microphone is chosen elsewhere, in the sound server's settings."""
        return self.name.lower().split(":")[0] in SERVERS

    @property
    def is_pulse(self) -> bool:
        """True when a sound server that speaks PulseAudio's language can be asked which microphone that is."""
        return self.name.lower() in PULSE


def portaudio() -> ModuleType:
    """The sounddevice module.  Raises `InputLost` with the package to install when the PortAudio library is missing."""
    try:
        import sounddevice  # noqa: PLC0415  (it loads a C library that a computer may lack, and starts it)
    except OSError as error:
        raise InputLost(
            f"The PortAudio library cannot be loaded: {error}.",
            hint="On Debian and Ubuntu: sudo apt-get install libportaudio2",
        ) from error
    module: ModuleType = sounddevice
    return module


def list_inputs() -> list[FoundInput]:
    """Every device with at least one input channel.  Raises `InputLost` when PortAudio is missing or fails."""
    sounddevice = portaudio()
    try:
        default = sounddevice.default.device[0]
        hosts = [host["name"] for host in sounddevice.query_hostapis()]
        return [
            FoundInput(
                index,
                device["name"],
                hosts[device["hostapi"]],
                device["max_input_channels"],
                round(device["default_samplerate"]),
                index == default,
            )
            for index, device in enumerate(sounddevice.query_devices())
            if device["max_input_channels"] > 0
        ]
    except sounddevice.PortAudioError as error:
        raise InputLost(f"The sound system does not answer: {error}.") from error


def choose(spec: str, found: list[FoundInput]) -> FoundInput:
    """The input that `spec` means: ``default``, an index, a name, or a part of a name that fits one input only.

    Raises:
        InputLost: there is no such input; the sentence lists those that are there.
        InvalidOption: several fit.
    """
    if not found:
        raise _none(DEVICES)
    if spec == "default":
        return next((one for one in found if one.is_default), found[0])
    if spec.isdigit():
        matches = [one for one in found if one.index == int(spec)]
    else:
        exact = [one for one in found if one.name == spec]
        matches = exact[:1] or [one for one in found if spec.lower() in one.name.lower()]
    if len(matches) > 1:
        names = ", ".join(f"{one.index} {one.name!r}" for one in matches)
        raise InvalidOption(f"{spec!r} fits several inputs: {names}.", hint="Give the index.")
    if not matches:
        names = ", ".join(f"{one.index} {one.name!r}" for one in found)
        raise InputLost(f"There is no sound input {spec!r}.", hint=f"There are: {names}.")
    return matches[0]


def _none(devices: Path) -> InputLost:
    """Why there is no input: there is none, or this user may not use it."""
    nodes = list(devices.glob("pcm*c"))
    if nodes and not any(os.access(node, os.R_OK | os.W_OK) for node in nodes):
        return InputLost(
            "You may not use this computer's sound inputs.",
            hint="Become a member of the group that may, and log in again: sudo usermod -aG audio $USER",
        )
    return InputLost(
        "This computer has no sound input.",
        hint="Connect a microphone, or record a file as if it were one: --input file:PATH",
    )
