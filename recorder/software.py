"""Which software recorded this, for ``session.json``: old versions of these libraries have known faults."""

import platform
from importlib.metadata import version

from everyword import __version__


def versions() -> dict[str, str]:
    """Names and versions of what the sound passes through."""
    return {
        "everyword": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "sounddevice": version("sounddevice"),
        "pyav": version("av"),
    }
