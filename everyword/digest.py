"""Tagged SHA-256 digests, and JSON in the one form that is ever signed or chained (RFC 8785, no floats)."""

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
    _refuse_floats(value)
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def parse_canonical(data: bytes, *, what: str) -> dict[str, object]:
    """The object in `data`, which must be exactly its own canonical form: no duplicate keys, no other spelling.

    Raises:
        CorruptFolder: it is not; `what` names the file or line in the sentence.
    """
    try:
        value = json.loads(data)
        if isinstance(value, dict) and canonical(value) == data:
            return value
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptFolder(f"{what} is not canonical JSON: {error}.") from error
    raise CorruptFolder(f"{what} is not canonical JSON.")


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError(f"a float ({value!r}) cannot stand in signed JSON")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
