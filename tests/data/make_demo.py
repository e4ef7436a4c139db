"""How ``demo.flac``, ``demo.json`` and ``short.wav`` were made: ``python tests/data/make_demo.py FOLDER_OF_SOURCES``.

An interpreted meeting of 54 seconds at 48 kHz: channel 1 is a microphone that two English speakers share, channel 2 a Russian
speaker's; they take turns, and whoever is silent leaves the low noise of a room.  LICENCE.md names the sources and their
licences.  FOLDER_OF_SOURCES holds ``refs.jsonl`` (one JSON object a recording: id, path, text, stm) and the files it names.
The result is the same, byte for byte, with the versions in constraints.txt.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

HERE = Path(__file__).parent
RATE_HZ = 48000
SECONDS = 54
SPEECH_DB = -24.0
ROOM_DB = -74.0
FADE_S = 0.03
PEOPLE = {"MEE009": "Adam Duguid", "MEE012": "Ebenezer Ademesoye", "ru_ivr_a": "Studio voice A"}


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds ``from_s`` to ``to_s`` of a source, heard on `channel` from ``at_s`` on."""

    source: str
    channel: int
    at_s: float
    from_s: float
    to_s: float


TURNS = (
    Turn("en_ami_dev00", 0, 1.0, 1.9, 13.2),
    Turn("ru_ivr_a_confbridge-begin-glorious-a", 1, 13.0, 0.0, 4.07),
    Turn("en_ami_dev00", 0, 17.5, 13.2, 16.95),
    Turn("ru_ivr_a_vm-newuser", 1, 22.0, 0.0, 5.78),
    Turn("en_ami_dev01", 0, 28.5, 4.2, 11.8),
    Turn("ru_ivr_a_vm-nobox", 1, 36.8, 0.0, 5.46),
    Turn("en_ami_dev00", 0, 42.8, 26.2, 30.0),
    Turn("ru_ivr_a_vm-instructions", 1, 46.8, 0.0, 7.11),
)

Sound = NDArray[np.float64]


def main(sources: Path) -> None:
    """Write the three files beside this one."""
    listed = map(json.loads, (sources / "refs.jsonl").read_text(encoding="utf-8").splitlines())
    references = {entry["id"]: entry for entry in listed}
    mix = np.stack([room_noise(channel) for channel in range(2)], axis=1)
    for turn in TURNS:
        voice = speech(turn, sources / references[turn.source]["path"])
        start = round(turn.at_s * RATE_HZ)
        mix[start : start + len(voice), turn.channel] += voice
    soundfile.write(HERE / "demo.flac", as_16_bit(mix), RATE_HZ, subtype="PCM_16", compression_level=1.0)
    lines = sorted(
        (line for turn in TURNS for line in script(turn, references[turn.source], sources)), key=lambda x: x["first_frame"]
    )
    description = {"rate_hz": RATE_HZ, "frame_count": len(mix), "channels": ["English", "Russian"], "turns": lines}
    (HERE / "demo.json").write_text(json.dumps(description, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    short = speech(Turn("ru_ivr_a_conf-invalid", 0, 0, 0.0, 3.63), sources / references["ru_ivr_a_conf-invalid"]["path"])
    soundfile.write(HERE / "short.wav", as_16_bit(soxr.resample(short, RATE_HZ, 16000)), 16000, subtype="PCM_16")


def speech(turn: Turn, path: Path) -> Sound:
    """The cut at 48 kHz and one loudness, with soft edges."""
    sound, rate_hz = soundfile.read(path, dtype="float64")
    cut: Sound = soxr.resample(sound[round(turn.from_s * rate_hz) : round(turn.to_s * rate_hz)], rate_hz, RATE_HZ)
    loud = np.abs(cut) > np.percentile(np.abs(cut), 50)
    cut *= 10 ** (SPEECH_DB / 20) / np.sqrt(np.mean(cut[loud] ** 2))
    fade = np.minimum(1, np.arange(len(cut)) / (FADE_S * RATE_HZ))
    return cut * fade * fade[::-1]


def room_noise(channel: int) -> Sound:
    """Noise below 3 kHz, the same each time it is made."""
    noise: Sound = soxr.resample(np.random.default_rng(channel).standard_normal(6000 * SECONDS), 6000, RATE_HZ)
    return noise[: RATE_HZ * SECONDS] * 10 ** (ROOM_DB / 20)


def as_16_bit(sound: Sound) -> NDArray[np.int16]:
    """Samples in ±1 as 16-bit integers."""
    return np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)


def script(turn: Turn, reference: dict[str, str], sources: Path) -> list[dict[str, int | str]]:
    """Who says what, from which frame on: the lines of the source's own transcript that lie in the cut."""
    if not reference["stm"]:
        return [line(turn, reference["id"][:8], "ru", reference["text"], start_s=turn.from_s, end_s=turn.to_s)]
    rows = [row.split(" ", 5) for row in (sources / reference["stm"]).read_text(encoding="utf-8").splitlines()]
    return [
        line(turn, speaker, "en", text, start_s=float(start), end_s=float(end))
        for _, _, speaker, start, end, text in rows
        if turn.from_s <= float(start) and float(end) <= turn.to_s + 0.01
    ]


def line(turn: Turn, speaker: str, language: str, text: str, *, start_s: float, end_s: float) -> dict[str, int | str]:
    """One entry of ``turns`` in demo.json."""
    shift_s = turn.at_s - turn.from_s
    return {
        "channel": turn.channel,
        "first_frame": round((start_s + shift_s) * RATE_HZ),
        "frame_count": round((end_s - start_s) * RATE_HZ),
        "speaker": PEOPLE[speaker],
        "language": language,
        "text": text,
        "source": turn.source,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
