"""How a dispute moves from state to state, and how each step of a case is kept: in one place each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import audit.services as trail
from audit.identifiers import new_id
from explain import access, queries
from explain.events import Event
from explain.lifecycle import BY_NAME, DisputeState, check_dispute
from explain.models import CaseStep, Dispute
from explain.sealing import Seal
from portal.accounts.access import Actor


def lock_dispute(dispute: Dispute) -> Dispute:
    """The dispute as it stands, locked until the transaction ends."""
    return Dispute.objects.select_for_update().get(pk=dispute.pk)


def move(actor: Actor, dispute: Dispute, name: str, expected: str | None = None, **changes: Any) -> None:
    """Move a locked dispute; `Forbidden` or `Conflict` when the actor or the state does not allow it.

    The one place where a dispute's state is assigned.
    """
    if not BY_NAME[name].by_explanation:
        check_actor(actor, dispute, name)
    dispute.state = check_dispute(name, DisputeState(dispute.state), expected).value
    for field, value in changes.items():
        setattr(dispute, field, value)
    dispute.save(update_fields=["state", *changes])


def check_actor(actor: Actor, dispute: Dispute, name: str) -> None:
    """`Forbidden`, with the reason, unless the actor may make the move with this dispute."""
    access.check_move(
        actor,
        BY_NAME[name],
        received_by=dispute.opened_by,
        reviewer=dispute.reviewer,
        by_support=queries.policy_of(dispute.system).by_support,
    )


def keep_step(
    *,
    actor: Actor,
    dispute: Dispute,
    event: Event,
    now: datetime,
    words: str | None = None,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> CaseStep:
    """One step of the case and its entry in the trail.

    `words` speak of the person: they are sealed with the case, and the trail holds their digest. A `reason` is
    the trail's own text, and names nobody.
    """
    step = CaseStep(id=new_id(), dispute=dispute, event=event.value, round=dispute.round, done_by=actor.label)
    step.done_at, step.details = now, dict(details or {})
    facts = {"dispute": dispute.number, **step.details}
    if words:
        step.sealed = Seal(dispute.decision_id).seal(step_place(step), words.encode())
        facts["words_sha256"] = hashlib.sha256(step.sealed).hexdigest()
    step.entry_id = trail.record(
        actor=actor,
        event=event,
        system=dispute.system,
        object=str(dispute.decision_id),
        details=facts,
        text=reason,
    )
    step.save(force_insert=True)
    return step


def step_place(step: CaseStep) -> str:
    """Where the words of a step are bound to."""
    return f"step/{step.id}"


def mark_explained(actor: Actor, dispute: Dispute, now: datetime) -> None:
    """The explanation that a locked dispute waited for is there."""
    move(actor, dispute, "explain")
    keep_step(actor=actor, dispute=dispute, event=Event.DISPUTE_EXPLAINED, now=now)
