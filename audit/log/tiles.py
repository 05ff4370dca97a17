"""The tree as C2SP tlog-tiles: where a hash stands, how tiles grow, and proofs read from few of them. Pure.

A tile holds up to 256 hashes of one level; a level's hash is the root of a full tile one level below. Partial tiles
stand only at the right edge, and are never hashed upwards.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from audit.log.merkle import EMPTY_ROOT, HASH_BYTES, node_hash

TILE_WIDTH = 256
MAX_LEVEL = 63
_HEIGHT = 8  # levels of the tree in one tile
_TILE_BYTES = TILE_WIDTH * HASH_BYTES
_MAX_NUMBER = 2**63 - 1
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")

# read(level, n) gives the hashes of that tile, concatenated: at least those that the tree of the asked size has there.
Read = Callable[[int, int], bytes]


class TilesInvalid(ValueError):
    """Tiles that cannot be of the tree they are said to be: too short, or not made of 32-byte hashes."""


@dataclass(frozen=True)
class TileRef:
    """A tile of hashes; width 1..256, and 256 is a full tile."""

    level: int
    n: int
    width: int


@dataclass(frozen=True)
class EntriesRef:
    """A bundle of entries; width 1..256, and 256 is a full bundle."""

    n: int
    width: int


@dataclass(frozen=True)
class Growth:
    """The tree after an append, with the whole data of each tile that is new or grew, by (level, n)."""

    size: int
    root: bytes
    tiles: dict[tuple[int, int], bytes]


def tile_path(level: int, n: int, width: int) -> str:
    """`tile/<L>/<N>[.p/<W>]`; ValueError for a level, number or width that no tile has."""
    if not 0 <= level <= MAX_LEVEL:
        raise ValueError(f"no tile is at level {level}")
    return f"tile/{level}/{_number(n)}{_suffix(width)}"


def entries_path(n: int, width: int) -> str:
    """`tile/entries/<N>[.p/<W>]`; ValueError for a number or width that no bundle has."""
    return f"tile/entries/{_number(n)}{_suffix(width)}"


def parse_path(path: str) -> TileRef | EntriesRef:
    """What the path names; ValueError for every way of writing it but the canonical one."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError("this is not the path of a tile")
    kind, groups, partial = match.groups()
    n = int(groups.replace("x", "").replace("/", ""))
    width = int(partial) if partial else TILE_WIDTH
    ref = EntriesRef(n, width) if kind == "entries" else TileRef(int(kind), n, width)
    written = entries_path(n, width) if isinstance(ref, EntriesRef) else tile_path(ref.level, n, width)
    if written != path:
        raise ValueError("this is not the canonical path of a tile")
    return ref


