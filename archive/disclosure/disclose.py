"""Excerpts and redacted copies: what is shown is proved to stand in the sealed original, what is hidden is not there at all.

Nothing is painted over.  A disclosure is written from the certified words and the sealed sound; hidden words and seconds are
never copied, only the digests of the tree above them.  Their salts stay in the session, so that a hidden "yes" cannot be guessed.
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archive.certificate import bag
from archive.certificate.bag import Payload
from archive.certificate.certify import Certificate
from archive.disclosure import documents
from archive.disclosure.selection import Hide, Redaction, Text, read_text
from archive.record import Record
from everyword import __version__, checker, keyring, keys
from everyword.digest import TAG, canonical, digest, parse_canonical
from everyword.errors import InvalidOption
from everyword.journal import now_us
from everyword.keyring import Entry
from everyword.keys import Signer
from everyword.merkle import leaf_salt
from everyword.model import BYTES_PER_SAMPLE, Stream, from_json, to_json
from everyword.run import read_transcript
from everyword.segment import read_pcm, split_channels
from everyword.text import checked

MARGIN_US = 300_000
"""Withheld before and after a word: alignment is not exact, and a word begins before it is loud."""

_ORIGINALS = ("seal.json", "seal.sig", "seal.pub.pem")


@dataclass(frozen=True, slots=True)
class _Stated:
    run: str


@dataclass(slots=True)
class _Making:
    """A disclosure while it is put together."""

    record: Record
    text: Text | None
    payload: Payload = field(default_factory=Payload)
    audio: list[dict[str, object]] = field(default_factory=list)
    redactions: list[dict[str, object]] = field(default_factory=list)


def clip(
    record: Record,
    certificate: Certificate | None,
    *,
    start_us: int,
    end_us: int,
    tracks: Collection[int] = (),
    entry: Entry,
    signer: Signer,
    to: Path,
    as_zip: bool = False,
    formats: Sequence[str] = (),
) -> Path:
    """Write an excerpt: the seconds from `start_us` to `end_us` of the session axis, whole, and what was said in them.

    Args:
        record: the session.
        certificate: of the text; without one there is only sound, proved against the seal.
        start_us, end_us: on the session axis.
        tracks: of the microphones to disclose; all without any.
        entry: the key of whoever discloses.
        signer: the same, unlocked.
        to: the folder to write into.
        as_zip: one file.
        formats: of the documents, see `documents.LIBRARIES`; the text as ``transcript.txt`` is there in any case.

    Raises:
        InvalidOption: there is no sound between the two.
        WouldOverwrite, CorruptFolder, DiskTrouble: nothing was written.
    """
    making = _Making(record, read_text(record, certificate) if certificate else None)
    with tempfile.TemporaryDirectory() as aside:
        for stream in record.recording.streams.values():
            first, end = _seconds(record, stream, start_us, end_us)
            wanted = [index for index in _indexes(record, stream) if first <= index < end]
            for channel, track in enumerate(stream.tracks):
                if wanted and (not tracks or track in tracks):
                    _add_channel(making, stream, channel, wanted=wanted, hidden=set(), aside=Path(aside))
        if not making.audio:
            raise InvalidOption("There is no sound between these two moments.", hint="Positions are h:mm:ss from the beginning.")
        if making.text:
            inside = _numbers_between(making.text, start_us, end_us, tracks)
            shown = [i for i, (_, _, data) in enumerate(making.text.leaves) if _utterance_of(data) in inside]
            _add_words(making, making.text, shown)
        return _write(making, "clip", "An excerpt", entry=entry, signer=signer, to=to, as_zip=as_zip, formats=formats)


def redact(
    record: Record,
    certificate: Certificate,
    redactions: Sequence[Redaction],
    *,
    with_sound: bool,
    entry: Entry,
    signer: Signer,
    to: Path,
    as_zip: bool = False,
    formats: Sequence[str] = (),
) -> Path:
    """Write a redacted copy: every certified word and sealed second but those hidden; page and line stay what they were.

    Where a word's own times are not known for certain, because the text was corrected, the sound of its whole utterance is
    withheld; always on every microphone, for they stood in one room.

    Raises:
        InvalidOption: something to be hidden is not there.
        WouldOverwrite, CorruptFolder, DiskTrouble: nothing was written.
    """
    making = _Making(record, read_text(record, certificate))
    assert making.text is not None  # noqa: S101  (just given)
    hidden, silent = set[int](), dict[int, set[int]]()
    for redaction in redactions:
        described, indexes = _describe(making, making.text, redaction)
        making.redactions.append(described)
        if hidden & set(indexes):
            raise InvalidOption(f"{redaction.mark} hides something that another redaction hides already.")
        hidden.update(indexes)
        for stream, first, count in described["seconds"]:  # type: ignore[attr-defined]
            silent.setdefault(stream, set()).update(range(first, first + count))
    with tempfile.TemporaryDirectory() as aside:
        for stream in record.recording.streams.values() if with_sound else ():
            for channel in range(stream.channels):
                wanted = _indexes(record, stream)
                _add_channel(
                    making,
                    stream,
                    channel,
                    wanted=wanted,
                    hidden=silent.get(stream.stream, set()) & set(wanted),
                    aside=Path(aside),
                )
        _add_words(making, making.text, [i for i in range(len(making.text.leaves)) if i not in hidden])
        return _write(making, "redaction", "A redacted copy", entry=entry, signer=signer, to=to, as_zip=as_zip, formats=formats)


def hidden_digests(leaves: Sequence[bytes], shown: Iterable[int]) -> list[bytes]:
    """The proof for some leaves of a tree: for each subtree without any of them its root, from left to right."""
    wanted = set(shown)

    def walk(first: int, size: int) -> Iterator[bytes]:
        if not any(index in wanted for index in range(first, first + size)):
            yield checker.root_of(size, dict(enumerate(leaves[first : first + size])), [])
        elif size > 1:
            half = 1 << (size - 1).bit_length() - 1
            yield from walk(first, half)
            yield from walk(first + half, size - half)

    return list(walk(0, len(leaves))) if leaves else []


def _describe(making: _Making, text: Text, redaction: Redaction) -> tuple[dict[str, object], list[int]]:
    indexes: set[int] = set()
    seconds: dict[int, set[int]] = {}
    words = []
    for hide in redaction.hides:
        found = text.indexes(hide)
        if not found:
            raise InvalidOption(f"{redaction.mark}: utterance {hide.utterance} has nothing like that.")
        indexes.update(found)
        if hide.is_speaker:
            continue
        numbers = [int(str(parse_canonical(text.leaves[index][2], what="leaf")["word"])) for index in found]
        words += [[hide.utterance, first, count] for first, count in _ranges(numbers)]
        for start_us, end_us in _times(making.record, text, hide, numbers):
            for stream in making.record.recording.streams.values():
                first, end = _seconds(making.record, stream, start_us - MARGIN_US, end_us + MARGIN_US)
                seconds.setdefault(stream.stream, set()).update(range(first, end))
    return {
        "mark": redaction.mark,
        "reason": checked(redaction.reason, what="reason"),
        "authority": checked(redaction.authority, what="name"),
        "leaves": [[first, count] for first, count in _ranges(sorted(indexes))],
        "words": words,
        "seconds": [[stream, first, count] for stream, found in seconds.items() for first, count in _ranges(sorted(found))],
    }, sorted(indexes)


def _times(record: Record, text: Text, hide: Hide, numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(start, end) on the session axis of hidden words; of the whole utterance unless the machine's words are certified ones."""
    said = next(one for one in text.utterances if one["number"] == hide.utterance)
    start_us, length_us = int(str(said["position_us"])), int(str(said["duration_us"]))
    run = read_transcript(record.folder, from_json(_Stated, text.certificate.manifest["transcript"]).run)
    machine = next(one for one in run.utterances if one.id == hide.utterance)
    pieces = [piece.strip() for piece in checker.words_of(str(said["text"]))]
    if hide.words is None or [word.text.strip() for word in machine.words] != pieces:
        yield start_us, start_us + length_us
        return
    for word in (machine.words[number] for number in numbers):
        moment = record.axis.moment(machine.stream, first_frame=word.first_frame, frame_count=word.frame_count)
        yield moment.position_us, moment.end_us


