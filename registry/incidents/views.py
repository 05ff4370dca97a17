"""Pages of incidents: the queue by deadline, one case, and what is done in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

import registry.queries as registry
from portal.accounts.access import Actor, Permission
from portal.accounts.authentication import actor_of
from portal.addresses import page_by_deadline
from portal.errors import Conflict, Hidden, Invalid
from portal.forms import cleaned, show
from portal.http import as_download, upload_refusal_of
from registry.forms import ReasonForm
from registry.incidents import queries, services
from registry.incidents.forms import (
    AssessForm,
    FileForm,
    HoldVersionForm,
    LinkForm,
    MoveForm,
    NoteForm,
    OpenForm,
    QueueForm,
    now_to_the_minute,
)
from registry.incidents.reporting.forms import MessageForm
from registry.models import Incident, System


@require_GET
def incidents(request: HttpRequest) -> HttpResponse:
    """The queue by deadline."""
    actor, now = actor_of(request), timezone.now()
    _need_sight(actor)
    kept = request.GET.copy()
    cursor = (kept.pop("cursor", [""]) or [""])[0]
    systems = [system.slug for system in registry.systems_visible_to(actor)]
    form = QueueForm(request.GET, systems=systems)
    page = page_by_deadline(queries.incidents_found(actor, form.wanted(), now), cursor) if form.is_valid() else None
    found = page.rows if page else []
    context = {
        "form": form,
        "rows": [(incident, queries.standing_of(incident, now)) for incident in found],
        "next": page.next if page else "",
        "query": kept.urlencode(),
        "may_open": actor.may(Permission.INCIDENT_OPEN),
    }
    return render(request, "registry/incidents.html", context)


@require_http_methods(["GET", "POST"])
def open_incident(request: HttpRequest) -> HttpResponse:
    """Open a case about a system, a decision or a dispute that the address may name."""
    actor = actor_of(request)
    actor.need_sight(Permission.INCIDENT_OPEN)
    system = _system_named(actor, request)
    if system is None:
        systems = registry.systems_visible_to(actor)
        return render(request, "registry/open_incident.html", {"systems": systems})
    form = OpenForm(request.POST or None, system=system, initial=_begin_with(request, system))
    if request.method == "POST" and form.is_valid():
        try:
            made = services.open_incident(
                actor=actor,
                system=system,
                versions=list(system.versions.filter(number__in=form.cleaned_data["versions"])),
                description=form.cleaned_data["description"],
                judged=form.judged,
                links=form.links,
                now=timezone.now(),
            )
        except Invalid as refusal:
            show(form, refusal)
        else:
            messages.success(request, "The case is open, and what it is about is held.")
            return redirect("registry:incident", number=made.number)
    context = {"system": system, "form": form}
    return render(request, "registry/open_incident.html", context, status=422 if form.errors else 200)


@require_GET
def incident(request: HttpRequest, number: int) -> HttpResponse:
    """One case: by when an authority must know, what is held, what was done."""
    actor, now = actor_of(request), timezone.now()
    found = queries.incident_for(actor, number)
    standing = queries.standing_of(found, now)
    held = list(found.versions.order_by("number"))
    others = found.system.versions.exclude(incidents=found).values_list("number", flat=True)
    hold = queries.hold_of(found)
    context = {
        "incident": found,
        "standing": standing,
        "assessments": found.assessments.all(),
        "versions": held,
        "hold": hold,
        "released": found.holds.exclude(released_at=None),
        "links": queries.links_of(found),
        "reports": found.reports.select_related("filing"),
        "filings": found.filings.select_related("report"),
        "letters": found.messages.prefetch_related("files"),
        "files": found.files.filter(message=None).defer("content"),
        "timeline": queries.timeline_of(found, standing.assessment.aware_at),
        "may_handle": actor.may(Permission.INCIDENT_HANDLE),
        "is_own_hold": hold is not None and hold.placed_by == actor.label,
        **_forms(actor, found, list(others)),
    }
    return render(request, "registry/incident.html", context)


@require_http_methods(["GET", "POST"])
def assess(request: HttpRequest, number: int) -> HttpResponse:
    """Judge a case anew; its clock follows."""
    actor = actor_of(request)
    found = queries.incident_for(actor, number)
    actor.need(Permission.INCIDENT_HANDLE)
    present = found.assessments.all()[0]
    initial = {name: getattr(present, name) for name in AssessForm.base_fields if hasattr(present, name)}
    form = AssessForm(request.POST or None, initial={**initial, "reason": "", "expected_number": present.number})
    if request.method == "POST" and form.is_valid():
        facts = {name: form.cleaned_data[name] for name in ("reason", "expected_number")}
        try:
            services.assess_incident(actor=actor, incident=found, judged=form.judged, now=timezone.now(), **facts)
        except (Conflict, Invalid) as refusal:
            show(form, refusal)
        else:
            messages.success(request, "The case is judged anew; its date follows.")
            return redirect("registry:incident", number=number)
    context = {"incident": found, "form": form}
    return render(request, "registry/assess_incident.html", context, status=422 if form.errors else 200)


@require_POST
def hold_version(request: HttpRequest, number: int) -> HttpResponse:
    """Hold another version, too."""
    actor = actor_of(request)
    found = queries.incident_for(actor, number)
    actor.need(Permission.INCIDENT_HANDLE)
    numbers = list(found.system.versions.values_list("number", flat=True))
    wanted = cleaned(HoldVersionForm(request.POST, numbers=numbers))["version"]
    version = registry.version_for(actor, found.system.slug, wanted)
    services.hold_version(actor=actor, incident=found, version=version, now=timezone.now())
    messages.success(request, f"Version {wanted} is held, too.")
    return redirect("registry:incident", number=number)


@require_POST
def link(request: HttpRequest, number: int) -> HttpResponse:
    """Tie something to the case."""
    return _act(request, number, services.link_incident, LinkForm(request.POST), "It is tied to the case.")


@require_POST
def add_note(request: HttpRequest, number: int) -> HttpResponse:
    """Add a note."""
    return _act(request, number, services.add_note, NoteForm(request.POST), "The note is kept with the case.")


@require_POST
def add_file(request: HttpRequest, number: int) -> HttpResponse:
    """Add a file."""
    actor = actor_of(request)
    found = queries.incident_for(actor, number)
    actor.need(Permission.INCIDENT_HANDLE)
    form = FileForm(request.POST, request.FILES)
    if refusal := upload_refusal_of(request):
        raise refusal
    file = cleaned(form)["file"]
    services.add_file(actor=actor, incident=found, name=file.name, content=file.read(), now=timezone.now())
    messages.success(request, "The file is kept with the case.")
    return redirect("registry:incident", number=number)


@require_GET
def file(request: HttpRequest, number: int, identifier: uuid.UUID) -> HttpResponse:
    """A copy of a file."""
    found = queries.file_for(actor_of(request), number, identifier)
    return as_download(bytes(found.content), name=found.name, media_type=found.media_type)


@require_POST
def move(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Close the case, end it as no serious incident, or reopen it."""
    actor = actor_of(request)
    found = queries.incident_for(actor, number)
    wanted = cleaned(MoveForm(request.POST))
    moved = services.move_incident(name, actor=actor, incident=found, now=timezone.now(), **wanted)
    messages.success(request, "The case is open again." if moved.is_open else "The case has ended; its hold stays on.")
    return redirect("registry:incident", number=number)


