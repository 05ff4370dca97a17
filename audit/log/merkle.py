"""Hashes of the tree, and what a proof must show to hold (RFC 6962 §2.1, RFC 9162 §2.1.3.2 and §2.1.4.2). Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right): 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf hash stands at `index` (from 0) in the tree of `size` leaves with this root."""
    if not 0 <= index < size or not _are_hashes([leaf, root, *proof]):
        return False
    position, last, made = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            made = node_hash(sibling, made)
            position, last = _skip_levels_without_sibling(position, last)
        else:
            made = node_hash(made, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and made == root


def verify_consistency(*, size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree of `size1` leaves is the beginning of the tree of `size2`.

    False for size1 = 0: every tree begins with the empty one, so such a proof would say nothing.
    """
    if not 0 < size1 <= size2 or not _are_hashes([root1, root2, *proof]):
        return False
    if size1 == size2:
        return not proof and root1 == root2
    if not proof:
        return False
    # A complete first tree is itself a node of the second: its root begins the path, and the proof leaves it out.
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    position, last = size1 - 1, size2 - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    made1 = made2 = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            made1, made2 = node_hash(sibling, made1), node_hash(sibling, made2)
            position, last = _skip_levels_without_sibling(position, last)
        else:
            made2 = node_hash(made2, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and made1 == root1 and made2 == root2


def _skip_levels_without_sibling(position: int, last: int) -> tuple[int, int]:
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
