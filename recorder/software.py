"""Which software recorded this, for ``session.json``: old versions of these libraries have known faults."""

import platform
from collections.abc import Iterable
from importlib.metadata import version

from everyword import __version__


def versions(details: Iterable[dict[str, str]] = ()) -> dict[str, str]:
    """Names and versions of what the sound passes through.

    Args:
        details: of each input; those that go through PortAudio say which one (a library of the system's, often years old).
    """
    known = [detail["portaudio"] for detail in details if "portaudio" in detail]
    return {
        "everyword": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "sounddevice": version("sounddevice"),
        "pyav": version("av"),
        **({"portaudio": known[0]} if known else {}),
    }
