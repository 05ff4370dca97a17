"""Releases and rollbacks: each one transaction with one entry in the trail."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

import audit.services as trail
from portal.accounts.access import Actor, Permission
from portal.errors import Conflict, Invalid, Problem
from registry import lifecycle, queries, store
from registry.events import Event
from registry.models import Release, Strategy, System, Version
from registry.moves import lock_version, move
from registry.releasing.readiness import rollback_target

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
    """Make a version live. `Conflict` when somebody released in between or the version is not approved."""
    actor.need(Permission.RELEASE_CREATE)
    if strategy not in SERVED_STRATEGIES:
        problem = Problem("strategy", f"must be one of: {', '.join(sorted(SERVED_STRATEGIES))}")
        raise Invalid("This strategy is not served yet.", details=[problem])
    current = _lock_pointer(system, expected_release)
    target = lock_version(version)
    if target.system_id != system.pk:
        raise Invalid("The version belongs to another system.")
    lifecycle.check("go_live", lifecycle.State(target.state), what=f"version {target.number}")
    _check_artifact(target)
    if current:
        move(actor, lock_version(current.version), "stand_by")
    move(actor, target, "go_live")
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
    found = rollback_target(system, current)
    if found is None:
        raise Conflict("No earlier version stands by, so there is nothing to return to.", code="no_target")
    target, replaced = lock_version(found), lock_version(current.version)
    _check_artifact(target)
    move(actor, replaced, "quarantine")
    move(actor, target, "return_live")
    release = _release(actor, system, target, current, Strategy.DIRECT, reason, now, is_rollback=True)
    return release, replaced


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
