"""A proof holds exactly when RFC 6962's own definition says that it does."""

from __future__ import annotations

import base64
import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from audit.canonical import leaf_hash
from audit.log.merkle import EMPTY_ROOT, node_hash, verify_consistency, verify_inclusion

from .trees import path, random_leaves, subproof, tree_hash
from .vectors import LEAVES, VECTORS, published

MOST = 130
ALL_LEAVES = random_leaves(MOST)


def test_hashes_are_rfc_6962s() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"


def test_the_reference_tree_has_the_published_root() -> None:
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in entries]
    assert tree_hash(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert base64.b64encode(tree_hash(LEAVES)) == b"rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs="


def test_every_leaf_of_every_tree_is_proved() -> None:
    for size in range(1, MOST + 1):
        leaves, root = ALL_LEAVES[:size], _root(size)
        for index, leaf in enumerate(leaves):
            assert verify_inclusion(index=index, size=size, leaf=leaf, proof=path(index, leaves), root=root)


def test_every_tree_is_the_beginning_of_every_later_one() -> None:
    for size2 in range(1, MOST + 1):
        for size1 in range(1, size2 + 1):
            proof = subproof(size1, ALL_LEAVES[:size2])
            assert verify_consistency(size1=size1, size2=size2, root1=_root(size1), root2=_root(size2), proof=proof), (
                size1,
                size2,
            )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 65, 130])
def test_no_inclusion_with_anything_changed(size: int) -> None:
    source = random.Random(size)
    leaves, root = ALL_LEAVES[:size], _root(size)
    for index in {0, size // 2, size - 1}:
        good = {"index": index, "size": size, "leaf": leaves[index], "proof": path(index, leaves), "root": root}
        assert verify_inclusion(**good)
        for name, bad in _changed(good, source):
            assert not verify_inclusion(**bad), name
        for other in range(-1, size + 2):
            assert other == index or not verify_inclusion(**good | {"index": other})


@pytest.mark.parametrize("sizes", [(1, 2), (2, 3), (4, 8), (6, 8), (7, 8), (8, 9), (64, 130), (65, 130), (129, 130)])
def test_no_consistency_with_anything_changed(sizes: tuple[int, int]) -> None:
    size1, size2 = sizes
    proof = subproof(size1, ALL_LEAVES[:size2])
    good = {"size1": size1, "size2": size2, "root1": _root(size1), "root2": _root(size2), "proof": proof}
    assert verify_consistency(**good)
    for name, bad in _changed(good, random.Random(size2)):
        assert not verify_consistency(**bad), name
    for other in range(-1, size2 + 1):
        assert other == size1 or not verify_consistency(**good | {"size1": other})


def test_a_proof_from_nothing_or_backwards_is_refused() -> None:
    root = _root(5)
    assert not verify_consistency(size1=0, size2=5, root1=EMPTY_ROOT, root2=root, proof=[])
    assert not verify_consistency(size1=0, size2=0, root1=EMPTY_ROOT, root2=EMPTY_ROOT, proof=[])
    assert not verify_consistency(size1=5, size2=5, root1=root, root2=root, proof=[root])
    assert not verify_consistency(size1=5, size2=5, root1=root, root2=_root(6), proof=[])
    assert not verify_consistency(size1=6, size2=5, root1=_root(6), root2=root, proof=[])
    assert verify_consistency(size1=5, size2=5, root1=root, root2=root, proof=[])


@published
def test_the_published_inclusion_proofs() -> None:
    vectors = _published("inclusion")
    assert len(vectors) == 98
    for file, vector in vectors:
        held = verify_inclusion(
            index=vector["leafIdx"],
            size=vector["treeSize"],
            leaf=_bytes(vector["leafHash"]),
            proof=[_bytes(value) for value in vector["proof"] or []],
            root=_bytes(vector["root"]),
        )
        assert held is not vector["wantErr"], file


@published
def test_the_published_consistency_proofs() -> None:
    vectors = _published("consistency")
    assert len(vectors) == 98
    for file, vector in vectors:
        root1, root2 = _bytes(vector["root1"]), _bytes(vector["root2"])
        proof = [_bytes(value) for value in vector["proof"] or []]
        held = verify_consistency(size1=vector["size1"], size2=vector["size2"], root1=root1, root2=root2, proof=proof)
        # One good vector (equal sizes) has words in place of its roots; here a root is a hash.
        assert held is (not vector["wantErr"] and len(root1) == 32), file


@cache
def _root(size: int) -> bytes:
    return tree_hash(ALL_LEAVES[:size])


def _changed(good: dict[str, Any], source: random.Random) -> list[tuple[str, dict[str, Any]]]:
    """The same claim with one thing wrong, each way that there is."""
    proof = good["proof"]
    hashes = {name: value for name, value in good.items() if isinstance(value, bytes)}
    found = [(name, good | {name: wrong}) for name, value in hashes.items() for wrong in _wrong(value, source)]
    size = "size2" if "size2" in good else "size"
    for at, value in enumerate(proof):
        found += [("proof", good | {"proof": [*proof[:at], bad, *proof[at + 1 :]]}) for bad in _wrong(value, source)]
        found.append(("shorter", good | {"proof": [*proof[:at], *proof[at + 1 :]]}))
    found += [("longer", good | {"proof": [*proof, value]}) for value in (bytes(32), *hashes.values())]
    found += [("longer", good | {"proof": [value, *proof]}) for value in (bytes(32), *hashes.values())]
    found += [("doubled size", good | {size: good[size] * 2 + 1}), ("no size", good | {size: 0})]
    return found


def _wrong(value: bytes, source: random.Random) -> list[bytes]:
    bits = int.from_bytes(value, "big")
    flipped = [(bits ^ (1 << bit)).to_bytes(32, "big") for bit in source.sample(range(256), 8)]
    return [*flipped, value[:-1], value + b"\x00", b""]


def _published(kind: str) -> list[tuple[Path, dict[str, Any]]]:
    files = sorted((VECTORS / "rfc6962" / kind).rglob("*.json"))
    return [(file, json.loads(file.read_text())) for file in files]


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
