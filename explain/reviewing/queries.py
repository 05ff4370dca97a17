"""Every reading of reviews: corrections, rulings, and the answer that a decision had."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

import audit.queries as trail
import registry.queries as registry
from audit.models import Entry
from explain.disputes.queries import check_not_blind, dispute_for
from explain.lifecycle import Stage
from explain.models import Correction, Dispute, Ruling
from explain.queries import STALE_AFTER
from explain.sealing import Seal
from portal.accounts.access import Actor, Permission
from portal.errors import Hidden
from registry.models import Version
from registry.scoring.manifest import Manifest


def ruling_of(dispute: Dispute) -> Ruling | None:
    """The ruling of the present round, where there is one."""
    return dispute.rulings.filter(round=dispute.round).first()


def grounds_of(ruling: Ruling) -> str:
    """The grounds in words; empty where they were erased."""
    return Seal(ruling.dispute.decision_id).open_text(f"grounds/{ruling.id}", ruling.sealed_grounds)


def correction_of(dispute: Dispute) -> Correction | None:
    """The newest correction of the present round, where there is one."""
    return dispute.corrections.filter(round=dispute.round).first()


def correction_for(actor: Actor, number: int, identifier: uuid.UUID) -> Correction:
    """The correction of a case, or `Hidden`."""
    dispute = dispute_for(actor, number)
    actor.need_sight(Permission.DECISION_READ)
    check_not_blind(actor, dispute.decision_id)
    correction = dispute.corrections.filter(pk=identifier).first()
    if correction is None:
        raise Hidden
    return correction


def inputs_of(correction: Correction) -> dict[str, Any] | None:
    """The corrected inputs; None where they were erased."""
    return _opened(correction, "correction", correction.sealed_inputs)


def result_of(correction: Correction) -> dict[str, Any] | None:
    """`{"score", "label"}` of the corrected inputs; None until they were scored, or where they were erased."""
    return _opened(correction, "result", correction.sealed_result)


def stale_corrections(now: datetime) -> QuerySet[Correction]:
    """Unfinished corrections whose worker or message was lost."""
    waiting = Correction.objects.filter(state__in=(Stage.QUEUED, Stage.RUNNING))
    return waiting.filter(touched_at__lt=now - STALE_AFTER)


def answer_of(decision: Entry) -> str:
    """The answer that was given: its label, a regression's value, or how a request without an answer ended."""
    output = trail.output_of(decision.id)
    if output is None:
        return decision.label or str(decision.status)
    return str(output["label"]) if output.get("label") else f"{output.get('score'):g}"


def spec_of(decision: Entry) -> Manifest | None:
    """The manifest of the version that decided; None where it is not in the registry."""
    if decision.version is None or decision.system is None:
        return None
    try:
        return registry.version_that_decided(decision.system, decision.version).spec
    except Version.DoesNotExist:
        return None


def other_answer(decision: Entry, spec: Manifest | None) -> str:
    """The label that the decision did not get, where there are two; empty otherwise."""
    labels = spec.output.labels if spec and spec.output.labels else ()
    others = [label for label in labels if label != answer_of(decision)]
    return others[0] if len(others) == 1 else ""


def _opened(correction: Correction, what: str, stored: Any) -> dict[str, Any] | None:
    content = Seal(correction.dispute.decision_id).open(f"{what}/{correction.id}", stored)
    return None if content is None else json.loads(content)
