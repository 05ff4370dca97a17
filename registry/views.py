"""The registry's own pages: systems, and a version with its gates and moves."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.accounts.access import Permission
from portal.accounts.authentication import actor_of
from portal.accounts.freshness import is_fresh
from registry import lifecycle, queries
from registry.approving import queries as approving
from registry.cards.queries import history_of, number_beside
from registry.checking.views import checklist_context
from registry.forms import ReleaseForm
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
    progress = approving.progress_of(found)
    moves = [move for move in lifecycle.moves_from(state) if actor.may(move.permission)]
    context = {
        **checklist_context(actor, found),
        "spec": found.spec,
        "submission": progress.submission,
        "missing": progress.missing if state == lifecycle.State.SUBMITTED else {},
        "approvals": found.approvals.all(),
        "evidence_digest": queries.evidence_digest(found),
        "moves": [(move, approving.barred_because(actor, move, found, progress)) for move in moves],
        "is_fresh": is_fresh(request),
        "history": history_of(found),
        "other_number": number_beside(found, release),
        "release": release,
        "release_form": _release_form(number, release) if can_go_live else None,
    }
    return render(request, "registry/version.html", context)


def _release_form(number: int, release) -> ReleaseForm:
    initial = {"version": number, "expected_release": release.number if release else 0, "strategy": Strategy.DIRECT}
    return ReleaseForm(initial=initial)
