"""Every reading of the registry: what an actor may see, what is live, and what a rollback would return to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet

from portal.accounts.access import Actor, Permission
from portal.errors import Hidden
from registry import store
from registry.lifecycle import State
from registry.models import Evidence, Release, System, Version

# The checklist's gates, in the order of the page.
GATES = (
    ("artifact", "Artifact is safe and opens in the sandbox"),
    ("schema", "Input schema present, and the artifact accepts it"),
    ("background", "Background sample fits the schema"),
    ("commit", "Source commit"),
    ("training_data", "Fingerprint of the training data"),
    ("image", "Container image digest"),
)


def systems_visible_to(actor: Actor) -> QuerySet[System]:
    """The systems that the actor may see."""
    return System.objects.all() if actor.may(Permission.SYSTEM_VIEW) else System.objects.none()


def system_for(actor: Actor, slug: str) -> System:
    """The system, or `Hidden`."""
    system = systems_visible_to(actor).filter(slug=slug).first()
    if system is None:
        raise Hidden
    return system


def version_for(actor: Actor, slug: str, number: int) -> Version:
    """The version, or `Hidden`."""
    version = Version.objects.select_related("system").filter(system=system_for(actor, slug), number=number).first()
    if version is None:
        raise Hidden
    return version


def version_that_decided(slug: str, number: int) -> Version:
    """The version that a decision names, for whoever may see the decision."""
    return Version.objects.select_related("system").get(system__slug=slug, number=number)


def versions_in_service() -> QuerySet[Version]:
    """The versions that are live, stand by or were just taken back, newest first: for the product's own work."""
    in_service = Version.objects.filter(state__in=(State.LIVE, State.STANDBY, State.QUARANTINED))
    return in_service.select_related("system").order_by("-id")


def versions_awaiting_approval(actor: Actor) -> QuerySet[Version]:
    """Submitted versions that the actor could approve: not those of their own."""
    waiting = Version.objects.filter(state=State.SUBMITTED, system__in=systems_visible_to(actor))
    if not actor.may(Permission.VERSION_APPROVE):
        return waiting.none()
    return waiting.exclude(submitted_by=actor.label).select_related("system").order_by("id")


def current_release(system: System) -> Release | None:
    """The production pointer: the system's newest release."""
    return system.releases.select_related("version", "candidate").order_by("-number").first()


def release_at(system: System, moment: datetime) -> Release | None:
    """The release that was in force at the moment."""
    in_force = system.releases.filter(released_at__lte=moment).order_by("-number")
    return in_force.select_related("version", "candidate").first()


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


@dataclass(frozen=True)
class Gate:
    """One gate of a version: the newest evidence of its kind decides."""

    kind: str
    title: str
    verdict: str
    evidence: list[Evidence]


def gates_of(version: Version) -> list[Gate]:
    """The checklist of a version, each gate with its evidence, newest first."""
    by_kind: dict[str, list[Evidence]] = {}
    for item in version.evidence.order_by("-id"):
        by_kind.setdefault(item.kind, []).append(item)
    titles = dict(GATES)
    titles |= {kind: kind.replace("_", " ").capitalize() for kind in sorted(set(by_kind) - set(titles))}
    found = {kind: by_kind.get(kind, []) for kind in titles}
    return [Gate(kind, title, _verdict(found[kind]), found[kind]) for kind, title in titles.items()]


def evidence_digest(version: Version) -> str:
    """SHA-256 over the evidence as it stands: what an approval signs besides the artifact."""
    rows = version.evidence.order_by("id").values_list("id", "kind", "verdict", "summary")
    return hashlib.sha256(json.dumps([list(row) for row in rows]).encode()).hexdigest()


def _verdict(evidence: list[Evidence]) -> str:
    return evidence[0].verdict if evidence else "missing"
