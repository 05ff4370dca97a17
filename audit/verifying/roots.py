"""Roots of a tree at many sizes, each tile read and hashed once. Pure.

`audit.log.tiles.root_at` folds the tiles at the edge anew for each size; a log has a checkpoint for almost each second.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from audit.log.merkle import EMPTY_ROOT, HASH_BYTES, node_hash
from audit.log.tiles import Read, TilesInvalid

_HEIGHT = 8
_WIDTH = 1 << _HEIGHT


class Roots:
    """The roots of the tree that these tiles are of."""

    def __init__(self, read: Read) -> None:
        self._folded = lru_cache(maxsize=32)(lambda level, n: fold(read(level, n)))

    def at(self, size: int) -> bytes:
        """The root of the first `size` leaves; `TilesInvalid` where a tile holds too little."""
        root, position = b"", size
        height = 0
        while position:
            if position & 1:
                node = self._node(height, position - 1)
                root = node_hash(node, root) if root else node
            position, height = position >> 1, height + 1
        return root or EMPTY_ROOT

    def _node(self, height: int, position: int) -> bytes:
        level, inside = divmod(height, _HEIGHT)
        n, place = divmod(position, _WIDTH >> inside)
        row = self._folded(level, n)[inside]
        node = row[place * HASH_BYTES : (place + 1) * HASH_BYTES]
        if len(node) < HASH_BYTES:
            raise TilesInvalid(f"tile {n} at level {level} holds too few hashes")
        return node


def fold(tile: bytes) -> list[bytes]:
    """A tile's hashes, then those of each level above that it fills: up to nine rows, the last of one hash."""
    rows = [tile]
    while len(tile) >= 2 * HASH_BYTES:
        pairs = range(0, len(tile) - 2 * HASH_BYTES + 1, 2 * HASH_BYTES)
        tile = b"".join([sha256(b"\x01" + tile[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
        rows.append(tile)
    return rows + [b""] * (_HEIGHT + 1 - len(rows))
