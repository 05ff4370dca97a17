"""Every reading of explanations."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from explain.lifecycle import Stage
from explain.models import METHOD_VERSION, Dispute, DisputePolicy, Explanation
from explain.sealing import Seal
from portal.accounts.access import Actor, Permission
from portal.errors import Hidden

# A job that has not moved for this long has lost its worker or its message.
STALE_AFTER = timedelta(seconds=90)
# What was asked for in bulk may wait for long behind others; until then its message is hardly lost.
BULK_STALE_AFTER = timedelta(minutes=15)


def explanations_visible_to(actor: Actor) -> QuerySet[Explanation]:
    """The explanations that the actor may see; they repeat a person's data."""
    found = Explanation.objects.all()
    return found if actor.may(Permission.DECISION_EXPLAIN) or actor.may(Permission.DECISION_READ) else found.none()


def explanation_for(actor: Actor, identifier: uuid.UUID) -> Explanation:
    """The explanation, or `Hidden`."""
    explanation = explanations_visible_to(actor).defer("sealed_report").filter(pk=identifier).first()
    if explanation is None:
        raise Hidden
    return explanation


def explanation_of(decision_id: uuid.UUID) -> Explanation | None:
    """The explanation of a decision by the present method, if one was asked for."""
    return Explanation.objects.filter(decision_id=decision_id, method_version=METHOD_VERSION).first()


def report_of(explanation: Explanation) -> dict[str, Any] | None:
    """The report; None while there is none, or where it was erased. Record the reading first."""
    if explanation.sealed_report is None:
        return None
    content = Seal(explanation.decision_id).open(report_place(explanation), explanation.sealed_report)
    return None if content is None else json.loads(content)


def report_place(explanation: Explanation) -> str:
    """Where the report is bound to (`explain.sealing`)."""
    return f"report/{explanation.pk}"


def stale_explanations(now: datetime) -> QuerySet[Explanation]:
    """Unfinished explanations whose worker or message was lost."""
    waits_long = Q(state=Stage.QUEUED, is_urgent=False)
    lost = Q(state__in=(Stage.QUEUED, Stage.RUNNING), touched_at__lt=now - STALE_AFTER) & ~waits_long
    return Explanation.objects.filter(lost | (waits_long & Q(touched_at__lt=now - BULK_STALE_AFTER)))


def claim_place(dispute: Dispute) -> str:
    """Where the claim of a dispute is bound to (`explain.sealing`)."""
    return f"claim/{dispute.number}"


def policy_of(system: str) -> DisputePolicy:
    """How disputes about the system are handled: the newest policy, or the defaults, which are saved nowhere."""
    kept = DisputePolicy.objects.filter(system=system).first()
    return kept or DisputePolicy(system=system, days=settings.DISPUTE_DUE_DAYS, jurisdiction="EU", language="en")
