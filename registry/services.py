"""Systems, versions and evidence: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem, Refusal
from portal.queue import after_commit
from registry.drafting import draft_of, first_evidence
from registry.events import Event
from registry.intake import Examined, Upload, examine_upload
from registry.models import CheckRun, Evidence, RiskClass, System, Verdict, Version
from registry.moves import check_not_held
from registry.vouching import IdentityRefused, Voucher, check_commit, spend

RUN_CHECKS = "registry.checking.tasks.run_checks"


@transaction.atomic
def create_system(
    *,
    actor: Actor,
    slug: str,
    name: str,
    purpose: str,
    owner: str,
    risk_class: str,
    annex_iii_point: str | None,
    now: datetime,
) -> System:
    """A new system; `Conflict` when the slug is taken, `Invalid` for a high-risk system without its Annex III point."""
    actor.need(Permission.SYSTEM_CREATE)
    if risk_class == RiskClass.HIGH and not annex_iii_point:
        problem = Problem("annex_iii_point", "is required for a high-risk system, for instance 5(b)")
        raise Invalid("A high-risk system names its point of Annex III.", details=[problem])
    try:
        with transaction.atomic():
            system = System.objects.create(
                slug=slug,
                name=name,
                purpose=purpose,
                owner=owner,
                risk_class=risk_class,
                annex_iii_point=annex_iii_point or None,
                created_by=actor.label,
                created_at=now,
            )
    except IntegrityError:
        raise Conflict(f"A system called {slug} exists.", code="slug_taken") from None
    trail.record(actor=actor, event=Event.SYSTEM_CREATED, system=slug, details={"risk_class": risk_class})
    return system


def register_version(
    *, actor: Actor, system: System, upload: Upload, voucher: Voucher | None = None, now: datetime
) -> Version:
    """A new draft version, after every part of the upload passed its checks (`intake.examine_upload`).

    The voucher, where CI sent its identity along, proves the commit. A refusal is recorded, and nothing is stored.
    """
    actor.need(Permission.VERSION_REGISTER)
    try:
        # Before the transaction: examining takes seconds, and must not hold the system's lock.
        examined = examine_upload(upload)
        if voucher is not None:
            check_commit(voucher, examined.manifest)
        with transaction.atomic():
            return _register(actor, system, examined, voucher, now)
    except Refusal as refusal:
        record_refusal(actor=actor, system=system, refusal=refusal, facts=upload.facts)
        raise


def queue_checks(*, actor: Actor, version: Version, now: datetime) -> CheckRun:
    """A run of the checks for the workers, in the transaction of what asks for it; there must be no open one."""
    run = CheckRun.objects.create(
        version=version, stage="Waiting for a worker", requested_by=actor.label, requested_at=now, touched_at=now
    )
    after_commit(RUN_CHECKS, run_id=run.pk)
    return run


@transaction.atomic
def record_refusal(
    *,
    actor: Actor,
    system: System,
    refusal: Refusal,
    facts: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> None:
    """Record that what somebody sent was refused, and why: an upload, or the CI identity that should vouch for it."""
    is_identity = isinstance(refusal, IdentityRefused)
    trail.record(
        actor=actor,
        event=Event.IDENTITY_REFUSED if is_identity else Event.VERSION_REFUSED,
        system=system.slug,
        version=version,
        details={
            "code": refusal.code,
            **(facts or {}),
            **({"claimed": refusal.claimed} if isinstance(refusal, IdentityRefused) else {}),
        },
        text=refusal.message,
    )


@contextmanager
def recording_refusals(*, actor: Actor, system: System, version: int | None = None) -> Iterator[None]:
    """Inside, a CI identity that is refused is recorded so, once whatever it was to prove has been undone."""
    try:
        yield
    except IdentityRefused as refusal:
        record_refusal(actor=actor, system=system, refusal=refusal, version=version)
        raise


@transaction.atomic
def attach_evidence(
    *,
    actor: Actor,
    version: Version,
    kind: str,
    verdict: str,
    summary: str,
    source_url: str = "",
    payload: Mapping[str, Any] | None = None,
    now: datetime,
) -> Evidence:
    """Add one checked fact about a version. What a service says of itself is at most `claimed`.

    `Conflict` while an incident holds the version.
    """
    actor.need(Permission.VERSION_REGISTER)
    check_not_held(version)
    if verdict not in (Verdict.CLAIMED, Verdict.FAILED):
        problem = Problem("verdict", "must be claimed or failed; passed is given by our own checks, waived by a person")
        raise Invalid("This verdict cannot be given from outside.", details=[problem])
    if not summary:
        raise Invalid("Evidence needs a summary.", details=[Problem("summary", "is required")])
    evidence = Evidence.objects.create(
        version=version,
        kind=kind,
        verdict=verdict,
        summary=summary,
        source_url=source_url,
        payload=dict(payload or {}),
        recorded_by=actor.label,
        recorded_at=now,
    )
    trail.record(
        actor=actor,
        event=Event.EVIDENCE_ATTACHED,
        system=version.system.slug,
        version=version.number,
        details={"kind": kind, "verdict": verdict},
    )
    return evidence


def _register(actor: Actor, system: System, examined: Examined, voucher: Voucher | None, now: datetime) -> Version:
    locked = System.objects.select_for_update().get(pk=system.pk)
    last = locked.versions.order_by("-number").values_list("number", flat=True).first()
    version = draft_of(locked, examined, number=(last or 0) + 1, actor=actor, now=now)
    version.save(force_insert=True)
    if voucher is not None:
        spend(voucher)
    evidence = first_evidence(version, examined, actor=actor, voucher=voucher, now=now)
    Evidence.objects.bulk_create(evidence)
    digests = {"artifact_sha256": version.artifact_sha256, "background_sha256": version.background_sha256}
    trail.record(
        actor=actor,
        event=Event.VERSION_REGISTERED,
        system=locked.slug,
        version=version.number,
        details={**digests, **({"identity": voucher.claimed} if voucher else {})},
    )
    queue_checks(actor=actor, version=version, now=now)
    return version
