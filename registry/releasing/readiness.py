"""Whether a rollback would work now, and where it would go."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from registry import store
from registry.lifecycle import State
from registry.models import Release, System, Version
from registry.queries import current_release


@dataclass(frozen=True)
class Armed:
    """Whether a rollback would work now: where it would go, and what stands against it."""

    target: Version | None
    problems: tuple[str, ...]

    @property
    def armed(self) -> bool:
        """True when the button does what it says."""
        return self.target is not None and not self.problems


def rollback_of(system: System) -> Armed:
    """Where a rollback would take production: the version that was live last before the present one and stands by.

    The target's artifact is hashed anew, so that the button says before the incident what would go wrong in it.
    """
    release = current_release(system)
    if release is None:
        return Armed(None, ("Nothing is live, so there is nothing to roll back.",))
    target = rollback_target(system, release)
    if target is None:
        return Armed(None, ("No earlier version stands by.",))
    try:
        store.read(settings.ARTIFACT_DIR, target.artifact_sha256)
    except store.StoreError as error:
        return Armed(target, (f"The artifact of version {target.number} cannot be used: {error}",))
    return Armed(target, ())


def rollback_target(system: System, release: Release) -> Version | None:
    """The last stable version: the newest earlier live version that stands by."""
    earlier = system.releases.filter(version__state=State.STANDBY).exclude(version=release.version)
    last = earlier.select_related("version").order_by("-number").first()
    return last.version if last else None
