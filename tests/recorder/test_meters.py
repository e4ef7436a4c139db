"""Levels."""

import numpy as np
import pytest

from recorder.sound.meters import SILENCE_CDB, peaks_cdb

HALF = {
    "s16": np.array([1 << 14, 0], "<i2").tobytes(),
    "s24": b"\0\0\x40" + b"\0\0\0",
    "s32": np.array([1 << 30, 0], "<i4").tobytes(),
    "f32": np.array([0.5, 0], "<f4").tobytes(),
    "f64": np.array([0.5, 0], "<f8").tobytes(),
}


@pytest.mark.parametrize("sample_format", sorted(HALF))
def test_half_of_full_scale_is_six_decibels_down_and_zeros_are_silence(sample_format: str) -> None:
    assert [-602, SILENCE_CDB] == peaks_cdb(HALF[sample_format], channels=2, sample_format=sample_format)


def test_what_is_no_number_does_not_break_the_meter() -> None:
    pcm = np.array([np.nan, np.inf], "<f4").tobytes()
    assert [SILENCE_CDB, 0] == peaks_cdb(pcm, channels=2, sample_format="f32")
