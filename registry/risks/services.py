"""Every write of the risk register: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from django.db import transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Forbidden, Invalid, Problem
from registry.events import Event
from registry.models import (
    ControlKind,
    ResidualAcceptance,
    Risk,
    RiskAcceptance,
    RiskRevision,
    RiskSource,
    System,
    Version,
)
from registry.risks.queries import digest_of, is_evidence, line_of, lines_of, snapshot
from registry.risks.rating import Written, problems_of

MOST_REASON = 2_000


@transaction.atomic
def record_risk(*, actor: Actor, system: System, written: Written, now: datetime) -> Risk:
    """A new risk in the system's register. `Invalid` names everything that is wrong with what was written."""
    actor.need(Permission.RISK_WRITE)
    _check(system, written, now)
    # Two people at once: the second gets the number after.
    locked = System.objects.select_for_update().get(pk=system.pk)
    last = locked.risks.order_by("-number").values_list("number", flat=True).first()
    risk = Risk.objects.create(system=locked, number=(last or 0) + 1, recorded_by=actor.label, recorded_at=now)
    revision = _revise(actor, risk, 1, written, "First written down.", now)
    _record(actor, Event.RISK_RECORDED, revision, "")
    return risk


@transaction.atomic
def revise_risk(
    *, actor: Actor, risk: Risk, written: Written, reason: str, expected_number: int | None = None, now: datetime
) -> RiskRevision:
    """What is known of a risk from now on, also when a review leaves it as it is; an acceptance holds for its revision.

    `expected_number` is the revision that the actor began with; `Conflict` where somebody wrote one since.
    """
    actor.need(Permission.RISK_WRITE)
    newest = _locked(risk, expected_number)
    _check(risk.system, written, now)
    _check_reason(reason)
    revision = _revise(actor, risk, newest.number + 1, written, reason.strip(), now)
    _record(actor, Event.RISK_REVISED, revision, reason)
    return revision


@transaction.atomic
def accept_risk(
    *, actor: Actor, risk: Risk, reason: str, expected_number: int | None = None, now: datetime
) -> RiskAcceptance:
    """The yes to what is left of a risk as its newest revision has it. `Forbidden` to whoever wrote that revision."""
    actor.need(Permission.RISK_ACCEPT)
    newest = _locked(risk, expected_number)
    state = line_of(risk, now.date()).state
    if state != "open":
        raise Conflict(f"Risk {risk.number} is {state}; there is nothing to accept.", code="wrong_state")
    if newest.written_by == actor.label:
        raise Forbidden("You wrote this revision, so somebody else must accept it.")
    _check_reason(reason)
    facts = {"reason": reason.strip(), "accepted_by": actor.label, "accepted_at": now}
    made = RiskAcceptance.objects.create(revision=newest, **facts)
    _record(actor, Event.RISK_ACCEPTED, newest, reason)
    return made


@transaction.atomic
def accept_residual(
    *, actor: Actor, version: Version, reason: str, expected: str | None = None, now: datetime
) -> ResidualAcceptance:
    """The yes to all that is left of a version's risks together (Art. 9(5)), on the register as it stands.

    `expected` is the digest of the register that the actor saw. `Conflict` where it is another by now, where
    some risk is not accepted by itself, or where there is none.
    """
    actor.need(Permission.RISK_ACCEPT)
    system = System.objects.select_for_update().get(pk=version.system_id)
    lines = lines_of(system, now.date())
    register = snapshot(lines)
    if not register:
        raise Conflict("The register is empty: there is nothing to accept.", code="no_risks")
    if expected not in (None, digest_of(register)):
        raise Conflict("The register changed in between. Look at it again.", code="register_changed")
    if waiting := [str(line.risk.number) for line in lines if line.state == "open"]:
        words = f"Not every risk is accepted by itself yet: {', '.join(waiting)}."
        raise Conflict(words, code="risks_open")
    _check_reason(reason)
    facts = {"reason": reason.strip(), "accepted_by": actor.label, "accepted_at": now}
    made = ResidualAcceptance.objects.create(version=version, register=register, **facts)
    trail.record(
        actor=actor,
        event=Event.RESIDUAL_RISK_ACCEPTED,
        system=system.slug,
        version=version.number,
        details={"risks": len(register), "register_sha256": digest_of(register)},
        text=reason,
    )
    return made


def _locked(risk: Risk, expected_number: int | None) -> RiskRevision:
    """The risk's newest revision, with the system's register locked against other writers."""
    System.objects.select_for_update().get(pk=risk.system_id)
    newest = risk.revisions.all()[0]
    if expected_number not in (None, newest.number):
        words = f"{newest.written_by.removeprefix('user:')} wrote revision {newest.number} in between."
        raise Conflict(f"{words} Look at it first.", code="risk_changed")
    return newest


def _revise(actor: Actor, risk: Risk, number: int, written: Written, reason: str, now: datetime) -> RiskRevision:
    facts = {"reason": reason, "written_by": actor.label, "written_at": now}
    return RiskRevision.objects.create(risk=risk, number=number, **written.as_row(), **facts)


def _check(system: System, written: Written, now: datetime) -> None:
    problems = problems_of(written, now.date())
    if written.source not in RiskSource.values:
        problems.append(Problem("source", f"must be one of: {', '.join(RiskSource.values)}"))
    for place, control in enumerate(written.controls, start=1):
        if control.kind not in ControlKind.values:
            problems.append(Problem("controls", f"number {place} is of no known kind"))
        if not is_evidence(system, control.evidence):
            words = f"“{control.evidence}” is no gate, no version of the system (“version 2”) and no address"
            problems.append(Problem("controls", f"number {place}: {words}"))
    if problems:
        raise Invalid("The risk cannot be kept so.", details=problems)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("A reason is needed.", details=[Problem("reason", "is required")])
    if len(reason) > MOST_REASON:
        raise Invalid("The reason is too long.", details=[Problem("reason", f"at most {MOST_REASON:,} characters")])


def _record(actor: Actor, event: Event, revision: RiskRevision, reason: str) -> None:
    risk = revision.risk
    words = [revision.title, revision.affected, revision.harm, revision.controls]
    details = {
        **{"risk": risk.number, "revision": revision.number, "rating": revision.rating, "residual": revision.residual},
        **{"closed": revision.is_closed, "words_sha256": _digest(words)},
    }
    trail.record(actor=actor, event=event, system=risk.system.slug, details=details, text=reason or None)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
