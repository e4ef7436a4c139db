"""How loud each channel is."""

import math

import numpy as np

SILENCE_CDB = -15_000
"""Hundredths of a decibel below full scale that stand for exact digital silence."""


def samples(pcm: bytes, *, channels: int, sample_format: str) -> np.ndarray:
    """Interleaved PCM as float64 in [−1, 1), shape (frames, channels)."""
    if sample_format.startswith("f"):
        values = np.frombuffer(pcm, f"<{'f4' if sample_format == 'f32' else 'f8'}").astype(np.float64)
        return np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=-1.0).reshape(-1, channels)
    if sample_format == "s24":
        bytes_ = np.frombuffer(pcm, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(bytes_), 4), np.uint8)
        wide[:, 1:] = bytes_
        return (wide.view("<i4").reshape(-1, channels) / 2.0**31).astype(np.float64)
    bits = 16 if sample_format == "s16" else 32
    return np.frombuffer(pcm, f"<i{bits // 8}").reshape(-1, channels) / 2.0 ** (bits - 1)


def peaks_cdb(pcm: bytes, *, channels: int, sample_format: str) -> list[int]:
    """The peak of each channel in hundredths of a decibel relative to full scale; `SILENCE_CDB` for zeros or no frames."""
    if not pcm:
        return [SILENCE_CDB] * channels
    peaks = np.abs(samples(pcm, channels=channels, sample_format=sample_format)).max(axis=0)
    return [max(SILENCE_CDB, round(2000 * math.log10(peak))) if peak > 0 else SILENCE_CDB for peak in peaks.tolist()]