@require_POST
def release_hold(request: HttpRequest, number: int) -> HttpResponse:
    """Release what the case holds."""
    said = "The hold is released: the versions and the record are under their usual rules again."
    return _act(request, number, services.release_hold, ReasonForm(request.POST), said)


def _act(
    request: HttpRequest, number: int, service: Callable[..., Any], form: forms.Form, said: str
) -> HttpResponse:
    """Have the service do what the form says, and show the case again."""
    actor = actor_of(request)
    found = queries.incident_for(actor, number)
    actor.need(Permission.INCIDENT_HANDLE)
    service(actor=actor, incident=found, now=timezone.now(), **cleaned(form))
    messages.success(request, said)
    return redirect("registry:incident", number=number)


def _need_sight(actor: Actor) -> None:
    if not (actor.may(Permission.INCIDENT_VIEW) or actor.may(Permission.INCIDENT_OPEN)):
        raise Hidden


def _system_named(actor: Actor, request: HttpRequest) -> System | None:
    """The system that the address names; the only one where there is one only."""
    slug = request.GET.get("system", "")
    systems = [each for each in registry.systems_visible_to(actor) if slug in ("", each.slug)]
    if slug and not systems:
        raise Hidden
    return systems[0] if len(systems) == 1 else None


def _begin_with(request: HttpRequest, system: System) -> dict[str, Any]:
    release = registry.current_release(system)
    return {
        "decision": request.GET.get("decision", ""),
        "dispute": request.GET.get("dispute", ""),
        "versions": [release.version.number] if release else [],
        "aware_at": now_to_the_minute(),
    }


def _forms(actor: Actor, found: Incident, others: list[int]) -> dict[str, Any]:
    return {
        "moves": [
            (move, MoveForm(initial={"expected_state": found.state}, auto_id=f"{move.name}_%s"))
            for move in queries.moves_of(actor, found)
        ],
        "version_form": HoldVersionForm(numbers=others, auto_id="held_%s") if others else None,
        "link_form": LinkForm(auto_id="link_%s"),
        "note_form": NoteForm(auto_id="note_%s"),
        "file_form": FileForm(auto_id="file_%s"),
        "message_form": MessageForm(auto_id="message_%s", initial={"at": now_to_the_minute()}),
        "release_form": ReasonForm(auto_id="release_%s"),
    }
