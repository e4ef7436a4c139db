"""Words that another microphone hears better: out of the transcript, into ``shadows.jsonl``, never lost.

They go on accounting for the sound of their own track, so the coverage of that track stays as it is.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from everyword.model import to_json
from everyword.recording import Recording
from transcribe.record import stitch
from transcribe.record.stitch import Said
from transcribe.sound.audio import TrackAudio
from transcribe.sound.windows import Floats, Piece
from transcribe.speakers.bleed import Judgement, Microphone, Placed, Shadow, Sound, judge
from transcribe.track import TrackText

DOUBLED = "doubled"
"""Flag of a word that another microphone hears about as well: perhaps one word stands twice."""


def set_aside(recording: Recording, texts: Sequence[TrackText]) -> tuple[dict[int, int], list[dict[str, object]]]:
    """Take the shadows out of the texts.

    Returns:
        track → the track whose very sound it carries, and the lines of ``shadows.jsonl``.

    Raises:
        CorruptFolder: a segment is missing or short; no text was touched.
    """
    if len(texts) < 2:
        return {}, []
    judged = judge([_microphone(recording, text) for text in texts])
    parted = [_parted(text, judgement, texts) for text, judgement in zip(texts, judged, strict=True)]
    for text, judgement, (kept, _) in zip(texts, judged, parted, strict=True):
        if judgement.shadows or judgement.doubled:
            person = stitch.person_of(text.track.number, recording.session.roster)
            text.said = kept
            text.utterances = stitch.utterances(kept, track=text.track, rate_hz=text.rate_hz, person=person)
    copies = {
        text.track.number: texts[judgement.copy_of].track.number
        for text, judgement in zip(texts, judged, strict=True)
        if judgement.copy_of is not None
    }
    return copies, [line for _, lines in parted for line in lines]


def _parted(text: TrackText, judgement: Judgement, texts: Sequence[TrackText]) -> tuple[list[Said], list[dict[str, object]]]:
    """The words that stay, and the lines of those that do not."""
    kept: list[Said] = []
    lines = []
    for number, one in enumerate(text.said):
        shadow = judgement.shadows.get(number)
        if shadow is not None:
            lines.append(_line(text, one, shadow, texts[shadow.louder]))
        elif number in judgement.doubled:
            kept.append(replace(one, word=replace(one.word, flags=(*one.word.flags, DOUBLED))))
        else:
            kept.append(one)
    return kept, lines


def _line(text: TrackText, one: Said, shadow: Shadow, louder: TrackText) -> dict[str, object]:
    return {
        "reason": shadow.reason,
        "stream": text.track.stream,
        "track": text.track.number,
        "louder_stream": louder.track.stream,
        "louder_track": louder.track.number,
        "louder_cdb": round(shadow.louder_db * 100),
        "correlation_ppm": round(shadow.correlation * 1_000_000),
        "window": one.window,
        "language": one.language,
        "word": to_json(one.word),
    }


def _microphone(recording: Recording, text: TrackText) -> Microphone:
    timeline = recording.timeline(text.track.stream)
    words = [
        Placed(
            one.word.text,
            timeline.boottime_us(one.word.first_frame),
            timeline.boottime_us(one.word.first_frame + one.word.frame_count),
        )
        for one in text.said
    ]
    return Microphone(words, _sound(recording, text))


def _sound(recording: Recording, text: TrackText) -> Sound:
    audio, timeline = TrackAudio(recording, text.track), recording.timeline(text.track.stream)
    end = recording.end_frame(text.track.stream)

    def heard(start_us: int, end_us: int) -> Floats:
        first, last = (round((us - timeline.start_boottime_us) / timeline.us_per_frame) for us in (start_us, end_us))
        first, last = min(max(0, first), end), min(max(0, last), end)
        if last <= first:
            return np.zeros(0, np.float32)
        return np.concatenate(list(audio.blocks(Piece(text.track.stream, first, last - first, text.rate_hz))))

    return heard
