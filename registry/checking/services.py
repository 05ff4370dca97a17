"""Writes of the checklist: waivers and the policy, each one transaction with one entry in the trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Forbidden, Invalid, Problem
from registry.checking.findings import SUMMARY_LENGTH, Verdict
from registry.checking.gates import BY_KIND, Level
from registry.checking.policies import policies_for
from registry.checking.queries import gate_of
from registry.events import Event
from registry.lifecycle import State
from registry.models import Evidence, GatePolicy, RiskClass, Version
from registry.moves import lock_version

ENDED = frozenset({State.REJECTED, State.RETIRED})


@transaction.atomic
def waive_gate(*, actor: Actor, version: Version, gate: str, reason: str, now: datetime) -> Evidence:
    """Let a gate pass although it failed or its evidence is missing; newer evidence of the same kind ends the waiver.

    `Forbidden` to whoever built or submitted the version, `Conflict` for a gate that stands in nobody's way or cannot
    be waived, `Invalid` for a reason too long to stand on the page.
    """
    actor.need(Permission.GATE_WAIVE)
    locked = lock_version(version)
    if not actor.is_person or actor.label in (locked.registered_by, locked.submitted_by):
        raise Forbidden("Whoever built or submitted a version cannot waive its gates; somebody else must.")
    if locked.state in ENDED:
        raise Conflict(f"Version {locked.number} is {locked.state}; there is nothing to waive.", code="wrong_state")
    status = gate_of(locked, gate)
    if not status.is_waivable:
        raise Conflict(f"“{status.title}” cannot be waived: without it nothing can be served.", code="not_waivable")
    if status.verdict in (Verdict.PASSED, Verdict.WAIVED):
        raise Conflict(f"“{status.title}” is {status.verdict}; there is nothing to waive.", code="wrong_state")
    if len(reason) > SUMMARY_LENGTH:
        raise Invalid("The reason is too long.", details=[Problem("reason", f"at most {SUMMARY_LENGTH} characters")])
    decisive = status.decisive
    waiver = Evidence.objects.create(
        version=locked,
        kind=gate,
        verdict=Verdict.WAIVED,
        summary=reason,
        payload={"waives": decisive.pk if decisive else None, "was": status.verdict},
        recorded_by=actor.label,
        recorded_at=now,
    )
    trail.record(
        actor=actor,
        event=Event.GATE_WAIVED,
        system=locked.system.slug,
        version=locked.number,
        object=gate,
        details={"was": status.verdict, "artifact_sha256": locked.artifact_sha256},
        text=reason,
    )
    return waiver


@transaction.atomic
def set_policy(
    *,
    actor: Actor,
    risk_class: str,
    gate: str,
    level: str,
    thresholds: Mapping[str, float],
    reason: str,
    now: datetime,
) -> GatePolicy:
    """How a gate binds the versions of a risk class from now on; what was approved before stays approved.

    `Invalid` naming each threshold that is unknown or out of its range, and for a gate that must stay required.
    """
    actor.need(Permission.GATE_POLICY_MANAGE)
    found = BY_KIND.get(gate)
    if found is None or risk_class not in RiskClass.values:
        raise Invalid("There is no such gate or risk class.")
    if level not in list(Level):
        raise Invalid("The level is unknown.", details=[Problem("level", f"must be one of: {', '.join(Level)}")])
    if not found.waivable and level != Level.REQUIRED:
        problem = Problem("level", "must stay required: without it nothing can be served")
        raise Invalid(f"“{found.title}” binds every version.", details=[problem])
    problems = [Problem(name, words) for name, words in found.problems_of(thresholds)]
    if problems:
        raise Invalid("A threshold cannot be set so.", details=problems)
    before = policies_for(risk_class)[gate]
    policy = GatePolicy.objects.create(
        risk_class=risk_class,
        gate=gate,
        level=level,
        thresholds=dict(thresholds),
        reason=reason,
        changed_by=actor.label,
        changed_at=now,
    )
    trail.record(
        actor=actor,
        event=Event.GATE_POLICY_CHANGED,
        object=f"{risk_class}/{gate}",
        details={
            "from": {"level": before.level, "thresholds": _as_text(before.thresholds)},
            "to": {"level": level, "thresholds": _as_text({**found.defaults, **thresholds})},
        },
        text=reason,
    )
    return policy


def _as_text(thresholds: Mapping[str, float]) -> dict[str, str]:
    """Figures as text: the trail's canonical form knows no fractions."""
    return {name: f"{value:g}" for name, value in thresholds.items()}
