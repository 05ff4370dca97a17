"""Putting a hold on and taking it off, inside the transaction of the act that it belongs to and that records it."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction

from audit.identifiers import new_id
from audit.models import Hold
from portal.accounts.access import Actor
from portal.errors import Conflict


def put_on(*, actor: Actor, system: str, token: bytes | None = None, reason: str, now: datetime) -> Hold:
    """A hold on the system, or on the person of that token in it."""
    facts = {"system": system, "token": token, "reason": reason, "placed_by": actor.label, "placed_at": now}
    return Hold.objects.create(id=new_id(), **facts)


def take_off(*, actor: Actor, hold: uuid.UUID, reason: str, now: datetime) -> None:
    """End the hold. `Conflict` with the database's own words where one of its rules stands against it."""
    try:
        with transaction.atomic():
            Hold.objects.filter(pk=hold).update(lifted_by=actor.label, lifted_at=now, lift_reason=reason)
    except IntegrityError as error:
        words = str(error).splitlines()[0]
        raise Conflict(f"The hold cannot be lifted: {words}.", code="hold_stays") from None
