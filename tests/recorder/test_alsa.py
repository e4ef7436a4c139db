"""What an ALSA device has itself.  No hardware here: ALSA's own make-believe devices answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from recorder.sound import alsa
from recorder.sound.alsa import native_formats
from recorder.sound.inputs import FoundInput
from recorder.sound.sources import formats_to_try


def formats(pcm: str) -> str:
    """Asked in a process of its own: libasound reads its configuration once."""
    code = f"from recorder.sound.alsa import formats_of; print(*formats_of({pcm!r}))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_device_is_asked_for_what_it_has_the_widest_first() -> None:
    if not Path("/usr/share/alsa/alsa.conf").exists():
        pytest.skip("not installed: libasound2-data")
    assert "s32 s24 f32 s16" == formats("null")


def test_a_device_that_is_not_there_has_nothing() -> None:
    assert "" == formats("hw:77,0")


def test_only_hardware_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alsa, "formats_of", lambda pcm: ["s16"] if pcm == "hw:1,0" else [])
    assert [["s16"], []] == [native_formats(name) for name in ("USB Table Mic: Audio (hw:1,0)", "pulse")]


@pytest.mark.parametrize(("native", "first"), [(["s32", "s16"], "s32"), (["s16"], "s16"), ([], "s24")])
def test_a_format_that_the_device_has_is_tried_before_one_that_would_be_made(
    monkeypatch: pytest.MonkeyPatch, native: list[str], first: str
) -> None:
    monkeypatch.setattr(alsa, "formats_of", lambda _pcm: native)
    found = formats_to_try(FoundInput(0, "Mic (hw:1,0)", "ALSA", 2, 48_000, False), None)
    assert first == found[0]
    assert {"s16", "s24", "s32", "f32"} == set(found)
