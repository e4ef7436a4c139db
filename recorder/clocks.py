"""Whether somebody keeps this computer's clock right."""

import ctypes
from typing import Literal

_TIMEX_BYTES = 512
"""More than any system's ``struct timex``; zeros ask without setting anything."""

_UNSYNCHRONISED = 5


def clock_state() -> Literal["synced", "unsynced", "unknown"]:
    """What the kernel says (adjtimex(2)); ``unknown`` where it cannot be asked."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return "unknown"
    if state < 0:
        return "unknown"
    return "unsynced" if state == _UNSYNCHRONISED else "synced"
