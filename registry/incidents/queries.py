"""Every reading of incidents: which there are, how one stands, and what was done in it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min, QuerySet
from django.urls import reverse

from portal.accounts.access import Actor, Permission
from portal.errors import Hidden
from registry.incidents.clocks import Ageing, Clock, ageing_of, clocks_of
from registry.incidents.history import Moment, release_moment, step_moment
from registry.incidents.lifecycle import Transition, moves_from
from registry.models import (
    Assessment,
    Causality,
    Incident,
    IncidentFile,
    IncidentHold,
    IncidentLink,
    IncidentState,
    Release,
    System,
)

ENDED = (IncidentState.CLOSED, IncidentState.NOT_SERIOUS)


@dataclass(frozen=True)
class IncidentFilter:
    """Which cases to list; empty fields do not narrow. `state` may be "open"."""

    state: str = ""
    system: str = ""
    is_overdue: bool = False


@dataclass(frozen=True)
class Standing:
    """How a case stands: the assessment in force, the clocks that run by it, and the one that binds."""

    assessment: Assessment
    clocks: list[Clock]
    ageing: Ageing
    first_report: datetime | None

    @property
    def clock(self) -> Clock:
        """The date that binds."""
        return self.clocks[0]

    @property
    def must_report_now(self) -> bool:
        """True once the cause is at least likely: then the report is due immediately (Art. 73(2))."""
        return self.first_report is None and self.assessment.causality != "unknown"


def incidents_visible_to(actor: Actor) -> QuerySet[Incident]:
    """The cases that the actor may see, the most urgent first; who may only open some sees their own."""
    found = Incident.objects.select_related("system").prefetch_related("assessments")
    found = found.annotate(first_report=Min("filings__sent_at"))
    # Said again: the model's own order is left out where rows are grouped.
    found = found.order_by("due_at", "number")
    if actor.may(Permission.INCIDENT_VIEW):
        return found
    return found.filter(opened_by=actor.label) if actor.may(Permission.INCIDENT_OPEN) else found.none()


def open_incidents(actor: Actor) -> QuerySet[Incident]:
    """Cases that still wait for somebody; those of which no authority knows come first."""
    return incidents_visible_to(actor).exclude(state__in=ENDED).order_by("-first_report", "due_at", "number")


def incident_for(actor: Actor, number: int) -> Incident:
    """The case, or `Hidden`."""
    incident = incidents_visible_to(actor).filter(pk=number).first()
    if incident is None:
        raise Hidden
    return incident


def incidents_found(actor: Actor, wanted: IncidentFilter, now: datetime) -> QuerySet[Incident]:
    """The visible cases that match, the most urgent first."""
    found = incidents_visible_to(actor)
    if wanted.state == "open" or wanted.is_overdue:
        found = found.exclude(state__in=ENDED)
    if wanted.state and wanted.state != "open":
        found = found.filter(state=wanted.state)
    if wanted.system:
        found = found.filter(system__slug=wanted.system)
    if wanted.is_overdue:
        found = found.filter(due_at__lt=now, first_report=None)
    return found


def standing_of(incident: Incident, now: datetime) -> Standing:
    """How the case stands now."""
    assessment = incident.assessments.all()[0]
    # Cases from `incidents_visible_to` bring it along.
    first = incident.first_report if hasattr(incident, "first_report") else first_report_of(incident)
    return Standing(assessment, clocks_of(assessment), _ageing(incident, assessment, first, now), first)


def first_report_of(incident: Incident) -> datetime | None:
    """When an authority first had a report; None while none has."""
    return incident.filings.aggregate(first=Min("sent_at"))["first"]


def hold_of(incident: Incident) -> IncidentHold | None:
    """The hold in force."""
    return incident.holds.filter(released_at=None).first()


def moves_of(actor: Actor, incident: Incident) -> list[Transition]:
    """The moves that the present state allows and the actor may make."""
    return [move for move in moves_from(incident.state) if actor.may(move.permission)]


def releases_since(incident: Incident, aware_at: datetime) -> list[Release]:
    """What went live since we became aware, while the case holds; the oldest first."""
    made = incident.system.releases.filter(released_at__gte=aware_at)
    last = incident.holds.order_by("-released_at").first()
    if last and last.released_at and hold_of(incident) is None:
        made = made.filter(released_at__lte=last.released_at)
    return list(made.select_related("version").order_by("number"))


def timeline_of(incident: Incident, aware_at: datetime) -> list[Moment]:
    """What was done in the case, and how production changed meanwhile; the newest first."""
    moments = [
        step_moment(step.event, step.details, step.words, step.done_by, step.done_at)
        for step in incident.steps.all()
    ]
    moments += release_moments(releases_since(incident, aware_at))
    return sorted(moments, key=lambda moment: moment.at, reverse=True)


def release_moments(releases: list[Release]) -> list[Moment]:
    """Releases of one system as lines of a timeline."""
    if not releases:
        return []
    numbers = [release.number - 1 for release in releases]
    before = Release.objects.filter(system=releases[0].system_id, number__in=numbers)
    replaced = dict(before.values_list("number", "version__number"))
    return [
        release_moment(
            release.number,
            release.version.number,
            replaced.get(release.number - 1),
            release.is_rollback,
            release.reason,
            release.released_by,
            release.released_at,
        )
        for release in releases
    ]


def links_of(incident: Incident) -> list[dict[str, str]]:
    """What the case is tied to, each in words and with its address."""
    return [
        {"words": _link_words(link), "url": _link_url(link, incident.system), "what": link.what}
        for link in incident.links.all()
    ]


def file_for(actor: Actor, number: int, identifier: uuid.UUID) -> IncidentFile:
    """The file of a case, or `Hidden`."""
    found = incident_for(actor, number).files.filter(pk=identifier).first()
    if found is None:
        raise Hidden
    return found


def ageing_by_number(incidents: list[Incident], now: datetime) -> Mapping[int, Ageing]:
    """How each case's deadline stands, by its number; for cases from `incidents_visible_to`."""
    return {
        found.number: _ageing(found, found.assessments.all()[0], found.first_report, now) for found in incidents
    }


def _ageing(incident: Incident, assessment: Assessment, first: datetime | None, now: datetime) -> Ageing:
    return ageing_of(incident.due_at, now, first, is_likely=assessment.causality != Causality.UNKNOWN)


def _link_words(link: IncidentLink) -> str:
    label = IncidentLink.What(link.what).label
    if link.what == IncidentLink.What.URL:
        return link.value
    return f"{label} {link.value[:13]}…" if link.what == IncidentLink.What.DECISION else f"{label} {link.value}"


def _link_url(link: IncidentLink, system: System) -> str:
    pages: dict[str, Any] = {
        "decision": ("audit:decision", link.value),
        "dispute": ("explain:dispute", link.value),
        "release": ("registry:timeline", system.slug),
    }
    if link.what not in pages:
        return link.value
    name, argument = pages[link.what]
    return reverse(name, args=[argument])
