"""Where a voice is, and how loud it is: what decides about cuts and silence, never about what is read."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

from transcribe.sound.rumble import without_rumble
from transcribe.sound.windows import HOP, Floats, Piece, Profile

QUIETEST_DB = -120.0
"""The level of digital silence."""

FAR_GAIN = 10.0
"""20 dB: so much louder the sound is heard a second time, as the detector misses a voice at -45 dBFS."""

_CONTEXT_SAMPLES = 64


def profile_of(blocks: Iterable[Floats], piece: Piece) -> Profile:
    """Voice and level of each hop of samples that come in blocks, both without rumble.

    The detector's state is carried from block to block, so the result is that of the whole piece heard at once,
    but for the last bits of the filter.
    """
    near, far = _Detector(), _Detector()
    voices: list[Floats] = []
    levels: list[Floats] = []
    with ThreadPoolExecutor(1, thread_name_prefix="far") as beside:
        for samples in _whole_hops(without_rumble(blocks)):
            louder = beside.submit(far.hear, np.clip(samples * np.float32(FAR_GAIN), -1, 1))
            voices.append(np.maximum(near.hear(samples), louder.result()))
            levels.append(_levels_db(samples))
    empty = [np.zeros(0, np.float32)]
    return Profile(piece, np.concatenate(voices or empty), np.concatenate(levels or empty))


def _levels_db(samples: Floats) -> Floats:
    power: NDArray[np.float64] = np.mean(samples.reshape(-1, HOP).astype(np.float64) ** 2, axis=1)
    levels: Floats = np.maximum(QUIETEST_DB, 10 * np.log10(power + 1e-30)).astype(np.float32)
    return levels


def _whole_hops(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """The same samples in blocks of whole hops; the last one is filled up with zeros."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate((rest, block))
        whole = len(joined) // HOP * HOP
        rest = joined[whole:]
        if whole:
            yield joined[:whole]
    if len(rest):
        yield np.pad(rest, (0, HOP - len(rest)))


class _Detector:
    """Silero's voice detector from the faster-whisper wheel, with the state that its own wrapper forgets between calls."""

    def __init__(self) -> None:
        self._session = get_vad_model().session
        self._hidden = np.zeros((1, 1, 128), np.float32)
        self._cell = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros((1, _CONTEXT_SAMPLES), np.float32)

    def hear(self, samples: Floats) -> Floats:
        """Probability of voice of each hop; `samples` are whole hops."""
        hops = samples.reshape(-1, HOP)
        tails = np.concatenate((self._context, hops[:, -_CONTEXT_SAMPLES:]))
        self._context = tails[-1:]
        feed = {"input": np.concatenate((tails[:-1], hops), axis=1), "h": self._hidden, "c": self._cell}
        voice, self._hidden, self._cell = self._session.run(None, feed)
        result: Floats = np.asarray(voice, np.float32).reshape(-1)
        return result
