"""Every write of the trail by the portal: acts of people and processes, in the transaction of the act itself."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from audit import writing
from audit.models import Entry
from audit.records import Record, act_record
from portal.accounts.access import Actor, Permission


class Event(StrEnum):
    """Names of the trail's own acts."""

    DECISION_READ = "decision.read"


def record(
    *,
    actor: Actor,
    event: StrEnum,
    system: str | None = None,
    version: int | None = None,
    release: int | None = None,
    object: str | None = None,
    details: Mapping[str, Any] | None = None,
    text: str | None = None,
) -> uuid.UUID:
    """Add one act to the trail and return its id; it stands or falls with the caller's transaction."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"{event} must be recorded inside the transaction of the act")
    made = act_record(
        type=event.value,
        actor=actor.label,
        system=system,
        version=version,
        release=release,
        object=object,
        details=details,
        text=text,
    )
    append([made])
    return made.id


def append(records: list[Record]) -> None:
    """Write the records' rows in the present transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(writing.INSERT_ENTRY, [writing.entry_row(item) for item in records])
        if payloads := writing.payload_rows(records):
            cursor.executemany(writing.INSERT_PAYLOAD, payloads)
        if subjects := writing.subject_rows(records):
            cursor.executemany(writing.INSERT_SUBJECT, subjects)


@transaction.atomic
def record_reading(*, actor: Actor, entry: Entry, purpose: str) -> None:
    """Record that the actor reads the personal data of a decision, and why, before it is shown."""
    actor.need(Permission.DECISION_READ)
    record(
        actor=actor,
        event=Event.DECISION_READ,
        system=entry.system,
        version=entry.version,
        object=str(entry.id),
        text=purpose,
    )


def make_partitions(*, months_ahead: int = 3) -> int:
    """Make the partitions of this month and the months ahead; how many were made."""
    with connection.cursor() as cursor:
        cursor.execute("select audit_make_partitions(%s)", [months_ahead])
        return cursor.fetchone()[0]


def forget_expired_keys(*, now: datetime) -> int:
    """Delete idempotency keys past their time; how many there were."""
    with connection.cursor() as cursor:
        cursor.execute("delete from audit_idempotency where expires_at < %s", [now])
        return cursor.rowcount
