"""Tiles are as C2SP lays them out, and proofs read from them are RFC 6962's."""

from __future__ import annotations

import random

import pytest

from audit.log.merkle import verify_consistency, verify_inclusion
from audit.log.tiles import (
    EntriesRef,
    Growth,
    TileRef,
    TilesInvalid,
    append,
    consistency_proof,
    edge_of,
    entries_path,
    inclusion_proof,
    parse_path,
    root_at,
    tile_path,
)

from .trees import path, random_leaves, subproof, tiles_of, tree_hash
from .vectors import LEAVES, VECTORS, WORDS, published

MOST = 130
LONG = random_leaves(70_000)


@pytest.mark.parametrize(
    "text,ref",
    [
        ("tile/15/x123/x456/789.p/41", TileRef(15, 123_456_789, 41)),
        ("tile/0/000.p/255", TileRef(0, 0, 255)),
        ("tile/0/000", TileRef(0, 0, 256)),
        ("tile/63/x001/x234/067", TileRef(63, 1_234_067, 256)),
        ("tile/1/x001/000.p/1", TileRef(1, 1000, 1)),
        ("tile/entries/x123/x456/789", EntriesRef(123_456_789, 256)),
        ("tile/entries/007.p/9", EntriesRef(7, 9)),
    ],
)
def test_paths_go_both_ways(text: str, ref: TileRef | EntriesRef) -> None:
    assert parse_path(text) == ref
    if isinstance(ref, TileRef):
        assert tile_path(ref.level, ref.n, ref.width) == text
    else:
        assert entries_path(ref.n, ref.width) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "tile", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile/0/000\n", "tile/0/0", "tile/0/00",
        "tile/0/0000", "tile/00/000", "tile/01/000", "tile/-1/000", "tile/64/000", "tile/100/000", "tile/0/x000/001",
        "tile/0/x01/001", "tile/0/001/001", "tile/0/x001/x001", "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256",
        "tile/0/000.p/257", "tile/0/000.p/", "tile/0/000.p", "tile/0/000.p/1/", "tile/entries", "tile/entries/0",
        "tile/Entries/000", "tile/0/\u0660\u0660\u0660", "tile/0/../000", "tile/+1/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_other_ways_of_writing_a_path_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"path of a tile|no tile"):
        parse_path(text)


@pytest.mark.parametrize("level,n,width", [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257)])
def test_there_is_no_path_to_what_cannot_be(level: int, n: int, width: int) -> None:
    with pytest.raises(ValueError, match="no tile"):
        tile_path(level, n, width)


def test_the_edge_is_every_partial_tile() -> None:
    assert edge_of(0) == []
    assert edge_of(1) == [(0, 0)]
    assert edge_of(256) == [(1, 0)]
    assert edge_of(257) == [(0, 1), (1, 0)]
    assert edge_of(65_536) == [(2, 0)]
    assert edge_of(70_000) == [(0, 273), (1, 1), (2, 0)]