def root_at(size: int, read: Read) -> bytes:
    """The root of the first `size` leaves, from the tiles at that tree's right edge."""
    if size < 0:
        raise ValueError("a tree has no negative size")
    return _Tree(read).hash_of(0, size) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: Read) -> list[bytes]:
    """The siblings from leaf `index` (from 0) up to the root of `size` leaves (RFC 9162 §2.1.3.1).

    ValueError where the tree has no such leaf; `TilesInvalid` where `read` gives too little.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    tree = _Tree(read)
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(tree.hash_of(middle, end))
            end = middle
        else:
            proof.append(tree.hash_of(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(size1: int, size2: int, read: Read) -> list[bytes]:
    """That the first `size1` of `size2` leaves are as they were (RFC 9162 §2.1.4.1).

    Empty for size1 = 0 and for equal sizes, where nothing is to be proved; ValueError where size1 > size2.
    """
    if not 0 <= size1 <= size2:
        raise ValueError(f"a tree of {size2} leaves does not begin with one of {size1}")
    if size1 == 0:
        return []
    tree = _Tree(read)
    proof = []
    start, end = 0, size2
    while end != size1:
        middle = start + _split(end - start)
        if size1 <= middle:
            proof.append(tree.hash_of(middle, end))
            end = middle
        else:
            proof.append(tree.hash_of(start, middle))
            start = middle
    # From 0 on it is the whole first tree, whose root the verifier has.
    if start:
        proof.append(tree.hash_of(start, end))
    return proof[::-1]


def edge_of(size: int) -> list[tuple[int, int]]:
    """The partial tiles of a tree of that size, as (level, n) from the leaves up: what `append` needs to go on."""
    edge = []
    level = 0
    while size:
        n, width = divmod(size, TILE_WIDTH)
        if width:
            edge.append((level, n))
        level, size = level + 1, n
    return edge


def append(size: int, edge: Mapping[tuple[int, int], bytes], leaves: Sequence[bytes]) -> Growth:
    """The tree of `size` leaves after these leaf hashes, given the tiles of `edge_of(size)`.

    A tile in `edge` may be longer than the tree has it: only its beginning is used. `TilesInvalid` where one is
    missing or too short, or a leaf is not 32 bytes.
    """
    if not set(map(len, leaves)) <= {HASH_BYTES}:
        raise TilesInvalid("a leaf hash has 32 bytes")
    tiles: dict[tuple[int, int], bytes] = {}
    level, before, hashes = 0, size, b"".join(leaves)
    while hashes:
        n, width = divmod(before, TILE_WIDTH)
        data = _beginning(edge.get((level, n), b""), width, level, n) + hashes
        full = []
        for offset in range(0, len(data), _TILE_BYTES):
            tile = data[offset : offset + _TILE_BYTES]
            tiles[level, n] = tile
            n += 1
            if len(tile) == _TILE_BYTES:
                full.append(_fold(tile))
        level, before, hashes = level + 1, before // TILE_WIDTH, b"".join(full)
    grown = size + len(leaves)
    root = root_at(grown, lambda level, n: tiles.get((level, n)) or edge.get((level, n), b""))
    return Growth(grown, root, tiles)


class _Tree:
    """Hashes of nodes from tiles, each of which is read once."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._tiles: dict[tuple[int, int], bytes] = {}

    def hash_of(self, start: int, end: int) -> bytes:
        """The hash over leaves start..end, where RFC 6962's splitting makes them one node."""
        parts = []
        while start < end:
            height = (end - start).bit_length() - 1
            parts.append(self._node(height, start >> height))
            start += 1 << height
        made = parts.pop()
        while parts:
            made = node_hash(parts.pop(), made)
        return made

    def _node(self, height: int, position: int) -> bytes:
        """The node over the complete 2^height leaves from position * 2^height on."""
        level, inside = divmod(height, _HEIGHT)
        n, first = divmod(position << inside, TILE_WIDTH)
        past = first + (1 << inside)
        return _fold(_beginning(self._tile(level, n), past, level, n)[first * HASH_BYTES :])

    def _tile(self, level: int, n: int) -> bytes:
        if (level, n) not in self._tiles:
            self._tiles[level, n] = self._read(level, n)
        return self._tiles[level, n]


def _fold(hashes: bytes) -> bytes:
    """The root over 1, 2, 4 … 256 hashes: the innermost loop of the log, so in few and plain steps."""
    sha256 = hashlib.sha256
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [sha256(b"\x01" + hashes[pair : pair + 2 * HASH_BYTES]).digest() for pair in range(0, len(hashes), 64)]
        )
    return hashes


def _beginning(data: bytes, width: int, level: int, n: int) -> bytes:
    if len(data) < width * HASH_BYTES:
        raise TilesInvalid(f"tile {n} at level {level} holds {len(data)} bytes of {width} hashes")
    return data[: width * HASH_BYTES]


def _split(leaves: int) -> int:
    """The largest power of two below."""
    return 1 << ((leaves - 1).bit_length() - 1)


def _number(n: int) -> str:
    if not 0 <= n <= _MAX_NUMBER:
        raise ValueError(f"no tile has the number {n}")
    groups = [f"{n % 1000:03}"]
    while n := n // 1000:
        groups.append(f"x{n % 1000:03}")
    return "/".join(reversed(groups))


def _suffix(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise ValueError(f"no tile has the width {width}")
    return "" if width == TILE_WIDTH else f".p/{width}"
