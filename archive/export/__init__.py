"""Session → files for people and programs.  Read from the folder, never from the database."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archive import pages
from archive.export.elan import as_eaf
from archive.export.otranscribe import as_otr
from archive.export.praat import as_textgrid
from archive.export.structured import as_json
from archive.export.subtitles import as_srt, as_vtt
from archive.export.tei import as_tei
from archive.export.text import as_text
from archive.export.whisperx import as_whisperx
from archive.pages.layout import Layout
from archive.pages.styles import DEFAULT
from archive.record import Record
from everyword.errors import InvalidOption, NotTranscribed, WouldOverwrite
from everyword.folder import disk_errors, give_name, sync_directory

Exporter = Callable[[Record], str]

FORMATS: dict[str, Exporter] = {
    "txt": as_text,
    "srt": as_srt,
    "vtt": as_vtt,
    "json": as_json,
    "whisperx": as_whisperx,
    "tei": as_tei,
    "eaf": as_eaf,
    "textgrid": as_textgrid,
    "otr": as_otr,
}
"""Formats without pages, by name."""

PAGED = ("pages", "ascii", "pdf", "docx", "linemap", "errata")
"""Formats with pages and lines: all of one export are drawn from one layout."""

ENDINGS = {
    "whisperx": "whisperx.json",
    "tei": "tei.xml",
    "textgrid": "TextGrid",
    "pages": "pages.txt",
    "ascii": "ascii.txt",
    "linemap": "linemap.csv",
    "errata": "errata.csv",
}
"""What a file's name ends in, where that is not the format's name."""


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How paged formats look: the page style, terms for the index, a font file for what ours lacks."""

    style: str = DEFAULT
    terms: tuple[str, ...] = ()
    font: Path | None = None


def export(
    record: Record, formats: Sequence[str], *, to: Path, force: bool = False, options: PageOptions | None = None
) -> list[Path]:
    """Write a session in each of `formats` into the folder `to`, under the name of the session folder.

    A file is complete or not there at all; when one format cannot be made, nothing is written.

    Raises:
        NotTranscribed: the session has no transcript.
        InvalidOption: there is no such format or page style, or `to` is inside the session folder.
        UndrawableText: a character cannot be drawn in a paged format.
        WouldOverwrite: one of the files is there and `force` is not given; nothing is written then.
        DiskTrouble: the disk refuses.
    """
    unknown = [name for name in formats if name not in FORMATS and name not in PAGED]
    if unknown or not formats:
        known = ", ".join([*FORMATS, *PAGED, "wav", "flac"])
        raise InvalidOption(f"{', '.join(unknown) or 'No format'} cannot be exported.", hint=f"Choose from {known}.")
    if record.transcript is None:
        raise NotTranscribed(f"{record.folder.path.name} has no transcript yet.")
    paths = {name: to / f"{record.folder.path.name}.{ENDINGS.get(name, name)}" for name in formats}
    check_target(record, list(paths.values()), to=to, force=force)
    write(_contents(record, paths, options or PageOptions()), to=to, force=force)
    return list(paths.values())


def check_target(record: Record, paths: Sequence[Path], *, to: Path, force: bool) -> None:
    """Before anything is drawn: `to` must be outside the session folder, and no file there already unless `force`.

    Raises:
        InvalidOption, WouldOverwrite: it is not so.
    """
    if to.absolute().resolve().is_relative_to(record.folder.path.resolve()):
        raise InvalidOption(
            "Nothing may be exported into the session folder: it is the record.", hint="Choose another folder with --to."
        )
    for path in paths:
        if not force and os.path.lexists(path):
            raise WouldOverwrite(f"{path} is there already.")


def write(contents: Mapping[Path, bytes], *, to: Path, force: bool) -> None:
    """Write files into the folder `to`, each complete or not there at all.  Raises `WouldOverwrite` and `DiskTrouble`."""
    with disk_errors(to, option="--to"):
        to.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            _write(path, content, force=force)
        sync_directory(to)


def _contents(record: Record, paths: Mapping[str, Path], options: PageOptions) -> dict[Path, bytes]:
    contents = {path: FORMATS[name](record).encode() for name, path in paths.items() if name in FORMATS}
    paged = {name: path for name, path in paths.items() if name in PAGED}
    if paged:
        layout = pages.lay_out(record, style=options.style, terms=options.terms)
        contents |= {path: _paged(name, record, layout, options.font) for name, path in paged.items()}
    return contents


def _paged(name: str, record: Record, layout: Layout, font: Path | None) -> bytes:
    if name == "errata":
        return pages.errata_csv(record, layout)
    if name == "linemap":
        return pages.linemap_csv(layout)
    return pages.draw(layout, {"pages": "txt"}.get(name, name), font=font)


def _write(path: Path, content: bytes, *, force: bool) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".export-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            with contextlib.suppress(PermissionError):  # FAT has no modes
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
        give_name(draft, path)
    except FileExistsError as error:
        raise WouldOverwrite(f"{path} is there already.") from error
