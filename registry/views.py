"""The registry's own pages: systems, and a version with its gates and moves."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from registry import access, lifecycle, queries
from registry.checking import queries as checklist
from registry.forms import ReasonForm, ReleaseForm
from registry.models import Strategy


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
    found = queries.system_for(actor_of(request), slug)
    context = {"system": found, "versions": found.versions.all(), "release": queries.current_release(found)}
    return render(request, "registry/system.html", context)


@require_GET
def version(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One version: what it is, what it was approved on, and the next moves."""
    actor = actor_of(request)
    found = queries.version_for(actor, slug, number)
    state = lifecycle.State(found.state)
    release = queries.current_release(found.system)
    can_go_live = state in lifecycle.BY_NAME["go_live"].sources and actor.may(Permission.RELEASE_CREATE)
    context = {
        "system": found.system,
        "version": found,
        "spec": found.spec,
        "gates": checklist.gates_of(found),
        "approvals": found.approvals.all(),
        "moves": access.moves_for(actor, state, submitted_by=found.submitted_by),
        "reason_form": ReasonForm(),
        "release": release,
        "release_form": _release_form(number, release) if can_go_live else None,
    }
    return render(request, "registry/version.html", context)


def _release_form(number: int, release) -> ReleaseForm:
    initial = {"version": number, "expected_release": release.number if release else 0, "strategy": Strategy.DIRECT}
    return ReleaseForm(initial=initial)
