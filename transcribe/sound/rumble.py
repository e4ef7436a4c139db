"""What lies below any voice: the tread of feet, the wind in a microphone, a level that wanders.  Pure.

Nobody hears it, but it blinds the voice detector: beside one that is 30 dB louder it finds no voice at all.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from transcribe.sound.windows import RATE_HZ, Floats

VOICE_FROM_HZ = 70
"""Below the deepest voices, and above the 50 and 60 Hz of the mains."""

REACH = 1024
"""Samples on either side of one that decide about it."""

_TRANSFORM = 16_384


def without_rumble(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """The same number of samples without what is below `VOICE_FROM_HZ`, float32, nothing moved in time; blocks may be cut anew.

    A linear-phase filter (a sinc in a Hann window): -6 dB at its limit, less than -40 dB from 20 Hz below it on.
    """
    held: Floats = np.zeros(REACH, np.float32)
    for block in chain(blocks, [np.zeros(REACH, np.float32)]):
        held = np.concatenate((held, block))
        if len(held) > 2 * REACH:
            yield _filtered(held)
            held = held[-2 * REACH :]


def _filtered(samples: Floats) -> Floats:
    """Those that have `REACH` others on either side."""
    firsts = range(0, len(samples) - 2 * REACH, _TRANSFORM - 2 * REACH)
    return np.concatenate([_convolved(samples[first : first + _TRANSFORM]) for first in firsts])


def _convolved(samples: Floats) -> Floats:
    spectrum = np.fft.rfft(samples, _TRANSFORM) * _SPECTRUM
    result: Floats = np.fft.irfft(spectrum)[2 * REACH : len(samples)].astype(np.float32)
    return result


def _kernel() -> NDArray[np.float64]:
    time = np.arange(-REACH, REACH + 1)
    rumble = np.sinc(2 * VOICE_FROM_HZ / RATE_HZ * time) * np.hanning(2 * REACH + 3)[1:-1]
    kernel: NDArray[np.float64] = (time == 0) - rumble / rumble.sum()
    return kernel


_SPECTRUM = np.fft.rfft(_kernel(), _TRANSFORM)
