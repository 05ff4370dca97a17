"""Every write of decisions that were made elsewhere: in bulk, or pieced together from a request and a response."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import psycopg
from django.conf import settings
from django.db import connection, transaction

import audit.services as trail
from audit.encryption import KEY_BYTES, KeyUnknown, Unreadable, open_part, seal_part
from audit.identifiers import new_id
from audit.intake.events import Event, Half, Kept, decision_of, fingerprint_of_halves
from audit.intake.lines import Reported, report_key
from audit.keys import entry_key, keyring
from audit.models import Half as HalfRow
from audit.models import Key, Report
from audit.records import decision_draft
from portal.accounts.access import Actor, Permission

# From this many on, COPY is quicker than one INSERT.
_BULK = 200
_MOST_SWEPT = 500
log = logging.getLogger(__name__)
_CLAIM = (
    "insert into audit_report (key, fingerprint, entry_id)"
    " select * from unnest(%b::bytea[], %b::bytea[], %b::uuid[]) on conflict do nothing returning key"
)
_FIND = "select key, fingerprint, entry_id from audit_report where key = any(%b::bytea[])"


class Verdict(StrEnum):
    """What became of one report."""

    RECORDED = "recorded"
    WAITING = "waiting"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    INVALID = "invalid"


class Outcome(NamedTuple):
    """The verdict, the entry where there is one, and why not where there is none."""

    verdict: Verdict
    decision: uuid.UUID | None = None
    problem: str = ""


@transaction.atomic(durable=True)
def report_decisions(*, actor: Actor, reported: Sequence[Reported]) -> list[Outcome]:
    """Record the decisions in one durable transaction; an outcome for each, in order.

    One that was reported before is repeated, or a conflict when it said something else then. `Forbidden` without
    the permission.
    """
    actor.need(Permission.DECISION_REPORT)
    _make_durable()
    ids = [new_id() for _ in reported]
    first = {one.key: place for place, one in reversed(list(enumerate(reported)))}
    # In the order of the keys: two requests with the same decisions must not wait for each other crosswise.
    mine = _claimed([(key, reported[place].fingerprint, ids[place]) for key, place in sorted(first.items())])
    new = [place for key, place in first.items() if key in mine]
    _append([(reported[place], ids[place]) for place in sorted(new)])
    found = {key: (reported[place].fingerprint, ids[place]) for key, place in first.items() if key in mine}
    found |= _found([key for key in first if key not in mine])
    is_new = set(new)
    return [
        Outcome(Verdict.RECORDED, ids[place]) if place in is_new else _repeat(one.fingerprint, *found[one.key])
        for place, one in enumerate(reported)
    ]


@transaction.atomic(durable=True)
def take_event(*, actor: Actor, event: Event, now: datetime) -> Outcome:
    """Keep one half of a decision, or record the decision when the other half is there.

    The same half again is repeated; another one under the same id is a conflict. `Forbidden` without the permission.
    """
    actor.need(Permission.DECISION_REPORT)
    _make_durable()
    _take_turn(event)
    before = _reported_before(event) or _kept_before(event)
    if before is not None:
        return before
    other = _taken(event.system, event.id, event.half.other)
    if other is None:
        _keep(actor, event, now)
        return Outcome(Verdict.WAITING)
    halves = {event.half: event.kept, event.half.other: other}
    key = report_key(event.system, event.id)
    return Outcome(Verdict.RECORDED, _record(key, halves, event.system, event.id, actor.label))


@transaction.atomic
def record_lone_halves(*, now: datetime) -> int:
    """Record halves whose other one did not come in time, each as an entry that says so; how many there were."""
    late = HalfRow.objects.filter(received_at__lt=now - timedelta(minutes=settings.INTAKE_HALF_MINUTES))
    rows = list(late.order_by("received_at").select_for_update(skip_locked=True)[:_MOST_SWEPT])
    for row in rows:
        key = report_key(row.system, row.event_id, row.half)
        kept = _opened(row) or Kept(row.at, b"", is_lost=True)
        _record(key, {Half(row.half): kept}, row.system, row.event_id, row.caller)
    HalfRow.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _make_durable() -> None:
    """The answer promises that it is kept, whatever the server's own setting is."""
    with connection.cursor() as cursor:
        cursor.execute("set local synchronous_commit = on")


