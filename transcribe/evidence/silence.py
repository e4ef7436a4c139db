"""The two tests of silence, which must agree: no voice, and a level below the track's own limit.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcribe.sound.windows import SURE_VOICE, Floats, Piece, Profile

SOME_VOICE = 0.2
"""Probability of voice from which a hop may hold speech: lower than the one that places cuts, as here the doubt counts."""

FLOOR_MARGIN_DB = 10.0
SPEECH_MARGIN_DB = 10.0
"""Over the noise floor (the level that a tenth of the hops stay below) and under speech; whichever is lower is the limit."""

QUIET_DB = -60.0
"""What is below this level is quiet on any track."""

LOUD_DB = -40.0
"""What is above this level is not: a steady noise is no silence, however steady; what is below any voice does not count."""


def loudness_limit_db(profiles: Sequence[Profile]) -> float:
    """The level above which a track is not silent: 10 dB over its noise floor or 10 dB under its speech, whichever is lower.

    Always between -60 and -40 dBFS; digital silence does not count as a noise floor.
    """
    if not profiles:
        return QUIET_DB
    levels = np.concatenate([profile.level_db for profile in profiles])
    voices = np.concatenate([profile.voice for profile in profiles])
    sounding = levels[levels > -100]
    if not len(sounding):
        return QUIET_DB
    limit = float(np.percentile(sounding, 10)) + FLOOR_MARGIN_DB
    speech = levels[voices > SURE_VOICE]
    if len(speech):
        limit = min(limit, float(np.median(speech)) - SPEECH_MARGIN_DB)
    return min(LOUD_DB, max(QUIET_DB, limit))


@dataclass(frozen=True, slots=True)
class Stillness:
    """The two tests of silence over a piece, bool, shape (hops,) each; only where both hold is it verified silence."""

    piece: Piece
    without_voice: NDArray[np.bool_]
    quiet: NDArray[np.bool_]

    def has_no_voice(self, first_frame: int, end_frame: int) -> bool:
        """True when no hop that these frames touch may hold a voice."""
        first, end = self.piece.hops_of(first_frame, end_frame)
        return bool(self.without_voice[first:end].all())

    def is_silent(self, first_frame: int, end_frame: int) -> bool:
        """True when both tests hold for every hop that these frames touch."""
        first, end = self.piece.hops_of(first_frame, end_frame)
        return bool((self.without_voice & self.quiet)[first:end].all())


def stillness(profile: Profile, *, limit_db: float) -> Stillness:
    """Both tests.  Voice is averaged and the level's median taken over five hops (0.16 s), so that neither flickers."""
    return Stillness(
        profile.piece, _mean_of_five(profile.voice) < SOME_VOICE, _median_of_five(profile.level_db) < np.float32(limit_db)
    )


def _mean_of_five(values: Floats) -> Floats:
    return (
        np.convolve(np.pad(values, 2, mode="edge"), np.full(5, 0.2), mode="valid").astype(np.float32) if len(values) else values
    )


def _median_of_five(values: Floats) -> Floats:
    if not len(values):
        return values
    return np.median(np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, mode="edge"), 5), axis=1).astype(np.float32)
