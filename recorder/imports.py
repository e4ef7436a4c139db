"""Files → session.  The source bytes stay unchanged in ``source/``; the sound is decoded once, beside them."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ulid import ULID

from everyword import journal, keys
from everyword.digest import file_digest
from everyword.errors import UnreadableAudio
from everyword.folder import FORMAT, SessionFolder, created, disk_errors, sync_directory
from everyword.model import Input, Session, Speaker
from everyword.text import checked, slug
from recorder.disk.record import Record
from recorder.disk.tape import Tape
from recorder.software import versions
from recorder.sound import decoder


def import_files(
    paths: Sequence[Path],
    *,
    parent: Path,
    home: Path,
    title: str,
    operator: str,
    languages: tuple[str, ...] = (),
    roster: tuple[Speaker, ...] = (),
    place: str = "",
    started_at_us: int | None = None,
    sequence: bool = False,
) -> SessionFolder:
    """Make a sealed session of audio files; returns its folder.

    Args:
        paths: several files become parallel tracks, or follow each other with `sequence`.
        parent: where the session folder is made.
        home: where the device key is.
        title, place, operator: as people write them.
        languages: that may be spoken in it.
        roster: who is on which track.
        started_at_us: when the recording began, if somebody knows; never the time of import.
        sequence: files of the same format go on in one stream.

    Raises:
        UnreadableAudio: before anything is made, if one of the files holds no sound.
        InvalidText: title, place or operator cannot be shown.
        DiskTrouble: the disk is full; what was made so far is left for `everyword salvage`.
    """
    described = [_describe(path) for path in paths]
    session = Session(
        format=FORMAT,
        id=str(ULID()),
        title=checked(title, what="title"),
        place=checked(place, what="place"),
        languages=languages,
        roster=roster,
        inputs=tuple(Input(_name(path), _name(path), "import") for path in paths),
        origin="imported",
        operator=checked(operator, what="name"),
        created_at_us=journal.now_us(),
        software=versions(),
    )
    with created(parent, session) as folder, disk_errors(folder.path):
        record = Record.begin(folder)
        kept = [_keep(folder, path, number) for number, path in enumerate(paths, 1)]
        record.append("import", {"started_at_us": started_at_us, "sequence": sequence, "files": [entry for _, entry in kept]})
        previous: Tape | None = None
        for (copy, entry), streams in zip(kept, described, strict=True):
            for number, detail in enumerate(streams):
                source = Input(str(entry["name"]), str(entry["path"]), "import")
                tape = _decode_into(
                    record, copy, number, source=source, detail=detail, previous=previous, start_utc_us=started_at_us
                )
                previous = tape if sequence else None
        record.finish(reason="imported", origin="imported", key=keys.device_key(home))
    return folder


def _describe(path: Path) -> list[dict[str, str]]:
    """The audio streams, the first block of each decoded: what is no sound is refused now, not when half the files are in."""
    streams = decoder.audio_streams(path)
    firsts = [next(decoder.decode(path, stream=number), None) for number in range(len(streams))]
    if not any(firsts):
        raise UnreadableAudio(f"{path} has no sound in it: not one frame.")
    return streams


def _keep(folder: SessionFolder, path: Path, number: int) -> tuple[Path, dict[str, object]]:
    """Copy a source file under a name of ours; its own name, whatever it holds, goes into the journal."""
    suffix = slug(path.suffix, longest=10)
    copy = folder.source / f"{number:03}-{slug(path.stem) or 'source'}{'.' if suffix else ''}{suffix}"
    folder.source.mkdir(exist_ok=True)
    shutil.copyfile(path, copy)
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    sync_directory(folder.source)
    return copy, {"name": _name(path), "path": folder.relative(copy), "bytes": copy.stat().st_size, "digest": file_digest(copy)}


def _name(path: Path) -> str:
    """A file's own name as text; it need not be text in any encoding."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _decode_into(
    record: Record,
    copy: Path,
    number: int,
    *,
    source: Input,
    detail: dict[str, str],
    previous: Tape | None,
    start_utc_us: int | None,
) -> Tape | None:
    """One audio stream of one file; a change of format on the way opens another stream for the same tracks."""
    tape = previous
    for block in decoder.decode(copy, stream=number):
        form = block.format
        if tape is None or (tape.stream.rate_hz, tape.stream.channels, tape.stream.sample_format) != (
            form.rate_hz,
            form.channels,
            form.sample_format,
        ):
            same = tape.stream.tracks if tape is not None and tape.stream.channels == form.channels else None
            if tape is not None:
                tape.close()
            tape = record.open_stream(
                source,
                rate_hz=form.rate_hz,
                channels=form.channels,
                sample_format=form.sample_format,
                tracks=same,
                detail=detail,
                start_utc_us=start_utc_us,
            )
        tape.write(block.pcm)
        if block.error:
            text = f"{source.spec} could not be decoded to its end: {block.error}."
            record.append("alarm", {"code": "decoder", "text": text, "stream": tape.stream.stream, "loss": True})
    return tape
