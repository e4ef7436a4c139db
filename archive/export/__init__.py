"""Session → files for people and programs.  Read from the folder, never from the database."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from archive.export.structured import as_json
from archive.export.subtitles import as_srt, as_vtt
from archive.export.text import as_text
from archive.record import Record
from everyword.errors import InvalidOption, NotTranscribed, WouldOverwrite
from everyword.folder import disk_errors, sync_directory

Exporter = Callable[[Record], str]

FORMATS: dict[str, Exporter] = {"txt": as_text, "srt": as_srt, "vtt": as_vtt, "json": as_json}
"""Every format by its name, which is also the file's ending."""


def export(record: Record, formats: Sequence[str], *, to: Path, force: bool = False) -> list[Path]:
    """Write a session in each of `formats` into the folder `to`, under the name of the session folder.

    A file is complete or not there at all.

    Raises:
        NotTranscribed: the session has no transcript.
        InvalidOption: there is no such format, or `to` is inside the session folder.
        WouldOverwrite: one of the files is there and `force` is not given; nothing is written then.
        DiskTrouble: the disk refuses.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise InvalidOption(f"{', '.join(unknown) or 'No format'} cannot be exported.", hint=f"Choose from {', '.join(FORMATS)}.")
    if record.transcript is None:
        raise NotTranscribed(f"{record.folder.path.name} has no transcript yet.")
    if to.absolute().resolve().is_relative_to(record.folder.path.resolve()):
        raise InvalidOption(
            "Nothing may be exported into the session folder: it is the record.", hint="Choose another folder with --to."
        )
    contents = {to / f"{record.folder.path.name}.{name}": FORMATS[name](record) for name in formats}
    for path in contents:
        if not force and os.path.lexists(path):
            raise WouldOverwrite(f"{path} is there already.")
    with disk_errors(to):
        to.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            _write(path, content, force=force)
        sync_directory(to)
    return list(contents)


def _write(path: Path, content: str, *, force: bool) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".export-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        if force:
            draft.replace(path)
        else:
            _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, path: Path) -> None:
    """Give the file its name only if nobody else took it meanwhile."""
    try:
        os.link(draft, path)
    except FileExistsError as error:
        raise WouldOverwrite(f"{path} is there already.") from error
    except OSError:  # a file system without hard links
        draft.replace(path)
