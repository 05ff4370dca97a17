"""The full check of the trail: every entry hashed anew, every searchable column compared with the hashed bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.canonical import leaf_hash
from audit.identifiers import first_id_at
from audit.models import Entry
from audit.queries import check_entry
from audit.writing import COLUMNS


@dataclass(frozen=True)
class Contradiction:
    """One entry that does not say what it said."""

    entry: str
    what: str


def contradictions(since: datetime | None = None) -> Iterator[Contradiction | None]:
    """For each entry in order: None when it holds, else what contradicts it."""
    entries = Entry.objects.order_by("id")
    if since:
        entries = entries.filter(id__gte=first_id_at(since))
    for entry in entries.iterator(chunk_size=2_000):
        yield _contradiction(entry)


def _contradiction(entry: Entry) -> Contradiction | None:
    raw = bytes(entry.entry)
    if leaf_hash(raw) != bytes(entry.leaf_hash):
        return Contradiction(str(entry.id), "the bytes do not hash to the leaf")
    facts = _facts(raw)
    if facts is None:
        return Contradiction(str(entry.id), "the bytes are no entry")
    if facts["id"] != str(entry.id):
        return Contradiction(str(entry.id), f"the bytes are those of {facts['id']}")
    for name in COLUMNS:
        if facts.get(name) != getattr(entry, name):
            return Contradiction(str(entry.id), f"the column {name} differs from the bytes")
    if not check_entry(entry).payloads_match:
        return Contradiction(str(entry.id), "a payload does not hash to what the bytes say")
    return None


def _facts(raw: bytes) -> dict[str, Any] | None:
    """What the bytes say; None for bytes that nobody wrote as an entry, whatever their hash."""
    try:
        facts = json.loads(raw)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) and "id" in facts and isinstance(facts.get("payloads"), dict) else None
