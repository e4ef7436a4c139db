"""The tree against another implementation of the same standard, and the salts against each other."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everyword.merkle import Tree, empty_root, leaf_digest, leaf_salt, salt_commitment

SEED = bytes(range(32))


def _rfc6962(leaves: list[bytes]) -> bytes:
    """The definition in RFC 6962, section 2.1, over leaves that are hashed already."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + _rfc6962(leaves[:split]) + _rfc6962(leaves[split:])).digest()


def _root(leaves: list[bytes]) -> bytes:
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


@pytest.mark.parametrize("count", range(71))
def test_the_root_is_that_of_rfc_6962(count: int) -> None:
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(count)]
    assert _rfc6962(leaves) == _root(leaves)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=300))
def test_the_root_is_that_of_rfc_6962_for_any_leaves(leaves: list[bytes]) -> None:
    assert _rfc6962(leaves) == _root(leaves)


def test_the_root_can_be_read_at_any_time_while_the_tree_grows() -> None:
    tree, leaves = Tree(), []
    for number in range(40):
        leaves.append(bytes([number]) * 32)
        tree.append(leaves[-1])
        assert (_rfc6962(leaves), number + 1) == (tree.root(), tree.count)


def test_a_day_of_leaves_costs_a_few_peaks() -> None:
    tree = Tree()
    for _ in range(86_400):
        tree.append(bytes(32))
    assert (86_400).bit_count() == len(tree._peaks)


def test_no_leaves_have_the_digest_of_nothing() -> None:
    assert empty_root() == _root([]) == hashlib.sha256(b"").digest()


def test_a_leaf_is_the_digest_of_what_the_format_says() -> None:
    """Written out once more, byte by byte: whoever implements the format elsewhere starts here."""
    salt = hmac.new(SEED, b"a" + b"\x00\x01" + b"\x00\x02" + b"\x00" * 7 + b"\x03", hashlib.sha256).digest()[:16]
    place = b"\x00\x01\x00\x02" + b"\x00" * 7 + b"\x03" + b"\x00\x00\x00\x04"
    expected = hashlib.sha256(b"\x00ewA1" + hashlib.sha256(b"01J").digest() + place + salt + b"\x01\x02\x03\x04").digest()
    assert salt == leaf_salt(SEED, stream=1, channel=2, index=3)
    assert expected == leaf_digest("01J", b"\x01\x02\x03\x04", salt=salt, stream=1, channel=2, index=3)


def test_every_leaf_has_a_salt_of_its_own() -> None:
    places = [(stream, channel, index) for stream in (1, 2, 256) for channel in (0, 1, 2) for index in (0, 1, 256, 65_536)]
    assert len(places) == len({leaf_salt(SEED, stream=s, channel=c, index=i) for s, c, i in places})


def test_a_leaf_fits_one_place_of_one_session_only() -> None:
    def leaf(session: str = "A", stream: int = 1, channel: int = 0, index: int = 0, pcm: bytes = b"\0\0") -> bytes:
        return leaf_digest(session, pcm, salt=bytes(16), stream=stream, channel=channel, index=index)

    leaves = [leaf(), leaf(session="B"), leaf(stream=2), leaf(channel=1), leaf(index=1), leaf(pcm=b"\0"), leaf(pcm=b"\0\0\0")]
    assert len(leaves) == len(set(leaves))


def test_the_commitment_says_nothing_of_the_seed_but_fits_it_alone() -> None:
    assert "sha256:" + hashlib.sha256(b"ewS1" + SEED).hexdigest() == salt_commitment(SEED)
    assert salt_commitment(SEED) != salt_commitment(SEED[::-1])
