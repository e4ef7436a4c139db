"""The capture seal: what this folder held when recording stopped, signed by this computer.

`completeness` is a statement of its own: an intact folder can be incomplete, and the seal says by how much.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from everyword import __version__, keys
from everyword.digest import TAG, canonical, digest, file_digest, parse_canonical
from everyword.folder import FORMAT, SessionFolder, disk_errors, sync_directory, write_new
from everyword.journal import now_us
from everyword.merkle import Tree, salt_commitment
from everyword.model import Origin, Stream
from everyword.recording import Recording

LATER_FOLDERS = ("transcripts/", "certificates/")
LATER_FILES = ("ledger.jsonl", "ledger.jsonl.torn", "live.jsonl")
"""What comes or grows after the seal carries proofs of its own; ``live.jsonl`` is no evidence."""

_THE_SEAL = ("SHA256SUMS", "seal.json", "seal.sig", "seal.sig.tsr")
"""What covers the other files cannot list itself; its key can, so that no byte of it has another spelling."""


def write_seal(
    recording: Recording,
    *,
    origin: Origin,
    roots: list[dict[str, object]],
    journal_head: str,
    key: EllipticCurvePrivateKey,
    known_digests: dict[str, str],
) -> None:
    """Write the key, SHA256SUMS, the seal and its signature, in this order; the signature is what makes a folder sealed.

    Args:
        recording: the whole journal, up to its stop line; its leaves are not needed.
        origin: how the sound came here.
        roots: from `roots_of`, or kept up leaf by leaf while recording.
        journal_head: digest of the journal's last line.
        key: the device key.
        known_digests: path → digest of files already read (closed segments), so that stop does not read hours of sound again.

    Raises:
        DiskTrouble: the disk refuses; what was recorded is whole, and salvage will seal it.
    """
    folder = recording.folder
    with disk_errors(folder.path):
        for leftover in (folder.sums, folder.seal, folder.seal_key):
            leftover.unlink(missing_ok=True)  # of an attempt that a kill or a full disk cut short: nothing was signed
        write_new(folder.seal_key, keys.public_pem(key))
        sums = write_sums(folder, known_digests)
        statement = canonical(_statement(recording, origin=origin, roots=roots, journal_head=journal_head, sums=sums, key=key))
        write_new(folder.seal, statement)
        sync_directory(folder.path)
        write_new(folder.seal_signature, keys.sign(key, statement))
        sync_directory(folder.path)


def read_seal(folder: SessionFolder) -> dict[str, object]:
    """The seal's statement.  Raises `CorruptFolder` when it is not canonical JSON."""
    return parse_canonical(folder.seal.read_bytes(), what="seal.json")


def journal_state(recording: Recording) -> dict[str, object]:
    """What the seal of a recording says of its journal: the digest of the last line, and how many there are."""
    head = digest(canonical(recording.last)) if recording.last else recording.folder.genesis()
    return {"head": head, "lines": recording.lines}


def write_sums(folder: SessionFolder, known_digests: dict[str, str]) -> bytes:
    """Write SHA256SUMS over every file that must not change any more, and return its bytes."""
    lines = []
    for name in sorted(sealed_files(folder.path)):
        value = known_digests.get(name) or file_digest(folder.path / name)
        lines.append(_sums_line(value.removeprefix(TAG), name))
    data = os.fsencode("".join(lines))
    write_new(folder.sums, data)
    return data


def read_sums(folder: SessionFolder) -> dict[str, str]:
    """Name → tagged digest of every line of SHA256SUMS.  Raises ``OSError`` when there is none."""
    listed = {}
    for line in os.fsdecode(folder.sums.read_bytes()).split("\n"):
        value, _, name = line.partition("  ")
        if value.startswith("\\"):
            value, name = value[1:], re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), name)
        if line:
            listed[name] = TAG + value
    return listed


def sealed_files(root: Path) -> Iterator[str]:
    """Every file of a session folder that the seal covers through SHA256SUMS, as relative POSIX paths."""
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if name.startswith(LATER_FOLDERS) or name in LATER_FILES + _THE_SEAL or _is_lock(path):
            continue
        if path.is_symlink() or not path.is_dir():
            yield name


