"""How a dispute moves from state to state: locked, checked, assigned in one place."""

from __future__ import annotations

from typing import Any

import audit.services as trail
from explain.events import Event
from explain.lifecycle import DisputeState, check_dispute
from explain.models import Dispute
from portal.accounts.access import Actor


def lock_dispute(dispute: Dispute) -> Dispute:
    """The dispute as it stands, locked until the transaction ends."""
    return Dispute.objects.select_for_update().get(pk=dispute.pk)


def move(dispute: Dispute, name: str, expected: str | None = None, **changes: Any) -> None:
    """Move a locked dispute; `Conflict` when the state does not allow it.

    The one place where a dispute's state is assigned.
    """
    dispute.state = check_dispute(name, DisputeState(dispute.state), expected).value
    for field, value in changes.items():
        setattr(dispute, field, value)
    dispute.save(update_fields=["state", *changes])


def mark_explained(actor: Actor, dispute: Dispute) -> None:
    """The explanation that a locked dispute waited for is there."""
    move(dispute, "explain")
    trail.record(
        actor=actor,
        event=Event.DISPUTE_EXPLAINED,
        system=dispute.system,
        object=str(dispute.decision_id),
        details={"dispute": dispute.number},
    )
