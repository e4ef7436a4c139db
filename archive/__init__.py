"""Session folders → what was said, by word, speaker and time; corrections, exports.

``from archive import Archive`` is the way in for programs: docs/reference/python.md.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archive.library import Archive
    from archive.query.filters import Filters

__all__ = ["METADATA", "Archive", "Filters"]

METADATA = Path(__file__).with_name("metadata.json")
"""What Datasette is told of ``archive.db``."""


def __getattr__(name: str) -> object:
    """`Archive` and `Filters`, loaded when asked for: the command line imports this package and must start quickly."""
    if name == "Archive":
        from archive.library import Archive  # noqa: PLC0415  (see above)

        return Archive
    if name == "Filters":
        from archive.query.filters import Filters  # noqa: PLC0415  (see above)

        return Filters
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
