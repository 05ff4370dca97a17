"""Writes of the checklist: checks, waivers and the policy, each one transaction with one entry in the trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Forbidden, Invalid, Problem, Refusal
from registry.checking.findings import SUMMARY_LENGTH, Finding, Verdict
from registry.checking.gates import BY_KIND, Level
from registry.checking.policies import policies_for
from registry.checking.queries import gate_of, open_run
from registry.checking.trying import Busy, Tried, try_out
from registry.events import Event
from registry.intake import Upload
from registry.lifecycle import State
from registry.models import CheckRun, Evidence, GatePolicy, RiskClass, System, Version
from registry.moves import check_not_held, held_because, lock_version
from registry.services import queue_checks, record_refusal
from registry.vouching import Voucher

ENDED = frozenset({State.REJECTED, State.RETIRED})


@transaction.atomic
def request_checks(*, actor: Actor, version: Version, now: datetime) -> CheckRun:
    """A new run of the checks over the version, by the workers; or the one that is under way or waits.

    `Conflict` for a version that is rejected or retired, or held because of an incident.
    """
    if not actor.may(Permission.VERSION_APPROVE):
        actor.need(Permission.VERSION_REGISTER)
    locked = lock_version(version)
    if locked.state in ENDED:
        raise Conflict(f"Version {locked.number} is {locked.state}; there is nothing to check.", code="wrong_state")
    check_not_held(locked)
    found = open_run(locked)
    if found is not None:
        return found
    run = queue_checks(actor=actor, version=locked, now=now)
    trail.record(
        actor=actor,
        event=Event.CHECKS_REQUESTED,
        system=locked.system.slug,
        version=locked.number,
        details={"artifact_sha256": locked.artifact_sha256},
    )
    return run


@transaction.atomic
def record_findings(
    *, actor: Actor, run: CheckRun, findings: Sequence[Finding], error: str = "", now: datetime
) -> bool:
    """Keep what a run found as evidence, and end the run; `error` says why it was given up.

    False, with nothing kept, when another worker ended it before. A version that an incident came to hold meanwhile
    takes no evidence: the run is given up.
    """
    if held := held_because(run.version):
        findings, error = (), held
    ended = {"state": "failed" if error else "done", "stage": "", "error": error, "finished_at": now}
    mine = CheckRun.objects.filter(pk=run.pk, state__in=("queued", "running"))
    if not mine.update(**ended, done=len(findings), total=len(findings)):
        return False
    version = run.version
    Evidence.objects.bulk_create(
        Evidence(
            version=version,
            kind=finding.gate,
            verdict=finding.verdict.value,
            summary=finding.summary,
            source_url=finding.source_url,
            payload=finding.payload,
            recorded_by=actor.label,
            recorded_at=now,
        )
        for finding in findings
    )
    digests = {name: getattr(version, name) for name in ("artifact_sha256", "background_sha256", "evaluation_sha256")}
    trail.record(
        actor=actor,
        event=Event.VERSION_CHECKED,
        system=version.system.slug,
        version=version.number,
        details={
            "verdicts": {finding.gate: finding.verdict.value for finding in findings},
            **{name: digest for name, digest in digests.items() if digest},
        },
        text=error,
    )
    return True


def try_version(
    *, actor: Actor, system: System, upload: Upload, voucher: Voucher | None = None, now: datetime
) -> Tried:
    """How the checklist of a new version would stand; nothing is stored, and the CI identity is not used up.

    Refused, and the refusal recorded, as `register_version` would; `Busy` when others try out versions already.
    """
    actor.need(Permission.VERSION_REGISTER)
    try:
        # Before the transaction: the checks take seconds.
        tried = try_out(actor=actor, system=system, upload=upload, voucher=voucher, now=now)
    except Busy:
        raise
    except Refusal as refusal:
        record_refusal(actor=actor, system=system, refusal=refusal, facts=upload.facts)
        raise
    with transaction.atomic():
        trail.record(
            actor=actor,
            event=Event.VERSION_TRIED,
            system=system.slug,
            details={"artifact_sha256": tried.artifact_sha256, "ok": tried.ok},
        )
    return tried


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
    check_not_held(locked)
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
