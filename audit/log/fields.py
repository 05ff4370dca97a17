"""The two field types of all C2SP texts, read so that no value has a second way of being written. Pure."""

from __future__ import annotations

import base64
import binascii
import re

MAX_INT = 2**63 - 1
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


def base64_text(value: bytes) -> str:
    """RFC 4648 §4, padded."""
    return base64.b64encode(value).decode("ascii")


def base64_bytes(text: str) -> bytes:
    """The bytes; ValueError for anything but the one canonical text of them."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a field is not base64") from None
    # The last character may carry bits that decoding drops: two texts would be one signature.
    if base64_text(value) != text:
        raise ValueError("a field is not canonical base64")
    return value


def decimal(text: str) -> int:
    """A number of 0..2^63-1; ValueError for signs, leading zeros and other digits than ASCII's."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_INT:
        raise ValueError("a field is not a decimal number without leading zeros")
    return int(text)
