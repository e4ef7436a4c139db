"""Who sits where: read from the command line or from a file."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from everyword.errors import InvalidOption
from everyword.model import Speaker
from everyword.text import checked, slug

_KEYS = {"role", "delegation", "language", "track", "person", "voice"}


def language(code: str) -> str:
    """An ISO 639 code in lower case.  Raises `InvalidOption`."""
    if not re.fullmatch(r"[a-z]{2,3}", code.lower()):
        raise InvalidOption(f"{code!r} is no language code.", hint="Use two letters: en, ru, uk.")
    return code.lower()


def parse_speaker(text: str) -> Speaker:
    """``NAME;role=…;delegation=…;language=ru;track=2`` (everything after the name is optional).  Raises `InvalidOption`."""
    name, *parts = text.split(";")
    entry: dict[str, object] = {"name": name}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals:
            raise InvalidOption(f"{part!r} in {text!r} is not key=value.", hint=f"Known keys: {', '.join(sorted(_KEYS))}.")
        entry[key.strip()] = value.strip()
    return _speaker(entry)


def read_roster(path: Path) -> list[Speaker]:
    """The ``[[speaker]]`` tables of a TOML file.  Raises `InvalidOption`."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("speaker", [])
    except (OSError, ValueError) as error:
        raise InvalidOption(f"The roster {path} cannot be read: {error}.") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidOption(f"{path} has no [[speaker]] tables.")
    return [_speaker(entry) for entry in entries]


def together(speakers: Iterable[Speaker]) -> tuple[Speaker, ...]:
    """One roster; a person may not be in it twice.  Raises `InvalidOption`."""
    seen: dict[str, Speaker] = {}
    for speaker in speakers:
        if speaker.person in seen:
            raise InvalidOption(
                f"{speaker.name!r} and {seen[speaker.person].name!r} have the same key {speaker.person!r}.",
                hint="Give one of them another: ;person=KEY",
            )
        seen[speaker.person] = speaker
    return tuple(seen.values())


def _speaker(entry: dict[str, object]) -> Speaker:
    name = checked(str(entry.get("name", "")), what="name")
    unknown = entry.keys() - _KEYS - {"name"}
    if unknown or not name:
        raise InvalidOption(
            f"A speaker {'has no name' if not name else f'has unknown keys: {sorted(unknown)}'}.",
            hint=f"Known keys: {', '.join(sorted(_KEYS))}.",
        )
    track = str(entry.get("track", ""))
    if track and not (track.isdecimal() and int(track) > 0):
        raise InvalidOption(f"{name} is on track {track!r}; tracks are numbered from 1.")
    return Speaker(
        person=slug(str(entry.get("person") or name)) or "unnamed",
        name=name,
        role=checked(str(entry.get("role", "")), what="name"),
        delegation=checked(str(entry.get("delegation", "")), what="name"),
        language=language(str(entry["language"])) if entry.get("language") else "",
        track=int(track) if track else None,
        voice_consent=_consent(name, entry.get("voice", False)),
    )


def _consent(name: str, value: object) -> bool:
    """Whether a voice may be compared with other sessions: yes or no, never anything that has to be guessed at."""
    answers = {"yes": True, "true": True, "no": False, "false": False}
    answer = answers.get(str(value).lower())
    if answer is None:
        raise InvalidOption(
            f"{name} has voice={value}.", hint="voice=yes if they agreed that their voice is compared, else voice=no."
        )
    return answer
