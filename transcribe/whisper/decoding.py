"""Whisper through CTranslate2, with a decode loop of our own: encode → language → generate → align, window by window.

faster-whisper's ``transcribe()`` is not called: it deletes what looks like silence, hides each window's language and cannot
write more than 224 tokens a window.  Here a window's context is as long as the window (plus a pad) instead of 30 s, which is most
of the speed, and depends on nothing but the window, so that no reading depends on its batch-mates.
"""

import os
import platform
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

from everyword.errors import InvalidOption, ModelMissing
from transcribe.engine import Heard, Hypothesis, Reading, Shares, Stretch
from transcribe.evidence.account import are_repeated_in_no_time
from transcribe.evidence.checks import is_loop
from transcribe.sound.windows import RATE_HZ, Floats
from transcribe.whisper import glossary
from transcribe.whisper.models import ModelFiles

BEAM = 5
TOKEN_LIMIT = 224
"""CTranslate2 stops Whisper at half of its 448 positions (src/models/whisper.cc)."""

PAD_S = 3
"""So much of the room's own tone follows a window: with none the decoder does not know where to stop and loops to the limit."""

STEP_S = 2
"""Contexts are multiples of this, so that windows of nearly the same length can share a batch."""

LANGUAGE_PAD_S = 1
"""The same where only the language is asked for."""

CONTEXT_LIMIT_S = 30
HOP_SAMPLES = 160
"""One frame of features, 10 ms; two of them make one position of the encoder."""

POSITION_SAMPLES = 320
"""One position of the encoder's output."""

ASKED_SAMPLES = 5 * RATE_HZ
"""Of a longer stretch that is encoded alone, the beginning is asked for its language."""

SURE_SHARE = 0.98
"""Probability from which all stretches of a clip must be in one language for its own encoding to be believed."""

ROOM_SHARE = 0.1
"""How many of a window's frames, the quietest of each band, make the tone of the room that follows it."""

_MARKS = ("<|startoftranscript|>", "<|transcribe|>", "<|startofprev|>", "<|notimestamps|>", "<|endoftext|>")
"""What the tokenizer of a model must know: without one the decoder is told something else."""

_VECTORS = frozenset({"sse4_1", "sse4_2", "avx", "avx2", "fma", "asimd", "sve", "sve2"})

_OPENING = "\"'“¿([{-«„"
_CLOSING = "\"'.。,，!！?？:：”)]}、»…;"


@dataclass(frozen=True, slots=True)
class _Heard:
    """A window after the encoder; ``length`` in samples."""

    encoded: Floats
    length: int
    language: str


