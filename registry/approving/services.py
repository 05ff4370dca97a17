"""Asking for approval, giving it and taking it back: each one transaction with one entry in the trail."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.accounts.access import Actor
from portal.errors import Hidden
from registry import queries
from registry.events import Event
from registry.models import Approval, Version
from registry.moves import lock_version, move, record_move


@transaction.atomic
def submit_version(*, actor: Actor, version: Version, reason: str) -> Version:
    """Ask for approval. Whoever submits cannot approve."""
    locked = lock_version(version)
    move(actor, locked, "submit", submitted_by=actor.label)
    record_move(actor, locked, Event.VERSION_SUBMITTED, reason)
    return locked


@transaction.atomic
def approve_version(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """A second person's yes to the artifact's digest and the evidence as it stands."""
    locked = lock_version(version)
    move(actor, locked, "approve")
    approval = _sign(actor, locked, "approved", reason, now)
    record_move(actor, locked, Event.VERSION_APPROVED, reason, evidence_sha256=approval.evidence_sha256)
    return locked


@transaction.atomic
def reject_version(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """A second person's no."""
    locked = lock_version(version)
    move(actor, locked, "reject")
    approval = _sign(actor, locked, "rejected", reason, now)
    record_move(actor, locked, Event.VERSION_REJECTED, reason, evidence_sha256=approval.evidence_sha256)
    return locked


@transaction.atomic
def withdraw_approval(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """Take an approval back before the version is released; it waits for approval again."""
    locked = lock_version(version)
    move(actor, locked, "withdraw")
    approval = _sign(actor, locked, "withdrawn", reason, now)
    record_move(actor, locked, Event.APPROVAL_WITHDRAWN, reason, evidence_sha256=approval.evidence_sha256)
    return locked


@transaction.atomic
def reinstate_version(*, actor: Actor, version: Version, reason: str) -> Version:
    """Clear a version that a rollback took out of production."""
    locked = lock_version(version)
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
            return submit_version(**asked)
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


def _sign(actor: Actor, version: Version, verdict: str, reason: str, now: datetime) -> Approval:
    return Approval.objects.create(
        version=version,
        verdict=verdict,
        decided_by=actor.label,
        requested_by=version.submitted_by,
        reason=reason,
        artifact_sha256=version.artifact_sha256,
        evidence_sha256=queries.evidence_digest(version),
        decided_at=now,
    )
