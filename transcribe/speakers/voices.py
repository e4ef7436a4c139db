"""The two models that tell voices apart: who is speaking in ten seconds of sound, and what a voice is like.

They are shipped with the program and need no network.  sherpa-onnx, which runs the second, is the optional extra ``speakers``.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from everyword.digest import file_digest
from everyword.errors import ModelMissing
from transcribe.sound.windows import RATE_HZ, Floats

FOLDER = Path(__file__).parent / "models"
SEGMENTATION = "speaker-segmentation-pyannote3-int8.onnx"
EMBEDDING = "speaker-embedding-campplus-int8.onnx"
PINNED = {
    SEGMENTATION: "sha256:7293d18b7b07ccbd61d9df4bc6b4769df7e6d0909d5cc0be3517f4bc5577abd1",
    EMBEDDING: "sha256:68f9e33adf567001b189298c34a79ca538d766479a127b54fc3d1870f12e245d",
}

CHUNK_SAMPLES = 10 * RATE_HZ
"""What the segmentation model hears at once."""

FRAME_SAMPLES = 270
"""The step of the segmentation model: 16.9 ms."""

LOCAL_VOICES = 3
"""How many voices the segmentation model can tell apart in one chunk, two of them at once."""

_POWERSET = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1)], np.bool_)

INSTALL = "pip install 'everyword[speakers]'"


class VoiceModels(Protocol):
    """What diarization needs to know about sound."""

    def segment(self, samples: Floats) -> NDArray[np.bool_]:
        """Who of `LOCAL_VOICES` speaks when within one chunk (shorter ones are taken as followed by silence).

        Shape (frames, `LOCAL_VOICES`), one frame every `FRAME_SAMPLES`; the voices have no names and another order in each chunk.
        """

    def embed(self, samples: Floats) -> Floats:
        """The voice in a few tenths of a second or more: a direction, float32, length 1."""


@dataclass(frozen=True, slots=True)
class ShippedModels:
    """The models of `FOLDER`, one thread each, so that the same sound gives the same numbers."""

    _segmentation: object
    _embedding: object

    def segment(self, samples: Floats) -> NDArray[np.bool_]:
        """See `VoiceModels.segment`."""
        padded = np.zeros((1, 1, CHUNK_SAMPLES), np.float32)
        padded[0, 0, : len(samples)] = samples[:CHUNK_SAMPLES]
        (logits,) = self._segmentation.run(None, {"x": padded})  # type: ignore[attr-defined]
        found: NDArray[np.bool_] = _POWERSET[np.argmax(logits[0], axis=1)]
        found[len(samples) // FRAME_SAMPLES :] = False
        return found

    def embed(self, samples: Floats) -> Floats:
        """See `VoiceModels.embed`."""
        stream = self._embedding.create_stream()  # type: ignore[attr-defined]
        stream.accept_waveform(RATE_HZ, np.ascontiguousarray(samples, np.float32))
        stream.input_finished()
        found = np.asarray(self._embedding.compute(stream), np.float32)  # type: ignore[attr-defined]
        return found / np.float32(np.linalg.norm(found) or 1.0)


def load(folder: Path = FOLDER) -> ShippedModels:
    """Check both files against their digests and load them.

    Raises:
        ModelMissing: sherpa-onnx is not installed, a file is missing, or it is not the one it must be.
    """
    if find_spec("sherpa_onnx") is None:
        raise ModelMissing(
            "Telling voices apart needs sherpa-onnx, which is not installed.", hint=f"{INSTALL}, then transcribe once more."
        )
    for name, wanted in PINNED.items():
        _check(folder / name, wanted)
    import onnxruntime  # noqa: PLC0415  (only for those who ask for voices)
    import sherpa_onnx  # noqa: PLC0415  (an extra)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        segmentation = onnxruntime.InferenceSession(str(folder / SEGMENTATION), options, providers=["CPUExecutionProvider"])
        config = sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=str(folder / EMBEDDING), num_threads=1)
        return ShippedModels(segmentation, sherpa_onnx.SpeakerEmbeddingExtractor(config))
    except RuntimeError as error:  # both libraries say so when they are too old for a file
        raise ModelMissing(f"The speaker models cannot be loaded: {error}.", hint=_MEND) from error


_MEND = "Install Everyword again; nothing was lost, and `everyword transcribe` can be run once more."


def _check(path: Path, wanted: str) -> None:
    try:
        found = file_digest(path)
    except OSError as error:
        raise ModelMissing(f"The speaker model {path.name} is missing.", hint=_MEND) from error
    if found != wanted:
        raise ModelMissing(f"The speaker model {path.name} is not what it must be: the file was changed.", hint=_MEND)
