"""Every write of disputes: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

import audit.services as trail
from audit.models import Entry
from explain import queries
from explain.events import Event
from explain.lifecycle import DisputeState, Stage
from explain.models import Dispute, Explanation
from explain.moves import lock_dispute, mark_explained
from explain.services import request_explanation
from portal.accounts.access import Actor, Permission
from portal.errors import Invalid, Problem

CHANNELS = ("phone", "e-mail", "letter", "portal", "in person")


@transaction.atomic
def open_dispute(
    *, actor: Actor, decision: Entry, channel: str, claim: str, received_at: datetime, now: datetime
) -> Dispute:
    """A new case with its clock; explained already where the decision is."""
    actor.need(Permission.DISPUTE_OPEN)
    problems = _dispute_problems(channel, claim, received_at, now)
    if problems:
        raise Invalid("The dispute cannot be opened.", details=problems)
    dispute = Dispute.objects.create(
        decision_id=decision.id,
        system=decision.system,
        channel=channel,
        claim=claim,
        received_at=received_at,
        due_at=received_at + timedelta(days=settings.DISPUTE_DUE_DAYS),
        opened_by=actor.label,
        opened_at=now,
        explanation=queries.explanation_of(decision.id),
    )
    trail.record(
        actor=actor,
        event=Event.DISPUTE_OPENED,
        system=decision.system,
        version=decision.version,
        object=str(decision.id),
        details={"dispute": dispute.number, "channel": channel},
    )
    if dispute.explanation and dispute.explanation.state == Stage.DONE:
        mark_explained(actor, dispute)
    return dispute


@transaction.atomic
def explain_dispute(*, actor: Actor, dispute: Dispute, decision: Entry, now: datetime) -> Explanation:
    """Ask for the explanation of a dispute's decision and tie it to the case."""
    reason = f"Dispute {dispute.number}"
    explanation = request_explanation(actor=actor, decision=decision, reason=reason, now=now)
    locked = lock_dispute(dispute)
    if locked.explanation_id != explanation.pk:
        locked.explanation = explanation
        locked.save(update_fields=["explanation"])
    if explanation.state == Stage.DONE and locked.state == DisputeState.RECEIVED:
        mark_explained(actor, locked)
    return explanation


def forget_claims(*, system: str, decisions: Sequence[uuid.UUID], now: datetime) -> None:
    """Empty the claims about decisions whose personal data is erased in this same transaction."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("copies are forgotten inside the transaction that erases")
    Dispute.objects.filter(decision_id__in=decisions, system=system).update(claim="", erased_on=now.date())


def _dispute_problems(channel: str, claim: str, received_at: datetime, now: datetime) -> list[Problem]:
    problems = []
    if channel not in CHANNELS:
        problems.append(Problem("channel", f"must be one of: {', '.join(CHANNELS)}"))
    if not claim.strip():
        problems.append(Problem("claim", "is required: what does the person contest?"))
    if received_at > now:
        problems.append(Problem("received_at", "lies in the future"))
    return problems
