"""What the what-if panel starts from: a finished explanation whose decision and version are still there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import audit.queries as trail
import registry.queries as registry
from explain import queries
from explain.disputes.queries import check_not_blind
from explain.lifecycle import Stage
from explain.models import Explanation
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict
from registry.models import Version


@dataclass(frozen=True)
class Start:
    """A finished explanation with its report, the version that decided and the inputs as they were recorded."""

    explanation: Explanation
    report: dict[str, Any]
    version: Version
    inputs: dict[str, Any]


def start_for(actor: Actor, identifier: uuid.UUID) -> Start:
    """What the actor may try values from; `Hidden`, or `Conflict` while there is no report or its model is missing."""
    explanation = queries.explanation_for(actor, identifier)
    actor.need_sight(Permission.DECISION_EXPLAIN)
    check_not_blind(actor, explanation.decision_id)
    inputs = trail.inputs_of(explanation.decision_id)
    report = queries.report_of(explanation)
    if explanation.state != Stage.DONE or report is None or inputs is None:
        raise Conflict("There is no report to start from: wait for it, or see why there is none.", code="no_report")
    if report["replay"]["verdict"] == "artifact_missing":
        raise Conflict("The model that decided is missing, so nothing can be tried with it.", code="no_model")
    version = registry.version_that_decided(explanation.system, explanation.version)
    return Start(explanation, report, version, inputs["inputs"])