def completeness(recording: Recording) -> dict[str, object]:
    """The machine-readable completeness statement: what was delivered, what is missing, how that was found out.

    What somebody wanted not to be recorded is no loss, and is counted apart.
    """
    losses = [alarm.text for alarm in recording.alarms if alarm.loss]
    is_missing = any(not gap.is_withheld for gap in recording.gaps)
    ways = {name for found in recording.detectors.values() for name in found["detectors"]}  # type: ignore[attr-defined]
    return {
        "complete": not (is_missing or recording.torn_bytes or losses),
        "detectors": sorted(ways) or ["frames-delivered"],
        "alarms": losses,
        "journal_torn_bytes": recording.torn_bytes,
        "streams": [_of_stream(recording, stream) for stream in recording.streams],
    }


def _of_stream(recording: Recording, stream: int) -> dict[str, object]:
    gaps = [gap for gap in recording.gaps if gap.stream == stream]
    withheld = sum(gap.frame_count for gap in gaps if gap.is_withheld)
    return {
        "stream": stream,
        "frames": recording.end_frame(stream),
        "gap_frames": sum(gap.frame_count for gap in gaps if not gap.is_withheld),
        "gaps": [
            {"first_frame": g.first_frame, "frame_count": g.frame_count, "filled": g.filled, "cause": g.cause}
            | ({"witnesses": list(g.witnesses)} if g.witnesses else {})
            | ({"by": g.by} if g.by else {})
            for g in gaps
        ],
        **({"withheld_frames": withheld} if withheld else {}),
        **({"surplus_frames": recording.surplus[stream]} if stream in recording.surplus else {}),
        **recording.detectors.get(stream, {}),
    }


def roots_of(recording: Recording) -> list[dict[str, object]]:
    """Root and leaf count of every channel of every stream, over the journalled leaves in order of their index."""
    result: list[dict[str, object]] = []
    for stream in recording.streams.values():
        trees = [Tree() for _ in stream.tracks]
        for index in sorted(index for number, index in recording.leaves if number == stream.stream):
            for tree, leaf in zip(trees, recording.leaves[stream.stream, index], strict=True):
                tree.append(bytes.fromhex(leaf.removeprefix(TAG)))
        result += describe_roots(stream, trees)
    return result


def describe_roots(stream: Stream, trees: Sequence[Tree]) -> list[dict[str, object]]:
    """A stream's trees, one a channel, as the seal states them: a root proves nothing without its count of leaves."""
    return [
        {
            "stream": stream.stream,
            "channel": channel,
            "track": track,
            "leaves": tree.count,
            "root": TAG + tree.root().hex(),
        }
        for channel, (track, tree) in enumerate(zip(stream.tracks, trees, strict=True))
    ]


_ESCAPES = {"n": "\n", "r": "\r"}


def _sums_line(value: str, name: str) -> str:
    """As ``sha256sum`` writes it: a stray file's name may hold a line break, which must not begin a line here."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{value}  {escaped}\n"


def _is_lock(path: Path) -> bool:
    """An empty ``.NAME.lock`` file: it holds nothing, and comes and goes."""
    return path.name.startswith(".") and path.name.endswith(".lock") and path.is_file() and path.stat().st_size == 0


def _statement(
    recording: Recording,
    *,
    origin: Origin,
    roots: list[dict[str, object]],
    journal_head: str,
    sums: bytes,
    key: EllipticCurvePrivateKey,
) -> dict[str, object]:
    folder = recording.folder
    return {
        "everyword_seal": FORMAT,
        "session": recording.session.id,
        "origin": origin,
        "sealed_at_us": now_us(),
        "session_json": folder.genesis(),
        "journal": {"head": journal_head, "lines": recording.lines},
        "roots": roots,
        "salts": salt_commitment(folder.read_seed()),
        "sha256sums": digest(sums),
        "completeness": completeness(recording),
        "signer": {"algorithm": keys.ALGORITHM, "public_key": keys.fingerprint(keys.public_pem(key))},
        "software": {"everyword": __version__},
    }
