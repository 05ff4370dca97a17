"""Releases and rollbacks: each one transaction with one entry in the trail.

There is no automatic rollback. Whoever builds one (a judge over a rollout, an alert) comes through `roll_back`, and
must first look at the release in force: one that is itself a rollback (`Release.is_rollback`) is never rolled back
by a machine, since two versions that are both thought bad would change places without end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Forbidden, Invalid, Problem
from registry import lifecycle, queries, store
from registry.checking.findings import Verdict
from registry.checking.queries import gates_of, unsatisfied
from registry.events import Event
from registry.models import Ratification, Release, RollbackReadiness, Strategy, System, Version
from registry.moves import lock_version, move
from registry.releasing import gateways
from registry.releasing.access import ratification_barred
from registry.releasing.preview import Preview
from registry.releasing.readiness import Armed, rollback_target

MOST_TOLD = 20
SERVED_STRATEGIES = frozenset({Strategy.DIRECT, Strategy.BLUE_GREEN})


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
    """Make an approved version live.

    `Conflict` when the system does what nobody may do (Art. 5), when somebody released in between, when the version is
    not approved, when its artifact no longer hashes, when a gate failed since its approval, or, for a blue-green
    release, when a gateway does not have it ready.
    """
    actor.need(Permission.RELEASE_CREATE)
    _check_strategy(strategy)
    _check_practices(system, now)
    current = _lock_pointer(system, expected_release)
    target = _lock_version_of(system, version)
    lifecycle.check("go_live", lifecycle.State(target.state), what=f"version {target.number}")
    _check_evidence(target)
    _check_artifact(target)
    if strategy == Strategy.BLUE_GREEN:
        gateways.check_ready(target)
    _step_aside(actor, current)
    move(actor, target, "go_live")
    release = _release(actor, target, current, reason, now, strategy=strategy)
    _record(actor, Event.RELEASE_CREATED, release, current)
    return release


@transaction.atomic
def release_unapproved(
    *, actor: Actor, system: System, version: Version, reason: str, expected_release: int | None, now: datetime
) -> Release:
    """Make a version live that nobody has approved, in an emergency; somebody else must ratify it afterwards.

    Persons only. `Conflict` as for a release, or when the version is neither a draft nor waits for approval. The trail
    names the gates that it had not passed.
    """
    actor.need(Permission.RELEASE_BREAK_GLASS)
    if not actor.is_person:
        raise Forbidden(f"Only a person may release what nobody has approved; {actor.label} is a service.")
    _check_practices(system, now)
    current = _lock_pointer(system, expected_release)
    target = _lock_version_of(system, version)
    lifecycle.check("go_live_unapproved", lifecycle.State(target.state), what=f"version {target.number}")
    _check_artifact(target)
    _step_aside(actor, current)
    move(actor, target, "go_live_unapproved", submitted_by=target.submitted_by or actor.label)
    release = _release(actor, target, current, reason, now, is_break_glass=True)
    missing = [f"{gate.kind}: {gate.verdict}" for gate in gates_of(target) if not gate.is_satisfied]
    _record(actor, Event.RELEASE_BROKE_GLASS, release, current, missing_gates=", ".join(missing))
    return release


@transaction.atomic
def ratify_release(*, actor: Actor, release: Release, reason: str, now: datetime) -> Ratification:
    """A second person's word, after the fact, on a release that nobody had approved.

    `Forbidden` for who released or submitted the version and for services; `Conflict` where there is nothing to ratify.
    """
    actor.need(Permission.VERSION_APPROVE)
    if not release.is_break_glass:
        raise Conflict(f"Release {release.number} was approved before it went live.", code="nothing_to_ratify")
    if barred := ratification_barred(actor, release):
        raise Forbidden(barred)
    try:
        with transaction.atomic():
            made = Ratification.objects.create(release=release, ratified_by=actor.label, reason=reason, ratified_at=now)
    except IntegrityError:
        raise Conflict(f"Release {release.number} has been ratified already.", code="nothing_to_ratify") from None
    trail.record(
        actor=actor,
        event=Event.RELEASE_RATIFIED,
        system=release.system.slug,
        version=release.version.number,
        release=release.number,
        details={"artifact_sha256": release.version.artifact_sha256, "released_by": release.released_by},
        text=reason,
    )
    return made


@transaction.atomic
def roll_back(
    *,
    actor: Actor,
    system: System,
    reason: str,
    expected_release: int | None,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> tuple[Release, Version]:
    """Return production to the last stable version; the new release and the version that it replaced.

    The replaced version is quarantined until a person clears it. `Conflict` when nothing stands by, when the
    target's artifact no longer hashes to its digest, or when somebody released in between. Whatever else keeps it from
    being armed (`readiness`) does not refuse it: that is for whoever decides. `details` go into the trail.
    """
    actor.need(Permission.RELEASE_ROLL_BACK)
    current = _lock_pointer(system, expected_release)
    if current is None:
        raise Conflict("Nothing is live, so there is nothing to roll back.", code="nothing_live")
    found = rollback_target(system, current)
    if found is None:
        raise Conflict("No earlier version stands by, so there is nothing to return to.", code="no_target")
    target, replaced = lock_version(found), lock_version(current.version)
    _check_artifact(target)
    move(actor, replaced, "quarantine")
    move(actor, target, "return_live")
    release = _release(actor, target, current, reason, now, is_rollback=True)
    _record(actor, Event.RELEASE_ROLLED_BACK, release, current, **(details or {}))
    return release, replaced


@transaction.atomic
def record_preview(*, actor: Actor, system: System, preview: Preview, **details: Any) -> None:
    """Record that somebody had decisions made again by the rollback's target, and what came out, in numbers."""
    actor.need_sight(Permission.SYSTEM_VIEW)
    trail.record(
        actor=actor,
        event=Event.ROLLBACK_PREVIEWED,
        system=system.slug,
        version=preview.target.number if preview.target else None,
        release=preview.release.number if preview.release else None,
        details={**preview.counts(), **details},
    )


