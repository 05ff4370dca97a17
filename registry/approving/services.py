"""Asking for approval, giving it and taking it back: each one transaction with one entry in the trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission, Role
from portal.accounts.models import User
from portal.errors import Conflict, Forbidden, Hidden, Invalid, Problem
from registry import access, lifecycle, queries
from registry.approving.queries import Progress, barred_because, people_who_could_approve, progress_of
from registry.approving.queries import needed_for as needed_signatures
from registry.approving.signatures import ANY, MOST
from registry.checking.queries import unsatisfied
from registry.events import Event
from registry.models import Approval, ApprovalRule, Approver, RiskClass, Submission, System, Version
from registry.moves import check_not_held, lock_version, move, record_move

SIGNING_ROLES = (Role.COMPLIANCE.value, Role.ML_LEAD.value, ANY)


@transaction.atomic
def submit_version(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """Ask for approval, with a note for the approver. Whoever submits cannot approve."""
    locked = lock_version(version)
    move(actor, locked, "submit", submitted_by=actor.label)
    submission = Submission.objects.create(
        version=locked,
        requested_by=actor.label,
        note=reason,
        # Fixed now: no later change of rules or approvers may let it through with less.
        needed=needed_signatures(locked.system),
        artifact_sha256=locked.artifact_sha256,
        submitted_at=now,
    )
    record_move(actor, locked, Event.VERSION_SUBMITTED, reason, needed=submission.needed)
    return locked


@transaction.atomic
def approve_version(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """Sign for the artifact's digest and the evidence as it stands; with the last signature needed it is approved.

    `Forbidden` to the requester, to who has signed and to who is not named as approver; `Conflict` while required
    gates are neither passed nor waived, naming each.
    """
    locked, progress = _about_to(actor, version, "approve")
    if gates := unsatisfied(locked):
        details = [Problem(f"gates.{gate.kind}", f"is {gate.verdict}: {gate.title}") for gate in gates]
        names = ", ".join(f"“{gate.title}” ({gate.verdict})" for gate in gates)
        raise Conflict(f"Required gates stand in the way: {names}.", code="gates_unsatisfied", details=details)
    approval = _sign(actor, locked, progress, "approved", reason, now)
    after = progress_of(locked)
    if after.is_complete:
        move(actor, locked, "approve")
    record_move(
        actor,
        locked,
        Event.VERSION_APPROVED if after.is_complete else Event.VERSION_SIGNED,
        reason,
        evidence_sha256=approval.evidence_sha256,
        missing=after.missing,
    )
    return locked


@transaction.atomic
def reject_version(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """A second person's no; it is final for this version."""
    locked, progress = _about_to(actor, version, "reject")
    approval = _sign(actor, locked, progress, "rejected", reason, now)
    move(actor, locked, "reject")
    record_move(actor, locked, Event.VERSION_REJECTED, reason, evidence_sha256=approval.evidence_sha256)
    return locked