class WhisperEngine:
    """Whisper on this machine.  On a CPU each core runs a worker of its own: about twice as fast as one worker on all cores."""

    def __init__(
        self,
        files: ModelFiles,
        *,
        device: str,
        compute_type: str,
        batch_size: int = 0,
        workers: int = 0,
        terms: Sequence[str] = (),
    ) -> None:
        self._files = files
        self.device = resolve_device(device)
        self.compute_type = resolve_compute_type(compute_type, device=self.device)
        on_cpu = self.device == "cpu"
        self.workers = workers or (len(os.sched_getaffinity(0)) if on_cpu else 1)
        self.batch_size = max(1, (batch_size or (8 * self.workers if on_cpu else 16)) // self.workers)
        self._tokenizers: dict[str, Tokenizer] = {}
        self._early: dict[int, Floats] = {}  # id of a clip → its encoding, until it is read or gone
        try:
            self._whisper = self._loaded()
            self._multilingual = bool(self._whisper.model.is_multilingual)
            self._try_out()
        except Exception as error:  # the engine, and the libraries that read its files, raise their own and any other
            is_usual = on_cpu and self.compute_type == "int8"
            raise ModelMissing(
                f"The model {files.name} cannot be used on {self.device} ({self.compute_type}): {str(error).rstrip('.')}.",
                hint=f"Is there memory left? Else a file in {files.path} is damaged, or of another kind of model: fetch it again."
                if is_usual
                else "Try --device cpu --compute-type int8, or another --model.",
            ) from error
        self._terms = glossary.within_budget(terms, count=lambda text: len(self._whisper.hf_tokenizer.encode(text).ids))

    def _loaded(self) -> WhisperModel:
        on_cpu = self.device == "cpu"
        return WhisperModel(
            str(self._files.path),
            device=self.device,
            compute_type=self.compute_type,
            cpu_threads=1 if on_cpu else 0,
            num_workers=self.workers,
            local_files_only=True,
        )

    def _try_out(self) -> None:
        """Write and align a second of nothing, which takes all files of the model: better now than in every window."""
        missing = [mark for mark in _MARKS if self._whisper.hf_tokenizer.token_to_id(mark) is None]
        if missing:
            raise ValueError(f"tokenizer.json lacks {missing[0]}")
        encoded, tokenizer = self._encode(np.zeros(RATE_HZ, np.float32), self.context_samples(RATE_HZ)), self._tokenizer("en")
        self._generate([_Heard(encoded, RATE_HZ, "en")], [""])
        self._align(encoded, tokenizer, tokenizer.encode(" one two"), RATE_HZ)

    def knows(self, language: str) -> bool:
        """True when the model was made for that language."""
        known = self._whisper.hf_tokenizer.token_to_id(f"<|{language}|>") is not None
        return known if self._multilingual else language == "en"

    @property
    def told(self) -> tuple[str, ...]:
        """The terms that fit into the budget: what the decoder is told."""
        return self._terms

    def describe(self) -> dict[str, str]:
        """Versions and arithmetic: the same on another machine promises the same text only if all of this is the same."""
        return {
            "engine": "faster-whisper",
            "faster-whisper": version("faster-whisper"),
            "ctranslate2": version("ctranslate2"),
            **{name: version(name) for name in ("numpy", "onnxruntime", "soxr", "tokenizers")},
            "device": self.device,
            "compute_type": self.compute_type,
            "workers": str(self.workers),
            "threads_per_worker": "1" if self.device == "cpu" else "0",
            "cpu": cpu_name(),
            "cpu_vectors": " ".join(cpu_vectors()),
            **{name: value for name, value in sorted(os.environ.items()) if name.startswith("CT2_")},
        }

    def model(self) -> dict[str, str]:
        """Name, digest of ``model.bin``, one of its other files, and the revision of the hub it came from, if it did."""
        files = self._files
        return {"name": files.name, "sha256": files.digest, "files_sha256": files.others_digest, "revision": files.revision}

    def settings(self) -> dict[str, int | str]:
        """What decides the text besides the windows."""
        return {
            "beam_size": BEAM,
            "pad_s": PAD_S,
            "pad": "room tone",
            "context_step_s": STEP_S,
            "timestamps": "no",
            **{f"hesitations_{language}": text for language, text in glossary.HESITATIONS.items()},
            "hesitations_echo_words": glossary.HESITATIONS_ECHO_WORDS,
            "terms_echo_words": glossary.ECHO_WORDS,
            "prompt": glossary.prompt_of(self._terms),
        }

    def context_samples(self, sample_count: int) -> int:
        """Window and pad, rounded up to the next step, at most what Whisper can hear."""
        seconds = -(-sample_count // RATE_HZ) + PAD_S
        return min(CONTEXT_LIMIT_S, -(-seconds // STEP_S) * STEP_S) * RATE_HZ

    def shares(self, clip: Floats, *, stretches: Sequence[Stretch], languages: Sequence[str]) -> list[Shares]:
        """How likely each language is in each stretch.

        First asked of the parts of the clip's own encoding, which `read` uses again.  The encoder mixes what lies side by side,
        so unless they all agree with hardly a doubt, each stretch is then encoded alone, as short as it is.
        """
        if not self._multilingual:
            return [tuple((language, float(language == "en")) for language in languages)] * len(stretches)
        encoded = self._encode(clip, self.context_samples(len(clip)))
        parts = [encoded[:, first // POSITION_SAMPLES : -(-end // POSITION_SAMPLES)] for first, end in stretches]
        found = [self._languages(part, languages) for part in parts]
        sure = {max(shares, key=lambda pair: pair[1])[0] for shares in found}
        if len(stretches) == 1 or (len(sure) == 1 and min(max(share for _, share in one) for one in found) >= SURE_SHARE):
            self._early[id(clip)] = encoded
            weakref.finalize(clip, self._early.pop, id(clip), None)
            return found
        return [self._language_of(clip[first : min(end, first + ASKED_SAMPLES)], languages) for first, end in stretches]

    def read(self, clips: Sequence[Floats], *, languages: Sequence[str], full_context: bool = False) -> list[Reading]:
        """One decode for all `clips`, which must be of one context; the full context is Whisper's own 30 s."""
        context = CONTEXT_LIMIT_S * RATE_HZ if full_context else self.context_samples(len(clips[0]))
        heard = []
        for clip, language in zip(clips, languages, strict=True):
            early = None if full_context else self._early.pop(id(clip), None)
            heard.append(_Heard(self._encode(clip, context) if early is None else early, len(clip), language))
        return [self._reading(one, *written, context) for one, written in zip(heard, self._write(heard), strict=True)]

    def _write(self, heard: "Sequence[_Heard]") -> list[tuple[Any, tuple[Hypothesis, ...]]]:
        """What the decoder writes; where it echoes what it was told, what it writes when told nothing, and the echo."""
        results = self._generate(heard, [glossary.told(one.language, self._terms) for one in heard])
        echoes: dict[int, tuple[Hypothesis, ...]] = {}
        for n, one in enumerate(heard):
            hypotheses = _hypotheses(results[n], self._tokenizer(one.language))
            if glossary.is_echo(hypotheses[0].text, one.language, self._terms):
                echoes[n] = hypotheses
        again = self._generate([heard[n] for n in echoes], [""] * len(echoes))
        for n, result in zip(echoes, again, strict=True):
            results[n] = result
        return [(result, echoes.get(n, ())) for n, result in enumerate(results)]

    def _generate(self, heard: "Sequence[_Heard]", told: Sequence[str]) -> list[Any]:
        """What has openings of the same length is written together."""
        openings = [_opening(self._tokenizer(one.language), text) for one, text in zip(heard, told, strict=True)]
        results: dict[int, Any] = {}
        for length in sorted({len(opening) for opening in openings}):
            alike = [n for n, opening in enumerate(openings) if len(opening) == length]
            found = self._whisper.model.generate(
                ctranslate2.StorageView.from_array(np.concatenate([heard[n].encoded for n in alike])),
                [openings[n] for n in alike],
                beam_size=BEAM,
                num_hypotheses=BEAM,
                return_scores=True,
                return_no_speech_prob=True,
            )
            results.update(zip(alike, found, strict=True))
        return [results[n] for n in range(len(heard))]

    def _reading(self, one: "_Heard", result: Any, echo: tuple[Hypothesis, ...], context: int) -> Reading:
        """Where the best hypothesis goes round in circles, that one counts as best for whose words the sound has most time."""
        tokenizer = self._tokenizer(one.language)
        hypotheses = _hypotheses(result, tokenizer)
        likeliest = hypotheses[0]
        words = self._align(one.encoded, tokenizer, likeliest.tokens, one.length)
        if is_loop(likeliest.text):
            others = [self._align(one.encoded, tokenizer, hypothesis.tokens, one.length) for hypothesis in hypotheses[1:]]
            is_echo = [glossary.is_echo(hypothesis.text, one.language, self._terms) for hypothesis in hypotheses]
            hypotheses, words = _with_most_time(hypotheses, [words, *others], is_echo)
        return Reading(
            language=one.language,
            languages=((one.language, 1.0),),
            hypotheses=hypotheses,
            words=words,
            no_speech=float(result.no_speech_prob),
            context_samples=context,
            token_limit=TOKEN_LIMIT,
            is_second_best=hypotheses[0] is not likeliest,
            echo=echo,
        )

    def _encode(self, clip: Floats, context: int) -> Floats:
        """What the encoder makes of one window, shape (1, context / 320, width).

        One at a time: a batch of eight takes 1.4 to 1.7 times as long a window on a CPU, as it falls out of the cache.
        """
        features = ctranslate2.StorageView.from_array(self._features(clip, context)[None])
        return np.asarray(self._whisper.model.encode(features, to_cpu=self.device == "cuda"))

    def _features(self, clip: Floats, context: int) -> Floats:
        """Log-mel features, float32, shape (mels, context / 160), after the sound with the tone of its room.

        Whisper was trained on rooms, not on the zeros that faster-whisper leaves, which are louder than most of them.
        """
        sound = clip[:context]
        whole = np.pad(sound, (0, min(context, -(-len(sound) // HOP_SAMPLES) * HOP_SAMPLES) - len(sound)))
        mel = self._whisper.feature_extractor(whole, padding=0)
        quietest = np.sort(mel, axis=1)[:, : max(1, int(mel.shape[1] * ROOM_SHARE))].mean(axis=1, keepdims=True)
        room = np.repeat(quietest, context // HOP_SAMPLES - mel.shape[1], axis=1)
        return np.ascontiguousarray(np.concatenate((mel, room), axis=1), np.float32)

    def _language_of(self, sound: Floats, languages: Sequence[str]) -> Shares:
        context = min(CONTEXT_LIMIT_S, -(-len(sound) // RATE_HZ) + LANGUAGE_PAD_S) * RATE_HZ
        return self._languages(self._encode(sound, context)[:, : -(-len(sound) // POSITION_SAMPLES)], languages)

    def _languages(self, encoded: Floats, allowed: Sequence[str]) -> Shares:
        """Probabilities of the allowed languages in a part of the encoder's output, made to add up to 1."""
        (probabilities,) = self._whisper.model.detect_language(ctranslate2.StorageView.from_array(np.ascontiguousarray(encoded)))
        found = {token[2:-2]: float(probability) for token, probability in probabilities}
        shares = [max(found.get(language, 0.0), 1e-9) for language in allowed]
        return tuple((language, share / sum(shares)) for language, share in zip(allowed, shares, strict=True))

    def _tokenizer(self, language: str) -> Tokenizer:
        if language not in self._tokenizers:
            self._tokenizers[language] = Tokenizer(
                self._whisper.hf_tokenizer, self._multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def _align(self, encoded: Floats, tokenizer: Tokenizer, tokens: Sequence[int], length: int) -> tuple[Heard, ...]:
        """Words of the best hypothesis.  One window at a time: an alignment must not depend on its batch-mates' lengths.

        It needs two frames of features at least; times are clipped to the window.
        """
        spoken = [token for token in tokens if token < tokenizer.eot]
        if not spoken:
            return ()
        one = ctranslate2.StorageView.from_array(encoded)
        found = self._whisper.find_alignment(tokenizer, [spoken], one, max(2, -(-length // HOP_SAMPLES)))
        return _merge_punctuation(found[0], length)


def _opening(tokenizer: Tokenizer, told: str) -> list[int]:
    """What the decoder is given before it writes."""
    before = [tokenizer.sot_prev, *tokenizer.encode(told)] if told else []
    return [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]


def _hypotheses(result: Any, tokenizer: Tokenizer) -> tuple[Hypothesis, ...]:
    found = []
    for tokens, score in zip(result.sequences_ids, result.scores, strict=True):
        # the score is a mean over the tokens; as in faster-whisper, the end token counts as one more
        logprob = float(score) * len(tokens) / (len(tokens) + 1)
        found.append(Hypothesis(tokenizer.decode(tokens), tuple(tokens), logprob))
    return tuple(found)


def _with_most_time(
    hypotheses: tuple[Hypothesis, ...], words: Sequence[tuple[Heard, ...]], is_echo: Sequence[bool]
) -> tuple[tuple[Hypothesis, ...], tuple[Heard, ...]]:
    """The hypotheses, first the one with most words that have a time of their own, less those that have none; and its words.

    Neither an echo nor silence gets to the front.
    """
    gains = [len(one) - 2 * sum(are_repeated_in_no_time(one)) for one in words]
    best = max((n for n in range(len(gains)) if not n or (words[n] and not is_echo[n])), key=gains.__getitem__)
    return (hypotheses[best], *hypotheses[:best], *hypotheses[best + 1 :]), words[best]


def _merge_punctuation(found: list[dict[str, Any]], length: int) -> tuple[Heard, ...]:
    """Words with the punctuation marks that belong to them; times clipped to the window."""
    words: list[Heard] = []
    opening = ""
    for item in found:
        text = item["word"]
        if text.startswith(" ") and len(text) > 1 and text.strip() and all(mark in _OPENING for mark in text.strip()):
            opening += text
        elif words and text.strip() and not text.startswith(" ") and all(mark in _CLOSING for mark in text):
            last = words[-1]
            words[-1] = Heard(last.text + text, last.first_sample, last.sample_count, last.probability)
        elif text:
            first = min(length, max(0, round(float(item["start"]) * RATE_HZ)))
            end = min(length, max(first, round(float(item["end"]) * RATE_HZ)))
            words.append(Heard(opening + (text.lstrip() if opening else text), first, end - first, float(item["probability"])))
            opening = ""
    if opening and words:
        last = words[-1]
        words[-1] = Heard(last.text + opening, last.first_sample, last.sample_count, last.probability)
    return tuple(words)


def resolve_device(device: str) -> str:
    """``auto`` is cuda when CTranslate2 finds a GPU, else cpu.  Raises `InvalidOption` for anything unknown or absent."""
    if device not in ("auto", "cpu", "cuda"):
        raise InvalidOption(f"--device {device} is not auto, cpu or cuda.")
    gpus = ctranslate2.get_cuda_device_count()
    if device == "cuda" and not gpus:
        raise InvalidOption("No CUDA device was found on this computer.", hint="Use --device cpu.")
    return "cuda" if device == "cuda" or (device == "auto" and gpus) else "cpu"


def resolve_compute_type(compute_type: str, *, device: str) -> str:
    """``default`` is int8 on a CPU and float16 on a GPU; other names are CTranslate2's, checked against the device."""
    if compute_type in ("default", "auto"):
        wanted = "int8" if device == "cpu" else "float16"
        return wanted if wanted in ctranslate2.get_supported_compute_types(device) else "float32"
    supported = sorted(ctranslate2.get_supported_compute_types(device))
    if compute_type not in supported:
        raise InvalidOption(f"--compute-type {compute_type} is not possible on {device}: it can do {', '.join(supported)}.")
    return compute_type


def cpu_name() -> str:
    """The processor as the system calls it."""
    return _of_cpu("model name") or platform.processor() or platform.machine()


def cpu_vectors() -> list[str]:
    """Which vector instructions it has, by which CTranslate2 chooses its arithmetic; a virtual machine may have fewer."""
    flags = (_of_cpu("flags") or _of_cpu("Features")).split()
    return sorted(flag for flag in flags if flag in _VECTORS or flag.startswith(("avx512", "amx")))


def _of_cpu(field: str) -> str:
    """A field of what the system says of its first processor; nothing where it says nothing."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next((line.partition(":")[2].strip() for line in file if line.partition(":")[0].strip() == field), "")
    except OSError:
        return ""
