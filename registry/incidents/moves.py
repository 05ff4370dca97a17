"""How a case moves from state to state, and how each step of it is kept: in one place each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import audit.services as trail
from portal.accounts.access import Actor
from registry.events import Event
from registry.incidents import lifecycle
from registry.models import Incident, IncidentStep


def lock_incident(incident: Incident) -> Incident:
    """The case as it stands, locked until the transaction ends."""
    return Incident.objects.select_for_update(of=("self",)).select_related("system").get(pk=incident.pk)


def move(actor: Actor, incident: Incident, name: str, expected: str | None = None) -> None:
    """Move a locked case; `Forbidden` or `Conflict` when the actor or the state does not allow it.

    The one place where the state of a case is assigned.
    """
    actor.need(lifecycle.BY_NAME[name].permission)
    incident.state = lifecycle.check(name, incident.state, expected).value
    incident.save(update_fields=["state"])


def keep_step(
    *,
    actor: Actor,
    incident: Incident,
    event: Event,
    now: datetime,
    words: str = "",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> IncidentStep:
    """One step of the case and its entry in the trail.

    A `reason` is the trail's own text; of `words`, which may be long, the trail holds the digest.
    """
    facts = {"incident": incident.number, **(details or {})}
    if words:
        facts["words_sha256"] = hashlib.sha256(words.encode()).hexdigest()
    entry_id = trail.record(
        actor=actor, event=event, system=incident.system.slug, details=facts, text=reason or None
    )
    return IncidentStep.objects.create(
        incident=incident,
        entry_id=entry_id,
        event=event.value,
        details=dict(details or {}),
        words=words or reason,
        done_by=actor.label,
        done_at=now,
    )
