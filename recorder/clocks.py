"""Whether somebody keeps this computer's clock right."""

import ctypes
import time
from datetime import UTC, datetime
from typing import Literal

_TIMEX_BYTES = 512
"""More than any system's ``struct timex``; zeros ask without setting anything."""

_UNSYNCHRONISED = 5

MADE = datetime(2026, 11, 22, tzinfo=UTC)
"""When this version was made: no recording of it can be older."""


def clock_state() -> Literal["synced", "unsynced", "unknown"]:
    """What the kernel says (adjtimex(2)); ``unknown`` where it cannot be asked."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return "unknown"
    if state < 0:
        return "unknown"
    return "unsynced" if state == _UNSYNCHRONISED else "synced"


def clock_trouble(now_s: float | None = None) -> str:
    """A sentence when the wall clock cannot be right, with what to do; empty when it can.  Sound needs no wall clock.

    Args:
        now_s: seconds since 1970; by default the wall clock's.
    """
    now = datetime.fromtimestamp(time.time() if now_s is None else now_s, UTC)
    if now >= MADE:
        return ""
    return (
        f"The clock says {now:%Y-%m-%d %H:%M} UTC, which is before this program was made ({MADE:%Y-%m-%d}): "
        "the times in the record are wrong, its sound is not. Set the clock: timedatectl set-time 'YYYY-MM-DD HH:MM'."
    )
