"""Sound and recordings for the tests of this package."""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from everyword import keys
from everyword.folder import FORMAT, SessionFolder, create
from everyword.model import AudioSegment, Gap, Input, Session, Speaker, Word
from recorder.disk.record import Record
from recorder.imports import import_files
from transcribe.engine import Heard, Hypothesis, Reading
from transcribe.sound.windows import HOP, RATE_HZ, Floats, Piece, Profile


def a_piece(*, seconds: float = 60, rate_hz: int = 16_000, first_frame: int = 0) -> Piece:
    return Piece(1, first_frame, round(seconds * rate_hz), rate_hz)


def a_profile(
    piece: Piece, *, voiced: Sequence[tuple[float, float]] = (), voice_db: float = -20.0, noise_db: float = -70.0
) -> Profile:
    """A voice from and to the given seconds of the piece, noise around it."""
    voice = np.zeros(piece.hop_count, np.float32)
    level = np.full(piece.hop_count, noise_db, np.float32)
    for start_s, end_s in voiced:
        hops = slice(int(start_s * RATE_HZ / HOP), int(end_s * RATE_HZ / HOP))
        voice[hops], level[hops] = 0.95, voice_db
    return Profile(piece, voice, level)


def a_word(text: str = "word", *, first: int = 0, count: int = 4800, flags: tuple[str, ...] = ()) -> Word:
    return Word(text, first, count, 900_000, flags)


def a_reading(text: str = "", *, tokens: int = 5, logprob: float = -0.2, no_speech: float = 0.0, language: str = "en") -> Reading:
    """A reading whose words follow each other every 0.4 s."""
    step = int(0.4 * RATE_HZ)
    words = tuple(Heard(f" {word}", n * step, step, 0.9) for n, word in enumerate(text.split()))
    hypothesis = Hypothesis(f" {text}" if text else "", tuple(range(tokens)), logprob)
    return Reading(language, ((language, 1.0),), (hypothesis,), words, no_speech, 17 * RATE_HZ, 224)


def a_segment(first_frame: int, frame_count: int) -> AudioSegment:
    return AudioSegment(1, first_frame, frame_count, f"audio/s1/{first_frame}.wav", "")


def a_gap(first_frame: int, frame_count: int, *, filled: bool = True) -> Gap:
    return Gap(1, first_frame, frame_count, filled, "xrun")


def write_wav(path: Path, samples: Floats, *, rate_hz: int = RATE_HZ) -> Path:
    """16-bit; `samples` have shape (frames,) or (frames, channels)."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        file.writeframes((samples * 2**15).astype("<i2").tobytes())
    return path


def staircase(seconds: int) -> Floats:
    """A steady level for each second that a `ScriptedEngine` reads as that second's number, under a whistle of 8 kHz."""
    whistle = np.tile([0.1, -0.1], seconds * RATE_HZ // 2)
    stairs: Floats = (np.repeat((256 + np.arange(seconds)) / 1024, RATE_HZ) + whistle).astype(np.float32)
    return stairs


def another_sound(stairs: Floats, channel: int) -> Floats:
    """The same marks in a sound of its own: two channels that are the same would be one microphone twice."""
    flips = np.random.default_rng(channel).choice(np.array([-1, 1], np.float32), len(stairs))
    is_mark = np.arange(len(stairs)) % RATE_HZ < RATE_HZ // 100
    return np.where(is_mark | (channel == 0), stairs, stairs * flips)


def a_marked_session(tmp_path: Path, *, seconds: int = 60, channels: int = 1, roster: tuple[Speaker, ...] = ()) -> SessionFolder:
    """A sealed session of `staircase` sound on each channel; its windows begin at seconds 0, 14, 29, 44 and so on."""
    stairs = staircase(seconds)
    samples = stairs if channels == 1 else np.stack([another_sound(stairs, channel) for channel in range(channels)], axis=1)
    path = write_wav(tmp_path / "stairs.wav", samples)
    return import_files(
        [path], parent=tmp_path / "sessions", home=tmp_path / "home", title="Stairs", operator="Test Operator", roster=roster
    )


def a_session_with_a_gap(tmp_path: Path, samples: Floats, *, at_s: int, gap_s: int) -> SessionFolder:
    """A sealed recording of `samples` in which nothing came from `at_s` on for `gap_s`."""
    session = Session(FORMAT, "01J00000000000000000000000", "Gap", "", ("en",), (), (), "captured", "Test", 0, {})
    record = Record.begin(create(tmp_path / "sessions", session))
    source = Input("test", "test", "file")
    record.open_stream(source, rate_hz=RATE_HZ, channels=1, sample_format="s16", detail={}, start_utc_us=1_700_000_000_000_000)
    pcm = (samples * 2**15).astype("<i2").tobytes()
    cut = at_s * RATE_HZ * 2
    record.tapes[1].write(pcm[:cut])
    record.tapes[1].skip(gap_s * RATE_HZ, cause="test")
    record.tapes[1].write(pcm[cut:])
    record.finish(reason="test", origin="captured", key=keys.device_key(tmp_path / "home"))
    return record.folder
