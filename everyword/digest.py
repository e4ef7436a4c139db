"""Tagged SHA-256 digests, and JSON in the one form that is ever signed or chained (RFC 8785, no floats)."""

import contextlib
import hashlib
import json
import re
from pathlib import Path

import rfc8785

from everyword.errors import CorruptFolder

TAG = "sha256:"
"""Every digest names its algorithm, so that a later format may add another one beside it."""

DIGEST = re.compile(TAG + "[0-9a-f]{64}")


def digest(data: bytes) -> str:
    """The tagged SHA-256 of bytes."""
    return TAG + hashlib.sha256(data).hexdigest()


def file_digest(path: Path) -> str:
    """The tagged SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return TAG + hashlib.file_digest(file, "sha256").hexdigest()


def canonical(value: object) -> bytes:
    """JSON by RFC 8785.  Raises ``TypeError`` for floats and ``ValueError`` for integers a JSON reader could round."""
    if _is_plain(value):
        with contextlib.suppress(UnicodeEncodeError):  # half a surrogate pair, which rfc8785 refuses in its own words
            return _PLAIN.encode(value).encode()
    _refuse_floats(value)
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def parse_canonical(data: bytes, *, what: str) -> dict[str, object]:
    """The object in `data`, which must be exactly its own canonical form: no duplicate keys, no other spelling.

    Raises:
        CorruptFolder: it is not; `what` names the file or line in the sentence.
    """
    try:
        if not _RARE.search(data):
            value = json.loads(data, parse_float=_refuse, parse_constant=_refuse)
            if isinstance(value, dict) and _plain(value) == data:
                return value
        value = json.loads(data)
        if isinstance(value, dict) and canonical(value) == data:
            return value
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptFolder(f"{what} is not canonical JSON: {error}.") from error
    raise CorruptFolder(f"{what} is not canonical JSON.")


_RARE = re.compile(rb"[0-9]{16}|[\xf0-\xff]")
"""What the quick way does not judge: numbers that a reader may round, keys that UTF-16 would put in another order."""


def _plain(value: object) -> bytes:
    """What `canonical` gives for a value without floats, large numbers and rare characters, but ten times as quick."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _refuse(text: str) -> object:
    raise ValueError(f"{text} is no whole number")


_PLAIN = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))


def _is_plain(value: object) -> bool:
    """Whether `json` writes it just as RFC 8785 wants it, in a quarter of the time: an hour of journal has thousands of lines.

    That is so for text, integers that fit, booleans, null, and lists and objects of them whose keys are ASCII: only beyond it do
    code points and UTF-16 code units sort differently.
    """
    kind = type(value)
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_plain(item) for key, item in value.items())  # type: ignore[attr-defined]
    if kind in (list, tuple):
        return all(map(_is_plain, value))  # type: ignore[call-overload]
    return kind in (str, bool, type(None)) or (kind is int and -_LARGEST <= value <= _LARGEST)  # type: ignore[operator]


_LARGEST = (1 << 53) - 1


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError(f"a float ({value!r}) cannot stand in signed JSON")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
