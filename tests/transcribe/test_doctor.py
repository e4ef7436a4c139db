"""What `everyword doctor` says of the part of a computer that transcribes."""

import dataclasses
from pathlib import Path

import pytest

from everyword import config
from everyword.config import Settings
from everyword.diagnosis import Diagnosis
from transcribe import doctor


@pytest.fixture
def settings(home: Path) -> Settings:
    return config.load({"EVERYWORD_HOME": str(home)}).settings


def found(settings: Settings, part: str) -> Diagnosis:
    return next(one for one in doctor.examine(settings) if one.part == part)


def test_a_model_that_is_not_here_comes_with_the_way_to_get_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    one = found(dataclasses.replace(settings, model="large-v3"), "speech model")
    assert not one.is_well
    assert "everyword models pull large-v3" in one.hint


def test_a_card_that_is_asked_for_and_not_there_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcribe.doctor.ctranslate2.get_cuda_device_count", lambda: 0)
    assert not found(dataclasses.replace(settings, device="cuda", model=str(settings.home)), "processor").is_well


def test_a_card_is_used_unless_the_settings_say_otherwise(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcribe.doctor.ctranslate2.get_cuda_device_count", lambda: 1)
    settings = dataclasses.replace(settings, model=str(settings.home))
    assert "Transcribing runs on 1 NVIDIA card(s)." == found(settings, "processor").sentence
    assert "Transcribing runs on the processor." == found(dataclasses.replace(settings, device="cpu"), "processor").sentence
