"""What came in from elsewhere, and what waits for its other half."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Min

from audit.identifiers import first_id_at, time_of
from audit.models import Half
from portal.accounts.access import Actor, Permission

# So many of the newest entries are looked through, whatever the time: then the numbers say “at least”.
LOOKED_THROUGH = 200_000
_SENDERS = """
select actor, system, count(*), count(*) filter (where status <> 'answered'), max(id::text)
from (select id, actor, system, status, mode from audit_entry where id >= %s order by id desc limit %s) as newest
where mode = 'reported' group by actor, system order by max(id::text) desc
"""
_NUMBER = "select count(*) from (select 1 from audit_entry where id >= %s limit %s) as newest"


@dataclass(frozen=True)
class Sender:
    """One token that reports decisions of one system."""

    actor: str
    system: str
    decisions: int
    unanswered: int
    latest: datetime


@dataclass(frozen=True)
class Intake:
    """Who sent what since the moment; it is not all of it where there was too much to look through."""

    senders: list[Sender]
    is_whole: bool


def intake_for(actor: Actor, since: datetime) -> Intake:
    """Who reported decisions since the moment, latest first; `Hidden` without sight of the trail."""
    actor.need_sight(Permission.TRAIL_VIEW)
    bounds = [first_id_at(since), LOOKED_THROUGH]
    with connection.cursor() as cursor:
        cursor.execute(_SENDERS, bounds)
        rows = cursor.fetchall()
        cursor.execute(_NUMBER, bounds)
        (number,) = cursor.fetchone()
    senders = [Sender(who, system, all, bad, time_of(uuid.UUID(newest))) for who, system, all, bad, newest in rows]
    return Intake(senders, number < LOOKED_THROUGH)


def halves_waiting(actor: Actor) -> list[dict[str, Any]]:
    """How many halves wait, by system, kind and sender: `system`, `half`, `caller`, `number`, `oldest`, `newest`."""
    actor.need_sight(Permission.TRAIL_VIEW)
    grouped = Half.objects.values("system", "half", "caller")
    counted = grouped.annotate(number=Count("id"), oldest=Min("received_at"), newest=Max("received_at"))
    return list(counted.order_by("oldest"))