def _cursor() -> psycopg.Cursor[Any]:
    # Django's own would put arrays into the statement as text.
    return psycopg.Cursor(connection.connection)


def _claimed(rows: Sequence[tuple[bytes, bytes, uuid.UUID]]) -> set[bytes]:
    """The keys that nobody had; one that another request is just claiming is waited for."""
    with connection.wrap_database_errors:
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
        return {row[0] for row in _cursor().execute(_CLAIM, columns)}


def _found(keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, uuid.UUID]]:
    with connection.wrap_database_errors:
        return {key: (mark, entry) for key, mark, entry in _cursor().execute(_FIND, [list(keys)])} if keys else {}


def _append(new: Sequence[tuple[Reported, uuid.UUID]]) -> None:
    ring = keyring()
    drafts = (
        decision_draft(one.facts, subject_key=settings.SUBJECT_KEY, keyring=ring, id=identifier, at=one.at)
        for one, identifier in new
    )
    if new:
        trail.append(drafts, in_bulk=len(new) >= _BULK)


def _repeat(fingerprint: bytes, before: bytes, entry: uuid.UUID) -> Outcome:
    if fingerprint == before:
        return Outcome(Verdict.REPEATED, entry)
    return Outcome(Verdict.CONFLICT, entry, "This request of this system was reported before, with other content.")


def _record(key: bytes, halves: Mapping[Half, Kept], system: str, request_id: str, caller: str) -> uuid.UUID:
    facts, at = decision_of(halves, system=system, request_id=request_id, caller=caller)
    reported, identifier = Reported(key, fingerprint_of_halves(halves), facts, at), new_id()
    _claimed([(key, reported.fingerprint, identifier)])
    _append([(reported, identifier)])
    return identifier


def _take_turn(event: Event) -> None:
    """Two halves at once, each unseen by the other, would both wait for ever."""
    number = int.from_bytes(report_key(event.system, event.id)[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [number])


def _reported_before(event: Event) -> Outcome | None:
    keys = [report_key(event.system, event.id), report_key(event.system, event.id, event.half)]
    rows = {bytes(row.key): row for row in Report.objects.filter(key__in=keys)}
    for key in keys:
        if key in rows:
            mark = event.half.mark_in(bytes(rows[key].fingerprint))
            return _repeat(event.kept.mark, mark, rows[key].entry_id)
    return None


def _kept_before(event: Event) -> Outcome | None:
    row = HalfRow.objects.filter(system=event.system, event_id=event.id, half=event.half).first()
    if row is None:
        return None
    kept = _opened(row)
    if kept is not None and kept.mark == event.kept.mark:
        return Outcome(Verdict.REPEATED)
    return Outcome(Verdict.CONFLICT, None, f"Another {event.half} is kept under this id.")


def _taken(system: str, identifier: str, half: Half) -> Kept | None:
    """The other half, taken out of the waiting ones; None where there is none that can be read."""
    row = HalfRow.objects.filter(system=system, event_id=identifier, half=half).select_for_update().first()
    kept = _opened(row) if row is not None else None
    if row is not None and kept is not None:
        HalfRow.objects.filter(pk=row.pk).delete()
    return kept


def _keep(actor: Actor, event: Event, now: datetime) -> None:
    identifier, key = new_id(), os.urandom(KEY_BYTES)
    wrapped = keyring().wrap(key, identifier)
    stored, _ = seal_part(key, identifier, event.half.part, event.kept.as_bytes())
    HalfRow.objects.create(
        id=identifier,
        source=event.source,
        event_id=event.id,
        half=event.half,
        system=event.system,
        at=event.kept.at,
        received_at=now,
        caller=actor.label,
        kek=wrapped.kek,
        wrapped=wrapped.wrapped,
        stored=stored,
    )


def _opened(row: HalfRow) -> Kept | None:
    """What the half says; None when its bytes or its key were changed, or the key that wrapped it is gone."""
    try:
        key = entry_key(Key(entry_id=row.id, kek=row.kek, wrapped=row.wrapped))
        return Kept.from_bytes(open_part(key or b"", row.id, Half(row.half).part, bytes(row.stored))[1])
    except (KeyUnknown, Unreadable) as error:
        log.error("A waiting %s of %s cannot be read: %s", row.half, row.system, error)
        return None