@transaction.atomic
def note_readiness(*, actor: Actor, system: System, found: Armed, now: datetime) -> RollbackReadiness:
    """Keep whether a rollback would work; an act in the trail only where the answer is another than before."""
    locked = System.objects.select_for_update().get(pk=system.pk)
    row = RollbackReadiness.objects.filter(system=locked).first()
    was_armed = row is not None and row.is_armed
    row = row or RollbackReadiness(system=locked, changed_at=now)
    row.is_armed, row.problems, row.checked_at = found.armed, list(found.problems), now
    row.target = found.target.number if found.target else None
    if was_armed != found.armed:
        row.changed_at = now
        trail.record(
            actor=actor,
            event=Event.ROLLBACK_ARMED if found.armed else Event.ROLLBACK_DISARMED,
            system=locked.slug,
            version=row.target,
            # An entry has an end, a schema may have thousands of inputs.
            details={"problems": [problem[:300] for problem in row.problems[:MOST_TOLD]]},
        )
    row.save()
    return row


def _check_strategy(strategy: str) -> None:
    if strategy not in SERVED_STRATEGIES:
        problem = Problem("strategy", f"must be one of: {', '.join(sorted(SERVED_STRATEGIES))}")
        later = " Canary and shadow releases come later." if strategy in Strategy.values else ""
        raise Invalid(f"This strategy is not served yet.{later}", details=[problem])


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


def _lock_version_of(system: System, version: Version) -> Version:
    target = lock_version(version)
    if target.system_id != system.pk:
        raise Invalid("The version belongs to another system.")
    return target


def _check_artifact(version: Version) -> None:
    if version.spec.model.is_remote:
        words = f"Version {version.number} is served elsewhere, and our gateways serve only what they load themselves."
        raise Conflict(f"{words} Report its decisions instead (POST /api/v1/decisions/).", code="served_elsewhere")
    try:
        store.read(settings.ARTIFACT_DIR, version.artifact_sha256)
    except (store.StoreError, OSError) as error:
        message = f"Version {version.number} cannot go live: its artifact cannot be used: {error}"
        raise Conflict(message, code="artifact_unusable") from None


def _check_practices(system: System, now: datetime) -> None:
    if letters := queries.prohibited_practices(system, now.date()):
        points = ", ".join(f"Art. 5(1)({letter})" for letter in letters)
        words = f"By its classification {system.slug} does what nobody may do ({points}): no version goes live."
        raise Conflict(words, code="prohibited_practice")


def _check_evidence(version: Version) -> None:
    """What was found out after the approval counts, too; what was merely asked for later does not."""
    signed = version.approvals.filter(verdict="approved").order_by("-id").first()
    since = [gate for gate in unsatisfied(version) if gate.verdict == Verdict.FAILED]
    failed = [gate for gate in since if signed and gate.decisive and gate.decisive.recorded_at > signed.decided_at]
    if failed:
        titles = ", ".join(f"“{gate.title}”" for gate in failed)
        message = f"Version {version.number} cannot go live: since its approval it failed {titles}."
        raise Conflict(f"{message} Waive it, or withdraw the approval.", code="gates_failed_since")


def _step_aside(actor: Actor, current: Release | None) -> None:
    """The version that was live stands by, or, where nobody has approved it, is quarantined: no rollback's target."""
    if current is not None:
        aside = "quarantine" if queries.owes_approval(current.version) else "stand_by"
        move(actor, lock_version(current.version), aside)


def _release(
    actor: Actor,
    version: Version,
    current: Release | None,
    reason: str,
    now: datetime,
    *,
    strategy: str = Strategy.DIRECT.value,
    is_rollback: bool = False,
    is_break_glass: bool = False,
) -> Release:
    return Release.objects.create(
        system=version.system,
        number=(current.number if current else 0) + 1,
        version=version,
        is_rollback=is_rollback,
        is_break_glass=is_break_glass,
        strategy=strategy,
        reason=reason,
        released_by=actor.label,
        released_at=now,
    )


def _record(actor: Actor, event: Event, release: Release, replaced: Release | None, **details: Any) -> None:
    version = release.version
    facts = {
        "artifact_sha256": version.artifact_sha256,
        "replaced_version": replaced.version.number if replaced else None,
        "strategy": release.strategy,
    }
    trail.record(
        actor=actor,
        event=event,
        system=version.system.slug,
        version=version.number,
        release=release.number,
        details=facts | details,
        text=release.reason,
    )
