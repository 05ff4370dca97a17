"""Roots at many sizes are those of the tree's definition."""

from __future__ import annotations

import hashlib

import pytest

from audit.log.tiles import TilesInvalid, append, root_at
from audit.verifying.roots import Roots, fold
from tests.audit.log.trees import tree_hash

LEAVES = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(66_000)]


def test_the_roots_at_all_small_sizes_and_around_full_tiles() -> None:
    grown = append(0, {}, LEAVES)

    def read(level: int, n: int) -> bytes:
        return grown.tiles.get((level, n), b"")

    roots = Roots(read)
    for size in (*range(600), *range(65_530, 65_540), 65_536 + 255, 65_536 + 256, len(LEAVES)):
        assert roots.at(size) == root_at(size, read), size
    assert roots.at(600) == tree_hash(LEAVES[:600])


def test_a_short_tile_makes_no_root() -> None:
    with pytest.raises(TilesInvalid):
        Roots(lambda level, n: LEAVES[0]).at(2)
    assert [len(row) for row in fold(b"".join(LEAVES[:3]))] == [96, 32, 0, 0, 0, 0, 0, 0, 0]
