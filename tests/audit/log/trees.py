"""The tree as RFC 6962 §2.1 defines it, by plain recursion: what the tiles are compared with."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from audit.log.tiles import append


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH of the leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = _half(len(leaves))
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:half]) + tree_hash(leaves[half:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), §2.1.1."""
    if len(leaves) == 1:
        return []
    half = _half(len(leaves))
    if index < half:
        return [*path(index, leaves[:half]), tree_hash(leaves[half:])]
    return [*path(index - half, leaves[half:]), tree_hash(leaves[:half])]


def subproof(size: int, leaves: Sequence[bytes], known: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b), §2.1.2."""
    if size == len(leaves):
        return [] if known else [tree_hash(leaves)]
    half = _half(len(leaves))
    if size <= half:
        return [*subproof(size, leaves[:half], known), tree_hash(leaves[half:])]
    return [*subproof(size - half, leaves[half:], False), tree_hash(leaves[:half])]


def random_leaves(count: int, seed: int = 6962) -> list[bytes]:
    """Leaf hashes, the same at each run."""
    source = random.Random(seed)
    return [source.randbytes(32) for _ in range(count)]


def tiles_of(leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """All tiles of a log of these leaves."""
    return append(0, {}, leaves).tiles


def _half(count: int) -> int:
    half = 1
    while half * 2 < count:
        half *= 2
    return half
