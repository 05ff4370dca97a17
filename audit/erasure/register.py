"""The list of confirmed erasures outside the database, which a restored backup does not take back.

One line of JSON each: the erasure's id, the system, the subject's keyed token, and when it was confirmed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from audit.durable import append_durably


@dataclass(frozen=True)
class Line:
    """One confirmed erasure."""

    id: uuid.UUID
    system: str
    token: bytes
    at: datetime


def register_file() -> Path:
    """Where the list is kept."""
    return settings.VAR_DIR / "trail" / "erasures.jsonl"


def append(lines: Iterable[Line]) -> None:
    """Add the lines, on disk when this returns."""
    texts = [
        json.dumps({"id": str(line.id), "system": line.system, "token": line.token.hex(), "at": line.at.isoformat()})
        for line in lines
    ]
    if not texts:
        return
    append_durably(register_file(), "".join(f"{text}\n" for text in texts))


def lines() -> list[Line]:
    """Every line that can be read, in the order in which they were confirmed."""
    file = register_file()
    texts = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [line for text in texts if (line := _line(text)) is not None]


def _line(text: str) -> Line | None:
    try:
        said = json.loads(text)
        at = datetime.fromisoformat(said["at"])
        return Line(uuid.UUID(said["id"]), said["system"], bytes.fromhex(said["token"]), at)
    except (ValueError, KeyError, TypeError):
        return None
