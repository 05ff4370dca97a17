"""The registry's own pages: systems, and a version with its gates and moves."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.accounts.freshness import is_fresh
from portal.errors import Invalid, Malformed, TooLarge
from portal.http import part, upload_refusal_of
from registry import lifecycle, queries, services
from registry.approving import queries as approving
from registry.cards.queries import history_of, number_beside
from registry.checking.views import checklist_context
from registry.classification.queries import prohibited_in
from registry.forms import ReleaseForm, VersionForm
from registry.models import Strategy
from registry.moves import held_because


@require_GET
def systems(request: HttpRequest) -> HttpResponse:
    """All systems with what is live in each."""
    actor = actor_of(request)
    actor.need_sight(Permission.SYSTEM_VIEW)
    rows = [(system, queries.current_release(system)) for system in queries.systems_visible_to(actor)]
    return render(request, "registry/systems.html", {"rows": rows})


@require_GET
def system(request: HttpRequest, slug: str) -> HttpResponse:
    """One system: what it is for, its versions, what is live."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    context = {
        "system": found,
        "versions": found.versions.all(),
        "release": queries.current_release(found),
        "may_register": actor.may(Permission.VERSION_REGISTER),
        "prohibited": prohibited_in(found, timezone.now().date()),
        "may_open_incident": actor.may(Permission.INCIDENT_OPEN),
        "may_see_risks": actor.may(Permission.RISK_VIEW),
        "may_see_dossier": actor.may(Permission.DOSSIER_VIEW),
        "holding": queries.incidents_holding(found),
        "may_see_incidents": actor.may(Permission.INCIDENT_VIEW),
    }
    return render(request, "registry/system.html", context)


@require_http_methods(["GET", "POST"])
def new_version(request: HttpRequest, slug: str) -> HttpResponse:
    """Register a version: its parts are checked as they are through the API."""
    actor = actor_of(request)
    found = queries.system_for(actor, slug)
    actor.need(Permission.VERSION_REGISTER)
    is_sent = request.method == "POST"
    sent = (request.POST, request.FILES) if is_sent else ()
    form = VersionForm(*sent, initial={"manifest": queries.manifest_to_start_from(found)})
    if is_sent:
        upload = replace(form.upload, refusal=upload_refusal_of(request))
        try:
            made = services.register_version(actor=actor, system=found, upload=upload, now=timezone.now())
        except (Invalid, Malformed, TooLarge) as refusal:
            form.show(refusal)
        else:
            messages.success(request, f"Version {made.number} is registered, and its gates are being checked.")
            return _go_to(request, reverse("registry:version", args=[slug, made.number]))
    context = {"system": found, "form": form}
    response = part(request, "registry/new_version.html", "problems", context)
    response.status_code = 422 if form.errors else 200
    return response


@require_GET
def version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One version: what it is, what it was approved on, and the next moves."""
    actor = actor_of(request)
    found = queries.version_for(actor, slug, number)
    state = lifecycle.State(found.state)
    release = queries.current_release(found.system)
    # What is served elsewhere is released there.
    is_here = not found.spec.model.is_remote
    held = held_because(found)
    is_ready = state in lifecycle.BY_NAME["go_live"].sources
    can_go_live = is_ready and is_here and not held and actor.may(Permission.RELEASE_CREATE)
    progress = approving.progress_of(found)
    moves = [move for move in lifecycle.moves_from(state) if actor.may(move.permission)]
    context = {
        **checklist_context(actor, found),
        "holding": queries.incidents_holding(found.system).filter(held_versions__version=found),
        "may_see_incidents": actor.may(Permission.INCIDENT_VIEW),
        "spec": found.spec,
        "submission": progress.submission,
        "missing": progress.missing if state == lifecycle.State.SUBMITTED else {},
        "approvals": found.approvals.all(),
        "evidence_digest": queries.evidence_digest(found),
        "moves": [(move, held or approving.barred_because(actor, move, found, progress)) for move in moves],
        "is_fresh": is_fresh(request),
        "history": history_of(found),
        "other_number": number_beside(found, release),
        "may_see_dossier": actor.may(Permission.DOSSIER_VIEW),
        "release": release,
        "release_form": _release_form(number, release) if can_go_live else None,
        "may_break_glass": is_here
        and not held
        and state in lifecycle.BY_NAME["go_live_unapproved"].sources
        and actor.may(Permission.RELEASE_BREAK_GLASS),
    }
    return render(request, "registry/version.html", context)


def _go_to(request: HttpRequest, url: str) -> HttpResponse:
    """On to the page, for a browser and for htmx, which would load it into the form."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def _release_form(number: int, release) -> ReleaseForm:
    initial = {"version": number, "expected_release": release.number if release else 0, "strategy": Strategy.DIRECT}
    return ReleaseForm(initial=initial)
