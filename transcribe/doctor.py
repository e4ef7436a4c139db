"""What transcribing depends on: the speech model, and what it runs on."""

from collections.abc import Iterator

import ctranslate2

from everyword.config import Settings
from everyword.diagnosis import Diagnosis
from everyword.errors import EverywordError
from transcribe.whisper.models import locate


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """The model of the settings, checked against its digest, and the processor."""
    try:
        model = locate(settings.model, home=settings.home)
        yield Diagnosis("speech model", is_well=True, sentence=f"The speech model is {model.name}, in {model.path}.")
    except EverywordError as error:
        yield Diagnosis("speech model", is_well=False, sentence=error.sentence, hint=error.hint)
    gpus = ctranslate2.get_cuda_device_count()
    if settings.device == "cuda" and not gpus:
        hint = "pip install 'everyword[gpu]', and look whether nvidia-smi lists a card; or set the device to auto."
        yield Diagnosis("processor", is_well=False, sentence="The settings ask for an NVIDIA card, and none is found.", hint=hint)
        return
    where = f"{gpus} NVIDIA card(s)" if gpus and settings.device != "cpu" else "the processor"
    yield Diagnosis("processor", is_well=True, sentence=f"Transcribing runs on {where}.")
