"""An entry's bytes are RFC 8785's, its hash RFC 6962's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from audit.canonical import MAX_ENTRY_BYTES, EntryInvalid, canonical, leaf_hash, normal_text

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "jcs"


@pytest.mark.parametrize(
    "value,text",
    [
        ({"b": 1, "a": [True, None, "x"]}, '{"a":[true,null,"x"],"b":1}'),
        ({"": "", "A": 1, "a": 2, "_": 3}, '{"":"","A":1,"_":3,"a":2}'),
        ("\u20ac$\u000f\nA'B\"\\\\\"/", '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ("\b\t\f\r\x7f\x85\u2028😀", '"\\b\\t\\f\\r\x7f\x85\u2028😀"'),
        ([-1, 0, 9007199254740991, -9007199254740991], "[-1,0,9007199254740991,-9007199254740991]"),
        ({"nested": {"z": {}, "y": []}}, '{"nested":{"y":[],"z":{}}}'),
    ],
)
def test_the_bytes_are_jcs(value: Any, text: str) -> None:
    assert canonical(value) == text.encode() == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [1.5, 1.0, float("nan"), 2**53, -(2**53), {"é": 1}, {1: 2}, "\ud800", ["\udc00"], {"a": b"x"}, {"a": {1, 2}}],
)
def test_what_has_two_readings_is_refused(value: Any) -> None:
    with pytest.raises(EntryInvalid):
        canonical(value)


def test_an_entry_fits_a_leaf() -> None:
    assert len(canonical("x" * (MAX_ENTRY_BYTES - 2))) == MAX_ENTRY_BYTES
    with pytest.raises(EntryInvalid, match="at most 65535"):
        canonical("x" * (MAX_ENTRY_BYTES - 1))


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the published vectors are not beside the checkout")
def test_the_published_vectors_that_an_entry_may_hold() -> None:
    held = 0
    for file in sorted((VECTORS / "input").glob("*.json")):
        try:
            made = canonical(json.loads(file.read_bytes()))
        except EntryInvalid:
            continue
        assert made == (VECTORS / "output" / file.name).read_bytes().strip(), file.name
        held += 1
    assert held


def test_leaf_hashes_are_rfc_6962s() -> None:
    empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"").hex() == empty
    assert leaf_hash(b"\x00").hex() == "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
    assert leaf_hash(b"\x10").hex() == "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7"
    assert leaf_hash(b"a") == hashlib.sha256(b"\x00a").digest()


def test_one_name_typed_two_ways_is_one_name() -> None:
    assert normal_text(" Zo\u0065\u0308 ") == normal_text("Zo\u00eb")
