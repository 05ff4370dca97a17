"""Every write of the trail by the portal: acts of people and processes, in the transaction of the act itself."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
from django.db import connection, transaction

from audit.chain import Place, link, links
from audit.identifiers import new_id
from audit.keys import keyring
from audit.models import Entry, Writer
from audit.records import Draft, Record, act_draft
from audit.writing import INSERT_RECORDS, copy_records, record_arrays
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
    draft = act_draft(
        type=event.value,
        actor=actor.label,
        keyring=keyring(),
        system=system,
        version=version,
        release=release,
        object=object,
        details=details,
        text=text,
    )
    return append([draft])[0].id


def append(drafts: Iterable[Draft], *, in_bulk: bool = False) -> list[Record]:
    """Write the drafts in the present transaction, as the next entries of one of the portal's writers.

    In bulk is quicker for some hundred and more, most of all for drafts that are made as they are asked for; and slower
    for a few.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("the trail is written inside the transaction of the act")
    writer = _free_writer()
    place = Place(writer.name, writer.epoch, writer.next_seq, bytes(writer.head) if writer.head else None)
    with connection.wrap_database_errors:
        # Django's own cursor would put the arrays into the statement as text.
        cursor = psycopg.Cursor(connection.connection)
        if in_bulk:
            records, after = _copied(cursor, drafts, place)
        else:
            records, after = link(drafts, place)
            cursor.execute(INSERT_RECORDS, record_arrays(records))
    Writer.objects.filter(name=writer.name).update(next_seq=after.next_seq, head=after.head)
    return records


def _copied(cursor: psycopg.Cursor[Any], drafts: Iterable[Draft], place: Place) -> tuple[list[Record], Place]:
    after = place

    def _made() -> Iterator[Record]:
        nonlocal after
        for record, after in links(drafts, place):  # noqa: B007 - it is read when all are made
            yield record

    return copy_records(cursor, _made()), after


def _free_writer() -> Writer:
    """A writer that no other transaction holds, held until ours ends; so no act waits for another one."""
    free = Writer.objects.filter(name__startswith="portal/").select_for_update(skip_locked=True).order_by("name")
    return free.first() or Writer.objects.create(name=f"portal/{secrets.token_hex(3)}", epoch=new_id(), next_seq=0)


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
