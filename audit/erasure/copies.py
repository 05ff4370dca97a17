"""What other rooms copied out of decisions must go with the decisions' keys: each room says here how it forgets."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Forgets(Protocol):
    """Makes unreadable what was copied of these decisions; called inside the transaction that erases them."""

    def __call__(self, *, system: str, decisions: Sequence[uuid.UUID], now: datetime) -> None: ...


_rooms: list[Forgets] = []


def on_erasure(forget: Forgets) -> None:
    """Have `forget` called at each erasure. Said once, when the app is ready; saying it again changes nothing."""
    if forget not in _rooms:
        _rooms.append(forget)


def forget_copies(*, system: str, decisions: Sequence[uuid.UUID], now: datetime) -> None:
    """Let every room forget what it copied of these decisions."""
    for forget in _rooms:
        forget(system=system, decisions=decisions, now=now)
