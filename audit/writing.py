"""The SQL by which records enter the trail, the same for the portal and the gateway. Pure: text and tuples only."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from audit.records import Record

COLUMNS = (
    "type",
    "system",
    "version",
    "release",
    "status",
    "mode",
    "label",
    "score_ppm",
    "latency_us",
    "actor",
    "request_id",
    "object",
)

INSERT_ENTRY = (
    f"insert into audit_entry (id, leaf_hash, entry, {', '.join(COLUMNS)}) "
    f"values (%s, %s, %s, {', '.join(['%s'] * len(COLUMNS))})"
)
INSERT_PAYLOAD = "insert into audit_payload (entry_id, part, stored) values (%s, %s, %s)"
INSERT_SUBJECT = "insert into audit_subject (token, entry_id) values (%s, %s)"


def entry_row(record: Record) -> tuple:
    """Parameters for `INSERT_ENTRY`."""
    return (record.id, record.leaf, record.entry, *(record.columns.get(name) for name in COLUMNS))


def payload_rows(records: Iterable[Record]) -> list[tuple[uuid.UUID, int, bytes]]:
    """Parameters for `INSERT_PAYLOAD`."""
    return [(record.id, payload.part.value, payload.stored) for record in records for payload in record.payloads]


def subject_rows(records: Iterable[Record]) -> list[tuple[bytes, uuid.UUID]]:
    """Parameters for `INSERT_SUBJECT`."""
    return [(record.subject_token, record.id) for record in records if record.subject_token is not None]
