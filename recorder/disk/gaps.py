"""What to do about frames that were never delivered.  Pure."""

from dataclasses import dataclass

LONGEST_FILLED_S = 60
"""A longer gap closes the segment and jumps the frame number instead of writing zeros for hours."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a gap: zeros in the file, or frame numbers without a file."""

    first_frame: int
    frame_count: int
    filled: bool


def plan(first_frame: int, frame_count: int, *, rate_hz: int) -> list[Piece]:
    """How a gap is laid out, in order; the pieces add up to it exactly.

    Short gaps are filled.  Long ones are filled up to the end of their first second and from the beginning of their last one, so
    that segments hold whole leaves, and jumped in between.
    """
    end = first_frame + frame_count
    if frame_count <= LONGEST_FILLED_S * rate_hz:
        pieces = [Piece(first_frame, frame_count, True)]
    else:
        jump, landing = -(-first_frame // rate_hz) * rate_hz, end // rate_hz * rate_hz
        pieces = [
            Piece(first_frame, jump - first_frame, True),
            Piece(jump, landing - jump, False),
            Piece(landing, end - landing, True),
        ]
    return [piece for piece in pieces if piece.frame_count]


def hole_frames(*, last_frame: int, last_us: int, next_us: int, first_block: int, rate_hz: int) -> int:
    """Frames missing between two openings of an input, by a clock that no sleep stops.

    Args:
        last_frame: frames of the old opening that are on disk beyond its last anchor (so they are not missing).
        last_us: time of that anchor: by then everything up to it had been delivered.
        next_us: time of the first anchor of the new opening.
        first_block: frames that anchor already counts.
        rate_hz: frames a second.
    """
    elapsed = (next_us - last_us) * rate_hz // 1_000_000
    return max(0, elapsed - last_frame - first_block)
