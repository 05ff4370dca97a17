"""Every write of retention: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

import audit.services as trail
from audit.erasure.copies import forget_copies
from audit.models import Archive, Retention
from audit.queries import systems_seen
from audit.retention import queries
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem


class Busy(Conflict):
    """A lock was not free in half a second."""

    code = "busy"


LEAST_MONTHS, MOST_MONTHS = 6, 1_200


class Event(StrEnum):
    """Names of the acts of this room in the trail."""

    RETENTION_DROP = "retention.drop"
    RETENTION_EXPIRED = "retention.expired"
    RETENTION_SET = "retention.set"


@transaction.atomic
def set_retention(*, actor: Actor, system: str, months: int | None, reason: str, now: datetime) -> Retention:
    """For how many calendar months the system's decisions are kept at most; None keeps them.

    `Invalid` below six: AI Act Art. 19(1) for providers and Art. 26(6) for deployers.
    """
    actor.need(Permission.RETENTION_MANAGE)
    if not reason.strip():
        raise Invalid("A reason is needed.", details=[Problem("reason", "is required")])
    if months is not None and months < LEAST_MONTHS:
        words = "Logs of a high-risk system are kept for at least six months (AI Act Art. 19(1) and 26(6))."
        raise Invalid(words, code="below_legal_minimum", details=[Problem("months", "must be 6 or more")])
    if months is not None and months > MOST_MONTHS:
        problem = Problem("months", f"must be {MOST_MONTHS} or less")
        raise Invalid("That is more than a hundred years; leave it empty to keep everything.", details=[problem])
    rule = Retention.objects.select_for_update().filter(pk=system).first()
    if rule is None and system not in systems_seen():
        raise Invalid(f"There are no decisions of {system}.", details=[Problem("system", "is not known here")])
    before = rule.months if rule else None
    facts = {"months": months, "set_by": actor.label, "set_at": now, "emptied_through": None}
    rule, _ = Retention.objects.update_or_create(system=system, defaults=facts)
    details = {"months": months, "before": before}
    trail.record(actor=actor, event=Event.RETENTION_SET, system=system, details=details, text=reason)
    return rule


@transaction.atomic
def expire_decisions(
    *, actor: Actor, system: str, month: date, after: uuid.UUID, at_most: int, now: datetime
) -> list[uuid.UUID]:
    """Make unreadable the personal data of the next decisions of the month; which (none: it is done).

    `Conflict` where the system's maximum has not passed, or a hold is on the system. People under a hold of their
    own are left out.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select audit_expire(%s, %s, %s, %s)", [system, month, after, at_most])
            expired = sorted(row[0] for row in cursor.fetchall())
    except IntegrityError as error:
        raise _refused(error) from None
    if expired:
        forget_copies(system=system, decisions=expired, now=now)
        details = {"month": f"{month:%Y-%m}", "decisions": len(expired), "last": str(expired[-1])}
        trail.record(actor=actor, event=Event.RETENTION_EXPIRED, system=system, details=details)
    return expired


def note_emptied(*, system: str, month: date) -> None:
    """The month need not be looked at again."""
    Retention.objects.filter(pk=system).update(emptied_through=month)


def note_archive(*, month: date, manifest: dict[str, Any], sha256: bytes, folder: str, now: datetime) -> Archive:
    """The month's archive exists and was read back."""
    return Archive.objects.create(
        month=month,
        rows=manifest["rows"],
        first_id=manifest["first_id"],
        last_id=manifest["last_id"],
        folder=folder,
        manifest_sha256=sha256,
        exported_at=now,
        verified_at=now,
    )


@transaction.atomic
def announce_drop(*, actor: Actor, archive: Archive, leaves: dict[str, Any], now: datetime) -> Archive:
    """Say in the trail that the month will be dropped, by which rules, and where its entries are from then on.

    `Conflict` where it was announced already.
    """
    actor.need(Permission.RETENTION_MANAGE)
    locked = Archive.objects.select_for_update().get(pk=archive.pk)
    if locked.drop_entry:
        raise Conflict("The drop of this month was announced already.")
    wanted = queries.systems_of(locked.month)
    rules = {rule.system: {"months": rule.months, "set_by": rule.set_by} for rule in queries.rules()}
    details = {
        "month": f"{locked.month:%Y-%m}",
        "rows": locked.rows,
        "manifest_sha256": bytes(locked.manifest_sha256).hex(),
        "policy": {name: rules.get(name) for name in wanted},
        **leaves,
    }
    entry = trail.record(actor=actor, event=Event.RETENTION_DROP, details=details)
    Archive.objects.filter(pk=locked.pk).update(drop_entry=entry)
    locked.refresh_from_db()
    return locked


@transaction.atomic
def drop_month(*, month: date) -> int:
    """Take an archived and announced month out of the database; how many entries.

    `Conflict` with the database's own words where one of its rules stands against it, `Busy` when somebody reads there.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select audit_drop_month(%s)", [month])
            return cursor.fetchone()[0]
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
            raise Busy("Somebody reads or writes in that month.") from None
        raise
    except IntegrityError as error:
        raise _refused(error) from None


def _refused(error: IntegrityError) -> Conflict:
    return Conflict(f"The database refuses: {str(error).splitlines()[0]}.", code="refused_by_rule")
