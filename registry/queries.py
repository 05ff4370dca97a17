"""Every reading of the registry: what an actor may see, what is live, and what a rollback would return to."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime

from django.db.models import QuerySet

from portal.accounts.access import Actor, Permission
from portal.errors import Hidden
from registry.lifecycle import State
from registry.models import Incident, IncidentHold, Release, System, Version
from registry.practices import PRACTICES, prohibited_by

EXAMPLE_MANIFEST = {
    "model": {"format": "skops", "task": "binary_classification"},
    "inputs": {
        "type": "object",
        "additionalProperties": False,
        "required": ["income"],
        "properties": {
            "income": {"type": "number", "minimum": 0, "title": "Yearly income", "x-personal": True},
            "employed": {"enum": ["no", "yes"], "title": "In employment", "x-actionable": True},
        },
    },
    "output": {"labels": ["grant", "deny"], "adverse_label": "deny", "threshold": 0.5},
}


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


def manifest_to_start_from(system: System) -> str:
    """The newest version's model, inputs and output, for a form; an example where there is no version.

    Its source, data and metrics are left out: of another model they would be false.
    """
    newest = system.versions.order_by("-number").first()
    said = json.loads(newest.manifest) if newest else EXAMPLE_MANIFEST
    return json.dumps({name: said[name] for name in ("model", "inputs", "output") if name in said}, indent=2)


def current_release(system: System) -> Release | None:
    """The production pointer: the system's newest release."""
    return system.releases.select_related("version", "candidate").order_by("-number").first()


def release_at(system: System, moment: datetime) -> Release | None:
    """The release that was in force at the moment."""
    in_force = system.releases.filter(released_at__lte=moment).order_by("-number")
    return in_force.select_related("version", "candidate").first()


def release_for(actor: Actor, slug: str, number: int) -> Release:
    """The release, or `Hidden`."""
    releases = system_for(actor, slug).releases.filter(number=number)
    release = releases.select_related("system", "version").first()
    if release is None:
        raise Hidden
    return release


def systems_in_production() -> QuerySet[System]:
    """The systems of which something was released: for the product's own work."""
    return System.objects.filter(releases__isnull=False).distinct().order_by("slug")


def unratified_releases() -> QuerySet[Release]:
    """Releases that went live without approval and still wait for one, the oldest first."""
    waiting = Release.objects.filter(is_break_glass=True, ratification=None)
    return waiting.select_related("system", "version").order_by("id")


def owes_approval(version: Version) -> bool:
    """Whether the version went live without approval, and nobody has ratified that since."""
    return unratified_releases().filter(version=version).exists()


def incidents_holding(system: System) -> QuerySet[Incident]:
    """The incidents of the system whose legal hold is in force, the oldest first."""
    return _holding().filter(system=system).prefetch_related("versions")


def held_by(version: Version) -> Incident | None:
    """The incident that holds the version: until it is released nothing about the version changes (Art. 73(6))."""
    return _holding().filter(held_versions__version=version).first()


def prohibited_practices(system: System, today: date) -> list[str]:
    """The practices that the system's newest classification found and that nobody may use it for (Art. 5(1))."""
    newest = system.classifications.order_by("-revision").first()
    found = [letter for letter in PRACTICES if newest.practices[letter]["found"]] if newest else []
    return prohibited_by(today, found)


def evidence_digest(version: Version) -> str:
    """SHA-256 over the evidence as it stands: what an approval signs besides the artifact."""
    rows = version.evidence.order_by("id").values_list("id", "kind", "verdict", "summary")
    return hashlib.sha256(json.dumps([list(row) for row in rows]).encode()).hexdigest()


def _holding() -> QuerySet[Incident]:
    return Incident.objects.filter(holds__in=IncidentHold.objects.filter(released_at=None)).order_by("number")
