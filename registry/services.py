"""Every write of the registry: one decision, one transaction, one entry in the trail each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Hidden, Invalid, Problem
from registry import access, lifecycle, queries, store
from registry.intake import Examined, Upload, examine_upload
from registry.models import Approval, Evidence, Release, RiskClass, Strategy, System, Verdict, Version

SERVED_STRATEGIES = frozenset({Strategy.DIRECT, Strategy.BLUE_GREEN})


class Event(StrEnum):
    """Names of the registry's acts in the trail."""

    EVIDENCE_ATTACHED = "evidence.attached"
    RELEASE_CREATED = "release.created"
    RELEASE_ROLLED_BACK = "release.rolled_back"
    SYSTEM_CREATED = "system.created"
    VERSION_APPROVED = "version.approved"
    VERSION_REGISTERED = "version.registered"
    VERSION_REINSTATED = "version.reinstated"
    VERSION_REJECTED = "version.rejected"
    VERSION_RETIRED = "version.retired"
    VERSION_SUBMITTED = "version.submitted"


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


def register_version(*, actor: Actor, system: System, upload: Upload, now: datetime) -> Version:
    """A new draft version, after every part of the upload passed its checks (`intake.examine_upload`)."""
    actor.need(Permission.VERSION_REGISTER)
    # Before the transaction: examining takes seconds, and must not hold the system's lock.
    examined = examine_upload(upload)
    with transaction.atomic():
        locked = System.objects.select_for_update().get(pk=system.pk)
        last = locked.versions.order_by("-number").values_list("number", flat=True).first()
        version = Version.objects.create(
            system=locked,
            number=(last or 0) + 1,
            manifest=examined.manifest_text,
            artifact_format=examined.manifest.model.format,
            artifact_sha256=examined.artifact_sha256,
            artifact_bytes=examined.artifact_bytes,
            background_sha256=examined.background_sha256,
            background_rows=examined.background_rows,
            evaluation_sha256=examined.evaluation_sha256,
            registered_by=actor.label,
            registered_at=now,
        )
        Evidence.objects.bulk_create(_first_evidence(version, examined, actor, now))
        trail.record(
            actor=actor,
            event=Event.VERSION_REGISTERED,
            system=locked.slug,
            version=version.number,
            details={"artifact_sha256": version.artifact_sha256, "background_sha256": version.background_sha256},
        )
    return version


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
    """Add one checked fact about a version. What a service says of itself is at most `claimed`."""
    actor.need(Permission.VERSION_REGISTER)
    if verdict not in (Verdict.CLAIMED, Verdict.FAILED):
        problem = Problem("verdict", "must be claimed or failed; passed is given by our own checks, waived by a person")
        raise Invalid("This verdict cannot be given from outside.", details=[problem])
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


@transaction.atomic
def submit_version(*, actor: Actor, version: Version, reason: str) -> Version:
    """Ask for approval. Whoever submits cannot approve."""
    locked = _lock(version)
    _move(actor, locked, "submit", submitted_by=actor.label)
    _record_move(actor, locked, Event.VERSION_SUBMITTED, reason)
    return locked


