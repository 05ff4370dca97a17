"""Every write of erasures and legal holds: one decision, one transaction, one entry in the trail each.

An erasure is asked for by one person and decided by another. Decisions younger than six months are erased only with
a reason of its own, since the law may put the person's right first (GDPR Art. 17(3) leaves that to the case). A legal
hold is never overridden: it has to be lifted first, which is an act of its own, and not open to whoever placed it.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from enum import StrEnum

from django.db import IntegrityError, connection, transaction

import audit.services as trail
from audit.canonical import normal_text
from audit.erasure import holds, queries, register
from audit.erasure.copies import forget_copies
from audit.identifiers import new_id
from audit.models import Erasure, Hold
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Forbidden, Invalid, Problem

LAW = "AI Act Art. 19(1) and 26(6)"


class Event(StrEnum):
    """Names of the acts of this room in the trail."""

    ERASURE_CONFIRMED = "erasure.confirmed"
    ERASURE_DECLINED = "erasure.declined"
    ERASURE_REPLAYED = "erasure.replayed"
    ERASURE_REQUESTED = "erasure.requested"
    HOLD_LIFTED = "hold.lifted"
    HOLD_PLACED = "hold.placed"
    KEY_ROTATED = "key.rotated"


@transaction.atomic
def request_erasure(*, actor: Actor, system: str, subject: str, reason: str, now: datetime) -> Erasure:
    """A request that another person decides. The reference itself is kept nowhere.

    `Invalid` for a person of whom there is no decision, `Conflict` where nothing is left or a request waits already.
    """
    actor.need(Permission.ERASURE_REQUEST)
    _check_reason(reason, subject)
    token = queries.token_of(system, subject)
    extent = queries.extent_of(token, now)
    if extent is None:
        raise _nothing_about(system, token)
    facts = {"system": system, "token": token, "reason": reason, "requested_by": actor.label, "requested_at": now}
    try:
        with transaction.atomic():
            erasure = Erasure.objects.create(id=new_id(), state=Erasure.State.REQUESTED, **facts)
    except IntegrityError:
        raise Conflict("A request about this person waits for a decision already.", code="already_requested") from None
    details = {"erasure": str(erasure.id), "decisions": extent.decisions}
    trail.record(actor=actor, event=Event.ERASURE_REQUESTED, system=system, details=details, text=reason)
    return erasure


@transaction.atomic
def confirm_erasure(*, actor: Actor, erasure: Erasure, reason: str, override: str = "", now: datetime) -> Erasure:
    """The person's data is made unreadable, in every decision about them and in what was copied from those.

    `override` says why decisions younger than six months go too. `Forbidden` to whoever asked for it; `Conflict`
    under a legal hold, inside the six months without `override`, and where nothing is left.
    """
    locked = _lock_for_decision(actor, erasure)
    token = bytes(locked.token)
    _check_reason(reason)
    _check_nothing_stands_against(locked, override, now)
    extent = queries.extent_of(token, now)
    overrides = override.strip() if extent and extent.young else ""
    decided = {"decided_by": actor.label, "decided_at": now, "decision_reason": reason, "override_reason": overrides}
    Erasure.objects.filter(pk=locked.pk).update(state=Erasure.State.CONFIRMED, **decided)
    erased = _erase(locked.pk)
    if not erased:
        raise Conflict("Nothing about this person is left to erase; decline the request.", code="nothing_left")
    Erasure.objects.filter(pk=locked.pk).update(entries=len(erased))
    forget_copies(system=locked.system, decisions=erased, now=now)
    details = {"erasure": str(locked.id), "decisions": len(erased), "overridden": bool(overrides)}
    words = f"{reason}\n\nThough some are younger than six months: {overrides}" if overrides else reason
    trail.record(actor=actor, event=Event.ERASURE_CONFIRMED, system=locked.system, details=details, text=words)
    line = register.Line(locked.id, locked.system, token, now)
    # After the commit: a line must never say more than the database. A crash in between is made good by the next
    # `replay_erasures`, which `manage.py up` runs.
    transaction.on_commit(lambda: register.append([line]))
    locked.refresh_from_db()
    return locked


@transaction.atomic
def decline_erasure(*, actor: Actor, erasure: Erasure, reason: str, now: datetime) -> Erasure:
    """The request ends with nothing erased. `Forbidden` to whoever asked for it."""
    locked = _lock_for_decision(actor, erasure)
    _check_reason(reason)
    decided = {"decided_by": actor.label, "decided_at": now, "decision_reason": reason}
    Erasure.objects.filter(pk=locked.pk).update(state=Erasure.State.DECLINED, **decided)
    details = {"erasure": str(locked.id)}
    trail.record(actor=actor, event=Event.ERASURE_DECLINED, system=locked.system, details=details, text=reason)
    locked.refresh_from_db()
    return locked


@transaction.atomic
def place_hold(*, actor: Actor, system: str, subject: str = "", reason: str, now: datetime) -> Hold:
    """Nothing of the system, or of this one person in it, is erased or dropped from now on.

    `Invalid` for a person of whom there is no decision: a hold on a mistyped reference would protect nobody.
    """
    actor.need(Permission.RETENTION_MANAGE)
    _check_reason(reason, subject)
    token = queries.token_of(system, subject) if subject else None
    if token and queries.extent_of(token, now) is None:
        raise _nothing_about(system, token)
    hold = holds.put_on(actor=actor, system=system, token=token, reason=reason, now=now)
    details = {"hold": str(hold.id), "on": "person" if token else "system"}
    trail.record(actor=actor, event=Event.HOLD_PLACED, system=system, details=details, text=reason)
    return hold


@transaction.atomic
def lift_hold(*, actor: Actor, hold: Hold, reason: str, now: datetime) -> Hold:
    """The hold ends. `Forbidden` to whoever placed it; `Conflict` where it was lifted already, or belongs to a case."""
    actor.need(Permission.RETENTION_MANAGE)
    locked = Hold.objects.select_for_update().get(pk=hold.pk)
    if locked.lifted_at:
        raise Conflict("This hold was lifted already.", code="already_lifted")
    if locked.placed_by == actor.label:
        raise Forbidden("You placed this hold, so another person has to lift it.")
    _check_reason(reason)
    holds.take_off(actor=actor, hold=locked.pk, reason=reason, now=now)
    details = {"hold": str(locked.id)}
    trail.record(actor=actor, event=Event.HOLD_LIFTED, system=locked.system, details=details, text=reason)
    locked.refresh_from_db()
    return locked


@transaction.atomic
def record_rotation(*, actor: Actor, old: str, new: str, keys: int, since: datetime, now: datetime) -> int:
    """The old data key is destroyed: what was erased before the new one came cannot be read from a backup either.

    How many erasures became effective by that.
    """
    done = Erasure.objects.filter(state=Erasure.State.CONFIRMED, effective_at=None, decided_at__lt=since)
    effective = done.update(effective_at=now)
    details = {"old": old, "new": new, "keys": keys, "erasures": effective}
    trail.record(actor=actor, event=Event.KEY_ROTATED, details=details)
    return effective


def _erase(erasure: uuid.UUID) -> list[uuid.UUID]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select audit_erase(%s)", [erasure])
            return [row[0] for row in cursor.fetchall()]
    except IntegrityError as error:
        # A hold that was placed, or a decision made, while we looked.
        raise Conflict(f"Not erased: {str(error).splitlines()[0]}. Look at the request again.") from None


def _lock_for_decision(actor: Actor, erasure: Erasure) -> Erasure:
    actor.need(Permission.ERASURE_DECIDE)
    locked = Erasure.objects.select_for_update().get(pk=erasure.pk)
    if locked.requested_by == actor.label:
        raise Forbidden("You asked for this erasure, so another person has to decide it.")
    if locked.state != Erasure.State.REQUESTED:
        raise Conflict(f"This erasure was {locked.state} already.", code="already_decided")
    return locked


def _check_nothing_stands_against(erasure: Erasure, override: str, now: datetime) -> None:
    token = bytes(erasure.token)
    in_force = queries.holds_against(erasure.system, token)
    if in_force:
        words = f"A legal hold is in force: “{in_force[0].reason}” It has to be lifted first; nobody can override it."
        raise Conflict(words, code="under_hold")
    extent = queries.extent_of(token, now)
    if extent and extent.young and not override.strip():
        words = (
            f"{extent.young} of {extent.decisions} decisions are younger than six months, for which logs must be kept"
            f" ({LAW}). Say why now, or decline."
        )
        raise Conflict(words, code="inside_retention", details=[Problem("override", "is needed")])


def _nothing_about(system: str, token: bytes) -> Conflict | Invalid:
    before = queries.last_erasure_of(token)
    if before and before.decided_at:
        day = before.decided_at.date().isoformat()
        return Conflict(f"This person's data in {system} was erased on {day}; nothing is left.", code="nothing_left")
    words = f"There is no decision about this reference in {system}. Check how the caller writes it."
    return Invalid(words, code="unknown_subject", details=[Problem("subject", "is not known here")])


def _check_reason(reason: str, subject: str = "") -> None:
    """A reason stands in the trail for good, so it must not repeat what the erasure takes away."""
    if not reason.strip():
        raise Invalid("A reason is needed.", details=[Problem("reason", "is required")])
    reference = re.escape(normal_text(subject).strip().casefold())
    if subject.strip() and re.search(rf"(?<!\w){reference}(?!\w)", normal_text(reason).casefold()):
        words = "The reason repeats the person's reference, which is kept nowhere. Say it without."
        raise Invalid(words, code="reason_names_subject", details=[Problem("reason", "repeats the reference")])