@transaction.atomic
def withdraw_approval(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """Take the approval back before the version is released: every signature falls, and it waits to be signed again."""
    locked, progress = _about_to(actor, version, "withdraw")
    approval = _sign(actor, locked, progress, "withdrawn", reason, now)
    move(actor, locked, "withdraw")
    record_move(actor, locked, Event.APPROVAL_WITHDRAWN, reason, evidence_sha256=approval.evidence_sha256)
    return locked


@transaction.atomic
def reinstate_version(*, actor: Actor, version: Version, reason: str) -> Version:
    """Clear a version that was taken out of production; refused while it owes an approval."""
    locked = lock_version(version)
    if queries.owes_approval(locked):
        message = f"Version {locked.number} went live without approval, and its release is not ratified."
        raise Conflict(message, code="approval_owed")
    move(actor, locked, "reinstate")
    record_move(actor, locked, Event.VERSION_REINSTATED, reason)
    return locked


@transaction.atomic
def retire_version(*, actor: Actor, version: Version, reason: str) -> Version:
    """Take a version out of use for good; a live one is refused."""
    locked = lock_version(version)
    move(actor, locked, "retire")
    record_move(actor, locked, Event.VERSION_RETIRED, reason)
    return locked


def move_version(name: str, *, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """Make the move of that name by its service; `Hidden` for a move that nobody may ask for."""
    asked = {"actor": actor, "version": version, "reason": reason}
    match name:
        case "submit":
            return submit_version(**asked, now=now)
        case "approve":
            return approve_version(**asked, now=now)
        case "reject":
            return reject_version(**asked, now=now)
        case "withdraw":
            return withdraw_approval(**asked, now=now)
        case "reinstate":
            return reinstate_version(**asked)
        case "retire":
            return retire_version(**asked)
    raise Hidden


@transaction.atomic
def set_approval_rule(
    *, actor: Actor, system: System, needed: Mapping[str, int], reason: str, now: datetime
) -> ApprovalRule:
    """How many approvers of which role the system's versions need from now on.

    A version that waits needs what either the rule of its submission or this one asks for. `Invalid` for no approver
    at all, for unknown roles, and for a high-risk system without a compliance officer.
    """
    actor.need(Permission.APPROVER_MANAGE)
    wanted = {role: count for role, count in needed.items() if count}
    problems = [Problem(f"needed.{role}", "is not a role that signs") for role in wanted if role not in SIGNING_ROLES]
    problems += [Problem(f"needed.{role}", "must be 0 or more") for role, count in wanted.items() if count < 0]
    if not 1 <= sum(wanted.values()) <= MOST:
        problems.append(Problem("needed", f"must ask for 1 to {MOST} signatures"))
    if system.risk_class == RiskClass.HIGH and not wanted.get(Role.COMPLIANCE.value):
        problems.append(Problem("needed.compliance", "must be at least 1 for a high-risk system"))
    if problems:
        raise Invalid("This rule cannot be set.", details=problems)
    rule = ApprovalRule.objects.create(
        system=system, needed=wanted, reason=reason, changed_by=actor.label, changed_at=now
    )
    trail.record(
        actor=actor, event=Event.APPROVAL_RULE_CHANGED, system=system.slug, details={"needed": wanted}, text=reason
    )
    return rule


@transaction.atomic
def name_approver(*, actor: Actor, system: System, username: str, now: datetime) -> Approver:
    """Name a person as approver of the system; from the first one on nobody else may approve its versions."""
    actor.need(Permission.APPROVER_MANAGE)
    person = _person(username)
    try:
        with transaction.atomic():
            approver = Approver.objects.create(system=system, person=person, named_by=actor.label, named_at=now)
    except IntegrityError:
        raise Conflict(f"{username} is named already.", code="named_already") from None
    trail.record(actor=actor, event=Event.APPROVER_NAMED, system=system.slug, object=person)
    return approver


@transaction.atomic
def remove_approver(*, actor: Actor, system: System, username: str, now: datetime) -> None:
    """Remove a named approver. It changes no version: what waits needs as many signatures as before."""
    actor.need(Permission.APPROVER_MANAGE)
    person = f"user:{username}"
    if not system.approvers.filter(person=person, removed_at=None).update(removed_by=actor.label, removed_at=now):
        raise Hidden
    trail.record(actor=actor, event=Event.APPROVER_REMOVED, system=system.slug, object=person)


def _person(username: str) -> str:
    found: list[User] = [person for person in people_who_could_approve() if person.username == username]
    if not found:
        problem = Problem("username", "is nobody whose role lets them approve")
        raise Invalid("This person cannot approve.", details=[problem])
    return found[0].actor.label


def _about_to(actor: Actor, version: Version, name: str) -> tuple[Version, Progress]:
    """The version, locked, and how far its approval has come, once the actor may make the move."""
    locked = lock_version(version)
    transition = lifecycle.BY_NAME[name]
    access.check_move(actor, transition, submitted_by=locked.submitted_by)
    lifecycle.check(name, lifecycle.State(locked.state), what=f"version {locked.number}")
    check_not_held(locked)
    progress = progress_of(locked)
    if reason := barred_because(actor, transition, locked, progress):
        raise Forbidden(reason)
    return locked, progress


def _sign(
    actor: Actor, version: Version, progress: Progress, verdict: str, reason: str, now: datetime
) -> Approval:
    return Approval.objects.create(
        version=version,
        submission=progress.submission,
        verdict=verdict,
        decided_by=actor.label,
        roles=sorted(role.value for role in actor.roles),
        requested_by=version.submitted_by,
        reason=reason,
        artifact_sha256=version.artifact_sha256,
        evidence_sha256=queries.evidence_digest(version),
        decided_at=now,
    )