def test_the_layout_of_70_000() -> None:
    tiles = tiles_of(LONG)
    widths = {key: len(data) // 32 for key, data in tiles.items()}
    assert [key for key, width in widths.items() if width < 256] == [(0, 273), (1, 1), (2, 0)]
    assert (widths[0, 273], widths[1, 1], widths[2, 0]) == (112, 17, 1)
    assert len(tiles) == 274 + 2 + 1
    assert tiles[1, 0][:32] == tree_hash(LONG[:256])
    assert root_at(70_000, lambda level, n: tiles[level, n]) == tree_hash(LONG)


@pytest.mark.parametrize("sizes", [(70_000,), (255, 256, 257, 511, 512, 513, 1000), (65_535, 65_536, 65_537, 66_000)])
@pytest.mark.parametrize("seed", range(3))
def test_appends_in_any_chunks_are_one_append(sizes: tuple[int, ...], seed: int) -> None:
    source = random.Random(seed)
    for size in sizes:
        whole = append(0, {}, LONG[:size])
        stored: dict[tuple[int, int], bytes] = {}
        growth = Growth(0, root_at(0, lambda level, n: b""), {})
        while growth.size < size:
            count = min(source.choice([1, 2, 100, 256, 300, 5000, 20_000]), size - growth.size)
            edge = {key: stored[key] for key in edge_of(growth.size)}
            growth = append(growth.size, edge, LONG[growth.size : growth.size + count])
            stored |= growth.tiles
        assert (growth.size, growth.root) == (size, whole.root)
        assert stored == whole.tiles


def test_an_append_tells_only_of_tiles_that_grew() -> None:
    before = append(0, {}, LONG[:600])
    after = append(600, {key: before.tiles[key] for key in edge_of(600)}, LONG[600:601])
    assert set(after.tiles) == {(0, 2)}
    nothing = append(600, {key: before.tiles[key] for key in edge_of(600)}, [])
    assert nothing == Growth(600, before.root, {})


def test_an_append_goes_on_from_tiles_that_already_hold_more() -> None:
    # A writer that was killed between its tiles and its size has left more in them than the size says.
    before, after = append(0, {}, LONG[:300]), append(0, {}, LONG[:70_000])
    edge = {key: after.tiles[key] for key in edge_of(300)}
    assert append(300, edge, []).root == before.root
    again = append(300, edge, LONG[300:70_000])
    assert again.root == after.root and all(after.tiles[key] == data for key, data in again.tiles.items())


@pytest.mark.parametrize("leaves", [[b"\x00" * 31], [b"\x00" * 33], [b"\x00" * 31, b"\x00" * 33], [b""]])
def test_a_leaf_has_32_bytes(leaves: list[bytes]) -> None:
    with pytest.raises(TilesInvalid):
        append(0, {}, leaves)


def test_tiles_that_hold_too_little_are_refused() -> None:
    tiles = tiles_of(LONG[:300])
    with pytest.raises(TilesInvalid):
        append(300, {}, LONG[300:301])
    with pytest.raises(TilesInvalid):
        append(300, {(0, 1): tiles[0, 1][:-1], (1, 0): tiles[1, 0]}, LONG[300:301])
    with pytest.raises(TilesInvalid):
        root_at(301, lambda level, n: tiles[level, n])
    with pytest.raises(TilesInvalid):
        inclusion_proof(299, 300, lambda level, n: tiles[level, n][:32])


def test_proofs_of_all_small_trees_are_the_definitions() -> None:
    leaves = LONG[:MOST]
    tiles = tiles_of(leaves)

    def read(level: int, n: int) -> bytes:
        return tiles[level, n]

    for size2 in range(1, MOST + 1):
        assert root_at(size2, read) == tree_hash(leaves[:size2])
        for size1 in range(1, size2 + 1):
            assert inclusion_proof(size1 - 1, size2, read) == path(size1 - 1, leaves[:size2])
            assert consistency_proof(size1, size2, read) == subproof(size1, leaves[:size2])


def test_proofs_of_large_trees_hold_and_read_few_tiles() -> None:
    tiles = tiles_of(LONG)
    source = random.Random(1)
    sizes = [256, 257, 512, 65_535, 65_536, 65_537, 70_000, *(source.randrange(300, 70_000) for _ in range(20))]
    for size2 in sizes:
        size1 = source.randrange(1, size2 + 1)
        asked: list[tuple[int, int]] = []

        def read(level: int, n: int, asked: list[tuple[int, int]] = asked) -> bytes:
            asked.append((level, n))
            return tiles[level, n]

        root1, root2 = root_at(size1, read), root_at(size2, read)
        assert root2 == append(0, {}, LONG[:size2]).root
        asked.clear()
        proof = inclusion_proof(size1 - 1, size2, read)
        assert len(asked) == len(set(asked)) <= 6
        assert verify_inclusion(index=size1 - 1, size=size2, leaf=LONG[size1 - 1], proof=proof, root=root2)
        asked.clear()
        proof = consistency_proof(size1, size2, read)
        assert len(asked) == len(set(asked)) <= 6
        assert verify_consistency(size1=size1, size2=size2, root1=root1, root2=root2, proof=proof)


def test_there_is_no_proof_of_what_is_not_there() -> None:
    tiles = tiles_of(LONG[:10])
    for index, size in [(10, 10), (-1, 10), (0, 0)]:
        with pytest.raises(ValueError, match="has no leaf"):
            inclusion_proof(index, size, lambda level, n: tiles[level, n])
    for size1, size2 in [(11, 10), (-1, 10)]:
        with pytest.raises(ValueError, match="does not begin"):
            consistency_proof(size1, size2, lambda level, n: tiles[level, n])
    assert consistency_proof(0, 10, lambda level, n: tiles[level, n]) == []
    with pytest.raises(ValueError, match="negative"):
        root_at(-1, lambda level, n: b"")


@published
def test_tiles_and_bundles_of_the_published_log() -> None:
    for size in range(1, 16):
        tiles = append(0, {}, LEAVES[:size]).tiles
        assert tiles == {(0, 0): (VECTORS / "tlog" / tile_path(0, 0, size)).read_bytes()}
        bundle = b"".join(len(word).to_bytes(2, "big") + word.encode() for word in WORDS[:size])
        assert bundle == (VECTORS / "tlog" / entries_path(0, size)).read_bytes()