@transaction.atomic
def approve_version(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """A second person's yes to the artifact's digest and the evidence as it stands."""
    locked = _lock(version)
    _move(actor, locked, "approve")
    approval = _sign(actor, locked, "approved", reason, now)
    _record_move(actor, locked, Event.VERSION_APPROVED, reason, evidence_sha256=approval.evidence_sha256)
    return locked


@transaction.atomic
def reject_version(*, actor: Actor, version: Version, reason: str, now: datetime) -> Version:
    """A second person's no."""
    locked = _lock(version)
    _move(actor, locked, "reject")
    approval = _sign(actor, locked, "rejected", reason, now)
    _record_move(actor, locked, Event.VERSION_REJECTED, reason, evidence_sha256=approval.evidence_sha256)
    return locked


@transaction.atomic
def reinstate_version(*, actor: Actor, version: Version, reason: str) -> Version:
    """Clear a version that a rollback took out of production."""
    locked = _lock(version)
    _move(actor, locked, "reinstate")
    _record_move(actor, locked, Event.VERSION_REINSTATED, reason)
    return locked


@transaction.atomic
def retire_version(*, actor: Actor, version: Version, reason: str) -> Version:
    """Take a version out of use for good; a live one is refused."""
    locked = _lock(version)
    _move(actor, locked, "retire")
    _record_move(actor, locked, Event.VERSION_RETIRED, reason)
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
        case "reinstate":
            return reinstate_version(**asked)
        case "retire":
            return retire_version(**asked)
    raise Hidden


@transaction.atomic
def create_release(
    *,
    actor: Actor,
    system: System,
    version: Version,
    strategy: str,
    reason: str,
    expected_release: int | None,
    now: datetime,
) -> Release:
    """Make a version live. `Conflict` when somebody released in between or the version is not approved."""
    actor.need(Permission.RELEASE_CREATE)
    if strategy not in SERVED_STRATEGIES:
        problem = Problem("strategy", f"must be one of: {', '.join(sorted(SERVED_STRATEGIES))}")
        raise Invalid("This strategy is not served yet.", details=[problem])
    current = _lock_pointer(system, expected_release)
    target = _lock(version)
    if target.system_id != system.pk:
        raise Invalid("The version belongs to another system.")
    lifecycle.check("go_live", lifecycle.State(target.state), what=f"version {target.number}")
    _check_artifact(target)
    if current:
        _move(actor, _lock(current.version), "stand_by")
    _move(actor, target, "go_live")
    return _release(actor, system, target, current, strategy, reason, now, is_rollback=False)


@transaction.atomic
def roll_back(
    *, actor: Actor, system: System, reason: str, expected_release: int | None, now: datetime
) -> tuple[Release, Version]:
    """Return production to the last stable version; the new release and the version that it replaced.

    The replaced version is quarantined until a person clears it. `Conflict` when nothing stands by, when the
    target's artifact no longer hashes to its digest, or when somebody released in between.
    """
    actor.need(Permission.RELEASE_ROLL_BACK)
    current = _lock_pointer(system, expected_release)
    if current is None:
        raise Conflict("Nothing is live, so there is nothing to roll back.", code="nothing_live")
    found = queries.rollback_target(system, current)
    if found is None:
        raise Conflict("No earlier version stands by, so there is nothing to return to.", code="no_target")
    target, replaced = _lock(found), _lock(current.version)
    _check_artifact(target)
    _move(actor, replaced, "quarantine")
    _move(actor, target, "return_live")
    release = _release(actor, system, target, current, Strategy.DIRECT, reason, now, is_rollback=True)
    return release, replaced


def _lock(version: Version) -> Version:
    return Version.objects.select_for_update(of=("self",)).select_related("system").get(pk=version.pk)


def _lock_pointer(system: System, expected_release: int | None) -> Release | None:
    """The present release, with the system locked against other releases; `Conflict` when it is not the expected."""
    System.objects.select_for_update().get(pk=system.pk)
    current = queries.current_release(system)
    number = current.number if current else None
    if expected_release is not None and expected_release != (number or 0):
        raise Conflict(
            f"Somebody released in between: release {number} is in force, not {expected_release}. Look again.",
            code="release_changed",
        )
    return current


def _move(actor: Actor, version: Version, name: str, **changes: Any) -> None:
    """The one place where a version's state is assigned."""
    move = lifecycle.BY_NAME[name]
    if not move.by_release:
        access.check_move(actor, move, submitted_by=version.submitted_by)
    version.state = lifecycle.check(name, lifecycle.State(version.state), what=f"version {version.number}").value
    for field, value in changes.items():
        setattr(version, field, value)
    version.save(update_fields=["state", *changes])


def _record_move(actor: Actor, version: Version, event: Event, reason: str, **details: Any) -> None:
    facts = {"artifact_sha256": version.artifact_sha256, **details}
    trail.record(
        actor=actor, event=event, system=version.system.slug, version=version.number, details=facts, text=reason
    )


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


def _check_artifact(version: Version) -> None:
    try:
        store.read(settings.ARTIFACT_DIR, version.artifact_sha256)
    except store.StoreError as error:
        message = f"Version {version.number} cannot go live: its artifact cannot be used: {error}"
        raise Conflict(message, code="artifact_unusable") from None


def _release(
    actor: Actor,
    system: System,
    version: Version,
    current: Release | None,
    strategy: str,
    reason: str,
    now: datetime,
    *,
    is_rollback: bool,
) -> Release:
    release = Release.objects.create(
        system=system,
        number=(current.number if current else 0) + 1,
        version=version,
        is_rollback=is_rollback,
        strategy=strategy,
        reason=reason,
        released_by=actor.label,
        released_at=now,
    )
    replaced = current.version.number if current else None
    trail.record(
        actor=actor,
        event=Event.RELEASE_ROLLED_BACK if is_rollback else Event.RELEASE_CREATED,
        system=system.slug,
        version=version.number,
        release=release.number,
        details={"artifact_sha256": version.artifact_sha256, "replaced_version": replaced, "strategy": strategy},
        text=reason,
    )
    return release


def _first_evidence(version: Version, examined: Examined, actor: Actor, now: datetime) -> list[Evidence]:
    """What the intake itself found out (passed), and what the manifest only says (claimed)."""
    manifest, report = examined.manifest, examined.report
    found = [
        ("artifact", Verdict.PASSED, f"Opened in the sandbox; SHA-256 {examined.artifact_sha256}", report.as_dict()),
        ("schema", Verdict.PASSED, f"{len(manifest.inputs.features)} inputs; {report.rows} rows were scored", {}),
        ("background", Verdict.PASSED, f"{examined.background_rows} rows fit the schema", {}),
    ]
    if manifest.source and manifest.source.commit:
        found.append(("commit", Verdict.CLAIMED, f"Commit {manifest.source.commit}, by the manifest", {}))
    if manifest.training_data and manifest.training_data.sha256:
        found.append(("training_data", Verdict.CLAIMED, f"SHA-256 {manifest.training_data.sha256}", {}))
    if manifest.image_digest:
        found.append(("image", Verdict.CLAIMED, f"Digest {manifest.image_digest}", {}))
    url = (manifest.source.run_url or "") if manifest.source else ""
    return [
        Evidence(
            version=version,
            kind=kind,
            verdict=verdict,
            summary=summary,
            source_url=url if verdict == Verdict.CLAIMED else "",
            payload=payload,
            recorded_by=actor.label if verdict == Verdict.CLAIMED else "system:intake",
            recorded_at=now,
        )
        for kind, verdict, summary, payload in found
    ]
