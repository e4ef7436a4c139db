"""Which sample formats an ALSA device has itself: PortAudio offers all of them, and converts without a word.

Asked of the system's own libasound; where it cannot be asked, nobody knows.
"""

import ctypes
import re

from everyword.model import SampleFormat

_WIDEST_FIRST: tuple[tuple[SampleFormat, tuple[int, ...]], ...] = (
    ("s32", (10,)),  # SND_PCM_FORMAT_S32_LE
    ("s24", (6, 32)),  # S24_LE, S24_3LE
    ("f32", (14,)),  # FLOAT_LE
    ("s16", (2,)),  # S16_LE
)
_CAPTURE, _NONBLOCK = 1, 1


def native_formats(name: str) -> list[SampleFormat]:
    """What the device that PortAudio calls `name` has, the widest first; empty for what is no ``hw:`` device."""
    match = re.search(r"\((hw:\d+,\d+)\)", name)
    return formats_of(match[1]) if match else []


def formats_of(pcm: str) -> list[SampleFormat]:
    """The same for a PCM as ALSA calls it; empty when there is none, or another program has it."""
    try:
        alsa = ctypes.CDLL("libasound.so.2")
        handle, params = ctypes.c_void_p(), ctypes.c_void_p()
        if alsa.snd_pcm_open(ctypes.byref(handle), pcm.encode(), _CAPTURE, _NONBLOCK) < 0:
            return []
    except (OSError, AttributeError):
        return []
    try:
        if alsa.snd_pcm_hw_params_malloc(ctypes.byref(params)) < 0 or alsa.snd_pcm_hw_params_any(handle, params) < 0:
            return []
        return [
            sample_format
            for sample_format, codes in _WIDEST_FIRST
            if any(alsa.snd_pcm_hw_params_test_format(handle, params, code) == 0 for code in codes)
        ]
    finally:
        if params:
            alsa.snd_pcm_hw_params_free(params)
        alsa.snd_pcm_close(handle)
