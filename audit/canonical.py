"""The exact bytes of an entry and their hash: canonical once, at writing; never made again for checking. Pure.

Entries hold strings, whole numbers, booleans, null, lists and objects with ASCII keys. For such values the form
below is RFC 8785 (JCS); a float or a number beyond 2^53 has more than one reading and is refused.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from typing import Any

import orjson

MAX_ENTRY_BYTES = 65_535
_MAX_INT = 2**53 - 1


class EntryInvalid(ValueError):
    """The value cannot be an entry: a float, a large number, a bad key, half a surrogate pair, or too many bytes."""


def canonical(value: Any) -> bytes:
    """The value as JCS bytes; `EntryInvalid` for what an entry may not hold."""
    _check((value,))
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        _check_keys(value)
        raise EntryInvalid("a string holds half of a surrogate pair") from None
    if not encoded.isascii():
        _check_keys(value)
    if len(encoded) > MAX_ENTRY_BYTES:
        raise EntryInvalid(f"the entry has {len(encoded)} bytes; at most {MAX_ENTRY_BYTES} fit a leaf")
    return encoded


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry): 32 bytes (RFC 6962 §2.1, RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def normal_text(text: str) -> str:
    """The text in NFC, so that one name typed two ways gives one token."""
    return unicodedata.normalize("NFC", text.strip())


def _check(items: Iterable[Any]) -> None:
    for item in items:
        kind = type(item)
        # Nearly all of an entry is text and numbers, and this is where most of the time would go.
        if kind is str or (kind is int and -_MAX_INT <= item <= _MAX_INT):
            continue
        if isinstance(item, dict):
            _check(item.values())
        elif isinstance(item, list | tuple):
            _check(item)
        elif isinstance(item, int) and abs(item) > _MAX_INT:
            raise EntryInvalid(f"the number {item} is beyond 2^53")
        elif not (item is None or isinstance(item, str | int)):
            raise EntryInvalid(f"an entry holds no {kind.__name__}")


def _check_keys(value: Any) -> None:
    """Looked at only where the bytes are not ASCII, or could not be made: else all keys are."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise EntryInvalid(f"the key {key!r} is not ASCII")
            _check_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_keys(item)
