"""Time-ordered identifiers of the trail (UUIDv7, RFC 9562 §5.7). Pure."""

from __future__ import annotations

import os
import threading
import time
import uuid
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0
_TAIL = 2**62 - 1


def new_id(now_ms: int | None = None) -> uuid.UUID:
    """A new UUIDv7 for the present millisecond, greater than any made before in this process.

    The 12 bits after the time count within the millisecond, so that ids made by one writer sort as they were made.
    """
    global _last
    # 8 bits to begin within the millisecond, 62 at the end.
    random = int.from_bytes(os.urandom(9)) >> 2
    with _lock:
        milliseconds = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        stamp = milliseconds << 12
        # A clock set back must not reorder: go on counting from the last id instead.
        _last = max(stamp | random >> 62, _last + 1) if now_ms is None else stamp
        high = _last
    bits = (high >> 12) << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | random & _TAIL
    return uuid.UUID(int=bits)


def first_id_at(moment: datetime) -> uuid.UUID:
    """The lowest id of the given moment: a bound for ranges by time (`id >= first_id_at(since)`)."""
    # Ids begin with 1970: nothing lies before.
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)


def time_of(identifier: uuid.UUID) -> datetime:
    """The moment, to the millisecond, that the id was made."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
