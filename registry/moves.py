"""How a version moves from state to state: locked, checked, assigned in one place, and recorded."""

from __future__ import annotations

from typing import Any

import audit.services as trail
from portal.accounts.access import Actor
from portal.errors import Conflict
from registry import access, lifecycle, queries
from registry.events import Event
from registry.models import Version


def lock_version(version: Version) -> Version:
    """The version as it stands, locked until the transaction ends."""
    return Version.objects.select_for_update(of=("self",)).select_related("system").get(pk=version.pk)


def move(actor: Actor, version: Version, name: str, **changes: Any) -> None:
    """Move a locked version; `Forbidden` or `Conflict` when the actor or the state does not allow it.

    The one place where a version's state is assigned.
    """
    transition = lifecycle.BY_NAME[name]
    if not transition.by_release:
        access.check_move(actor, transition, submitted_by=version.submitted_by)
    if not transition.while_held:
        check_not_held(version)
    version.state = lifecycle.check(name, lifecycle.State(version.state), what=f"version {version.number}").value
    for field, value in changes.items():
        setattr(version, field, value)
    version.save(update_fields=["state", *changes])


def check_not_held(version: Version) -> None:
    """`Conflict`, naming the incident, while one holds the version."""
    if words := held_because(version):
        raise Conflict(words, code="held")


def held_because(version: Version) -> str:
    """Why nothing about the version may change now; empty when no incident holds it."""
    incident = queries.held_by(version)
    if incident is None:
        return ""
    return (
        f"Version {version.number} is held because of incident {incident.number}: nothing about it changes before the"
        " case is closed and its hold released. Taking it out of production stays possible."
    )


def record_move(actor: Actor, version: Version, event: Event, reason: str, **details: Any) -> None:
    """Record the move, with the digest of the artifact that it is about."""
    facts = {"artifact_sha256": version.artifact_sha256, **details}
    trail.record(
        actor=actor, event=event, system=version.system.slug, version=version.number, details=facts, text=reason
    )