def _seconds(record: Record, stream: Stream, start_us: int, end_us: int) -> tuple[int, int]:
    """(first, one past the last) leaf of a stream that has a frame between two moments of the session axis."""
    timeline = record.axis.timelines[stream.stream]
    begin = record.axis.moment(stream.stream, first_frame=0, frame_count=0).position_us
    frames = [(moment - begin) / timeline.us_per_frame for moment in (start_us, end_us)]
    return max(0, int(frames[0] // stream.rate_hz)), max(0, int(-(-frames[1] // stream.rate_hz)))


def _indexes(record: Record, stream: Stream) -> list[int]:
    return sorted(index for number, index in record.recording.leaves if number == stream.stream)


def _add_channel(
    making: _Making, stream: Stream, channel: int, *, wanted: Sequence[int], hidden: Collection[int], aside: Path
) -> None:
    """One channel as a WAV file and its proof; hidden seconds are written as zeros and never read."""
    record, name = making.record, f"data/audio/s{stream.stream}-c{channel}"
    indexes, width = _indexes(record, stream), BYTES_PER_SAMPLE[stream.sample_format]
    place = {index: position for position, index in enumerate(indexes)}
    runs = [[place[first], first, count] for first, count in _ranges(wanted)]
    lengths = {index: _frames(record, stream, index) for index in wanted}
    size, salts = sum(lengths.values()) * width, b""
    path = aside / f"s{stream.stream}-c{channel}.wav"
    with path.open("wb") as file:
        file.write(checker.wav_header(stream.rate_hz, stream.sample_format, size))
        for index in wanted:
            if index in hidden:
                file.write(bytes(lengths[index] * width))
                continue
            file.write(_pcm(record, stream, channel, index))
            salts += leaf_salt(record.folder.read_seed(), stream=stream.stream, channel=channel, index=index)
    leaves = [bytes.fromhex(record.recording.leaves[stream.stream, index][channel].removeprefix(TAG)) for index in indexes]
    proof = hidden_digests(leaves, [place[index] for index in wanted if index not in hidden])
    making.payload.copy(f"{name}.wav", path)
    making.payload.made[f"{name}.json"] = canonical({"hidden": [one.hex() for one in proof], "salts": salts.hex()})
    making.audio.append(
        {
            "path": f"{name}.wav",
            "proof": f"{name}.json",
            "stream": stream.stream,
            "channel": channel,
            "track": stream.tracks[channel],
            "rate_hz": stream.rate_hz,
            "sample_format": stream.sample_format,
            "bytes": size,
            "runs": runs,
            "hidden": sorted(hidden),
        }
    )


def _pcm(record: Record, stream: Stream, channel: int, index: int) -> bytes:
    start, segments = index * stream.rate_hz, record.recording.of_stream(stream.stream)
    pieces = read_pcm(record.folder.path, segments, stream, first_frame=start, frame_count=stream.rate_hz)
    pcm = b"".join(data for _, data in pieces)
    return split_channels(pcm, channels=stream.channels, sample_format=stream.sample_format)[channel]


def _frames(record: Record, stream: Stream, index: int) -> int:
    """Frames of one second that are on disk: fewer at the end of the stream."""
    start, end = index * stream.rate_hz, (index + 1) * stream.rate_hz
    return sum(
        max(0, min(end, one.first_frame + one.frame_count) - max(start, one.first_frame))
        for one in record.recording.of_stream(stream.stream)
    )


def _numbers_between(text: Text, start_us: int, end_us: int, tracks: Collection[int]) -> set[int]:
    found = set()
    for said in text.utterances:
        begin = int(str(said["position_us"]))
        if begin < end_us and begin + int(str(said["duration_us"])) > start_us and (not tracks or said["track"] in tracks):
            found.add(int(str(said["number"])))
    return found


def _utterance_of(data: bytes) -> int:
    return int(str(parse_canonical(data, what="leaf")["utterance"]))


def _add_words(making: _Making, text: Text, shown: Sequence[int]) -> None:
    held = [
        {"leaf": index, "salt": text.leaves[index][1].hex(), "holds": parse_canonical(text.leaves[index][2], what="leaf")}
        for index in shown
    ]
    proof = hidden_digests([value for value, _, _ in text.leaves], shown)
    making.payload.made[checker.WORDS] = canonical({"shown": held, "hidden": [one.hex() for one in proof]})
    making.payload.made[checker.LINEMAP] = text.linemap
    making.payload.made[checker.PAGES] = checker.pages(text.linemap, held, {"redactions": making.redactions})


def _write(
    making: _Making, kind: str, what: str, *, entry: Entry, signer: Signer, to: Path, as_zip: bool, formats: Sequence[str]
) -> Path:
    keyring.refuse_expired(entry)
    record, payload, made_at_us = making.record, making.payload, now_us()
    for name in _ORIGINALS:
        payload.copy(f"{checker.ORIGINAL}{name}", record.folder.path / name)
    original = making.text.certificate if making.text else None
    for name in ("manifest.json", "manifest.sig", "signer.pub.pem") if original else ():
        payload.copy(f"{checker.ORIGINAL}{name}", original.path / "certificate" / name)  # type: ignore[union-attr]
    about: dict[str, object] = {
        "kind": kind,
        "session": record.session.id,
        "made_at_us": made_at_us,
        "original": {"seal": record.seal, "manifest": original.digest if original else None},
        "redactions": making.redactions,
    }
    drawn = _add_documents(making, about, formats)
    text = bag.verify_text(
        "disclosure",
        what=what.lower(),
        session=record.session.id,
        fingerprint=entry.holder.public_key,
        name=entry.holder.holder,
        revision=original.manifest["revision"] if original else "0 (none was certified)",
    )
    tags = bag.tag_files(payload, session=record.session.id, what=what, made_at_us=made_at_us, verify_text=text)
    statement: dict[str, object] = {
        "everyword_disclosure": checker.CERTIFICATE,
        **about,
        "audio": making.audio,
        **({"documents": drawn} if drawn else {}),
        "signer": _signer(entry),
        "time": "none",
        "payload": payload.describe(),
        "tags": {name: digest(data) for name, data in tags.items()},
        "software": {"everyword": __version__},
    }
    raw = canonical(statement)
    beside = {
        **tags,
        "certificate/disclosure.json": raw,
        "certificate/disclosure.sig": signer.sign(raw),
        "certificate/signer.pub.pem": signer.pem,
        **({"certificate/signer.crt.pem": entry.chain} if entry.chain else {}),
    }
    revision = f"-r{original.manifest['revision']}" if original else ""
    name = f"EW-{record.session.id}{revision}-{kind}-{made_at_us}"
    return bag.write(to / name, payload, beside, as_zip=as_zip)


def _signer(entry: Entry) -> dict[str, object]:
    return {
        "name": entry.holder.holder,
        "algorithm": keys.ALGORITHM,
        "public_key": entry.holder.public_key,
        "identity": entry.identity,
        "certificate": digest(entry.chain) if entry.chain else None,
    }


def _add_documents(making: _Making, about: Mapping[str, object], formats: Sequence[str]) -> Mapping[str, object] | None:
    """Draw documents of what is disclosed; returns what the statement says of them."""
    if not formats:
        return None
    if making.text is None:
        raise InvalidOption("Without a certificate there are no words to draw.", hint="Leave out --sound-only or --format.")
    manifest, made = making.text.certificate.manifest, making.payload.made
    drawn = documents.describe(formats, style_name=documents.style_of(manifest, making.text.linemap))
    for name in drawn.files:
        made[name] = documents.draw(name, about, manifest, drawn, linemap=making.text.linemap, words=made[checker.WORDS])
    return to_json(drawn)


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """(first, count) of each unbroken run of growing numbers."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][0] + runs[-1][1] == number:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((number, 1))
    return runs
