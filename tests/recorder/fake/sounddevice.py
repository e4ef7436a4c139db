"""A sound system that does what a test tells it, in place of the real module; see `tests.recorder.devices`.

One microphone at 8 kHz, stereo, 16 bits.  Its frames carry the number of frames that have passed in the world, whether somebody
listened or not: a recording shows by itself which of them are missing.
"""

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

RATE_HZ = 8000
BLOCK = 400
FOLDER = Path(os.environ["FAKE_SOUND"])


class PortAudioError(Exception):
    pass


class _Default:
    device = (0, 0)


default = _Default()


def told(word: str) -> bool:
    """Whether the test has said so."""
    return (FOLDER / word).exists()


def get_portaudio_version() -> tuple[int, str]:
    return 0, "a fake"


def query_hostapis() -> list[dict[str, Any]]:
    return [{"name": "Fake"}]


def query_devices() -> list[dict[str, Any]]:
    if told("gone"):
        return []
    return [{"name": "Table microphone", "hostapi": 0, "max_input_channels": 2, "default_samplerate": RATE_HZ}]


def check_input_settings(device: int, channels: int, dtype: str, samplerate: int) -> None:
    if told("busy"):
        raise PortAudioError("Error opening InputStream", -9985)
    if samplerate not in (RATE_HZ, 16_000):
        raise PortAudioError("Invalid sample rate", -9997)
    if dtype != "int16":
        raise PortAudioError("Sample format not supported", -9994)


class _Status:
    def __init__(self, flag: bool) -> None:
        self.input_overflow = flag


class RawInputStream:
    def __init__(self, *, callback: Any, finished_callback: Any, **settings: Any) -> None:
        if told("busy at start"):
            raise PortAudioError("Error opening RawInputStream", -9985)
        assert (True, True) == (settings["dither_off"], settings["clip_off"])
        self.callback, self.finished = callback, finished_callback
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self) -> None:
        while told("hang in start"):
            time.sleep(0.01)
        self.thread.start()

    def run(self) -> None:
        if told("fast"):
            while not self.stopping.is_set():
                self.callback(bytes(4 * BLOCK), BLOCK, None, _Status(False))
        epoch = (FOLDER / "epoch").stat().st_mtime_ns / 1e9
        at = int((time.time() - epoch) * RATE_HZ)
        while not self.stopping.wait(max(0.0, epoch + (at + BLOCK) / RATE_HZ - time.time())):
            if told("stall") or told("gone"):
                at = int((time.time() - epoch) * RATE_HZ)  # what nobody takes is lost
                time.sleep(0.01)
                continue
            if told("end"):
                self.finished()
                return
            numbers = np.arange(at, at + BLOCK, dtype=np.uint32)
            block = np.column_stack([numbers & 0xFFFF, numbers >> 16]).astype("<u2").tobytes()
            if told("break"):
                block = None  # type: ignore[assignment]  # what no callback expects
            self.callback(block, BLOCK, None, _Status(told("flag")))
            at += BLOCK

    def stop(self) -> None:
        while told("hang in stop"):
            time.sleep(0.01)
        self.stopping.set()
        self.thread.join()

    def close(self) -> None:
        while told("hang in close"):
            time.sleep(0.01)
