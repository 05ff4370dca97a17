"""Every reading of disputes and explanations."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db.models import QuerySet

from explain.lifecycle import DisputeState, Stage
from explain.models import METHOD_VERSION, Dispute, Explanation
from portal.accounts.access import Actor, Permission
from portal.errors import Hidden

# A job that has not moved for this long has lost its worker or its message.
STALE_AFTER = timedelta(seconds=90)
OPEN_STATES = (DisputeState.RECEIVED, DisputeState.EXPLAINED, DisputeState.IN_REVIEW, DisputeState.DECIDED)


def explanations_visible_to(actor: Actor) -> QuerySet[Explanation]:
    """The explanations that the actor may see; they repeat a person's data."""
    found = Explanation.objects.all()
    return found if actor.may(Permission.DECISION_EXPLAIN) or actor.may(Permission.DECISION_READ) else found.none()


def explanation_for(actor: Actor, identifier: uuid.UUID) -> Explanation:
    """The explanation, or `Hidden`."""
    explanation = explanations_visible_to(actor).filter(pk=identifier).first()
    if explanation is None:
        raise Hidden
    return explanation


def explanation_of(decision_id: uuid.UUID) -> Explanation | None:
    """The explanation of a decision by the present method, if one was asked for."""
    return Explanation.objects.filter(decision_id=decision_id, method_version=METHOD_VERSION).first()


def stale_explanations(now: datetime) -> QuerySet[Explanation]:
    """Unfinished explanations whose worker or message was lost."""
    waiting = Explanation.objects.filter(state__in=(Stage.QUEUED, Stage.RUNNING))
    return waiting.filter(touched_at__lt=now - STALE_AFTER)


def disputes_visible_to(actor: Actor) -> QuerySet[Dispute]:
    """The disputes that the actor may see, the most urgent first."""
    found = Dispute.objects.select_related("explanation")
    return found if actor.may(Permission.DISPUTE_LIST) else found.none()


def open_disputes(actor: Actor) -> QuerySet[Dispute]:
    """Disputes that still wait for somebody."""
    return disputes_visible_to(actor).filter(state__in=OPEN_STATES)


def dispute_for(actor: Actor, number: int) -> Dispute:
    """The dispute, or `Hidden`."""
    dispute = disputes_visible_to(actor).filter(pk=number).first()
    if dispute is None:
        raise Hidden
    return dispute
