"""Salted leaves over one second of one channel, and the tree above them (the shape of RFC 6962, domain-separated).

A leaf covers PCM samples, not container bytes, so the same sound in another lossless container still verifies.  The salt of each
leaf comes from the session's seed: disclosing one microphone's salts reveals nothing of another's.
"""

import hashlib
import hmac
from dataclasses import dataclass, field

LEAF_TAG = b"\x00ewA1"
NODE_TAG = b"\x01"
COMMITMENT_TAG = b"ewS1"
SALT_BYTES = 16


def salt_commitment(seed: bytes) -> str:
    """What the seal says of the seed, so that it cannot be exchanged later."""
    return "sha256:" + hashlib.sha256(COMMITMENT_TAG + seed).hexdigest()


def leaf_salt(seed: bytes, *, stream: int, channel: int, index: int) -> bytes:
    """16 bytes: HMAC-SHA256(seed, ``a`` ‖ u16 stream ‖ u16 channel ‖ u64 index), big-endian, truncated."""
    place = b"a" + stream.to_bytes(2, "big") + channel.to_bytes(2, "big") + index.to_bytes(8, "big")
    return hmac.digest(seed, place, "sha256")[:SALT_BYTES]


def leaf_digest(session_id: str, pcm: bytes, *, salt: bytes, stream: int, channel: int, index: int) -> bytes:
    """32 bytes for second `index` of one channel.

    Args:
        session_id: the ULID; its SHA-256 goes in, so that a leaf fits one session only.
        pcm: the samples of this channel alone, little-endian as in the file; one second, or less at the end.
        salt: from `leaf_salt`.
        stream: the stream's number.
        channel: counted from 0.
        index: k, for the frames [k·rate, (k+1)·rate).
    """
    place = stream.to_bytes(2, "big") + channel.to_bytes(2, "big") + index.to_bytes(8, "big") + len(pcm).to_bytes(4, "big")
    return hashlib.sha256(LEAF_TAG + hashlib.sha256(session_id.encode()).digest() + place + salt + pcm).digest()


def empty_root() -> bytes:
    """The root of no leaves: SHA-256 of nothing, as in RFC 6962."""
    return hashlib.sha256(b"").digest()


@dataclass(slots=True)
class Tree:
    """Grows leaf by leaf and keeps only the log₂ n peaks, so a day of sound costs a few hundred bytes."""

    count: int = 0
    _peaks: list[tuple[int, bytes]] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add the next leaf."""
        size, node = 1, leaf
        while self._peaks and self._peaks[-1][0] == size:
            node = _node(self._peaks.pop()[1], node)
            size *= 2
        self._peaks.append((size, node))
        self.count += 1

    def root(self) -> bytes:
        """32 bytes: the root over all leaves so far."""
        if not self._peaks:
            return empty_root()
        root = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            root = _node(peak, root)
        return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE_TAG + left + right).digest()
