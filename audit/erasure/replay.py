"""Erasing again what a restored backup brought back: all that was confirmed, by the database or by the register."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

import audit.services as trail
from audit.erasure import register
from audit.erasure.copies import forget_copies
from audit.erasure.services import Event
from audit.models import Erasure
from portal.accounts.access import Actor

# A backup from between request and confirmation holds the request; one from before it holds nothing.
_BRING_BACK = """
insert into audit_erasure
  (id, system, token, reason, requested_by, requested_at, state, decided_by, decided_at, decision_reason)
values (%(id)s, %(system)s, %(token)s, '', 'system:before-restore', %(at)s, 'confirmed', 'system:replay', %(at)s,
  'Confirmed before a backup was restored; the reasons are in the trail as it was then.')
on conflict (id) do update set state = 'confirmed', decided_by = excluded.decided_by, decided_at = excluded.decided_at,
  decision_reason = excluded.decision_reason where audit_erasure.state in ('requested')
"""
_UNDONE = """
select id, system from audit_erasure e where state = 'confirmed' and exists (
  select from audit_key where token = e.token and entry_id < audit_month_bound(e.decided_at))
"""


@dataclass(frozen=True)
class Replayed:
    """What had come back: how many erasures, of how many decisions."""

    erasures: int
    decisions: int


def replay_erasures(*, actor: Actor, now: datetime) -> Replayed:
    """Erase again whatever can be read though its erasure was confirmed; decisions made since stay.

    Works as the owner of the tables: holds and the six months were looked at when the erasure was confirmed.
    """
    known = register.lines()
    with transaction.atomic(using="owner"), transaction.atomic(), connections["owner"].cursor() as owner:
        for line in known:
            owner.execute(_BRING_BACK, {"id": line.id, "system": line.system, "token": line.token, "at": line.at})
        owner.execute(_UNDONE)
        undone = owner.fetchall()
        decisions = sum(_erase_again(owner, erasure, system, now) for erasure, system in undone)
        if undone:
            details = {"erasures": len(undone), "decisions": decisions}
            trail.record(actor=actor, event=Event.ERASURE_REPLAYED, details=details)
    _complete_register({line.id for line in known})
    return Replayed(len(undone), decisions)


def _erase_again(owner: CursorWrapper, erasure: uuid.UUID, system: str, now: datetime) -> int:
    owner.execute("select audit_erase_again(%s)", [erasure])
    decisions = [row[0] for row in owner.fetchall()]
    forget_copies(system=system, decisions=decisions, now=now)
    owner.execute("update audit_erasure set entries = greatest(entries, %s) where id = %s", [len(decisions), erasure])
    return len(decisions)


def _complete_register(known: set[uuid.UUID]) -> None:
    """Add what was confirmed in the moment of a crash, or on another machine."""
    confirmed = Erasure.objects.filter(state=Erasure.State.CONFIRMED).exclude(pk__in=known).order_by("decided_at")
    register.append([register.Line(row.id, row.system, bytes(row.token), row.decided_at) for row in confirmed])
